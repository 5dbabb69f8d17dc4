# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# results.sh - what a guest left behind, as one list of results and in the
# formats people want.  Sourced after lib.sh and boot.sh.
#
#   results_collect DIR MODE [TESTS]   of a guest that boot_guest ran: DIR gets
#                          summary.json, test.ktap, junit.xml, results.json (of
#                          the first pass), results/ (all the guest sent), logs/
#                          (of failures)
#   results_add DIR OTHER  as if those of OTHER were DIR's, too
#   results_report DIR     failures with their last lines, skips, the closing
#                          line; 0 if nothing failed
#
# A guest that did not write its final line failed, whatever it wrote before.

# Of tests/guest/passes.list.
FIRST_PASS=contig

KERNEL_TROUBLE='Kernel panic - not syncing|WARNING: |BUG: |INFO: (task|rcu)|Oops|RIP: 0010|possible .* locking'

# diagnose DIR - why there is no final line, in one line
diagnose() {
	local dir=$1 con=$1/console.log panic line what=
	panic=$(grep -a -m 1 -o 'Kernel panic - not syncing.*' "$con" 2>/dev/null | tr -d '\r') || :
	line=$(grep -a -m 1 -oE '(WARNING: |BUG: |INFO: (task|rcu)).*' "$con" 2>/dev/null | tr -d '\r') || :
	if [[ -n $panic && -n $line && $panic == *@(panic_on_warn|softlockup|hung_task|Fatal exception|RCU|lockup)* ]]; then
		what="$line ($panic)"
	elif [[ -n $panic ]]; then
		what=$panic
	elif [[ $BOOT_END != exited ]]; then
		what=$BOOT_END${line:+ ($line)}
	elif [[ ! -s $con ]]; then
		what="QEMU ended without a word from the guest $(qemu_complaint "$dir")"
	else
		what="the guest powered off without its final line"
	fi
	line=$(tail -n 1 "$dir/progress" 2>/dev/null | tr -d "\r" | sed "s/^\[[0-9.]*\] //") || :
	printf '%s%s' "$what" "${line:+, during: $line}"
}

# result NAME STATUS REASON [LOG] - one result of the harness itself, as JSON
result() {
	jq -nc --arg n "$1" --arg s "$2" --arg r "$3" --arg l "${4:-}" \
		'{suite: "guest", name: $n, status: $s, reason: $r, seconds: 0, log: $l}'
}

# ktap_results FILE SUITE - the lines of one level
ktap_results() {
	tr -d '\r' <"$1" | jq -Rc --arg suite "$2" '
		capture("^(?<not>not )?ok [0-9]+ - (?<name>[^#]*[^# ]) *(# (?<skip>SKIP )?(?<why>.*))?$")
		| { suite: $suite, name, seconds: 0, log: "",
		    status: (if .not then "fail" elif .skip then "skip" else "pass" end),
		    reason: (.why // "") }'
}

# verdict_results DIR - the harness's checks in the guest
verdict_results() {
	ktap_results "$1/verdict" guest
}

# contract_results DIR - the checks of the contract checker, on the host
contract_results() {
	[[ ! -e $1/contract.ktap ]] || ktap_results "$1/contract.ktap" contract
}

# end_result DIR - is the verdict whole?
end_result() {
	local dir=$1 last said plan
	last=$(tail -n 1 "$dir/verdict" 2>/dev/null | tr -d '\r') || :
	if [[ $BOOT_END != exited || $last != "# end of verdict: "*" checks" ]]; then
		result guest/end fail "$(diagnose "$dir")" \
			"$(grep -aE -A 25 -m 1 "$KERNEL_TROUBLE" "$dir/console.log" || tail -n 25 "$dir/console.log")"
		return
	fi
	said=${last//[^0-9]/}
	plan=$(grep -cE '^(not )?ok ' "$dir/verdict") || :
	if ((said != plan || said == 0)); then
		result guest/end fail "the verdict has $plan lines where the guest wrote $said"
	else
		result guest/end pass ""
	fi
}

# kunit_results DIR - the test cases: one level below their suite
kunit_results() {
	local file suite
	for file in "$1"/results/kunit/*/*; do
		[[ -e $file ]] || continue
		suite=$(basename "$file")
		jq -Rc --arg suite "$suite" --arg file "$file" '
			capture("^    (?<not>not )?ok [0-9]+ (- )?(?<name>[^#]*[^# ]) *(# (?<skip>SKIP ?)?(?<why>.*))?$")
			| { suite: "kunit", name: "kunit/\($suite)/\(.name)", seconds: 0,
			    status: (if .not then "fail" elif .skip then "skip" else "pass" end),
			    reason: (if .not then "the case failed: \($file)" else (.why // "") end),
			    log: "" }' "$file"
	done
}

# kselftest_results DIR - the tests of Linux's own programs
kselftest_results() {
	local file
	for file in "$1"/results/kselftest/*; do
		[[ -e $file ]] || continue
		jq -Rsc --arg program "$(basename "$file")" -f "$HARNESS/kselftest.jq" "$file" | jq -c '.[]'
	done
}

# igt_pass DIR PASS TESTS - the subtests of one pass.  The first one's bear no pass's
# name.
igt_pass() {
	local pass=$2 json=$1/results/igt/$2/results.json
	local prefix=igt/$pass/
	[[ $pass != "$FIRST_PASS" ]] || prefix=igt/
	if ! jq -e '.tests | type == "object"' "$json" >/dev/null 2>&1; then
		result "${prefix}results.json" fail "igt_runner left no readable results.json"
		return
	fi
	jq -c --arg prefix "$prefix" -f "$HARNESS/igt.jq" "$json" |
		if [[ $pass == stock ]]; then
			jq -c --rawfile list "$TOP/tests/guest/stock.list" \
				--arg tests "$3" -f "$HARNESS/stock.jq"
		else
			cat
		fi | jq -c '.[]'
}

# igt_listed DIR - a failure for each test program that gave no subtest in any pass
igt_listed() {
	local name
	for name in $(grep -v TESTLIST "$1/results/test-list.txt" || :); do
		jq -en --arg n "$name" '
			any(inputs | .tests? | objects | keys[];
			    startswith("igt@" + $n + "@") or . == "igt@" + $n)' \
			"$1"/results/igt/*/results.json >/dev/null 2>&1 ||
			result "igt/$name" fail "this test program is listed and ran no subtest"
	done
}

# igt_results DIR TESTS - of all passes.  Where TESTS left a pass no test to run,
# igt_runner failed and wrote nothing; else the guest has said so.
igt_results() {
	local pass
	for pass in "$1"/results/igt/*/; do
		[[ ! -d $pass ]] || igt_pass "$1" "$(basename "$pass")" "$2"
	done
	[[ -n $2 || -n ${PASSES:-} ]] || igt_listed "$1"
}

_results_list() {
	local dir=$1 mode=$2 tests=${3:-} n
	verdict_results "$dir"
	end_result "$dir"
	contract_results "$dir"
	if ! tar -C "$dir/results" -xf "$dir/results.tar" 2>/dev/null; then
		# Said already, if the guest did not come to its end.
		[[ $BOOT_END != exited ]] || ! grep -q '^# end of verdict' "$dir/verdict" ||
			result guest/results fail "the archive of results is broken"
		return 0
	fi
	[[ $mode == test || $mode == iommufd ]] || return 0
	{
		kselftest_results "$dir"
		if [[ $mode == test ]]; then
			kunit_results "$dir"
			igt_results "$dir" "$tests"
		fi
	} >"$dir/tests.ndjson"
	n=$(wc -l <"$dir/tests.ndjson")
	((n)) || result guest/tests fail "not one test ran${tests:+: TESTS=$tests matches none}"
	cat "$dir/tests.ndjson"
	rm -f "$dir/tests.ndjson"
}

results_collect() {
	local dir=$1
	rm -rf "$dir/results"
	mkdir -p "$dir/results" "$dir/logs"
	touch "$dir/verdict" "$dir/console.log" "$dir/progress"
	_results_list "$@" | jq -s . >"$dir/summary.json"
	if [[ -e $dir/results/igt/$FIRST_PASS/results.json ]]; then
		cp "$dir/results/igt/$FIRST_PASS/results.json" "$dir/results.json"
	fi
	_results_write "$dir"
}

# results_add DIR OTHER - to those of DIR, those of another guest
results_add() {
	local tmp
	tmp_for tmp "$1/summary.json"
	jq -s add "$1/summary.json" "$2/summary.json" >"$tmp"
	publish "$tmp" "$1/summary.json"
	_results_write "$1"
}

# _results_write DIR - summary.json in the formats people want
_results_write() {
	local dir=$1
	jq -r -f "$HARNESS/junit.jq" "$dir/summary.json" >"$dir/junit.xml"
	jq -r '"KTAP version 1", "1..\(length)",
		(to_entries[] | (.key + 1) as $n | .value
		 | (if .status == "fail" then "not ok" else "ok" end)
		   + " \($n) - \(.name)"
		   + (if .status == "skip" then " # SKIP " + .reason
		      elif .status == "fail" then " # " + .reason else "" end)
		 | gsub("[\n\r]"; " "))' "$dir/summary.json" >"$dir/test.ktap"
}

# results_count DIR STATUS
results_count() {
	jq --arg s "$2" 'map(select(.status == $s)) | length' "$1/summary.json"
}

# Lines of a test's output that say nothing about why it failed.
NOT_TELLING='^---|^<[5-7]>|^(IGT-Version|Using IGT|Starting|Stack trace|Opened)|^ *#[0-9]|^[*]{4}|^$'

# _results_failures DIR - each with the last lines that matter
_results_failures() {
	local dir=$1 name log
	while read -r name; do
		log=$dir/logs/$(tr -c 'a-zA-Z0-9_.@\n-' _ <<<"$name").txt
		jq -r --arg n "$name" '.[] | select(.name == $n and .status == "fail") | .log' \
			"$dir/summary.json" >"$log"
		jq -r --arg n "$name" '.[] | select(.name == $n and .status == "fail")
			| "not ok \(.name): \(.reason)"' "$dir/summary.json"
		if grep -q '[^[:space:]]' "$log"; then
			sed "/^--- kernel log/q" "$log" | awk "!seen[\$0]++" |
				grep -vE "$NOT_TELLING" | tail -n 12 | sed 's/^/    | /'
			printf '    full log: %s\n' "$log"
		else
			rm -f "$log"
			printf '    full log: %s\n' "$dir/console.log"
		fi
	done < <(jq -r '.[] | select(.status == "fail") | .name' "$dir/summary.json" | awk '!seen[$0]++')
}

# closing_line PASSED FAILED SKIPPED - the last line of every suite of ours
closing_line() {
	printf '%d passed, %d failed, %d skipped\n' "$@"
}

results_report() {
	local dir=$1 failed
	failed=$(results_count "$dir" fail)
	((failed == 0)) || _results_failures "$dir"
	jq -r '.[] | select(.status == "skip") | "skipped \(.name): \(.reason)"' "$dir/summary.json"
	closing_line "$(results_count "$dir" pass)" "$failed" "$(results_count "$dir" skip)"
	((failed == 0))
}
