# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# rootfs.sh - the guest's root: igt_runner, IGT's stock tests and libigt of a
# Debian suite that has them, busybox, and nothing the tests do not need.
# Sourced after lib.sh and debroot.sh.
#
#   rootfs_get        set ROOTFS to a directory as in debroot.sh: libigt is linked
#                     against there, and image.sh adds to the image

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
	'usr/lib/x86_64-linux-gnu/gconv'
	'usr/lib/x86_64-linux-gnu/libxe_oa*' 'usr/lib/x86_64-linux-gnu/ossl-modules'
	'usr/bin/*intel*' 'usr/bin/i915*' 'usr/bin/xe-*' 'usr/bin/gputop'
	'usr/bin/code_cov*' 'usr/bin/amd_*' 'usr/bin/dpcd_reg' 'usr/bin/msm_*'
	usr/libexec/igt-gpu-tools/{amdgpu,asahi,msm,nouveau,panfrost,panthor,v3d,vc4,vmwgfx}
	usr/libexec/igt-gpu-tools/{intel-ci-tests,benchmarks}
	'usr/libexec/igt-gpu-tools/gem_*' 'usr/libexec/igt-gpu-tools/gen[0-9]*'
	'usr/libexec/igt-gpu-tools/i915_*' 'usr/libexec/igt-gpu-tools/xe_*'
	'usr/libexec/igt-gpu-tools/api_intel*' 'usr/libexec/igt-gpu-tools/perf*'
)

# rootfs_fill ROOT - make a guest's root of what was unpacked
rootfs_fill() {
	local applet root=$1
	debroot_prune "$root" "${ROOTFS_PRUNE[@]}"
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

rootfs_get() {
	APT_PRETEND=$ROOTFS_PRETEND debroot_get rootfs.sh rootfs_fill "${ROOTFS_PACKAGES[@]}"
	# shellcheck disable=SC2034 # for our callers
	ROOTFS=$DEBROOT
}
