# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# lib.sh - what every harness script shares: places, progress, failure, locks,
# and files that are either whole or absent.  Sourced, never run.
#
#   TOP    the repository                        CACHE  downloads and builds
#   OUT    results of this clone ($TOP/out)      JOBS   parallel compilers
#
# Rules that keep an interrupted run harmless:
# - whatever lands in CACHE is written beside its final name (tmp_for) and
#   renamed when whole (publish);
# - long commands run in a process group of their own (run_child, run_logged),
#   which the exit trap ends, so Ctrl-C leaves no process behind;
# - nothing is ever mounted.

set -Eeuo pipefail
# Builds and parsers below read the tools' English messages.
export LC_ALL=C
# depmod lives where an ordinary user's PATH does not look.
export PATH=$PATH:/usr/sbin:/sbin

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd -P)
# shellcheck disable=SC2034
HARNESS=$TOP/tests/harness
CACHE=${VGEM_PFN_CACHE:-${HOME:?HOME is not set}/.cache/vgem_pfn}
OUT=${VGEM_PFN_OUT:-$TOP/out}
JOBS=${JOBS:-$(nproc)}
# V is make's: only V=1 means verbose.
V=${V:-0}
# One clock and one set of held locks for a script and the scripts it calls.
export VGEM_PFN_T0=${VGEM_PFN_T0:-$(date +%s)}
export VGEM_PFN_LOCKS=${VGEM_PFN_LOCKS:-:}
export VGEM_PFN_CACHE=$CACHE JOBS V
# git must look at the repository in $TOP, whatever hook or tool called us.
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE

ME=${0##*/}
_TMPS=()
_CHILDREN=()
_EXIT_HOOKS=()
_TTY=0
[[ -t 2 && ${CI:-} != true ]] && _TTY=1
_LAST_PCT=-1

# --- progress ----------------------------------------------------------------

# elapsed - "12s" or "3m05s" since the first script of this run started
elapsed() {
	local s=$(($(date +%s) - VGEM_PFN_T0))
	hms "$s"
}

# hms SECONDS
hms() {
	if (($1 < 60)); then printf '%ds' "$1"; else printf '%dm%02ds' $(($1 / 60)) $(($1 % 60)); fi
}

# step N/M TEXT - a step begins; STEPS_TOTAL in the environment is M for a script
# whose steps are the first of another's
step() {
	progress_end
	printf '[%6s] %s %s\n' "$(elapsed)" "${1%/*}/${STEPS_TOTAL:-${1#*/}}" "$2" >&2
}

# note TEXT... - one line under the current step
note() {
	progress_end
	printf '         %s\n' "$*" >&2
}

# progress PERCENT TEXT - in place on a terminal, every 10% elsewhere
progress() {
	local pct=$1
	((pct > 100)) && pct=100
	if ((_TTY)); then
		printf '\r\033[K         %3d%% %s' "$pct" "$2" >&2
	elif ((_LAST_PCT < 0 || pct / 10 > _LAST_PCT / 10)); then
		printf '         %3d%% %s\n' "$pct" "$2" >&2
	else
		return 0
	fi
	_LAST_PCT=$pct
}

# closing_line PASSED FAILED SKIPPED - the last line of every suite of ours
closing_line() {
	printf '%d passed, %d failed, %d skipped\n' "$@"
}

# progress_end - leave the progress line on the screen and go on below it
progress_end() {
	if ((_TTY && _LAST_PCT >= 0)); then printf '\n' >&2; fi
	_LAST_PCT=-1
}

# --- failure -----------------------------------------------------------------

# show_log LOG - the lines that say why, or the last ones
show_log() {
	local log=$1 hits
	if [[ ! -s $log ]]; then
		disk_full || true
		return 0
	fi
	hits=$(grep -aE ': (fatal )?error:|undefined reference|^(E|Err)[:0-9]|ERROR:|Kernel panic|command not found' \
		"$log" | head -12) || true
	[[ -n $hits ]] || hits=$(grep -aF '*** [' "$log" | head -3) || true
	if [[ -n $hits ]]; then
		printf '%s\n' "$hits" | sed 's/^/    | /'
	else
		{ grep -av 'No space left on device' "$log" || true; } | tail -n 15 | sed 's/^/    | /'
	fi >&2
	if grep -aq 'No space left on device' "$log"; then
		grep -am 1 'No space left on device' "$log" | sed 's/^/    | /' >&2
		disk_full || printf '    A disk was full.\n' >&2
	else
		# ccache, for one, fails without a word.
		disk_full || true
	fi
	printf '    full log: %s\n' "$log" >&2
}

# die TEXT [LOG] - say what failed and where to look, exit 1
die() {
	progress_end
	trap - ERR
	printf '\n%s: FAILED: %s\n' "$ME" "$1" >&2
	[[ -n ${2:-} ]] && show_log "$2"
	exit 1
}

_on_err() {
	local rc=$1 line=$2 src=$3
	((BASH_SUBSHELL)) && return
	progress_end
	printf '\n%s: FAILED: %s:%s: a command returned %s\n' "$ME" "${src##*/}" "$line" "$rc" >&2
	disk_full || true
}

# disk_full - is it? then say so
disk_full() {
	local d free
	for d in "$CACHE" "$OUT" "${TMPDIR:-/tmp}"; do
		while [[ ! -d $d ]]; do d=$(dirname "$d"); done
		free=$(df -Pm "$d" | awk 'NR == 2 { print $4 }')
		if ((free < 16)); then
			printf '    The disk is full: %s MiB are left in %s. Free some and run this again' "$free" "$d" >&2
			printf ' (VGEM_PFN_CACHE names\n    the directory of downloads and builds).\n' >&2
			return 0
		fi
	done
	return 1
}

# need_space DIR MIB - refuse early instead of failing half way
need_space() {
	local d=$1 want=$2 have
	while [[ ! -d $d ]]; do d=$(dirname "$d"); done
	have=$(df -Pm "$d" | awk 'NR == 2 { print $4 }')
	((have >= want)) || die "not enough disk space in $d: ${have} MiB free, ${want} MiB needed
    Free some, or set VGEM_PFN_CACHE to a directory on a larger disk."
}

# --- the end of a script, expected or not --------------------------------------

# on_exit COMMAND - a string to eval when the script ends, last added first
on_exit() {
	_EXIT_HOOKS=("$1" "${_EXIT_HOOKS[@]}")
}

_alive() {
	local p=$1
	kill -0 -- "-$p" 2>/dev/null
}

_on_exit() {
	local rc=$? p i h
	trap - EXIT ERR
	# ALRM: a signal can interrupt "read -t", whose alarm then crashes a subshell of a hook.
	trap '' INT TERM HUP ALRM
	progress_end
	for p in "${_CHILDREN[@]}"; do
		_alive "$p" || continue
		kill -TERM -- "-$p" 2>/dev/null || true
		for ((i = 0; i < 50; i++)); do
			_alive "$p" || break
			sleep 0.1
		done
		_alive "$p" && kill -KILL -- "-$p" 2>/dev/null
	done
	set +e
	for h in "${_EXIT_HOOKS[@]}"; do eval "$h"; done
	((${#_TMPS[@]})) && rm -rf -- "${_TMPS[@]}"
	exit "$rc"
}

_on_signal() {
	progress_end
	printf '\n%s: interrupted; run it again and it goes on from here\n' "$ME" >&2
	exit "$1"
}

trap '_on_err $? $LINENO "${BASH_SOURCE[0]}"' ERR
trap _on_exit EXIT
trap '_on_signal 130' INT
trap '_on_signal 143' TERM
trap '_on_signal 129' HUP

# --- commands ------------------------------------------------------------------

# start_child CMD... - in the background, own process group, no stdin; $! is it
start_child() {
	set -m
	"$@" </dev/null &
	set +m
	_CHILDREN+=("$!")
}

# wait_child PID - its exit status; a signal to us interrupts the wait
wait_child() {
	local pid=$1 rc=0 i
	wait "$pid" || rc=$?
	for i in "${!_CHILDREN[@]}"; do
		[[ ${_CHILDREN[i]} == "$pid" ]] && unset '_CHILDREN[i]'
	done
	_CHILDREN=("${_CHILDREN[@]}")
	return "$rc"
}

# run_child CMD... - like CMD, but ended with everything below it if we end.  A
# subshell has no exit trap, so there CMD stays in the foreground and its group.
run_child() {
	if ((BASH_SUBSHELL)); then
		"$@" </dev/null
	else
		start_child "$@"
		wait_child "$!"
	fi
}

# run_logged LOG CMD... - output to LOG (and to the screen with V=1); status of CMD
run_logged() {
	local log=$1
	shift
	mkdir -p "$(dirname "$log")"
	if [[ $V == 1 ]]; then
		run_child "$@" > >(tee "$log" >&2) 2>&1
	else
		run_child "$@" >"$log" 2>&1
	fi
}

# with_lock NAME CMD... - one run at a time per NAME and CACHE
with_lock() {
	local name=$1 fd rc held=$VGEM_PFN_LOCKS
	shift
	if [[ $held == *":$name:"* ]]; then
		"$@"
		return
	fi
	mkdir -p "$CACHE/lock"
	exec {fd}>"$CACHE/lock/$name"
	if ! flock -n "$fd"; then
		note "waiting for another run that holds the lock '$name'"
		# In the background, so that Ctrl-C ends the wait.
		run_child flock "$fd"
	fi
	VGEM_PFN_LOCKS="$held$name:"
	# Not "|| rc=": that would switch set -e off in what it calls.
	"$@"
	rc=$?
	VGEM_PFN_LOCKS=$held
	exec {fd}>&-
	return "$rc"
}

# nap SECONDS - sleep without a process, which costs more than the loop that waits
nap() {
	[[ -n ${_NAP:-} ]] || exec {_NAP}<> <(:)
	read -rt "$1" -u "$_NAP" || :
}

# new_lines VAR FD - append to the array VAR the lines that were added to the file that
# FD is open on; a line that is not whole yet comes with the next call
declare -A _PARTIAL=()
new_lines() {
	local -n _lines=$1
	local line
	while IFS= read -r line <&"$2"; do
		_lines+=("${_PARTIAL[$2]:-}$line")
		_PARTIAL[$2]=
	done
	_PARTIAL[$2]=${_PARTIAL[$2]:-}$line
}

# --- whole or absent -------------------------------------------------------------

# tmp_for VAR TARGET - VAR becomes a scratch name beside TARGET, removed at exit;
# what killed runs left there goes now
tmp_for() {
	local -n _var=$1
	local target=$2 old
	mkdir -p "$(dirname "$target")"
	for old in "$target".tmp.*; do
		[[ -e $old || -L $old ]] || continue
		kill -0 "${old##*.}" 2>/dev/null || rm -rf -- "$old"
	done
	# shellcheck disable=SC2034 # assigned through the name
	_var=$target.tmp.$$
	rm -rf -- "$target.tmp.$$"
	_TMPS+=("$target.tmp.$$")
}

# publish TMP TARGET - TMP is whole: give it its name
publish() {
	if [[ -d $2 && ! -L $2 ]]; then
		local old=$2.tmp.old.$$
		_TMPS+=("$old")
		mv -T -- "$2" "$old"
		mv -T -- "$1" "$2"
		rm -rf -- "$old"
	else
		mv -fT -- "$1" "$2"
	fi
}
