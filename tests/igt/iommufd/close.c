// SPDX-License-Identifier: MIT
/* Subtests of the order in which a buffer, its mapping and their files are closed. */
#include "igt.h"
#include "iommufd.h"

#define SIZE	(64 * KiB)
#define NUM_ORDERS	120	/* of NUM_ITEMS */

enum reference {
	ITEM_MAPPING,
	ITEM_DMABUF,
	ITEM_HANDLE,
	ITEM_DEVICE,
	ITEM_IOMMU,
	NUM_ITEMS,
};

struct user {
	struct iommufd iommu;
	int fd;
	uint32_t handle;
	int dmabuf;
	uint64_t iova;
	bool mapped;
};

static void close_item(struct user *u, enum reference item, bool *device)
{
	switch (item) {
	case ITEM_MAPPING:
		if (u->mapped)
			iommufd_unmap(&u->iommu, u->iova, SIZE);
		u->mapped = false;
		break;
	case ITEM_DMABUF:
		close(u->dmabuf);
		break;
	case ITEM_HANDLE:
		if (*device)
			vgem_pfn_gem_close(u->fd, u->handle);
		break;
	case ITEM_DEVICE:
		close(u->fd);
		*device = false;
		break;
	default:
		iommufd_close(&u->iommu);
		u->mapped = false;
		break;
	}
}

static void check_order(const enum reference *order)
{
	struct user u = { .iommu = iommufd_open(), .fd = vgem_pfn_open() };
	bool device = true;
	int i;

	u.handle = iommufd_buffer(u.fd, SIZE, VGEM_PFN_CARVEOUT, 1);
	u.dmabuf = vgem_pfn_export(u.fd, u.handle);
	u.iova = iommufd_map(&u.iommu, u.dmabuf, 0, SIZE);
	u.mapped = true;
	for (i = 0; i < NUM_ITEMS; i++) {
		close_item(&u, order[i], &device);
		if (u.mapped)
			iommufd_check(&u.iommu, u.iova, SIZE, 1);
	}
}

/* Every @step-th of the orders of the items from @first on; @n counts all. */
static void check_orders(enum reference *order, int first, int step, int *n)
{
	int i;

	if (first == NUM_ITEMS) {
		if ((*n)++ % step == 0)
			check_order(order);
		return;
	}
	for (i = first; i < NUM_ITEMS; i++) {
		enum reference item = order[i];

		order[i] = order[first];
		order[first] = item;
		check_orders(order, first + 1, step, n);
		order[first] = order[i];
		order[i] = item;
	}
}

/*
 * SUBTEST: close-every-order
 * Description: in any order of unmapping and of closing the dma-buf, handle, device and
 *		IOMMU, the mapping is correct while it exists, and all memory is freed.
 *		Every seventh order is tested
 *
 * SUBTEST: close-every-order-long
 * Description: the same with all orders
 */
static void test_every_order(int fd, int step)
{
	enum reference order[] = {
		ITEM_MAPPING, ITEM_DMABUF, ITEM_HANDLE, ITEM_DEVICE, ITEM_IOMMU,
	};
	uint64_t used = vgem_pfn_region(fd, VGEM_PFN_CARVEOUT).used;
	int n = 0;

	check_orders(order, 0, step, &n);
	igt_assert_eq(n, NUM_ORDERS);
	igt_assert_eq_u64(vgem_pfn_region(fd, VGEM_PFN_CARVEOUT).used, used);
}

/*
 * SUBTEST: close-exit
 * Description: the end of a process that has mapped a buffer unpins it
 */
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

	igt_describe("The same with all orders.");
	igt_subtest("close-every-order-long")
		test_every_order(fd, 1);

	igt_describe("The end of a process unpins what it has mapped.");
	igt_subtest("close-exit")
		test_exit(fd);
}
