// SPDX-License-Identifier: MIT
/* Subtests of the order in which a buffer, its mapping and their files are closed. */
#include "igt.h"
#include "iommufd.h"

#define SIZE	(64 * KiB)
#define NUM_ORDERS	120	/* NUM_ITEMS factorial */

enum item {
	ITEM_MAPPING,
	ITEM_DMABUF,
	ITEM_HANDLE,
	ITEM_DEVICE,
	ITEM_IOMMU,
	NUM_ITEMS,
};

struct user {
	struct iommufd_bo bo;
	uint64_t iova;
	bool held[NUM_ITEMS];
};

static void let_go(struct user *u, enum item item)
{
	u->held[item] = false;
	switch (item) {
	case ITEM_MAPPING:
		/* Closing the IOMMU has removed its mappings. */
		if (u->held[ITEM_IOMMU])
			iommufd_unmap(&u->bo.iommu, u->iova, SIZE);
		break;
	case ITEM_DMABUF:
		close(u->bo.dmabuf);
		break;
	case ITEM_HANDLE:
		/* Closing the device has closed its handles. */
		if (u->held[ITEM_DEVICE])
			vgem_pfn_gem_close(u->bo.fd, u->bo.handle);
		break;
	case ITEM_DEVICE:
		close(u->bo.fd);
		break;
	default:
		iommufd_close(&u->bo.iommu);
	}
}

static void check_order(const int *order)
{
	struct user u = {
		.bo = iommufd_bo_create(vgem_pfn_open(), SIZE, VGEM_PFN_CARVEOUT, 1),
	};
	int i;

	u.iova = iommufd_map(&u.bo.iommu, u.bo.dmabuf, 0, SIZE);
	for (i = 0; i < NUM_ITEMS; i++)
		u.held[i] = true;
	for (i = 0; i < NUM_ITEMS; i++) {
		let_go(&u, order[i]);
		if (u.held[ITEM_MAPPING] && u.held[ITEM_IOMMU])
			iommufd_check(&u.bo.iommu, u.iova, SIZE, 1);
	}
}

static void test_every_order(int fd, int step)
{
	uint64_t used = vgem_pfn_region(fd, VGEM_PFN_CARVEOUT).used;
	int order[NUM_ITEMS], n;

	for (n = 0; n < NUM_ORDERS; n += step) {
		pfn_nth_order(n, order, NUM_ITEMS);
		check_order(order);
	}
	igt_assert_lte_u64(vgem_pfn_region(fd, VGEM_PFN_CARVEOUT).used, used);
}

static void test_exit(int fd)
{
	uint32_t handle = iommufd_buffer(fd, SIZE, VGEM_PFN_CARVEOUT, 1);
	int dmabuf = vgem_pfn_export(fd, handle);

	igt_fork(child, 1) {
		struct iommufd iommu = iommufd_open();

		iommufd_map(&iommu, dmabuf, 0, SIZE);
		igt_assert_eq_u32(vgem_pfn_bo_query(fd, handle).pin_count, 1);
	}
	igt_waitchildren();
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, handle).pin_count, 0);
	vgem_pfn_bo_move(fd, handle, VGEM_PFN_SYSTEM);
	vgem_pfn_bo_check(fd, handle, SIZE, 1);
	close(dmabuf);
	vgem_pfn_gem_close(fd, handle);
}

void iommufd_close_tests(int fd)
{
	igt_describe("In any order of closing, the mapping is correct while it exists.");
	igt_subtest("close-every-order")
		test_every_order(fd, 7);

	igt_describe("Like close-every-order, with all orders.");
	igt_subtest("close-every-order-long")
		test_every_order(fd, 1);

	igt_describe("The end of a process unpins what it has mapped.");
	igt_subtest("close-exit")
		test_exit(fd);
}
