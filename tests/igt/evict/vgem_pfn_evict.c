// SPDX-License-Identifier: MIT
/**
 * TEST: vgem pfn evict
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: Memory management
 * Description: Evictions caused by allocations: which buffer is evicted, where to, and
 *		that its contents survive. Concurrent users: stress.c. Pinned
 *		buffers: pinned.c. Suspend: suspend.c.
 *
 * SUBTEST: overcommit
 * Description: Twice the carveout's size can be allocated, and no contents are lost.
 *
 * SUBTEST: overcommit-long
 * Description: Like overcommit, but each buffer is filled and checked completely
 *		instead of its first 64 KiB.
 *
 * SUBTEST: oldest-first
 * Description: The buffer that was placed longest ago is evicted first.
 *
 * SUBTEST: own-list
 * Description: An evicted buffer is placed according to its own list of regions, not to
 *		the list of the buffer that needs the space.
 *
 * SUBTEST: fallback
 * Description: A buffer that can be placed in another region of its list evicts no
 *		other buffer.
 *
 * SUBTEST: move-back
 * Description: An evicted buffer can be moved back, which evicts others.
 *
 * SUBTEST: mapped
 * Description: A mapping survives evictions of its buffer.
 *
 * SUBTEST: all-freed
 * Description: Closed buffers are freed in every region, evicted or not.
 *
 * SUBTEST: pinned
 * Description: A buffer in the carveout that is pinned is neither evicted nor moved,
 *		until it is unpinned.
 *
 * SUBTEST: pinned-tt
 * Description: A buffer in TT that is pinned is neither evicted nor moved, until it is
 *		unpinned.
 *
 * SUBTEST: pinned-scattered
 * Description: A pinned buffer is neither evicted nor moved, in each carveout, with
 *		scattered memory where the carveout has it.
 *
 * SUBTEST: stress-processes
 * Description: Processes that evict each other's buffers for 0.7 s lose no contents and
 *		never run out of memory.
 *
 * SUBTEST: stress-threads
 * Description: Threads that evict each other's buffers for 0.7 s lose no contents and
 *		never run out of memory.
 *
 * SUBTEST: stress-contended
 * Description: Threads move buffers of a third of the carveout into it for 0.7 s. A
 *		move that finds all memory in use waits and then succeeds, and no
 *		contents are lost.
 *
 * SUBTEST: stress-freed
 * Description: Threads allocate and free buffers for 0.7 s, with space for one at a
 *		time. An allocation whose space is being freed by another thread
 *		waits for it and then succeeds.
 *
 * SUBTEST: stress-quarantine
 * Description: Like stress-freed, with a quarantine that ends after 1 ms. An
 *		allocation never fails because a quarantine ends at the same time.
 *
 * SUBTEST: stress-processes-long
 * Description: Like stress-processes, for 2.5 s.
 *
 * SUBTEST: stress-threads-long
 * Description: Like stress-threads, for 2.5 s.
 *
 * SUBTEST: stress-contended-long
 * Description: Like stress-contended, for 2.5 s.
 *
 * SUBTEST: stress-freed-long
 * Description: Like stress-freed, for 2.5 s.
 *
 * SUBTEST: stress-quarantine-long
 * Description: Like stress-quarantine, for 2.5 s.
 *
 * SUBTEST: swap-system
 * Description: TTM swaps out a buffer in SYSTEM without a move. Importers are notified
 *		and find the same contents in new pages.
 *
 * SUBTEST: swap-tt
 * Description: TTM swaps out a buffer in TT, which takes a move to SYSTEM first.
 *		Importers are notified and find the same contents in new pages.
 *
 * SUBTEST: overcommit-system
 * Description: Buffers that exceed all carveouts and TTM's page limit are swapped out,
 *		and no contents are lost.
 *
 * SUBTEST: overcommit-system-long
 * Description: Like overcommit-system, with twice as much memory in swap, and each
 *		buffer is filled and checked completely instead of its first 64 KiB.
 *
 * SUBTEST: next-carveout
 * Description: A buffer evicted from one carveout moves to the next region of its list
 *		that has space, and is evicted from there to the region after it.
 *
 * SUBTEST: evict-all
 * Description: The evict_all knob empties all carveouts and touches no other buffer.
 *
 * SUBTEST: suspend-freeze
 * Description: Contents and placement are the same after a suspend to idle, and
 *		importers are notified of both moves.
 *
 * SUBTEST: suspend-mem
 * Description: Contents and placement are the same after a suspend to memory, and
 *		importers are notified of both moves.
 *
 * SUBTEST: suspend-busy
 * Description: Moves at the time of a suspend are delayed and succeed, and no contents
 *		are lost.
 *
 * SUBTEST: suspend-async
 * Description: A suspend waits for asynchronous copies from a carveout, although their
 *		buffers are no longer in it.
 */
#include <sys/mman.h>

#include "evict.h"
#include "igt.h"
#include "vgem_pfn.h"

IGT_TEST_DESCRIPTION("Over-committed carveouts");

static void assert_within_size(int fd)
{
	struct drm_vgem_pfn_region region;

	region = vgem_pfn_region(fd, VGEM_PFN_CARVEOUT);
	igt_assert_lte_u64(region.used, region.size);
}

static void test_overcommit(int fd, bool whole)
{
	uint64_t carveout = vgem_pfn_carveout_size(fd);
	const size_t size = carveout / 16, part = whole ? size : 64 * KiB;
	uint64_t in_carveout = 0, evictions = 0;
	uint32_t handles[32];
	int i;

	for (i = 0; i < 32; i++) {
		handles[i] = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT);
		igt_assert_eq_u32(vgem_pfn_bo_region(fd, handles[i]),
				  VGEM_PFN_CARVEOUT);
		vgem_pfn_bo_fill(fd, handles[i], part, i + 1);
		assert_within_size(fd);
	}

	for (i = 0; i < 32; i++) {
		struct drm_vgem_pfn_bo_query query;

		query = vgem_pfn_bo_query(fd, handles[i]);
		evictions += query.num_evictions;
		igt_assert_eq_u64(query.num_moves, query.num_evictions);
		if (query.region == VGEM_PFN_CARVEOUT) {
			in_carveout += size;
			igt_assert_eq_u64(query.num_evictions, 0);
		} else {
			igt_assert_eq_u32(query.region, VGEM_PFN_SYSTEM);
			igt_assert_eq_u64(query.num_evictions, 1);
			igt_assert_eq_u64(vgem_pfn_bo_stats(fd, handles[i]).last_copy_bytes,
					  size);
		}
		vgem_pfn_bo_check(fd, handles[i], part, i + 1);
	}
	igt_info("%llu evictions\n", (long long)evictions);
	/* With buffers of equal size there are no more evictions than necessary. */
	igt_assert_eq_u64(evictions, 16);
	igt_assert_eq_u64(in_carveout, carveout);
	igt_assert_eq_u64(vgem_pfn_region(fd, VGEM_PFN_CARVEOUT).used, carveout);

	for (i = 0; i < 32; i++)
		vgem_pfn_gem_close(fd, handles[i]);
}

static void test_oldest_first(int fd)
{
	const size_t size = vgem_pfn_carveout_size(fd) / 4;
	uint32_t handles[4];
	int i, j;

	for (i = 0; i < 4; i++)
		handles[i] = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT);
	for (i = 0; i < 4; i++) {
		vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT);
		for (j = 0; j < 4; j++)
			igt_assert_eq_u32(vgem_pfn_bo_region(fd, handles[j]),
					  j <= i ? VGEM_PFN_SYSTEM :
						   VGEM_PFN_CARVEOUT);
	}
}

static void test_own_list(int fd)
{
	uint32_t tt, system, only;

	tt = vgem_pfn_bo_create(fd, MiB, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	system = vgem_pfn_bo_create(fd, MiB, VGEM_PFN_CARVEOUT, VGEM_PFN_SYSTEM,
				    VGEM_PFN_TT);
	only = vgem_pfn_bo_create(fd, MiB, VGEM_PFN_CARVEOUT);
	vgem_pfn_bo_fill(fd, tt, MiB, 1);
	vgem_pfn_bo_fill(fd, system, MiB, 2);
	vgem_pfn_bo_fill(fd, only, MiB, 3);

	vgem_pfn_evict_all();

	igt_assert_eq_u32(vgem_pfn_bo_region(fd, tt), VGEM_PFN_TT);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, system), VGEM_PFN_SYSTEM);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, only), VGEM_PFN_SYSTEM);
	vgem_pfn_bo_check_mem(fd, tt, MiB, 1);
	vgem_pfn_bo_check_mem(fd, system, MiB, 2);
	vgem_pfn_bo_check_mem(fd, only, MiB, 3);

	vgem_pfn_gem_close(fd, tt);
	vgem_pfn_gem_close(fd, system);
	vgem_pfn_gem_close(fd, only);
}

static void test_fallback(int fd)
{
	uint64_t carveout = vgem_pfn_carveout_size(fd);
	uint32_t handles[4], picky, big, modest;
	int i;

	/* The carveout is preferred even if the list includes system memory. */
	modest = vgem_pfn_bo_create(fd, MiB, VGEM_PFN_CARVEOUT,
				    VGEM_PFN_SYSTEM);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, modest), VGEM_PFN_CARVEOUT);
	vgem_pfn_gem_close(fd, modest);

	for (i = 0; i < 4; i++)
		handles[i] = vgem_pfn_bo_create(fd, carveout / 4,
						VGEM_PFN_CARVEOUT);

	picky = vgem_pfn_bo_create(fd, MiB, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, picky), VGEM_PFN_TT);
	big = vgem_pfn_bo_create(fd, carveout + MiB, VGEM_PFN_CARVEOUT,
				 VGEM_PFN_TT);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, big), VGEM_PFN_TT);
	modest = vgem_pfn_bo_create(fd, MiB, VGEM_PFN_CARVEOUT,
				    VGEM_PFN_SYSTEM, VGEM_PFN_TT);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, modest), VGEM_PFN_SYSTEM);
	vgem_pfn_gem_close(fd, modest);

	for (i = 0; i < 4; i++) {
		igt_assert_eq_u64(vgem_pfn_bo_query(fd, handles[i]).num_moves,
				  0);
		vgem_pfn_gem_close(fd, handles[i]);
	}

	/* A buffer larger than the carveout cannot be moved there, and stays intact. */
	vgem_pfn_bo_fill(fd, big, MiB, 3);
	igt_assert_eq(__vgem_pfn_bo_move(fd, big, VGEM_PFN_CARVEOUT), -E2BIG);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, big), VGEM_PFN_TT);
	vgem_pfn_bo_check(fd, big, MiB, 3);

	vgem_pfn_bo_move(fd, picky, VGEM_PFN_CARVEOUT);
	vgem_pfn_gem_close(fd, picky);
	vgem_pfn_gem_close(fd, big);
}

static void test_move_back(int fd)
{
	const size_t size = 4 * MiB;
	struct drm_vgem_pfn_bo_query query;
	uint32_t handle;
	uint64_t i;
	int hog;

	handle = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vgem_pfn_bo_fill(fd, handle, size, 1);
	for (i = 1; i <= 3; i++) {
		hog = vgem_pfn_overcommit();
		query = vgem_pfn_bo_query(fd, handle);
		igt_assert_eq_u32(query.region, VGEM_PFN_TT);
		igt_assert_eq_u64(query.num_evictions, i);
		igt_assert_eq_u64(query.num_moves, 2 * i - 1);
		vgem_pfn_bo_check(fd, handle, size, i);

		vgem_pfn_bo_move(fd, handle, VGEM_PFN_CARVEOUT);
		assert_within_size(fd);
		vgem_pfn_bo_check(fd, handle, size, i);
		vgem_pfn_bo_fill(fd, handle, size, i + 1);
		close(hog);
	}
	vgem_pfn_gem_close(fd, handle);
}

static void test_mapped(int fd)
{
	const size_t size = MiB;
	uint32_t handle = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT);
	void *map;
	int i;

	map = vgem_pfn_bo_mmap(fd, handle, size, PROT_READ | PROT_WRITE);
	for (i = 1; i <= 3; i++) {
		pfn_pattern_fill(map, 0, size, i);
		vgem_pfn_evict_all();
		igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle),
				  VGEM_PFN_SYSTEM);
		pfn_assert_pattern(map, 0, size, i);

		pfn_pattern_fill(map, 0, size, 10 + i);
		vgem_pfn_bo_move(fd, handle, VGEM_PFN_CARVEOUT);
		pfn_assert_pattern(map, 0, size, 10 + i);
	}
	munmap(map, size);
	vgem_pfn_gem_close(fd, handle);
}

static void test_all_freed(int fd)
{
	struct drm_vgem_pfn_region before[3], after;
	int i, other;

	for (i = 0; i < 3; i++)
		before[i] = vgem_pfn_region(fd, i);

	other = vgem_pfn_open();
	for (i = 0; i < 3; i++)
		vgem_pfn_bo_create(other, before[2].size / 2, VGEM_PFN_CARVEOUT,
				   VGEM_PFN_TT);
	for (i = 0; i < 3; i++)
		vgem_pfn_bo_create(other, before[2].size / 2,
				   VGEM_PFN_CARVEOUT);
	close(other);

	for (i = 0; i < 3; i++) {
		after = vgem_pfn_region(fd, i);
		igt_assert_lte_u64(after.used, before[i].used);
	}
}

int igt_main()
{
	static int fd = -1;

	igt_fixture() {
		fd = vgem_pfn_open();
		vgem_pfn_reset_on_exit();
	}

	igt_describe("Twice the carveout's size can be allocated, and no contents are lost.");
	igt_subtest("overcommit")
		test_overcommit(fd, false);

	igt_describe("Like overcommit, with complete contents.");
	igt_subtest("overcommit-long")
		test_overcommit(fd, true);

	igt_describe("The buffer that was placed longest ago is evicted first.");
	igt_subtest("oldest-first") {
		int other = vgem_pfn_open();

		test_oldest_first(other);
		close(other);
	}

	igt_describe("An evicted buffer is placed according to its own list.");
	igt_subtest("own-list")
		test_own_list(fd);

	igt_describe("A buffer that fits in another region evicts no other buffer.");
	igt_subtest("fallback")
		test_fallback(fd);

	igt_describe("An evicted buffer can be moved back, which evicts others.");
	igt_subtest("move-back")
		test_move_back(fd);

	igt_describe("A mapping survives evictions of its buffer.");
	igt_subtest("mapped")
		test_mapped(fd);

	igt_describe("Closed buffers are freed in every region, evicted or not.");
	igt_subtest("all-freed")
		test_all_freed(fd);

	evict_pinned_tests(fd);
	evict_stress_tests(fd);
	evict_swap_tests(fd);
	evict_suspend_tests(fd);

	igt_fixture()
		close(fd);
}
