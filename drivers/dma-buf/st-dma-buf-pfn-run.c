// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of dma-buf page frame numbers: runs and their attributes. Each
 * test is named after the rule of Documentation/driver-api/dma-buf-pfn.rst that
 * it tests.
 */

#include "st-dma-buf-pfn-mock.h"

static const struct walk {
	const char *what;
	unsigned int flags;
} walks[] = {
	{ "by runs", PFN_MOCK_RUN },
	{ "by blocks", PFN_MOCK_GET_PFN },
	{ "by both", PFN_MOCK_GET_PFN | PFN_MOCK_RUN },
};

KUNIT_ARRAY_PARAM_DESC(walk, walks, what);

/*
 * Rule 2: runs. The test case succeeds if a lookup of each page returns the
 * whole run around it for an exporter with get_pfn_run, in one call, and the
 * block around it for one with get_pfn only.
 */
static void rule2_whole_run(struct kunit *test)
{
	const struct walk *walk = test->param_value;
	struct pfn_mock *mock = pfn_mock_create(test, walk->flags, &pfn_mock_mixed);
	struct dma_buf_pfn_run run, right;
	struct pfn_mock_importer *imp;
	pgoff_t pgoff;

	imp = pfn_mock_attach(mock, PFN_MOCK_DYNAMIC, NULL);
	pfn_mock_lock(mock);
	for (pgoff = 0; pgoff < mock->num_pages; pgoff++) {
		right = pfn_mock_run(mock, pgoff);
		if (!(walk->flags & PFN_MOCK_RUN)) {
			pgoff_t block = 1UL << pfn_mock_order(mock, pgoff);

			dma_buf_pfn_clip(&right, pgoff - pgoff % block,
					 pgoff - pgoff % block + block);
		}
		memset(&run, 0, sizeof(run));
		KUNIT_EXPECT_EQ(test, 0,
				dma_buf_get_pfn_run(imp->attach, pgoff, &run));
		KUNIT_EXPECT_EQ(test, run.first, right.first);
		KUNIT_EXPECT_EQ(test, run.nr_pages, right.nr_pages);
		KUNIT_EXPECT_EQ(test, run.pfn, right.pfn);
	}
	pfn_mock_unlock(mock);
	KUNIT_EXPECT_EQ(test, 0, walk->flags & PFN_MOCK_RUN ? mock->get_pfns :
			mock->get_pfn_runs);
}

/* State of a walk, and the page that it must visit next */
struct walked {
	struct kunit *test;
	struct pfn_mock *mock;
	pgoff_t next;
	unsigned int calls;
	int error;
};

static int walked_run(const struct dma_buf_pfn_run *run, void *arg)
{
	struct walked *walked = arg;
	struct kunit *test = walked->test;
	pgoff_t i;

	KUNIT_EXPECT_EQ(test, run->first, walked->next);
	KUNIT_EXPECT_GT(test, run->nr_pages, 0);
	for (i = 0; i < run->nr_pages; i++)
		KUNIT_EXPECT_EQ(test, run->pfn + i,
				pfn_mock_pfn(walked->mock, run->first + i));
	walked->next += run->nr_pages;
	walked->calls++;
	return walked->error;
}

/* The number of contiguous runs in a range */
static unsigned int count_runs(struct pfn_mock *mock, pgoff_t first, pgoff_t end)
{
	unsigned int n = 0;
	pgoff_t i;

	for (i = first; i < end; i++)
		n += i == first ||
		     pfn_mock_pfn(mock, i) != pfn_mock_pfn(mock, i - 1) + 1;
	return n;
}

/*
 * Rule 2: walks. The test case succeeds if a walk over any range of the buffer
 * visits each of its pages once, with the right page frame number, and no
 * others, in the smallest number of runs, for exporters with get_pfn_run,
 * get_pfn or both.
 */
static void rule2_walk(struct kunit *test)
{
	const struct walk *walk = test->param_value;
	struct pfn_mock *mock = pfn_mock_create(test, walk->flags, &pfn_mock_mixed);
	struct pfn_mock_importer *imp;
	struct walked walked;
	pgoff_t first, end;

	imp = pfn_mock_attach(mock, PFN_MOCK_DYNAMIC, NULL);
	pfn_mock_lock(mock);
	for (first = 0; first < mock->num_pages; first++)
		for (end = first + 1; end <= mock->num_pages; end++) {
			walked = (struct walked) {
				.test = test, .mock = mock, .next = first,
			};
			KUNIT_EXPECT_EQ(test, 0,
					dma_buf_pfn_walk(imp->attach, first, end - first,
							 walked_run, &walked));
			KUNIT_EXPECT_EQ(test, walked.next, end);
			KUNIT_EXPECT_EQ(test, walked.calls, count_runs(mock, first, end));
		}
	pfn_mock_unlock(mock);
}

/*
 * Rule 2: walks. The test case succeeds if a range that is empty or not inside
 * the buffer is refused before the exporter is called, and an error of the
 * function or of the exporter ends the walk.
 */
static void rule2_walk_ends(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	static const struct {
		pgoff_t first, nr_pages;
	} ranges[] = {
		{ 0, 0 }, { 5, 0 }, { ULONG_MAX, 2 }, { 1, ULONG_MAX },
	};
	struct walked walked = { .test = test, .mock = mock };
	struct pfn_mock_importer *imp;
	int i;

	imp = pfn_mock_attach(mock, PFN_MOCK_DYNAMIC, NULL);
	pfn_mock_lock(mock);
	for (i = 0; i < ARRAY_SIZE(ranges); i++)
		KUNIT_EXPECT_EQ(test, -EINVAL,
				dma_buf_pfn_walk(imp->attach, ranges[i].first,
						 ranges[i].nr_pages, walked_run, &walked));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			dma_buf_pfn_walk(imp->attach, 0, mock->num_pages + 1,
					 walked_run, &walked));
	KUNIT_EXPECT_EQ(test, 0, walked.calls);
	KUNIT_EXPECT_EQ(test, 0, mock->get_pfns + mock->get_pfn_runs);

	walked.error = -ENOSPC;
	KUNIT_EXPECT_EQ(test, -ENOSPC,
			dma_buf_pfn_walk(imp->attach, 0, mock->num_pages, walked_run,
					 &walked));
	KUNIT_EXPECT_EQ(test, 1, walked.calls);

	mock->get_pfn_error = -EINTR;
	KUNIT_EXPECT_EQ(test, -EINTR,
			dma_buf_pfn_walk(imp->attach, 0, mock->num_pages, walked_run,
					 &walked));
	KUNIT_EXPECT_EQ(test, 1, walked.calls);
	pfn_mock_unlock(mock);
}

static int move_in_next(const struct dma_buf_pfn_run *run, void *arg)
{
	struct walked *walked = arg;

	/* The next lookup moves the buffer. */
	if (!walked->calls++)
		walked->mock->move_in_get_pfn = 1;
	return 0;
}

/*
 * Rule 5: walks. The test case succeeds if a walk in which a lookup moves the
 * buffer ends with -EAGAIN, unless that was its first lookup, before any call
 * of the function.
 */
static void rule5_walk_moved(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	struct walked walked = { .test = test, .mock = mock };
	struct pfn_mock_importer *imp;

	imp = pfn_mock_attach(mock, PFN_MOCK_DYNAMIC, NULL);
	pfn_mock_lock(mock);
	mock->move_in_get_pfn = 1;
	KUNIT_EXPECT_EQ(test, 0,
			dma_buf_pfn_walk(imp->attach, 0, mock->num_pages, walked_run,
					 &walked));
	KUNIT_EXPECT_EQ(test, walked.next, mock->num_pages);
	KUNIT_EXPECT_EQ(test, 1, imp->notified);

	walked.calls = 0;
	KUNIT_EXPECT_EQ(test, -EAGAIN,
			dma_buf_pfn_walk(imp->attach, 0, mock->num_pages, move_in_next,
					 &walked));
	KUNIT_EXPECT_EQ(test, 2, imp->notified);
	pfn_mock_unlock(mock);
}

/* Make adjacent pages differ in type, caching or provider. */
static void lie_about_kind(struct pfn_mock *mock, pgoff_t pgoff,
			   struct dma_buf_pfn_run *run)
{
	dma_buf_pfn_clip(run, pgoff, pgoff + 1);
	switch (pgoff % 4) {
	case 1:
		run->caching = DMA_BUF_PFN_UNCACHED;
		break;
	case 2:
		run->type = DMA_BUF_PFN_MMIO;
		break;
	case 3:
		run->provider = (void *)mock;
		break;
	}
}

/*
 * Rule 13: attributes. The test case succeeds if a walk does not merge
 * contiguous runs that differ in type, caching or provider.
 */
static void rule13_walk_keeps_apart(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	struct walked walked = { .test = test, .mock = mock };
	struct pfn_mock_importer *imp;

	imp = pfn_mock_attach(mock, PFN_MOCK_DYNAMIC_P2P, NULL);
	pfn_mock_lock(mock);
	mock->lie_run = lie_about_kind;
	KUNIT_EXPECT_EQ(test, 0,
			dma_buf_pfn_walk(imp->attach, 0, mock->num_pages, walked_run,
					 &walked));
	KUNIT_EXPECT_EQ(test, walked.calls, mock->num_pages);
	pfn_mock_unlock(mock);
}

/* Look up the first run of a new mock's buffer. */
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
 * Rule 13: attributes. The test case succeeds if memory that the kernel manages
 * is RAM and cached, for an exporter with get_pfn only.
 */
static void rule13_default_of_ram(struct kunit *test)
{
	struct dma_buf_pfn_run run;

	run = first_run(test, PFN_MOCK_GET_PFN, 0, 0);
	KUNIT_EXPECT_EQ(test, run.type, DMA_BUF_PFN_RAM);
	KUNIT_EXPECT_EQ(test, run.caching, DMA_BUF_PFN_CACHED);
}

/*
 * Rule 13: attributes. The test case succeeds if memory without struct page is
 * MMIO and not cached, for an exporter with get_pfn only.
 */
static void rule13_default_of_no_page(struct kunit *test)
{
	struct dma_buf_pfn_run run;

	run = first_run(test, PFN_MOCK_GET_PFN | PFN_MOCK_NO_RAM, 0, 0);
	KUNIT_EXPECT_EQ(test, run.type, DMA_BUF_PFN_MMIO);
	KUNIT_EXPECT_EQ(test, run.caching, DMA_BUF_PFN_UNCACHED);
}

/*
 * Rule 13: attributes. The test case succeeds if a page that the kernel does
 * not manage is MMIO although it has a struct page, for an exporter with
 * get_pfn only.
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
 * Rule 13: attributes. The test case succeeds if the exporter's type and
 * caching are returned for any page frame number.
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
 * Rule 13: attributes. The test case succeeds if the exporter's provider is
 * returned.
 */
static void rule13_provider(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL | PFN_MOCK_NO_RAM,
						&pfn_mock_mixed);
	struct dma_buf_pfn_run run = {};
	struct pfn_mock_importer *imp;

	imp = pfn_mock_attach(mock, PFN_MOCK_DYNAMIC_P2P, NULL);
	mock->type = DMA_BUF_PFN_MMIO;
	/* The pointer is never dereferenced. */
	mock->provider = (void *)mock;
	pfn_mock_lock(mock);
	KUNIT_EXPECT_EQ(test, 0, dma_buf_get_pfn_run(imp->attach, 0, &run));
	pfn_mock_unlock(mock);
	KUNIT_EXPECT_PTR_EQ(test, run.provider, mock->provider);
}

/*
 * Rule 13: attributes. The test case succeeds if each cache mode has the
 * architecture's page protection, and write-back does not change it.
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
	KUNIT_CASE_PARAM(rule2_whole_run, walk_gen_params),
	KUNIT_CASE_PARAM(rule2_walk, walk_gen_params),
	KUNIT_CASE(rule2_walk_ends),
	KUNIT_CASE(rule5_walk_moved),
	KUNIT_CASE(rule13_default_of_ram),
	KUNIT_CASE(rule13_default_of_no_page),
	KUNIT_CASE(rule13_default_of_reserved),
	KUNIT_CASE(rule13_exporter_says),
	KUNIT_CASE(rule13_provider),
	KUNIT_CASE(rule13_walk_keeps_apart),
	KUNIT_CASE(rule13_pgprot),
	{}
};

static struct kunit_suite dma_buf_pfn_run_suite = {
	.name = "dma-buf-pfn-run",
	.test_cases = dma_buf_pfn_run_cases,
};

kunit_test_suite(dma_buf_pfn_run_suite);

MODULE_IMPORT_NS("DMA_BUF");
