// SPDX-License-Identifier: MIT
/*
 * Subtests of evictions to the next carveout of a buffer's list, to system memory, and
 * on to swap. TTM swaps without a move.
 */
#include <sys/mman.h>

#include "evict.h"
#include "igt.h"
#include "pfn_importer.h"
#include "pfn_ttm.h"
#include "vgem_pfn.h"

static void swap_out(int fd, uint32_t handle)
{
	int i;

	for (i = 0; i < 64; i++) {
		if (vgem_pfn_bo_pfn(fd, handle, 0) == VGEM_PFN_NO_PFN)
			break;
		pfn_ttm_shrink();
	}
	igt_assert_lt(i, 64);
}

static void test_swap(int fd, uint32_t region)
{
	const size_t size = 128 * KiB;
	int importer = pfn_importer_open(), dmabuf, import, round;
	struct dma_buf_pfn_stats stats;
	uint32_t handle;
	uint64_t notified;
	char *map;

	handle = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vgem_pfn_bo_fill(fd, handle, size, 5);
	dmabuf = vgem_pfn_export(fd, handle);
	import = pfn_import(importer, dmabuf);
	map = pfn_import_mmap(import, size, PROT_READ | PROT_WRITE);

	for (round = 0; round < 3; round++) {
		vgem_pfn_bo_move(fd, handle, region);
		pfn_assert_pattern(map, 0, size, 5 + round);
		pfn_import_dev_check(import, size, 5 + round);
		notified = pfn_import_stats(import).invalidations;

		swap_out(fd, handle);
		stats = pfn_import_stats(import);
		igt_assert_lt_u64(notified, stats.invalidations);
		igt_assert_eq_u64(stats.cpu_mapped, 0);
		igt_assert_eq_u64(stats.dev_mapped, 0);
		igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle),
				  VGEM_PFN_SYSTEM);

		pfn_import_dev_check(import, size, 5 + round);
		swap_out(fd, handle);
		pfn_assert_pattern(map, 0, size, 5 + round);
		pfn_pattern_fill(map, 0, size, 6 + round);

		/* From swap directly to a carveout */
		swap_out(fd, handle);
		vgem_pfn_bo_move(fd, handle, VGEM_PFN_CARVEOUT);
		vgem_pfn_bo_check_mem(fd, handle, size, 6 + round);
	}

	munmap(map, size);
	close(import);
	close(dmabuf);
	vgem_pfn_gem_close(fd, handle);
	close(importer);
}

static void test_overcommit_system(int fd, bool whole)
{
	const unsigned int num = whole ? 24 : 18;
	uint64_t size = vgem_pfn_carveout_size(fd) / 8 & ~4095ULL;
	uint64_t part = whole ? size : 64 * KiB;
	uint32_t handles[24], swapped = 0;
	unsigned int i;

	/* Eight fit in the carveout, four in memory: six or twelve are swapped out. */
	pfn_ttm_limit(4 * size / PFN_PAGE_SIZE);
	for (i = 0; i < num; i++) {
		handles[i] = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT,
						VGEM_PFN_TT, VGEM_PFN_SYSTEM);
		vgem_pfn_bo_fill(fd, handles[i], part, i);
		vgem_pfn_bo_move(fd, handles[i], VGEM_PFN_CARVEOUT);
	}
	for (i = 0; i < num; i++)
		swapped += vgem_pfn_bo_pfn(fd, handles[i], 0) ==
			   VGEM_PFN_NO_PFN;
	igt_info("%u of %u buffers in swap\n", swapped, num);
	igt_assert_lt_u64(num / 4, swapped);

	for (i = 0; i < num; i++) {
		vgem_pfn_bo_check(fd, handles[i], part, i);
		vgem_pfn_gem_close(fd, handles[i]);
	}
	pfn_ttm_unlimit();
}

static void test_next_carveout(int fd)
{
	struct drm_vgem_pfn_region first, second;
	uint32_t handles[2], other;
	uint64_t size;
	int i;

	igt_assert(vgem_pfn_find_region(fd, VGEM_PFN_CARVEOUT, &first));
	/* With one carveout the next region is TT. */
	if (!vgem_pfn_find_region(fd, VGEM_PFN_CARVEOUT + 1, &second)) {
		handles[0] = vgem_pfn_bo_create(fd, MiB, first.id, VGEM_PFN_TT);
		vgem_pfn_evict_all();
		igt_assert_eq_u32(vgem_pfn_bo_region(fd, handles[0]),
				  VGEM_PFN_TT);
		vgem_pfn_gem_close(fd, handles[0]);
		return;
	}
	size = first.size < second.size ? first.size : second.size;

	for (i = 0; i < 2; i++) {
		handles[i] = vgem_pfn_bo_create(fd, size, first.id, second.id,
						VGEM_PFN_TT);
		vgem_pfn_bo_fill(fd, handles[i], MiB, i);
		vgem_pfn_bo_move(fd, handles[i], first.id);
		vgem_pfn_evict_all();
	}
	/* The first buffer fills the second carveout. */
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, handles[0]), second.id);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, handles[1]), VGEM_PFN_TT);

	other = vgem_pfn_bo_create(fd, second.size, second.id);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, handles[0]), VGEM_PFN_TT);
	igt_assert_eq_u64(vgem_pfn_bo_query(fd, handles[0]).num_evictions, 2);
	vgem_pfn_gem_close(fd, other);

	for (i = 0; i < 2; i++) {
		vgem_pfn_bo_check(fd, handles[i], MiB, i);
		vgem_pfn_gem_close(fd, handles[i]);
	}
}

static void test_evict_all(int fd)
{
	uint32_t handles[DRM_VGEM_PFN_MAX_REGIONS], id, num, backwards, list[2];
	struct drm_vgem_pfn_region region;

	vgem_pfn_for_each_carveout(fd, region, id) {
		list[0] = id;
		list[1] = VGEM_PFN_TT;
		handles[id] = __vgem_pfn_bo_create_list(fd, region.size / 2,
							list, 2);
		vgem_pfn_bo_fill(fd, handles[id], MiB, id);
	}
	num = id;

	/* This buffer is evicted to a carveout that was emptied before. */
	list[0] = num - 1;
	list[1] = num - 1 > VGEM_PFN_CARVEOUT ? VGEM_PFN_CARVEOUT : VGEM_PFN_TT;
	backwards = __vgem_pfn_bo_create_list(fd, MiB, list, 2);
	igt_assert_eq(__vgem_pfn_evict_all_carveouts(fd), 0);
	igt_assert_eq_u64(vgem_pfn_region(fd, VGEM_PFN_CARVEOUT).used, 0);
	vgem_pfn_gem_close(fd, backwards);
	for (id = VGEM_PFN_CARVEOUT; id < num; id++) {
		igt_assert_eq_u64(vgem_pfn_region(fd, id).used, 0);
		igt_assert_eq_u32(vgem_pfn_bo_region(fd, handles[id]),
				  VGEM_PFN_TT);
		igt_assert_eq_u64(vgem_pfn_bo_query(fd, handles[id]).num_evictions,
				  1);
		vgem_pfn_bo_check(fd, handles[id], MiB, id);
		vgem_pfn_gem_close(fd, handles[id]);
	}
}

void evict_swap_tests(int fd)
{
	igt_fixture()
		pfn_ttm_unlimit_on_exit();

	igt_describe("Importers are notified when TTM swaps without a move.");
	igt_subtest("swap-system")
		test_swap(fd, VGEM_PFN_SYSTEM);

	igt_describe("Like swap-system, from TT, which takes a move to SYSTEM first.");
	igt_subtest("swap-tt")
		test_swap(fd, VGEM_PFN_TT);

	igt_describe("Buffers that fit nowhere else are swapped out.");
	igt_subtest("overcommit-system")
		test_overcommit_system(fd, false);

	igt_describe("Like overcommit-system, with complete contents.");
	igt_subtest("overcommit-system-long")
		test_overcommit_system(fd, true);

	igt_describe("An evicted buffer moves to the next carveout of its list.");
	igt_subtest("next-carveout")
		test_next_carveout(fd);

	igt_describe("The evict_all knob empties all carveouts.");
	igt_subtest("evict-all")
		test_evict_all(fd);
}
