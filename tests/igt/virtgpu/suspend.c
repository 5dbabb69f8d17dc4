// SPDX-License-Identifier: MIT
/*
 * Subtest of the machine being hibernated: the host forgets all resources, and
 * virtio-gpu creates them again.
 */
#include <sys/mman.h>

#include "igt.h"
#include "pfn_pattern.h"
#include "pfn_suspend.h"
#include "virtgpu.h"

/* A buffer of virtio-gpu's own, with the pattern of @seed */
static uint32_t create_dumb(struct screen *s, uint64_t seed)
{
	uint32_t handle, pitch;
	uint64_t size, offset;
	void *map;

	igt_assert_eq(drmModeCreateDumbBuffer(s->gpu, s->mode.hdisplay,
					      s->mode.vdisplay, 32, 0, &handle,
					      &pitch, &size), 0);
	igt_assert_lte_u64(s->size, size);
	igt_assert_eq(drmModeMapDumbBuffer(s->gpu, handle, &offset), 0);
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, s->gpu,
		   offset);
	igt_assert(map != MAP_FAILED);
	pfn_pattern_fill(map, 0, s->size, seed);
	munmap(map, size);
	return handle;
}

static void test_hibernate(int fd, int gpu)
{
	struct screen s = screen_open(gpu);
	struct virtgpu evicted, shown;
	uint32_t own, evicted_fb, shown_fb, own_fb;

	pfn_require_suspend("disk", "devices");
	evicted = virtgpu_create(fd, gpu, s.size, 1);
	shown = virtgpu_create(fd, gpu, s.size, 2);
	own = create_dumb(&s, 3);
	evicted_fb = screen_add_fb(&s, evicted.import);
	shown_fb = screen_add_fb(&s, shown.import);
	own_fb = screen_add_fb(&s, own);
	screen_show(&s, shown_fb);
	igt_assert(screen_shows(&s, 2));

	virtgpu_trace();
	pfn_suspend("disk", "devices");
	igt_assert_eq_u64(vgem_pfn_bo_query(fd, evicted.handle).num_notifies, 2);
	igt_assert_eq_u64(vgem_pfn_bo_query(fd, shown.handle).num_notifies, 0);

	igt_assert(screen_shows(&s, 2));
	igt_assert_eq(virtgpu_sent(CMD_RESOURCE_CREATE_BLOB), 3);
	screen_show(&s, own_fb);
	igt_assert(screen_shows(&s, 3));
	screen_show(&s, evicted_fb);
	igt_assert(screen_shows(&s, 1));
	screen_show(&s, 0);
	virtgpu_assert_accepted();

	/* The host has the memory of the shown buffer again, so a move detaches it. */
	virtgpu_trace();
	vgem_pfn_bo_move(fd, shown.handle, VGEM_PFN_TT);
	igt_assert_eq(virtgpu_sent(CMD_DETACH_BACKING), 1);
	virtgpu_assert_accepted();

	screen_rm_fb(&s, own_fb);
	screen_rm_fb(&s, shown_fb);
	screen_rm_fb(&s, evicted_fb);
	igt_assert_eq(drmModeDestroyDumbBuffer(gpu, own), 0);
	virtgpu_destroy(&shown);
	virtgpu_destroy(&evicted);
}

void virtgpu_suspend_tests(int fd, int gpu)
{
	igt_describe("The host has all resources again after a hibernation.");
	igt_subtest("hibernate")
		test_hibernate(fd, gpu);
}
