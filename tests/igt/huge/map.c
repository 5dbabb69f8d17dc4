// SPDX-License-Identifier: MIT
/*
 * Subtests of mapping with huge entries: their number, and where they are not possible.
 */
#include <sys/mman.h>

#include "igt.h"
#include "huge.h"

/* Skip unless the carveout is large enough for a buffer of this size. */
static void require_room(int fd, size_t size)
{
	struct drm_vgem_pfn_region region = vgem_pfn_region(fd, VGEM_PFN_CARVEOUT);

	igt_require_f(region.size >= size, "%s is too small\n", region.name);
}

static void test_64m(int fd, int importer)
{
	static const uint32_t placements[] = { VGEM_PFN_CARVEOUT, VGEM_PFN_TT };
	const struct huge_count want = { .at = { [PMD] = 32 } };
	struct dma_buf_pfn_stats since = {};
	struct prime p;

	require_room(fd, 64 * MiB);
	p = huge_create_sparse(fd, importer, 64 * MiB, placements, 2);
	huge_assert_count(huge_expected(&p, 0, p.size / PFN_PAGE_SIZE), want);

	huge_fill_sparse(&p, PAGES(65), 1);
	huge_assert_count(huge_faults(p.import, &since), want);
	igt_assert_eq_u64(since.cpu_mapped, p.size / PFN_PAGE_SIZE);
	huge_assert_cpu_orders(&p);

	huge_check_sparse(&p, PAGES(65), 1);
	huge_faults(p.import, &since);
	igt_assert_eq_u64(since.dev_lookups, 32);
	igt_assert_eq_u64(since.dev_mapped, p.size / PFN_PAGE_SIZE);
	pfn_import_assert_truth(p.import, fd, p.handle, p.size, ENTRY_DEV | ENTRY_CPU);

	/* A single notification invalidates all of them; the counters count pages. */
	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_TT);
	huge_faults(p.import, &since);
	igt_assert_eq_u64(since.cpu_zapped, p.size / PFN_PAGE_SIZE);
	igt_assert_eq_u64(since.dev_zapped, p.size / PFN_PAGE_SIZE);
	igt_assert_eq_u64(since.cpu_mapped | since.dev_mapped, 0);
	pfn_import_assert_truth(p.import, fd, p.handle, p.size, 0);
	prime_destroy(&p);
}

static void test_tail(int fd, int importer)
{
	struct prime p = prime_create(fd, importer, 5 * MiB + PAGES(3), 1);
	struct dma_buf_pfn_stats since = {};

	pfn_assert_pattern(p.map, 0, p.size, 1);
	huge_assert_count(huge_faults(p.import, &since),
			  huge_expected(&p, 0, p.size / PFN_PAGE_SIZE));
	huge_assert_cpu_orders(&p);
	prime_check(&p, 1);
	prime_destroy(&p);
}

static void test_offset(int fd, int importer)
{
	struct prime p = prime_create(fd, importer, 3 * HUGE, 1);
	const uint64_t first = 5, count = 1024 + 100;
	struct dma_buf_pfn_stats since = {};
	char *map;

	map = mmap(NULL, PAGES(count), PROT_READ | PROT_WRITE, MAP_SHARED, p.import,
		   PAGES(first));
	igt_assert(map != MAP_FAILED);
	pfn_assert_pattern(map, PAGES(first), PAGES(count), 1);
	huge_assert_count(huge_faults(p.import, &since),
			  huge_expected(&p, first, count));

	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_TT);
	pfn_pattern_fill(map, PAGES(first), PAGES(count), 1);
	prime_check(&p, 1);
	munmap(map, PAGES(count));
	prime_destroy(&p);
}

static void test_misaligned(int fd, int importer)
{
	struct prime p = prime_create(fd, importer, 2 * HUGE, 1);
	const uint64_t pages = p.size / PFN_PAGE_SIZE;
	struct dma_buf_pfn_stats since = {};
	char *area, *map;

	/* Congruent, off by one page, and off by half and nearly a whole block */
	static const uint64_t shifts[] = { 0, 1, 256, 511 };
	size_t i;

	area = huge_reserve(3 * HUGE);

	for (i = 0; i < ARRAY_SIZE(shifts); i++) {
		const struct huge_count small = { .at = { [PTE] = pages } };

		map = mmap(area + PAGES(shifts[i]), p.size, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_FIXED, p.import, 0);
		igt_assert(map == area + PAGES(shifts[i]));
		pfn_assert_pattern(map, 0, p.size, 1 + i);
		huge_assert_count(huge_faults(p.import, &since),
				  shifts[i] ? small : huge_expected(&p, 0, pages));
		pfn_pattern_fill(map, 0, p.size, 2 + i);
		vgem_pfn_bo_check_mem(fd, p.handle, p.size, 2 + i);
		igt_assert_eq(munmap(map, p.size), 0);
	}
	prime_destroy(&p);
}

static void test_read_only(int fd, int importer)
{
	struct prime p = prime_create(fd, importer, 2 * HUGE, 1);
	const uint64_t pages = p.size / PFN_PAGE_SIZE;
	struct dma_buf_pfn_stats since = {};
	int ends[2];
	char *map;

	map = pfn_import_mmap(p.import, p.size, PROT_READ);
	pfn_assert_pattern(map, 0, p.size, 1);
	huge_assert_count(huge_faults(p.import, &since), huge_expected(&p, 0, pages));
	igt_assert_eq_u32(pfn_import_entry(p.import, 0).flags, ENTRY_CPU);

	/* The kernel writes to the mapping: EFAULT instead of a signal. */
	igt_assert_eq(pipe(ends), 0);
	igt_assert_eq(write(ends[1], "mark", 4), 4);
	igt_assert_eq(read(ends[0], map + HUGE, 4), -1);
	igt_assert_eq(errno, EFAULT);
	vgem_pfn_bo_check(fd, p.handle, p.size, 1);

	/* The file is writable, so the mapping may become writable. */
	igt_assert_eq(mprotect(map, p.size, PROT_READ | PROT_WRITE), 0);
	pfn_pattern_fill(map, 0, p.size, 2);
	vgem_pfn_bo_check_mem(fd, p.handle, p.size, 2);
	munmap(map, p.size);

	/* The snapshot reports the writable mapping's entries. */
	pfn_pattern_fill(p.map, 0, p.size, 3);
	igt_assert_eq_u32(pfn_import_entry(p.import, 0).flags,
			  ENTRY_CPU | DMA_BUF_PFN_ENTRY_CPU_WRITE);
	igt_assert_eq(pfn_import_entry(p.import, 0).cpu_order,
		      huge_expected(&p, 0, pages).at[PMD] ? PFN_ORDER_2M : 0);

	close(ends[0]);
	close(ends[1]);
	prime_destroy(&p);
}

static void test_read_only_buffer(int fd, int importer)
{
	struct prime p = { .fd = fd, .size = 2 * HUGE };
	const uint64_t pages = p.size / PFN_PAGE_SIZE;
	struct dma_buf_pfn_stats since = {};

	p.handle = vgem_pfn_bo_create(fd, p.size, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vgem_pfn_bo_fill(fd, p.handle, p.size, 1);
	p.dmabuf = vgem_pfn_export_ro(fd, p.handle);
	p.import = pfn_import(importer, p.dmabuf);
	p.map = pfn_import_mmap(p.import, p.size, PROT_READ);

	prime_check(&p, 1);
	huge_assert_count(huge_faults(p.import, &since), huge_expected(&p, 0, pages));
	igt_assert_eq_u32(pfn_import_entry(p.import, 0).flags, ENTRY_DEV | ENTRY_CPU);
	igt_assert_eq(mprotect(p.map, p.size, PROT_READ | PROT_WRITE), -1);
	igt_assert_eq(errno, EACCES);
	prime_destroy(&p);
}

static void test_two(int fd, int importer)
{
	struct prime p = prime_create(fd, importer, 2 * HUGE, 1);
	const uint64_t pages = p.size / PFN_PAGE_SIZE;
	const struct huge_count small = { .at = { [PTE] = pages } };
	struct dma_buf_pfn_stats since = {};
	char *area, *map;
	int round;

	area = huge_reserve(3 * HUGE);
	map = area + PAGES(1);

	/* Fault in the small entries first, then the huge ones first. */
	for (round = 0; round < 2; round++) {
		igt_assert(mmap(map, p.size, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_FIXED, p.import, 0) == map);
		huge_map_again(&p);
		if (round)
			pfn_assert_pattern(p.map, 0, p.size, 1);
		pfn_assert_pattern(map, 0, p.size, 1);
		if (!round)
			pfn_assert_pattern(p.map, 0, p.size, 1);

		huge_assert_cpu_orders(&p);
		huge_assert_count(huge_faults(p.import, &since), (struct huge_count) {
			.at[PTE] = small.at[PTE] + huge_expected(&p, 0, pages).at[PTE],
			.at[PMD] = huge_expected(&p, 0, pages).at[PMD],
		});
		igt_assert_eq_u64(since.cpu_mapped, pages);

		vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_TT);
		igt_assert_eq_u64(pfn_import_stats(p.import).cpu_mapped, 0);
		pfn_pattern_fill(map, 0, HUGE, 1);
		pfn_pattern_fill(p.map + HUGE, HUGE, HUGE, 1);
		vgem_pfn_bo_check_mem(fd, p.handle, p.size, 1);
		vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_CARVEOUT);
		huge_faults(p.import, &since);
	}
	munmap(area, 3 * HUGE);
	prime_destroy(&p);
}

void huge_map_tests(int fd, int importer)
{
	igt_describe("64 MiB in a carveout are mapped by 32 faults of 2 MiB.");
	igt_subtest("map-64m")
		test_64m(fd, importer);

	igt_describe("The tail of a buffer is mapped by small entries.");
	igt_subtest("map-tail")
		test_tail(fd, importer);

	igt_describe("A mapping may start inside a block.");
	igt_subtest("map-offset")
		test_offset(fd, importer);

	igt_describe("Huge entries need an address that is congruent to the offset.");
	igt_subtest("map-misaligned")
		test_misaligned(fd, importer);

	igt_describe("Huge entries respect the protection of the mapping.");
	igt_subtest("map-read-only")
		test_read_only(fd, importer);

	igt_describe("Huge entries do not allow writes to a read-only buffer.");
	igt_subtest("map-read-only-buffer")
		test_read_only_buffer(fd, importer);

	igt_describe("Mappings of one import have separate entries.");
	igt_subtest("map-two")
		test_two(fd, importer);
}
