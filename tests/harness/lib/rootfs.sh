# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# rootfs.sh - trees of programs from a Debian suite that has them, independent of
# the suite of this machine. Sourced after lib.sh and packages.sh.
#
#   rootfs_get   set ROOTFS: the guest's root, with igt_runner, IGT's own tests, libigt
#                (which image.sh links against), busybox and kmod
#   qemu_get     set QEMU_ROOT, and QEMU to a command that runs the QEMU there, on this
#                machine and in a guest. Its emulation of SVM can run nested guests since
#                version 10; Debian 12 has 7.2.
#
# Each is a directory with
#   root/      the files       base.sqfs  the same as an image
#   packages   the list of packages
# and is named after its recipe and its packages. A tree is used until the recipe
# changes or the cache is removed, so later runs do not access the archive.

TREE_SUITES="testing unstable"
LIB=usr/lib/x86_64-linux-gnu
IGT=usr/libexec/igt-gpu-tools

# The files that are kept. The packages also contain documentation, firmware of
# other architectures, tests of other hardware, and interpreters for scripts that
# are not used.
declare -A TREE_PACKAGES=(
	[guest]="igt-gpu-tools,igt-gpu-tools-tests,busybox-static,kmod"
	[qemu]="qemu-system-x86"
)
declare -A TREE_KEEP=(
	[guest]="usr/bin/busybox usr/bin/kmod usr/bin/igt_* usr/bin/lsgpu usr/sbin/*mod*
		$LIB/*.so* usr/lib64/* $IGT/core_* $IGT/d[mru]* $IGT/kms_* $IGT/prime_*
		$IGT/s[wy]* $IGT/te* $IGT/vgem_* $IGT/vkms"
	[qemu]="usr/bin/qemu-system-x86_64 $LIB/*.so* $LIB/qemu usr/lib64/*
		usr/share/seabios usr/share/qemu/*.bin usr/share/qemu/*.rom"
)

# guest_fill ROOT
guest_fill() {
	local applet root=$1
	mkdir -p "$root"/{proc,sys,dev,tmp,run,mnt,etc,var,root}
	ln -s /run "$root/var/run"
	ln -s /tmp "$root/var/tmp"
	# image.sh adds the kernel modules below /modules.
	ln -s /modules "$root/usr/lib/modules"
	echo 'root:x:0:0:root:/tmp:/bin/sh' >"$root/etc/passwd"
	echo 'root:x:0:' >"$root/etc/group"
	for applet in $("$root/usr/bin/busybox" --list); do
		[[ -e $root/usr/bin/$applet || -L $root/usr/sbin/$applet ]] ||
			ln -s busybox "$root/usr/bin/$applet"
	done
}

# qemu_fill ROOT - the command "here" runs QEMU from any location of the tree
qemu_fill() {
	mkdir -p "$1"/{proc,sys,dev,tmp,run}
	# With its own loader and libraries: this machine's libc may be older.
	cat >"$1/here" <<-'END'
		#!/bin/sh
		root=$(dirname "$(readlink -f "$0")")
		lib=$root/usr/lib/x86_64-linux-gnu
		QEMU_MODULE_DIR=$lib/qemu
		export QEMU_MODULE_DIR
		exec "$root/lib64/ld-linux-x86-64.so.2" --library-path "$lib" \
			"$root/usr/bin/qemu-system-x86_64" -L "$root/usr/share/qemu" \
			-L "$root/usr/share/seabios" "$@"
	END
	chmod +x "$1/here"
	"$1/here" --version
}

# Hooks of mmdebstrap: merge /usr before packages are unpacked, and save the names
# of the packages.
# shellcheck disable=SC2016 # $1 is the hooks'
TREE_HOOKS=(
	--setup-hook='for d in bin sbin lib lib64; do mkdir -p "$1/usr/$d"; ln -s "usr/$d" "$1/$d"; done'
	--extract-hook='ls "$1/var/cache/apt/archives" | grep "deb$" > "$1/packages"'
)

# _tree_find NAME RECIPE - set TREE if such a tree exists
_tree_find() {
	TREE=$(compgen -G "$CACHE/rootfs/$1-$2-*/base.sqfs" | head -n 1)
	TREE=${TREE%/*}
	[[ -n $TREE ]]
}

_tree_fill() {
	local all=$1 root=$2 name=$3
	mkdir -p "$root"
	# shellcheck disable=SC2086 # patterns
	(cd "$all" && cp -al --parents bin sbin lib lib64 ${TREE_KEEP[$name]} "$root") &&
		"${name}_fill" "$root" &&
		mksquashfs "$root" "${root%/*}/base.sqfs" -comp lz4 -all-root -no-xattrs -no-progress
}

_tree_make() {
	local name=$1 recipe=$2 all tmp to
	! _tree_find "$name" "$recipe" || return 0
	tmp_for all "$CACHE/rootfs/$name.all"
	suites_get "$all" 400 "$TREE_SUITES" "${TREE_PACKAGES[$name]%%,*}" "${TREE_HOOKS[@]}" \
		--include="${TREE_PACKAGES[$name]}"
	to=$CACHE/rootfs/$name-$recipe-$(sha256sum <"$all/packages" | cut -c 1-12)
	tmp_for tmp "$to"
	run_logged "$CACHE/log/rootfs.log" _tree_fill "$all" "$tmp/root" "$name" ||
		die "could not make a tree of the packages of $name" "$CACHE/log/rootfs.log"
	cp -- "$all/packages" "$tmp/packages"
	rm -rf -- "$all"
	publish "$tmp" "$to"
}

# _tree_get NAME - make the tree if necessary and set TREE
_tree_get() {
	local recipe
	recipe=$({
		declare -f _tree_fill "${1}_fill"
		echo "${TREE_PACKAGES[$1]} ${TREE_KEEP[$1]}"
	} | sha256sum | cut -c 1-12)
	with_lock rootfs _tree_make "$1" "$recipe"
	_tree_find "$1" "$recipe"
}

# shellcheck disable=SC2034 # both are for our callers
rootfs_get() {
	_tree_get guest
	ROOTFS=$TREE
}

# shellcheck disable=SC2034
qemu_get() {
	_tree_get qemu
	local files=$TREE/root
	QEMU_ROOT=$TREE QEMU=$files/here
}
