// SPDX-License-Identifier: MIT
/*
 * Subtests of copies that outlive their file and device, and of the number of engines.
 */
#include <errno.h>
#include <linux/sync_file.h>
#include <sys/ioctl.h>

#include "async.h"
#include "dmabuf_sync_file.h"
#include "igt.h"
#include "vgem_pfn_module.h"

/* This reads the names of the driver and the timeline, also after the module is unloaded. */
static void query_fence(int file)
{
	struct sync_fence_info fences[4] = {};
	struct sync_file_info info = {
		.num_fences = ARRAY_SIZE(fences),
		.sync_fence_info = (uintptr_t)fences,
	};

	igt_assert_eq(ioctl(file, SYNC_IOC_FILE_INFO, &info), 0);
	igt_assert_lt(0, info.num_fences);
	/* Signaled, with an error if a copy began after the unplug */
	igt_assert(info.status == 1 || info.status == -ENODEV);
}

static void test_unload(void)
{
	uint32_t handle;
	int round;

	for (round = 0; round < 2; round++) {
		int fd = vgem_pfn_open(), dmabuf, file;
		struct pfn_hold hold;

		async_reset(fd);
		handle = vgem_pfn_bo_create(fd, MiB, VGEM_PFN_CARVEOUT,
					    VGEM_PFN_TT);
		vgem_pfn_bo_fill(fd, handle, MiB, 1);
		dmabuf = vgem_pfn_export(fd, handle);
		pfn_hold_begin(&hold);
		async_move_held(fd, handle, VGEM_PFN_TT, 0, &hold);
		if (round)
			async_move(fd, handle, VGEM_PFN_CARVEOUT, 0);
		file = dmabuf_export_sync_file(dmabuf, DMA_BUF_SYNC_READ);
		pfn_hold_assert(&hold, sync_file_busy(file));
		close(dmabuf);
		close(fd);

		pfn_hold_until_asleep(&hold);
		igt_assert_eq(__vgem_pfn_unload(), 0);
		pfn_hold_end(&hold);
		igt_assert(!sync_file_busy(file));
		query_fence(file);
		/* A module that is loaded again may have the same addresses. */
		if (round)
			close(file);
		igt_assert_eq(__vgem_pfn_load(NULL), 0);
		if (round)
			continue;
		igt_assert(!sync_file_busy(file));
		query_fence(file);
		close(file);
	}
}

#define COPIES	16

/* Return whether the copies on other engines finish while the first engine is held. */
static bool engines_are_apart(int fd, int engines)
{
	uint32_t handles[COPIES], syncobjs[COPIES];
	struct pfn_hold hold;
	bool apart;
	int i;

	for (i = 0; i < COPIES; i++) {
		handles[i] = vgem_pfn_bo_create(fd, 64 * KiB, VGEM_PFN_CARVEOUT,
						VGEM_PFN_TT);
		vgem_pfn_bo_fill(fd, handles[i], 64 * KiB, i);
		syncobjs[i] = syncobj_create(fd, 0);
	}
	pfn_hold_begin(&hold);
	pfn_hold_bo(&hold, fd, handles[0]);
	for (i = 0; i < COPIES; i++)
		async_move(fd, handles[i], VGEM_PFN_TT, syncobjs[i]);

	/*
	 * Engines are used in turn: every such copy is on the engine of the first one.
	 */
	for (i = 0; i < COPIES; i++)
		if (i % engines)
			async_wait(fd, syncobjs[i]);
	apart = pfn_hold_pending(&hold);
	for (i = 0; i < COPIES && apart; i += engines)
		pfn_hold_assert(&hold, async_syncobj_wait(fd, syncobjs[i], 0, 20) == -ETIME);
	pfn_hold_end(&hold);

	for (i = 0; i < COPIES; i++) {
		async_wait(fd, syncobjs[i]);
		vgem_pfn_bo_check(fd, handles[i], 64 * KiB, i);
		syncobj_destroy(fd, syncobjs[i]);
		vgem_pfn_gem_close(fd, handles[i]);
	}
	return apart;
}

static void test_engines(void)
{
	static const struct {
		int num;
		const char *param;
	} rounds[] = { { 1, "engines=1" }, { 8, "engines=8" } };
	int fd, try;
	size_t i;

	igt_emit_ignore_dmesg_regex("engines=[09]: must be 1 to 8");
	igt_assert_eq(__vgem_pfn_unload(), 0);
	igt_assert_neq(__vgem_pfn_load("engines=0"), 0);
	igt_assert_neq(__vgem_pfn_load("engines=9"), 0);

	for (i = 0; i < ARRAY_SIZE(rounds); i++) {
		igt_assert_eq(__vgem_pfn_load(rounds[i].param), 0);
		fd = vgem_pfn_open();
		/*
		 * vgem's fence signals by itself after 10 s, so retry on a slow
		 * machine.
		 */
		for (try = 0; try < 3; try++)
			if (engines_are_apart(fd, rounds[i].num))
				break;
		igt_assert_f(try < 3, "%d engines wait for each other\n",
			     rounds[i].num);
		close(fd);
		igt_assert_eq(__vgem_pfn_unload(), 0);
	}

	igt_assert_eq(__vgem_pfn_load(NULL), 0);
}

void async_unload_tests(void)
{
	igt_subtest_group() {
		igt_fixture() {
			vgem_pfn_require_module();
			vgem_pfn_reload_on_exit();
		}

		igt_describe("The module can be unloaded while an engine copies.");
		igt_subtest("unload")
			test_unload();

		igt_describe("The module parameter sets the number of engines.");
		igt_subtest("engines")
			test_engines();
	}
}
