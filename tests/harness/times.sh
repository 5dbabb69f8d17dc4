#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# times.sh - make test-times: the duration of the parts of a test run, from the
# progress of its guests.
#
#   times.sh [DIR]             of the run in DIR (out/test): a table, and the twenty
#                              slowest subtests
#   times.sh --remember DIR    save the duration of each subtest, for the order and the
#                              estimate of the next run (units.sh)

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source=tests/harness/lib/units.sh
. "$HARNESS/lib/units.sh"

# events DIR - of all guests, in guest time: "GUEST SECONDS EVENT WHAT". The
# duration of each subtest is in the output of igt_runner.
events() {
	local guest
	for guest in "$1"/guest-*/; do
		tr -d '\r' <"$guest/progress" | awk -v guest="$(basename "$guest")" \
			-v end="$(cat "$guest/seconds" 2>/dev/null || echo 0)" '
			match($0, /^(\[ *[0-9.]+\] )?\[[0-9]+\/[0-9]+\] (\([^)]*\) )?/) {
				program = substr($0, RLENGTH + 1); sub(/ .*/, "", program) }
			match($0, /^Subtest .*: [A-Z]+ \([0-9.]+s\)$/) {
				name = $2; sub(/:$/, "", name)
				print guest, substr($NF, 2, length($NF) - 3), "subtest", program "@" name
				next
			}
			{ if (!match($0, /^\[ *[0-9.]+\] /)) next
			  t = substr($0, 2, RLENGTH - 3) + 0
			  text = substr($0, RLENGTH + 1) }
			text ~ /^unit [0-9]+ begins$/ { print guest, t, "unit", $3; next }
			text ~ /^unit [0-9]+ ends$/ { print guest, t, "unit_end", $3; next }
			text ~ /^KUnit: / { print guest, t, "kunit", $NF; next }
			text ~ /^kselftest: / { print guest, t, "kselftest", $NF; next }
			text ~ /^(loading|judging|unloading|looking|naming|sending)/ {
				sub(/ .*/, "", text); print guest, t, text, "-" }
			END { print guest, end, "off", "-" }'
	done
}

# unit_names DIR - lines "UNIT PASS"
unit_names() {
	local file
	for file in "$1"/guest-*/units/*; do
		[[ -e $file ]] || continue
		awk -v unit="${file##*/}" '{ print unit, $3 == "igt" ? $4 : $3; exit }' "$file"
	done
}

# spans DIR - lines "KIND NAME SECONDS GUEST" that account for the whole run time of
# each guest. "around" is the time in a unit outside of subtests: fixtures,
# igt_runner, reloading the driver for another pass.
spans() {
	awk '
		FNR == NR { pass[$1] = $2; next }
		$1 != guest { guest = $1; last = 0; state = "boot"; name = "-"; inside = 0 }
		$3 == "subtest" { print "subtest", name "/" $4, $2, guest; inside += $2; next }
		{
			dt = $2 - last - inside
			print state, name, dt < 0 ? 0 : dt, guest
			last = $2; inside = 0
		}
		$3 == "unit" { state = "around"; name = pass[$4] }
		$3 == "unit_end" { state = "between-units"; name = "-" }
		$3 == "kunit" || $3 == "kselftest" { state = $3; name = $4 }
		$3 == "judging" { state = "contract"; name = "-" }
		$3 ~ /^(loading|unloading)$/ { state = $3; name = "-" }
		$3 ~ /^(looking|naming)$/ { state = "leaks"; name = "-" }
		$3 == "sending" { state = "power-off"; name = "-" }' <(unit_names "$1") <(events "$1")
}

table() {
	spans "$DIR" | awk '
		{ sum[$1] += $3; n[$1]++; all += $3; g[$4] += $3 }
		END {
			printf "%-14s %9s %6s %7s\n", "part", "seconds", "share", "number"
			for (k in sum) printf "%-14s %9.1f %5.1f%% %7d\n", k, sum[k], 100 * sum[k] / all, n[k] | "sort -k2,2rn"
			close("sort -k2,2rn")
			for (k in g) printf "%s: %.0f s\n", k, g[k] | "sort"
		}'
	echo
	echo "by pass: subtests, seconds in them, seconds around them"
	spans "$DIR" | awk '
		$1 == "subtest" { sub(/\/.*/, "", $2); s[$2] += $3; n[$2]++ }
		$1 == "around" { r[$2] += $3 }
		END { for (k in r) printf "%-16s %5d %8.1f %8.1f\n", k, n[k], s[k], r[k] | "sort -k3,3rn" }'
	echo
	echo "by pass and program: subtests, seconds in them"
	spans "$DIR" | awk '
		$1 == "subtest" { sub(/@.*/, "", $2); s[$2] += $3; n[$2]++ }
		END { for (k in s) printf "%-32s %5d %8.1f\n", k, n[k], s[k] | "sort -k3,3rn" }'
	echo
	echo "the twenty slowest subtests"
	spans "$DIR" | awk '$1 == "subtest" { printf "%8.1f  %s\n", $3, $2 }' | sort -rn | head -n 20
}

remember() {
	local tmp
	mkdir -p "${TEST_TIMES%/*}"
	tmp_for tmp "$TEST_TIMES"
	spans "$DIR" | awk '
		FNR == NR { t[$1] = $2; next }
		$1 == "subtest" { t[$2] = $3 }
		END { for (k in t) print k, t[k] }' <(cat "$TEST_TIMES" 2>/dev/null) - >"$tmp"
	publish "$tmp" "$TEST_TIMES"
}

mode=table
if [[ ${1:-} == --remember ]]; then
	mode=remember
	shift
fi
DIR=${1:-$OUT/test}
compgen -G "$DIR/guest-*/progress" >/dev/null ||
	die "there is no test run in $DIR: make test makes one"
$mode
