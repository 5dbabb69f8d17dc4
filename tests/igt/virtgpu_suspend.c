// SPDX-License-Identifier: MIT
/*
 * Subtest of the machine being hibernated: the host forgets all resources, and
 * virtio-gpu makes them again.
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

/*
 * SUBTEST: hibernate
 * Description: an import that was evicted for it is there again, and so is what was
 *		created after it
 */
static void test_hibernate(int fd, int gpu)
{
	struct screen s = screen_open(gpu);
	struct virtgpu v;
	uint32_t own, own_fb, fb;

	pfn_require_suspend("disk", "devices");
	v = virtgpu_create(fd, gpu, s.size, 1);
	own = create_dumb(&s, 2);
	own_fb = screen_add_fb(&s, own);
	fb = screen_add_fb(&s, v.import);
	screen_show(&s, own_fb);
	igt_assert(screen_shows(&s, 2));

	virtgpu_trace();
	pfn_suspend("disk", "devices");
	igt_assert_lte_u64(1, vgem_pfn_bo_query(fd, v.handle).num_notifies);

	virtgpu_assert_accepted();
	/* That of the console, if there is one, too */
	igt_assert_lte(2, virtgpu_sent(CMD_RESOURCE_CREATE_BLOB));
	igt_assert(screen_shows(&s, 2));
	screen_show(&s, fb);
	virtgpu_assert_accepted();
	igt_assert(screen_shows(&s, 1));

	screen_show(&s, 0);
	screen_rm_fb(&s, fb);
	screen_rm_fb(&s, own_fb);
	igt_assert_eq(drmModeDestroyDumbBuffer(gpu, own), 0);
	virtgpu_destroy(&v);
}

void virtgpu_suspend_tests(int fd, int gpu)
{
	igt_describe("Imports that have moved are there after a hibernation.");
	igt_subtest("hibernate")
		test_hibernate(fd, gpu);
}
