#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# test.sh - make test: run all tests, in guests side by side. TESTS=regex selects
# IGT subtests (program@subtest), KUnit modules and Linux's selftests, SUITES=regex
# suites of these modules, PASSES=regex passes (tests/guest/lists/passes.list).
# FORM=full adds the long forms and all passes, REPEAT=n runs the IGT subtests n
# times. MODPARAM_<module>="name=value ..." sets module parameters, except in passes
# that have their own. RESUME=1 continues an interrupted run. The last line has the
# totals; the exit status is 0 only if nothing failed.

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"
DIR=$OUT/test
# One of Debian's kernels has neither KUnit nor what IGT's own tests need.
if debian_kernel; then
	DIR+=-$KERNEL
	PASSES=${PASSES:-contig|buddy|reserved|huge|UNPATCHED}
fi
if [[ ${VARIANT:=base} != base ]]; then
	DIR+=-$VARIANT
	# These kernels may be several times slower.
	export BOOT_TIMEOUT=${BOOT_TIMEOUT:-7200} STALL_TIMEOUT=${STALL_TIMEOUT:-360}
fi
[[ ${FORM:=short} == short ]] || DIR+=-$FORM
# For the tests of the harness
DIR=${TEST_DIR:-$DIR}
export FORM VARIANT
# CI has a limit of 90 minutes for this and the build of a kernel.
export BOOT_TIMEOUT=${BOOT_TIMEOUT:-4500}
# Guests show every 5 s that they run (start_heartbeat in tests/guest/lib.sh).
export STALL_TIMEOUT=${STALL_TIMEOUT:-240}

# shellcheck source=tests/harness/lib/prepare.sh
. "$HARNESS/lib/prepare.sh"
# shellcheck source=tests/harness/lib/tests.sh
. "$HARNESS/lib/tests.sh"
input_check KERNEL VARIANT FORM TESTS PASSES SUITES SEED ACCEL GUESTS REPEAT RESUME
own_dir "$DIR"

# Settings for the guest: the selection and module parameters
settings=(SUITES="${SUITES:-}" SELECTED="${TESTS:+1}${PASSES:+1}")
# A correct importer returns from a notification quickly, but a guest may have to
# wait for a CPU: 6.5 s were seen with three guests. The mode hold-lock has a
# shorter limit.
settings+=(CONTRACT_LIMIT="${CONTRACT_LIMIT:-15000}")
# Only the tests allow what the fixes of mm make safe.
! debian_kernel || settings+=(dma_buf_pfn_compat.unsafe_huge_entries=1)
# KUnit modules of others cause warnings on purpose: check only the results of their cases.
# KUnit waits in state D while a case runs, and a slow case of gpu_buddy_tests takes more than
# the guest's limit of 30 s for hung tasks.
! kunit_only ||
	settings+=(QUICK=1 panic_on_warn=0 sysctl.kernel.hung_task_timeout_secs=360)
# A million moves take 100 s. A tenth of that still has ten times the required retries.
[[ $FORM == full ]] || settings+=(MODPARAM_dmabuf_kunit="pfn_race_rounds=100000")
[[ -z ${NO_CONTRACT:-} ]] || settings+=(NO_CONTRACT=1)
if [[ $FORM == full ]]; then
	settings+=(PER_TEST_TIMEOUT="$LONG_TEST_TIMEOUT")
elif [[ $VARIANT == kasan ]]; then
	settings+=(PER_TEST_TIMEOUT=300)
fi
# The first seed of vgem_pfn_race
[[ -z ${SEED:-} ]] || settings+=(RACE_SEED="$SEED")
for name in "${!MODPARAM_@}"; do
	settings+=("$name=${!name}")
done

QUEUE=$DIR/queue

# run_key - what an interrupted run and its continuation must have in common
run_key() {
	{
		cat "$GUEST_KERNEL/id" "$GUEST_IMAGE.inputs"
		printf '%s\n' "${settings[@]}" "${TESTS:-}" "${PASSES:-}" "${CMDLINE:-}"
	} | sha256sum | cut -c 1-16
}

# resume - restore the queue of an interrupted run: units that no guest took, and
# tests that a guest took but did not begin
resume() {
	local guest queue n=0
	[[ -e $DIR/key ]] || die "RESUME=1: there is no run to go on with in $DIR"
	[[ $(<"$DIR/key") == "$(run_key)" ]] ||
		die "RESUME=1: kernel, tests or selection have changed since the run in $DIR; run without it"
	for guest in "$DIR"/guest-*; do
		[[ -e $guest ]] || continue
		# Renamed already: its units were requeued by an earlier RESUME=1.
		[[ $guest != *-before* ]] || continue
		queue=$QUEUE
		[[ ${guest##*/} != guest-iommu* ]] || queue+=.iommu
		[[ $(cat "$guest/end" 2>/dev/null) == exited ]] || units_requeue "$guest" "$queue"
		while [[ -e $DIR/guest-before$n ]]; do n=$((n + 1)); done
		mv "$guest" "$DIR/guest-before$n"
	done
	note "$(queue_files "$QUEUE" | xargs cat | grep -c '^igt@') subtests are left"
}

# finish - collect and report the results once, also if the run is interrupted
FINISHED=
finish() {
	[[ -z $FINISHED ]] || return 0
	FINISHED=1
	results_collect_all "$DIR" "$QUEUE"
	"$HARNESS/times.sh" --remember "$DIR" || :
	STATUS=0
	results_report "$DIR" || STATUS=1
}

KSELFTESTS=1 prepare 2
if [[ -n ${RESUME:-} ]]; then
	resume
else
	rm -rf "$DIR"
	mkdir -p "$DIR"
	units_make "$QUEUE"
	run_key >"$DIR/key"
fi
next_step "$(queue_files "$QUEUE" | xargs cat | grep -c '^igt@') IGT subtests and $(queue_files "$QUEUE" | wc -l) units in $(guests_of "$QUEUE"): $ACCEL_USED, $ACCEL_WHY"
on_exit finish
tests_run "$DIR" "$QUEUE" "${settings[@]}"
note "the guests ran for $(hms "$TESTS_SECONDS")"
next_step "results in $DIR: test.ktap, junit.xml, summary.json, guest-*/console.log"
# The tests of the contract checker take a second.
guest_dirs=("$DIR"/guest-*)
"$TOP/tests/contract/check.sh" "$OUT/guest/contract/pfn-contract" \
	>"${guest_dirs[0]}/contract.ktap" || :
if compgen -G "$DIR/guest-*/results/gcov" >/dev/null; then
	note "the driver's lines were counted: make coverage"
fi
finish
exit "$STATUS"
