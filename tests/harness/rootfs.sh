# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# rootfs.sh - the guest's root: igt_runner, IGT's stock tests and libigt of a
# Debian suite that has them, busybox, and nothing the tests do not need.
# Sourced after lib.sh and apt.sh.
#
#   rootfs_get        set ROOTFS to a directory with
#                       root/      the files (libigt is linked against here)
#                       base.sqfs  the same as an image, for image.sh to add to
#                       packages   what it is made of
#
# Unpacked, not installed: no maintainer script runs, no privilege is needed.
# What is built once is used until this recipe changes or the cache is removed,
# so a warm run asks no archive.

ROOTFS_SUITES=(testing unstable)
ROOTFS_PACKAGES=(igt-gpu-tools igt-gpu-tools-tests busybox-static kmod)
# IGT depends on Python for scripts that no test calls.
ROOTFS_PRETEND="python3 debconf debconf-2.0 tzdata fontconfig-config fonts-dejavu-core"

# Documentation, tools and tests for other hardware, and conversions nobody asks
# for: two thirds of what the packages hold.
ROOTFS_PRUNE=(
	usr/share/doc usr/share/man usr/share/locale usr/share/lintian
	usr/share/bug usr/share/info usr/share/gtk-doc usr/share/X11
	usr/share/misc usr/share/bash-completion usr/share/perl5
	usr/share/igt-gpu-tools usr/share/fonts usr/lib/systemd usr/share/zsh
	'usr/lib/x86_64-linux-gnu/gconv' 'usr/lib/x86_64-linux-gnu/libi915_perf*'
	'usr/lib/x86_64-linux-gnu/libxe_oa*' 'usr/lib/x86_64-linux-gnu/ossl-modules'
	'usr/bin/*intel*' 'usr/bin/i915*' 'usr/bin/xe-*' 'usr/bin/gputop'
	'usr/bin/code_cov*' 'usr/bin/amd_*' 'usr/bin/dpcd_reg' 'usr/bin/msm_*'
	usr/libexec/igt-gpu-tools/{amdgpu,asahi,msm,nouveau,panfrost,panthor,v3d,vc4,vmwgfx}
	usr/libexec/igt-gpu-tools/{intel-ci-tests,benchmarks}
	'usr/libexec/igt-gpu-tools/gem_*' 'usr/libexec/igt-gpu-tools/gen[0-9]*'
	'usr/libexec/igt-gpu-tools/i915_*' 'usr/libexec/igt-gpu-tools/xe_*'
	'usr/libexec/igt-gpu-tools/api_intel*' 'usr/libexec/igt-gpu-tools/perf*'
)

# rootfs_debs SUITE DIR - the packages' files in DIR
rootfs_debs() {
	local closure
	closure=$(APT_PRETEND=$ROOTFS_PRETEND apt_closure "$1" "${ROOTFS_PACKAGES[@]}") || exit 1
	# shellcheck disable=SC2086 # one name per word
	apt_fetch "$1" "$2" $closure
}

# rootfs_suite - the first suite that has the packages
rootfs_suite() {
	local suite
	for suite in "${ROOTFS_SUITES[@]}"; do
		if apt_has "$suite" "${ROOTFS_PACKAGES[0]}"; then
			printf '%s' "$suite"
			return
		fi
	done
	die "none of the suites ${ROOTFS_SUITES[*]} has the package ${ROOTFS_PACKAGES[0]}"
}

# rootfs_unpack DEBS ROOT
rootfs_unpack() {
	local deb dir glob applet root=$2
	mkdir -p "$root"/usr/{bin,sbin,lib,lib64}
	for dir in bin sbin lib lib64; do
		ln -s "usr/$dir" "$root/$dir"
	done
	for deb in "$1"/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" |
			tar -x -C "$root" --keep-directory-symlink --no-same-owner -f - || return
	done
	for glob in "${ROOTFS_PRUNE[@]}"; do
		# shellcheck disable=SC2086 # a pattern
		(cd "$root" && rm -rf -- $glob)
	done
	mkdir -p "$root"/{proc,sys,dev,tmp,run,mnt,etc,var,root}
	ln -sfn /run "$root/var/run"
	ln -sfn /tmp "$root/var/tmp"
	# Kernel modules are added to the image at its top, by image.sh.
	rm -rf "$root/usr/lib/modules"
	ln -s /modules "$root/usr/lib/modules"
	echo 'root:x:0:0:root:/tmp:/bin/sh' >"$root/etc/passwd"
	echo 'root:x:0:' >"$root/etc/group"
	[[ -x $root/usr/bin/busybox ]] || return
	for applet in $("$root/usr/bin/busybox" --list); do
		[[ -L $root/usr/sbin/$applet || -e $root/usr/bin/$applet || -e $root/usr/sbin/$applet ]] ||
			ln -s busybox "$root/usr/bin/$applet"
	done
	[[ -e $root/usr/lib/x86_64-linux-gnu/libigt.so.0 && -x $root/usr/bin/igt_runner ]]
}

_rootfs_make() {
	local link=$1 recipe=$2 suite debs tmp key
	[[ -e $link/base.sqfs ]] && return
	need_space "$CACHE" 300
	suite=$(rootfs_suite) || exit 1 # which said why
	tmp_for debs "$CACHE/rootfs/debs"
	rootfs_debs "$suite" "$debs"
	key=$({ echo "$recipe"; ls "$debs"; } | sha256sum | cut -c 1-16)
	if [[ ! -e $CACHE/rootfs/$key/base.sqfs ]]; then
		note "unpacking $(find "$debs" -name '*.deb' | wc -l) packages of $suite"
		tmp_for tmp "$CACHE/rootfs/$key"
		mkdir -p "$tmp"
		(cd "$debs" && ls) >"$tmp/packages"
		run_logged "$CACHE/log/rootfs.log" rootfs_unpack "$debs" "$tmp/root" ||
			die "could not unpack the guest's root file system" "$CACHE/log/rootfs.log"
		run_logged "$CACHE/log/rootfs.log" mksquashfs "$tmp/root" "$tmp/base.sqfs" \
			-comp lz4 -all-root -no-xattrs -no-progress ||
			die "could not make the guest's root image" "$CACHE/log/rootfs.log"
		publish "$tmp" "$CACHE/rootfs/$key"
	fi
	rm -rf -- "$debs"
	tmp_for tmp "$link"
	ln -s "$key" "$tmp"
	publish "$tmp" "$link"
}

rootfs_get() {
	local recipe
	recipe=$(sha256sum <"$HARNESS/rootfs.sh" | cut -c 1-16)
	with_lock rootfs _rootfs_make "$CACHE/rootfs/of-$recipe" "$recipe"
	# shellcheck disable=SC2034 # for our callers
	ROOTFS=$(readlink -f "$CACHE/rootfs/of-$recipe")
}
