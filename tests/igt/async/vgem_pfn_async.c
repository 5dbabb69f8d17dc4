// SPDX-License-Identifier: MIT
/*
 * TEST: vgem pfn async
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: Memory management
 * Description: Asynchronous moves: the buffer gets its new placement at once, and an
 *		engine copies the contents until a fence signals.
 *
 * Each other file of this directory has a group of subtests of one subject.
 */
#include "async.h"
#include "igt.h"
#include "pfn_importer.h"

IGT_TEST_DESCRIPTION("Asynchronous moves");

void async_latency(int fd, uint32_t us)
{
	vgem_pfn_set_knob(fd, "engine_latency_us", us);
}

void async_reset(int fd)
{
	vgem_pfn_set_knob(fd, "async_moves", 0);
	vgem_pfn_set_knob(fd, "engine_latency_us", 0);
	vgem_pfn_set_knob(fd, "engine_bandwidth_mibps", 0);
}

void async_move(int fd, uint32_t handle, uint32_t region, uint32_t out_syncobj)
{
	igt_assert_eq(__vgem_pfn_bo_move_async(fd, handle, region, out_syncobj), 0);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), region);
}

void async_move_held(int fd, uint32_t handle, uint32_t region, uint32_t out_syncobj,
		     struct pfn_hold *hold)
{
	pfn_hold_bo(hold, fd, handle);
	async_move(fd, handle, region, out_syncobj);
}

uint32_t async_syncobj(int fd)
{
	uint32_t handle;

	igt_assert_eq(__syncobj_create(fd, &handle), 0);
	return handle;
}

bool async_done(int fd, uint32_t syncobj)
{
	int ret = __syncobj_wait(fd, syncobj, 0, 0);

	igt_assert_f(!ret || ret == -ETIME, "sync object: %d\n", ret);
	return !ret;
}

void async_wait(int fd, uint32_t syncobj)
{
	igt_assert_eq(__syncobj_wait(fd, syncobj, 0, -1), 0);
}

int igt_main()
{
	static int fd = -1, importer = -1;

	igt_fixture() {
		fd = vgem_pfn_open();
		importer = pfn_importer_open();
		vgem_pfn_reset_on_exit();
	}

	async_copy_tests(fd, importer);
	async_chain_tests(fd);
	async_sync_tests(fd);
	async_access_tests(fd, importer);
	async_fault_tests(fd, importer);
	async_evict_tests(fd);
	async_race_tests(fd, importer);

	igt_fixture() {
		close(importer);
		close(fd);
	}

	async_unload_tests();
}
