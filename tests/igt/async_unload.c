// SPDX-License-Identifier: MIT
/*
 * Subtests of copies that outlive whoever asked for them, and of the number of
 * engines.
 */
#include "async.h"
#include "igt.h"
#include "vgem_pfn_module.h"

/*
 * SUBTEST: unload
 * Description: the module can go while an engine copies for a buffer that is
 *		closed, and a fence of it may stay
 */
static void test_unload(void)
{
	uint32_t handle;
	int round;

	for (round = 0; round < 3; round++) {
		int fd = vgem_pfn_open(), dmabuf, file;

		async_reset(fd);
		handle = vgem_pfn_bo_create(fd, MiB, VGEM_PFN_CARVEOUT,
					    VGEM_PFN_TT);
		vgem_pfn_bo_fill(fd, handle, MiB, 1);
		dmabuf = vgem_pfn_export(fd, handle);
		async_latency(fd, 400 * MS);
		async_move(fd, handle, VGEM_PFN_TT, 0);
		if (round)
			async_move(fd, handle, VGEM_PFN_CARVEOUT, 0);
		file = __dmabuf_sync_file(dmabuf, DMA_BUF_SYNC_READ);
		igt_assert_lte(0, file);
		igt_assert_f(!__sync_file_wait(file, 0), "too slow\n");
		close(dmabuf);
		close(fd);

		igt_assert_eq(__vgem_pfn_unload(), 0);
		igt_assert_eq(__sync_file_wait(file, 0), 1);
		igt_assert_eq(__vgem_pfn_load(NULL), 0);
		igt_assert_eq(__sync_file_wait(file, 0), 1);
		close(file);
	}
}

/*
 * SUBTEST: engines
 * Description: as many engines as the module was told, and no number that cannot be
 */
static void test_engines(void)
{
	uint32_t handles[16], syncobjs[16];
	uint64_t took[2];
	int i, round;

	igt_emit_ignore_dmesg_regex("engines=[09]: must be 1 to 8");
	igt_assert_eq(__vgem_pfn_unload(), 0);
	igt_assert_neq(__vgem_pfn_load("engines=0"), 0);
	igt_assert_neq(__vgem_pfn_load("engines=9"), 0);

	for (round = 0; round < 2; round++) {
		struct timespec start = {};
		int fd;

		igt_assert_eq(__vgem_pfn_load(round ? "engines=8" : "engines=1"),
			      0);
		fd = vgem_pfn_open();
		for (i = 0; i < 16; i++) {
			handles[i] = vgem_pfn_bo_create(fd, 64 * KiB,
							VGEM_PFN_CARVEOUT,
							VGEM_PFN_TT);
			vgem_pfn_bo_fill(fd, handles[i], 64 * KiB, i);
			syncobjs[i] = async_syncobj(fd);
		}
		async_latency(fd, 50 * MS);
		igt_nsec_elapsed(&start);
		for (i = 0; i < 16; i++)
			async_move(fd, handles[i], VGEM_PFN_TT, syncobjs[i]);
		for (i = 0; i < 16; i++)
			async_wait(fd, syncobjs[i]);
		took[round] = igt_nsec_elapsed(&start);
		for (i = 0; i < 16; i++)
			vgem_pfn_bo_check(fd, handles[i], 64 * KiB, i);
		async_latency(fd, 0);
		close(fd);
		igt_assert_eq(__vgem_pfn_unload(), 0);
	}
	igt_info("16 copies: %llu ms with one engine, %llu ms with eight\n",
		 (long long)took[0] / 1000000, (long long)took[1] / 1000000);
	/* Sixteen in a row, or two times eight at once */
	igt_assert_lte_u64(800 * 1000000ULL, took[0]);
	igt_assert_lt_u64(2 * took[1], took[0]);

	igt_assert_eq(__vgem_pfn_load(NULL), 0);
}

void async_unload_tests(void)
{
	igt_subtest_group() {
		igt_fixture() {
			vgem_pfn_require_module();
			vgem_pfn_reload_on_exit();
		}

		igt_describe("The module can go while an engine copies.");
		igt_subtest("unload")
			test_unload();

		igt_describe("There are as many engines as the module was told.");
		igt_subtest("engines")
			test_engines();
	}
}
