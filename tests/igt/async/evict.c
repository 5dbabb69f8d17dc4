// SPDX-License-Identifier: MIT
/*
 * Subtests of evictions with a copy by an engine, and of memory that a pending copy
 * still uses.
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "async.h"
#include "dmabuf_sync_file.h"
#include "igt.h"

static void test_evict(int fd, bool whole)
{
	const size_t size = vgem_pfn_carveout_size(fd) / 8;
	const size_t part = whole ? size : MiB;
	uint32_t handles[8], handle;
	int i, dmabufs[8], dmabuf, file, pending = 0;
	struct pfn_hold hold;

	for (i = 0; i < 8; i++) {
		handles[i] = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT,
						VGEM_PFN_TT);
		vgem_pfn_bo_fill(fd, handles[i], part, i + 1);
		dmabufs[i] = vgem_pfn_export(fd, handles[i]);
	}

	vgem_pfn_set_knob(fd, "async_moves", 1);
	pfn_hold_begin(&hold);
	for (i = 0; i < 8; i++)
		pfn_hold_dmabuf(&hold, dmabufs[i]);
	handle = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), VGEM_PFN_CARVEOUT);

	/*
	 * At least one buffer was evicted; its copy and the new buffer's clear are
	 * pending.
	 */
	for (i = 0; i < 8; i++) {
		if (vgem_pfn_bo_region(fd, handles[i]) == VGEM_PFN_CARVEOUT)
			continue;
		igt_assert_eq_u64(vgem_pfn_bo_query(fd, handles[i]).num_evictions,
				  1);
		file = dmabuf_export_sync_file(dmabufs[i], DMA_BUF_SYNC_READ);
		pending += sync_file_busy(file);
		close(file);
	}
	pfn_hold_assert(&hold, pending);
	dmabuf = vgem_pfn_export(fd, handle);
	file = dmabuf_export_sync_file(dmabuf, DMA_BUF_SYNC_READ);
	pfn_hold_assert(&hold, sync_file_busy(file));
	close(file);
	close(dmabuf);

	pfn_hold_end(&hold);
	vgem_pfn_bo_fill(fd, handle, part, 20);
	for (i = 0; i < 8; i++) {
		vgem_pfn_bo_check(fd, handles[i], part, i + 1);
		close(dmabufs[i]);
		vgem_pfn_gem_close(fd, handles[i]);
	}
	vgem_pfn_bo_check(fd, handle, part, 20);
	vgem_pfn_gem_close(fd, handle);
}

static void test_overcommit(int fd, int num)
{
	const size_t size = vgem_pfn_carveout_size(fd) / 16;
	uint32_t handles[32];
	int i;

	vgem_pfn_set_knob(fd, "async_moves", 1);
	async_latency(fd, 3 * MS);
	for (i = 0; i < num; i++) {
		handles[i] = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT,
						i % 2 ? VGEM_PFN_TT :
							VGEM_PFN_SYSTEM);
		if (vgem_pfn_bo_region(fd, handles[i]) != VGEM_PFN_CARVEOUT)
			async_move(fd, handles[i], VGEM_PFN_CARVEOUT, 0);
		vgem_pfn_bo_fill(fd, handles[i], 64 * KiB, i + 1);
	}
	for (i = 0; i < num; i++)
		async_move(fd, handles[i], VGEM_PFN_CARVEOUT, 0);

	for (i = 0; i < num; i++) {
		vgem_pfn_bo_check(fd, handles[i], 64 * KiB, i + 1);
		vgem_pfn_gem_close(fd, handles[i]);
	}
}

static void test_ghost(int fd, bool whole)
{
	uint64_t carveout = vgem_pfn_carveout_size(fd);
	const size_t size = carveout / 2, part = whole ? size : MiB;
	uint32_t handle, other, syncobj;
	struct pfn_hold hold;

	handle = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vgem_pfn_bo_fill(fd, handle, part, 1);
	syncobj = syncobj_create(fd, 0);
	pfn_hold_begin(&hold);
	async_move_held(fd, handle, VGEM_PFN_TT, syncobj, &hold);

	/* An allocation of the whole carveout has to wait for the copy. */
	pfn_hold_until_asleep(&hold);
	other = vgem_pfn_bo_create(fd, carveout, VGEM_PFN_CARVEOUT);
	igt_assert(async_done(fd, syncobj));
	pfn_hold_end(&hold);
	vgem_pfn_bo_fill(fd, other, whole ? carveout : part, 2);
	vgem_pfn_bo_check_mem(fd, handle, part, 1);

	/* The opposite direction: the copy reads system pages. */
	async_move(fd, handle, VGEM_PFN_CARVEOUT, syncobj);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, other), VGEM_PFN_SYSTEM);
	async_wait(fd, syncobj);
	vgem_pfn_bo_check(fd, handle, part, 1);
	vgem_pfn_bo_check(fd, other, whole ? carveout : part, 2);

	syncobj_destroy(fd, syncobj);
	vgem_pfn_gem_close(fd, handle);
	vgem_pfn_gem_close(fd, other);
}

static void on_alarm(int sig)
{
}

static void test_queue(int fd)
{
	/* No SA_RESTART: the ioctl returns -EINTR. */
	struct sigaction action = { .sa_handler = on_alarm }, old;
	const size_t size = 64 * KiB;
	uint32_t handle, other;
	struct pfn_hold hold;
	int n, ret = 0;

	other = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	handle = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vgem_pfn_bo_fill(fd, handle, size, 1);
	igt_assert_eq(sigaction(SIGALRM, &action, &old), 0);

	pfn_hold_begin(&hold);
	pfn_hold_bo(&hold, fd, handle);
	for (n = 0; !ret && n < 1000; n++) {
		alarm(2);
		ret = __vgem_pfn_bo_move_async(fd, handle,
					       n % 2 ? VGEM_PFN_CARVEOUT : VGEM_PFN_TT, 0);
	}
	alarm(0);
	igt_info("%d moves were queued\n", n - 1);
	pfn_hold_assert(&hold, ret == -EINTR);
	close(vgem_pfn_export(fd, other));
	vgem_pfn_gem_close(fd, other);
	pfn_hold_assert(&hold, pfn_hold_pending(&hold));
	pfn_hold_end(&hold);

	igt_assert_eq(sigaction(SIGALRM, &old, NULL), 0);
	vgem_pfn_bo_move(fd, handle, VGEM_PFN_TT);
	vgem_pfn_bo_check(fd, handle, size, 1);
	vgem_pfn_gem_close(fd, handle);
}

static void test_evict_all_busy(int fd)
{
	uint32_t handle = vgem_pfn_bo_create(fd, 64 * KiB, VGEM_PFN_CARVEOUT,
					     VGEM_PFN_TT);
	struct vgem_pfn_shuttle shuttle;
	int i, ret = 0;

	vgem_pfn_set_knob(fd, "async_moves", 1);
	vgem_pfn_shuttle_start(&shuttle, fd, handle, true);
	/* The thread may begin later than all of these evictions end. */
	while (!shuttle.moves && !shuttle.ret)
		usleep(1000);
	for (i = 0; i < 20 && !ret; i++)
		ret = __vgem_pfn_evict_all_carveouts(fd);
	vgem_pfn_shuttle_stop(&shuttle);
	igt_info("%u moves meanwhile\n", shuttle.moves);
	igt_assert_eq(ret, 0);
	igt_assert_lt(0, (int)shuttle.moves);
	vgem_pfn_gem_close(fd, handle);
}

void async_evict_tests(int fd)
{
	igt_describe("An eviction does not wait for its copy.");
	igt_subtest("evict") {
		async_reset(fd);
		test_evict(fd, false);
		async_reset(fd);
	}

	igt_describe("Like evict, with complete contents.");
	igt_subtest("evict-long") {
		async_reset(fd);
		test_evict(fd, true);
		async_reset(fd);
	}

	igt_describe("With all moves asynchronous no contents are lost.");
	igt_subtest("overcommit") {
		async_reset(fd);
		test_overcommit(fd, 20);
		async_reset(fd);
	}

	igt_describe("Like overcommit, with twice the carveout.");
	igt_subtest("overcommit-long") {
		async_reset(fd);
		test_overcommit(fd, 32);
		async_reset(fd);
	}

	igt_describe("Memory that a pending copy reads from is not reused.");
	igt_subtest("ghost") {
		async_reset(fd);
		test_ghost(fd, false);
	}

	igt_describe("Like ghost, with complete contents.");
	igt_subtest("ghost-long") {
		async_reset(fd);
		test_ghost(fd, true);
	}

	igt_describe("The engine queue has a limit.");
	igt_subtest("queue") {
		async_reset(fd);
		test_queue(fd);
	}

	igt_describe("evict_all terminates while a thread keeps moving a buffer back.");
	igt_subtest("evict-all-busy") {
		async_reset(fd);
		test_evict_all_busy(fd);
		async_reset(fd);
	}
}
