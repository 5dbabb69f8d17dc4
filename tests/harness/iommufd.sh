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

# The largest buffer of huge pages that a test allocates has 64 of 2 MiB.
HUGEPAGES=72

KSELFTESTS=1 prepare 3
iommu_tests "$OUT/iommufd" iommufd.list 'VFIO|DMA' NO_CONTRACT=1 HUGEPAGES=$HUGEPAGES || exit 1
