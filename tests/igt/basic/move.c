// SPDX-License-Identifier: MIT
/* Subtests of BO_MOVE: between all regions, and invalid arguments. */
#include <sys/mman.h>

#include "basic.h"
#include "igt.h"

#define MOVE	DRM_IOCTL_VGEM_PFN_BO_MOVE

static const uint32_t everywhere[] = {
	VGEM_PFN_CARVEOUT, VGEM_PFN_TT, VGEM_PFN_SYSTEM,
};

static void test_move(int fd)
{
	const size_t size = MiB;
	uint32_t handle;
	uint64_t seed = 1;
	void *map;
	int i, j;

	handle = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT, VGEM_PFN_TT,
				    VGEM_PFN_SYSTEM);
	map = vgem_pfn_bo_mmap(fd, handle, size, PROT_READ | PROT_WRITE);
	pfn_pattern_fill(map, 0, size, seed);

	for (i = 0; i < 3; i++) {
		for (j = 0; j < 3; j++) {
			vgem_pfn_bo_move(fd, handle, everywhere[i]);
			pfn_assert_pattern(map, 0, size, seed);
			pfn_pattern_fill(map, 0, size, ++seed);

			vgem_pfn_bo_move(fd, handle, everywhere[j]);
			vgem_pfn_bo_check_mem(fd, handle, size, seed);
			pfn_assert_pattern(map, 0, size, seed);
		}
	}

	munmap(map, size);
	vgem_pfn_gem_close(fd, handle);
}

static void test_move_counters(int fd)
{
	const size_t size = MiB;
	struct drm_vgem_pfn_bo_query query;
	struct vgem_pfn_bo_stats stats;
	uint64_t carveout, tt;
	uint64_t old, new;
	uint32_t handle;
	int i;

	handle = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	carveout = vgem_pfn_region(fd, VGEM_PFN_CARVEOUT).used;
	tt = vgem_pfn_region(fd, VGEM_PFN_TT).used;

	for (i = 1; i <= 4; i++) {
		bool out = i & 1;

		old = vgem_pfn_bo_pfn(fd, handle, 0);
		vgem_pfn_bo_move(fd, handle,
				 out ? VGEM_PFN_TT : VGEM_PFN_CARVEOUT);
		new = vgem_pfn_bo_pfn(fd, handle, 0);
		igt_assert_neq_u64(old, new);

		query = vgem_pfn_bo_query(fd, handle);
		igt_assert_eq_u64(query.num_moves, i);
		igt_assert_eq_u64(query.num_evictions, 0);
		igt_assert_eq_u64(query.num_notifies, 0);
		stats = vgem_pfn_bo_stats(fd, handle);
		igt_assert_eq_u64(stats.last_copy_bytes, size);
		igt_assert_lt_u64(0, stats.last_copy_ns);
		igt_assert_eq_u64(vgem_pfn_region(fd, VGEM_PFN_CARVEOUT).used,
				  out ? carveout - size : carveout);
		igt_assert_eq_u64(vgem_pfn_region(fd, VGEM_PFN_TT).used,
				  out ? tt + size : tt);
	}
	vgem_pfn_gem_close(fd, handle);
}

static void test_move_nowhere(int fd)
{
	int i;

	for (i = 0; i < 3; i++) {
		uint32_t handle = vgem_pfn_bo_create(fd, 64 * KiB,
						     everywhere[i]);
		uint64_t before[16], after[16];

		vgem_pfn_bo_fill(fd, handle, 64 * KiB, 7);
		vgem_pfn_bo_pfns(fd, handle, 0, 16, before);
		vgem_pfn_bo_move(fd, handle, everywhere[i]);
		vgem_pfn_bo_pfns(fd, handle, 0, 16, after);

		igt_assert(!memcmp(before, after, sizeof(before)));
		igt_assert_eq_u64(vgem_pfn_bo_query(fd, handle).num_moves, 0);
		vgem_pfn_bo_check(fd, handle, 64 * KiB, 7);
		vgem_pfn_gem_close(fd, handle);
	}
}

static void test_move_bad_region(int fd)
{
	uint32_t handle = vgem_pfn_bo_create(fd, 64 * KiB, VGEM_PFN_TT);
	static const uint32_t bad[] = {
		VGEM_PFN_CARVEOUT, VGEM_PFN_CARVEOUT + 5,
		DRM_VGEM_PFN_MAX_REGIONS, 1U << 31, ~0U,
	};
	size_t i;

	vgem_pfn_bo_fill(fd, handle, 64 * KiB, 3);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		igt_assert_eq(__vgem_pfn_bo_move(fd, handle, bad[i]), -EINVAL);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), VGEM_PFN_TT);
	igt_assert_eq_u64(vgem_pfn_bo_query(fd, handle).num_moves, 0);
	vgem_pfn_bo_check(fd, handle, 64 * KiB, 3);

	vgem_pfn_bo_move(fd, handle, VGEM_PFN_SYSTEM);
	vgem_pfn_bo_check(fd, handle, 64 * KiB, 3);
	vgem_pfn_gem_close(fd, handle);
}

static void test_move_bad_handle(int fd)
{
	uint32_t handle = vgem_pfn_bo_create(fd, 4 * KiB, VGEM_PFN_SYSTEM);

	vgem_pfn_gem_close(fd, handle);
	igt_assert_eq(__vgem_pfn_bo_move(fd, handle, VGEM_PFN_SYSTEM), -ENOENT);
	igt_assert_eq(__vgem_pfn_bo_move(fd, 0, VGEM_PFN_SYSTEM), -ENOENT);
	igt_assert_eq(__vgem_pfn_bo_move(fd, ~0U, VGEM_PFN_SYSTEM), -ENOENT);
}

#define test_move_mbz(fd, field) \
	do { \
		struct drm_vgem_pfn_bo_move arg = { \
			.handle = vgem_pfn_bo_create(fd, 4 * KiB, \
						     VGEM_PFN_CARVEOUT), \
			.region = VGEM_PFN_SYSTEM, \
		}; \
		basic_assert_mbz_field(fd, MOVE, arg, field); \
		igt_assert_eq_u32(vgem_pfn_bo_region(fd, arg.handle), \
				  VGEM_PFN_CARVEOUT); \
		vgem_pfn_gem_close(fd, arg.handle); \
	} while (0)

static void test_move_bad_flags(int fd)
{
	struct drm_vgem_pfn_bo_move arg = {
		.handle = vgem_pfn_bo_create(fd, 4 * KiB, VGEM_PFN_CARVEOUT),
		.region = VGEM_PFN_SYSTEM,
	};
	int bit;

	for (bit = 0; bit < 32; bit++) {
		arg.flags = 1U << bit;
		if (arg.flags != DRM_VGEM_PFN_MOVE_ASYNC)
			igt_assert_eq(__vgem_pfn_ioctl(fd, MOVE, &arg), -EINVAL);
	}
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, arg.handle), VGEM_PFN_CARVEOUT);
	vgem_pfn_gem_close(fd, arg.handle);
}

static void test_move_interrupted(int fd)
{
	uint32_t handle = vgem_pfn_bo_create(fd, 64 * KiB, VGEM_PFN_CARVEOUT,
					     VGEM_PFN_TT);
	struct vgem_pfn_mover mover, waiter;
	struct pfn_hold hold;

	vgem_pfn_bo_fill(fd, handle, 64 * KiB, 5);
	pfn_hold_begin(&hold);
	vgem_pfn_mover_start_held(&mover, fd, handle, VGEM_PFN_TT, &hold);
	vgem_pfn_mover_start(&waiter, fd, handle, VGEM_PFN_SYSTEM);
	pfn_hold_assert(&hold, pfn_thread_asleep(&waiter.thread));
	pfn_thread_signal(&waiter.thread);
	pfn_thread_join(&waiter.thread);
	/* The interrupted move did not wait for the other one. */
	igt_assert(pfn_hold_pending(&hold));
	igt_assert_eq(waiter.ret, -EINTR);

	pfn_hold_end(&hold);
	vgem_pfn_mover_wait(&mover);

	igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), VGEM_PFN_TT);
	vgem_pfn_bo_check(fd, handle, 64 * KiB, 5);
	vgem_pfn_gem_close(fd, handle);
}

void basic_move_tests(int fd)
{
	igt_describe("Contents and mappings survive a move between any two regions.");
	igt_subtest("move")
		test_move(fd);

	igt_describe("The counters match the moves.");
	igt_subtest("move-counters")
		test_move_counters(fd);

	igt_describe("A move to the current region succeeds and does nothing.");
	igt_subtest("move-nowhere")
		test_move_nowhere(fd);

	igt_describe("A buffer can be moved only to the regions of its list, and to SYSTEM.");
	igt_subtest("move-bad-region")
		test_move_bad_region(fd);

	igt_describe("Invalid handles fail with ENOENT.");
	igt_subtest("move-bad-handle")
		test_move_bad_handle(fd);

	igt_describe("Unknown flags are rejected.");
	igt_subtest("move-bad-flags")
		test_move_bad_flags(fd);

	igt_describe("Padding must be zero.");
	igt_subtest("move-bad-pad")
		test_move_mbz(fd, pad);

	igt_describe("Waiting for another thread's move can be interrupted.");
	igt_subtest("move-interrupted")
		test_move_interrupted(fd);
}
