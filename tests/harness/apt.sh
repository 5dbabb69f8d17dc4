# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# apt.sh - packages of any Debian suite through a private apt root, without
# touching the machine's sources.  Sourced after lib.sh.
#
# The archive and its keyring are those of the machine's own apt configuration,
# only the suite's name is replaced; proxies, mirrors' dates and the like in the
# machine's apt.conf stay in force.  apt verifies the signatures.  The private
# root is $CACHE/apt/<suite>; downloaded packages are kept in $CACHE/deb.  Works
# unprivileged, and offline once the cache has what is asked for.
#
#   apt_private SUITE               make the root if absent, print its apt.conf
#                                   (the suite "machine" is all that the
#                                   machine itself lists)
#   apt_has SUITE PKG               is there such a package
#   apt_fetch SUITE DIR PKG...      hard links of the packages' files in DIR
#   apt_closure SUITE PKG...        PKG... and what they depend on, without
#                                   recommends; APT_PRETEND="python3 ..." are
#                                   taken as installed
#
# VGEM_PFN_APT_URI overrides the archive's address.

# --- the machine's archive -----------------------------------------------------

_codename() {
	# shellcheck disable=SC1091
	(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
}

# _apt_uri - the address of the machine's main archive
_apt_uri() {
	local code uri
	if [[ -n ${VGEM_PFN_APT_URI:-} ]]; then
		printf '%s' "$VGEM_PFN_APT_URI"
		return
	fi
	code=$(_codename)
	# apt's own parser reads *.sources and *.list alike.
	uri=$(apt-get indextargets --format "\$(SITE)|\$(RELEASE)|\$(COMPONENT)" \
		'Created-By: Packages' 2>/dev/null |
		awk -F'|' -v code="$code" '
			$3 != "main" { next }
			$2 == code { print $1; found = 1; exit }
			$2 ~ /^(stable|testing|unstable|sid)$/ && other == "" { other = $1 }
			END { if (!found && other != "") print other }')
	[[ -n $uri ]] || die "apt's configuration has no 'main' of '$code', so the Debian archive's address is unknown
    Add the archive to /etc/apt, or set VGEM_PFN_APT_URI to the address of a Debian mirror."
	printf '%s' "$uri"
}

# _apt_keyring URI - the keyring file that the machine's entry for URI names,
# or Debian's; nothing if apt's own trusted keys must do
_apt_keyring() {
	local uri=$1 key f
	key=$(for f in /etc/apt/sources.list.d/*.sources; do
		[[ -r $f ]] && awk -v uri="$uri" '
			function flush() { if (hit && key != "") { print key; exit } hit = 0; key = "" }
			/^#/ { next }
			/^[ \t]*$/ { flush(); next }
			{ l = tolower($1) }
			l == "uris:" { for (i = 2; i <= NF; i++) { u = $i; sub(/\/$/, "", u); if (u == uri) hit = 1 } }
			l == "signed-by:" { key = $2 }
			END { flush() }' "$f"
	done
	for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[[ -r $f ]] && awk -v uri="$uri" '
			/^deb / && match($0, /signed-by=[^] ]*/) && index($0, uri) {
				print substr($0, RSTART + 10, RLENGTH - 10); exit
			}' "$f"
	done) || true
	key=${key%%$'\n'*}
	if [[ $key == /* && -r $key ]]; then
		printf '%s' "$key"
	elif [[ -r /usr/share/keyrings/debian-archive-keyring.gpg ]]; then
		printf '%s' /usr/share/keyrings/debian-archive-keyring.gpg
	fi
}

# --- the private root ------------------------------------------------------------

_apt() {
	local tool=$1 suite=$2
	shift 2
	"$tool" -c "$CACHE/apt/$suite/apt.conf" "$@"
}

_apt_write_conf() {
	local suite=$1 root=$CACHE/apt/$1 uri key
	uri=$(_apt_uri)
	key=$(_apt_keyring "${uri%/}")
	mkdir -p "$root/lists/partial" "$root/cache/archives/partial" "$root/empty"
	: >"$root/status"
	printf 'deb %s%s %s main\n' "${key:+[signed-by=$key] }" "$uri" "$suite" >"$root/sources.list"
	# Read after the machine's own configuration, hence the #clear of its hooks.
	cat >"$root/apt.conf" <<-CONF
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
		#clear DPkg::Post-Invoke;
		Dir::State "$root";
		Dir::State::Lists "$root/lists";
		Dir::State::status "$root/status";
		Dir::Cache "$root/cache";
		Dir::Etc::sourcelist "$root/sources.list";
		Dir::Etc::sourceparts "$root/empty";
		Dir::Etc::preferences "$root/none";
		Dir::Etc::preferencesparts "$root/empty";
		Acquire::Languages "none";
		Acquire::Retries "2";
		APT::Sandbox::User "";
	CONF
}

_apt_update() {
	local suite=$1 root=$CACHE/apt/$1 log=$CACHE/log/apt-$1.log
	need_space "$CACHE" 300
	note "reading the package lists of $suite"
	if ! run_logged "$log" apt-get -c "$root/apt.conf" update -q --error-on=any; then
		if [[ ${APT_OPTIONAL:-0} == 1 ]] && grep -Eq "does not have a Release file|404 " "$log"; then
			return 2
		fi
		show_log "$log"
		if grep -Eq 'NO_PUBKEY|EXPKEYSIG|not signed' "$log"; then
			die "the package lists of '$suite' are not signed by a key this machine knows
    Install a newer debian-archive-keyring (apt-get install debian-archive-keyring)."
		elif grep -Eq 'does not have a Release file|404 ' "$log"; then
			die "the machine's Debian archive has no suite '$suite' (asked for: ${APT_WANT:-its package lists})
    Use a mirror that carries it: set VGEM_PFN_APT_URI to its address."
		fi
		die "no package lists of '$suite', which are needed for: ${APT_WANT:-its packages}
    Is there a network? The archive and proxy are those of /etc/apt. Connect and run this again."
	fi
	date +%s >"$root/updated"
}

_apt_private() {
	local suite=$1 root=$CACHE/apt/$1
	if [[ $suite == machine ]]; then
		mkdir -p "$root/archives/partial"
		printf "%s\n" "Dir::Cache \"$root\";" "APT::Sandbox::User \"\";" >"$root/apt.conf"
		return
	fi
	if [[ ! -e $root/updated || ! -e $root/apt.conf ]]; then
		rm -rf -- "$root"
		_apt_write_conf "$suite"
		_apt_update "$suite" || return
	fi
}

# apt_private SUITE - see above
apt_private() {
	with_lock "apt-$1" _apt_private "$1" || return
	printf '%s\n' "$CACHE/apt/$1/apt.conf"
}

# apt_has SUITE PKG - is there such a package; a suite the archive does not have
# has none
apt_has() {
	APT_OPTIONAL=1 APT_WANT=$2 apt_private "$1" >/dev/null || return
	[[ -n $(_apt apt-cache "$1" --no-all-versions show "$2" 2>/dev/null | head -1) ]]
}

# --- downloads -------------------------------------------------------------------

# _apt_uris SUITE PKG... - lines: file name, size, sha256 of what would be fetched
_apt_uris() {
	local suite=$1
	shift
	_apt apt-get "$suite" download -qq --print-uris "$@" |
		awk '{ h = $4; sub(/^SHA256:/, "", h); print $2, $3, h }'
}

_apt_whole() {
	local f=$1 size=$2 sha=$3
	[[ -s $f && $(stat -c %s "$f") == "$size" ]] || return 1
	[[ -z $sha ]] || printf '%s  %s\n' "$sha" "$f" | sha256sum -c --status
}

_APT_RETRY=0

_apt_get_into() {
	cd "$1" || return
	exec apt-get -c "$CACHE/apt/$2/apt.conf" download -q "${@:3}"
}

# _apt_download SUITE PKG... - into $CACHE/deb what is not there yet
_apt_download() {
	local suite=$1 log=$CACHE/log/apt-$1.log want=() kib=0 tmp pid name size sha f p
	local uris=$CACHE/apt/$1/uris.$$
	shift
	_TMPS+=("$uris")
	mkdir -p "$CACHE/log" "$CACHE/deb"
	if ! _apt_uris "$suite" "$@" >"$uris" 2>"$log"; then
		show_log "$log"
		p=$(sed -nE "s/^E: (Unable to locate package|Can't select candidate version from package) ([^ ]+).*/\\2/p" "$log" | tr '\n' ' ')
		die "suite '$suite' has no package: ${p:-one of $*}
    If its lists are old, remove $CACHE/apt/$suite and run this again with a network."
	fi
	while read -r f size sha; do
		_apt_whole "$CACHE/deb/$f" "$size" "$sha" && continue
		name=${f%%_*}
		want+=("$name")
		kib=$((kib + size / 1024))
	done <"$uris"
	((${#want[@]})) || return 0
	need_space "$CACHE" $((kib / 512 + 32))
	note "downloading ${#want[@]} package(s) of $suite, $((kib / 1024)) MiB"
	tmp_for tmp "$CACHE/deb/download-$suite"
	mkdir "$tmp"
	start_child _apt_get_into "$tmp" "$suite" "${want[@]}" >"$log" 2>&1
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		((kib)) && progress $(($(du -sk "$tmp" | cut -f1) * 99 / kib)) "$(elapsed)"
		sleep 1
	done
	wait_child "$pid" || {
		if [[ $_APT_RETRY == 0 ]] && grep -q "404 " "$log"; then
			# The archive has newer versions than our lists: once more.
			rm -rf -- "$tmp"
			_apt_update "$suite"
			_APT_RETRY=1 _apt_download "$suite" "$@"
			return
		fi
		show_log "$log"
		p=$(sed -n 's/^E: Failed to fetch .*\/\([^/_]*\)_[^ ]*\.deb .*/\1/p' "$log" | tr '\n' ' ')
		die "could not download from suite '$suite': ${p:-${want[*]}}
    Is there a network? The archive and proxy are those of /etc/apt. Connect and run this again."
	}
	progress 100 "$(elapsed)"
	progress_end
	for f in "$tmp"/*.deb; do mv -f -- "$f" "$CACHE/deb/"; done
	rm -rf -- "$tmp"
}

_apt_fetch() {
	local suite=$1 dir=$2 f rest
	shift 2
	APT_WANT="$*" apt_private "$suite" >/dev/null
	_apt_download "$suite" "$@"
	mkdir -p "$dir"
	[[ ! $dir -ef $CACHE/deb ]] || return 0
	while read -r f rest; do
		ln -f "$CACHE/deb/$f" "$dir/$f" 2>/dev/null || cp -f "$CACHE/deb/$f" "$dir/$f"
	done <"$CACHE/apt/$suite/uris.$$"
}

# apt_fetch SUITE DIR PKG... - see above
apt_fetch() {
	with_lock "apt-$1" _apt_fetch "$@"
}

# apt_closure SUITE PKG... - names, one per line, sorted
apt_closure() {
	local suite=$1 log=$CACHE/log/apt-$1.log status p out
	shift
	APT_WANT="$*" apt_private "$suite" >/dev/null
	tmp_for status "$CACHE/apt/$suite/status"
	for p in ${APT_PRETEND:-}; do
		printf '%s\n' "Package: $p" 'Status: install ok installed' 'Version: 99:0' \
			"Architecture: $(dpkg --print-architecture)" 'Multi-Arch: allowed' \
			'Maintainer: none <none@localhost>' 'Description: pretended' ''
	done >"$status"
	if ! out=$(_apt apt-get "$suite" -o Dir::State::status="$status" install -s -qq \
		--no-install-recommends "$@" 2>"$log"); then
		show_log "$log"
		die "suite '$suite' cannot give: $*" "$log"
	fi
	rm -f -- "$status"
	awk '$1 == "Inst" { print $2 }' <<<"$out" | sort -u
}
