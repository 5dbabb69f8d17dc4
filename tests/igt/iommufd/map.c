// SPDX-License-Identifier: MIT
/*
 * Subtests of what is mapped: each page of the domain is the page of the buffer, as the
 * exporter itself lists it.
 */
#include "igt.h"
#include "iommufd.h"

/* Map a buffer as a whole, compare it, and unmap it. */
static void check_whole(int fd, uint32_t region, uint64_t size)
{
	struct iommufd_bo bo = iommufd_bo_create(fd, size, region, 1);
	uint64_t iova = iommufd_map(&bo.iommu, bo.dmabuf, 0, size);

	igt_assert_eq_u32(vgem_pfn_bo_query(fd, bo.handle).pin_count, 1);
	iommufd_assert_truth(&bo.iommu, iova, fd, bo.handle, 0, size);
	iommufd_check(&bo.iommu, iova, size, 1);

	iommufd_unmap(&bo.iommu, iova, size);
	iommufd_assert_unmapped(&bo.iommu, iova, size);
	iommufd_assert_unused(fd, bo.handle);
	vgem_pfn_bo_check(fd, bo.handle, size, 1);
	iommufd_bo_destroy(&bo);
}

static void check_regions(int fd, uint64_t size)
{
	struct drm_vgem_pfn_region region;
	uint32_t id;

	vgem_pfn_for_each_region(fd, region, id)
		check_whole(fd, id, size);
}

static void test_map(int fd)
{
	check_regions(fd, PFN_PAGE_SIZE);
	check_regions(fd, 1 * MiB + PFN_PAGE_SIZE);
}

static void test_scattered(int fd)
{
	static const uint32_t orders[] = { 0, 1, 3 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		vgem_pfn_set_max_block_order(fd, orders[i]);
		check_regions(fd, 512 * KiB);
	}
	vgem_pfn_set_max_block_order(fd, UINT32_MAX);
}

static void test_long(int fd)
{
	struct drm_vgem_pfn_region region;
	uint32_t id, order;

	for (order = 0; order < 12; order += 11) {
		vgem_pfn_set_max_block_order(fd, order);
		vgem_pfn_for_each_carveout(fd, region, id)
			check_whole(fd, id, region.size / 2);
	}
	vgem_pfn_set_max_block_order(fd, UINT32_MAX);
	check_whole(fd, VGEM_PFN_TT, 64 * MiB);
}

static void test_part(int fd, uint32_t region)
{
	const uint64_t size = 16 * PFN_PAGE_SIZE, half = MOCK_PAGE_SIZE;
	uint64_t start, length, iova;
	struct iommufd_bo bo;

	vgem_pfn_set_max_block_order(fd, 1);
	bo = iommufd_bo_create(fd, size, region, 1);
	for (start = 0; start < size; start += 3 * half) {
		for (length = half; length <= size - start; length += 5 * half) {
			iova = iommufd_map(&bo.iommu, bo.dmabuf, start, length);
			iommufd_assert_truth(&bo.iommu, iova, fd, bo.handle, start,
					     length);
			iommufd_unmap(&bo.iommu, iova, length);
		}
	}
	vgem_pfn_set_max_block_order(fd, UINT32_MAX);
	iommufd_bo_destroy(&bo);
}

static void test_parts(int fd)
{
	struct drm_vgem_pfn_region region;
	uint32_t id;

	test_part(fd, VGEM_PFN_TT);
	vgem_pfn_for_each_carveout(fd, region, id)
		test_part(fd, id);
}

static void test_many(int fd)
{
	struct iommufd iommus[] = { iommufd_open(), iommufd_open() };
	uint32_t handle = iommufd_buffer(fd, 64 * KiB, VGEM_PFN_CARVEOUT, 1);
	int dmabuf = vgem_pfn_export(fd, handle), i;
	uint64_t iovas[6];

	for (i = 0; i < 6; i++) {
		iovas[i] = iommufd_map(&iommus[i % 2], dmabuf, 0, 64 * KiB);
		igt_assert_eq_u32(vgem_pfn_bo_query(fd, handle).pin_count, i + 1);
	}
	for (i = 0; i < 6; i++) {
		iommufd_assert_truth(&iommus[i % 2], iovas[i], fd, handle, 0,
				     64 * KiB);
		iommufd_unmap(&iommus[i % 2], iovas[i], 64 * KiB);
		igt_assert_eq_u32(vgem_pfn_bo_query(fd, handle).pin_count, 5 - i);
	}
	close(dmabuf);
	vgem_pfn_gem_close(fd, handle);
	iommufd_close(&iommus[0]);
	iommufd_close(&iommus[1]);
}

void iommufd_map_tests(int fd)
{
	igt_describe("A buffer in each kind of memory is mapped page by page.");
	igt_subtest("map")
		test_map(fd);

	igt_describe("Like map, with many ranges.");
	igt_subtest("map-scattered")
		test_scattered(fd);

	igt_describe("Like map, with half of each carveout.");
	igt_subtest("map-long")
		test_long(fd);

	igt_describe("Parts are mapped, from any page and from the middle of pages.");
	igt_subtest("map-part")
		test_parts(fd);

	igt_describe("Each mapping of a buffer pins it.");
	igt_subtest("map-many")
		test_many(fd);
}
