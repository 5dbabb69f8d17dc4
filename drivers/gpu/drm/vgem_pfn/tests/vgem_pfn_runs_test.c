// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of run tables: contiguous memory becomes one run, and every page
 * is found in tables of any size.
 */

#include <kunit/test.h>
#include <linux/dma-buf-pfn.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "../vgem_pfn_mgr.h"

#define MAX_RUNS	1000

KUNIT_DEFINE_ACTION_WRAPPER(kvfree_wrapper, kvfree, const void *);

static struct vgem_pfn_runs *vgem_pfn_test_runs(struct kunit *test, unsigned int max)
{
	struct vgem_pfn_runs *runs = vgem_pfn_runs_alloc(max);

	KUNIT_ASSERT_NOT_NULL(test, runs);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test,
							   kvfree_wrapper, runs));
	return runs;
}

/*
 * The test case succeeds if neighbours in the buffer that are neighbours in
 * memory become one run, and no others do.
 */
static void vgem_pfn_runs_merge(struct kunit *test)
{
	struct vgem_pfn_runs *runs = vgem_pfn_test_runs(test, 5);

	vgem_pfn_runs_add(runs, 0x100, 4);
	vgem_pfn_runs_add(runs, 0x104, 2);	/* contiguous */
	vgem_pfn_runs_add(runs, 0x107, 1);	/* a gap of one page */
	vgem_pfn_runs_add(runs, 0x106, 1);	/* backwards */
	vgem_pfn_runs_add(runs, 0x106, 1);	/* the same again */

	KUNIT_EXPECT_EQ(test, runs->num, 4);
	KUNIT_EXPECT_EQ(test, runs->num_pages, 9);
	KUNIT_EXPECT_EQ(test, runs->run[1].first, 6);
	KUNIT_EXPECT_EQ(test, runs->run[3].first, 8);
}

/*
 * The test case succeeds if a lookup of each page, in tables of random runs,
 * returns the expected run, page frame number and number of contiguous pages,
 * also if the search starts from an index that is out of date.
 */
static void vgem_pfn_runs_lookup(struct kunit *test)
{
	static const unsigned int nums[] = { 1, 2, 3, 7, 64, MAX_RUNS };
	pgoff_t *sizes = kunit_kcalloc(test, MAX_RUNS, sizeof(*sizes), GFP_KERNEL);
	u64 *pfns = kunit_kcalloc(test, MAX_RUNS, sizeof(*pfns), GFP_KERNEL);
	unsigned int i, j;

	KUNIT_ASSERT_NOT_NULL(test, sizes);
	KUNIT_ASSERT_NOT_NULL(test, pfns);
	for (i = 0; i < ARRAY_SIZE(nums); i++) {
		struct vgem_pfn_runs *runs = vgem_pfn_test_runs(test, nums[i]);
		unsigned int next = UINT_MAX;
		struct dma_buf_pfn_run run;
		pgoff_t pgoff = 0;
		u64 pfn = 0x1000;

		for (j = 0; j < nums[i]; j++) {
			sizes[j] = get_random_u32_inclusive(1, 9);
			pfns[j] = pfn;
			vgem_pfn_runs_add(runs, pfn, sizes[j]);
			pfn += sizes[j] + get_random_u32_inclusive(1, 9);
		}
		KUNIT_ASSERT_EQ(test, runs->num, nums[i]);

		for (j = 0; j < nums[i]; j++) {
			pgoff_t k, n;

			for (k = 0; k < sizes[j]; k++, pgoff++) {
				KUNIT_ASSERT_EQ(test, pfns[j] + k,
						vgem_pfn_runs_pfn(runs, pgoff, &n));
				KUNIT_ASSERT_EQ(test, n, sizes[j] - k);
				vgem_pfn_runs_get(runs, pgoff, &next, &run);
				KUNIT_ASSERT_EQ(test, run.first, pgoff - k);
				KUNIT_ASSERT_EQ(test, run.nr_pages, sizes[j]);
				KUNIT_ASSERT_EQ(test, run.pfn, pfns[j]);
				KUNIT_ASSERT_EQ(test, next, j + 1);
			}
		}
	}
}

/* The result of dma_buf_get_pfn() for a run */
static int vgem_pfn_test_order(const struct vgem_pfn_runs *runs, pgoff_t pgoff,
			       u64 *pfn)
{
	struct dma_buf_pfn_run run;
	unsigned int next = 0;

	vgem_pfn_runs_get(runs, pgoff, &next, &run);
	*pfn = dma_buf_pfn_at(&run, pgoff);
	return dma_buf_pfn_order(&run, pgoff);
}

/*
 * The test case succeeds if an order is that of the largest block which is
 * aligned in the buffer and in memory and lies within one run: up to 1 GiB, and
 * none where buffer and memory are not congruent.
 */
static void vgem_pfn_runs_orders(struct kunit *test)
{
	const pgoff_t gib = 1UL << 18;
	struct vgem_pfn_runs *runs;
	u64 pfn;

	runs = vgem_pfn_test_runs(test, 1);
	vgem_pfn_runs_add(runs, 4 * gib, 2 * gib);
	KUNIT_EXPECT_GE(test, vgem_pfn_test_order(runs, gib + 5, &pfn), 18);
	KUNIT_EXPECT_EQ(test, pfn, 5 * gib + 5);

	runs = vgem_pfn_test_runs(test, 1);
	vgem_pfn_runs_add(runs, 0x1000, 13);
	KUNIT_EXPECT_EQ(test, vgem_pfn_test_order(runs, 0, &pfn), 3);
	KUNIT_EXPECT_EQ(test, vgem_pfn_test_order(runs, 11, &pfn), 2);
	KUNIT_EXPECT_EQ(test, vgem_pfn_test_order(runs, 12, &pfn), 0);
	KUNIT_EXPECT_EQ(test, pfn, 0x100c);

	runs = vgem_pfn_test_runs(test, 1);
	vgem_pfn_runs_add(runs, 4 * gib + 1, gib);
	KUNIT_EXPECT_EQ(test, vgem_pfn_test_order(runs, 512, &pfn), 0);

	runs = vgem_pfn_test_runs(test, 3);
	vgem_pfn_runs_add(runs, 0x400, 512);
	vgem_pfn_runs_add(runs, 0x800, 8);
	vgem_pfn_runs_add(runs, 0xa00, 504);
	KUNIT_EXPECT_EQ(test, vgem_pfn_test_order(runs, 0, &pfn), 9);
	KUNIT_EXPECT_EQ(test, vgem_pfn_test_order(runs, 511, &pfn), 9);
	KUNIT_EXPECT_EQ(test, vgem_pfn_test_order(runs, 512, &pfn), 3);
	/* Page 520 is at 0xa00: congruent modulo 8 and no more. */
	KUNIT_EXPECT_EQ(test, vgem_pfn_test_order(runs, 520, &pfn), 3);
}

/*
 * The test case succeeds if pages of the page allocator become one run per
 * contiguous block, whatever their order and number.
 */
static void vgem_pfn_runs_pages(struct kunit *test)
{
	struct page *block, *pages[64];
	struct vgem_pfn_runs *runs;
	unsigned int i;

	block = alloc_pages(GFP_KERNEL, 5);
	KUNIT_ASSERT_NOT_NULL(test, block);
	for (i = 0; i < 32; i++) {
		pages[i] = block + i;
		pages[32 + i] = block + 31 - i;
	}

	runs = vgem_pfn_runs_from_pages(pages, ARRAY_SIZE(pages));
	if (runs) {
		KUNIT_EXPECT_EQ(test, runs->num_pages, 64);
		KUNIT_EXPECT_EQ(test, runs->num, 33);
		for (i = 0; i < 64; i++)
			KUNIT_EXPECT_EQ(test, page_to_pfn(pages[i]),
					vgem_pfn_runs_pfn(runs, i, NULL));
	}
	KUNIT_EXPECT_NOT_NULL(test, runs);
	kvfree(runs);
	__free_pages(block, 5);
}

static struct kunit_case vgem_pfn_runs_cases[] = {
	KUNIT_CASE(vgem_pfn_runs_merge),
	KUNIT_CASE(vgem_pfn_runs_lookup),
	KUNIT_CASE(vgem_pfn_runs_orders),
	KUNIT_CASE(vgem_pfn_runs_pages),
	{}
};

static struct kunit_suite vgem_pfn_runs_suite = {
	.name = "vgem_pfn_runs",
	.test_cases = vgem_pfn_runs_cases,
};

kunit_test_suite(vgem_pfn_runs_suite);
