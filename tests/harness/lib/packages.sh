# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# packages.sh - Debian packages: installed on this machine, or downloaded from
# another suite. Sourced after lib.sh.
#
#   need_tools PURPOSE...   install missing packages of these sets (TOOLS), or print
#                           the command to do it
#   suites_get DIR MIB "SUITE..." WHAT OPTION...
#                           run mmdebstrap for the first suite that has WHAT, with DIR
#                           as its target
#   with_progress DIR MIB LOG COMMAND...
#                           run a command that fills DIR with about MIB MiB
#
# mmdebstrap resolves, downloads and unpacks with apt and dpkg, in a separate root:
# the machine's package lists are not changed. From the machine's configuration it
# uses the entry of the Debian archive, with another suite, and everything below
# Acquire: proxies, date checks, credentials. VGEM_PFN_APT_URI overrides the
# archive's address.
#
# --variant=extract runs no maintainer scripts. Therefore --mode=chrootless needs
# neither privileges nor mounts, and is safe as root, although a check warns about that.

# --- this machine ----------------------------------------------------------------

# Each word is a package, or probe:package. The probe is a command, or a file if it
# begins with a slash. One set per purpose, so that `make run` does not install what
# only `make check` needs. The names are valid for Debian 12 and 13.

# To compile the IGT tests
IGT_TOOLS="gcc jq ld:binutils make
	/usr/include/stdio.h:libc6-dev /usr/include/libdrm/drm.h:libdrm-dev
	/usr/include/cairo/cairo.h:libcairo2-dev"

declare -A TOOLS=(
	[fetch]="apt-get:apt git mmdebstrap rsync xz:xz-utils"
	[kernel]="bc bison ccache depmod:kmod flex gcc ld:binutils lz4 make perl
		/usr/include/stdio.h:libc6-dev /usr/include/libelf.h:libelf-dev"
	[kselftest]="/usr/include/sys/capability.h:libcap-dev
		/usr/include/uuid/uuid.h:uuid-dev"
	[check]="git perl python3 shellcheck sparse $IGT_TOOLS"
	[configs]="clang-19 aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu
		i686-linux-gnu-gcc:gcc-i686-linux-gnu"
	[deb]="dpkg-buildpackage:dpkg-dev dh:debhelper dh_dkms:dh-dkms lintian
		/usr/include/libdrm/drm.h:libdrm-dev"
	[compare]="jq"
	[plot]="gnuplot:gnuplot-nox jq"
	[docs]="sphinx-build:python3-sphinx /usr/lib/python3/dist-packages/yaml:python3-yaml"
	[guest]="ccache mksquashfs:squashfs-tools qemu-system-x86_64:qemu-system-x86
		setpriv:util-linux $IGT_TOOLS"
	[debian]="cpio depmod:kmod gcc ld:binutils make xz:xz-utils"
)

# _missing_packages PURPOSE... - one per line
_missing_packages() {
	local purpose word probe
	for purpose; do
		for word in ${TOOLS[$purpose]}; do
			probe=${word%:*}
			[[ $probe == /* && -e $probe ]] || command -v "$probe" >/dev/null ||
				printf '%s\n' "${word#*:}"
		done
	done | sort -u
}

_as_root() {
	if ((EUID == 0)); then "$@"; else sudo -n -- "$@"; fi
}

_install() {
	_as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
		-o DPkg::Lock::Timeout=120 --no-install-recommends "$@"
}

# need_tools PURPOSE... - dies unless all are installed afterwards
need_tools() {
	local miss log=$CACHE/log/packages.log line
	[[ $(uname -m) == x86_64 ]] ||
		die "this harness builds and runs x86-64 kernels; this machine is $(uname -m)"
	mapfile -t miss < <(_missing_packages "$@")
	((${#miss[@]})) || return 0
	line="apt-get install --no-install-recommends ${miss[*]}"
	command -v apt-get >/dev/null || die "this machine lacks: ${miss[*]}
    It is not a Debian system, so install their equivalents and run this again."
	((EUID == 0)) || sudo -n true 2>/dev/null || die "this machine lacks: ${miss[*]}
    Only root can install them. As root, type:
        $line"
	note "installing: ${miss[*]}"
	# The package lists of the machine may be missing or out of date.
	run_logged "$log" _install "${miss[@]}" ||
		{ note "reading the machine's package lists first" &&
			run_logged "$log" _as_root apt-get update -q &&
			run_logged "$log" _install "${miss[@]}"; } ||
		die "could not install: ${miss[*]}
    Is there a network? When there is, run this again, or type as root:
        apt-get update && $line" "$log"
	mapfile -t miss < <(_missing_packages "$@")
	((${#miss[@]} == 0)) || die "installed, but still not found: ${miss[*]}" "$log"
}

# --- other suites ------------------------------------------------------------------

# with_progress DIR MIB LOG COMMAND... - shows the size of DIR as progress
with_progress() {
	local dir=$1 mib=$2 log=$3 pid pct n=0
	shift 3
	mkdir -p "$(dirname "$log")"
	start_child "$@" >"$log" 2>&1
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		sleep 1
		# du takes a second for a large tree.
		((++n % 5 == 0)) || continue
		pct=$(du -sm "$dir" 2>/dev/null | awk -v mib="$mib" '{ print int($1 * 100 / mib) }') || :
		progress $((${pct:-0} > 99 ? 99 : ${pct:-0})) "$(elapsed)"
	done
	wait_child "$pid" || return
	progress 100 "$(elapsed)"
	progress_end
}

_APT_ENTRIES=

# suite_sources SUITE - the machine's entry for the Debian archive, for this suite
suite_sources() {
	local suite=$1 code entries release entry key=/usr/share/keyrings/debian-archive-keyring.gpg
	if [[ -n ${VGEM_PFN_APT_URI:-} ]]; then
		[[ -r $key ]] || key=
		printf 'deb %s%s %s main\n' "${key:+[signed-by=$key] }" "$VGEM_PFN_APT_URI" "$suite"
		return
	fi
	# shellcheck disable=SC1091
	code=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
	# apt identifies entries by line in a .list and by stanza in a .sources file.
	# This takes seconds.
	[[ -n $_APT_ENTRIES ]] ||
		_APT_ENTRIES=$(apt-get indextargets --format "main \$(RELEASE) \$(SOURCESENTRY)" \
			'Created-By: Packages' 'Component: main' 2>/dev/null) || :
	entries=$_APT_ENTRIES
	# Updates of a release may be elsewhere.
	entry=$(grep -m 1 "^main $suite " <<<"$entries") ||
		entry=$(grep -m 1 "^main ${code:-none} " <<<"$entries") ||
		entry=$(grep -m 1 -E '^main (stable|testing|unstable|sid) ' <<<"$entries") ||
		die "apt's configuration has no 'main' of '$code', so the Debian archive's address is unknown
    Add the archive to /etc/apt, or set VGEM_PFN_APT_URI to the address of a Debian mirror."
	read -r _ release entry <<<"$entry"
	case $entry in
	*.sources:*)
		sed '/^#/d; s/^[[:space:]]*$//' "${entry%:*}" | awk -v RS= -v n="${entry##*:}" 'NR == n' |
			sed -E "s/^Types:.*/Types: deb/I; s/^Suites:.*/Suites: $suite/I
				s/^Components:.*/Components: main/I"
		;;
	*)
		sed -nE "${entry##*:}s/[[:space:]]${release}[[:space:]].*/ $suite main/p" "${entry%:*}"
		;;
	esac
}

# suites_get DIR MIB "SUITE..." WHAT OPTION... - MIB is the approximate final size
# of DIR. SUITES_ELSE is appended to the error message if no suite has WHAT. SUITES_ALSO
# are used together with each suite.
suites_get() {
	local dir=$1 mib=$2 suites=$3 what=$4 suite also why='' log=$CACHE/log/suites.log tmp
	shift 4
	need_tools fetch
	need_space "$CACHE" $((mib + mib / 4))
	tmp_for tmp "$CACHE/apt/conf"
	mkdir -p "$tmp"
	{
		apt-config dump Acquire
		printf '%s;\n' 'Acquire::Retries "2"' 'Dir::Etc::netrc "/etc/apt/auth.conf"' \
			'Dir::Etc::netrcparts "/etc/apt/auth.conf.d"'
	} >"$tmp/conf"
	for suite in $suites; do
		note "fetching $what of $suite"
		: >"$tmp/archive"
		for also in $suite ${SUITES_ALSO:-}; do
			suite_sources "$also" >>"$tmp/archive"
			echo >>"$tmp/archive"
		done
		rm -rf -- "$dir"
		! with_progress "$dir" "$mib" "$log" mmdebstrap --variant=extract --mode=chrootless \
			--skip=check/chrootless --format=directory --verbose --aptopt="$tmp/conf" "$@" \
			"$suite" "$dir" "$tmp/archive" || return 0
		progress_end
		if grep -Eq 'NO_PUBKEY|EXPKEYSIG|not signed' "$log" && ! grep -q 'Failed to fetch' "$log"; then
			die "the package lists of '$suite' are not signed by a key of this machine
    Install a newer debian-archive-keyring (apt-get install debian-archive-keyring)." "$log"
		elif grep -q 'does not have a Release file' "$log"; then
			why+="; the archive has no suite '$suite'"
		elif grep -Eq "Unable to locate package|no installation candidate|Can't select" "$log"; then
			why+="; '$suite' has no such package"
		else
			die "could not fetch $what of '$suite'
    Is there a network? The archive and proxy are those of /etc/apt. Connect and run this again." "$log"
		fi
	done
	die "no suite of the machine's Debian archive has $what: ${why#; }
    Set VGEM_PFN_APT_URI to the address of a mirror that does${SUITES_ELSE:-}." "$log"
}
