// SPDX-License-Identifier: MIT
/* Subtests of when vkms pins a buffer: not on import, but while it is shown. */
#include "igt.h"
#include "vkms.h"

static void test_import(struct stage *stage, int fd)
{
	struct frame frame = frame_create(stage, fd, 1, VGEM_PFN_CARVEOUT);
	struct drm_vgem_pfn_bo_query query;

	query = vgem_pfn_bo_query(fd, frame.handle);
	igt_assert_eq_u32(query.num_attachments, 1);
	igt_assert_eq_u64(vgem_pfn_bo_stats(fd, frame.handle).get_pfn, 0);
	igt_assert_eq_u64(query.num_moves, 0);

	vgem_pfn_evict_all();
	frame_assert(&frame, VGEM_PFN_TT, 0);
	vgem_pfn_bo_move(fd, frame.handle, VGEM_PFN_CARVEOUT);
	vgem_pfn_bo_move(fd, frame.handle, VGEM_PFN_TT);

	pfn_kms_show(&stage->kms, frame.fb);
	frame_assert(&frame, VGEM_PFN_TT, 1);
	stage_check(stage, 1);
	pfn_kms_hide(&stage->kms);
	frame_assert(&frame, VGEM_PFN_TT, 0);
	frame_destroy(stage, &frame);
}

static void test_pinned(struct stage *stage, int fd, uint32_t region)
{
	const uint32_t placements[] = { VGEM_PFN_CARVEOUT, VGEM_PFN_TT };
	struct frame frame;

	frame = frame_create_list(stage, fd, 1, placements, 2);
	vgem_pfn_bo_move(fd, frame.handle, region);
	pfn_kms_show(&stage->kms, frame.fb);
	frame_assert(&frame, region, 1);
	stage_check(stage, 1);

	frame_assert_stays(&frame);
	stage_check(stage, 1);
	frame_assert(&frame, region, 1);

	pfn_kms_hide(&stage->kms);
	frame_assert(&frame, region, 0);
	vgem_pfn_bo_move(fd, frame.handle, region == VGEM_PFN_SYSTEM ?
			 VGEM_PFN_CARVEOUT : VGEM_PFN_SYSTEM);
	vgem_pfn_bo_check(fd, frame.handle, stage->size, 1);
	frame_destroy(stage, &frame);
}

static void test_flips(struct stage *stage, int fd)
{
	struct frame frame = frame_create(stage, fd, 1, VGEM_PFN_CARVEOUT);
	uint32_t second = pfn_kms_add_fb(&stage->kms, frame.import);
	int i;

	for (i = 0; i < 4; i++) {
		pfn_kms_show(&stage->kms, i % 2 ? second : frame.fb);
		frame_assert(&frame, VGEM_PFN_CARVEOUT, 1);
	}
	frame_assert_stays(&frame);
	stage_check(stage, 1);

	/* Show the second one and remove the first. */
	pfn_kms_show(&stage->kms, second);
	pfn_kms_rm_fb(&stage->kms, frame.fb);
	frame_assert(&frame, VGEM_PFN_CARVEOUT, 1);
	stage_check(stage, 1);

	pfn_kms_rm_fb(&stage->kms, second);
	frame_assert(&frame, VGEM_PFN_CARVEOUT, 0);
	vgem_pfn_evict_all();
	frame_assert(&frame, VGEM_PFN_TT, 0);
	frame.fb = pfn_kms_add_fb(&stage->kms, frame.import);
	frame_destroy(stage, &frame);
}

void vkms_pin_tests(int fd)
{
	static const struct {
		const char *name;
		uint32_t region;
	} regions[] = {
		{ "carveout", VGEM_PFN_CARVEOUT },
		{ "tt", VGEM_PFN_TT },
		{ "system", VGEM_PFN_SYSTEM },
	};
	struct stage stage;
	unsigned int i;

	igt_describe("An import that is not shown does not pin the buffer.");
	igt_subtest("import-pins-not") {
		stage_open(&stage);
		test_import(&stage, fd);
		stage_close(&stage);
	}

	for (i = 0; i < ARRAY_SIZE(regions); i++) {
		igt_describe("A buffer that is shown stays in place.");
		igt_subtest_f("pinned-in-%s", regions[i].name) {
			stage_open(&stage);
			test_pinned(&stage, fd, regions[i].region);
			stage_close(&stage);
		}
	}

	igt_describe("A flip between framebuffers of the same buffer keeps the pin.");
	igt_subtest("pinned-across-flips") {
		stage_open(&stage);
		test_flips(&stage, fd);
		stage_close(&stage);
	}
}
