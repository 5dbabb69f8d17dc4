// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of dma-buf page frame numbers: how long they are valid, and for
 * which importers. Each test is named after the rule of
 * Documentation/driver-api/dma-buf-pfn.rst that it tests.
 */

#include "st-dma-buf-pfn-mock.h"

/*
 * Rule 3: a dynamic importer. The test case succeeds if lookups succeed without
 * a pin, before and after a move, and the move notifies the importer once.
 */
static void rule3_dynamic(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	struct pfn_mock_importer *imp;
	u64 before;

	imp = pfn_mock_attach(mock, PFN_MOCK_DYNAMIC, NULL);
	pfn_mock_expect_right(imp, 9);
	before = pfn_mock_pfn(mock, 9);
	pfn_mock_move(mock);
	KUNIT_EXPECT_EQ(test, 1, imp->notified);
	KUNIT_EXPECT_NE(test, before, pfn_mock_pfn(mock, 9));
	pfn_mock_expect_right(imp, 9);
	KUNIT_EXPECT_EQ(test, 0, mock->pins);
}

static const struct must_pin {
	const char *what;
	enum pfn_mock_kind kind;
} must_pins[] = {
	{ "not notified", PFN_MOCK_PINNED },
	{ "promises nothing", PFN_MOCK_NO_PROMISE },
};

KUNIT_ARRAY_PARAM_DESC(must_pin, must_pins, what);

/*
 * Rule 3: an importer with operations that is not notified, or is without
 * invalidate_unmaps. The test case succeeds if lookups succeed while it has
 * pinned the buffer at least once, and fail before and after.
 */
static void rule3_pinned(struct kunit *test)
{
	const struct must_pin *param = test->param_value;
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	struct pfn_mock_importer *imp;

	imp = pfn_mock_attach(mock, param->kind, NULL);
	pfn_mock_expect_error(imp, 0, -EOPNOTSUPP);

	KUNIT_EXPECT_EQ(test, 0, pfn_mock_pin(imp));
	pfn_mock_expect_right(imp, 0);
	KUNIT_EXPECT_EQ(test, 0, pfn_mock_pin(imp));
	pfn_mock_unpin(imp);
	pfn_mock_expect_right(imp, 0);
	pfn_mock_unpin(imp);

	pfn_mock_expect_error(imp, 0, -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, 2, mock->pins);
	KUNIT_EXPECT_EQ(test, 2, mock->unpins);
}

/*
 * Rule 3: a pin that fails. The test case succeeds if dma_buf_pin() returns the
 * error of the exporter, and lookups fail afterwards.
 */
static void rule3_pin_fails(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	struct pfn_mock_importer *imp;

	imp = pfn_mock_attach(mock, PFN_MOCK_PINNED, NULL);
	mock->pin_error = -ENOMEM;
	KUNIT_EXPECT_EQ(test, -ENOMEM, pfn_mock_pin(imp));
	pfn_mock_expect_error(imp, 0, -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, 0, mock->get_pfns);
}

/*
 * Rule 3: a pin is valid for one attachment. The test case succeeds if lookups
 * by an importer that is not notified and has not pinned fail although others
 * have pinned the buffer, and the exporter is not called.
 */
static void rule3_neither(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	struct pfn_mock_importer *imp, *pinned, *fixed;
	unsigned int lookups;

	pinned = pfn_mock_attach(mock, PFN_MOCK_PINNED, NULL);
	KUNIT_EXPECT_EQ(test, 0, pfn_mock_pin(pinned));
	fixed = pfn_mock_attach(mock, PFN_MOCK_STATIC, NULL);
	pfn_mock_expect_right(fixed, 0);

	lookups = mock->get_pfns + mock->get_pfn_runs;
	imp = pfn_mock_attach(mock, PFN_MOCK_PINNED, NULL);
	pfn_mock_expect_error(imp, 0, -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, lookups, mock->get_pfns + mock->get_pfn_runs);
	pfn_mock_unpin(pinned);
}

/*
 * Rule 3: a static importer. The test case succeeds if the first lookup pins
 * the buffer, later ones do not, and detaching unpins it, for each of two
 * importers.
 */
static void rule3_static(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	struct pfn_mock_importer *imp, *other;

	imp = pfn_mock_attach(mock, PFN_MOCK_STATIC, NULL);
	other = pfn_mock_attach(mock, PFN_MOCK_STATIC, NULL);
	KUNIT_EXPECT_EQ(test, 0, mock->pins);

	pfn_mock_expect_right(imp, 0);
	pfn_mock_expect_right(imp, 1);
	KUNIT_EXPECT_EQ(test, 1, mock->pins);
	pfn_mock_expect_right(other, 0);
	KUNIT_EXPECT_EQ(test, 2, mock->pins);
	KUNIT_EXPECT_EQ(test, 0, mock->unpins);

	pfn_mock_detach(imp);
	KUNIT_EXPECT_EQ(test, 1, mock->unpins);
	pfn_mock_expect_right(other, 1);
	pfn_mock_detach(other);
	KUNIT_EXPECT_EQ(test, 2, mock->unpins);
	KUNIT_EXPECT_EQ(test, 2, mock->pins);
}

/*
 * Rule 3: a static importer without lookups. The test case succeeds if the
 * buffer is neither pinned nor unpinned for it.
 */
static void rule3_static_silent(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);

	pfn_mock_detach(pfn_mock_attach(mock, PFN_MOCK_STATIC, NULL));
	KUNIT_EXPECT_EQ(test, 0, mock->pins);
	KUNIT_EXPECT_EQ(test, 0, mock->unpins);
}

/*
 * Rule 3: a static importer and an exporter that fails. The test case succeeds
 * if the first lookup pins the buffer once, even if the lookup fails, until the
 * importer is detached.
 */
static void rule3_static_exporter_fails(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	struct pfn_mock_importer *imp;

	imp = pfn_mock_attach(mock, PFN_MOCK_STATIC, NULL);
	mock->get_pfn_error = -ENOMEM;
	pfn_mock_expect_error(imp, 0, -ENOMEM);
	KUNIT_EXPECT_EQ(test, 1, mock->pins);

	mock->get_pfn_error = 0;
	pfn_mock_expect_right(imp, 0);
	KUNIT_EXPECT_EQ(test, 1, mock->pins);
	KUNIT_EXPECT_EQ(test, 0, mock->unpins);
	pfn_mock_detach(imp);
	KUNIT_EXPECT_EQ(test, 1, mock->unpins);
}

/*
 * Rule 3: a static importer and a pin that fails. The test case succeeds if
 * lookups fail with -EBUSY and without a warning, and get_pfn is not called.
 */
static void rule3_static_pin_fails(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	struct pfn_mock_importer *imp;

	imp = pfn_mock_attach(mock, PFN_MOCK_STATIC, NULL);
	mock->pin_error = -EBUSY;
	pfn_mock_expect_error(imp, 0, -EBUSY);
	KUNIT_EXPECT_EQ(test, 0, mock->get_pfns + mock->get_pfn_runs);
	pfn_mock_detach(imp);
	KUNIT_EXPECT_EQ(test, 0, mock->unpins);
}

/*
 * Rule 3: an exporter with never_moves. The test case succeeds if lookups by
 * importers of all kinds succeed and the buffer is not pinned, whether the
 * exporter has pin or not.
 */
static void rule3_never_moves(struct kunit *test)
{
	static const unsigned int flags[] = {
		PFN_MOCK_RUN | PFN_MOCK_NEVER_MOVES,
		PFN_MOCK_ALL | PFN_MOCK_NEVER_MOVES,
	};
	struct pfn_mock *mock;
	int i, kind;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		mock = pfn_mock_create(test, flags[i], &pfn_mock_mixed);
		for (kind = 0; kind < PFN_MOCK_KINDS; kind++)
			pfn_mock_expect_right(pfn_mock_attach(mock, kind, NULL), 0);
		KUNIT_EXPECT_EQ(test, 0, mock->pins);
	}
}

/*
 * Rule 3: an exporter with neither pin nor never_moves. The test case succeeds
 * if lookups succeed for importers that are notified or have called
 * dma_buf_pin(), and for no others.
 */
static void rule3_no_pin(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_RUN, &pfn_mock_mixed);
	struct pfn_mock_importer *imp;
	int kind;

	for (kind = 0; kind < PFN_MOCK_KINDS; kind++) {
		imp = pfn_mock_attach(mock, kind, NULL);
		if (kind == PFN_MOCK_STATIC) {
			pfn_mock_expect_error(imp, 0, -EOPNOTSUPP);
			continue;
		}
		if (pfn_mock_must_pin(kind)) {
			pfn_mock_expect_error(imp, 0, -EOPNOTSUPP);
			KUNIT_EXPECT_EQ(test, 0, pfn_mock_pin(imp));
		}
		pfn_mock_expect_right(imp, 0);
		if (pfn_mock_must_pin(kind))
			pfn_mock_unpin(imp);
	}
}

/*
 * Rule 11: -ENODEV may be temporary. The test case succeeds if a lookup that
 * failed with it succeeds when there is memory again, without a notification in
 * between.
 */
static void rule11_back_again(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	struct pfn_mock_importer *imp;

	imp = pfn_mock_attach(mock, PFN_MOCK_DYNAMIC, NULL);
	pfn_mock_expect_right(imp, 0);
	pfn_mock_lock(mock);
	mock->get_pfn_error = -ENODEV;
	dma_buf_invalidate_mappings(mock->dmabuf);
	pfn_mock_unlock(mock);
	pfn_mock_expect_error(imp, 0, -ENODEV);

	mock->get_pfn_error = 0;
	pfn_mock_expect_right(imp, 0);
	KUNIT_EXPECT_EQ(test, 1, imp->notified);
}

/*
 * Rule 3: revocation. The test case succeeds if all lookups fail with -ENODEV
 * afterwards, importers with the callback are notified, and the pin of the
 * static one lasts until it detaches.
 */
static void rule3_revoked(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	struct pfn_mock_importer *imp[PFN_MOCK_KINDS];
	int kind;

	for (kind = 0; kind < PFN_MOCK_KINDS; kind++) {
		imp[kind] = pfn_mock_attach(mock, kind, NULL);
		if (pfn_mock_must_pin(kind))
			KUNIT_EXPECT_EQ(test, 0, pfn_mock_pin(imp[kind]));
		pfn_mock_expect_right(imp[kind], 0);
	}

	pfn_mock_lock(mock);
	mock->get_pfn_error = -ENODEV;
	dma_buf_invalidate_mappings(mock->dmabuf);
	pfn_mock_unlock(mock);

	for (kind = 0; kind < PFN_MOCK_KINDS; kind++)
		pfn_mock_expect_error(imp[kind], 0, -ENODEV);
	KUNIT_EXPECT_EQ(test, 1, imp[PFN_MOCK_DYNAMIC]->notified);
	KUNIT_EXPECT_EQ(test, 1, imp[PFN_MOCK_DYNAMIC_P2P]->notified);
	KUNIT_EXPECT_EQ(test, 0, mock->unpins);

	pfn_mock_unpin(imp[PFN_MOCK_PINNED]);
	pfn_mock_unpin(imp[PFN_MOCK_NO_PROMISE]);
	pfn_mock_detach(imp[PFN_MOCK_STATIC]);
	KUNIT_EXPECT_EQ(test, 3, mock->unpins);
}

/*
 * Rule 3: signals. The test case succeeds if the errors of an interrupted
 * exporter are returned unchanged.
 */
static void rule3_signals_pass(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	struct pfn_mock_importer *imp;

	imp = pfn_mock_attach(mock, PFN_MOCK_DYNAMIC, NULL);
	mock->get_pfn_error = -EINTR;
	pfn_mock_expect_error(imp, 0, -EINTR);
	mock->get_pfn_error = -ERESTARTSYS;
	pfn_mock_expect_error(imp, 0, -ERESTARTSYS);
}

/*
 * Rule 3: the unlocked form is interruptible. The test case succeeds if a
 * thread that waits for the reservation lock returns when it gets a signal.
 */
static void rule3_unlocked_is_interruptible(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	struct pfn_mock_importer *imp;
	struct pfn_mock_call *call;

	imp = pfn_mock_attach(mock, PFN_MOCK_DYNAMIC, NULL);
	pfn_mock_lock(mock);
	call = pfn_mock_call_start(imp);
	KUNIT_EXPECT_FALSE(test, pfn_mock_call_is_done(call, PFN_MOCK_SHORT_MS));
	pfn_mock_call_interrupt(call);
	KUNIT_EXPECT_TRUE(test, pfn_mock_call_is_done(call, PFN_MOCK_LONG_MS));
	pfn_mock_unlock(mock);

	KUNIT_EXPECT_EQ(test, -EINTR, pfn_mock_call_end(call));
	KUNIT_EXPECT_EQ(test, 0, call->pfn);
	KUNIT_EXPECT_EQ(test, 0, mock->get_pfns);
}

/*
 * Misuse by a driver. The test case succeeds if lookups without an attachment,
 * or without a pointer for the result, fail with -EINVAL and one warning each.
 */
static void misuse_without_pointers(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	struct pfn_mock_importer *imp;
	struct dma_buf_pfn_run run;
	u64 pfn;

	imp = pfn_mock_attach(mock, PFN_MOCK_DYNAMIC, NULL);
	kunit_warning_suppress(test) {
		KUNIT_EXPECT_EQ(test, -EINVAL, dma_buf_get_pfn(NULL, 0, &pfn, NULL));
		KUNIT_EXPECT_EQ(test, -EINVAL,
				dma_buf_get_pfn_unlocked(NULL, 0, &pfn, NULL));
		KUNIT_EXPECT_EQ(test, -EINVAL, dma_buf_get_pfn_run(NULL, 0, &run));
		KUNIT_EXPECT_EQ(test, -EINVAL,
				dma_buf_get_pfn_unlocked(imp->attach, 0, NULL, NULL));
		KUNIT_EXPECT_EQ(test, -EINVAL,
				dma_buf_get_pfn_run(imp->attach, 0, NULL));
		KUNIT_EXPECT_EQ(test, -EINVAL,
				dma_buf_pfn_walk(imp->attach, 0, 1, NULL, NULL));
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 6);
	}
	KUNIT_EXPECT_EQ(test, 0, mock->get_pfns + mock->get_pfn_runs);
}

static struct kunit_case dma_buf_pfn_lifetime_cases[] = {
	KUNIT_CASE(rule3_dynamic),
	KUNIT_CASE_PARAM(rule3_pinned, must_pin_gen_params),
	KUNIT_CASE(rule3_pin_fails),
	KUNIT_CASE(rule3_neither),
	KUNIT_CASE(rule3_static),
	KUNIT_CASE(rule3_static_silent),
	KUNIT_CASE(rule3_static_exporter_fails),
	KUNIT_CASE(rule3_static_pin_fails),
	KUNIT_CASE(rule3_never_moves),
	KUNIT_CASE(rule3_no_pin),
	KUNIT_CASE(rule3_revoked),
	KUNIT_CASE(rule11_back_again),
	KUNIT_CASE(rule3_signals_pass),
	KUNIT_CASE(rule3_unlocked_is_interruptible),
	KUNIT_CASE(misuse_without_pointers),
	{}
};

static struct kunit_suite dma_buf_pfn_lifetime_suite = {
	.name = "dma-buf-pfn-lifetime",
	.test_cases = dma_buf_pfn_lifetime_cases,
};

kunit_test_suite(dma_buf_pfn_lifetime_suite);

MODULE_IMPORT_NS("DMA_BUF");
