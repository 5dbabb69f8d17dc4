// SPDX-License-Identifier: MIT
/*
 * Subtests of evictions that an engine makes, and of room that a copy still
 * occupies.
 */
#include <sys/mman.h>

#include "async.h"
#include "igt.h"

/*
 * SUBTEST: evict
 * Description: who evicts does not wait for the copy, and who gets the memory does
 *		not see it before
 */
static void test_evict(int fd)
{
	const size_t size = vgem_pfn_carveout_size(fd) / 8;
	uint32_t handles[8], handle;
	int i, dmabufs[8], dmabuf, file, pending = 0;

	for (i = 0; i < 8; i++) {
		handles[i] = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT,
						VGEM_PFN_TT);
		vgem_pfn_bo_fill(fd, handles[i], size, i + 1);
		dmabufs[i] = vgem_pfn_export(fd, handles[i]);
	}

	vgem_pfn_set_lever(fd, "async_moves", 1);
	async_latency(fd, SLOW);
	handle = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), VGEM_PFN_CARVEOUT);

	/* Somebody had to go, and is under way. So is the new one's memory. */
	for (i = 0; i < 8; i++) {
		if (vgem_pfn_bo_region(fd, handles[i]) == VGEM_PFN_CARVEOUT)
			continue;
		igt_assert_eq_u64(vgem_pfn_bo_query(fd, handles[i]).num_evictions,
				  1);
		file = __dmabuf_sync_file(dmabufs[i], DMA_BUF_SYNC_READ);
		igt_assert_lte(0, file);
		pending += !__sync_file_wait(file, 0);
		close(file);
	}
	igt_assert_lte(1, pending);
	dmabuf = vgem_pfn_export(fd, handle);
	file = __dmabuf_sync_file(dmabuf, DMA_BUF_SYNC_READ);
	igt_assert_lte(0, file);
	igt_assert_eq(__sync_file_wait(file, 0), 0);
	close(file);
	close(dmabuf);

	async_latency(fd, 0);
	vgem_pfn_bo_fill(fd, handle, size, 20);
	for (i = 0; i < 8; i++) {
		vgem_pfn_bo_check(fd, handles[i], size, i + 1);
		close(dmabufs[i]);
		vgem_pfn_gem_close(fd, handles[i]);
	}
	vgem_pfn_bo_check(fd, handle, size, 20);
	vgem_pfn_gem_close(fd, handle);
}

/*
 * SUBTEST: overcommit
 * Description: with every move pipelined twice the carveout can be allocated and
 *		brought back, and nothing gets lost
 */
static void test_overcommit(int fd)
{
	const size_t size = vgem_pfn_carveout_size(fd) / 16;
	uint32_t handles[32];
	int i;

	vgem_pfn_set_lever(fd, "async_moves", 1);
	async_latency(fd, 3 * MS);
	for (i = 0; i < 32; i++) {
		handles[i] = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT,
						i % 2 ? VGEM_PFN_TT :
							VGEM_PFN_SYSTEM);
		if (vgem_pfn_bo_region(fd, handles[i]) != VGEM_PFN_CARVEOUT)
			async_move(fd, handles[i], VGEM_PFN_CARVEOUT, 0);
		vgem_pfn_bo_fill(fd, handles[i], 64 * KiB, i + 1);
	}
	for (i = 0; i < 32; i++)
		async_move(fd, handles[i], VGEM_PFN_CARVEOUT, 0);

	for (i = 0; i < 32; i++) {
		vgem_pfn_bo_check(fd, handles[i], 64 * KiB, i + 1);
		vgem_pfn_gem_close(fd, handles[i]);
	}
}

/*
 * SUBTEST: ghost
 * Description: the memory that a pending copy reads from is not given away before,
 *		and can be had when it must be
 */
static void test_ghost(int fd)
{
	uint64_t carveout = vgem_pfn_carveout_size(fd);
	const size_t size = carveout / 2;
	uint32_t handle, other, syncobj;

	handle = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vgem_pfn_bo_fill(fd, handle, size, 1);
	syncobj = async_syncobj(fd);
	async_latency(fd, 300 * MS);
	async_move(fd, handle, VGEM_PFN_TT, syncobj);

	/* A buffer of all of it, for which the copy must be done */
	other = vgem_pfn_bo_create(fd, carveout, VGEM_PFN_CARVEOUT);
	igt_assert(async_done(fd, syncobj));
	vgem_pfn_bo_fill(fd, other, carveout, 2);
	vgem_pfn_bo_check_mem(fd, handle, size, 1);

	/* The other way round: pages that the carveout is filled from */
	async_move(fd, handle, VGEM_PFN_CARVEOUT, syncobj);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, other), VGEM_PFN_SYSTEM);
	async_wait(fd, syncobj);
	vgem_pfn_bo_check(fd, handle, size, 1);
	vgem_pfn_bo_check(fd, other, carveout, 2);

	igt_assert_eq(__syncobj_destroy(fd, syncobj), 0);
	vgem_pfn_gem_close(fd, handle);
	vgem_pfn_gem_close(fd, other);
}

void async_evict_tests(int fd)
{
	igt_describe("Who evicts does not wait for the copy.");
	igt_subtest("evict") {
		async_reset(fd);
		test_evict(fd);
	}

	igt_describe("With every move pipelined nothing gets lost.");
	igt_subtest("overcommit") {
		async_reset(fd);
		test_overcommit(fd);
		async_reset(fd);
	}

	igt_describe("What a pending copy reads from is not given away.");
	igt_subtest("ghost") {
		async_reset(fd);
		test_ghost(fd);
	}
}
