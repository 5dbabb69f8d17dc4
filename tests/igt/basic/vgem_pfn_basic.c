// SPDX-License-Identifier: MIT
/*
 * TEST: vgem pfn basic
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: DRM
 * Description: All ioctls of vgem_pfn with valid and invalid arguments, mappings, and
 *		the module's lifetime.
 *
 * Each other file of this directory has a group of subtests of one subject.
 */
#include "basic.h"
#include "igt.h"

IGT_TEST_DESCRIPTION("vgem_pfn's userspace interface and lifetime");

struct basic_state basic_state(int fd)
{
	struct drm_vgem_pfn_region regions[DRM_VGEM_PFN_MAX_REGIONS];
	uint32_t i, num = DRM_VGEM_PFN_MAX_REGIONS;
	struct basic_state state = {};

	igt_assert_eq(__vgem_pfn_regions(fd, regions, &num), 0);
	for (i = 0; i < num; i++)
		state.used[i] = regions[i].used;

	state.next_handle = vgem_pfn_bo_create(fd, 4 * KiB, VGEM_PFN_SYSTEM);
	vgem_pfn_gem_close(fd, state.next_handle);

	return state;
}

void basic_assert_unchanged(int fd, struct basic_state before)
{
	struct basic_state now = basic_state(fd);
	int i;

	for (i = 0; i < DRM_VGEM_PFN_MAX_REGIONS; i++)
		igt_assert_eq_u64(now.used[i], before.used[i]);
	igt_assert_eq_u32(now.next_handle, before.next_handle);
}

void basic_assert_bad_flags(int fd, unsigned long request, const void *arg,
			    size_t size, size_t flags, uint32_t known)
{
	uint8_t bad[256];
	uint32_t bit;

	igt_assert(size <= sizeof(bad));
	for (bit = 1; bit; bit <<= 1) {
		int ret;

		if (bit & known)
			continue;
		memcpy(bad, arg, size);
		memcpy(bad + flags, &bit, sizeof(bit));
		ret = __vgem_pfn_ioctl(fd, request, bad);
		igt_assert_f(ret == -EINVAL, "flag %#x: %d, want %d\n", bit,
			     ret, -EINVAL);
	}
}

void basic_assert_mbz(int fd, unsigned long request, const void *arg,
		      size_t size, size_t first, size_t end)
{
	uint8_t bad[256];
	size_t i;
	int bit;

	igt_assert(size <= sizeof(bad));
	for (i = first; i < end; i++) {
		for (bit = 0; bit < 8; bit++) {
			int ret;

			memcpy(bad, arg, size);
			bad[i] = 1 << bit;
			ret = __vgem_pfn_ioctl(fd, request, bad);
			igt_assert_f(ret == -EINVAL,
				     "bit %d of byte %zu: %d, want %d\n", bit,
				     i, ret, -EINVAL);
		}
	}
}

int igt_main()
{
	static int fd = -1;

	igt_fixture() {
		fd = vgem_pfn_open();
		vgem_pfn_reset_on_exit();
	}

	basic_create_tests(fd);
	basic_query_tests(fd);
	basic_move_tests(fd);
	basic_mmap_tests(fd);
	basic_drm_tests(fd);
	basic_fdinfo_tests();

	igt_fixture()
		close(fd);

	basic_unload_tests();
}
