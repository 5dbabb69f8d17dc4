// SPDX-License-Identifier: GPL-2.0
/*
 * igt_preload.so: preloaded into igt_runner and into the IGT tests, which run all
 * subtests in one process.
 *
 * The output of igt_runner is line buffered, so that the host can tell which
 * subtest was running when a guest died.
 *
 * When a subtest fails, libigt leaves it with a longjmp(), and its files, mappings
 * and allocations would still exist in the next subtest. So the process exits
 * before the next one: exit handlers run, the kernel releases the rest, and the
 * harness runs the remaining subtests in another process (tests/guest/passes.sh).
 *
 * With IGT_PRELOAD_FAIL=prefix the second subtest fails at its third ioctl, and
 * its name is written to the file <prefix><program>. If that file exists, nothing
 * fails. `make test-inject` uses this to show that a failure in the middle of a
 * subtest does not change other results.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NORETURN __attribute__((noreturn))

NORETURN void igt_fail(int exitcode);
NORETURN void igt_exit(void);
bool __igt_run_subtest(const char *name, const char *file, const int line);

static bool failed;
/* For IGT_PRELOAD_FAIL: subtests started, ioctls in the current one, and its name */
static int begun, ioctls;
static char running[256];
static pid_t process;

static __attribute__((constructor)) void write_lines(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
}

void igt_fail(int exitcode)
{
	NORETURN void (*fail)(int exitcode) =
		dlsym(RTLD_NEXT, "igt_fail");

	failed = true;
	fail(exitcode);
}

bool __igt_run_subtest(const char *name, const char *file, const int line)
{
	bool (*run)(const char *name, const char *file, int line) =
		dlsym(RTLD_NEXT, "__igt_run_subtest");

	bool runs;

	if (failed)
		igt_exit();
	runs = run(name, file, line);
	if (runs) {
		process = getpid();
		begun++;
		ioctls = 0;
		snprintf(running, sizeof(running), "%s\n", name);
	}
	return runs;
}

/* Whether to fail at this ioctl. Ioctls of other threads and of children do not count. */
static bool inject(void)
{
	const char *prefix = getenv("IGT_PRELOAD_FAIL");
	ssize_t len = strlen(running);
	char file[256];
	int fd;

	if (!prefix || begun < 2 || getpid() != process || gettid() != process ||
	    ++ioctls != 3)
		return false;
	snprintf(file, sizeof(file), "%s%s", prefix, program_invocation_short_name);
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return false;
	if (write(fd, running, len) != len)
		abort();
	close(fd);
	return true;
}

int ioctl(int fd, unsigned long request, ...)
{
	int (*call)(int fd, unsigned long request, void *arg) =
		dlsym(RTLD_NEXT, "ioctl");
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (inject())
		igt_fail(98);
	return call(fd, request, arg);
}
