// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of dma-buf page frame numbers: exporters and importers that break
 * the rules, which CONFIG_DMABUF_DEBUG reports. Each test is named after the
 * rule of Documentation/driver-api/dma-buf-pfn.rst that it tests.
 */

#include "st-dma-buf-pfn-mock.h"

/* --- wrong results -------------------------------------------------------- */

static void order_negative(struct pfn_mock *mock, pgoff_t pgoff, u64 *pfn,
			   int *order)
{
	*order = -1;
}

static void order_huge(struct pfn_mock *mock, pgoff_t pgoff, u64 *pfn, int *order)
{
	*order = BITS_PER_LONG;
}

static void order_overflows(struct pfn_mock *mock, pgoff_t pgoff, u64 *pfn,
			    int *order)
{
	*order = BITS_PER_LONG - 1;
}

/* Aligned and contiguous, but the block ends beyond the buffer. */
static void order_beyond_end(struct pfn_mock *mock, pgoff_t pgoff, u64 *pfn,
			     int *order)
{
	*pfn = BIT(20) + pgoff;
	*order = 6;
}

static void pfn_misaligned(struct pfn_mock *mock, pgoff_t pgoff, u64 *pfn,
			   int *order)
{
	*pfn += 1;
}

static void not_contiguous_after(struct pfn_mock *mock, pgoff_t pgoff, u64 *pfn,
				 int *order)
{
	if (pgoff)
		*pfn += BIT(*order);
}

static void not_contiguous_before(struct pfn_mock *mock, pgoff_t pgoff, u64 *pfn,
				  int *order)
{
	if (pgoff != 7)
		*pfn += BIT(*order);
}

static const struct wrong_result {
	const char *what;
	pgoff_t pgoff;
	void (*lie)(struct pfn_mock *mock, pgoff_t pgoff, u64 *pfn, int *order);
} wrong_results[] = {
	{ "negative order", 0, order_negative },
	{ "order of a whole word", 0, order_huge },
	{ "order of half the numbers", 0, order_overflows },
	{ "beyond the end", 0, order_beyond_end },
	{ "beyond the end, looked up at the end", 38, order_beyond_end },
	{ "misaligned", 0, pfn_misaligned },
	{ "not contiguous after", 0, not_contiguous_after },
	{ "not contiguous before", 7, not_contiguous_before },
};

KUNIT_ARRAY_PARAM_DESC(wrong_result, wrong_results, what);

/*
 * Rule 14: checked. The test case succeeds if a wrong result of get_pfn is
 * reported by one warning, and lookups fail with -EIO and return no part of it.
 */
static void rule14_checked(struct kunit *test)
{
	const struct wrong_result *param = test->param_value;
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_GET_PFN | PFN_MOCK_PIN,
						&pfn_mock_mixed);
	struct dma_buf_pfn_run run = { .pfn = 1 };
	struct pfn_mock_importer *imp;
	u64 pfn = 1;
	int order = 99;

	imp = pfn_mock_attach(mock, PFN_MOCK_STATIC, NULL);
	mock->lie = param->lie;
	kunit_warning_suppress(test) {
		KUNIT_EXPECT_EQ(test, -EIO,
				dma_buf_get_pfn_unlocked(imp->attach, param->pgoff,
							 &pfn, &order));
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);

		pfn_mock_lock(mock);
		KUNIT_EXPECT_EQ(test, -EIO,
				dma_buf_get_pfn_run(imp->attach, param->pgoff, &run));
		pfn_mock_unlock(mock);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 2);
	}
	KUNIT_EXPECT_EQ(test, pfn, 1);
	KUNIT_EXPECT_EQ(test, order, 99);
	KUNIT_EXPECT_EQ(test, run.pfn, 1);
	/* The first lookup pins until detach, even if it fails. */
	KUNIT_EXPECT_EQ(test, 1, mock->pins);
	KUNIT_EXPECT_EQ(test, 0, mock->unpins);
}

static void run_empty(struct pfn_mock *mock, pgoff_t pgoff,
		      struct dma_buf_pfn_run *run)
{
	run->nr_pages = 0;
}

static void run_too_long(struct pfn_mock *mock, pgoff_t pgoff,
			 struct dma_buf_pfn_run *run)
{
	run->nr_pages = mock->num_pages - run->first + 1;
}

static void run_elsewhere(struct pfn_mock *mock, pgoff_t pgoff,
			  struct dma_buf_pfn_run *run)
{
	run->first = pgoff + 1;
}

static void run_before(struct pfn_mock *mock, pgoff_t pgoff,
		       struct dma_buf_pfn_run *run)
{
	run->nr_pages = pgoff - run->first;
}

static void run_beyond_memory(struct pfn_mock *mock, pgoff_t pgoff,
			      struct dma_buf_pfn_run *run)
{
	run->pfn = PHYS_PFN(PHYS_ADDR_MAX) - run->nr_pages + 2;
}

static void run_far_beyond_memory(struct pfn_mock *mock, pgoff_t pgoff,
				  struct dma_buf_pfn_run *run)
{
	run->pfn = U64_MAX;
}

/* Return a different pfn for lookups of any page but 2. */
static void run_moved_off(struct pfn_mock *mock, pgoff_t pgoff,
			  struct dma_buf_pfn_run *run)
{
	if (pgoff != 2)
		run->pfn++;
}

static void run_endless(struct pfn_mock *mock, pgoff_t pgoff,
			struct dma_buf_pfn_run *run)
{
	run->nr_pages = ULONG_MAX;
}

static const struct wrong_run {
	const char *what;
	void (*lie)(struct pfn_mock *mock, pgoff_t pgoff,
		    struct dma_buf_pfn_run *run);
} wrong_runs[] = {
	{ "empty", run_empty },
	{ "too long", run_too_long },
	{ "endless", run_endless },
	{ "of later pages", run_elsewhere },
	{ "of earlier pages", run_before },
	{ "beyond all memory", run_beyond_memory },
	{ "far beyond all memory", run_far_beyond_memory },
	{ "not contiguous", run_moved_off },
};

KUNIT_ARRAY_PARAM_DESC(wrong_run, wrong_runs, what);

/*
 * Rule 14: checked. The test case succeeds if a wrong result of get_pfn_run is
 * reported by one warning, and the lookup fails with -EIO and returns no part
 * of it.
 */
static void rule14_run_checked(struct kunit *test)
{
	const struct wrong_run *param = test->param_value;
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	struct dma_buf_pfn_run run = { .pfn = 1 };
	struct pfn_mock_importer *imp;

	imp = pfn_mock_attach(mock, PFN_MOCK_DYNAMIC, NULL);
	mock->lie_run = param->lie;
	kunit_warning_suppress(test) {
		pfn_mock_lock(mock);
		KUNIT_EXPECT_EQ(test, -EIO, dma_buf_get_pfn_run(imp->attach, 2, &run));
		pfn_mock_unlock(mock);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	KUNIT_EXPECT_EQ(test, run.pfn, 1);
}

/*
 * Rule 14: checked. The test case succeeds if a move of the buffer during the
 * check of a result is not reported, and the lookup returns the new placement,
 * for exporters with get_pfn and with get_pfn_run.
 */
static void rule14_moved_while_checked(struct kunit *test)
{
	static const unsigned int flags[] = { PFN_MOCK_GET_PFN, PFN_MOCK_RUN };
	struct pfn_mock_importer *imp;
	struct pfn_mock *mock;
	u64 pfn = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		mock = pfn_mock_create(test, flags[i], &pfn_mock_mixed);
		imp = pfn_mock_attach(mock, PFN_MOCK_DYNAMIC, NULL);
		pfn_mock_lock(mock);
		kunit_warning_suppress(test) {
			/* The lookup, and the one that checks its result */
			mock->move_in_get_pfn = 2;
			KUNIT_EXPECT_EQ(test, 0,
					dma_buf_get_pfn(imp->attach, 0, &pfn, NULL));
			KUNIT_EXPECT_EQ(test, pfn, pfn_mock_pfn(mock, 0));
			KUNIT_EXPECT_EQ(test, 2, imp->notified);
			KUNIT_EXPECT_EQ(test, 3, mock->get_pfns + mock->get_pfn_runs);
			KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 0);
		}
		pfn_mock_unlock(mock);
	}
}

/* --- memory for peers only ----------------------------------------------- */

/* Look up page 0: returned to peers, reported for others. */
static void expect_for_peers_only(struct kunit *test, struct pfn_mock *mock)
{
	struct dma_buf_pfn_run run = {};
	struct pfn_mock_importer *imp;
	bool peer;
	int kind;

	for (kind = 0; kind < PFN_MOCK_KINDS; kind++) {
		imp = pfn_mock_attach(mock, kind, NULL);
		peer = kind == PFN_MOCK_DYNAMIC_P2P;
		KUNIT_EXPECT_EQ(test, peer, imp->attach->peer2peer);
		if (pfn_mock_must_pin(kind))
			KUNIT_EXPECT_EQ(test, 0, pfn_mock_pin(imp));

		kunit_warning_suppress(test) {
			pfn_mock_lock(mock);
			KUNIT_EXPECT_EQ(test, peer ? 0 : -EIO,
					dma_buf_get_pfn_run(imp->attach, 0, &run));
			pfn_mock_unlock(mock);
			KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, peer ? 0 : 1);
		}
		if (pfn_mock_must_pin(kind))
			pfn_mock_unpin(imp);
		pfn_mock_detach(imp);
	}
}

/*
 * Rule 9: peer to peer. The test case succeeds if page frames without a struct
 * page are returned to peers, and reported if the exporter returns them to
 * others.
 */
static void rule9_no_page(struct kunit *test)
{
	expect_for_peers_only(test,
			      pfn_mock_create(test, PFN_MOCK_GET_PFN | PFN_MOCK_PIN |
					      PFN_MOCK_NO_RAM, &pfn_mock_mixed));
	expect_for_peers_only(test,
			      pfn_mock_create(test, PFN_MOCK_ALL | PFN_MOCK_NO_RAM,
					      &pfn_mock_mixed));
}

/*
 * Rule 9: peer to peer. The test case succeeds if memory that the exporter
 * returns as MMIO is returned to peers, and reported for others, although it
 * has a struct page.
 */
static void rule9_mmio(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);

	mock->type = DMA_BUF_PFN_MMIO;
	expect_for_peers_only(test, mock);
}

/* --- exporters that never move ------------------------------------------- */

/*
 * Rule 14: checked. The test case succeeds if a notification by an exporter
 * with never_moves is reported.
 */
static void rule14_never_moves(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_RUN | PFN_MOCK_NEVER_MOVES,
						&pfn_mock_mixed);

	kunit_warning_suppress(test) {
		pfn_mock_move(mock);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
}

/* --- importers ------------------------------------------------------------ */

/*
 * Rule 14: checked. The test case succeeds if an importer that unpins more
 * often than it pinned is reported, and is not counted as pinned afterwards.
 */
static void rule14_unpin_too_often(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	struct pfn_mock_importer *imp;

	imp = pfn_mock_attach(mock, PFN_MOCK_PINNED, NULL);
	kunit_warning_suppress(test) {
		KUNIT_EXPECT_EQ(test, 0, pfn_mock_pin(imp));
		pfn_mock_unpin(imp);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 0);
		pfn_mock_unpin(imp);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	pfn_mock_expect_error(imp, 0, -EOPNOTSUPP);
}

/*
 * Rule 14: checked. The test case succeeds if an importer that detaches while
 * it has pinned the buffer is reported.
 */
static void rule14_detach_while_pinned(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	struct pfn_mock_importer *imp;

	imp = pfn_mock_attach(mock, PFN_MOCK_PINNED, NULL);
	KUNIT_EXPECT_EQ(test, 0, pfn_mock_pin(imp));
	kunit_warning_suppress(test) {
		pfn_mock_detach(imp);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
}

static int dma_buf_pfn_check_init(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_DMABUF_DEBUG))
		kunit_skip(test, "CONFIG_DMABUF_DEBUG is off");
	return 0;
}

static struct kunit_case dma_buf_pfn_check_cases[] = {
	KUNIT_CASE(rule9_no_page),
	KUNIT_CASE(rule9_mmio),
	KUNIT_CASE_PARAM(rule14_checked, wrong_result_gen_params),
	KUNIT_CASE_PARAM(rule14_run_checked, wrong_run_gen_params),
	KUNIT_CASE(rule14_moved_while_checked),
	KUNIT_CASE(rule14_never_moves),
	KUNIT_CASE(rule14_unpin_too_often),
	KUNIT_CASE(rule14_detach_while_pinned),
	{}
};

static struct kunit_suite dma_buf_pfn_check_suite = {
	.name = "dma-buf-pfn-check",
	.init = dma_buf_pfn_check_init,
	.test_cases = dma_buf_pfn_check_cases,
};

kunit_test_suite(dma_buf_pfn_check_suite);

MODULE_IMPORT_NS("DMA_BUF");
