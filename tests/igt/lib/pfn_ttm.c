// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>

#include "igt.h"
#include "pfn_ttm.h"

#define TTM_DEBUGFS	"/sys/kernel/debug/ttm/"
#define TTM_SHRINK	TTM_DEBUGFS "tt_shrink"
#define TTM_SHRINK_POOL	TTM_DEBUGFS "page_pool_shrink"
#define TTM_LIMIT	"/sys/module/ttm/parameters/pages_limit"

/* Read a number from a debugfs file. The read makes TTM swap out a buffer or free pages. */
static long read_knob(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[32] = "";
	long ret;

	if (fd < 0)
		return -errno;
	ret = read(fd, text, sizeof(text) - 1) < 0 ? -errno : strtol(text, NULL, 0);
	close(fd);
	return ret;
}

long __pfn_ttm_shrink(void)
{
	return read_knob(TTM_SHRINK);
}

void pfn_ttm_shrink(void)
{
	long ret = __pfn_ttm_shrink();

	igt_require_f(ret != -ENOENT, "no " TTM_SHRINK "\n");
	igt_assert_lte(0, ret);
}

int __pfn_ttm_shrink_pool(void)
{
	long ret = read_knob(TTM_SHRINK_POOL);

	return ret < 0 ? ret : 0;
}

static uint64_t limit_before;

static uint64_t set_limit(uint64_t pages)
{
	FILE *file = fopen(TTM_LIMIT, "r+e");
	unsigned long long before;

	igt_require_f(file, "no " TTM_LIMIT "\n");
	igt_assert_eq(fscanf(file, "%llu", &before), 1);
	rewind(file);
	igt_assert_lt(0, fprintf(file, "%llu\n", (long long)pages));
	igt_assert_eq(fclose(file), 0);
	return before;
}

void pfn_ttm_limit(uint64_t pages)
{
	uint64_t before = set_limit(pages);

	if (!limit_before)
		limit_before = before;
}

void pfn_ttm_unlimit(void)
{
	if (limit_before)
		set_limit(limit_before);
	limit_before = 0;
}

static void at_exit(int sig)
{
	pfn_ttm_unlimit();
}

void pfn_ttm_unlimit_on_exit(void)
{
	igt_install_exit_handler(at_exit);
}
