// SPDX-License-Identifier: MIT
/*
 * Subtests of mappings of an import that a process changes in all possible ways, with
 * moves of the buffer.
 */
#include <sys/mman.h>

#include "igt.h"
#include "prime.h"

#define PAGES(n)	((n) * PFN_PAGE_SIZE)

static void assert_no_map(int fd, size_t length, int prot, int flags,
			  off_t offset)
{
	igt_assert(mmap(NULL, length, prot, flags, fd, offset) == MAP_FAILED);
	igt_assert_eq(errno, EINVAL);
}

static void test_private(struct prime *p)
{
	assert_no_map(p->import, p->size, PROT_READ | PROT_WRITE, MAP_PRIVATE,
		      0);
	assert_no_map(p->import, p->size, PROT_READ, MAP_PRIVATE, 0);
	prime_check(p, 1);
}

static void test_beyond_end(struct prime *p)
{
	void *map;

	assert_no_map(p->import, p->size + PAGES(1), PROT_READ, MAP_SHARED, 0);
	assert_no_map(p->import, p->size, PROT_READ, MAP_SHARED, PAGES(1));
	assert_no_map(p->import, PAGES(1), PROT_READ, MAP_SHARED, p->size);
	assert_no_map(p->import, PAGES(1), PROT_READ, MAP_SHARED, 1ULL << 40);

	/* mremap() cannot extend a mapping beyond the end. */
	map = mmap(NULL, PAGES(1), PROT_READ, MAP_SHARED, p->import,
		   p->size - PAGES(1));
	igt_assert(map != MAP_FAILED);
	igt_assert(mremap(map, PAGES(1), PAGES(2), MREMAP_MAYMOVE) ==
		   MAP_FAILED);
	munmap(map, PAGES(1));
	prime_check(p, 1);
}

static void test_part(struct prime *p)
{
	char *map;
	int i;

	map = mmap(NULL, PAGES(3), PROT_READ, MAP_SHARED, p->import, PAGES(5));
	igt_assert(map != MAP_FAILED);
	pfn_assert_pattern(map, PAGES(5), PAGES(3), 1);

	for (i = 0; i < 16; i++) {
		struct dma_buf_pfn_entry entry = pfn_import_entry(p->import, i);
		bool mapped = i >= 5 && i < 8;

		igt_assert_eq_u32(entry.flags & ENTRY_CPU,
				  mapped ? ENTRY_CPU : 0);
		if (mapped)
			igt_assert_eq_u64(entry.cpu_pfn,
					  vgem_pfn_bo_pfn(p->fd, p->handle, i));
	}

	vgem_pfn_bo_move(p->fd, p->handle, VGEM_PFN_TT);
	pfn_assert_pattern(map, PAGES(5), PAGES(3), 1);
	munmap(map, PAGES(3));
}

static void test_dmabuf(struct prime *p)
{
	void *map;

	map = mmap(NULL, p->size, PROT_READ | PROT_WRITE, MAP_SHARED,
		   p->dmabuf, 0);
	igt_assert(map != MAP_FAILED);
	pfn_assert_pattern(map, 0, p->size, 1);
	pfn_pattern_fill(map, 0, p->size, 2);
	prime_check(p, 2);

	vgem_pfn_evict_all();
	pfn_assert_pattern(map, 0, p->size, 2);
	pfn_pattern_fill(map, 0, p->size, 3);
	prime_check(p, 3);

	vgem_pfn_bo_move(p->fd, p->handle, VGEM_PFN_CARVEOUT);
	pfn_pattern_fill(p->map, 0, p->size, 4);
	pfn_assert_pattern(map, 0, p->size, 4);
	munmap(map, p->size);
}

/* Assert that writes through @map reach the buffer's current memory. */
static void assert_follows(struct prime *p, char *map, size_t first, size_t num)
{
	uint64_t page[PFN_PAGE_SIZE / 8], i;

	pfn_pattern_fill(map, PAGES(first), PAGES(num), 99);
	for (i = first; i < first + num; i++) {
		pfn_mem_read(vgem_pfn_bo_pfn(p->fd, p->handle, i), 0, page,
			     sizeof(page));
		pfn_assert_pattern(page, PAGES(i), sizeof(page), 99);
	}
}

static void test_unmap_part(struct prime *p)
{
	pfn_assert_pattern(p->map, 0, p->size, 1);
	igt_assert_eq(munmap(p->map + PAGES(4), PAGES(4)), 0);

	vgem_pfn_bo_move(p->fd, p->handle, VGEM_PFN_TT);
	assert_follows(p, p->map, 0, 4);
	assert_follows(p, p->map + PAGES(8), 8, 8);

	vgem_pfn_bo_move(p->fd, p->handle, VGEM_PFN_CARVEOUT);
	assert_follows(p, p->map, 0, 4);
	assert_follows(p, p->map + PAGES(8), 8, 8);
}

static void test_moved(struct prime *p)
{
	char *other;

	pfn_assert_pattern(p->map, 0, p->size, 1);
	other = mmap(NULL, p->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		     0);
	igt_assert(other != MAP_FAILED);
	other = mremap(p->map, p->size, p->size, MREMAP_MAYMOVE | MREMAP_FIXED,
		       other);
	igt_assert(other != MAP_FAILED);

	vgem_pfn_evict_all();
	p->map = other;
	assert_follows(p, p->map, 0, 16);
	vgem_pfn_bo_move(p->fd, p->handle, VGEM_PFN_CARVEOUT);
	assert_follows(p, p->map, 0, 16);
}

static void test_protect(struct prime *p)
{
	pfn_assert_pattern(p->map, 0, p->size, 1);
	igt_assert_eq(mprotect(p->map + PAGES(4), PAGES(4), PROT_NONE), 0);
	igt_assert_eq(mprotect(p->map + PAGES(8), PAGES(4), PROT_READ), 0);
	vgem_pfn_bo_move(p->fd, p->handle, VGEM_PFN_TT);
	pfn_assert_pattern(p->map + PAGES(8), PAGES(8), PAGES(4), 1);
	igt_assert_eq(mprotect(p->map, p->size, PROT_READ | PROT_WRITE), 0);
	pfn_assert_pattern(p->map, 0, p->size, 1);
	assert_follows(p, p->map, 0, 16);
}

static void test_fork(struct prime *p)
{
	int to_child[2], to_parent[2];
	char c = 0;

	igt_assert_eq(pipe(to_child), 0);
	igt_assert_eq(pipe(to_parent), 0);
	pfn_assert_pattern(p->map, 0, p->size, 1);

	igt_fork(child, 1) {
		pfn_assert_pattern(p->map, 0, p->size, 1);
		igt_assert_eq(write(to_parent[1], &c, 1), 1);
		igt_assert_eq(read(to_child[0], &c, 1), 1);
		/* A stale entry copied by fork would write to the old memory. */
		pfn_pattern_fill(p->map, 0, p->size, 2);
	}

	igt_assert_eq(read(to_parent[0], &c, 1), 1);
	vgem_pfn_evict_all();
	igt_assert_eq(write(to_child[1], &c, 1), 1);
	igt_waitchildren();

	prime_check(p, 2);
	close(to_child[0]);
	close(to_child[1]);
	close(to_parent[0]);
	close(to_parent[1]);
}

static void test_many_maps(struct prime *p)
{
	char *maps[4];
	int i;

	for (i = 0; i < 4; i++) {
		maps[i] = pfn_import_mmap(p->import, p->size,
					  PROT_READ | PROT_WRITE);
		pfn_assert_pattern(maps[i], 0, p->size, 1);
	}
	vgem_pfn_evict_all();
	for (i = 0; i < 4; i++) {
		assert_follows(p, maps[i] + PAGES(4 * i), 4 * i, 4);
		munmap(maps[i], p->size);
	}
	prime_check(p, 99);
}

static void assert_mapped(struct prime *p, uint32_t mapped)
{
	int i;

	for (i = 0; i < 16; i++) {
		struct dma_buf_pfn_entry entry = pfn_import_entry(p->import, i);

		igt_assert_eq_u32(entry.flags & ENTRY_CPU, mapped & 1u << i ? ENTRY_CPU : 0);
		if (entry.flags & ENTRY_CPU)
			igt_assert_eq_u64(entry.cpu_pfn,
					  vgem_pfn_bo_pfn(p->fd, p->handle, i));
	}
}

/* Assert that reading one page maps the contiguous pages up to @end as well. */
static void touch_around(struct prime *p, char *map, int page, int end, uint32_t *mapped)
{
	uint64_t pfn = vgem_pfn_bo_pfn(p->fd, p->handle, page);
	uint64_t faults = pfn_import_stats(p->import).faults;
	int i;

	pfn_assert_pattern(map + PAGES(page), PAGES(page), PAGES(1), 1);
	igt_assert_eq_u64(pfn_import_stats(p->import).faults, faults + 1);
	for (i = page; i < end && vgem_pfn_bo_pfn(p->fd, p->handle, i) == pfn + i - page; i++)
		*mapped |= 1u << i;
	assert_mapped(p, *mapped);
}

static void test_around(struct prime *p)
{
	uint32_t mapped = 0;
	char *map;

	map = mmap(NULL, PAGES(14), PROT_READ, MAP_SHARED, p->import, 0);
	igt_assert(map != MAP_FAILED);

	/* Window sizes are rounded down to a power of two. */
	pfn_importer_set_knob("fault_around_pages", 12);
	touch_around(p, map, 3, 8, &mapped);
	touch_around(p, map, 9, 14, &mapped);
	/* Pages that are already mapped do not prevent a fault around. */
	touch_around(p, map, 0, 8, &mapped);

	vgem_pfn_bo_move(p->fd, p->handle, VGEM_PFN_TT);
	mapped = 0;
	assert_mapped(p, mapped);
	touch_around(p, map, 12, 14, &mapped);

	pfn_importer_set_knob("fault_around_pages", 0);
	touch_around(p, map, 1, 2, &mapped);

	pfn_importer_set_knob("fault_around_pages", 1);
	pfn_assert_pattern(map, 0, PAGES(14), 1);
	munmap(map, PAGES(14));
}

void prime_map_tests(int fd, int importer)
{
	static const struct {
		const char *name;
		const char *describe;
		void (*run)(struct prime *p);
	} tests[] = {
		{ "map-private", "Private mappings are rejected.",
		  test_private },
		{ "map-beyond-end", "Mappings beyond the end of the buffer are rejected.",
		  test_beyond_end },
		{ "map-part", "A mapping of some pages maps no others.",
		  test_part },
		{ "map-dmabuf", "The dma-buf itself can be mapped and follows moves.",
		  test_dmabuf },
		{ "map-unmap-part", "After a partial munmap() the rest follows moves.",
		  test_unmap_part },
		{ "map-moved", "After mremap() a mapping follows moves.",
		  test_moved },
		{ "map-protect", "After mprotect() a mapping follows moves.",
		  test_protect },
		{ "map-fork", "A mapping shared with a child follows moves in both.",
		  test_fork },
		{ "map-many", "Several mappings of one import follow moves.",
		  test_many_maps },
		{ "map-around", "A fault maps the following pages, if configured.",
		  test_around },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		igt_describe(tests[i].describe);
		igt_subtest(tests[i].name) {
			struct prime p = prime_create(fd, importer, PAGES(16),
						      1);

			tests[i].run(&p);
			prime_destroy(&p);
		}
	}
}
