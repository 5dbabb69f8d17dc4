// SPDX-License-Identifier: MIT
/*
 * A stand-in for libigt with which a test program prints the names of its subtests and
 * runs nothing: "make check" needs that list on machines that have no libigt.
 *
 * Only functions that a program calls before or between its subtests are here. The
 * rest is left unresolved, so that a program which calls it outside of a subtest or a
 * fixture ends with an error of the dynamic linker.
 */
#include "igt.h"

jmp_buf igt_subtest_jmpbuf;

int igt_subtest_init_parse_opts(int *argc, char **argv, const char *extra_short_opts,
				const struct option *extra_long_opts, const char *help_str,
				igt_opt_handler_t extra_opt_handler, void *handler_data)
{
	return 0;
}

bool __igt_run_subtest(const char *name, const char *file, const int line)
{
	puts(name);
	return false;
}

bool __igt_fixture(void)
{
	return false;
}

void __igt_fixture_complete(void)
{
}

void __igt_subtest_group_save(int *skip, int *description)
{
}

void __igt_subtest_group_restore(int skip, int description)
{
}

void igt_success(void)
{
}

void igt_describe_f(const char *fmt, ...)
{
}

void igt_exit(void)
{
	exit(0);
}
