# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# qemu.sh - a QEMU that can run a guest inside a guest, on this machine and in the
# outer guest.  Its emulation of SVM is good enough since version 10; Debian 12 has
# an older one.  Sourced after lib.sh and debroot.sh.
#
#   qemu_get      set QEMU_ROOT to a directory as in debroot.sh, and QEMU to a
#                 command that runs the QEMU there on this machine

QEMU_PACKAGES=(qemu-system-x86)
# Nothing of these runs here, and what they depend on is large.
QEMU_PRETEND="systemd ipxe-qemu debconf debconf-2.0"
QEMU_PRUNE=(
	usr/share/{doc,man,locale,bug,lintian,info} usr/lib/systemd
	usr/lib/ipxe usr/share/qemu/{edk2,opensbi,skiboot,u-boot,palcode,hppa,s390}\*
	usr/lib/x86_64-linux-gnu/gconv usr/lib/x86_64-linux-gnu/ossl-modules
)

# qemu_fill ROOT - with a command, "here", that runs it wherever the tree is
qemu_fill() {
	local root=$1
	debroot_prune "$root" "${QEMU_PRUNE[@]}"
	mkdir -p "$root"/{proc,sys,dev,tmp,run}
	# Its own loader and libraries: this machine's libc may be older.
	cat >"$root/here" <<-'END'
		#!/bin/sh
		root=$(dirname "$(readlink -f "$0")")
		lib=$root/usr/lib/x86_64-linux-gnu
		QEMU_MODULE_DIR=$lib/qemu
		export QEMU_MODULE_DIR
		exec "$root/lib64/ld-linux-x86-64.so.2" --library-path "$lib" \
			"$root/usr/bin/qemu-system-x86_64" -L "$root/usr/share/qemu" \
			-L "$root/usr/share/seabios" "$@"
	END
	chmod +x "$root/here"
	"$root/here" --version
}

qemu_get() {
	APT_PRETEND=$QEMU_PRETEND debroot_get qemu.sh qemu_fill "${QEMU_PACKAGES[@]}"
	local tree=$DEBROOT/root
	# shellcheck disable=SC2034 # for our callers
	QEMU_ROOT=$DEBROOT QEMU=$tree/here
}
