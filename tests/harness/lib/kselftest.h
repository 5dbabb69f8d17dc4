/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Included before every program of Linux's selftests. The default timeout of 30 s
 * per test is too short under emulation on a busy machine. This one is shorter
 * than the 90 s after which boot.sh ends a silent guest, so that the test is
 * reported by name.
 */
#include "kselftest_harness.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 80
