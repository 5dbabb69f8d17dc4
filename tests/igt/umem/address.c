// SPDX-License-Identifier: MIT
/* Subtests of the addresses of umems that begin and end anywhere in a buffer */
#include "igt.h"
#include "pfn_pci.h"
#include "umem.h"

static uint32_t test_mode;

/* Parts of the buffer whose ends are next to a multiple of this many bytes */
static uint64_t test_step;

static void test_part(const struct umem_bo *bo, uint64_t offset, uint64_t end)
{
	int umem;

	if (end > bo->size || offset >= end)
		return;
	umem = umem_import(bo, test_mode, offset, end - offset);
	umem_check(umem, bo, offset, end - offset);
	close(umem);
}

static void test_parts(int fd, uint32_t region)
{
	/* Before, at and after a boundary of pages */
	static const int64_t around[] = { -1, 0, 1 };
	struct umem_bo bo = umem_bo_create(fd, region);
	uint64_t from, to;
	unsigned int i, j;

	for (from = 0; from < bo.size; from += test_step)
		for (to = from; to <= bo.size; to += test_step)
			for (i = !from; i < ARRAY_SIZE(around); i++)
				for (j = 0; j < ARRAY_SIZE(around); j++)
					test_part(&bo, from + around[i], to + around[j]);

	/* The exporter's table is intact after so many changes. */
	test_part(&bo, 0, bo.size);
	umem_bo_destroy(&bo);
}

static void test_regions(int fd, uint32_t region)
{
	test_parts(fd, region);

	/* Carveouts with ":buddy" have scattered buffers then. */
	vgem_pfn_set_max_block_order(fd, 0);
	test_parts(fd, region);
	vgem_pfn_set_max_block_order(fd, UINT32_MAX);
}

/* Parts of a buffer of 5 GiB */
static void test_large(int fd)
{
	static const uint64_t size = 5ULL << 30;
	/* Across 4 GiB, at the end, and more than 4 GiB */
	static const uint64_t parts[][2] = {
		{ (4ULL << 30) - 5000, 10000 },
		{ size - 5000, 5000 },
		{ 5000, size - 10000 },
	};
	uint64_t offset, length, num, i, *addresses = calloc(size / PFN_PAGE_SIZE, 8);
	struct drm_vgem_pfn_region region;
	uint32_t handle;
	int dmabuf, umem;

	igt_require_f(vgem_pfn_find_region(fd, VGEM_PFN_CARVEOUT, &region) &&
		      region.size >= size, "no carveout of 5 GiB\n");
	igt_assert(addresses);
	handle = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT);
	dmabuf = vgem_pfn_export(fd, handle);
	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		offset = parts[i][0];
		length = parts[i][1];
		umem = __umem_import(dmabuf, DMA_BUF_UMEM_PINNED, offset, length);
		igt_assert_fd(umem);
		num = (offset + length - 1) / PFN_PAGE_SIZE - offset / PFN_PAGE_SIZE + 1;
		igt_assert_eq_u64(umem_addresses(umem, addresses, size / PFN_PAGE_SIZE), num);
		while (num--)
			igt_assert_eq_u64(addresses[num] / PFN_PAGE_SIZE, region.base_pfn +
					  offset / PFN_PAGE_SIZE + num);
		close(umem);
	}
	free(addresses);
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, handle).pin_count, 0);
	close(dmabuf);
	vgem_pfn_gem_close(fd, handle);
}

/* Several umems of one buffer, of all modes, with different parts */
static void test_together(int fd, uint32_t region)
{
	struct umem_bo bo = umem_bo_create(fd, region);
	int umems[UMEM_PAGES / 4];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(umems); i++)
		umems[i] = umem_import(&bo, i % NUM_MODES, i * 5000, UMEM_SIZE / 2);
	for (i = 0; i < ARRAY_SIZE(umems); i++)
		umem_check(umems[i], &bo, i * 5000, UMEM_SIZE / 2);
	for (i = 0; i < ARRAY_SIZE(umems); i += 2)
		close(umems[i]);
	for (i = 1; i < ARRAY_SIZE(umems); i += 2) {
		umem_check(umems[i], &bo, i * 5000, UMEM_SIZE / 2);
		close(umems[i]);
	}
	umem_bo_destroy(&bo);
}

void umem_address_tests(int fd)
{
	for (test_mode = 0; test_mode < NUM_MODES; test_mode++) {
		igt_describe("A umem has the addresses of its part of the buffer.");
		igt_subtest_f("address-%s", umem_mode_names[test_mode]) {
			test_step = UMEM_SIZE / 2;
			pfn_each_region(fd, test_regions);
		}

		igt_describe("Like address, with more parts.");
		igt_subtest_f("address-%s-long", umem_mode_names[test_mode]) {
			test_step = 9 * PFN_PAGE_SIZE;
			pfn_each_region(fd, test_regions);
		}
	}

	igt_describe("Several umems of a buffer do not affect each other.");
	igt_subtest("address-together")
		pfn_each_region(fd, test_together);

	igt_describe("Parts of a buffer whose size does not fit into 32 bits");
	igt_subtest("large")
		test_large(fd);
}
