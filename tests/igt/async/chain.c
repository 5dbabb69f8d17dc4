// SPDX-License-Identifier: MIT
/*
 * Subtests of several pending copies: of one buffer, of many, and of a buffer that is
 * closed before its copy is done.
 */
#include <sys/mman.h>

#include "async.h"
#include "igt.h"
#include "pfn_fault.h"

static void test_chained(int fd)
{
	const uint64_t seed = pfn_new_seed();
	const size_t size = 256 * KiB;
	uint32_t handle, syncobjs[12];
	struct pfn_hold hold;
	int i, round;

	handle = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vgem_pfn_bo_fill(fd, handle, size, seed + 1);
	for (i = 0; i < 12; i++)
		syncobjs[i] = syncobj_create(fd, 0);

	for (round = 1; round <= 3; round++) {
		async_latency(fd, 200 * MS);
		pfn_hold_begin(&hold);
		pfn_hold_bo(&hold, fd, handle);
		for (i = 0; i < 12; i++) {
			/*
			 * Make the first copy the slowest, so that others could
			 * overtake it.
			 */
			async_move(fd, handle, i % 2 ? VGEM_PFN_CARVEOUT :
						       VGEM_PFN_TT, syncobjs[i]);
			if (!i)
				async_latency(fd, 5 * MS);
		}
		pfn_hold_assert(&hold, !async_done(fd, syncobjs[11]));
		pfn_hold_end(&hold);

		for (i = 11; i >= 0; i--) {
			async_wait(fd, syncobjs[i]);
			if (i)
				igt_assert(async_done(fd, syncobjs[i - 1]));
		}
		vgem_pfn_bo_check_mem(fd, handle, size, seed + round);
		vgem_pfn_bo_fill(fd, handle, size, seed + round + 1);
	}
	for (i = 0; i < 12; i++)
		syncobj_destroy(fd, syncobjs[i]);
	vgem_pfn_gem_close(fd, handle);
}

static void test_sync_after_async(int fd)
{
	const size_t size = 256 * KiB;
	uint32_t handle, syncobj;
	struct pfn_hold hold;

	handle = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vgem_pfn_bo_fill(fd, handle, size, 1);
	syncobj = syncobj_create(fd, 0);

	pfn_hold_begin(&hold);
	async_move_held(fd, handle, VGEM_PFN_TT, syncobj, &hold);
	pfn_hold_assert(&hold, !async_done(fd, syncobj));
	pfn_hold_until_asleep(&hold);
	vgem_pfn_bo_move(fd, handle, VGEM_PFN_CARVEOUT);
	igt_assert(async_done(fd, syncobj));
	pfn_hold_end(&hold);
	vgem_pfn_bo_check_mem(fd, handle, size, 1);

	syncobj_destroy(fd, syncobj);
	vgem_pfn_gem_close(fd, handle);
}

static void test_same_pages(int fd)
{
	const size_t size = 256 * KiB;
	uint32_t handle, first, second;
	struct pfn_hold hold;
	uint64_t pfn;

	handle = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vgem_pfn_bo_fill(fd, handle, size, 1);
	first = syncobj_create(fd, 0);
	second = syncobj_create(fd, 0);

	pfn_hold_begin(&hold);
	async_move_held(fd, handle, VGEM_PFN_TT, first, &hold);
	pfn = vgem_pfn_bo_pfn(fd, handle, 3);
	async_move(fd, handle, VGEM_PFN_SYSTEM, second);
	pfn_hold_assert(&hold, !async_done(fd, first));
	pfn_hold_assert(&hold, !async_done(fd, second));
	igt_assert_eq_u64(vgem_pfn_bo_pfn(fd, handle, 3), pfn);

	/* The buffer is in SYSTEM already: the returned fence is the last move's. */
	syncobj_destroy(fd, second);
	second = syncobj_create(fd, 0);
	async_move(fd, handle, VGEM_PFN_SYSTEM, second);
	pfn_hold_assert(&hold, !async_done(fd, second));
	pfn_hold_end(&hold);
	async_wait(fd, second);
	igt_assert(async_done(fd, first));
	vgem_pfn_bo_check_mem(fd, handle, size, 1);

	syncobj_destroy(fd, first);
	syncobj_destroy(fd, second);
	vgem_pfn_gem_close(fd, handle);
}

static void test_in_flight(int fd)
{
	const size_t size = 64 * KiB;
	uint32_t handles[32], syncobjs[32];
	struct pfn_hold hold;
	int i, pending = 0;

	for (i = 0; i < 32; i++) {
		handles[i] = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT,
						VGEM_PFN_TT);
		vgem_pfn_bo_fill(fd, handles[i], size, i + 1);
		syncobjs[i] = syncobj_create(fd, 0);
	}

	pfn_hold_begin(&hold);
	for (i = 0; i < 32; i++)
		async_move_held(fd, handles[i], VGEM_PFN_TT, syncobjs[i], &hold);
	for (i = 0; i < 32; i++)
		pending += !async_done(fd, syncobjs[i]);
	pfn_hold_assert(&hold, pending == 32);

	pfn_hold_end(&hold);
	for (i = 0; i < 32; i++) {
		async_wait(fd, syncobjs[i]);
		vgem_pfn_bo_check_mem(fd, handles[i], size, i + 1);
		syncobj_destroy(fd, syncobjs[i]);
		vgem_pfn_gem_close(fd, handles[i]);
	}
}

static void test_close(int fd)
{
	const size_t size = 256 * KiB;
	struct drm_vgem_pfn_region before[3];
	uint32_t handle, syncobj;
	int i, tries;

	for (i = 0; i < 3; i++)
		before[i] = vgem_pfn_region(fd, i);
	syncobj = syncobj_create(fd, 0);
	async_latency(fd, 20 * MS);

	for (i = 0; i < 30; i++) {
		handle = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT,
					    VGEM_PFN_TT);
		vgem_pfn_bo_fill(fd, handle, size, i);
		async_move(fd, handle, VGEM_PFN_TT, syncobj);
		if (i % 3)
			async_move(fd, handle, VGEM_PFN_CARVEOUT, syncobj);
		if (i % 3 == 2)
			async_move(fd, handle, VGEM_PFN_SYSTEM, syncobj);
		vgem_pfn_gem_close(fd, handle);
	}
	async_wait(fd, syncobj);

	/* The resources of the last copy are freed after its fence signals. */
	for (i = 0; i < 3; i++) {
		for (tries = 0; tries < 3000; tries++) {
			if (vgem_pfn_region(fd, i).used <= before[i].used)
				break;
			usleep(10 * MS);
		}
		igt_assert_lte_u64(vgem_pfn_region(fd, i).used, before[i].used);
	}
	syncobj_destroy(fd, syncobj);
}

static void test_no_job(int fd)
{
	const size_t size = 256 * KiB;
	uint32_t handle, syncobj;
	struct pfn_hold hold;
	int ret;

	handle = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vgem_pfn_bo_fill(fd, handle, size, 1);
	syncobj = syncobj_create(fd, 0);

	ret = __vgem_pfn_fault_arm(fd, "fence", 1, 1);
	igt_require_f(!ret, "no fault injection: %d\n", ret);
	igt_emit_ignore_dmesg_regex("FAULT_INJECTION");
	async_move(fd, handle, VGEM_PFN_TT, syncobj);
	igt_assert(async_done(fd, syncobj));
	vgem_pfn_bo_check_mem(fd, handle, size, 1);
	igt_assert_eq(__vgem_pfn_fault_disarm(fd, "fence"), 0);

	/* The next copy is done by an engine again. */
	pfn_hold_begin(&hold);
	async_move_held(fd, handle, VGEM_PFN_CARVEOUT, syncobj, &hold);
	pfn_hold_assert(&hold, !async_done(fd, syncobj));
	pfn_hold_end(&hold);
	async_wait(fd, syncobj);
	vgem_pfn_bo_check_mem(fd, handle, size, 1);

	syncobj_destroy(fd, syncobj);
	vgem_pfn_gem_close(fd, handle);
}

void async_chain_tests(int fd)
{
	igt_describe("Moves of a buffer that is moving complete in order.");
	igt_subtest("chained") {
		async_reset(fd);
		test_chained(fd);
	}

	igt_describe("A synchronous move waits for pending copies.");
	igt_subtest("sync-after-async") {
		async_reset(fd);
		test_sync_after_async(fd);
	}

	igt_describe("A move within system memory does not copy.");
	igt_subtest("same-pages") {
		async_reset(fd);
		test_same_pages(fd);
	}

	igt_describe("The copies of many buffers can be pending at the same time.");
	igt_subtest("in-flight") {
		async_reset(fd);
		test_in_flight(fd);
	}

	igt_describe("A buffer can be closed while it is copied.");
	igt_subtest("close") {
		async_reset(fd);
		test_close(fd);
	}

	igt_describe("Without a job, a copy is done synchronously.");
	igt_subtest("no-job") {
		async_reset(fd);
		test_no_job(fd);
	}
}
