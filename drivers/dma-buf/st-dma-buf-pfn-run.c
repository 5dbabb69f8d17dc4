// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of dma-buf page frame numbers: runs, and what kind of memory they
 * are. Each test is named after the rule of
 * Documentation/driver-api/dma-buf-pfn.rst that it is about.
 */

#include "st-dma-buf-pfn-mock.h"

static const struct walk {
	const char *what;
	unsigned int flags;
} walks[] = {
	{ "by runs", PFN_MOCK_GET_PFN | PFN_MOCK_RUN },
	{ "by blocks", PFN_MOCK_GET_PFN },
};

KUNIT_ARRAY_PARAM_DESC(walk, walks, what);

/*
 * Rule 2: runs. The test case succeeds if a walk from any page to the end of the
 * buffer covers each page once and with its own page frame number, whether the
 * exporter knows runs or only blocks.
 */
static void rule2_walk(struct kunit *test)
{
	const struct walk *walk = test->param_value;
	struct pfn_mock *mock = pfn_mock_create(test, walk->flags, &pfn_mock_mixed);
	struct pfn_mock_importer *imp;
	struct dma_buf_pfn_run run;
	pgoff_t start, pgoff, i;
	int ret;

	imp = pfn_mock_attach(mock, PFN_MOCK_DYNAMIC, NULL);
	pfn_mock_lock(mock);
	for (start = 0; start < mock->num_pages; start++) {
		for (pgoff = start; pgoff < mock->num_pages; pgoff += run.nr_pages) {
			ret = dma_buf_get_pfn_run(imp->attach, pgoff, &run);
			KUNIT_EXPECT_EQ(test, 0, ret);
			if (ret || !run.nr_pages)
				break;
			for (i = 0; i < run.nr_pages; i++)
				KUNIT_EXPECT_EQ(test, run.pfn + i,
						pfn_mock_pfn(mock, pgoff + i));
		}
		KUNIT_EXPECT_EQ(test, pgoff, mock->num_pages);
	}
	pfn_mock_unlock(mock);
}

/*
 * Rule 2: runs. The test case succeeds if a walk costs one call for each contiguous
 * run of an exporter that knows them, however they are aligned.
 */
static void rule2_one_call_per_run(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	struct pfn_mock_importer *imp;
	struct dma_buf_pfn_run run;
	unsigned int runs = 0;
	pgoff_t pgoff;
	int ret;

	imp = pfn_mock_attach(mock, PFN_MOCK_DYNAMIC, NULL);
	pfn_mock_lock(mock);
	for (pgoff = 0; pgoff < mock->num_pages; pgoff += run.nr_pages) {
		ret = dma_buf_get_pfn_run(imp->attach, pgoff, &run);
		KUNIT_EXPECT_EQ(test, 0, ret);
		KUNIT_EXPECT_EQ(test, run.nr_pages, pfn_mock_run_length(mock, pgoff));
		if (ret || !run.nr_pages)
			break;
		runs++;
	}
	KUNIT_EXPECT_EQ(test, runs, mock->get_pfn_runs);
	pfn_mock_unlock(mock);
}

/*
 * Rule 2: runs. The test case succeeds if an exporter that knows only blocks gives
 * what is left of each, never less than a block's end allows.
 */
static void rule2_run_of_block(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_GET_PFN,
						&pfn_mock_mixed);
	struct pfn_mock_importer *imp;
	struct dma_buf_pfn_run run;
	pgoff_t pgoff, block;

	imp = pfn_mock_attach(mock, PFN_MOCK_DYNAMIC, NULL);
	pfn_mock_lock(mock);
	for (pgoff = 0; pgoff < mock->num_pages; pgoff++) {
		block = 1UL << pfn_mock_order(mock, pgoff);
		run.nr_pages = 0;
		KUNIT_EXPECT_EQ(test, 0,
				dma_buf_get_pfn_run(imp->attach, pgoff, &run));
		KUNIT_EXPECT_EQ(test, run.nr_pages, block - pgoff % block);
	}
	pfn_mock_unlock(mock);
}

/* Ask for the run at the start of a new mock's buffer. */
static struct dma_buf_pfn_run first_run(struct kunit *test, unsigned int flags,
					enum dma_buf_pfn_type type,
					enum dma_buf_pfn_caching caching)
{
	struct pfn_mock *mock = pfn_mock_create(test, flags, &pfn_mock_mixed);
	struct dma_buf_pfn_run run = {};
	struct pfn_mock_importer *imp;

	imp = pfn_mock_attach(mock, PFN_MOCK_DYNAMIC_P2P, NULL);
	mock->type = type;
	mock->caching = caching;
	pfn_mock_lock(mock);
	KUNIT_EXPECT_EQ(test, 0, dma_buf_get_pfn_run(imp->attach, 0, &run));
	pfn_mock_unlock(mock);
	KUNIT_EXPECT_EQ(test, run.pfn, pfn_mock_pfn(mock, 0));
	return run;
}

/*
 * Rule 13: attributes. The test case succeeds if memory that the kernel manages is
 * RAM and cached when the exporter does not say: with and without get_pfn_run.
 */
static void rule13_default_of_ram(struct kunit *test)
{
	struct dma_buf_pfn_run run;

	run = first_run(test, PFN_MOCK_GET_PFN, 0, 0);
	KUNIT_EXPECT_EQ(test, run.type, DMA_BUF_PFN_RAM);
	KUNIT_EXPECT_EQ(test, run.caching, DMA_BUF_PFN_CACHED);

	/* Without a type the caching is not the exporter's word either. */
	run = first_run(test, PFN_MOCK_ALL, DMA_BUF_PFN_UNKNOWN,
			DMA_BUF_PFN_UNCACHED);
	KUNIT_EXPECT_EQ(test, run.type, DMA_BUF_PFN_RAM);
	KUNIT_EXPECT_EQ(test, run.caching, DMA_BUF_PFN_CACHED);
}

/*
 * Rule 13: attributes. The test case succeeds if what has no struct page is MMIO
 * and not cached when the exporter does not say: with and without get_pfn_run.
 */
static void rule13_default_of_no_page(struct kunit *test)
{
	struct dma_buf_pfn_run run;

	run = first_run(test, PFN_MOCK_GET_PFN | PFN_MOCK_NO_RAM, 0, 0);
	KUNIT_EXPECT_EQ(test, run.type, DMA_BUF_PFN_MMIO);
	KUNIT_EXPECT_EQ(test, run.caching, DMA_BUF_PFN_UNCACHED);

	run = first_run(test, PFN_MOCK_ALL | PFN_MOCK_NO_RAM, DMA_BUF_PFN_UNKNOWN,
			DMA_BUF_PFN_CACHED);
	KUNIT_EXPECT_EQ(test, run.type, DMA_BUF_PFN_MMIO);
	KUNIT_EXPECT_EQ(test, run.caching, DMA_BUF_PFN_UNCACHED);
}

/*
 * Rule 13: attributes. The test case succeeds if a page that the kernel does not
 * manage, although it has a struct page, is MMIO when the exporter does not say.
 */
static void rule13_default_of_reserved(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_GET_PFN,
						&pfn_mock_mixed);
	struct page *page = pfn_to_page(pfn_mock_pfn(mock, 0));
	struct dma_buf_pfn_run run = {};
	struct pfn_mock_importer *imp;

	imp = pfn_mock_attach(mock, PFN_MOCK_DYNAMIC_P2P, NULL);
	pfn_mock_lock(mock);
	SetPageReserved(page);
	KUNIT_EXPECT_EQ(test, 0, dma_buf_get_pfn_run(imp->attach, 0, &run));
	ClearPageReserved(page);
	pfn_mock_unlock(mock);
	KUNIT_EXPECT_EQ(test, run.pfn, page_to_pfn(page));
	KUNIT_EXPECT_EQ(test, run.type, DMA_BUF_PFN_MMIO);
	KUNIT_EXPECT_EQ(test, run.caching, DMA_BUF_PFN_UNCACHED);
}

/*
 * Rule 13: attributes. The test case succeeds if the exporter's word is passed on,
 * whatever the page frame number looks like.
 */
static void rule13_exporter_says(struct kunit *test)
{
	static const unsigned int flags[] = {
		PFN_MOCK_ALL, PFN_MOCK_ALL | PFN_MOCK_NO_RAM,
	};
	struct dma_buf_pfn_run run;
	int i, type, caching;

	for (i = 0; i < ARRAY_SIZE(flags); i++)
		for (type = DMA_BUF_PFN_RAM; type <= DMA_BUF_PFN_MMIO; type++)
			for (caching = DMA_BUF_PFN_CACHED;
			     caching <= DMA_BUF_PFN_UNCACHED; caching++) {
				run = first_run(test, flags[i], type, caching);
				KUNIT_EXPECT_EQ(test, run.type, type);
				KUNIT_EXPECT_EQ(test, run.caching, caching);
			}
}

/*
 * Rule 13: attributes. The test case succeeds if each way of caching has the
 * architecture's page protection, and write-back is the one that one has anyway.
 */
static void rule13_pgprot(struct kunit *test)
{
	const pgprot_t prot = PAGE_SHARED;

	KUNIT_EXPECT_EQ(test, pgprot_val(prot),
			pgprot_val(dma_buf_pfn_pgprot(DMA_BUF_PFN_CACHED, prot)));
	KUNIT_EXPECT_EQ(test, pgprot_val(pgprot_writecombine(prot)),
			pgprot_val(dma_buf_pfn_pgprot(DMA_BUF_PFN_WRITE_COMBINED,
						      prot)));
	KUNIT_EXPECT_EQ(test, pgprot_val(pgprot_noncached(prot)),
			pgprot_val(dma_buf_pfn_pgprot(DMA_BUF_PFN_UNCACHED, prot)));
}

static struct kunit_case dma_buf_pfn_run_cases[] = {
	KUNIT_CASE_PARAM(rule2_walk, walk_gen_params),
	KUNIT_CASE(rule2_one_call_per_run),
	KUNIT_CASE(rule2_run_of_block),
	KUNIT_CASE(rule13_default_of_ram),
	KUNIT_CASE(rule13_default_of_no_page),
	KUNIT_CASE(rule13_default_of_reserved),
	KUNIT_CASE(rule13_exporter_says),
	KUNIT_CASE(rule13_pgprot),
	{}
};

static struct kunit_suite dma_buf_pfn_run_suite = {
	.name = "dma-buf-pfn-run",
	.test_cases = dma_buf_pfn_run_cases,
};

kunit_test_suite(dma_buf_pfn_run_suite);

MODULE_IMPORT_NS("DMA_BUF");
