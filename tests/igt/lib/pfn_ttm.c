// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>

#include "igt.h"
#include "pfn_ttm.h"

#define TTM_DEBUGFS	"/sys/kernel/debug/ttm/"
#define TTM_SHRINK	TTM_DEBUGFS "tt_shrink"
#define TTM_SHRINK_POOL	TTM_DEBUGFS "page_pool_shrink"
#define TTM_LIMIT	"/sys/module/ttm/parameters/pages_limit"

/* Reading these files makes TTM act. */
static int read_knob(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, size - 1);
	if (n < 0)
		n = -errno;
	else
		text[n] = '\0';
	close(fd);
	return n < 0 ? n : 0;
}

long __pfn_ttm_shrink(void)
{
	char text[32];

	return read_knob(TTM_SHRINK, text, sizeof(text)) ?: strtol(text, NULL, 0);
}

void pfn_ttm_shrink(void)
{
	long ret = __pfn_ttm_shrink();

	igt_require_f(ret != -ENOENT, "no " TTM_SHRINK "\n");
	igt_assert_lte(0, ret);
}

int __pfn_ttm_shrink_pool(void)
{
	char text[32];

	return read_knob(TTM_SHRINK_POOL, text, sizeof(text));
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
