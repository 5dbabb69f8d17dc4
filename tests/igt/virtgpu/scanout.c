// SPDX-License-Identifier: MIT
/*
 * Subtests of buffers that virtio-gpu scans out, and pins while it does.
 */
#include "igt.h"
#include "pfn_trace.h"
#include "virtgpu.h"

static void test_scanout(int fd, int gpu)
{
	struct screen s = screen_open(gpu);
	struct virtgpu v = virtgpu_create(fd, gpu, s.size, 1);
	struct drm_vgem_pfn_bo_query query;
	uint32_t fb = screen_add_fb(&s, v.import);

	virtgpu_trace();
	screen_show(&s, fb);
	virtgpu_assert_accepted();
	igt_assert(screen_shows(&s, 1));
	igt_assert(!screen_shows(&s, 2));

	query = vgem_pfn_bo_query(fd, v.handle);
	igt_assert_eq_u32(query.pin_count, 1);
	igt_assert_eq(__vgem_pfn_bo_move(fd, v.handle, VGEM_PFN_TT), -EBUSY);
	vgem_pfn_evict_all();
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, v.handle), query.region);
	igt_assert(screen_shows(&s, 1));

	screen_show(&s, 0);
	query = vgem_pfn_bo_query(fd, v.handle);
	igt_assert_eq_u32(query.pin_count, 0);
	vgem_pfn_bo_move(fd, v.handle, VGEM_PFN_TT);
	screen_rm_fb(&s, fb);
	virtgpu_destroy(&v);
}

static void test_flip(int fd, int gpu)
{
	static const uint32_t regions[] = { VGEM_PFN_TT, VGEM_PFN_CARVEOUT };
	struct screen s = screen_open(gpu);
	struct virtgpu v = virtgpu_create(fd, gpu, s.size, 1);
	struct virtgpu other = virtgpu_create(fd, gpu, s.size, 2);
	uint32_t fb = screen_add_fb(&s, v.import);
	uint32_t other_fb = screen_add_fb(&s, other.import);
	unsigned int i;

	screen_show(&s, fb);
	igt_assert(screen_shows(&s, 1));
	for (i = 0; i < ARRAY_SIZE(regions); i++) {
		screen_show(&s, other_fb);
		igt_assert(screen_shows(&s, 2));

		virtgpu_trace();
		vgem_pfn_bo_move(fd, v.handle, regions[i]);
		igt_assert_eq(virtgpu_sent(CMD_DETACH_BACKING), 1);
		vgem_pfn_bo_check_mem(fd, v.handle, s.size, 1 + 10 * i);
		vgem_pfn_bo_fill(fd, v.handle, s.size, 11 + 10 * i);
		igt_assert(screen_shows(&s, 2));

		screen_show(&s, fb);
		virtgpu_assert_accepted();
		igt_assert_eq(virtgpu_sent(CMD_ATTACH_BACKING), 1);
		igt_assert(screen_shows(&s, 11 + 10 * i));
	}

	screen_show(&s, 0);
	screen_rm_fb(&s, other_fb);
	screen_rm_fb(&s, fb);
	virtgpu_destroy(&other);
	virtgpu_destroy(&v);
}

void virtgpu_scanout_tests(int fd, int gpu)
{
	igt_describe("A buffer on the screen stays in place.");
	igt_subtest("scanout")
		test_scanout(fd, gpu);

	igt_describe("A buffer that was moved off the screen is shown with its new contents.");
	igt_subtest("flip")
		test_flip(fd, gpu);
}
