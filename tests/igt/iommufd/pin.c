// SPDX-License-Identifier: MIT
/* Subtests of the pin: a mapped buffer stays in place. */
#include "igt.h"
#include "iommufd.h"

#define SIZE	(256 * KiB)

static void test_move(int fd, uint32_t region)
{
	struct iommufd_bo bo = iommufd_bo_create(fd, SIZE, region, 1);
	uint64_t iova = iommufd_map(&bo.iommu, bo.dmabuf, 0, SIZE);
	uint64_t moves = vgem_pfn_bo_query(fd, bo.handle).num_moves;
	uint32_t pinned = vgem_pfn_bo_region(fd, bo.handle);

	igt_assert_eq(__vgem_pfn_bo_move(fd, bo.handle, iommufd_elsewhere(pinned)),
		      -EBUSY);
	igt_assert_eq_u64(vgem_pfn_bo_query(fd, bo.handle).num_moves, moves);
	iommufd_assert_truth(&bo.iommu, iova, fd, bo.handle, 0, SIZE);

	iommufd_unmap(&bo.iommu, iova, SIZE);
	vgem_pfn_bo_move(fd, bo.handle, iommufd_elsewhere(pinned));
	vgem_pfn_bo_check(fd, bo.handle, SIZE, 1);
	iommufd_bo_destroy(&bo);
}

static void test_moves(int fd)
{
	struct drm_vgem_pfn_region region;
	uint32_t id;

	vgem_pfn_for_each_region(fd, region, id)
		test_move(fd, id);
}

static void test_evict(int fd)
{
	struct iommufd iommu = iommufd_open();
	uint32_t pinned = iommufd_buffer(fd, SIZE, VGEM_PFN_CARVEOUT, 1);
	uint32_t other = iommufd_buffer(fd, SIZE, VGEM_PFN_CARVEOUT, 2);
	int dmabuf = vgem_pfn_export(fd, pinned);
	uint64_t iova = iommufd_map(&iommu, dmabuf, 0, SIZE);

	vgem_pfn_evict_all();
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, other), VGEM_PFN_SYSTEM);
	igt_assert_eq(__vgem_pfn_evict_all_carveouts(fd), 0);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, pinned), VGEM_PFN_CARVEOUT);
	igt_assert_eq_u64(vgem_pfn_bo_query(fd, pinned).num_evictions, 0);
	iommufd_assert_truth(&iommu, iova, fd, pinned, 0, SIZE);
	iommufd_check(&iommu, iova, SIZE, 1);

	iommufd_unmap(&iommu, iova, SIZE);
	igt_assert_eq(__vgem_pfn_evict_all_carveouts(fd), 0);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, pinned), VGEM_PFN_SYSTEM);
	vgem_pfn_bo_check(fd, pinned, SIZE, 1);
	close(dmabuf);
	vgem_pfn_gem_close(fd, other);
	vgem_pfn_gem_close(fd, pinned);
	iommufd_close(&iommu);
}

static void test_full(int fd)
{
	const uint64_t size = vgem_pfn_carveout_size(fd) / 4;
	struct iommufd iommu = iommufd_open();
	uint32_t handles[4], region = VGEM_PFN_CARVEOUT, handle;
	uint64_t iovas[4], one = size;
	int i, dmabuf;

	vgem_pfn_evict_all();
	for (i = 0; i < 4; i++) {
		handles[i] = iommufd_buffer(fd, size, VGEM_PFN_CARVEOUT, i);
		dmabuf = vgem_pfn_export(fd, handles[i]);
		iovas[i] = iommufd_map(&iommu, dmabuf, 0, size);
		close(dmabuf);
	}
	igt_assert_eq(__vgem_pfn_bo_create(fd, &one, &region, 1, &handle), -ENOSPC);
	for (i = 0; i < 4; i++) {
		iommufd_check(&iommu, iovas[i], size, i);
		iommufd_unmap(&iommu, iovas[i], size);
	}
	igt_assert_eq(__vgem_pfn_bo_create(fd, &one, &region, 1, &handle), 0);
	vgem_pfn_gem_close(fd, handle);
	for (i = 0; i < 4; i++) {
		vgem_pfn_bo_check(fd, handles[i], size, i);
		vgem_pfn_gem_close(fd, handles[i]);
	}
	iommufd_close(&iommu);
}

void iommufd_pin_tests(int fd)
{
	igt_describe("A mapped buffer cannot be moved.");
	igt_subtest("pinned-move")
		test_moves(fd);

	igt_describe("A mapped buffer is not chosen for eviction.");
	igt_subtest("pinned-evict")
		test_evict(fd);

	igt_describe("Allocations in a carveout that is full of mapped buffers fail.");
	igt_subtest("pinned-full-long")
		test_full(fd);
}
