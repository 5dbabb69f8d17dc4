// SPDX-License-Identifier: MIT
/*
 * Subtests of features common to all DRM drivers: name, dumb buffers, dma-buf export,
 * sync objects.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include "basic.h"
#include "igt.h"

static uint64_t get_cap(int fd, uint64_t capability)
{
	struct drm_get_cap cap = { .capability = capability };

	igt_assert_eq(__vgem_pfn_ioctl(fd, DRM_IOCTL_GET_CAP, &cap), 0);
	return cap.value;
}

static void test_version(int fd)
{
	char name[32] = "", desc[64] = "";
	struct drm_version version = {
		.name = name,
		.name_len = sizeof(name) - 1,
		.desc = desc,
		.desc_len = sizeof(desc) - 1,
	};

	igt_assert_eq(__vgem_pfn_ioctl(fd, DRM_IOCTL_VERSION, &version), 0);
	igt_assert(!strcmp(name, VGEM_PFN_MODULE));
	igt_assert_neq(strlen(desc), 0);
	igt_info("%s %d.%d: %s\n", name, version.version_major,
		 version.version_minor, desc);
}

static void test_dumb(int card)
{
	struct drm_mode_create_dumb create = {
		.width = 101,
		.height = 33,
		.bpp = 32,
	};
	struct drm_mode_map_dumb map_dumb = {};
	struct drm_mode_destroy_dumb destroy = {};
	void *map;

	igt_assert_eq(__vgem_pfn_ioctl(card, DRM_IOCTL_MODE_CREATE_DUMB,
				       &create), 0);
	igt_assert_lte(101 * 4, create.pitch);
	igt_assert_lte_u64((uint64_t)create.pitch * 33, create.size);

	map_dumb.handle = create.handle;
	igt_assert_eq(__vgem_pfn_ioctl(card, DRM_IOCTL_MODE_MAP_DUMB,
				       &map_dumb), 0);
	map = mmap(NULL, create.size, PROT_READ | PROT_WRITE, MAP_SHARED, card,
		   map_dumb.offset);
	igt_assert(map != MAP_FAILED);
	pfn_pattern_fill(map, 0, create.size, 11);
	vgem_pfn_bo_check(card, create.handle, create.size, 11);
	munmap(map, create.size);

	destroy.handle = create.handle;
	igt_assert_eq(__vgem_pfn_ioctl(card, DRM_IOCTL_MODE_DESTROY_DUMB,
				       &destroy), 0);
	igt_assert_eq(__vgem_pfn_ioctl(card, DRM_IOCTL_MODE_MAP_DUMB,
				       &map_dumb), -ENOENT);
}

static void test_dumb_bad_size(int card)
{
	static const struct drm_mode_create_dumb bad[] = {
		{ .width = 0, .height = 1, .bpp = 32 },
		{ .width = 1, .height = 0, .bpp = 32 },
		{ .width = 1, .height = 1, .bpp = 0 },
		{ .width = ~0U, .height = ~0U, .bpp = 32 },
		{ .width = 1 << 16, .height = 1 << 16, .bpp = ~0U },
	};
	struct basic_state before = basic_state(card);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct drm_mode_create_dumb arg = bad[i];
		int ret = __vgem_pfn_ioctl(card, DRM_IOCTL_MODE_CREATE_DUMB,
					   &arg);

		igt_assert_f(ret == -EINVAL || ret == -E2BIG,
			     "%ux%u, %u bpp: %d\n", bad[i].width,
			     bad[i].height, bad[i].bpp, ret);
	}
	basic_assert_unchanged(card, before);
}

static void test_export(int fd)
{
	uint32_t flags;

	igt_assert_eq_u64(get_cap(fd, DRM_CAP_PRIME),
			  DRM_PRIME_CAP_IMPORT | DRM_PRIME_CAP_EXPORT);

	for (flags = 0; flags < 4; flags++) {
		bool cloexec = flags & 1, rdwr = flags & 2;
		uint32_t handle;
		int dmabuf;

		/* DRM caches the first dma-buf of a handle, with its access mode. */
		handle = vgem_pfn_bo_create(fd, 8 * KiB, VGEM_PFN_TT);
		dmabuf = __vgem_pfn_handle_to_fd(fd, handle,
						 (cloexec ? DRM_CLOEXEC : 0) |
						 (rdwr ? DRM_RDWR : 0));
		igt_assert_lte(0, dmabuf);
		igt_assert_eq(fcntl(dmabuf, F_GETFD), cloexec ? FD_CLOEXEC : 0);
		igt_assert_eq(fcntl(dmabuf, F_GETFL) & O_ACCMODE,
			      rdwr ? O_RDWR : O_RDONLY);
		igt_assert_eq_u64(lseek(dmabuf, 0, SEEK_END), 8 * KiB);
		igt_assert_eq_u32(vgem_pfn_bo_query(fd, handle).exported, 1);
		close(dmabuf);
		vgem_pfn_gem_close(fd, handle);
	}
}

static void test_export_bad(int fd)
{
	uint32_t handle = vgem_pfn_bo_create(fd, 4 * KiB, VGEM_PFN_TT);
	int bit;

	for (bit = 0; bit < 32; bit++) {
		uint32_t flag = 1U << bit;

		if (flag & (DRM_CLOEXEC | DRM_RDWR))
			continue;
		igt_assert_eq(__vgem_pfn_handle_to_fd(fd, handle, flag),
			      -EINVAL);
	}
	vgem_pfn_gem_close(fd, handle);
	igt_assert_eq(__vgem_pfn_handle_to_fd(fd, handle, DRM_CLOEXEC),
		      -ENOENT);
	igt_assert_eq(__vgem_pfn_handle_to_fd(fd, 0, DRM_CLOEXEC), -ENOENT);
}

static void test_export_same(int fd)
{
	uint32_t handle = vgem_pfn_bo_create(fd, 4 * KiB, VGEM_PFN_TT);
	int one = vgem_pfn_export(fd, handle), two = vgem_pfn_export(fd, handle);
	struct stat st_one, st_two;

	igt_assert_eq(fstat(one, &st_one), 0);
	igt_assert_eq(fstat(two, &st_two), 0);
	igt_assert_eq_u64(st_one.st_ino, st_two.st_ino);

	close(one);
	close(two);
	vgem_pfn_gem_close(fd, handle);
}

static void test_syncobj(int fd)
{
	struct drm_syncobj_create create = {};
	struct drm_syncobj_destroy destroy = {};

	igt_assert_eq_u64(get_cap(fd, DRM_CAP_SYNCOBJ), 1);
	igt_assert_eq(__vgem_pfn_ioctl(fd, DRM_IOCTL_SYNCOBJ_CREATE, &create),
		      0);
	destroy.handle = create.handle;
	igt_assert_eq(__vgem_pfn_ioctl(fd, DRM_IOCTL_SYNCOBJ_DESTROY, &destroy),
		      0);
	igt_assert_eq(__vgem_pfn_ioctl(fd, DRM_IOCTL_SYNCOBJ_DESTROY, &destroy),
		      -EINVAL);
}

void basic_drm_tests(int fd)
{
	igt_describe("The driver reports its name.");
	igt_subtest("version")
		test_version(fd);

	igt_subtest_group() {
		static int card = -1;

		igt_fixture()
			card = vgem_pfn_open_card();

		igt_describe("Dumb buffers are plain memory.");
		igt_subtest("dumb")
			test_dumb(card);

		igt_describe("Dumb buffers that are empty or too large are rejected.");
		igt_subtest("dumb-bad-args")
			test_dumb_bad_size(card);

		igt_fixture()
			close(card);
	}

	igt_describe("A dma-buf's fd has the requested access mode.");
	igt_subtest("export")
		test_export(fd);

	igt_describe("Unknown flags and bad handles are rejected.");
	igt_subtest("export-bad-args")
		test_export_bad(fd);

	igt_describe("Each export of a buffer returns the same dma-buf.");
	igt_subtest("export-same")
		test_export_same(fd);

	igt_describe("Sync objects can be created and destroyed.");
	igt_subtest("syncobj")
		test_syncobj(fd);
}
