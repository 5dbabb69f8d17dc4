#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# kvm.sh - make test-kvm: the subtests of vgem_pfn_kvm, whose virtual machines run
# below KVM of the guest, and Linux's own selftest, in the guest that has an IOMMU and SVM.
# TESTS=regex selects programs and subtests, PASSES=regex passes. FORM=full adds the long
# forms and other kinds of memory.

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"
# Long subtests are silent.
export GUEST_IOMMU=1 BOOT_TIMEOUT=${BOOT_TIMEOUT:-3600} STALL_TIMEOUT=${STALL_TIMEOUT:-600}
# shellcheck source=tests/harness/lib/prepare.sh
. "$HARNESS/lib/prepare.sh"
# shellcheck source=tests/harness/lib/tests.sh
. "$HARNESS/lib/tests.sh"

DIR=$OUT/kvm
QUEUE=$DIR/queue

KSELFTESTS=1 prepare 3
next_step "a QEMU whose guests can run guests"
iommu_guest
rm -rf "$DIR"
units_begin "$QUEUE"
if [[ ${FORM:-short} == full ]]; then
	kselftest_units kvm-full.list
else
	kselftest_units kvm.list
fi
PASSES=${PASSES:-KVM.*} igt_units
next_step "running the tests of KVM in a guest: $ACCEL_USED, $ACCEL_WHY"
GUESTS=1 tests_run "$DIR" "$QUEUE" NO_CONTRACT="${NO_CONTRACT:-}" SELECTED="${TESTS:+1}${PASSES:+1}" PER_TEST_TIMEOUT=600
note "the guest ran for $(hms "$TESTS_SECONDS")"
next_step "results in $DIR: test.ktap, junit.xml, guest-1/console.log"
results_collect_all "$DIR" "$QUEUE"
results_report "$DIR" || exit 1
