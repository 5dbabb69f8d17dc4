// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "igt.h"
#include "pfn_nth.h"
#include "vgem_pfn_module.h"

/* The kernel's messages of failed allocations */
#define ERRORS	"TTM. (Failed (allocating|to find)|Buffer evic)|debugfs: out of|workqueue: Failed to"

/* Populate the stack for the operation, so that no page fault allocates. */
static void touch_stack(void)
{
	volatile char stack[64 * 1024];
	size_t i;

	for (i = 0; i < sizeof(stack); i += 4096)
		stack[i] = 0;
}

int pfn_nth_begin(void)
{
	int nth, ret = __pfn_fail_nth_init();

	igt_require_f(ret != -ENOENT, "the kernel has no fault injection\n");
	igt_assert_eq(ret, 0);
	igt_emit_ignore_dmesg_regex(ERRORS);
	nth = __pfn_fail_nth_open();
	igt_assert_lte(0, nth);
	igt_assert_eq(mlockall(MCL_CURRENT), 0);
	touch_stack();
	return nth;
}

struct range {
	unsigned long long start, end;
};

/* No filter */
static const struct range all = { 0, UINT64_MAX };

static struct range find(const char *module, const char *function)
{
	struct range range = all;
	unsigned long long addr;
	char line[512], name[128], in[64];
	FILE *file;

	file = fopen("/proc/kallsyms", "re");
	igt_assert(file);
	while (fgets(line, sizeof(line), file))
		/* The compiler may have added a suffix after a dot. */
		if (sscanf(line, "%llx %*c %127[^.\t]%*[^[][%63[^]]", &addr, name, in) == 3 &&
		    !strcmp(in, module) && !strcmp(name, function))
			range.start = addr;
	igt_assert_f(range.start, "no %s() in %s\n", function, module);

	/* The symbols of a module are not sorted. */
	rewind(file);
	while (fgets(line, sizeof(line), file)) {
		addr = strtoull(line, NULL, 16);
		if (addr > range.start && addr < range.end)
			range.end = addr;
	}
	fclose(file);
	return range;
}

/* A stack trace must have an address in @require. Returns 0 or -errno. */
static int filter(struct range require)
{
	static const char * const attrs[] = { "failslab", "fail_page_alloc" };
	char path[64];
	int ret = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(attrs) && !ret; i++) {
		snprintf(path, sizeof(path), "%s/require-start", attrs[i]);
		ret = __pfn_debugfs_set(path, require.start);
		snprintf(path, sizeof(path), "%s/require-end", attrs[i]);
		if (!ret)
			ret = __pfn_debugfs_set(path, require.end);
	}
	return ret;
}

void pfn_nth_below(const char *module, const char *function)
{
	igt_require_f(!filter(find(module, function)),
		      "the kernel has no stack trace filter of fault injection\n");
}

void pfn_nth_arm(int nth, unsigned int n)
{
	igt_assert_eq(__pfn_fail_nth_set(nth, n), 0);
}

int pfn_nth_disarm(int nth)
{
	int left = __pfn_fail_nth_get(nth);

	igt_assert_eq(__pfn_fail_nth_set(nth, 0), 0);
	igt_assert_lte(0, left);
	return left;
}

void pfn_nth_end(int nth)
{
	filter(all);
	munlockall();
	close(nth);
}

static void disarm_device(int fd)
{
	static const char * const steps[] = {
		"create", "export", "import", "attach", "pin", "map", "get_pfn",
		"populate", "alloc", "copy", "fence",
	};
	size_t i;

	if (fd < 0)
		return;
	for (i = 0; i < ARRAY_SIZE(steps); i++)
		__vgem_pfn_fault_disarm(fd, steps[i]);
	close(fd);
}

static void disarm(int sig)
{
	int nth = __pfn_fail_nth_open();

	if (nth >= 0) {
		__pfn_fail_nth_set(nth, 0);
		close(nth);
	}
	filter(all);
	disarm_device(__vgem_pfn_open_faux(0, "renderD"));
	disarm_device(__vgem_pfn_open_faux(1, "renderD"));
	/* The PCI device, if there are no faux devices */
	disarm_device(__drm_open_by_name(VGEM_PFN_MODULE, "renderD"));
}

void pfn_fault_disarm_on_exit(void)
{
	disarm(0);
	igt_install_exit_handler(disarm);
}
