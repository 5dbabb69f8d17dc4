// SPDX-License-Identifier: MIT
/* Subtests of moves of a framebuffer while another one is shown. */
#include "dmabuf_sync_file.h"
#include "igt.h"
#include "vgem_pfn_module.h"
#include "vkms.h"

static void test_evict(struct stage *stage, int fd)
{
	struct frame first = frame_create(stage, fd, 1, VGEM_PFN_CARVEOUT);
	struct frame second = frame_create(stage, fd, 2, VGEM_PFN_CARVEOUT);
	uint64_t pfn = vgem_pfn_bo_pfn(fd, first.handle, 0);
	struct drm_vgem_pfn_bo_query query;

	pfn_kms_show(&stage->kms, first.fb);
	frame_assert(&first, VGEM_PFN_CARVEOUT, 1);
	stage_check(stage, 1);

	pfn_kms_show(&stage->kms, second.fb);
	frame_assert(&first, VGEM_PFN_CARVEOUT, 0);
	frame_assert(&second, VGEM_PFN_CARVEOUT, 1);
	vgem_pfn_evict_all();
	query = vgem_pfn_bo_query(fd, first.handle);
	igt_assert_eq_u32(query.region, VGEM_PFN_TT);
	igt_assert_eq_u64(query.num_evictions, 1);
	igt_assert_neq_u64(vgem_pfn_bo_pfn(fd, first.handle, 0), pfn);
	frame_assert(&second, VGEM_PFN_CARVEOUT, 1);
	stage_check(stage, 2);

	pfn_kms_show(&stage->kms, first.fb);
	frame_assert(&first, VGEM_PFN_TT, 1);
	frame_assert(&second, VGEM_PFN_CARVEOUT, 0);
	stage_check(stage, 1);
	frame_assert_stays(&first);

	pfn_kms_hide(&stage->kms);
	frame_destroy(stage, &second);
	frame_destroy(stage, &first);
}

static void test_in_turn(struct stage *stage, int fd)
{
	struct frame frames[2] = {
		frame_create(stage, fd, 0, VGEM_PFN_CARVEOUT),
		frame_create(stage, fd, 1, VGEM_PFN_CARVEOUT),
	};
	int i;

	for (i = 0; i < 6; i++) {
		struct frame *shown = &frames[i % 2], *hidden = &frames[!(i % 2)];

		vgem_pfn_bo_move(fd, shown->handle, VGEM_PFN_CARVEOUT);
		pfn_kms_show(&stage->kms, shown->fb);
		igt_assert_eq(__vgem_pfn_evict_all_carveouts(fd), 0);
		frame_assert(shown, VGEM_PFN_CARVEOUT, 1);
		frame_assert(hidden, VGEM_PFN_TT, 0);
		stage_check(stage, i % 2);
		vgem_pfn_bo_check(fd, hidden->handle, stage->size, !(i % 2));
	}

	pfn_kms_hide(&stage->kms);
	frame_destroy(stage, &frames[1]);
	frame_destroy(stage, &frames[0]);
}

static void test_async(struct stage *stage, int fd)
{
	struct frame first = frame_create(stage, fd, 1, VGEM_PFN_CARVEOUT);
	struct frame second = frame_create(stage, fd, 2, VGEM_PFN_CARVEOUT);
	uint64_t size = vgem_pfn_carveout_size(fd) / 8;
	int hogs = vgem_pfn_open(), file, i;
	struct pfn_hold hold;

	/*
	 * The eviction is asynchronous, so the copy of the first frame is still
	 * pending.
	 */
	pfn_kms_show(&stage->kms, second.fb);
	vgem_pfn_set_knob(fd, "async_moves", 1);
	pfn_hold_begin(&hold);
	pfn_hold_dmabuf(&hold, first.dmabuf);
	for (i = 0; vgem_pfn_bo_region(fd, first.handle) != VGEM_PFN_TT; i++) {
		igt_assert_lt(i, 8);
		vgem_pfn_bo_create(hogs, size, VGEM_PFN_CARVEOUT);
	}
	file = dmabuf_export_sync_file(first.dmabuf, DMA_BUF_SYNC_READ);
	pfn_hold_assert(&hold, sync_file_busy(file));

	pfn_hold_until_asleep(&hold);
	pfn_kms_show(&stage->kms, first.fb);
	igt_assert(!sync_file_busy(file));
	frame_assert(&first, VGEM_PFN_TT, 1);
	stage_check(stage, 1);
	close(file);
	pfn_hold_end(&hold);

	vgem_pfn_set_knob(fd, "async_moves", 0);
	close(hogs);
	pfn_kms_hide(&stage->kms);
	frame_destroy(stage, &second);
	frame_destroy(stage, &first);
}

/* Find a carveout with scattered memory, on any device; skips without one. */
static int open_scattered(uint32_t *id)
{
	struct drm_vgem_pfn_region regions[DRM_VGEM_PFN_MAX_REGIONS];
	uint32_t num, i;
	unsigned int n;
	int fd;

	for (n = 0; (fd = __vgem_pfn_open_faux(n, "renderD")) >= 0; n++) {
		num = DRM_VGEM_PFN_MAX_REGIONS;
		igt_assert_eq(__vgem_pfn_regions(fd, regions, &num), 0);
		for (i = VGEM_PFN_CARVEOUT; i < num; i++) {
			if (!(regions[i].flags & DRM_VGEM_PFN_REGION_SCATTERED))
				continue;
			*id = regions[i].id;
			return fd;
		}
		close(fd);
	}
	igt_skip("no carveout with scattered memory\n");
}

static void reset_block_order(int sig)
{
	unsigned int n;
	int fd;

	for (n = 0; (fd = __vgem_pfn_open_faux(n, "renderD")) >= 0; n++) {
		__vgem_pfn_set_max_block_order(fd, UINT32_MAX);
		close(fd);
	}
}

static void test_scattered(struct stage *stage)
{
	struct frame first, second;
	uint64_t pfns[2];
	uint32_t region;
	int fd = open_scattered(&region);

	igt_install_exit_handler(reset_block_order);
	vgem_pfn_set_max_block_order(fd, 0);
	first = frame_create(stage, fd, 1, region);
	second = frame_create(stage, fd, 2, region);
	vgem_pfn_bo_pfns(fd, first.handle, 0, 2, pfns);
	igt_assert_neq_u64(pfns[1], pfns[0] + 1);

	pfn_kms_show(&stage->kms, first.fb);
	stage_check(stage, 1);
	pfn_kms_show(&stage->kms, second.fb);
	igt_assert_eq(__vgem_pfn_evict_all_carveouts(fd), 0);
	frame_assert(&first, VGEM_PFN_TT, 0);
	frame_assert(&second, region, 1);
	stage_check(stage, 2);

	/* Move back, to other blocks: a new buffer occupies the old ones. */
	vgem_pfn_bo_create(fd, stage->size, region);
	vgem_pfn_bo_move(fd, first.handle, region);
	igt_assert_neq_u64(vgem_pfn_bo_pfn(fd, first.handle, 0), pfns[0]);
	pfn_kms_show(&stage->kms, first.fb);
	frame_assert(&first, region, 1);
	stage_check(stage, 1);

	pfn_kms_hide(&stage->kms);
	frame_destroy(stage, &second);
	frame_destroy(stage, &first);
	vgem_pfn_set_max_block_order(fd, UINT32_MAX);
	close(fd);
}

void vkms_evict_tests(int fd)
{
	struct stage stage;

	igt_describe("A framebuffer that was evicted off the screen shows the same picture.");
	igt_subtest("evict-off-screen") {
		stage_open(&stage);
		test_evict(&stage, fd);
		stage_close(&stage);
	}

	igt_describe("Two framebuffers take turns, with moves of the hidden one.");
	igt_subtest("evict-in-turn") {
		stage_open(&stage);
		test_in_turn(&stage, fd);
		stage_close(&stage);
	}

	igt_describe("Showing a framebuffer waits for its copy.");
	igt_subtest("evict-async") {
		stage_open(&stage);
		test_async(&stage, fd);
		stage_close(&stage);
	}

	igt_describe("A framebuffer of scattered pages is shown again after an eviction.");
	igt_subtest("evict-scattered") {
		stage_open(&stage);
		test_scattered(&stage);
		stage_close(&stage);
	}
}
