# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# units.sh - a test run consists of units. A unit is a list of tests that a guest
# runs in one go. Sourced after lib.sh.
#
#   units_make QUEUE        make a file for each unit, named in the order of running; those
#                           for the guest with an IOMMU are in QUEUE.iommu
#   units_begin QUEUE, unit_add NUMBER LINE   or make them one by one
#   units_poll DIR QUEUE LINE   send the guest of DIR its next unit if LINE requests it
#   units_requeue DIR QUEUE put tests that the guest of DIR has not begun into QUEUE
#
# A unit has subtests of some programs in one pass (passes.list), or is a module of
# KUnit tests or a program of Linux's selftests. Its first line is
#
#   unit NUMBER igt PASS [PARAMETER...]
#   unit NUMBER mutant NAME PASS [PARAMETER...]     the same with a mutant (mutate.sh)
#   unit NUMBER kunit MODULE [SUITE_LEFT_OUT...]
#   unit NUMBER kselftest PROGRAM MODULE [OPTION...]
#
# followed by lines of igt_runner's test list, and "end". A guest writes "wants unit
# N" to its port "progress" and reads the unit from its port "plan", or "done" if
# there is none left. All guests take units from one queue, so none is idle before
# the end, except that the guest with an IOMMU (guest.sh) has its own.
#
# Environment: TESTS, PASSES and SUITES select, FORM=full adds the long forms and
# all passes (default: short), REPEAT=n runs the IGT subtests n times, VARIANT may
# have its own list of KUnit modules.

PASSES_LIST=$TOP/tests/guest/lists/passes.list
STOCK_LIST=$TOP/tests/guest/lists/stock.list

# The duration of each test in earlier runs, for the order and the estimate
TEST_TIMES=$CACHE/times/${VARIANT:-base}

# --- available tests -------------------------------------------------------------

# pass_lines - name, subtests of the short form, those of the full form, parameters
pass_lines() {
	grep -vE '^(#|$)' "$PASSES_LIST"
}

# _run_listed PROGRAM - list its subtests; it is linked with the guest's libraries
_run_listed() {
	local tree=$ROOTFS/root
	"$tree/lib64/ld-linux-x86-64.so.2" --library-path \
		"$tree/usr/lib/x86_64-linux-gnu" "$1" --list-subtests </dev/null
}

# program_subtests PROGRAM_FILE - program@subtest, or only the program's name
# without subtests
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

# own_subtests - the subtests of all our programs
own_subtests() {
	local name
	while read -r name; do
		program_subtests "$OUT/guest/tests/$name"
	done < <(grep -v TESTLIST "$OUT/guest/tests/test-list.txt" | tr ' ' '\n')
}

# stock_subtests - the subtests of those of IGT's programs that stock.list names
stock_subtests() {
	local name tree=$ROOTFS/root
	while read -r name; do
		program_subtests "$tree/usr/libexec/igt-gpu-tools/$name"
	done < <(grep '^[a-z]' "$STOCK_LIST")
}

# kunit_lines - modules of KUnit tests, with the suites that are left out
kunit_lines() {
	! debian_kernel || return 0
	local list=$TOP/tests/guest/lists/kunit.list
	[[ ! -e $TOP/tests/guest/lists/${VARIANT:-base}.list ]] || list=$TOP/tests/guest/lists/$VARIANT.list
	grep -vE '^(#|$)' "$list"
}

# kunit_only - whether VARIANT only runs KUnit modules of others
kunit_only() {
	[[ -e $TOP/tests/guest/lists/${VARIANT:-base}.list ]]
}

# left_out_lines - with one of Debian's kernels, the tests that cannot run there: a
# regular expression and the reason, from debian.list and debian-<version>.list. With a
# patched kernel of another source than 7.3, those of other-source.list.
left_out_lines() {
	local list version name=debian
	! complete || return 0
	! other_source || name=other-source
	version=$(grep -oE '^[0-9]+\.[0-9]+' "$GUEST_KERNEL/release")
	for list in "$TOP/tests/guest/lists/$name"{,-"$version"}.list; do
		[[ ! -e $list ]] || grep -vE '^(#|$)' "$list" || :
	done
}

# left_in - the lines of stdin that can run
left_in() {
	local patterns
	patterns=$(left_out_lines | sed 's/ .*//')
	if [[ -z $patterns ]]; then cat; else grep -vE -- "$(paste -sd'|' <<<"$patterns")" || :; fi
}

# --- selection -------------------------------------------------------------------

# select_by INCLUDE[!EXCLUDE] - the matching lines of stdin
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
		# The long form of a subtest belongs to the full form only.
		[[ $2 == - ]] || $all | select_by "$2" | { grep -v -- '-long$' || :; }
		[[ $3 == - || ${FORM:-short} != full ]] || $all | select_by "$3"
	} | left_in | sort -u
}

# pass_selected NAME - whether PASSES selects it, or it runs by default. Of those in
# capitals, VIRTGPU runs by default if virtio-gpu has blob resources (guest.sh).
pass_selected() {
	if [[ -n ${PASSES:-} ]]; then
		grep -qP -- "^(${PASSES})$" <<<"$1"
	else
		[[ $1 != [A-Z]* || ($1 == VIRTGPU && -n ${GUEST_BLOB:-}) ]] || pass_needs_iommu "$1"
	fi
}

# pass_needs_iommu NAME - whether it runs in the guest with an IOMMU
pass_needs_iommu() {
	[[ $1 == @(VFIO|DMA|KVM|KVM-*) ]]
}

# --- the queue -------------------------------------------------------------------

# _weight PREFIX - the duration of the tests on stdin in earlier runs, in seconds
_weight() {
	awk -v prefix="$1" '
		FNR == NR { t[$1] = $2; next }
		{ sum += (prefix $1 in t) ? t[prefix $1] : 0.4 }
		END { printf "%.1f\n", sum }' <(cat "$TEST_TIMES" 2>/dev/null) -
}

# units_begin QUEUE - create an empty queue
units_begin() {
	_QUEUE=$1
	rm -rf "$_QUEUE"
	mkdir -p "$_QUEUE" "$OUT/guest/subtests"
}

# unit_add NUMBER LINE - add a unit with this first line and the tests on stdin
unit_add() {
	{
		printf 'unit %s %s\n' "$1" "$2"
		sed 's/^/igt@/'
		echo end
	} >"$_QUEUE/$1"
}

# Starting igt_runner and collecting its results takes seconds under emulation, so a
# unit gets programs until they take this long.
UNIT_SECONDS=40

# _programs FILE PASS - "SECONDS PROGRAM" of the subtests in FILE, the longest first
_programs() {
	local program
	sed 's/@.*//' "$1" | sort -u | while read -r program; do
		printf '%s %s\n' "$(grep -E "^$program(@|\$)" "$1" | _weight "$2/")" "$program"
	done | sort -rn
}

# _igt_units - add the units of all passes for this guest, numbered from _UNIT + 1 on
_igt_units() {
	local name short full params seconds program sum tests=$_QUEUE.tests
	while read -r name short full params; do
		pass_selected "$name" || continue
		[[ $(pass_needs_iommu "$name" && echo 1) == "${GUEST_IOMMU:-}" ]] || continue
		pass_subtests "$name" "$short" "$full" | chosen >"$tests"
		sum=$UNIT_SECONDS
		while read -r seconds program; do
			if ((sum >= UNIT_SECONDS)); then
				_UNIT=$((_UNIT + 1))
				sum=0
				: >"$tests.unit"
			fi
			sum=$((sum + ${seconds%.*} + 1))
			grep -E "^$program(@|\$)" "$tests" >>"$tests.unit"
			unit_add "$_UNIT" "igt $name${params:+ $params}" <"$tests.unit"
		done < <(_programs "$tests" "$name")
	done < <(pass_lines)
	rm -f "$tests" "$tests.unit"
}

# igt_units - add the units of the selected passes, REPEAT times: with GUEST_IOMMU=1
# those that need an IOMMU, otherwise the others
igt_units() {
	local n
	_UNIT=100
	[[ -z ${GUEST_IOMMU:-} ]] || _UNIT=500
	for ((n = 0; n < ${REPEAT:-1}; n++)); do _igt_units; done
}

# kselftest_units LIST - add units for a list in tests/guest/lists, as TESTS selects
kselftest_units() {
	local line n=0 first=0
	[[ -z ${GUEST_IOMMU:-} ]] || first=4
	while read -r line; do
		n=$((n + 1))
		unit_add "$first$(printf %02d $n)" "kselftest $line" </dev/null
	done < <(grep -vE '^(#|$)' "$TOP/tests/guest/lists/$1" | chosen)
}

# queue_files QUEUE - the files of its units, also those for the guest with an IOMMU
queue_files() {
	find "$1" "$1.iommu" -type f 2>/dev/null | sort || :
}

# units_make QUEUE
units_make() {
	local line n
	units_begin "$1"
	kunit_only || {
		! complete || kselftest_units kselftest.list
		igt_units
	}
	# Last: IGT's drm_mm has to be the first user of KUnit.
	n=0
	while read -r line; do
		n=$((n + 1))
		unit_add "9$(printf %02d $n)" "kunit $line" </dev/null
	done < <(kunit_lines | chosen)
	units_begin "$1.iommu"
	kunit_only || ! complete || {
		GUEST_IOMMU=1 kselftest_units kselftest-iommu.list
		GUEST_IOMMU=1 igt_units
	}
	rmdir --ignore-fail-on-non-empty "$1.iommu"
	[[ -n $(queue_files "$1") ]] || die "TESTS=${TESTS:-} matches no test${PASSES:+ of PASSES=$PASSES}
    It is a regular expression for program@subtest, KUnit modules and selftests. The programs:
$(own_subtests | sed 's/@.*//' | sort | uniq -c | awk '{ printf "        %s (%d subtests)\n", $2, $1 }')
        KUnit: $(kunit_lines | awk '{ printf "%s ", $1 }')"
}

# --- handing out -----------------------------------------------------------------

# units_poll DIR QUEUE LINE - LINE is the last line that the guest of DIR has written
units_poll() {
	local unit
	[[ $3 == *" wants unit "* ]] || return 0
	mkdir -p "$1/units"
	for unit in "$2"/*; do
		# Another guest may have taken it.
		mv "$unit" "$1/units/" 2>/dev/null || continue
		cat "$1/units/${unit##*/}" >&"$PLAN_FD"
		return 0
	done
	echo "done" >&"$PLAN_FD"
}

# activity DIR - the lines of DIR/progress without their times. Where igt_runner starts a
# program, the line is "program: NAME". The last lines of progress can be lost when a guest
# dies, but its kernel log is complete: IGT logs there when a subtest starts and when it
# finishes, and the lines that are missing are added from it.
activity() {
	[[ -e $1/progress && -e $1/console.log ]] || return 0
	awk '
		{ sub(/\r$/, "") }
		!console {
			sub(/^\[ *[0-9.]+\] /, "")
			if (sub(/^\[[0-9]+\/[0-9]+\] (\([^)]*\) )?/, "")) {
				program = $1
				$0 = "program: " program
			} else if (/^Starting subtest: /) {
				last = program ": starting subtest " $3
				ended = 0
			} else if (/^Subtest [^ ]*: /)
				ended = 1
			print
			next
		}
		sub(/.*\[IGT\] /, "") && / (starting|finished) subtest / {
			if ($0 == last) { found = 1; n = 0; skip = ended; next }
			# A subtest that was killed has no end in the kernel log.
			if (/ starting /) skip = 0
			if (!skip) logged[n++] = $0
			skip = 0
		}
		END {
			for (i = 0; i < n && (found || last == ""); i++) {
				$0 = logged[i]
				sub(/:$/, "", $1)
				sub(/,$/, "", $4)
				print "program: " $1
				print $2 == "starting" ? "Starting subtest: " $4 : "Subtest " $4 ": " $5
			}
		}' "$1/progress" console=1 "$1/console.log"
}

# unit_done DIR UNIT - lines "program@subtest RESULT" from the output of igt_runner.
# RESULT is DIED for the subtest that was running when the guest died, unless the
# whole run was ended.
unit_done() {
	activity "$1" | awk -v unit="$2" -v died="$(ls "$1/end" 2>/dev/null)" '
		/^unit [0-9]+ (begins|ends)$/ { on = ($(NF - 1) == unit && $NF == "begins") }
		!on { next }
		/^program: / { program = $2 }
		/^Starting subtest: / { now = program "@" $3 }
		match($0, /^Subtest [^ ]*: [A-Z]+/) {
			name = $2; sub(/:$/, "", name)
			print program "@" name, $3
			now = ""
		}
		END { if (now != "" && died != "") print now, "DIED" }'
}

# unit_ended DIR UNIT - whether the guest finished this unit
unit_ended() {
	tr -d '\r' <"$1/progress" 2>/dev/null | grep " unit $2 ends\$" >/dev/null
}

# units_requeue DIR QUEUE - requeue the rest of unfinished units, without the test
# that was running
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
