// SPDX-License-Identifier: MIT
/*
 * The measurements of "make bench", in ticks of the CPU's cycle counter. The host
 * makes it count instructions; the row "nops" verifies that.
 *
 *	bench SEED
 *	bench SEED all		the same, and rows that need several CPUs, in time
 *	bench SEED moves	moves and rows that need several CPUs only, in time
 *
 * Prints an error and exits with 1 if a step fails, if a result is wrong, or if
 * the kernel module accepts invalid input. The format of the output is in table.c.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "bench: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(1);
}

int check(int ret, const char *what)
{
	if (ret < 0)
		fail("%s: %s", what, strerror(-ret));
	return ret;
}

int check_errno(int ret, const char *what)
{
	return check(ret < 0 ? -errno : ret, what);
}

int main(int argc, char **argv)
{
	const char *times = argc == 3 ? argv[2] : "";
	bool all = strcmp(times, "moves");
	uint64_t seed;
	char *end;

	if (argc < 2 || argc > 3 || (*times && all && strcmp(times, "all")))
		fail("usage: bench SEED [all|moves]");
	errno = 0;
	seed = strtoull(argv[1], &end, 0);
	if (errno || end == argv[1] || *end)
		fail("%s: not a seed", argv[1]);

	module_init(seed);
	if (*times)
		rows_are_times();
	if (all) {
		lookup_rows();
		populate_rows();
		notify_rows();
		refault_rows();
		iommufd_rows();
	}
	move_rows();
	if (*times) {
		refault_async_rows();
		contend_rows();
	}
	return 0;
}
