#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# iommufd.sh - make test-iommufd: Linux's own selftests of IOMMUFD, a real importer
# of dma-bufs, in one guest.  TESTS=regex selects programs.

# shellcheck source=tests/harness/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/harness/prepare.sh
. "$HARNESS/prepare.sh"

DIR=$OUT/iommufd

KSELFTESTS=iommu prepare 2
next_step "running the selftests of IOMMUFD in a guest: $ACCEL_USED, $ACCEL_WHY"
boot_guest "$DIR" iommufd TESTS="${TESTS:-}"
note "the guest ran for $(hms "$BOOT_SECONDS")"
next_step "results in $DIR: test.ktap, junit.xml, console.log, results/kselftest"
results_collect "$DIR" iommufd "${TESTS:-}"
results_report "$DIR" || exit 1
