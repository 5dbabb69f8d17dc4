// SPDX-License-Identifier: MIT
/*
 * Subtests of moves of an imported buffer: all translations are removed before the
 * move, and new lookups return the new placement.
 */
#include <sys/mman.h>

#include "igt.h"
#include "prime.h"

enum mover {
	BY_EVICTION,
	BY_REQUEST,
};

static void move_out(struct prime *p, enum mover mover)
{
	if (mover == BY_EVICTION)
		vgem_pfn_evict_all();
	else
		vgem_pfn_bo_move(p->fd, p->handle, VGEM_PFN_TT);
	igt_assert_eq_u32(vgem_pfn_bo_region(p->fd, p->handle), VGEM_PFN_TT);
}

/* Assert that the two lists of pfns have no page in common. */
static void assert_disjoint(const uint64_t *a, const uint64_t *b, size_t pages)
{
	size_t i, j;

	for (i = 0; i < pages; i++)
		for (j = 0; j < pages; j++)
			igt_assert_neq_u64(a[i], b[j]);
}

static void test_move(int fd, int importer, enum mover mover)
{
	const size_t size = MiB, pages = size / PFN_PAGE_SIZE;
	struct drm_vgem_pfn_bo_query query;
	struct dma_buf_pfn_stats stats;
	uint64_t old[256], new[256];
	struct prime p;

	p = prime_create(fd, importer, size, 1);
	prime_touch(&p, 1);
	vgem_pfn_bo_pfns(fd, p.handle, 0, pages, old);

	move_out(&p, mover);

	/* The import was notified and has no translations. */
	stats = pfn_import_stats(p.import);
	igt_assert_eq_u64(stats.invalidations, 1);
	igt_assert_eq_u64(stats.cpu_zapped, pages);
	igt_assert_eq_u64(stats.dev_zapped, pages);
	igt_assert_eq_u64(stats.cpu_mapped, 0);
	igt_assert_eq_u64(stats.dev_mapped, 0);
	pfn_import_assert_truth(p.import, fd, p.handle, size, 0);

	query = vgem_pfn_bo_query(fd, p.handle);
	igt_assert_eq_u64(query.num_moves, 1);
	igt_assert_eq_u64(query.num_evictions, mover == BY_EVICTION);
	igt_assert_eq_u64(query.num_notifies, 1);
	igt_assert_eq_u64(vgem_pfn_bo_stats(fd, p.handle).last_copy_bytes, size);

	/* The memory is different, with the same contents. */
	vgem_pfn_bo_pfns(fd, p.handle, 0, pages, new);
	assert_disjoint(old, new, pages);
	vgem_pfn_bo_check_mem(fd, p.handle, size, 1);

	/*
	 * The import finds the new placement, with one fault and one lookup per page.
	 */
	prime_check(&p, 1);
	stats = pfn_import_stats(p.import);
	igt_assert_eq_u64(stats.faults, 2 * pages);
	igt_assert_eq_u64(stats.dev_lookups, 2 * pages);
	igt_assert_eq_u64(stats.dev_retries, 0);

	/* Writes by the import reach the new memory. */
	pfn_pattern_fill(p.map, 0, size, 2);
	vgem_pfn_bo_check_mem(fd, p.handle, size, 2);
	pfn_import_dev_fill(p.import, size, 3);
	vgem_pfn_bo_check_mem(fd, p.handle, size, 3);

	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_CARVEOUT);
	pfn_import_assert_truth(p.import, fd, p.handle, size, 0);
	prime_check(&p, 3);
	igt_assert_eq_u64(pfn_import_stats(p.import).invalidations, 2);

	prime_destroy(&p);
}

static void test_part_mapped(int fd, int importer)
{
	const size_t size = MiB, pages = size / PFN_PAGE_SIZE;
	struct dma_buf_pfn_stats stats;
	uint64_t word, i;
	struct prime p;

	p = prime_create(fd, importer, size, 1);
	for (i = 0; i < pages; i += 2)
		pfn_assert_pattern(p.map + i * PFN_PAGE_SIZE, i * PFN_PAGE_SIZE,
				   8, 1);
	for (i = 0; i < pages; i += 8)
		pfn_import_read(p.import, i * PFN_PAGE_SIZE, &word, 8);

	for (i = 0; i < pages; i++)
		igt_assert_eq_u32(pfn_import_entry(p.import, i).flags &
				  (ENTRY_DEV | ENTRY_CPU),
				  (i % 2 ? 0 : ENTRY_CPU) |
				  (i % 8 ? 0 : ENTRY_DEV));
	stats = pfn_import_stats(p.import);
	igt_assert_eq_u64(stats.cpu_mapped, pages / 2);
	igt_assert_eq_u64(stats.dev_mapped, pages / 8);

	vgem_pfn_evict_all();

	stats = pfn_import_stats(p.import);
	igt_assert_eq_u64(stats.cpu_zapped, pages / 2);
	igt_assert_eq_u64(stats.dev_zapped, pages / 8);
	pfn_import_assert_truth(p.import, fd, p.handle, size, 0);
	prime_check(&p, 1);
	prime_destroy(&p);
}

static void test_many_imports(int fd, int importer)
{
	const size_t size = 256 * KiB, pages = size / PFN_PAGE_SIZE;
	struct dma_buf_pfn_stats stats;
	void *maps[8];
	int imports[8], i;
	struct prime p;

	p = prime_create(fd, importer, size, 1);
	for (i = 0; i < 8; i++) {
		imports[i] = pfn_import(importer, p.dmabuf);
		maps[i] = pfn_import_mmap(imports[i], size, PROT_READ);
		pfn_assert_pattern(maps[i], 0, size, 1);
		pfn_import_dev_check(imports[i], size, 1);
	}
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, p.handle).num_attachments, 9);

	vgem_pfn_evict_all();

	for (i = 0; i < 8; i++) {
		stats = pfn_import_stats(imports[i]);
		igt_assert_eq_u64(stats.invalidations, 1);
		igt_assert_eq_u64(stats.cpu_zapped, pages);
		igt_assert_eq_u64(stats.dev_zapped, pages);
		pfn_import_assert_truth(imports[i], fd, p.handle, size, 0);
	}
	for (i = 0; i < 8; i++) {
		pfn_assert_pattern(maps[i], 0, size, 1);
		pfn_import_dev_check(imports[i], size, 1);
		pfn_import_assert_truth(imports[i], fd, p.handle, size,
					ENTRY_DEV | ENTRY_CPU);
		munmap(maps[i], size);
		close(imports[i]);
		igt_assert_eq_u32(vgem_pfn_bo_query(fd,
						    p.handle).num_attachments,
				  8 - i);
	}
	prime_destroy(&p);
}

static void test_everywhere(int fd, int importer)
{
	static const uint32_t regions[] = {
		VGEM_PFN_TT, VGEM_PFN_SYSTEM, VGEM_PFN_CARVEOUT,
		VGEM_PFN_SYSTEM, VGEM_PFN_TT, VGEM_PFN_CARVEOUT,
	};
	const size_t size = 256 * KiB;
	uint64_t seed = 1, notified;
	struct prime p;
	int i;

	p = prime_create(fd, importer, size, seed);
	for (i = 0; i < 6; i++) {
		prime_check(&p, seed);
		notified = pfn_import_stats(p.import).invalidations;
		vgem_pfn_bo_move(fd, p.handle, regions[i]);
		igt_assert_eq_u64(pfn_import_stats(p.import).invalidations, notified + 1);
		prime_check(&p, seed);
		pfn_pattern_fill(p.map, 0, size, ++seed);
	}
	prime_check(&p, seed);
	prime_destroy(&p);
}

static void test_no_import(int fd, int importer)
{
	uint32_t handle = vgem_pfn_bo_create(fd, 64 * KiB, VGEM_PFN_CARVEOUT,
					     VGEM_PFN_TT);
	struct prime p;

	p = prime_create(fd, importer, 64 * KiB, 1);
	prime_touch(&p, 1);
	vgem_pfn_bo_move(fd, handle, VGEM_PFN_TT);
	igt_assert_eq_u64(vgem_pfn_bo_query(fd, handle).num_notifies, 0);
	/* Imports of other buffers are not notified either. */
	igt_assert_eq_u64(pfn_import_stats(p.import).invalidations, 0);
	pfn_import_assert_truth(p.import, fd, p.handle, p.size,
				ENTRY_DEV | ENTRY_CPU);
	prime_destroy(&p);
	vgem_pfn_gem_close(fd, handle);
}

void prime_move_tests(int fd, int importer)
{
	igt_describe("An allocation evicts the buffer, and the import follows.");
	igt_subtest("evict")
		test_move(fd, importer, BY_EVICTION);

	igt_describe("The buffer moves on request, and the import follows.");
	igt_subtest("move")
		test_move(fd, importer, BY_REQUEST);

	igt_describe("Counters of removed translations match those that existed.");
	igt_subtest("evict-part-mapped")
		test_part_mapped(fd, importer);

	igt_describe("Each import of a dma-buf is notified.");
	igt_subtest("many-imports")
		test_many_imports(fd, importer);

	igt_describe("Imports work in every region, and follow moves.");
	igt_subtest("move-everywhere")
		test_everywhere(fd, importer);

	igt_describe("A move notifies only imports of its own buffer.");
	igt_subtest("no-import-no-notify")
		test_no_import(fd, importer);
}
