# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# debroot.sh - a tree of programs from a Debian suite that has them, whatever this
# machine runs.  Sourced after lib.sh and apt.sh.
#
#   debroot_get RECIPE FILL PACKAGE...   set DEBROOT to a directory with
#                       root/      the files of the packages and of what they need
#                       base.sqfs  the same as an image
#                       packages   what it is made of
#
# RECIPE is the script of tests/harness/ that says all this, and FILL a function of
# it, called with the tree when all is unpacked.  APT_PRETEND as in apt.sh.
#
# Unpacked, not installed: no maintainer script runs, no privilege is needed.
# What is built once is used until the recipe changes or the cache is removed, so a
# warm run asks no archive.

DEBROOT_SUITES=(testing unstable)

# _debroot_suite PACKAGE - the first suite that has it
_debroot_suite() {
	local suite
	for suite in "${DEBROOT_SUITES[@]}"; do
		if apt_has "$suite" "$1"; then
			printf '%s' "$suite"
			return
		fi
	done
	die "none of the suites ${DEBROOT_SUITES[*]} has the package $1"
}

# _debroot_debs SUITE DIR PACKAGE... - the packages' files in DIR
_debroot_debs() {
	local closure suite=$1 dir=$2
	shift 2
	closure=$(apt_closure "$suite" "$@") || exit 1
	# shellcheck disable=SC2086 # one name per word
	apt_fetch "$suite" "$dir" $closure
}

# _debroot_unpack DEBS ROOT FILL
_debroot_unpack() {
	local deb dir root=$2
	mkdir -p "$root"/usr/{bin,sbin,lib,lib64}
	for dir in bin sbin lib lib64; do
		ln -s "usr/$dir" "$root/$dir"
	done
	for deb in "$1"/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" |
			tar -x -C "$root" --keep-directory-symlink --no-same-owner -f - || return
	done
	"$3" "$root"
}

_debroot_make() {
	local link=$1 recipe=$2 fill=$3 suite debs tmp key log=$CACHE/log/rootfs.log
	shift 3
	[[ -e $link/base.sqfs ]] && return
	need_space "$CACHE" 600
	suite=$(_debroot_suite "$1") || exit 1 # which said why
	tmp_for debs "$CACHE/rootfs/debs"
	_debroot_debs "$suite" "$debs" "$@"
	key=$({ echo "$recipe"; ls "$debs"; } | sha256sum | cut -c 1-16)
	if [[ ! -e $CACHE/rootfs/$key/base.sqfs ]]; then
		note "unpacking $(find "$debs" -name '*.deb' | wc -l) packages of $suite"
		tmp_for tmp "$CACHE/rootfs/$key"
		mkdir -p "$tmp"
		(cd "$debs" && ls) >"$tmp/packages"
		run_logged "$log" _debroot_unpack "$debs" "$tmp/root" "$fill" ||
			die "could not unpack the packages of $1" "$log"
		run_logged "$log" mksquashfs "$tmp/root" "$tmp/base.sqfs" \
			-comp lz4 -all-root -no-xattrs -no-progress ||
			die "could not make an image of the packages of $1" "$log"
		publish "$tmp" "$CACHE/rootfs/$key"
	fi
	rm -rf -- "$debs"
	tmp_for tmp "$link"
	ln -s "$key" "$tmp"
	publish "$tmp" "$link"
}

# debroot_prune ROOT PATTERN... - for FILL: what is not needed, below ROOT
debroot_prune() {
	local root=$1 glob
	shift
	for glob; do
		# shellcheck disable=SC2086 # a pattern
		(cd "$root" && rm -rf -- $glob)
	done
}

# debroot_get RECIPE FILL PACKAGE... - see above
debroot_get() {
	local recipe link
	recipe=$(cat "$HARNESS/debroot.sh" "$HARNESS/$1" | sha256sum | cut -c 1-16)
	link=$CACHE/rootfs/of-$recipe
	shift
	with_lock rootfs _debroot_make "$link" "$recipe" "$@"
	# shellcheck disable=SC2034 # for our callers
	DEBROOT=$(readlink -f "$link")
}
