#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# deb.sh - make deb: the packages vgem-pfn-dkms and vgem-pfn-tools, in out/deb/, checked
# with lintian. DEB_VERSION=x sets their version; by default it is the date of the
# last commit. DEB_DIR is the directory, for deb-test.sh.

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"
for _part in packages accel rootfs image; do
	# shellcheck source=/dev/null
	. "$HARNESS/lib/$_part.sh"
done

DIR=${DEB_DIR:-$OUT/deb}
VERSION=${DEB_VERSION:-1.0+$(git -C "$TOP" log -1 --format=%cd --date=format:%Y%m%d.%H%M 2>/dev/null || date +%Y%m%d)}
SRC=$DIR/vgem-pfn-$VERSION

# assemble - the source tree of the packages
assemble() {
	rm -rf "$DIR"
	mkdir -p "$SRC"/{dkms,igt,tools}
	cp -r "$TOP/packaging/debian" "$TOP/packaging/man" "$SRC"
	mv "$SRC/debian/tools.mk" "$SRC/tools/Makefile"
	(cd "$TOP" && cp --parents tests/contract/*.[ch] tests/guest/programs/vgem_pfn_share.c \
		tests/igt/lib/*.h drivers/dma-buf/*_uapi.h include/uapi/drm/vgem_pfn_drm.h "$SRC/tools")
	make -s -C "$TOP/compat" sources BUILD="$SRC/dkms"
	sed "s/@VERSION@/$VERSION/" "$TOP/packaging/dkms.conf" >"$SRC/dkms/dkms.conf"
	cp "$OUT"/guest/tests/{vgem_pfn_*,test-list.txt} "$SRC/igt"
	cat >"$SRC/debian/changelog" <<-END
		vgem-pfn ($VERSION) unstable; urgency=medium

		  * Built from the repository.

		 -- $(sed -n 's/^Maintainer: //p' "$SRC/debian/control")  $(date -R)
	END
}

build() {
	cd "$SRC" && env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS dpkg-buildpackage -b -us -uc
}

step 1/3 "tools and the IGT tests"
need_tools fetch guest deb
rootfs_get
image_tests
step 2/3 "the packages, version $VERSION"
assemble
run_logged "$OUT/log/deb.log" build || die "the packages cannot be built" "$OUT/log/deb.log"
step 3/3 "lintian"
run_child lintian --fail-on error,warning "$DIR"/*.changes || die "lintian: see above"
note "$(cd "$DIR" && echo *.deb)"
