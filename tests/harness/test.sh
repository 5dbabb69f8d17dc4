#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# test.sh - make test: all tests in one guest.  TESTS=regex selects IGT subtests
# (program@subtest), KUnit modules and Linux's selftests, SUITES=regex suites of
# these modules, PASSES=regex passes (tests/guest/passes.list), and
# MODPARAM_<module>="name=value ..." reaches the module, but in passes that have
# parameters of their own.  The last line is the closing line; the exit status is
# 0 only if nothing failed.

# shellcheck source=tests/harness/lib.sh
. "$(dirname "$0")/lib.sh"
DIR=$OUT/test
if [[ ${VARIANT:=base} != base ]]; then
	DIR+=-$VARIANT
	# Each of these may be several times slower.
	export BOOT_TIMEOUT=${BOOT_TIMEOUT:-7200} STALL_TIMEOUT=${STALL_TIMEOUT:-360}
fi
# 45 minutes are usual, and CI gives 90 to this and to the build of a kernel.
export BOOT_TIMEOUT=${BOOT_TIMEOUT:-4500}
# A subtest says nothing while it runs: igt_runner gives up before this does.
export STALL_TIMEOUT=${STALL_TIMEOUT:-240}

# shellcheck source=tests/harness/prepare.sh
. "$HARNESS/prepare.sh"

# What reaches the guest: the selection and parameters of modules.
settings=(TESTS="${TESTS:-}" SUITES="${SUITES:-}" PASSES="${PASSES:-}")
# Nobody who is correct holds up others for long, but a guest may have to wait for a
# CPU: 6.5 s were seen beside two others. hold-lock has a limit of its own.
settings+=(CONTRACT_LIMIT="${CONTRACT_LIMIT:-15000}")
# A variant with a list of its own is for other KUnit modules.  They are not ours
# and warn on purpose: only their cases count.
if [[ -e $TOP/tests/guest/$VARIANT.list ]]; then
	settings+=(KUNIT_LIST="$VARIANT.list" QUICK=1 panic_on_warn=0)
fi
[[ -z ${NO_CONTRACT:-} ]] || settings+=(NO_CONTRACT=1)
[[ $VARIANT != kasan ]] || settings+=(PER_TEST_TIMEOUT=300)
# vgem_pfn_race begins with this one, or with a new one each time.
[[ -z ${SEED:-} ]] || settings+=(RACE_SEED="$SEED")
for name in "${!MODPARAM_@}"; do
	settings+=("$name=${!name}")
done

KSELFTESTS=iommu prepare 2
next_step "running the tests in a guest: $ACCEL_USED, $ACCEL_WHY"
FOLLOW=progress boot_guest "$DIR" test "${settings[@]}"
note "the guest ran for $(hms "$BOOT_SECONDS")"
next_step "results in $DIR: test.ktap, junit.xml, results.json, console.log"
# The checker's own tests take a second.
"$TOP/tests/contract/check.sh" "$OUT/guest/contract/pfn-contract" >"$DIR/contract.ktap" || :
results_collect "$DIR" test "${TESTS:-}"
if [[ -d $DIR/results/gcov ]]; then
	note "the driver's lines were counted: make coverage"
fi
results_report "$DIR" || exit 1
