// SPDX-License-Identifier: MIT
/* Subtests of mmap() on the DRM fd. */
#include <fcntl.h>
#include <sys/mman.h>

#include "basic.h"
#include "igt.h"

#define MMAP_OFFSET	DRM_IOCTL_VGEM_PFN_BO_MMAP_OFFSET

static void test_mmap(int fd, uint32_t region)
{
	const size_t size = 256 * KiB;
	uint32_t handle = vgem_pfn_bo_create(fd, size, region);
	uint64_t word, *one, *two;

	one = vgem_pfn_bo_mmap(fd, handle, size, PROT_READ | PROT_WRITE);
	two = vgem_pfn_bo_mmap(fd, handle, size, PROT_READ);
	pfn_pattern_fill(one, 0, size, region + 1);
	pfn_assert_pattern(two, 0, size, region + 1);
	vgem_pfn_bo_check_mem(fd, handle, size, region + 1);

	/* A write through /dev/mem is visible in the mapping. */
	word = 0x0123456789abcdefULL;
	pfn_mem_write(vgem_pfn_bo_pfn(fd, handle, 3), 16, &word, sizeof(word));
	igt_assert_eq_u64(one[(3 * PFN_PAGE_SIZE + 16) / sizeof(word)], word);

	munmap(two, size);
	munmap(one, size);
	vgem_pfn_gem_close(fd, handle);
}

static void test_mmap_after_close(int fd)
{
	const size_t size = 256 * KiB;
	uint64_t used = vgem_pfn_region(fd, VGEM_PFN_CARVEOUT).used;
	uint32_t handle = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT);
	void *map;

	map = vgem_pfn_bo_mmap(fd, handle, size, PROT_READ | PROT_WRITE);
	pfn_pattern_fill(map, 0, size, 9);
	vgem_pfn_gem_close(fd, handle);
	igt_assert_eq_u64(vgem_pfn_region(fd, VGEM_PFN_CARVEOUT).used,
			  used + size);
	pfn_assert_pattern(map, 0, size, 9);

	vgem_pfn_evict_all();
	pfn_assert_pattern(map, 0, size, 9);

	munmap(map, size);
	igt_assert_eq_u64(vgem_pfn_region(fd, VGEM_PFN_CARVEOUT).used, used);
}

static void test_mmap_private(int fd)
{
	uint32_t handle = vgem_pfn_bo_create(fd, 4 * KiB, VGEM_PFN_TT);
	uint64_t offset;
	void *map;

	igt_assert_eq(__vgem_pfn_bo_mmap_offset(fd, handle, &offset), 0);
	map = mmap(NULL, 4 * KiB, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd,
		   offset);
	igt_assert(map == MAP_FAILED);
	igt_assert_eq(errno, EINVAL);
	vgem_pfn_gem_close(fd, handle);
}

static void test_mmap_beyond(int fd)
{
	uint32_t handle = vgem_pfn_bo_create(fd, 8 * KiB, VGEM_PFN_TT);
	uint64_t offset;

	igt_assert_eq(__vgem_pfn_bo_mmap_offset(fd, handle, &offset), 0);
	igt_assert(mmap(NULL, 12 * KiB, PROT_READ, MAP_SHARED, fd, offset) ==
		   MAP_FAILED);
	igt_assert_eq(errno, EINVAL);
	vgem_pfn_gem_close(fd, handle);
}

static void test_mmap_foreign_fd(int fd)
{
	uint32_t handle = vgem_pfn_bo_create(fd, 4 * KiB, VGEM_PFN_TT);
	int other = vgem_pfn_open();
	uint64_t offset;

	igt_assert_eq(__vgem_pfn_bo_mmap_offset(fd, handle, &offset), 0);
	igt_assert(mmap(NULL, 4 * KiB, PROT_READ, MAP_SHARED, other, offset) ==
		   MAP_FAILED);
	igt_assert_eq(errno, EACCES);
	close(other);
	vgem_pfn_gem_close(fd, handle);
}

static void test_mmap_offset_bad_handle(int fd)
{
	uint32_t handle = vgem_pfn_bo_create(fd, 4 * KiB, VGEM_PFN_TT);
	int other = vgem_pfn_open();
	uint64_t offset;

	igt_assert_eq(__vgem_pfn_bo_mmap_offset(other, handle, &offset),
		      -ENOENT);
	close(other);
	vgem_pfn_gem_close(fd, handle);
	igt_assert_eq(__vgem_pfn_bo_mmap_offset(fd, handle, &offset), -ENOENT);
	igt_assert_eq(__vgem_pfn_bo_mmap_offset(fd, 0, &offset), -ENOENT);
	igt_assert_eq(__vgem_pfn_bo_mmap_offset(fd, ~0U, &offset), -ENOENT);
}

#define test_mmap_offset_mbz(fd, field) \
	do { \
		struct drm_vgem_pfn_bo_mmap_offset arg = { \
			.handle = vgem_pfn_bo_create(fd, 4 * KiB, \
						     VGEM_PFN_TT), \
		}; \
		basic_assert_mbz_field(fd, MMAP_OFFSET, arg, field); \
		vgem_pfn_gem_close(fd, arg.handle); \
	} while (0)

static void test_mmap_offset_any_offset(int fd)
{
	static const uint64_t offsets[] = { 1, 4 * KiB, ~0ULL };
	struct drm_vgem_pfn_bo_mmap_offset arg = {
		.handle = vgem_pfn_bo_create(fd, 4 * KiB, VGEM_PFN_TT),
	};
	uint64_t want;
	size_t i;

	igt_assert_eq(__vgem_pfn_bo_mmap_offset(fd, arg.handle, &want), 0);
	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		arg.offset = offsets[i];
		igt_assert_eq(__vgem_pfn_ioctl(fd, MMAP_OFFSET, &arg), 0);
		igt_assert_eq_u64(arg.offset, want);
	}
	vgem_pfn_gem_close(fd, arg.handle);
}

static void test_read_only(int fd)
{
	uint32_t regions[] = { VGEM_PFN_TT, VGEM_PFN_CARVEOUT };
	const size_t size = 2 * PFN_PAGE_SIZE;
	uint64_t word = 1;
	int i;

	for (i = 0; i < 2; i++) {
		uint32_t handle = vgem_pfn_bo_create(fd, size, regions[i]);
		int dmabuf, mem;
		void *map;

		vgem_pfn_bo_fill(fd, handle, size, 6);
		dmabuf = vgem_pfn_export_ro(fd, handle);
		map = mmap(NULL, size, PROT_READ, MAP_SHARED, dmabuf, 0);
		igt_assert(map != MAP_FAILED);
		mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
		igt_assert_lte(0, mem);

		igt_assert_eq(pread(mem, &word, 8, (uintptr_t)map), 8);
		igt_assert_eq_u64(word, pfn_pattern_word(6, 0));
		word++;
		igt_assert_eq(pwrite(mem, &word, 8, (uintptr_t)map), -1);
		vgem_pfn_bo_check(fd, handle, size, 6);

		close(mem);
		munmap(map, size);
		close(dmabuf);
		vgem_pfn_gem_close(fd, handle);
	}
}

void basic_mmap_tests(int fd)
{
	static const char * const names[] = { "system", "tt", "carveout" };
	uint32_t i;

	for (i = VGEM_PFN_SYSTEM; i <= VGEM_PFN_CARVEOUT; i++) {
		igt_describe("Buffers of every region can be mapped.");
		igt_subtest_f("mmap-%s", names[i])
			test_mmap(fd, i);
	}

	igt_describe("A mapping keeps its buffer after the last handle is closed.");
	igt_subtest("mmap-after-close")
		test_mmap_after_close(fd);

	igt_describe("Private mappings are rejected.");
	igt_subtest("mmap-private")
		test_mmap_private(fd);

	igt_describe("A mapping larger than its buffer is rejected.");
	igt_subtest("mmap-beyond-end")
		test_mmap_beyond(fd);

	igt_describe("A file without a handle of the buffer cannot map its offset.");
	igt_subtest("mmap-foreign-fd")
		test_mmap_foreign_fd(fd);

	igt_describe("Invalid handles fail with ENOENT.");
	igt_subtest("mmap-offset-bad-handle")
		test_mmap_offset_bad_handle(fd);

	igt_describe("Unknown flags are rejected.");
	igt_subtest("mmap-offset-bad-flags")
		test_mmap_offset_mbz(fd, flags);

	igt_describe("The offset's value on input has no effect.");
	igt_subtest("mmap-offset-any-offset")
		test_mmap_offset_any_offset(fd);

	igt_describe("A mapping of a read-only dma-buf cannot be written to.");
	igt_subtest("mmap-read-only-debugger")
		test_read_only(fd);
}
