// SPDX-License-Identifier: MIT
/*
 * Subtests of entries of 1 GiB, which need a carveout of 2 GiB, or two of 1 GiB.
 */
#include <sys/mman.h>

#include "igt.h"
#include "huge.h"

/* Distance of the words that are checked; an odd number of pages */
#define STRIDE	PAGES(4099)

/*
 * Check only the entries of the pages with words: a complete snapshot takes too long.
 */
static void assert_giant_entries(struct prime *p)
{
	struct dma_buf_pfn_entry entry;
	uint64_t page, pfn;

	for (page = 0; page < p->size / PFN_PAGE_SIZE; page += STRIDE / PFN_PAGE_SIZE) {
		entry = pfn_import_entry(p->import, page);
		pfn = vgem_pfn_bo_pfn(p->fd, p->handle, page);
		igt_assert_eq_u32(entry.flags & (ENTRY_DEV | ENTRY_CPU),
				  ENTRY_DEV | ENTRY_CPU);
		igt_assert_eq_u64(entry.cpu_pfn, pfn);
		igt_assert_eq_u64(entry.dev_pfn, pfn);
		igt_assert_eq(entry.cpu_order, PFN_ORDER_1G);
		igt_assert_eq(entry.dev_order, PFN_ORDER_1G);
	}
}

static void test_giant(int fd, int importer)
{
	static const uint32_t placements[] = { VGEM_PFN_CARVEOUT };
	struct dma_buf_pfn_stats since = {};
	struct huge_count want;
	struct prime p;
	int i;

	igt_require_f(vgem_pfn_carveout_size(fd) >= 2 * GIANT,
		      "the carveout is too small\n");
	p = huge_create_sparse(fd, importer, 2 * GIANT, placements, 1);
	want = huge_expected(&p, 0, p.size / PFN_PAGE_SIZE);
	igt_assert_eq_u64(want.at[PUD], 2);

	huge_fill_sparse(&p, STRIDE, 1);
	huge_check_sparse(&p, STRIDE, 1);
	huge_assert_count(huge_faults(p.import, &since), want);
	igt_assert_eq_u64(since.dev_lookups, 2);
	igt_assert_eq_u64(since.cpu_mapped, p.size / PFN_PAGE_SIZE);
	igt_assert_eq_u64(since.dev_mapped, p.size / PFN_PAGE_SIZE);
	assert_giant_entries(&p);

	/*
	 * The mapping starts in the middle of the first 1 GiB block: only the second
	 * one is complete.
	 */
	munmap(p.map, p.size);
	p.map = mmap(NULL, p.size - GIANT / 2, PROT_READ | PROT_WRITE, MAP_SHARED,
		     p.import, GIANT / 2);
	igt_assert(p.map != MAP_FAILED);
	want = huge_expected(&p, GIANT / 2 / PFN_PAGE_SIZE,
			     (p.size - GIANT / 2) / PFN_PAGE_SIZE);
	igt_assert_eq_u64(want.at[PUD], 1);
	igt_assert_eq_u64(want.at[PMD], 256);
	for (i = 0; i < 3 * 256; i++)
		(void)*(volatile char *)(p.map + i * HUGE);
	huge_assert_count(huge_faults(p.import, &since), want);

	/*
	 * A hole in a 1 GiB entry: the entry is removed, and smaller ones are faulted
	 * in.
	 */
	igt_assert_eq(munmap(p.map + GIANT, PAGES(1)), 0);
	(void)*(volatile char *)(p.map + GIANT + PAGES(1));
	(void)*(volatile char *)(p.map + GIANT + HUGE);
	huge_assert_count(huge_faults(p.import, &since), (struct huge_count) {
		.at = { [PTE] = 1, [PMD] = 1 },
	});
	igt_assert_eq_u64(since.cpu_mapped, p.size / PFN_PAGE_SIZE);

	munmap(p.map, p.size - GIANT / 2);
	close(p.import);
	close(p.dmabuf);
	vgem_pfn_gem_close(fd, p.handle);
}

static void test_giant_move(int fd, int importer)
{
	static const uint32_t placements[] = {
		VGEM_PFN_CARVEOUT, VGEM_PFN_CARVEOUT + 1,
	};
	const struct huge_count one = { .at = { [PUD] = 1 } };
	struct drm_vgem_pfn_region region;
	struct dma_buf_pfn_stats since = {};
	const uint64_t word = pfn_pattern_word(2, 0);
	struct prime p;
	int to_child[2];
	char *other, c = 0;

	igt_require_f(vgem_pfn_carveout_size(fd) >= GIANT &&
		      vgem_pfn_find_region(fd, VGEM_PFN_CARVEOUT + 1, &region) &&
		      region.size >= GIANT, "no two carveouts of 1 GiB\n");
	p = huge_create_sparse(fd, importer, GIANT, placements, 2);
	huge_fill_sparse(&p, STRIDE, 1);
	huge_check_sparse(&p, STRIDE, 1);
	huge_assert_count(huge_faults(p.import, &since), one);
	assert_giant_entries(&p);

	igt_assert_eq(pipe(to_child), 0);
	igt_fork(child, 1) {
		igt_assert_eq(read(to_child[0], &c, 1), 1);
		huge_check_sparse(&p, STRIDE, 1);
		huge_fill_sparse(&p, STRIDE, 2);
	}

	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_CARVEOUT + 1);
	huge_faults(p.import, &since);
	igt_assert_eq_u64(since.cpu_zapped, p.size / PFN_PAGE_SIZE);
	igt_assert_eq_u64(since.dev_zapped, p.size / PFN_PAGE_SIZE);
	igt_assert_eq_u64(since.cpu_mapped | since.dev_mapped, 0);
	igt_assert_eq_u32(pfn_import_entry(p.import, 4099).flags, 0);
	igt_assert_eq(write(to_child[1], &c, 1), 1);
	igt_waitchildren();

	/* One fault by the child, one by the parent */
	huge_check_sparse(&p, STRIDE, 2);
	huge_assert_count(huge_faults(p.import, &since), (struct huge_count) {
		.at = { [PUD] = 2 },
	});
	assert_giant_entries(&p);

	/*
	 * A second mapping: mprotect() splits each mapping's own entry, aligned or not.
	 */
	other = pfn_import_mmap(p.import, p.size, PROT_READ | PROT_WRITE);
	igt_assert_eq_u64(*(volatile uint64_t *)other, word);
	igt_assert_eq(mprotect(other, GIANT / 2, PROT_READ), 0);
	huge_check_sparse(&p, STRIDE, 2);
	igt_assert_eq(mprotect(p.map, PAGES(5), PROT_READ), 0);
	huge_check_sparse(&p, STRIDE, 2);
	igt_assert_eq_u64(*(volatile uint64_t *)other, word);

	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_CARVEOUT);
	huge_check_sparse(&p, STRIDE, 2);
	igt_assert_eq_u64(*(volatile uint64_t *)other, word);
	munmap(other, p.size);

	close(to_child[0]);
	close(to_child[1]);
	prime_destroy(&p);
}

void huge_giant_tests(int fd, int importer)
{
	igt_describe("2 GiB in a carveout are mapped by two entries of 1 GiB.");
	igt_subtest("giant")
		test_giant(fd, importer);

	igt_describe("A move removes an entry of 1 GiB.");
	igt_subtest("giant-move")
		test_giant_move(fd, importer);
}
