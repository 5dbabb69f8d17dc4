# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# bench-lib.sh - results of make bench as text.  Sourced after lib.sh.
#
#   bench_valid FILE     die unless FILE is a result with the current schema
#   bench_table FILE     print all rows
#   bench_floors FILE    print the floors
#   bench_missed FILE    set MISSED to the floors that are exceeded, or not measured
#                        although any machine can; 0 if there are none
#   bench_closing_line FILE   print how many floors are met, missed and not judged

_MISSED='[.floors[] | select(.verdict == "missed" or
	(.verdict == "not measured" and (has("needs") | not)))]'

# The same as in bench.jq
BENCH_SCHEMA=3

bench_valid() {
	local schema
	[[ -e $1 ]] || die "there is no $1: make bench writes out/bench.json"
	schema=$(jq -r '.schema // "none"' "$1" 2>/dev/null) ||
		die "$1 is not JSON"
	[[ $schema == "$BENCH_SCHEMA" ]] ||
		die "$1 is of schema $schema, this make needs schema $BENCH_SCHEMA"
}

bench_table() {
	jq -r -L "$HARNESS/results" 'include "table";
		"kernel \(.kernel), config \(.config), seed \(.seed)",
		"instructions by \(.machine); time on \(.timed_on)",
		"",
		("" | left(46)) + ("" | left(26)) + ("least" | right(14)) +
			("median" | right(14)) + ("ratio" | right(12)),
		(.rows[] | (.name | left(46)) + (.unit | left(26)) +
			(.value | number | right(14)) + (.median | number | right(14)) +
			if .ratio then (.ratio | number | right(12)) + " of \(.ratio_to)"
			else "" end),
		(.notes[] | "note: \(.)")' "$1"
}

bench_floors() {
	jq -r -L "$HARNESS/results" 'include "table";
		"",
		("floor" | left(66)) + ("is" | right(10)) + ("at most" | right(10)),
		(.floors[] | (.says | left(66)) + (.value | number | right(10)) +
			(.limit | number | right(10)) + "  \(.verdict)" +
			if .value == null and .needs then ": needs \(.needs)" else "" end)' "$1"
}

bench_missed() {
	MISSED=$(jq -r "$_MISSED | map(.id) | join(\", \")" "$1")
	[[ -z $MISSED ]]
}

bench_closing_line() {
	local counts
	mapfile -t counts < <(jq "[.floors[] | select(.verdict == \"met\")] as \$met | $_MISSED as \$missed
		| (\$met, \$missed, .floors - \$met - \$missed) | length" "$1")
	closing_line "${counts[@]}"
}
