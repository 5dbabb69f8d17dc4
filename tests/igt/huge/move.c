// SPDX-License-Identifier: MIT
/*
 * Subtests of moves of memory with huge entries: to equally or less contiguous memory,
 * and with an importer that ignores notifications.
 */
#include <sys/mman.h>

#include "igt.h"
#include "huge.h"

static void test_move(int fd, int importer)
{
	static const uint32_t regions[] = {
		VGEM_PFN_TT, VGEM_PFN_CARVEOUT, VGEM_PFN_SYSTEM, VGEM_PFN_CARVEOUT,
	};
	struct prime p = prime_create(fd, importer, 4 * HUGE, 1);
	const uint64_t pages = p.size / PFN_PAGE_SIZE;
	const size_t half = p.size / 2;
	struct dma_buf_pfn_stats before, after;
	void *data = malloc(half);
	uint64_t seed = 1;
	size_t i;

	igt_assert(data);
	for (i = 0; i < ARRAY_SIZE(regions); i++) {
		prime_check(&p, seed);
		before = pfn_import_stats(p.import);
		vgem_pfn_bo_move(fd, p.handle, regions[i]);
		after = pfn_import_stats(p.import);
		igt_assert_eq_u64(after.cpu_zapped - before.cpu_zapped, pages);
		igt_assert_eq_u64(after.dev_zapped - before.dev_zapped, pages);
		pfn_import_assert_truth(p.import, fd, p.handle, p.size, 0);

		/* Through a stale entry these writes would reach the old memory. */
		pfn_pattern_fill(p.map, 0, half, ++seed);
		pfn_pattern_fill(data, half, half, seed);
		pfn_import_write(p.import, half, data, half);
	}
	prime_check(&p, seed);
	prime_destroy(&p);
	free(data);
}

/* Assert that a new mapping has exactly the entries that the current memory allows. */
static struct huge_count assert_fresh(struct prime *p, uint64_t seed)
{
	const struct huge_count want = huge_expected(p, 0, p->size / PFN_PAGE_SIZE);
	struct dma_buf_pfn_stats since = pfn_import_stats(p->import);

	huge_map_again(p);
	prime_check(p, seed);
	huge_assert_count(huge_faults(p->import, &since), want);
	huge_assert_cpu_orders(p);
	return want;
}

static void test_fresh(int fd, int importer)
{
	struct prime p = prime_create(fd, importer, 4 * HUGE + PAGES(7), 1);

	assert_fresh(&p, 1);
	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_TT);
	assert_fresh(&p, 1);
	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_CARVEOUT);
	assert_fresh(&p, 1);
	prime_destroy(&p);
}

/* Find a carveout with scattered buffers, or skip. */
static uint32_t require_scattered(int fd)
{
	struct drm_vgem_pfn_region region;
	uint32_t id;

	vgem_pfn_for_each_carveout(fd, region, id)
		if (region.flags & DRM_VGEM_PFN_REGION_SCATTERED)
			return id;
	igt_require_f(false, "no carveout with scattered memory\n");
	return 0;
}

static void test_fragmented(int fd, int importer)
{
	/* Block order of the carveout, and the resulting level */
	static const struct {
		uint32_t block_order;
		int level;
	} steps[] = {
		{ UINT32_MAX, PMD }, { 0, PTE }, { 8, PTE }, { 9, PMD }, { 3, PTE },
		{ 10, PMD },
	};
	const uint32_t carveout = require_scattered(fd);
	struct prime p = { .fd = fd, .size = 2 * HUGE };
	uint64_t seed = 1;
	size_t i;

	p.handle = vgem_pfn_bo_create(fd, p.size, carveout, VGEM_PFN_TT);
	vgem_pfn_bo_fill(fd, p.handle, p.size, seed);
	p.dmabuf = vgem_pfn_export(fd, p.handle);
	p.import = pfn_import(importer, p.dmabuf);
	p.map = pfn_import_mmap(p.import, p.size, PROT_READ | PROT_WRITE);

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		const uint64_t pages = p.size / PFN_PAGE_SIZE;
		struct huge_count got;

		vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_TT);
		vgem_pfn_set_max_block_order(fd, steps[i].block_order);
		vgem_pfn_bo_move(fd, p.handle, carveout);
		pfn_import_assert_truth(p.import, fd, p.handle, p.size, 0);

		/*
		 * The existing mapping, which had huge entries, falls back to smaller
		 * ones.
		 */
		pfn_assert_pattern(p.map, 0, p.size, seed);
		got = assert_fresh(&p, seed);
		igt_assert_eq_u64(got.at[steps[i].level],
				  pages >> 9 * steps[i].level);
		pfn_pattern_fill(p.map, 0, p.size, ++seed);
	}
	prime_check(&p, seed);
	vgem_pfn_set_max_block_order(fd, UINT32_MAX);
	prime_destroy(&p);
}

static void test_keeps_page_tables(int fd, int importer)
{
	const uint32_t carveout = require_scattered(fd);
	struct prime p = { .fd = fd, .size = HUGE };
	struct dma_buf_pfn_stats since;

	vgem_pfn_set_max_block_order(fd, 0);
	p.handle = vgem_pfn_bo_create(fd, p.size, carveout, VGEM_PFN_TT);
	vgem_pfn_bo_fill(fd, p.handle, p.size, 1);
	p.dmabuf = vgem_pfn_export(fd, p.handle);
	p.import = pfn_import(importer, p.dmabuf);
	p.map = pfn_import_mmap(p.import, p.size, PROT_READ | PROT_WRITE);
	prime_check(&p, 1);

	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_TT);
	vgem_pfn_set_max_block_order(fd, UINT32_MAX);
	vgem_pfn_bo_move(fd, p.handle, carveout);
	igt_assert_eq_u64(huge_expected(&p, 0, 512).at[PMD], 1);

	since = pfn_import_stats(p.import);
	prime_check(&p, 1);
	huge_assert_count(huge_faults(p.import, &since),
			  (struct huge_count) { .at[PTE] = 512 });
	igt_assert_eq(pfn_import_entry(p.import, 0).dev_order, PFN_ORDER_2M);
	assert_fresh(&p, 1);
	prime_destroy(&p);
}

static void test_no_zap(int fd, int importer)
{
	const uint32_t flags = DMA_BUF_PFN_IMPORT_P2P | PFN_BROKEN_NO_ZAP;
	struct prime p = prime_create_flags(fd, importer, 2 * HUGE, 1, flags);
	uint64_t old = vgem_pfn_bo_pfn(fd, p.handle, 0), now, word, page;
	struct dma_buf_pfn_entry entries[1024];

	igt_require_f(huge_expected(&p, 0, 512).at[PMD] == 1, "scattered\n");

	/* Map the first block before the move, the second one after it. */
	pfn_assert_pattern(p.map, 0, HUGE, 1);
	pfn_import_read(p.import, PAGES(100), &word, sizeof(word));
	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_TT);
	vgem_pfn_bo_fill(fd, p.handle, p.size, 2);
	pfn_assert_pattern(p.map + HUGE, HUGE, HUGE, 2);
	pfn_import_read(p.import, HUGE, &word, sizeof(word));
	igt_assert_eq_u64(word, pfn_pattern_word(2, HUGE / 8));
	igt_assert_eq_u64(pfn_import_stats(p.import).cpu_zapped, 0);

	igt_assert_eq(__pfn_import_snapshot_at(p.import, 0, 1024, entries, &now), 0);
	igt_assert_lt_u64(0, now);
	for (page = 0; page < 512; page++) {
		igt_assert_eq_u64(entries[page].cpu_pfn, old + page);
		igt_assert_eq_u64(entries[page].dev_pfn, old + page);
		igt_assert_eq(entries[page].cpu_order, PFN_ORDER_2M);
		igt_assert_eq(entries[page].dev_order, PFN_ORDER_2M);
		igt_assert_eq_u64(entries[page].cpu_generation, 0);
		igt_assert_eq_u64(entries[page].dev_generation, 0);
	}
	igt_assert_eq_u64(entries[512].cpu_pfn, vgem_pfn_bo_pfn(fd, p.handle, 512));
	igt_assert_eq_u64(entries[512].dev_pfn, vgem_pfn_bo_pfn(fd, p.handle, 512));
	igt_assert_eq_u64(entries[512].cpu_generation, now);
	igt_assert_eq_u64(entries[512].dev_generation, now);

	/*
	 * Writes through the stale entries reach memory that no longer belongs to the
	 * buffer.
	 */
	*(volatile uint64_t *)(p.map + PAGES(511)) = 3;
	pfn_mem_read(old + 511, 0, &word, sizeof(word));
	igt_assert_eq_u64(word, 3);
	word = 4;
	pfn_import_write(p.import, PAGES(510), &word, sizeof(word));
	pfn_mem_read(old + 510, 0, &word, sizeof(word));
	igt_assert_eq_u64(word, 4);
	vgem_pfn_bo_check(fd, p.handle, p.size, 2);
	prime_destroy(&p);
}

static void test_pending(int fd, int importer)
{
	const uint32_t flags = DMA_BUF_PFN_IMPORT_P2P | PFN_BROKEN_NO_FENCE_WAIT;
	const uint64_t seed = pfn_new_seed();
	struct prime p = prime_create_flags(fd, importer, HUGE, seed, flags);
	int good = pfn_import(importer, p.dmabuf);
	struct dma_buf_pfn_entry entry;
	uint64_t word;

	igt_assert_eq_u32(pfn_import_entry(p.import, 0).flags, 0);
	vgem_pfn_set_knob(fd, "engine_latency_us", 3000000);
	igt_assert_eq(__vgem_pfn_bo_move_async(fd, p.handle, VGEM_PFN_TT, 0), 0);
	pfn_import_read(p.import, 0, &word, sizeof(word));

	entry = pfn_import_entry(p.import, 0);
	igt_assert_eq_u32(entry.flags, DMA_BUF_PFN_ENTRY_PENDING | ENTRY_DEV |
			  DMA_BUF_PFN_ENTRY_DEV_WRITE);
	igt_assert_eq_u32(pfn_import_entry(good, 0).flags, DMA_BUF_PFN_ENTRY_PENDING);

	/* The correct importer waits for the copy. */
	pfn_import_read(good, 0, &word, sizeof(word));
	igt_assert_eq_u64(word, pfn_pattern_word(seed, 0));
	pfn_import_dev_check(good, p.size, seed);
	pfn_import_assert_truth(good, fd, p.handle, p.size, ENTRY_DEV);
	vgem_pfn_set_knob(fd, "engine_latency_us", 0);
	close(good);
	prime_destroy(&p);
}

void huge_move_tests(int fd, int importer)
{
	igt_describe("A notification removes huge entries.");
	igt_subtest("move")
		test_move(fd, importer);

	igt_describe("A new mapping has the largest possible entries.");
	igt_subtest("fresh")
		test_fresh(fd, importer);

	igt_describe("Entries are as large as the blocks of the memory.");
	igt_subtest("fragmented")
		test_fragmented(fd, importer);

	igt_describe("A mapping with page tables keeps them.");
	igt_subtest("keeps-page-tables")
		test_keeps_page_tables(fd, importer);

	igt_describe("An importer that ignores notifications keeps huge entries.");
	igt_subtest("no-zap")
		test_no_zap(fd, importer);

	igt_describe("SNAPSHOT reports entries whose contents are pending.");
	igt_subtest("pending")
		test_pending(fd, importer);
}
