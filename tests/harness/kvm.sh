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

list=kvm.list
[[ ${FORM:-short} != full ]] || list=kvm-full.list
KSELFTESTS=1 prepare 3
iommu_tests "$OUT/kvm" "$list" "${PASSES:-KVM.*}" NO_CONTRACT="${NO_CONTRACT:-}" \
	SELECTED="${TESTS:+1}${PASSES:+1}" PER_TEST_TIMEOUT="$LONG_TEST_TIMEOUT" || exit 1
