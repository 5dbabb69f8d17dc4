# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# lib.sh - functions for all scripts of the harness: progress, errors, locks, and
# files that are created atomically. Sourced, never run.
#
#   TOP    the repository                        CACHE  downloads and builds
#   OUT    results of this clone ($TOP/out)      JOBS   parallel compilers
#
# These rules make it safe to interrupt a run:
# - files in CACHE are written under a temporary name (tmp_for) and renamed when they
#   are complete (publish);
# - long commands run in a process group of their own (run_child, run_logged), which the
#   exit trap ends, so that Ctrl-C leaves no process behind;
# - nothing is ever mounted.

set -Eeuo pipefail
# Scripts parse the English messages of tools.
export LC_ALL=C
# depmod is not in the PATH of an ordinary user.
export PATH=$PATH:/usr/sbin:/sbin

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd -P)
# shellcheck disable=SC2034
HARNESS=$TOP/tests/harness
CACHE=${VGEM_PFN_CACHE:-${HOME:?HOME is not set}/.cache/vgem_pfn}
OUT=${VGEM_PFN_OUT:-$TOP/out}
JOBS=${JOBS:-$(nproc)}
# V as in kbuild: only V=1 means verbose.
V=${V:-0}
# A script and the scripts that it calls share the start time and the held locks.
export VGEM_PFN_T0=${VGEM_PFN_T0:-$(date +%s)}
export VGEM_PFN_LOCKS=${VGEM_PFN_LOCKS:-:}
export VGEM_PFN_CACHE=$CACHE JOBS V
# git must use the repository in $TOP, even if called from a hook.
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE

ME=${0##*/}
_TMPS=()
_CHILDREN=()
_EXIT_HOOKS=()
_TTY=0
[[ -t 2 && ${CI:-} != true ]] && _TTY=1
_LAST_PCT=-1

# --- progress ----------------------------------------------------------------

# elapsed - "12s" or "3m05s" since the start of the first script of this run
elapsed() {
	local s=$(($(date +%s) - VGEM_PFN_T0))
	hms "$s"
}

# hms SECONDS
hms() {
	if (($1 < 60)); then printf '%ds' "$1"; else printf '%dm%02ds' $(($1 / 60)) $(($1 % 60)); fi
}

# step N/M TEXT - begin a step. STEPS_TOTAL in the environment overrides M, for a
# script whose steps are the first ones of another script.
step() {
	progress_end
	printf '[%6s] %s %s\n' "$(elapsed)" "${1%/*}/${STEPS_TOTAL:-${1#*/}}" "$2" >&2
}

# note TEXT... - print a line below the current step
note() {
	progress_end
	printf '         %s\n' "$*" >&2
}

# progress PERCENT TEXT - update in place on a terminal, print every 10% otherwise
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

# closing_line PASSED FAILED SKIPPED - the last line of the output of every suite
closing_line() {
	printf '%d passed, %d failed, %d skipped\n' "$@"
}

# closing_counts LINE - set COUNTS to the three numbers of a closing line; fails if LINE is none
closing_counts() {
	[[ $1 =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]] || return
	# shellcheck disable=SC2034 # for the caller
	COUNTS=("${BASH_REMATCH[@]:1}")
}

# progress_end - continue below the progress line
progress_end() {
	if ((_TTY && _LAST_PCT >= 0)); then printf '\n' >&2; fi
	_LAST_PCT=-1
}

# --- failure -----------------------------------------------------------------

# show_log LOG - print the lines with errors, or the last lines
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
		# Some tools, such as ccache, fail without a message.
		disk_full || true
	fi
	printf '    full log: %s\n' "$log" >&2
}

# die TEXT [LOG] - print the error and the name of the log, exit with 1
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

# disk_full - print a message and return 0 if the disk is full
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

# need_space DIR MIB - die now rather than in the middle of the work
need_space() {
	local d=$1 want=$2 have
	while [[ ! -d $d ]]; do d=$(dirname "$d"); done
	have=$(df -Pm "$d" | awk 'NR == 2 { print $4 }')
	((have >= want)) || die "not enough disk space in $d: ${have} MiB free, ${want} MiB needed
    Free some, or set VGEM_PFN_CACHE to a directory on a larger disk."
}

# --- the end of a script, normal or not ----------------------------------------

# on_exit COMMAND - eval this string when the script ends; the last one added runs first
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
	# Ignore SIGALRM, too: a signal can interrupt "read -t", and its alarm would
	# then end a subshell of a hook.
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

# start_child CMD... - run in the background, in a process group of its own, without
# stdin; $! is its PID
start_child() {
	set -m
	"$@" </dev/null &
	set +m
	_CHILDREN+=("$!")
}

# wait_child PID - return its exit status; repeats waits that a signal interrupts
wait_child() {
	local pid=$1 rc=0 i
	wait "$pid" || rc=$?
	for i in "${!_CHILDREN[@]}"; do
		[[ ${_CHILDREN[i]} == "$pid" ]] && unset '_CHILDREN[i]'
	done
	_CHILDREN=("${_CHILDREN[@]}")
	return "$rc"
}

# run_child CMD... - run CMD; the exit trap ends it and all its children. A subshell
# has no exit trap, so there CMD runs in the foreground in the same process group.
run_child() {
	if ((BASH_SUBSHELL)); then
		"$@" </dev/null
	else
		start_child "$@"
		wait_child "$!"
	fi
}

# run_logged LOG CMD... - run with output to LOG, with V=1 also to the screen
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

# --- the guest's kernel ----------------------------------------------------------

# debian_kernel - whether KERNEL selects one of Debian's kernels (debian.sh)
debian_kernel() {
	[[ ${KERNEL:=patched} != patched ]]
}

# other_source - whether the patched kernel in GUEST_KERNEL was built from another source
# than 7.3 (source.sh), so that some of the series may be left out
other_source() {
	! debian_kernel && [[ -n ${GUEST_KERNEL:-} && $(<"$GUEST_KERNEL/release") != 7.3[.-]* ]]
}

# complete - whether the guest's kernel has all our series
complete() {
	! debian_kernel && ! other_source
}

# --- locks -----------------------------------------------------------------------

# own_dir DIR - until this script ends, no other run writes its results to DIR
own_dir() {
	local fd
	mkdir -p "${1%/*}"
	exec {fd}>"$1.lock"
	flock -n "$fd" || die "another run writes its results to $1
    Wait for its end, or end it. A second clone has results of its own."
}

# with_lock NAME CMD... - run exclusively for this NAME and CACHE
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
		# In the background, so that Ctrl-C ends the wait
		run_child flock "$fd"
	fi
	VGEM_PFN_LOCKS="$held$name:"
	# "|| rc=" would disable set -e in the command.
	"$@"
	rc=$?
	VGEM_PFN_LOCKS=$held
	exec {fd}>&-
	return "$rc"
}

# nap SECONDS - sleep without forking
nap() {
	[[ -n ${_NAP:-} ]] || exec {_NAP}<> <(:)
	read -rt "$1" -u "$_NAP" || :
}

# new_lines VAR FD - append new lines of the file that FD is open on to the array
# VAR. An incomplete line is returned by a later call.
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

# --- files of this repository ------------------------------------------------------

# repo_files PATTERN... - the files that match git's PATTERNs, committed or not, below
# TOP; fails if TOP is not a git repository
repo_files() {
	(cd "$TOP" && git ls-files -co --exclude-standard -- "$@" | sort -u |
		while read -r f; do [[ ! -f $f ]] || printf '%s\n' "$f"; done)
}

# --- atomic files ----------------------------------------------------------------

# tmp_for VAR TARGET - set VAR to a temporary name next to TARGET, which is removed
# at exit; removes leftovers of killed runs
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

# publish TMP TARGET - rename the complete TMP to TARGET
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
