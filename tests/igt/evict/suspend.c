// SPDX-License-Identifier: MIT
/*
 * Subtests of suspend: carveouts are emptied before it and restored on resume. They use
 * the kernel's test mode that freezes all tasks and resumes after a delay. No other
 * device is suspended.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "evict.h"
#include "igt.h"
#include "pfn_importer.h"
#include "pfn_suspend.h"
#include "vgem_pfn.h"

#define SIZE	(1 * MiB)

static void test_suspend(int fd, const char *state)
{
	struct drm_vgem_pfn_bo_query query;
	struct dma_buf_pfn_stats before, after;
	int importer, dmabuf, import;
	uint32_t handle, other;
	char *map, *idle;

	pfn_require_suspend(state, "freezer");
	importer = pfn_importer_open();
	handle = vgem_pfn_bo_create(fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	other = vgem_pfn_bo_create(fd, SIZE, VGEM_PFN_TT);
	vgem_pfn_bo_fill(fd, handle, SIZE, 1);
	vgem_pfn_bo_fill(fd, other, SIZE, 2);
	idle = vgem_pfn_bo_mmap(fd, handle, SIZE, PROT_READ);
	pfn_assert_pattern(idle, 0, SIZE, 1);

	dmabuf = vgem_pfn_export(fd, handle);
	import = pfn_import(importer, dmabuf);
	map = pfn_import_mmap(import, SIZE, PROT_READ);
	pfn_assert_pattern(map, 0, SIZE, 1);
	pfn_import_dev_check(import, SIZE, 1);
	before = pfn_import_stats(import);

	pfn_suspend(state, "freezer");

	query = vgem_pfn_bo_query(fd, handle);
	igt_assert_eq_u32(query.region, VGEM_PFN_CARVEOUT);
	igt_assert_eq_u64(query.num_moves, 2);
	igt_assert_eq_u64(vgem_pfn_bo_stats(fd, handle).last_copy_bytes, SIZE);
	query = vgem_pfn_bo_query(fd, other);
	igt_assert_eq_u32(query.region, VGEM_PFN_TT);
	igt_assert_eq_u64(query.num_moves, 0);

	/* Both moves notify the importer; at the second it has no translations. */
	after = pfn_import_stats(import);
	igt_assert_eq_u64(after.invalidations, before.invalidations + 2);
	pfn_import_assert_truth(import, fd, handle, SIZE, 0);
	pfn_assert_pattern(map, 0, SIZE, 1);
	pfn_assert_pattern(idle, 0, SIZE, 1);
	pfn_import_dev_check(import, SIZE, 1);
	vgem_pfn_bo_check(fd, other, SIZE, 2);

	munmap(map, SIZE);
	munmap(idle, SIZE);
	close(import);
	close(dmabuf);
	close(importer);
	vgem_pfn_gem_close(fd, handle);
	vgem_pfn_gem_close(fd, other);
}

static void test_suspend_busy(int fd)
{
	pfn_require_suspend("freeze", "freezer");

	igt_fork(child, 2) {
		struct timespec start = {};
		int mine = vgem_pfn_open();
		uint32_t handle;
		unsigned int i;

		handle = vgem_pfn_bo_create(mine, SIZE, VGEM_PFN_CARVEOUT,
					    VGEM_PFN_TT);
		vgem_pfn_bo_fill(mine, handle, SIZE, child);
		igt_nsec_elapsed(&start);
		for (i = 0; igt_nsec_elapsed(&start) < 4000000000ULL; i++)
			igt_assert_eq(__vgem_pfn_bo_move(mine, handle, i & 1 ?
							 VGEM_PFN_CARVEOUT :
							 VGEM_PFN_TT), 0);
		vgem_pfn_bo_check(mine, handle, SIZE, child);
		close(mine);
	}
	usleep(500000);
	pfn_suspend("freeze", "freezer");
	igt_waitchildren();
}

/* The buffer is in system memory before the suspend, but its copy is pending. */
static void test_suspend_async(int fd)
{
	struct timespec start = {};
	uint32_t handle;

	pfn_require_suspend("freeze", "freezer");
	handle = vgem_pfn_bo_create(fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vgem_pfn_bo_fill(fd, handle, SIZE, 1);
	igt_nsec_elapsed(&start);
	vgem_pfn_set_knob(fd, "engine_latency_us", 3000000);
	igt_assert_eq(__vgem_pfn_bo_move_async(fd, handle, VGEM_PFN_TT, 0), 0);
	vgem_pfn_set_knob(fd, "engine_latency_us", 0);

	/* The copy begins 3 s after the move. The suspend then lasts 1 s, in jiffies. */
	pfn_suspend("freeze", "freezer");
	igt_assert_lte_u64(3500000000ULL, igt_nsec_elapsed(&start));
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), VGEM_PFN_TT);
	vgem_pfn_bo_check(fd, handle, SIZE, 1);
	vgem_pfn_gem_close(fd, handle);
}

void evict_suspend_tests(int fd)
{
	igt_describe("Carveouts are emptied for suspend and restored on resume.");
	igt_subtest("suspend-freeze")
		test_suspend(fd, "freeze");

	igt_describe("Like suspend-freeze, for suspend to memory.");
	igt_subtest("suspend-mem")
		test_suspend(fd, "mem");

	igt_describe("Moves are blocked during suspend.");
	igt_subtest("suspend-busy")
		test_suspend_busy(fd);

	igt_describe("A suspend waits for copies from carveouts.");
	igt_subtest("suspend-async")
		test_suspend_async(fd);
}
