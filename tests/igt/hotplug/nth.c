// SPDX-License-Identifier: MIT
/*
 * Subtests that make the first, the second, the third ... allocation of the driver's part
 * of a plug fail, until a plug runs without a failure. Warnings and leaks are detected by
 * the runner and the harness.
 *
 * Linux 7.3 does not survive all failures in other parts. If drm_sysfs_minor_alloc() fails,
 * drm_minor_alloc_release() calls put_device() with an error pointer. TTM ignores errors of
 * list_lru_init() in ttm_global_init(); here another device exists, so it does nothing.
 */
#include <errno.h>
#include <string.h>

#include "hotplug.h"
#include "igt.h"
#include "pfn_nth.h"
#include "vgem_pfn_module.h"

#define PARAMS	"devices=2 carveouts=contig:1M"
/* Far more than the fault points of a plug */
#define MAX_NTH	2000

/* Make every @step-th allocation fail. */
static void test_plug(unsigned int step)
{
	unsigned int n, failed = 0;
	int nth, ret, left = 0;

	/* First, since it may skip. The filter has an address of the module. */
	nth = pfn_nth_begin();
	vgem_pfn_reload(PARAMS);
	igt_assert_eq(__vgem_pfn_faux_unplug(0), 0);
	pfn_nth_below(VGEM_PFN_MODULE, "vgem_pfn_device_init");
	for (n = 1; !left; n += step) {
		igt_assert_lt(n, MAX_NTH);
		pfn_nth_arm(nth, n);
		ret = __vgem_pfn_faux_plug(0);
		left = pfn_nth_disarm(nth);

		if (ret) {
			igt_debug("N=%u: %s\n", n, strerror(-ret));
			igt_assert_f(!left, "N=%u: %d, but no fault was injected\n", n, ret);
			igt_assert_eq(__vgem_pfn_open_faux(0, "card"), -ENODEV);
			igt_assert_eq(__vgem_pfn_faux_plug(0), 0);
			failed++;
		}
		hotplug_assert_works();
		igt_assert_eq(__vgem_pfn_faux_unplug(0), 0);
	}
	pfn_nth_end(nth);
	igt_info("%u fault points, %u failures\n", n - step - left, failed);
	igt_assert_lt(0, failed);
	vgem_pfn_reload(NULL);
}

void hotplug_nth_tests(void)
{
	igt_describe("A plug with a failed allocation leaves nothing behind or works.");
	igt_subtest("nth-plug")
		test_plug(11);

	igt_describe("Like nth-plug, at each point.");
	igt_subtest("nth-plug-long")
		test_plug(1);
}
