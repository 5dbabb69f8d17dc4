# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# packages.sh - which Debian packages each part of the harness needs, and how
# they get here: installed if we may, else named in the command to type.
# Sourced after lib.sh.  Names are those of Debian 12 and 13.
#
#   need_tools PURPOSE...     the sets below

# Lines of "probe:package"; a probe is a command, or a file if it has a slash.
# One set per purpose, so that `make run` does not install what only `make
# check` uses.
_tools_of() {
	case $1 in
	fetch) printf '%s\n' apt-get:apt dpkg-deb:dpkg flock:util-linux git:git \
		rsync:rsync tar:tar xz:xz-utils ;;
	kernel) printf '%s\n' bc:bc bison:bison ccache:ccache depmod:kmod flex:flex \
		gcc:gcc ld:binutils lz4:lz4 make:make perl:perl \
		/usr/include/stdio.h:libc6-dev /usr/include/libelf.h:libelf-dev ;;
	kselftest) printf '%s\n' /usr/include/sys/capability.h:libcap-dev ;;
	check) printf '%s\n' git:git perl:perl python3:python3 shellcheck:shellcheck \
		sparse:sparse ;;
	compare) printf '%s\n' jq:jq ;;
	plot) printf '%s\n' gnuplot:gnuplot-nox jq:jq ;;
	docs) printf '%s\n' sphinx-build:python3-sphinx \
		/usr/lib/python3/dist-packages/yaml:python3-yaml ;;
	guest) printf '%s\n' gcc:gcc jq:jq ld:binutils make:make \
		mksquashfs:squashfs-tools qemu-system-x86_64:qemu-system-x86 setpriv:util-linux \
		/usr/include/stdio.h:libc6-dev /usr/include/libdrm/drm.h:libdrm-dev \
		/usr/include/cairo/cairo.h:libcairo2-dev /usr/include/zlib.h:zlib1g-dev ;;
	*) die "need_tools: no set of tools '$1'" ;;
	esac
}

# _missing_packages PURPOSE... - one per line
_missing_packages() {
	local purpose line probe
	for purpose; do
		while read -r line; do
			probe=${line%%:*}
			if [[ $probe == */* ]]; then
				[[ -e $probe ]] || printf '%s\n' "${line#*:}"
			else
				command -v "$probe" >/dev/null ||
					printf '%s\n' "${line#*:}"
			fi
		done < <(_tools_of "$purpose")
	done | sort -u
}

_as_root() {
	if ((EUID == 0)); then
		"$@"
	else
		sudo -n -- "$@"
	fi
}

_install() {
	_as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q -o DPkg::Lock::Timeout=120 \
		--no-install-recommends "$@"
}

# need_tools PURPOSE... - all is there when this returns
need_tools() {
	local miss=() log=$CACHE/log/packages.log line
	[[ $(uname -m) == x86_64 ]] || die "this harness builds and runs x86-64 kernels; this machine is $(uname -m)"
	mapfile -t miss < <(_missing_packages "$@")
	((${#miss[@]})) || return 0
	line="apt-get install --no-install-recommends ${miss[*]}"
	if ! command -v apt-get >/dev/null; then
		die "this machine lacks: ${miss[*]}
    It is not a Debian system, so install their equivalents and run this again."
	fi
	if ((EUID != 0)) && ! sudo -n true 2>/dev/null; then
		die "this machine lacks: ${miss[*]}
    Only root can install them. As root, type:
        $line"
	fi
	note "installing: ${miss[*]}"
	if ! run_logged "$log" _install "${miss[@]}"; then
		# New machines have no package lists, old ones have stale ones.
		note "reading the machine's package lists first"
		if ! run_logged "$log.update" _as_root apt-get update -q ||
			! run_logged "$log" _install "${miss[@]}"; then
			cat "$log.update" >>"$log" 2>/dev/null || true
			show_log "$log"
			die "could not install: ${miss[*]}
    Is there a network? When there is, run this again, or type as root:
        apt-get update && $line"
		fi
	fi
	mapfile -t miss < <(_missing_packages "$@")
	((${#miss[@]} == 0)) || die "installed, but still not found: ${miss[*]}" "$log"
}
