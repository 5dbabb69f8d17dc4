#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# selftest.sh - make test-harness: the harness must notice what goes wrong.
# Negative controls: each breaks one thing on purpose, and passes only if the
# run failed with a message that names it.

# shellcheck source=tests/harness/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/harness/prepare.sh
. "$HARNESS/prepare.sh"
# shellcheck source=tests/harness/bench-lib.sh
. "$HARNESS/bench-lib.sh"
# shellcheck source=tests/harness/outcome.sh
. "$HARNESS/outcome.sh"

DIR=$OUT/harness

# caught WHAT REGEX REPORT - does the report name it?
caught() {
	local line
	line=$(grep -m 1 -E -- "$2" "$3" | cut -c 1-160) || :
	if [[ -n $line && $VERDICT == failed ]]; then
		outcome 0 "$1 is caught: \"$line\"" "$3"
	else
		outcome 1 "$1 is not caught: the run $VERDICT, nothing says /$2/" "$3"
	fi
}

# control NAME [KEY=VALUE...] - one guest in test mode with the harness's own IGT
# test; its report in REPORT, VERDICT says how the run ended
control() {
	local name=$1 kv tests=
	shift
	REPORT=$DIR/$name/report.txt
	for kv; do [[ $kv != TESTS=* ]] || tests=${kv#TESTS=}; done
	boot_guest "$DIR/$name" test IGT_ROOT=/vgem_pfn/selfcheck PASSES="$FIRST_PASS" "$@"
	results_collect "$DIR/$name" test "$tests"
	VERDICT=failed
	if results_report "$DIR/$name" >"$REPORT"; then VERDICT=passed; fi
}

# What should pass: without it a harness that fails everything would do.
positive() {
	control positive TESTS='selfcheck@(pass|skip)'
	if [[ $VERDICT == passed ]] && grep -q '^skipped igt/selfcheck@skip: .*on purpose' "$REPORT"; then
		outcome 0 "a sound guest passes, a skip is listed: \"$(tail -n 1 "$REPORT")\"" "$REPORT"
	else
		outcome 1 "a sound guest does not pass" "$REPORT"
	fi
}

guest_controls() {
	control warn BREAK=warn TESTS=selfcheck@pass
	caught "a guest WARN" 'guest/end: WARNING: .*lkdtm' "$REPORT"
	control panic BREAK=panic TESTS=selfcheck@pass
	caught "a guest panic" 'guest/end: Kernel panic - not syncing: dumptest' "$REPORT"
	STALL_TIMEOUT=10 control hang BREAK=hang TESTS=selfcheck@pass
	caught "a guest hang" 'guest/end: .*(hung|lockup|stall).*breaking: HARDLOCKUP' "$REPORT"
	control vanish BREAK=vanish TESTS=selfcheck@pass
	caught "a guest without its final line" \
		'guest/end: the guest powered off without its final line' "$REPORT"
	control leak BREAK=leak,taint TESTS=selfcheck@pass
	caught "a leak that kmemleak reports" 'guest/kmemleak: .*kmemleak_test' "$REPORT"
	caught "a taint" 'guest/taint: the kernel is tainted: U ' "$REPORT"
	control module MODPARAM_vgem_pfn=carveouts=none TESTS=selfcheck@pass
	caught "a module that fails to load" 'not ok module/vgem_pfn: does not load' "$REPORT"
	control igt PER_TEST_TIMEOUT=5
	caught "a failing IGT subtest" 'igt/selfcheck@fail: fail: .*on purpose' "$REPORT"
	caught "an IGT subtest with a kernel warning" \
		'igt/selfcheck@warn: dmesg-warn: .*on purpose' "$REPORT"
	caught "a crashing IGT subtest" 'igt/selfcheck@crash: crash' "$REPORT"
	caught "an IGT subtest that does not end" 'igt/selfcheck@timeout: (timeout|incomplete)' "$REPORT"
	control nothing TESTS=there-is-no-such-test
	caught "a run of no test" 'not one test ran: TESTS=there-is-no-such-test' "$REPORT"
	QEMU=false ACCEL=tcg control noqemu TESTS=selfcheck@pass
	caught "a QEMU that fails" 'guest/end: QEMU failed with status 1' "$REPORT"
}

# An option that Kconfig drops: one that depends on what is not set.
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

# Of IGT's own tests: skips without a reason and for another, a program that ran
# nothing, and a reason for what passed.
stock_control() {
	local log=$DIR/stock/report.txt
	mkdir -p "$DIR/stock"
	printf '%s\n' ran silent '- ran@[bd] /no way/ a reason' '- ran@a /no way/ another' >"$DIR/stock/list"
	VERDICT=passed
	jq -nr --rawfile list "$DIR/stock/list" --arg tests "" "
		[\"a:pass:\", \"b:skip:no way\", \"c:skip:no way\", \"d:skip:late\"] | map(split(\":\")
			| {name: \"igt/stock/ran@\\(.[0])\", status: .[1], reason: .[2]})
		| $(grep -v '^#' "$HARNESS/stock.jq")
		| .[] | \"\\(.status) \\(.name) \\(.reason)\"" >"$log" 2>&1
	if [[ $(grep -c ^fail "$log") == 4 ]]; then VERDICT=failed; fi
	caught "a stock test that skips without a reason" '^fail igt/stock/ran@c skipped' "$log"
	caught "a stock test that skips for another reason" '^fail igt/stock/ran@d skipped' "$log"
	caught "a stock program that runs nothing" '^fail igt/stock/silent ' "$log"
	caught "a reason for no skip" '^fail igt/stock/ran@a ' "$log"
}

# Of make bench: a figure of one kind of memory that is above its floor, floors of which
# nothing was measured, and time that says nothing.
bench_control() {
	local json=$DIR/bench/bench.json log=$DIR/bench/report.txt
	mkdir -p "$DIR/bench"
	jq -n -L "$HARNESS" '
		include "floors";
		"/64MiB/sync/memcpy" as $memcpy | "/64MiB/sync/of-memcpy" as $of
		| (["contig/32MiB", "bar/32MiB", "range/1MiB", "range/1GiB"]
		   | map({ ("get_pfn/" + .): 100 }) | add)
		  + { resv_pair: 32, "get_pfn/tt/32MiB": 129,
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
	caught "a figure above its floor" '^get_pfn, one range of any memory.* 4.03.*  missed$' "$log"
	caught "a figure that nobody measured" '^missed: 1a, 1b, 1d, ' "$log"
	caught "a move slower than memcpy()" '^missed: .*, 3t e reserved,' "$log"
	caught "time on a machine that is not quiet" \
		'^evict 64 MiB, contig, in time.*  too noisy to tell$' "$log"
}

mkdir -p "$DIR"
prepare 1
next_step "controls: $ACCEL_USED, $ACCEL_WHY"
positive
guest_controls
config_control
stock_control
bench_control
outcomes || exit 1
