# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# results.sh - the results of guests, in one list and in several formats. Sourced
# after lib.sh, boot.sh and units.sh.
#
#   results_collect DIR       of the guest that boot_guest ran in DIR: writes to DIR
#                             summary.json, test.ktap, junit.xml, results/ (everything
#                             the guest sent), logs/ (of failures)
#   results_collect_all DIR QUEUE   of all guests in DIR/guest-*, as one list; QUEUE has
#                             the units that no guest took
#   results_add DIR OTHER     add the results of OTHER to those of DIR
#   results_report DIR        print failures with their last lines, skips, and the
#                             closing line; 0 if nothing failed
#
# A guest that did not write its final line has failed, but its results until then count.

KERNEL_TROUBLE='Kernel panic - not syncing|WARNING: |BUG: |INFO: (task|rcu)|Oops|RIP: 0010|possible .* locking'

# diagnose DIR - the reason why there is no final line, in one line
diagnose() {
	local dir=$1 con=$1/console.log panic line end what=
	end=$(cat "$dir/end" 2>/dev/null || echo "the run was ended")
	panic=$(grep -a -m 1 -o 'Kernel panic - not syncing.*' "$con" 2>/dev/null | tr -d '\r') || :
	line=$(grep -a -m 1 -oE '(WARNING: |BUG: |INFO: (task|rcu)).*' "$con" 2>/dev/null | tr -d '\r') || :
	if [[ -n $panic && -n $line && $panic == *@(panic_on_warn|softlockup|hung_task|Fatal exception|RCU|lockup)* ]]; then
		what="$line ($panic)"
	elif [[ -n $panic ]]; then
		what=$panic
	elif [[ $end != exited ]]; then
		what=$end${line:+ ($line)}
	elif [[ ! -s $con ]]; then
		what="QEMU ended before the guest wrote to its console: $(qemu_complaint "$dir")"
	else
		what="the guest powered off without its final line"
	fi
	line=$(running "$dir")
	printf '%s%s' "$what" "${line:+, during: $line}"
}

# running DIR - the last activity of the guest
running() {
	activity "$1" | tail -n 200 | awk '
		sub(/.*Starting subtest: /, "") { sub_ = $0; next }
		/^Subtest / { sub_ = "" }
		/^unit [0-9]+ begins$/ { sub_ = "" }
		{ if (/^program: /) program = $2; else other = $0 }
		END { print sub_ != "" ? program " (" sub_ ")" : other }'
}

# result NAME STATUS REASON [LOG] - print one result of the harness as JSON
result() {
	jq -nc --arg n "$1" --arg s "$2" --arg r "$3" --arg l "${4:-}" \
		'{suite: "guest", name: $n, status: $s, reason: $r, seconds: 0, log: $l}'
}

# ktap_results FILE SUITE - the results of one level of KTAP
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

# end_result DIR - check that the verdict is complete
end_result() {
	local dir=$1 last said plan
	last=$(tail -n 1 "$dir/verdict" 2>/dev/null | tr -d '\r') || :
	if [[ $(cat "$dir/end" 2>/dev/null) != exited || $last != "# end of verdict: "*" checks" ]]; then
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

# --- results of one unit ----------------------------------------------------------

# kunit_results UNIT_DIR - the test cases, one level below their suite
kunit_results() {
	local file suite
	for file in "$1"/kunit/*; do
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

# kselftest_results UNIT_DIR - the tests of Linux's selftests
kselftest_results() {
	local file
	for file in "$1"/kselftest/*; do
		[[ -e $file ]] || continue
		jq -Rsc --arg program "$(basename "$file")" -f "$HARNESS/results/kselftest.jq" "$file" | jq -c '.[]'
	done
}

# igt_prefix PASS - the prefix of test names; that of the first pass is empty
igt_prefix() {
	local first
	first=$(pass_lines | awk 'NR == 1 { print $1 }')
	if [[ $1 == "$first" ]]; then echo igt/; else echo "igt/$1/"; fi
}

# cut_results DIR UNIT PREFIX - of a unit in which the guest died: the finished
# subtests, and the subtest that was running
cut_results() {
	unit_done "$1" "$2" | jq -Rc --arg prefix "$3" --arg died "$(diagnose "$1")" \
		--arg log "$(grep -aE -A 25 -m 1 "$KERNEL_TROUBLE" "$1/console.log" || :)" '
			split(" ")
			| { suite: "igt", name: ($prefix + .[0]), seconds: 0, reason: "", log: "",
			    status: ({SUCCESS: "pass", SKIP: "skip"}[.[1]] // "fail") }
			  + if .[1] == "DIED" then {reason: ("the guest died: " + $died), log: $log}
			    elif .[1] == "SKIP" then {reason: "its reason was lost with the guest"}
			    elif .[1] == "SUCCESS" then {}
			    else {reason: (.[1] + "; its output was lost with the guest")} end'
}

# igt_results DIR UNIT PASS
igt_results() {
	local prefix dir=$1/results/unit/$2 json
	prefix=$(igt_prefix "$3")
	if ! unit_ended "$1" "$2"; then
		cut_results "$1" "$2" "$prefix"
		return
	fi
	for json in "$dir"/igt.*/results.json; do
		if ! jq -e '.tests | type == "object"' "$json" >/dev/null 2>&1; then
			result "${prefix}results.json" fail "igt_runner left no readable $json"
			continue
		fi
		# A subtest that did not run in this process ran in the next one, or
		# is missing.
		jq -c --arg prefix "$prefix" -f "$HARNESS/results/igt.jq" "$json" |
			jq -c '.[] | select(.reason | startswith("notrun") | not)'
	done
}

# unit_results DIR UNIT_FILE
unit_results() {
	local unit kind what pass
	read -r _ unit kind what pass _ <"$2"
	case $kind in
	mutant) igt_results "$1" "$unit" "$pass" ;;
	igt) igt_results "$1" "$unit" "$what" ;;
	kunit) kunit_results "$1/results/unit/$unit" ;;
	kselftest) kselftest_results "$1/results/unit/$unit" ;;
	esac
}

# --- of guests ---------------------------------------------------------------------

# guest_unpack DIR - unpack the archives that the guest sent; the last one may be incomplete
guest_unpack() {
	rm -rf "$1/results"
	mkdir -p "$1/results"
	touch "$1/verdict" "$1/console.log" "$1/progress"
	tar -C "$1/results" -xif "$1/results.tar" 2>/dev/null && return
	[[ $(cat "$1/end" 2>/dev/null) == exited ]] || return 0
	! grep -q '^# end of verdict' "$1/verdict" ||
		result guest/results fail "the archive of results is broken"
}

# guest_results DIR - the checks in the guest. A guest that was ended by an
# interruption, after which other guests continued, made no checks.
guest_results() {
	guest_unpack "$1"
	verdict_results "$1"
	if [[ $1 == */guest-before* && ! -e $1/end ]]; then
		result guest/end skip "the run was interrupted, so this guest was not checked for leaks and taints"
	else
		end_result "$1"
	fi
	contract_results "$1"
}

# planned DIR QUEUE - the names of all tests planned for the guests of DIR, in lower
# case like igt_runner's results
planned() {
	local file pass
	for file in "$1"/guest-*/units/* "$2"/* "$2".iommu/*; do
		[[ -e $file ]] || continue
		read -r _ _ _ pass _ <"$file"
		sed -n "s,^igt@,$(igt_prefix "$pass"),p" "$file"
	done | tr '[:upper:]' '[:lower:]' | sort -u
}

# missing DIR QUEUE - a failure for each of them without a result in DIR/tests
missing() {
	local n tests
	tests=$(comm -23 <(planned "$@") <(jq -r .name "$1/tests" | tr '[:upper:]' '[:lower:]' | sort -u))
	[[ -n $tests ]] || return 0
	n=$(wc -l <<<"$tests")
	result guest/unfinished fail "$n tests did not run, the first is $(head -n 1 <<<"$tests"); make test RESUME=1 runs what is left" "$tests"
}

# left_out DIR - a skip for each line of left_out_lines that TESTS may have selected
left_out() {
	local pattern why tests
	while read -r pattern why; do
		tests=$(own_subtests | chosen | { grep -cE -- "$pattern" || :; })
		((tests == 0)) || result "$pattern" skip "$why ($tests subtests)"
	done < <(left_out_lines)
}

# stock_judged FILE DIR QUEUE - the results in FILE, with those of IGT's own tests
# checked against stock.list
stock_judged() {
	local part=
	# With a selection, not every skip in stock.list has to occur, and a run of other
	# tests has none of them.
	if [[ -n ${TESTS:-} ]] || ! pass_selected stock ||
		! planned "$2" "$3" | grep '^igt/stock/' >/dev/null; then
		part=yes
	fi
	jq -c 'select(.name | startswith("igt/stock/") | not)' "$1"
	jq -c 'select(.name | startswith("igt/stock/"))' "$1" | jq -s . |
		jq -c --rawfile list "$STOCK_LIST" --arg part "$part" -f "$HARNESS/results/stock.jq" |
		jq -c '.[]'
}

_begin_collect() {
	rm -rf "$1/logs"
	mkdir -p "$1/logs"
}

results_collect() {
	_begin_collect "$1"
	guest_results "$1" | jq -s . >"$1/summary.json"
	_results_write "$1"
}

results_collect_all() {
	local dir=$1 guest file number=1
	_begin_collect "$dir"
	for guest in "$dir"/guest-*/; do
		guest=${guest%/}
		guest_results "$guest" |
			if ((number > 1)); then jq -c --arg n " in ${guest##*/}" '.name += $n'; else cat; fi
		number=$((number + 1))
	done >"$dir/checks"
	for file in "$dir"/guest-*/units/*; do
		[[ ! -e $file ]] || unit_results "${file%/units/*}" "$file"
	done >"$dir/tests"
	[[ -s $dir/tests ]] || result guest/tests fail "not one test ran" >>"$dir/checks"
	missing "$dir" "$2" >>"$dir/checks"
	left_out "$dir" >>"$dir/checks"
	if [[ -z ${PASSES:-}${TESTS:-}${GUEST_BLOB:-} ]] && ! kunit_only && [[ -e $dir/key ]]; then
		result guest/virtgpu skip "virtio-gpu has no blob resources, because the host has no /dev/udmabuf: make test-nested" >>"$dir/checks"
	fi
	{
		cat "$dir/checks"
		stock_judged "$dir/tests" "$dir" "$2"
	} | jq -s . >"$dir/summary.json"
	rm -f "$dir/checks" "$dir/tests"
	_results_write "$dir"
}

# results_add DIR OTHER - add the results of another guest to those of DIR
results_add() {
	local tmp
	tmp_for tmp "$1/summary.json"
	jq -s add "$1/summary.json" "$2/summary.json" >"$tmp"
	publish "$tmp" "$1/summary.json"
	_results_write "$1"
}

# _results_write DIR - write the other formats from summary.json
_results_write() {
	local dir=$1
	jq -r -f "$HARNESS/results/junit.jq" "$dir/summary.json" >"$dir/junit.xml"
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

# Lines of a test's output that do not help to find the reason of a failure
NOT_TELLING='^---|^<[5-7]>|^(IGT-Version|Using IGT|Starting|Stack trace|Opened)|^ *#[0-9]|^[*]{4}|^$'

# _results_failures DIR - print each failure with the last relevant lines
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

results_report() {
	local dir=$1 failed
	failed=$(results_count "$dir" fail)
	((failed == 0)) || _results_failures "$dir"
	jq -r '.[] | select(.status == "skip") | "skipped \(.name): \(.reason)"' "$dir/summary.json"
	closing_line "$(results_count "$dir" pass)" "$failed" "$(results_count "$dir" skip)"
	((failed == 0))
}
