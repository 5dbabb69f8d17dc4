#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# shell.sh - make shell: a shell on this terminal, in a guest with the driver
# loaded. `exit` or Ctrl-A X ends it.

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source=tests/harness/lib/prepare.sh
. "$HARNESS/lib/prepare.sh"

prepare 1
next_step "booting a guest with a shell: $ACCEL_USED, $ACCEL_WHY"
console_guest shell
