#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# check.sh PFN-CONTRACT - check that the checker reports the violations in traces/, and
# no others. The head of each trace has a regular expression for the end of the last
# line ("expect:"), and regular expressions for other lines ("says:", any number). Also
# check that invalid options are refused. Prints KTAP on stdout.

set -u
contract=$(realpath "$1") || exit 1
cd "$(dirname "$0")/traces" || exit 1
n=0 failed=0

# head_of KEY FILE - the value of "# KEY: value"
head_of() {
	sed -n "s/^# $1: //p" "$2"
}

# status_of EXPECT - the exit status that goes with it
status_of() {
	case "$1" in
	'0 violations'*) echo 0 ;;
	'cannot judge'*) echo 2 ;;
	'did nothing'*) echo 4 ;;
	*) echo 1 ;;
	esac
}

# result NAME WHY OUTPUT - print a result, which is ok if WHY is empty
result() {
	n=$((n + 1))
	if [[ -z $2 ]]; then
		printf 'ok %d - contract/%s\n' "$n" "$1"
	else
		failed=$((failed + 1))
		printf 'not ok %d - contract/%s # %s: %s\n' "$n" "$1" "$2" "$(tail -n 1 <<<"$3")"
	fi
}

judge() {
	local trace=$1 expect says out status why=
	expect=$(head_of expect "$trace")
	# shellcheck disable=SC2046 # words
	out=$("$contract" $(head_of options "$trace") "$trace" 2>&1)
	status=$?
	if ((status != $(status_of "$expect"))); then
		why="exit status $status"
	elif ! tail -n 1 <<<"$out" | grep -qE "^verdict: .*$expect"; then
		why="not \"$expect\""
	else
		while read -r says; do
			grep -qE -- "$says" <<<"$out" || why="nothing says \"$says\""
		done < <(head_of says "$trace")
	fi
	result "${trace%.trace}" "$why" "$out"
}

# refused OPTION VALUE - an option that is refused, with a message that names it
refused() {
	local out status why=
	out=$("$contract" "$1" "$2" /dev/null 2>&1)
	status=$?
	((status == 3)) || why="exit status $status"
	[[ $out == "pfn-contract: $1 $2: it must be a number from 1 to "* ]] || why+=" no message"
	result "refused $1 $2" "$why" "$out"
}

for trace in *.trace; do
	judge "$trace"
done
for value in '' 0 -1 8x 4097; do refused -b "$value"; done
for value in '' 0 -1 abc 600001; do refused -l "$value"; done
printf '1..%d\n' "$n"
((failed == 0))
