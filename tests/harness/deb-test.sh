#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# deb-test.sh - make test-deb: install, use, upgrade and remove the packages of make deb
# on Debian 13 with its own kernel. DEB_TEST=program@subtest is the test to run; it must not
# need /dev/mem, which this kernel restricts.
#
# The cache has a root in which Debian 13 is installed, with its kernel and DKMS. apt
# installs and upgrades the packages in a copy of it (an overlay), where DKMS compiles the
# modules without emulation. Guests boot the copy with its kernel and load the modules, run
# the test, and remove the packages (tests/guest/mode-deb.sh).
#
# Only root can install Debian in a directory. All mounts, also those of mmdebstrap, are in
# namespaces of their own, which end with the commands.

((EUID)) || [[ -n ${DEB_TEST_NAMESPACE:-} ]] ||
	DEB_TEST_NAMESPACE=1 exec unshare -m "$0"

# Purging the modules rebuilds the list of all modules, under emulation.
export BOOT_TIMEOUT=${BOOT_TIMEOUT:-1500} STALL_TIMEOUT=${STALL_TIMEOUT:-600}

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source=tests/harness/lib/prepare.sh
. "$HARNESS/lib/prepare.sh"
# shellcheck source=tests/harness/lib/outcome.sh
. "$HARNESS/lib/outcome.sh"

DIR=$OUT/test-deb
DEB_TEST=${DEB_TEST:-vgem_pfn_basic@move-counters}
SUITE=trixie
BASE=$CACHE/debian/$SUITE-root
COPY=$DIR/copy
OLD=1.0~test1
NEW=1.0~test2

STEPS=6

# base_get - Debian 13, installed
base_get() {
	local tmp
	[[ ! -d $BASE ]] || return 0
	tmp_for tmp "$BASE"
	# The guest has an initrd of its own.
	INITRD=No suites_get "$tmp" 1500 "$SUITE" "Debian 13" --variant=apt \
		--mode=root --dpkgopt=force-unsafe-io --skip=check/empty \
		--include=linux-image-amd64,linux-headers-amd64,dkms,kmod,busybox-static,xz-utils
	publish "$tmp" "$BASE"
}

# in_copy COMMAND... - run a command with the copy of the root as /, and $DIR as /run/out
# shellcheck disable=SC2016 # expanded by the inner shell
in_copy() {
	unshare -m sh -c 'base=$1 copy=$2 out=$3 && shift 3 && cd "$copy" &&
		mount -t overlay -o "lowerdir=$base,upperdir=upper,workdir=work" root root &&
		mount --rbind /dev root/dev && mount -t proc proc root/proc &&
		mount -t tmpfs tmpfs root/run && mkdir root/run/out &&
		mount --bind "$out" root/run/out && exec chroot root env -i \
		PATH=/usr/sbin:/usr/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"' \
		sh "$BASE" "$COPY" "$DIR" "$@"
}

# packages VERSION - build them in $DIR/VERSION
packages() {
	local log=$DIR/deb-$1.log rc=0
	mkdir -p "$DIR"
	run_child env DEB_VERSION="$1" DEB_DIR="$DIR/$1" "$HARNESS/deb.sh" >"$log" 2>&1 || rc=$?
	outcome "$rc" "make deb, version $1" "$log"
	if grep -E '^[EWIPX]: ' "$log" >"$DIR/lintian-$1.txt"; then
		outcome 1 "lintian: $(head -n 1 "$DIR/lintian-$1.txt")" "$log"
	else
		outcome 0 "lintian reports nothing"
	fi
	((rc == 0))
}

# apt_install VERSION WHAT - install or upgrade
apt_install() {
	local log=$DIR/apt-$1.log rc=0
	run_logged "$log" in_copy sh -c "apt-get install -y --no-install-recommends /run/out/$1/*.deb" ||
		rc=$?
	outcome "$rc" "apt install: $2 version $1" "$log"
	((rc == 0))
}

# kernel_stage - the guest's kernel, and an initrd that mounts the root
kernel_stage() {
	GUEST_KERNEL=$OUT/kernel/debian-$SUITE
	DEBIAN_RELEASE=$(basename "$BASE"/usr/lib/modules/*)
	rm -rf "$GUEST_KERNEL"
	debian_stage "$BASE" "$GUEST_KERNEL" "${DEBIAN_MODULES[@]}"
	echo "$SUITE" >"$GUEST_KERNEL/key"
	debian_initrd
}

# guest_image - the copy of the root, with the scripts for the guest
guest_image() {
	local stage log=$DIR/image.log
	stage=$DIR/stage
	rm -rf "$stage"
	image_scripts "$stage"
	mkdir -p "$stage/vgem_pfn/bin"
	printf '#!/bin/sh\nexec busybox poweroff "$@"\n' >"$stage/vgem_pfn/bin/poweroff"
	chmod +x "$stage/vgem_pfn/bin/poweroff"
	GUEST_IMAGE=$OUT/image/test-deb.sqfs
	mkdir -p "${GUEST_IMAGE%/*}"
	rm -f "$GUEST_IMAGE"
	# shellcheck disable=SC2016 # expanded by the inner shell
	run_logged "$log" unshare -m sh -c 'cd "$2" &&
		mount -t overlay -o "lowerdir=$3:upper:$1" root root && cd root &&
		mksquashfs . "$4" -comp lz4 -no-xattrs -no-progress \
			-e usr/share/doc usr/share/locale' \
		sh "$BASE" "$COPY" "$stage" "$GUEST_IMAGE" || die "no image of the root" "$log"
}

# guest NAME SETTING... - boot the copy of the root
guest() {
	local dir=$DIR/guest-$1 name status reason
	shift
	rm -rf "$dir"
	guest_image
	boot_guest "$dir" deb DEB_TEST="$DEB_TEST" "$@"
	results_collect "$dir"
	note "the guest ran for $(hms "$BOOT_SECONDS")"
	while IFS=$'\t' read -r name status reason; do
		outcome "$((status != 0))" "$name${reason:+: $reason}"
	done < <(jq -r '.[] | [.name, (if .status == "fail" then 1 else 0 end), .reason] | @tsv' \
		"$dir/summary.json")
}

if ((EUID)); then
	skipped "make test-deb: only root can install Debian in a directory"
	outcomes
	exit
fi
need_tools fetch debian guest deb
own_dir "$DIR"
rm -rf "$DIR"
mkdir -p "$COPY"/{upper,work,root}
step 1/$STEPS "packages of two versions"
packages "$OLD" || { outcomes && exit 1; }
packages "$NEW" || { outcomes && exit 1; }
step 2/$STEPS "Debian 13"
with_lock "debian-$SUITE" base_get
rootfs_get
kernel_stage
choose_accel
# shellcheck disable=SC2034 # for accel_args: this kernel has jump labels
TCG_THREADS=single
# shellcheck disable=SC2034 # for qemu_args
GUEST_DRIVES=("$ROOTFS/base.sqfs")
step 3/$STEPS "installing version $OLD on Debian 13 with the kernel $DEBIAN_RELEASE"
if apt_install "$OLD" "install"; then
	step 4/$STEPS "a guest with version $OLD: $ACCEL_USED"
	guest "$OLD" DEB_VERSION="$OLD"
fi
step 5/$STEPS "upgrading to version $NEW"
if apt_install "$NEW" "upgrade to"; then
	step 6/$STEPS "a guest with version $NEW, where the packages are removed"
	guest "$NEW" DEB_VERSION="$NEW" DEB_REMOVE=1
fi
outcomes || exit 1
