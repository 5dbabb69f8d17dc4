// SPDX-License-Identifier: MIT
/*
 * Subtests that make the first, the second, the third ... fault point of an import fail,
 * until the import runs without a failure. Fault points are allocations, and steps of
 * IOMMUFD and of the exporter. Warnings and leaks are detected by the runner and the
 * harness. The kernel's iommufd_fail_nth does the same with its mock exporter.
 */
#include <errno.h>

#include "igt.h"
#include "iommufd.h"
#include "pfn_fault.h"
#include "pfn_nth.h"

#define SIZE	(16 * PFN_PAGE_SIZE)
/* Far more than the fault points of an import */
#define MAX_NTH	1000

/* Assert that failure @ret has left nothing behind. Returns the IOVA of a retry. */
static uint64_t check_and_retry(struct iommufd_bo *b, int n, int ret, int left)
{
	/* Errors of an allocation, a lookup of the IOAS, and the exporter's pin and lookups */
	igt_assert_f(ret == -ENOMEM || ret == -ENOENT || ret == -ENOSPC || ret == -EIO,
		     "N=%d: %d\n", n, ret);
	igt_assert_f(!left, "N=%d: %d, but no fault was injected\n", n, ret);
	iommufd_assert_unused(b->fd, b->handle);
	return iommufd_map(&b->iommu, b->dmabuf, 0, SIZE);
}

static void test_nth(int fd, uint32_t region)
{
	struct iommufd_bo b = iommufd_bo_create(fd, SIZE, region, 1);
	int nth = pfn_nth_begin(), n, ret, left, failed = 0;

	for (n = 1, left = 0; !left; n++) {
		uint64_t iova = 0;

		igt_assert_lt(n, MAX_NTH);
		pfn_nth_arm(nth, n);
		ret = __iommufd_map(&b.iommu, b.dmabuf, 0, SIZE, MAP_RW, &iova);
		left = pfn_nth_disarm(nth);

		if (ret) {
			failed++;
			iova = check_and_retry(&b, n, ret, left);
		}
		iommufd_assert_truth(&b.iommu, iova, fd, b.handle, 0, SIZE);
		iommufd_unmap(&b.iommu, iova, SIZE);
		iommufd_assert_unused(fd, b.handle);
	}
	pfn_nth_end(nth);
	igt_info("%d fault points, %d failures\n", n - 2, failed);
	igt_assert_lt(0, failed);
	iommufd_bo_destroy(&b);
}

static void test_nth_regions(int fd)
{
	struct drm_vgem_pfn_region region;
	uint32_t id;

	igt_require_f(!__pfn_debugfs_set("fail_iommufd/verbose", 0),
		      "the kernel has no fault injection in IOMMUFD\n");
	vgem_pfn_set_max_block_order(fd, 0);
	test_nth(fd, VGEM_PFN_TT);
	vgem_pfn_for_each_carveout(fd, region, id)
		test_nth(fd, id);
	vgem_pfn_set_max_block_order(fd, UINT32_MAX);
}

void iommufd_nth_tests(int fd)
{
	igt_describe("An import that fails at any point leaves nothing behind.");
	igt_subtest("nth-map")
		test_nth_regions(fd);
}
