#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# check.sh PFN-CONTRACT - check that the checker reports the violations in traces/, and
# no others. The head of each trace has a regular expression for the end of the last
# line ("expect:"), and regular expressions for other lines ("says:", any number).
# Prints KTAP on stdout.

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
	n=$((n + 1))
	if [[ -z $why ]]; then
		printf 'ok %d - contract/%s\n' "$n" "${trace%.trace}"
	else
		failed=$((failed + 1))
		printf 'not ok %d - contract/%s # %s: %s\n' "$n" "${trace%.trace}" "$why" \
			"$(tail -n 1 <<<"$out")"
	fi
}

# refused OPTION VALUE - an option that is refused, with a message that names it
refused() {
	local out status
	out=$("$contract" "$1" "$2" /dev/null 2>&1)
	status=$?
	n=$((n + 1))
	if ((status == 3)) && [[ $out == "pfn-contract: $1 $2: it must be a number from 1 to "* ]]; then
		printf 'ok %d - contract/refused %s %s\n' "$n" "$1" "$2"
	else
		failed=$((failed + 1))
		printf 'not ok %d - contract/refused %s %s # exit status %d: %s\n' "$n" "$1" "$2" \
			"$status" "$out"
	fi
}

for trace in *.trace; do
	judge "$trace"
done
for value in '' 0 -1 8x 4097; do refused -b "$value"; done
for value in '' 0 -1 abc 600001; do refused -l "$value"; done
printf '1..%d\n' "$n"
((failed == 0))
