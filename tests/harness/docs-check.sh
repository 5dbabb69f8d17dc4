#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# docs-check.sh - make docs-check: run the commands of every page, README.md included, and
# compare what they print with the output that the page shows. PAGES=regex selects pages.
#
# The commands are the code blocks "::" of .rst files and ```sh of .md files. Blocks that
# are not commands are marked: "code-block:: none" or ```text has output, which must be
# what earlier commands of the page have printed; other languages are not looked at.
# Blocks with make, gcc or git run on this machine, in a clone of the repository. All
# others run in a guest of make shell, where each block begins with the driver loaded
# anew. The steps of the CI job run in a root that has a fresh Debian system.
#
# docs-check.list has the exceptions; an entry that matches no command is an error.
#
# Rule of the comparison: every sequence of digits, hexadecimal digits, x, point and comma
# that has a digit counts as the same figure, and lines may be broken anywhere. The parts
# of the text between "..." must be in the output, in this order. Colours are ignored.

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source=tests/harness/lib/packages.sh
. "$HARNESS/lib/packages.sh"
# shellcheck source=tests/harness/lib/source.sh
. "$HARNESS/lib/source.sh"
# shellcheck source=tests/harness/lib/outcome.sh
. "$HARNESS/lib/outcome.sh"

DIR=$OUT/docs-check
CLONE=$DIR/vgem_pfn
LIST=$HARNESS/docs-check.list
declare -A USED=() RAN=()

# --- the list ----------------------------------------------------------------------

# entry PAGE ACTION TEXT - find the entry of this page that is the beginning of TEXT, and
# set ENTRY to the text after "=>". An entry for all pages must have the whole TEXT.
entry() {
	local page action rest n=0
	ENTRY=
	while read -r page action rest; do
		n=$((n + 1))
		[[ $action == "$2" ]] || continue
		[[ $page == "$1" && $3 == "${rest%% => *}"* || $page == "*" && $3 == "${rest%% => *}" ]] ||
			continue
		USED[$n]=1
		[[ $rest != *" => "* ]] || ENTRY=${rest#* => }
		return 0
	done <"$LIST"
	return 1
}

# unused_entries - report the entries that match no command
unused_entries() {
	local page action rest n=0
	while read -r page action rest; do
		n=$((n + 1))
		[[ -z $page || $page == "#"* || -n ${USED[$n]:-} ]] ||
			outcome 1 "docs-check.list:$n: $page has no such command: $rest"
	done <"$LIST"
}

# --- sessions ------------------------------------------------------------------------

# A session is a shell that reads commands, one in each line and in base64, and prints
# the exit status after each.
# shellcheck disable=SC2016 # $c is that shell's
LOOP='while read -r c; do eval "$(echo "$c" | base64 -d)" </dev/null; printf "\n@@ %d\n" $?; done'
declare -A S_IN=() S_OUT=() S_PID=()
RC=0 OUTPUT='' LOG=''

# session_open KIND COMMAND...
session_open() {
	local kind=$1 in out pipe=$DIR/session-$1
	shift
	mkfifo "$pipe".{in,out}
	# shellcheck disable=SC2016 # $0 and $@ are that shell's
	start_child bash -c 'exec "$@" <"$0.in" >"$0.out" 2>&1' "$pipe" "$@"
	S_PID[$kind]=$!
	exec {in}>"$pipe.in" {out}<"$pipe.out"
	S_IN[$kind]=$in S_OUT[$kind]=$out
	rm -- "$pipe".{in,out}
}

sessions_close() {
	local kind in out
	for kind in "${!S_PID[@]}"; do
		in=${S_IN[$kind]} out=${S_OUT[$kind]}
		{ base64 -w 0 <<<"exit" && echo; } >&"$in"
		exec {in}>&-
		while IFS= read -r -t 60 -u "$out" _; do :; done
		exec {out}<&-
		kill -TERM -- "-${S_PID[$kind]}" 2>/dev/null || :
		wait_child "${S_PID[$kind]}" 2>/dev/null || :
	done
	S_PID=()
}

# session_read KIND SECONDS - read until the exit status: sets RC and OUTPUT
session_read() {
	local line got=0
	OUTPUT='' RC=124
	while IFS= read -r -t "$2" -u "${S_OUT[$1]}" line; do
		line=${line%$'\r'}
		if [[ $line == "@@ "* ]]; then
			RC=${line#@@ }
			return
		fi
		OUTPUT+=$line$'\n'
	done || got=$?
	OUTPUT+=$( ((got > 128)) && echo "(nothing more in $2 s)" || echo "(the shell ended)")
}

# session_run KIND COMMAND [SECONDS]
session_run() {
	local limit=${3:-$([[ $1 == guest ]] && echo 300 || echo 1800)}
	{ base64 -w 0 <<<"$2" && echo; } >&"${S_IN[$1]}"
	session_read "$1" "$limit"
	printf '\n$ %s\n%s' "$2" "$OUTPUT" >>"$LOG"
}

# session_await KIND TEXT SECONDS - wait until the session prints a line with TEXT
session_await() {
	local line
	while IFS= read -r -t "$3" -u "${S_OUT[$1]}" line; do
		printf '%s\n' "$line" >>"$LOG"
		[[ $line != *"$2"* ]] || return 0
	done
	return 1
}

open_host() {
	session_open host env -u MAKEFLAGS -u MAKELEVEL -u PAGES -C "$CLONE" bash -c "$LOOP"
	# shellcheck disable=SC2016 # that shell's
	session_run host "CLONE='$CLONE' DIR='$DIR' LINUX_SOURCE='$PRISTINE' PATCHED='$WORK/src'"
}

# In a guest, your-test and your-program stand for the reader's programs.
open_guest() {
	session_open guest env -C "$CLONE" tests/harness/shell.sh
	session_await guest 'powers the guest off' 600 || return 1
	nap 3
	# The shell's line editor drops what is sent before it has read a line.
	printf 'dmesg -n 1; stty -echo; PS1=; echo; echo "@@ 0"\n' >&"${S_IN[guest]}"
	session_read guest 60
	nap 1
	printf '%s\n' "$LOOP" >&"${S_IN[guest]}"
	nap 1
	# shellcheck disable=SC2016 # the guest's
	session_run guest 'mkdir -p /tmp/bin; PATH=/tmp/bin:/sbin:$PATH; BEGIN=/sys/kernel/debug/dri/vgem_pfn.0
for p in your-test your-program; do
	printf "#!/bin/sh\n[ -n \"\$VGEM_PFN_DMABUF_FD\" ] && exec exercise 1\nsleep 1\n" > /tmp/bin/$p
	chmod +x /tmp/bin/$p
done
anew() {
	exec 3>&-; cd /
	rmmod vgem_pfn && modprobe vgem_pfn devices=2 carveouts=contig:64M,contig:32M:buddy
	cd $BEGIN
}' 300
	((RC == 0))
}

# A new Debian system of this machine's suite, which has git and make. Its mounts are in
# a namespace of their own. The downloads and builds of the host are used, and the clone
# in place of the address that the page gives.
open_ci() {
	local root=$DIR/root suite log=$DIR/mmdebstrap.log
	suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	suite_sources "$suite" >"$DIR/sources"
	apt-config dump Acquire >"$DIR/apt.conf"
	rm -rf --one-file-system "$root"
	run_logged "$log" mmdebstrap --variant=minbase --include=ca-certificates,git,make \
		--aptopt="$DIR/apt.conf" "$suite" "$root" "$DIR/sources" || return 1
	cp "$DIR/apt.conf" "$root/etc/apt/apt.conf.d/99docs-check"
	cp -L /etc/resolv.conf "$root/etc/"
	mkdir -p "$root/src" "$root/cache"
	# shellcheck disable=SC2016 # that shell's
	session_open ci unshare --mount --pid --fork sh -c '
		mount --rbind /dev "$1/dev"; mount -t proc proc "$1/proc"
		mount --rbind /sys "$1/sys"; mount --bind "$2" "$1/src"
		mount --bind "$3" "$1/cache"
		exec chroot "$1" env -i HOME=/home VGEM_PFN_CACHE=/cache \
			PATH=/usr/sbin:/usr/bin bash -c "$4"' \
		sh "$root" "$CLONE" "$CACHE" "$LOOP"
	session_run ci "cd; git config --global url./src.insteadOf https://example.org/vgem_pfn
git config --global safe.directory '*'"
	((RC == 0))
}

# --- output --------------------------------------------------------------------------

plain() {
	sed 's/\x1b\[[0-9;]*m//g' | tr -s '[:space:]' ' ' | sed -E 's/[0-9a-fx.,]*[0-9][0-9a-fx.,]*/N/g'
}

# shows WHERE TEXT - compare TEXT with OUTPUT
shows() {
	local part have
	have=" $(plain <<<"$OUTPUT") "
	while IFS= read -r -d $'\001' part; do
		part=$(plain <<<"$part")
		part=${part# } part=${part% }
		if [[ $have != *"$part"* ]]; then
			outcome 1 "$1: the output is not as shown: \"${part:0:120}\"" "$LOG"
			return
		fi
		have=${have#*"$part"}
	done < <(printf '%s\001' "${2//.../$'\001'}")
	outcome 0 "$1: the output is as shown"
}

# --- commands --------------------------------------------------------------------------

# run_command WHERE PAGE KIND TEXT [SHOWN] - run one command
run_command() {
	local where=$1 page=$2 kind=$3 text=$4 what=$4 fails=0 before='' start=$SECONDS
	what=${what//[$'\n\t ']/ }
	if entry "$page" skip "$4"; then
		skipped "$where: $what: $ENTRY"
		return
	fi
	entry "$page" fails "$4" && fails=1
	entry "$page" before "$4" && before=$ENTRY
	entry "$page" as "$4" && text=$ENTRY what+=" (as: $ENTRY)"
	# Two pages can have the same command.
	if [[ $kind == host && $text == make\ * && -n ${RAN[$text]:-} ]]; then
		OUTPUT=${RAN[$text]}
		ALL+=$OUTPUT
		outcome 0 "$where: $what: was run before"
		[[ -z ${5:-} ]] || shows "$where" "$5"
		return
	fi
	LOG=$DIR/log/${where//[\/:]/-}.log
	if [[ -z ${S_PID[$kind]:-} ]] && ! "open_$kind"; then
		outcome 1 "$where: $what: no shell to run it in: $kind" "$LOG"
		return
	fi
	[[ -z $before ]] || session_run "$kind" "$before"
	session_run "$kind" "$text"
	[[ $text != *'&' ]] || nap 2
	ALL+=$OUTPUT
	((fails)) && [[ $RC != 0 && $RC != 124 ]] && RC=0
	((RC)) || RAN[$text]=$OUTPUT
	outcome "$RC" "$where: $what, $(hms $((SECONDS - start)))" "$LOG"
	[[ -z ${5:-} ]] || ((RC)) || shows "$where" "$5"
}

# kind_of PAGE TEXT - where this block runs
kind_of() {
	if entry "$1" in "$2"; then
		echo "$ENTRY"
	elif grep -qE '^([#$] )?(make|gcc|git) ' <<<"$2"; then
		echo host
	else
		echo guest
	fi
}

# commands PAGE:LINE PAGE TEXT - run a block, one complete command after the other
commands() {
	local file=${1%:*} n=${1##*:} line text='' kind
	kind=$(kind_of "$2" "$3")
	entry "$2" in "$3" || :
	if [[ $kind == guest ]] && ! entry "$2" skip "$3"; then
		LOG=$DIR/log/anew.log
		if [[ -n ${S_PID[guest]:-} ]] || open_guest; then session_run guest anew 60; fi
	fi
	while IFS= read -r line; do
		text+=${text:+$'\n'}$line
		n=$((n + 1))
		[[ $line != *\\ ]] || continue
		bash -n <<<"$text" 2>/dev/null || continue
		[[ -z ${text//[[:space:]]/} ]] || run_command "$file:$((n - 1))" "$2" "$kind" "$text"
		text=
	done < <(sed -E 's/ +# .*//' <<<"$3")
	[[ -z $text ]] || outcome 1 "$1: this is not a complete command: $text"
}

# session PAGE:LINE PAGE TEXT - commands after a prompt, with their output
session() {
	local file=${1%:*} n=${1##*:} line text='' shown='' at kind
	kind=$(kind_of "$2" "$3")
	while IFS= read -r line; do
		if [[ $line == [#$]\ * ]]; then
			[[ -z $text ]] || run_command "$file:$at" "$2" "$kind" "$text" "$shown"
			text=${line:2} shown='' at=$n
		else
			shown+=$line$'\n'
		fi
		n=$((n + 1))
	done <<<"$3"$'\n# '
}

# inline PAGE:LINE PAGE TEXT - a command in a sentence or table: run if the list has it,
# otherwise only checked to have a target
inline() {
	[[ -z ${RAN[inline $3]:-} ]] || return 0
	RAN[inline $3]=1
	if entry "$2" run "$3"; then
		run_command "$1" "$2" host "$3"
	else
		LOG=$DIR/log/inline.log RC=0
		(cd "$CLONE" && eval "env -u MAKEFLAGS make -n ${3#make}") >"$LOG" 2>&1 || RC=$?
		outcome "$RC" "$1: $3: not run, only checked by make -n" "$LOG"
	fi
}

page() {
	local block where kind page text
	while IFS= read -r -d $'\001' block; do
		read -r where kind <<<"$block"
		page=${where%:*} page=${page##*/} text=${block#*$'\n'}
		case $kind in
		commands | session | inline) "$kind" "$where" "$page" "${text%$'\n'}" ;;
		text)
			OUTPUT=$ALL LOG=$DIR/log/${where//[\/:]/-}.log
			printf '%s' "$ALL" >"$LOG"
			entry "$page" figure "$text" || shows "$where" "$text"
			;;
		*) outcome 1 "$where: the block is neither run nor marked as text" ;;
		esac
	done < <(cd "$TOP" && awk -f "$HARNESS/lib/docs-blocks.awk" "$1")
	sessions_close
}

# ---------------------------------------------------------------------------------------

# README.md first, as a reader
mapfile -t pages < <({ repo_files README.md && repo_files tests/README.md 'Documentation/*.rst'; } |
	grep -P -- "${PAGES:-}")
((${#pages[@]})) || die "PAGES=$PAGES: it matches no page. There are:
$(repo_files '*.md' 'Documentation/*.rst' | sed 's/^/    /')"
step 1/3 "tools, sources, and a clone"
need_tools fetch kernel guest
source_id
own_dir "$DIR"
rm -rf -- "$DIR"
mkdir -p "$DIR/log"
run_logged "$DIR/log/clone.log" git clone -q "$TOP" "$CLONE"
repo_files . | rsync -a --files-from=- "$TOP/" "$CLONE/"
step 2/3 "${#pages[@]} pages"
for p in "${pages[@]}"; do
	ALL=
	page "$p"
done
step 3/3 "logs in $DIR/log, $(elapsed)"
[[ -n ${PAGES:-} ]] || unused_entries
outcomes || exit 1
