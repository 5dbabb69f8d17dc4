#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# selftest.sh - make test-harness: test that the harness detects failures. Each
# negative control breaks one thing on purpose, and passes only if the run fails
# with a message that names it.

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source=tests/harness/lib/prepare.sh
. "$HARNESS/lib/prepare.sh"
# shellcheck source=tests/harness/lib/bench-lib.sh
. "$HARNESS/lib/bench-lib.sh"
# shellcheck source=tests/harness/lib/tests.sh
. "$HARNESS/lib/tests.sh"
# shellcheck source=tests/harness/lib/outcome.sh
. "$HARNESS/lib/outcome.sh"

DIR=$OUT/harness

# caught WHAT REGEX REPORT - check that the run failed and that the report matches REGEX
caught() {
	local line
	line=$(grep -m 1 -E -- "$2" "$3" | cut -c 1-160) || :
	if [[ -n $line && $VERDICT == failed ]]; then
		outcome 0 "$1 is caught: \"$line\"" "$3"
	else
		outcome 1 "$1 is not detected: the run $VERDICT, no line matches /$2/" "$3"
	fi
}

# judge DIR - set VERDICT to the result of the run in DIR, and write its report to REPORT
judge() {
	PASSES=contig results_collect_all "$1" "$1/queue"
	VERDICT=failed
	if results_report "$1" >"$REPORT"; then VERDICT=passed; fi
}

# control NAME [KEY=VALUE...] - run the harness's IGT test in a guest. REPORT is set
# to the report and VERDICT to the result of the run. CONTROL_TESTS=regex selects subtests.
control() {
	local dir=$DIR/$1 queue=$DIR/$1/queue
	shift
	REPORT=$dir/report.txt
	rm -rf "$dir"
	units_begin "$queue"
	program_subtests "$OUT/guest/selfcheck/selfcheck" |
		select_by "${CONTROL_TESTS:-.}" | unit_add 101 "igt contig"
	GUESTS=1 tests_run "$dir" "$queue" IGT_ROOT=/vgem_pfn/selfcheck NO_CONTRACT=1 "$@"
	judge "$dir"
}

# A run that must pass: otherwise a harness that fails every run would pass this test.
positive() {
	CONTROL_TESTS='@(pass|skip|late-timer)$' control positive
	if [[ $VERDICT == passed ]] && grep -q '^skipped igt/selfcheck@skip: .*on purpose' "$REPORT"; then
		outcome 0 "a sound guest passes, a skip is listed: \"$(tail -n 1 "$REPORT")\"" "$REPORT"
	else
		outcome 1 "a sound guest does not pass" "$REPORT"
	fi
}

# alone WHAT DIR - subtests that should pass or skip did, despite failures before them
alone() {
	local got
	got=$(jq -r '[.[] | select(.name | test("selfcheck@(pass|last|skip|late-timer)$")) | .status] | join(" ")' \
		"$2/summary.json")
	if [[ $got =~ ^(pass\ |skip\ )*(pass|skip)$ ]]; then
		outcome 0 "$1 changes nothing for the others: $got"
	else
		outcome 1 "$1 changes something for the others: $got" "$REPORT"
	fi
}

guest_controls() {
	local stall=${STALL_TIMEOUT:-}
	CONTROL_TESTS='@pass$' control warn BREAK=warn
	caught "a guest WARN" 'guest/end: WARNING: .*lkdtm' "$REPORT"
	CONTROL_TESTS='@pass$' control panic BREAK=panic
	caught "a guest panic" 'guest/end: Kernel panic - not syncing: dumptest' "$REPORT"
	STALL_TIMEOUT=30 CONTROL_TESTS='@pass$' control hang BREAK=hang
	caught "a guest hang" 'guest/end: .*(hung|lockup|stall).*breaking: HARDLOCKUP' "$REPORT"
	if [[ ${STALL_TIMEOUT:-} == "$stall" ]]; then
		outcome 0 "a setting of one control does not hold for the next"
	else
		outcome 1 "STALL_TIMEOUT=$STALL_TIMEOUT of one control holds for the next"
	fi
	CONTROL_TESTS='@pass$' control vanish BREAK=vanish
	caught "a guest without its final line" \
		'guest/end: the guest powered off without its final line' "$REPORT"
	CONTROL_TESTS='@pass$' control reset BREAK=reset
	caught "a guest that resets its machine" 'guest/end: the guest reset its machine' "$REPORT"
	CONTROL_TESTS='@pass$' control triple BREAK=reset reboot=t
	caught "a triple fault" 'guest/end: .*triple fault' "$REPORT"
	CONTROL_TESTS='@pass$' control leak BREAK=leak,taint
	caught "a leak that kmemleak reports" 'guest/kmemleak: .*kmemleak_test' "$REPORT"
	caught "a taint" 'guest/taint: the kernel is tainted: U ' "$REPORT"
	CONTROL_TESTS='@pass$' control module MODPARAM_vgem_pfn=carveouts=none
	caught "a module that fails to load" 'not ok module/vgem_pfn: does not load' "$REPORT"
	CONTROL_TESTS='@!oops|silent' control igt PER_TEST_TIMEOUT=5
	caught "a failing IGT subtest" 'igt/selfcheck@fail: fail: .*on purpose' "$REPORT"
	caught "an IGT subtest with a kernel warning" \
		'igt/selfcheck@warn: dmesg-warn: .*on purpose' "$REPORT"
	caught "a warning of a subtest beside a late timer interrupt" \
		'igt/selfcheck@own-warn: warn' "$REPORT"
	caught "a crashing IGT subtest" 'igt/selfcheck@crash: crash' "$REPORT"
	caught "an IGT subtest that does not end" 'igt/selfcheck@timeout: (timeout|incomplete)' "$REPORT"
	alone "a subtest that fails" "$DIR/igt"
	CONTROL_TESTS='@(oops|last|pass|skip|crash|late-timer)$' control oops
	caught "a subtest that ends the guest" 'igt/selfcheck@oops: the guest died: .*' "$REPORT"
	alone "a subtest that ends the guest" "$DIR/oops"
	lost_control
	QEMU=false ACCEL=tcg CONTROL_TESTS='@pass$' control noqemu
	caught "a QEMU that fails" 'guest/end: QEMU failed with status 1' "$REPORT"
}

# The guest's last lines of progress are lost, from the result of the first subtest on: the
# kernel log says which subtest ended the guest.
lost_control() {
	local dir=$DIR/oops progress
	progress=$(grep -l 'Starting subtest: oops' "$dir"/guest-*/progress || :)
	if [[ -n $progress ]]; then sed -i '/Starting subtest: pass/q' "$progress"; fi
	judge "$dir"
	caught "it, although the guest's last output is lost" 'igt/selfcheck@oops: the guest died: .*\(oops\)' "$REPORT"
	alone "it, although the guest's last output is lost," "$dir"
}

# A guest whose subtest is silent for longer than a guest may be
silent_control() {
	STALL_TIMEOUT=30 CONTROL_TESTS='@(silent|pass)$' control silent
	if [[ $VERDICT == passed ]]; then
		outcome 0 "a silent subtest is no hang: \"$(tail -n 1 "$REPORT")\""
	else
		outcome 1 "a silent subtest is taken as a hang" "$REPORT"
	fi
}

# A guest that hangs before its init is started again, once.
hang_control() {
	local state=$DIR/stopped.state
	rm -f "$state"
	STANDIN=stopped STANDIN_STATE=$state QEMU=$HARNESS/lib/standin.sh \
		ACCEL=tcg STALL_TIMEOUT=30 CONTROL_TESTS='@pass$' control stopped
	if [[ $VERDICT == passed ]] && grep -q 'EIP=' "$DIR"/stopped/guest*/qmp-hung.log; then
		outcome 0 "a guest that hangs at once is started again: \"$(tail -n 1 "$REPORT")\""
	else
		outcome 1 "a guest that hangs at once is not started again" "$REPORT"
	fi
}

# An option that Kconfig drops because of an unmet dependency
config_control() {
	local log=$DIR/config/report.txt
	mkdir -p "$DIR/config"
	echo CONFIG_KASAN_VMALLOC=y >"$DIR/config/lost.config"
	VERDICT=failed
	if VARIANT=base CONFIG_EXTRA="$DIR/config/lost.config" \
		run_child "$HARNESS/kernel.sh" >"$log" 2>&1; then
		VERDICT=passed
	fi
	caught "a config option that does not survive" \
		'FAILED: .*did not survive olddefconfig: CONFIG_KASAN_VMALLOC' "$log"
}

# accel_control KIND REGEX - make run with a stand-in for QEMU (standin.sh) whose
# KVM does not work properly: the run must succeed under TCG and report the reason
accel_control() {
	local log=$DIR/accel-$1/report.txt rc=0
	mkdir -p "$DIR/accel-$1"
	: >"$DIR/accel-$1/kvm"
	STANDIN=$1 QEMU=$HARNESS/lib/standin.sh KVM_DEVICE=$DIR/accel-$1/kvm ACCEL=auto \
		run_child "$HARNESS/run.sh" >"$log" 2>&1 || rc=1
	if ((rc == 0)) && grep -qE -- "$2" "$log" && grep -q '^verified ' "$log"; then
		outcome 0 "make run with a KVM that is $1: \"$(grep -m 1 -oE -- "$2.*" "$log" | cut -c 1-140)\""
	else
		outcome 1 "make run with a KVM that is $1" "$log"
	fi
}

accel_controls() {
	# An earlier run may have remembered that this KVM is silent.
	rm -f -- "$CACHE"/accel/answer.*
	accel_control slow 'tcg, a probe guest took .* under TCG, and under KVM it was not done'
	accel_control silent 'a guest under KVM wrote no kernel log in .*: from now on with TCG'
	accel_control silent 'tcg, a guest under KVM wrote no kernel log'
}

# refused VARIABLE VALUE REGEX [TARGET] - a script refuses this before it does anything
refused() {
	local log=$DIR/refused-$1.txt start=${EPOCHREALTIME/./} rc=0 ms
	run_child env "$1=$2" "$HARNESS/${4:-test}.sh" >"$log" 2>&1 || rc=$?
	ms=$(((${EPOCHREALTIME/./} - start) / 1000))
	VERDICT=passed
	if ((rc && ms < 2000)); then VERDICT=failed; fi
	caught "$1=$2 (after $ms ms)" "$3" "$log"
}

input_controls() {
	# Known from the first run on, for the check of TESTS
	own_subtests >"$DIR/subtests.txt"
	refused TESTS there-is-no-such-test 'TESTS=there-is-no-such-test: it matches no'
	refused TESTS '(' 'TESTS=\(: not a regular expression'
	refused PASSES nomatch 'PASSES=nomatch: it matches no pass. There are: contig'
	refused SUITES nomatch 'SUITES=nomatch: it matches no KUnit suite. There are: .*dma-buf-pfn'
	refused VARIANT nomatch 'VARIANT=nomatch: there is no such kernel configuration. There are: base'
	refused SEED abc 'SEED=abc: it must be a number'
	refused ACCEL fast 'ACCEL=fast: it can be auto'
	refused LINUX /nowhere 'LINUX=/nowhere: not a kernel tree'
	refused FORM long 'FORM=long: it can be short or full'
	refused GUESTS many 'GUESTS=many: it must be a number'
	refused REPEAT 0 'REPEAT=0: it must be a number'
}

# list_control - make test-list, which sources only some of the files, runs without an error
list_control() {
	local log=$DIR/list.txt rc=0
	run_child "$HARNESS/list.sh" >/dev/null 2>"$log" || rc=1
	[[ ! -s $log ]] || rc=1
	outcome "$rc" "make test-list has no errors" "$log"
}

# own_control - a run refuses a directory to which another run writes its results
own_control() {
	local log=$DIR/owned.txt fd
	exec {fd}>"$DIR/owned.lock"
	flock "$fd"
	VERDICT=passed
	TEST_DIR=$DIR/owned run_child "$HARNESS/test.sh" >"$log" 2>&1 || VERDICT=failed
	exec {fd}>&-
	caught "a second run with the same results" 'another run writes its results to' "$log"
}

# one_unit_control - a run of one unit boots one guest, although two or three would fit
one_unit_control() {
	local dir=$DIR/one-unit log=$DIR/one-unit.txt rc=0
	TEST_DIR=$dir PASSES=contig TESTS=vgem_pfn_basic@create-bad-pad GUESTS=3 \
		run_child "$HARNESS/test.sh" >"$log" 2>&1 || rc=1
	[[ -e $dir/guest-1 && ! -e $dir/guest-2 ]] || rc=1
	outcome "$rc" "a run of one unit boots one guest" "$log"
}

# resume_control - a run that is ended after its first unit reports that unit, and
# RESUME=1 runs the rest
resume_control() {
	local dir=$DIR/resume log=$DIR/resume-cut.txt pid
	local -x TEST_DIR=$dir PASSES='contig|buddy' TESTS='vgem_pfn_(carveout|evict)@' GUESTS=1
	rm -rf "$dir"
	start_child "$HARNESS/test.sh" >"$log" 2>&1
	pid=$!
	while kill -0 "$pid" 2>/dev/null && ! grep -qs 'unit 101 ends' "$dir/guest-1/progress"; do
		nap 0.5
	done
	kill -TERM "$pid" 2>/dev/null || :
	wait_child "$pid" || :
	VERDICT=failed
	caught "a run that is ended" 'guest/unfinished: [1-9][0-9]* tests did not run' "$log"
	caught "what it did until then" '^[1-9][0-9]* passed, ' "$log"
	log=$DIR/resume.txt
	if RESUME=1 run_child "$HARNESS/test.sh" >"$log" 2>&1 &&
		[[ $(jq '[.[] | select(.suite == "igt" and .status == "pass")] | length' \
			"$dir/summary.json") == "$(planned "$dir" "$dir/queue" | wc -l)" ]]; then
		outcome 0 "RESUME=1 goes on with it: \"$(tail -n 1 "$log")\""
	else
		outcome 1 "RESUME=1 does not go on with it" "$log"
	fi
}

# full_run KEY=VALUE... - run two parts of a tree whose scripts only report their run. Sets
# FULL_RUNS to the number of scripts that ran.
full_run() {
	local tree=$DIR/full/tree
	: >"$DIR/full/runs"
	run_child env VGEM_PFN_CACHE="$DIR/full/cache" VGEM_PFN_OUT="$DIR/full/out" \
		FULL_RUNS="$DIR/full/runs" PARTS='full|iommufd' "$@" \
		"$tree/tests/harness/full.sh" >>"$DIR/full/report.txt" 2>&1 || :
	FULL_RUNS=$(wc -l <"$DIR/full/runs")
}

# full_is WHAT NUMBER KEY=VALUE... - check how many scripts run
full_is() {
	full_run "${@:3}"
	outcome $((FULL_RUNS != $2)) "make test-full: $1: $FULL_RUNS of 2 parts run" "$DIR/full/report.txt"
}

full_control() {
	local tree=$DIR/full/tree script
	rm -rf "$DIR/full"
	mkdir -p "$tree/tests/harness" "$tree/drivers" "$tree/tests/igt"
	cp -r "$HARNESS/lib" "$HARNESS/full.sh" "$tree/tests/harness"
	for script in test iommufd; do
		# shellcheck disable=SC2016 # the script expands it
		printf '#!/bin/sh\necho >>"$FULL_RUNS"\necho "$CLOSING"\n' >"$tree/tests/harness/$script.sh"
		chmod +x "$tree/tests/harness/$script.sh"
	done
	git -C "$tree" init -q
	local -x CLOSING="1 passed, 0 failed, 0 skipped"
	full_is "the first time" 2
	full_is "again" 0 RECORD=1
	rm -r "$DIR/full/cache"
	full_is "with recorded results" 0
	full_is "with RERUN=1" 2 RERUN=1
	echo >"$tree/drivers/file"
	CLOSING=silent full_is "after a change, and both fail" 2
	full_is "after a failure" 2
}

# For IGT's own tests: a skip without a reason, a skip for another reason, a program
# that ran nothing, and an explanation of a test that passed.
stock_control() {
	local log=$DIR/stock/report.txt
	mkdir -p "$DIR/stock"
	printf '%s\n' ran silent '- ran@[bd] /no way/ a reason' '- ran@a /no way/ another' >"$DIR/stock/list"
	VERDICT=passed
	jq -nr --rawfile list "$DIR/stock/list" --arg part "" "
		[\"a:pass:\", \"b:skip:no way\", \"c:skip:no way\", \"d:skip:late\"] | map(split(\":\")
			| {name: \"igt/stock/ran@\\(.[0])\", status: .[1], reason: .[2]})
		| $(grep -v '^#' "$HARNESS/results/stock.jq")
		| .[] | \"\\(.status) \\(.name) \\(.reason)\"" >"$log" 2>&1
	if [[ $(grep -c ^fail "$log") == 4 ]]; then VERDICT=failed; fi
	caught "a stock test that skips without a reason" '^fail igt/stock/ran@c skipped' "$log"
	caught "a stock test that skips for another reason" '^fail igt/stock/ran@d skipped' "$log"
	caught "a stock program that runs nothing" '^fail igt/stock/silent ' "$log"
	caught "a reason for no skip" '^fail igt/stock/ran@a ' "$log"
}

# For make bench: a figure above its floor for one kind of memory, floors without a
# measurement, and times that are too noisy to judge.
bench_control() {
	local json=$DIR/bench/bench.json log=$DIR/bench/report.txt
	mkdir -p "$DIR/bench"
	jq -n -L "$HARNESS/results" '
		include "floors";
		"/64MiB/sync/memcpy" as $memcpy | "/64MiB/sync/of-memcpy" as $of
		| (["contig/32MiB", "bar/32MiB", "range/1MiB", "range/1GiB"]
		   | map({ ("get_pfn/" + .): 100 }) | add)
		  + { resv_pair: 32, "get_pfn/tt/32MiB": 193,
		      "get_pfn-pages/contig/32MiB": 100, "get_pfn-pages/tt/32MiB": 100,
		      ("time/evict/contig" + $memcpy): 100,
		      ("time/evict/reserved" + $memcpy): 100 }
		| { floors: (floors + timed_floors({
			("time/evict/contig" + $memcpy): 200, ("time/evict/contig" + $of): 0.5,
			("time/evict/reserved" + $memcpy): 101,
			("time/evict/reserved" + $of): 0.5 })) }' >"$json"
	bench_floors "$json" >"$log"
	VERDICT=passed
	if ! bench_missed "$json"; then VERDICT=failed; fi
	echo "missed: $MISSED" >>"$log"
	caught "a figure above its floor" '^get_pfn, one range of any memory.* 6.03.*  missed$' "$log"
	caught "a figure that was not measured" '^missed: 1a, 1b, 1d, ' "$log"
	caught "a move slower than memcpy()" '^missed: .*, 3t e reserved,' "$log"
	caught "time on a machine that is not quiet" \
		'^evict 64 MiB, contig, in time.*  too noisy to tell$' "$log"
}

own_dir "$DIR"
mkdir -p "$DIR"
prepare 1
# For standin.sh, which some controls set as QEMU
export STANDIN_FOR=$QEMU
next_step "controls: $ACCEL_USED, $ACCEL_WHY"
input_controls
list_control
own_control
one_unit_control
accel_controls
positive
resume_control
guest_controls
hang_control
silent_control
config_control
stock_control
bench_control
full_control
outcomes || exit 1
