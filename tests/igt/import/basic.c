// SPDX-License-Identifier: MIT
/* Subtests of imports by the same device and by another one. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "igt.h"
#include "import.h"

static void test_self(int fd)
{
	uint32_t handle = vgem_pfn_bo_create(fd, 64 * KiB, VGEM_PFN_CARVEOUT);
	struct drm_vgem_pfn_bo_query query;
	int dmabuf = vgem_pfn_export(fd, handle), again;
	uint32_t twin;

	igt_assert_eq_u32(import_handle(fd, dmabuf), handle);

	again = vgem_pfn_open();
	twin = import_handle(again, dmabuf);
	query = vgem_pfn_bo_query(again, twin);
	igt_assert_eq_u32(query.region, VGEM_PFN_CARVEOUT);
	igt_assert_eq_u32(query.num_attachments, 0);
	igt_assert_eq_u32(query.exported, 1);
	vgem_pfn_bo_fill(again, twin, 64 * KiB, 1);
	vgem_pfn_bo_check(fd, handle, 64 * KiB, 1);

	/* The second handle keeps the buffer and its dma-buf. */
	vgem_pfn_gem_close(fd, handle);
	close(dmabuf);
	igt_assert_eq_u32(vgem_pfn_bo_query(again, twin).exported, 1);
	vgem_pfn_bo_check(again, twin, 64 * KiB, 1);
	close(again);
}

static void test_other(int fd, int other)
{
	struct shared s = shared_create(fd, other, 256 * KiB, 1);
	struct drm_vgem_pfn_bo_query query;

	query = vgem_pfn_bo_query(fd, s.handle);
	igt_assert_eq_u32(query.num_attachments, 1);
	query = vgem_pfn_bo_query(other, s.import);
	igt_assert_eq_u64(query.size, s.size);
	igt_assert_eq_u32(query.exported, 0);
	igt_assert_eq_u32(query.num_attachments, 0);
	shared_assert_unmapped(&s);
	shared_check(&s, 1);

	shared_map(&s);
	shared_check(&s, 1);
	igt_assert_eq_u64(vgem_pfn_bo_query(other, s.import).num_moves, 1);
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, s.handle).pin_count, 0);

	/* Mapping it again is no move; unmapping it is one. */
	shared_map(&s);
	igt_assert_eq_u64(vgem_pfn_bo_query(other, s.import).num_moves, 1);
	vgem_pfn_bo_move(other, s.import, VGEM_PFN_SYSTEM);
	shared_assert_unmapped(&s);
	igt_assert_eq_u64(vgem_pfn_bo_query(other, s.import).num_moves, 2);

	/* The import uses no memory of the importing device. */
	igt_assert_eq_u64(vgem_pfn_region(other, VGEM_PFN_CARVEOUT).used, 0);
	igt_assert_eq_u64(vgem_pfn_region(other, VGEM_PFN_TT).used, 0);
	shared_destroy(&s);
}

static void test_carveout(int fd, int other)
{
	struct shared s = shared_create(fd, other, 64 * KiB, 1);
	uint32_t region;

	shared_map(&s);
	for (region = VGEM_PFN_CARVEOUT; region < VGEM_PFN_CARVEOUT + 8; region++)
		igt_assert_eq(__vgem_pfn_bo_move(other, s.import, region),
			      -EINVAL);
	igt_assert_eq_u32(vgem_pfn_bo_region(other, s.import), VGEM_PFN_TT);
	shared_check(&s, 1);
	shared_destroy(&s);
}

static void test_twice(int fd, int other)
{
	struct shared s = shared_create(fd, other, 64 * KiB, 1);
	int again = import_open_other(fd);
	struct shared t = s;

	igt_assert_eq_u32(import_handle(other, s.dmabuf), s.import);
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, s.handle).num_attachments, 1);

	t.other = again;
	t.import = import_handle(again, s.dmabuf);
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, s.handle).num_attachments, 2);
	shared_map(&t);
	shared_assert_unmapped(&s);
	shared_map(&s);
	vgem_pfn_bo_move(fd, s.handle, VGEM_PFN_TT);
	shared_assert_unmapped(&s);
	shared_assert_unmapped(&t);
	close(again);
	shared_destroy(&s);
}

static void test_export(int fd, int other)
{
	struct shared s = shared_create(fd, other, 64 * KiB, 1);
	int again = vgem_pfn_export(other, s.import);
	struct stat one, two;

	igt_assert_eq(fstat(s.dmabuf, &one), 0);
	igt_assert_eq(fstat(again, &two), 0);
	igt_assert_eq_u64(one.st_ino, two.st_ino);

	/* Importing it into the exporting device returns the original buffer. */
	igt_assert_eq_u32(import_handle(fd, again), s.handle);
	close(again);
	shared_destroy(&s);
}

static void test_read_only(int fd, int other)
{
	uint32_t handle = vgem_pfn_bo_create(fd, 64 * KiB, VGEM_PFN_TT), import;
	int dmabuf;
	void *map;

	vgem_pfn_bo_fill(fd, handle, 64 * KiB, 1);
	dmabuf = vgem_pfn_export_ro(fd, handle);
	import = import_handle(other, dmabuf);

	errno = 0;
	igt_assert(!__vgem_pfn_bo_mmap(other, import, 64 * KiB,
				       PROT_READ | PROT_WRITE));
	igt_assert_eq(errno, EACCES);

	map = vgem_pfn_bo_mmap(other, import, 64 * KiB, PROT_READ);
	pfn_assert_pattern(map, 0, 64 * KiB, 1);
	igt_assert_eq(mprotect(map, 64 * KiB, PROT_READ | PROT_WRITE), -1);
	igt_assert_eq(errno, EACCES);
	munmap(map, 64 * KiB);

	vgem_pfn_bo_move(other, import, VGEM_PFN_TT);
	igt_assert_eq_u64(vgem_pfn_bo_pfn(other, import, 3),
			  vgem_pfn_bo_pfn(fd, handle, 3));
	vgem_pfn_gem_close(other, import);
	close(dmabuf);
	vgem_pfn_gem_close(fd, handle);
}

static void test_swiotlb(int fd, int other)
{
	static const uint32_t regions[] = { VGEM_PFN_CARVEOUT, VGEM_PFN_TT };
	struct shared s;
	size_t i;

	pfn_require_kernel_param("swiotlb=force");
	s = shared_create(fd, other, 256 * KiB, 1);
	for (i = 0; i < ARRAY_SIZE(regions); i++) {
		vgem_pfn_bo_move(fd, s.handle, regions[i]);
		/* The DMA API's error for a mapping that would need bounce buffers */
		igt_assert_eq(__vgem_pfn_bo_move(other, s.import, VGEM_PFN_TT),
			      -EIO);
		shared_assert_unmapped(&s);
		shared_check(&s, 1);
		vgem_pfn_bo_fill(other, s.import, s.size, 2);
		shared_check(&s, 2);
		vgem_pfn_bo_fill(fd, s.handle, s.size, 1);
	}
	shared_destroy(&s);
}

void import_basic_tests(int fd, int other)
{
	igt_describe("A device's own dma-buf is imported as the buffer itself.");
	igt_subtest("self")
		test_self(fd);

	igt_describe("Another device's buffer is mapped at its first use.");
	igt_subtest("other-device")
		test_other(fd, other);

	igt_describe("An import cannot be moved to a carveout.");
	igt_subtest("other-device-carveout")
		test_carveout(fd, other);

	igt_describe("Each file has one import of a dma-buf.");
	igt_subtest("other-device-twice")
		test_twice(fd, other);

	igt_describe("Exporting an import returns the imported dma-buf.");
	igt_subtest("other-device-export")
		test_export(fd, other);

	igt_describe("A read-only dma-buf cannot be written to.");
	igt_subtest("other-device-read-only")
		test_read_only(fd, other);

	igt_describe("A device that needs bounce buffers cannot map an import.");
	igt_subtest("swiotlb")
		test_swiotlb(fd, other);
}
