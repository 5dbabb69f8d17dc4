// SPDX-License-Identifier: MIT
/*
 * Subtests of closing handles and the display, and of unplugging the exporting device,
 * while a framebuffer is shown.
 */
#include <errno.h>

#include "igt.h"
#include "vgem_pfn_module.h"
#include "vkms.h"

enum item {
	ITEM_HANDLE,
	ITEM_DEVICE,
	ITEM_DMABUF,
	ITEM_IMPORT,
	NUM_ITEMS,
};

/* NUM_ITEMS factorial; in every fifth order each item comes first once or twice. */
#define NUM_ORDERS	24
#define STEP		5

static void let_go(struct stage *stage, struct frame *frame, enum item item,
		   bool *device)
{
	switch (item) {
	case ITEM_HANDLE:
		/* Closing the device has closed its handles. */
		if (*device)
			vgem_pfn_gem_close(frame->fd, frame->handle);
		break;
	case ITEM_DEVICE:
		close(frame->fd);
		*device = false;
		break;
	case ITEM_DMABUF:
		close(frame->dmabuf);
		break;
	default:
		vgem_pfn_gem_close(stage->kms.fd, frame->import);
	}
}

/* TTM frees a buffer in a worker if its lock is held by another task. */
static void wait_for_room(int fd, uint64_t used)
{
	int i;

	for (i = 0; i < 1500; i++) {
		if (vgem_pfn_region(fd, VGEM_PFN_CARVEOUT).used <= used)
			return;
		usleep(20000);
	}
	igt_assert_lte_u64(vgem_pfn_region(fd, VGEM_PFN_CARVEOUT).used, used);
}

static void test_orders(struct stage *stage, int fd)
{
	uint64_t used = vgem_pfn_region(fd, VGEM_PFN_CARVEOUT).used, now;
	int order[NUM_ITEMS], n, i;

	for (n = 0; n < NUM_ORDERS; n += STEP) {
		struct frame frame = frame_create(stage, vgem_pfn_open(), n,
						  VGEM_PFN_CARVEOUT);
		bool device = true;

		pfn_kms_show(&stage->kms, frame.fb);
		pfn_nth_order(n, order, NUM_ITEMS);
		for (i = 0; i < NUM_ITEMS; i++)
			let_go(stage, &frame, order[i], &device);

		igt_assert_eq(__vgem_pfn_evict_all_carveouts(fd), 0);
		now = vgem_pfn_region(fd, VGEM_PFN_CARVEOUT).used;
		igt_assert_lte_u64(stage->size, now);
		igt_assert_lte_u64(now, used + stage->size);
		stage_check(stage, n);
		pfn_kms_rm_fb(&stage->kms, frame.fb);
		wait_for_room(fd, used);
	}
}

static void test_display(struct stage *stage, int fd)
{
	struct frame frame = frame_create(stage, fd, 1, VGEM_PFN_CARVEOUT);

	pfn_kms_show(&stage->kms, frame.fb);
	frame_assert_stays(&frame);

	stage_abandon(stage);
	frame_assert(&frame, VGEM_PFN_CARVEOUT, 0);
	vgem_pfn_evict_all();
	frame_assert(&frame, VGEM_PFN_TT, 0);
	vgem_pfn_bo_check(fd, frame.handle, stage->size, 1);
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, frame.handle).num_attachments, 0);
	close(frame.dmabuf);
	vgem_pfn_gem_close(fd, frame.handle);
}

static void test_unplug(struct stage *stage, int fd)
{
	int unplugged = vgem_pfn_open_faux(1);
	struct frame first = frame_create(stage, unplugged, 1, VGEM_PFN_CARVEOUT);
	struct frame second = frame_create(stage, fd, 2, VGEM_PFN_CARVEOUT);
	struct drm_vgem_pfn_bo_query query;

	pfn_kms_show(&stage->kms, first.fb);
	stage_check(stage, 1);
	igt_assert_eq(__vgem_pfn_faux_unplug(1), 0);
	igt_assert_eq(__vgem_pfn_bo_query(unplugged, first.handle, &query), -ENODEV);
	stage_check(stage, 1);

	pfn_kms_show(&stage->kms, second.fb);
	stage_check(stage, 2);
	igt_assert_eq(__pfn_kms_show(&stage->kms, first.fb), -ENODEV);
	stage_check(stage, 2);

	pfn_kms_hide(&stage->kms);
	frame_destroy(stage, &second);
	pfn_kms_rm_fb(&stage->kms, first.fb);
	vgem_pfn_gem_close(stage->kms.fd, first.import);
	close(first.dmabuf);
	close(unplugged);

	igt_assert_eq(__vgem_pfn_faux_plug(1), 0);
	unplugged = vgem_pfn_open_faux(1);
	igt_assert_eq_u64(vgem_pfn_region(unplugged, VGEM_PFN_CARVEOUT).used, 0);
	close(unplugged);
}

void vkms_close_tests(int fd)
{
	struct stage stage;

	igt_describe("A picture stays on the screen when everything else is closed.");
	igt_subtest("close-on-screen") {
		stage_open(&stage);
		test_orders(&stage, fd);
		stage_close(&stage);
	}

	igt_describe("Closing the display releases its buffers.");
	igt_subtest("close-display") {
		stage_open(&stage);
		test_display(&stage, fd);
	}

	igt_describe("A picture stays on the screen when its device is unplugged.");
	igt_subtest("unplug-on-screen") {
		vgem_pfn_plug_on_exit();
		stage_open(&stage);
		test_unplug(&stage, fd);
		stage_close(&stage);
	}
}
