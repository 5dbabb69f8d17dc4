# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# units.sh - what a test run consists of: units, each a list of tests that a guest
# runs in one go.  Sourced after lib.sh.
#
#   units_make QUEUE        a file for each unit, in the order of running
#   units_begin QUEUE, unit_add NUMBER LINE   or one by one
#   units_poll DIR QUEUE LINE   give the guest of DIR its next unit if it wants one
#   units_requeue DIR QUEUE what the guest of DIR has not begun goes back
#
# A unit is subtests of some programs in one pass (passes.list), a module of KUnit tests,
# or a program of Linux's selftests.  Its first line is
#
#   unit NUMBER igt PASS [PARAMETER...]
#   unit NUMBER mutant NAME PASS [PARAMETER...]     the same with a fault (mutate.sh)
#   unit NUMBER kunit MODULE [SUITE_LEFT_OUT...]
#   unit NUMBER kselftest PROGRAM MODULE [OPTION...]
#
# then the tests of igt_runner's test list, and "end".  A guest writes "wants unit N" to
# its port "progress", waits for the unit at its port "plan", and after the last one
# reads "done".  Several guests take from one queue, so none is idle before the end.
#
# From the environment: TESTS, PASSES and SUITES select, FORM=full has the long forms
# and all passes (default: short), VARIANT may have a list of KUnit modules of its own.

PASSES_LIST=$TOP/tests/guest/lists/passes.list
STOCK_LIST=$TOP/tests/guest/lists/stock.list

# Seconds of each test in earlier runs, for the order and the estimate.
TIMES=$CACHE/times/${VARIANT:-base}

# --- what there is ---------------------------------------------------------------

# pass_lines - name, subtests in the short form, those of the full form, parameters
pass_lines() {
	grep -vE '^(#|$)' "$PASSES_LIST"
}

# _run_listed PROGRAM - its subtests; it is linked with the libraries of the guest
_run_listed() {
	local tree=$ROOTFS/root
	"$tree/lib64/ld-linux-x86-64.so.2" --library-path \
		"$tree/usr/lib/x86_64-linux-gnu" "$1" --list-subtests </dev/null
}

# program_subtests PROGRAM_FILE - program@subtest, or the program's name if it has none
program_subtests() {
	local name list=$OUT/guest/subtests/${1##*/} tmp
	name=${1##*/}
	if [[ ! $list -nt $1 ]]; then
		tmp_for tmp "$list"
		_run_listed "$1" >"$tmp" 2>/dev/null || :
		if [[ -s $tmp ]]; then sed -i "s/^/$name@/" "$tmp"; else echo "$name" >"$tmp"; fi
		publish "$tmp" "$list"
	fi
	cat "$list"
}

# own_subtests - of all our programs
own_subtests() {
	local name
	while read -r name; do
		program_subtests "$OUT/guest/tests/$name"
	done < <(grep -v TESTLIST "$OUT/guest/tests/test-list.txt" | tr ' ' '\n')
}

# stock_subtests - of IGT's own programs that stock.list names
stock_subtests() {
	local name tree=$ROOTFS/root
	while read -r name; do
		program_subtests "$tree/usr/libexec/igt-gpu-tools/$name"
	done < <(grep '^[a-z]' "$STOCK_LIST")
}

# kunit_lines - modules of KUnit tests, with the suites to leave out
kunit_lines() {
	local list=$TOP/tests/guest/lists/kunit.list
	[[ ! -e $TOP/tests/guest/lists/${VARIANT:-base}.list ]] || list=$TOP/tests/guest/lists/$VARIANT.list
	grep -vE '^(#|$)' "$list"
}

# kunit_only - is VARIANT one that runs KUnit modules of others, and nothing else?
kunit_only() {
	[[ -e $TOP/tests/guest/lists/${VARIANT:-base}.list ]]
}

# --- selection -------------------------------------------------------------------

# select_by INCLUDE[!EXCLUDE] - the lines of stdin that match
select_by() {
	if [[ $1 == *!* ]]; then
		{ grep -P -- "${1%%!*}" || :; } | { grep -vP -- "${1#*!}" || :; }
	else
		grep -P -- "$1" || :
	fi
}

# chosen - the lines of stdin that TESTS matches
chosen() {
	grep -P -- "${TESTS:-.}" || :
}

# pass_subtests NAME SHORT FULL - program@subtest of this pass
pass_subtests() {
	local all=own_subtests
	[[ $1 != stock ]] || all=stock_subtests
	{
		# A subtest in its long form belongs to the full one.
		[[ $2 == - ]] || $all | select_by "$2" | { grep -v -- '-long$' || :; }
		[[ $3 == - || ${FORM:-short} != full ]] || $all | select_by "$3"
	} | sort -u
}

# pass_selected NAME - does PASSES have it, or is it one that runs by itself?  VIRTGPU
# does where virtio-gpu has what it needs (guest.sh).
pass_selected() {
	if [[ -n ${PASSES:-} ]]; then
		grep -qP -- "^(${PASSES})$" <<<"$1"
	else
		[[ $1 != [A-Z]* || ($1 == VIRTGPU && -n ${GUEST_BLOB:-}) ]]
	fi
}

# --- the queue -------------------------------------------------------------------

# _weight PREFIX - seconds that the tests on stdin took in earlier runs
_weight() {
	awk -v prefix="$1" '
		FNR == NR { t[$1] = $2; next }
		{ sum += (prefix $1 in t) ? t[prefix $1] : 0.4 }
		END { printf "%.1f\n", sum }' <(cat "$TIMES" 2>/dev/null) -
}

# units_begin QUEUE - an empty one
units_begin() {
	_QUEUE=$1
	rm -rf "$_QUEUE"
	mkdir -p "$_QUEUE" "$OUT/guest/subtests"
}

# unit_add NUMBER LINE - a unit with this first line and the tests on stdin
unit_add() {
	{
		printf 'unit %s %s\n' "$1" "$2"
		sed 's/^/igt@/'
		echo end
	} >"$_QUEUE/$1"
}

# To start igt_runner and to have its results takes seconds under emulation, so a unit has
# as many programs as take this long.
UNIT_SECONDS=40

# _programs FILE PASS - "SECONDS PROGRAM" of the subtests in it, the longest first
_programs() {
	local program
	sed 's/@.*//' "$1" | sort -u | while read -r program; do
		printf '%s %s\n' "$(grep -E "^$program(@|\$)" "$1" | _weight "$2/")" "$program"
	done | sort -rn
}

# _igt_units - of all passes
_igt_units() {
	local name short full params seconds program n=100 sum tests=$_QUEUE.tests
	while read -r name short full params; do
		pass_selected "$name" || continue
		pass_subtests "$name" "$short" "$full" | chosen >"$tests"
		sum=$UNIT_SECONDS
		while read -r seconds program; do
			if ((sum >= UNIT_SECONDS)); then
				n=$((n + 1))
				sum=0
				: >"$tests.$n"
			fi
			sum=$((sum + ${seconds%.*} + 1))
			grep -E "^$program(@|\$)" "$tests" >>"$tests.$n"
			unit_add "$n" "igt $name${params:+ $params}" <"$tests.$n"
		done < <(_programs "$tests" "$name")
	done < <(pass_lines)
	rm -f "$tests" "$tests".*
}

# kselftest_units LIST - those of a list in tests/guest/lists that TESTS selects
kselftest_units() {
	local line n=0
	while read -r line; do
		n=$((n + 1))
		unit_add "00$n" "kselftest $line" </dev/null
	done < <(grep -vE '^(#|$)' "$TOP/tests/guest/lists/$1" | chosen)
}

# units_make QUEUE
units_make() {
	local line n
	units_begin "$1"
	kunit_only || {
		kselftest_units kselftest.list
		_igt_units
	}
	# Last: IGT's drm_mm wants to be the first to use KUnit.
	n=0
	while read -r line; do
		n=$((n + 1))
		unit_add "9$(printf %02d $n)" "kunit $line" </dev/null
	done < <(kunit_lines | chosen)
	[[ -n $(ls "$_QUEUE") ]] || die "TESTS=${TESTS:-} matches no test${PASSES:+ of PASSES=$PASSES}
    It is a regular expression for program@subtest, KUnit modules and selftests. The programs:
$(own_subtests | sed 's/@.*//' | sort | uniq -c | awk '{ printf "        %s (%d subtests)\n", $2, $1 }')
        KUnit: $(kunit_lines | awk '{ printf "%s ", $1 }')"
}

# --- handing out -----------------------------------------------------------------

# units_poll DIR QUEUE LINE - LINE is what the guest of DIR has just written
units_poll() {
	local unit
	[[ $3 == *" wants unit "* ]] || return 0
	mkdir -p "$1/units"
	for unit in "$2"/*; do
		# Another guest's may have been faster.
		mv "$unit" "$1/units/" 2>/dev/null || continue
		cat "$1/units/${unit##*/}" >&"$PLAN_FD"
		return 0
	done
	echo "done" >&"$PLAN_FD"
}

# unit_done DIR UNIT - what igt_runner said of its subtests: "program@subtest RESULT".
# The one in which the guest died has the result DIED, if the guest was not ended with the
# whole run.
unit_done() {
	tr -d '\r' <"$1/progress" | awk -v unit="$2" -v died="$(ls "$1/end" 2>/dev/null)" '
		{ sub(/^\[ *[0-9.]+\] /, "") }
		/^unit [0-9]+ (begins|ends)$/ { on = ($(NF - 1) == unit && $NF == "begins") }
		!on { next }
		match($0, /^\[[0-9]+\/[0-9]+\] (\([^)]*\) )?/) {
			program = substr($0, RLENGTH + 1)
			sub(/ .*/, "", program)
		}
		/^Starting subtest: / { now = program "@" $3 }
		match($0, /^Subtest [^ ]*: [A-Z]+/) {
			name = $2; sub(/:$/, "", name)
			print program "@" name, $3
			now = ""
		}
		END { if (now != "" && died != "") print now, "DIED" }'
}

# unit_ended DIR UNIT
unit_ended() {
	tr -d '\r' <"$1/progress" 2>/dev/null | grep " unit $2 ends\$" >/dev/null
}

# units_requeue DIR QUEUE - of the units that did not end; the test that was running
# does not run again
units_requeue() {
	local file unit first left
	for file in "$1"/units/*; do
		[[ -e $file ]] || continue
		unit=${file##*/}
		unit_ended "$1" "$unit" && continue
		first=$(head -n 1 "$file")
		[[ $first == "unit $unit "@(igt|mutant)* ]] || continue
		left=$(sed -n 's/^igt@//p' "$file" |
			grep -vxF -f <(unit_done "$1" "$unit" | sed 's/ .*//')) || :
		[[ -n $left ]] || continue
		_QUEUE=$2
		unit_add "$unit" "${first#unit * }" <<<"$left"
	done
}
