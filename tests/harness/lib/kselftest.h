/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Included ahead of every program of Linux's selftests. Their 30 seconds for a
 * test are too few under emulation on a busy machine; these are fewer than
 * the 90 after which boot.sh takes a silent guest for hung, so that it is still
 * the test that is named.
 */
#include "kselftest_harness.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 80
