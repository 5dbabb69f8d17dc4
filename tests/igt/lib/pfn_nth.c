// SPDX-License-Identifier: MIT
#include <errno.h>
#include <sys/mman.h>

#include "igt.h"
#include "pfn_nth.h"
#include "vgem_pfn_module.h"

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
	/* TTM logs these as errors. */
	igt_emit_ignore_dmesg_regex("TTM. (Failed (allocating|to find)|Buffer evic)");
	nth = __pfn_fail_nth_open();
	igt_assert_lte(0, nth);
	igt_assert_eq(mlockall(MCL_CURRENT), 0);
	touch_stack();
	return nth;
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
