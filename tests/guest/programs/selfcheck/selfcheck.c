// SPDX-License-Identifier: GPL-2.0
/*
 * An IGT test of the harness: its subtests end in every possible way, and `make
 * test-harness` checks that each result is reported correctly.
 */
#include <fcntl.h>
#include <signal.h>

#include "igt.h"

/* The kernel's words when the host had no time for the guest */
#define LATE_TIMER	"<4>hrtimer: interrupt took 19480605 ns\n"

IGT_TEST_DESCRIPTION("Ends in every way that a subtest can end.");

/* A subtest that passes becomes a dmesg-warn in igt_runner if the kernel warns. */
static void warn_in_kernel_log(const char *text)
{
	int fd = open("/dev/kmsg", O_WRONLY);

	igt_assert_fd(fd);
	igt_assert(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

/* The same as "echo c" > /proc/sysrq-trigger */
static void crash_kernel(void)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY);

	igt_assert_fd(fd);
	igt_assert_eq(write(fd, "c", 1), 1);
}

int igt_main()
{
	igt_subtest("pass")
		igt_info("this subtest passes\n");

	igt_subtest("skip")
		igt_require_f(false, "this subtest skips on purpose\n");

	igt_subtest("fail")
		igt_assert_f(false, "this subtest fails on purpose\n");

	igt_subtest("warn") {
		warn_in_kernel_log(LATE_TIMER);
		warn_in_kernel_log("<4>selfcheck: a warning on purpose\n");
	}

	igt_subtest("crash")
		raise(SIGSEGV);

	igt_subtest("late-timer")
		warn_in_kernel_log(LATE_TIMER);

	igt_subtest("own-warn") {
		warn_in_kernel_log(LATE_TIMER);
		/* What igt_warn() does: igt_runner looks for output on stderr. */
		fputs("this subtest warns on purpose\n", stderr);
	}

	igt_subtest("silent")
		sleep(60);

	igt_subtest("timeout")
		for (;;)
			pause();

	igt_subtest("oops")
		crash_kernel();

	igt_subtest("last")
		igt_info("this subtest passes whatever the others did\n");
}
