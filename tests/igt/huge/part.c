// SPDX-License-Identifier: MIT
/*
 * Subtests of operations on a part of a huge entry. The mm code removes the whole
 * entry, and the pages that remain mapped have to be faulted in again. The neighboring
 * block keeps its entry.
 */
#include <sys/mman.h>

#include "igt.h"
#include "huge.h"

struct part {
	struct prime p;
	struct dma_buf_pfn_stats since;
};

/* Create two blocks, mapped by huge entries if the memory allows it. */
static struct part part_create(int fd, int importer)
{
	struct part part = {
		.p = prime_create(fd, importer, 2 * HUGE, 1),
	};

	pfn_assert_pattern(part.p.map, 0, part.p.size, 1);
	huge_assert_count(huge_faults(part.p.import, &part.since),
			  huge_expected(&part.p, 0, 1024));
	return part;
}

/* Assert that the untouched block still has its entry. */
static void assert_other_block(struct part *part)
{
	pfn_assert_pattern(part->p.map + HUGE, HUGE, HUGE, 1);
	huge_assert_count(huge_faults(part->p.import, &part->since),
			  (struct huge_count) {});
}

/*
 * Assert that writes through pages @first to @first + @count - 1 of @map reach the
 * buffer's current memory.
 */
static void assert_follows(struct part *part, char *map, uint64_t first,
			   uint64_t count)
{
	uint64_t word, page;

	for (page = first; page < first + count; page++)
		*(volatile uint64_t *)(map + PAGES(page - first)) = ~page;
	for (page = first; page < first + count; page++) {
		pfn_mem_read(vgem_pfn_bo_pfn(part->p.fd, part->p.handle, page), 0,
			     &word, sizeof(word));
		igt_assert_eq_u64(word, ~page);
	}
}

static void assert_all_follow(struct part *part)
{
	vgem_pfn_bo_move(part->p.fd, part->p.handle, VGEM_PFN_TT);
	assert_follows(part, part->p.map, 0, 1024);
	vgem_pfn_bo_move(part->p.fd, part->p.handle, VGEM_PFN_CARVEOUT);
	assert_follows(part, part->p.map, 0, 1024);
}

static void test_unmap(struct part *part)
{
	const bool huge = huge_expected(&part->p, 0, 1024).at[PMD];
	char *map = part->p.map;

	igt_assert_eq(munmap(map + PAGES(100), PAGES(16)), 0);
	assert_other_block(part);

	pfn_assert_pattern(map, 0, PAGES(100), 1);
	pfn_assert_pattern(map + PAGES(116), PAGES(116), PAGES(396), 1);
	huge_assert_count(huge_faults(part->p.import, &part->since),
			  (struct huge_count) { .at[PTE] = huge ? 496 : 0 });

	vgem_pfn_bo_move(part->p.fd, part->p.handle, VGEM_PFN_TT);
	assert_follows(part, map, 0, 100);
	assert_follows(part, map + PAGES(116), 116, 908);
}

static void test_protect(struct part *part)
{
	const bool huge = huge_expected(&part->p, 0, 1024).at[PMD];
	char *map = part->p.map;

	igt_assert_eq(mprotect(map + PAGES(256), PAGES(256), PROT_READ), 0);
	assert_other_block(part);

	pfn_assert_pattern(map, 0, HUGE, 1);
	huge_assert_count(huge_faults(part->p.import, &part->since),
			  (struct huge_count) { .at[PTE] = huge ? 512 : 0 });

	igt_assert_eq(mprotect(map + PAGES(256), PAGES(256),
			       PROT_READ | PROT_WRITE), 0);
	assert_all_follow(part);
}

/* MADV_DONTNEED is not possible on a PFN mapping. */
static void test_dontneed(struct part *part)
{
	igt_assert_eq(madvise(part->p.map + PAGES(100), PAGES(16), MADV_DONTNEED), -1);
	igt_assert_eq(errno, EINVAL);
	pfn_assert_pattern(part->p.map, 0, HUGE, 1);
	assert_other_block(part);
	assert_all_follow(part);
}

static void test_nohugepage(struct part *part)
{
	igt_assert_eq(madvise(part->p.map, part->p.size, MADV_NOHUGEPAGE), 0);
	assert_other_block(part);

	/* New faults use small entries. */
	vgem_pfn_bo_move(part->p.fd, part->p.handle, VGEM_PFN_TT);
	pfn_assert_pattern(part->p.map, 0, part->p.size, 1);
	huge_assert_count(huge_faults(part->p.import, &part->since),
			  (struct huge_count) { .at[PTE] = 1024 });
	assert_all_follow(part);
}

/* Move the mapping to an address that is @shift pages after a multiple of 2 MiB. */
static void remap(struct part *part, uint64_t shift)
{
	const bool huge = huge_expected(&part->p, 0, 1024).at[PMD];
	char *to = huge_reserve(3 * HUGE) + PAGES(shift);

	igt_assert(mremap(part->p.map, part->p.size, part->p.size,
			  MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	part->p.map = to;
	/*
	 * Small entries are kept, and so are huge ones if the new address is congruent.
	 * Otherwise the pages are faulted in again, with small entries.
	 */
	pfn_assert_pattern(to, 0, part->p.size, 1);
	huge_assert_count(huge_faults(part->p.import, &part->since),
			  (struct huge_count) { .at[PTE] = huge && shift ? 1024 : 0 });
	assert_all_follow(part);
}

static void test_remap(struct part *part)
{
	remap(part, 0);
}

static void test_remap_misaligned(struct part *part)
{
	remap(part, 1);
}

static void test_fork(struct part *part)
{
	int to_child[2], to_parent[2];
	char c = 0;

	igt_assert_eq(pipe(to_child), 0);
	igt_assert_eq(pipe(to_parent), 0);
	igt_fork(child, 1) {
		pfn_assert_pattern(part->p.map, 0, part->p.size, 1);
		igt_assert_eq(write(to_parent[1], &c, 1), 1);
		igt_assert_eq(read(to_child[0], &c, 1), 1);
		/*
		 * Entries copied by fork and not removed would write to the old memory.
		 */
		pfn_pattern_fill(part->p.map, 0, part->p.size, 2);
		/* Unmap a part in the child only. */
		igt_assert_eq(munmap(part->p.map + PAGES(100), PAGES(16)), 0);
	}

	igt_assert_eq(read(to_parent[0], &c, 1), 1);
	huge_assert_count(huge_faults(part->p.import, &part->since),
			  (struct huge_count) {});
	vgem_pfn_bo_move(part->p.fd, part->p.handle, VGEM_PFN_TT);
	igt_assert_eq(write(to_child[1], &c, 1), 1);
	igt_waitchildren();

	prime_check(&part->p, 2);
	assert_all_follow(part);
	close(to_child[0]);
	close(to_child[1]);
	close(to_parent[0]);
	close(to_parent[1]);
}

void huge_part_tests(int fd, int importer)
{
	static const struct {
		const char *name;
		const char *describe;
		void (*run)(struct part *part);
	} tests[] = {
		{ "part-unmap", "The remaining pages of a block are faulted in again.",
		  test_unmap },
		{ "part-protect", "A block with two protections has small entries.",
		  test_protect },
		{ "part-dontneed", "MADV_DONTNEED is rejected.",
		  test_dontneed },
		{ "part-nohugepage", "MADV_NOHUGEPAGE selects small entries.",
		  test_nohugepage },
		{ "part-remap", "mremap() keeps huge entries.", test_remap },
		{ "part-remap-misaligned", "mremap() to an incongruent address: small entries.",
		  test_remap_misaligned },
		{ "part-fork", "Parent and child have the same huge entries.",
		  test_fork },
	};
	struct part part;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		igt_describe(tests[i].describe);
		igt_subtest(tests[i].name) {
			part = part_create(fd, importer);
			tests[i].run(&part);
			prime_destroy(&part.p);
		}
	}
}
