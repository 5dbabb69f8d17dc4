#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# iommufd.sh - make test-iommufd: Linux's selftests of IOMMUFD, which imports dma-bufs,
# the subtests of vgem_pfn_iommufd with dma-bufs of vfio-pci, and DMA of devices
# (vgem_pfn_dma, vfio_dmabuf_test), in one guest that has an IOMMU. TESTS=regex selects
# programs and subtests. FORM=full adds the long forms.

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"
export GUEST_IOMMU=1
# shellcheck source=tests/harness/lib/prepare.sh
. "$HARNESS/lib/prepare.sh"
# shellcheck source=tests/harness/lib/tests.sh
. "$HARNESS/lib/tests.sh"

DIR=$OUT/iommufd
QUEUE=$DIR/queue
# The largest buffer of huge pages that a test allocates has 64 of 2 MiB.
HUGEPAGES=72

KSELFTESTS=1 prepare 3
next_step "a QEMU that has igb"
iommu_guest
rm -rf "$DIR"
units_begin "$QUEUE"
kselftest_units iommufd.list
PASSES='VFIO|DMA' igt_units
next_step "running the selftests of IOMMUFD in a guest: $ACCEL_USED, $ACCEL_WHY"
# One guest only: the programs share the state of fault injection.
GUESTS=1 tests_run "$DIR" "$QUEUE" NO_CONTRACT=1 HUGEPAGES=$HUGEPAGES
note "the guest ran for $(hms "$TESTS_SECONDS")"
next_step "results in $DIR: test.ktap, junit.xml, guest-1/console.log"
results_collect_all "$DIR" "$QUEUE"
results_report "$DIR" || exit 1
