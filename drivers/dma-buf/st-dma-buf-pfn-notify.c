// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of dma-buf page frame numbers: notifications, the sequence, and
 * fences. Each test is named after the rule of
 * Documentation/driver-api/dma-buf-pfn.rst that it tests.
 */

#include <linux/dma-fence.h>
#include <linux/sched/mm.h>

#include "st-dma-buf-pfn-mock.h"

/*
 * Rule 4: notifications. The test case succeeds if each importer with the
 * callback is notified once of each move, under the lock, until it detaches.
 */
static void rule4_all_are_notified(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	struct pfn_mock_importer *imp[3];
	int i;

	pfn_mock_attach(mock, PFN_MOCK_STATIC, NULL);
	for (i = 0; i < ARRAY_SIZE(imp); i++)
		imp[i] = pfn_mock_attach(mock, PFN_MOCK_DYNAMIC, NULL);
	pfn_mock_attach(mock, PFN_MOCK_PINNED, NULL);

	pfn_mock_move(mock);
	pfn_mock_move(mock);
	for (i = 0; i < ARRAY_SIZE(imp); i++)
		KUNIT_EXPECT_EQ(test, 2, imp[i]->notified);

	pfn_mock_detach(imp[0]);
	pfn_mock_move(mock);
	KUNIT_EXPECT_EQ(test, 2, imp[0]->notified);
	KUNIT_EXPECT_EQ(test, 3, imp[1]->notified);
}

/*
 * Rule 4: notifications. The test case succeeds if an importer that has pinned
 * the buffer is notified, and may unpin it in the callback.
 */
static void rule4_unpin_when_notified(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	struct pfn_mock_importer *imp;

	imp = pfn_mock_attach(mock, PFN_MOCK_DYNAMIC, NULL);
	KUNIT_EXPECT_EQ(test, 0, pfn_mock_pin(imp));
	imp->unpin = true;
	kunit_warning_suppress(test) {
		pfn_mock_move(mock);
		pfn_mock_detach(imp);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 0);
	}
	KUNIT_EXPECT_EQ(test, 1, mock->unpins);
}

/*
 * Rule 4: reclaim. The test case succeeds if a notification from reclaim is
 * reported for importers with invalidate_unmaps but without
 * invalidate_in_reclaim, and for those that have pinned; not for others.
 */
static void rule4_reclaim(struct kunit *test)
{
	static const struct {
		enum pfn_mock_kind kind;
		bool pin;
		int warnings;
	} cases[] = {
		{ PFN_MOCK_DYNAMIC, false, 0 },
		{ PFN_MOCK_DYNAMIC, true, 1 },
		{ PFN_MOCK_NO_RECLAIM, false, 1 },
		{ PFN_MOCK_NO_PROMISE, false, 0 },
		{ PFN_MOCK_NO_PROMISE, true, 1 },
		{ PFN_MOCK_PINNED, true, 0 },
		{ PFN_MOCK_STATIC, false, 0 },
	};
	struct pfn_mock_importer *imp;
	struct pfn_mock *mock;
	unsigned int noreclaim;
	int i;

	if (!IS_ENABLED(CONFIG_DMABUF_DEBUG))
		kunit_skip(test, "CONFIG_DMABUF_DEBUG is off");

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
		imp = pfn_mock_attach(mock, cases[i].kind, NULL);
		if (cases[i].pin)
			KUNIT_EXPECT_EQ(test, 0, pfn_mock_pin(imp));
		kunit_warning_suppress(test) {
			pfn_mock_lock(mock);
			/* Marks the task as reclaiming memory */
			noreclaim = memalloc_noreclaim_save();
			dma_buf_invalidate_mappings(mock->dmabuf);
			memalloc_noreclaim_restore(noreclaim);
			pfn_mock_unlock(mock);
			KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, cases[i].warnings);
		}
		if (cases[i].pin)
			pfn_mock_unpin(imp);
	}
}

/*
 * Rule 5: the locked form. The test case succeeds if an exporter that moves the
 * buffer in get_pfn can notify the importer that called it, and returns the new
 * placement, without a lockdep report, for dma_buf_get_pfn() and
 * dma_buf_get_pfn_run().
 */
static void rule5_moved_in_get_pfn(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	struct pfn_mock_importer *imp;
	struct dma_buf_pfn_run run = {};
	u64 pfn = 0, before;

	imp = pfn_mock_attach(mock, PFN_MOCK_DYNAMIC, NULL);
	imp->mapped = pfn_mock_pfn(mock, 0);
	before = pfn_mock_pfn(mock, 0);

	pfn_mock_lock(mock);
	mock->move_in_get_pfn = 1;
	KUNIT_EXPECT_EQ(test, 0, dma_buf_get_pfn(imp->attach, 0, &pfn, NULL));
	KUNIT_EXPECT_EQ(test, 1, imp->notified);
	KUNIT_EXPECT_EQ(test, 0, imp->mapped);
	KUNIT_EXPECT_NE(test, before, pfn);
	KUNIT_EXPECT_EQ(test, pfn_mock_pfn(mock, 0), pfn);

	mock->move_in_get_pfn = 1;
	KUNIT_EXPECT_EQ(test, 0, dma_buf_get_pfn_run(imp->attach, 0, &run));
	KUNIT_EXPECT_EQ(test, 2, imp->notified);
	KUNIT_EXPECT_EQ(test, before, dma_buf_pfn_at(&run, 0));
	pfn_mock_unlock(mock);
}

/*
 * Rule 6: the sequence. The test case succeeds if the sequence has advanced
 * when the first importer is notified, and all later ones.
 */
static void rule6_sequence_before_callback(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	struct pfn_mock_importer *imp[3];
	int i;

	for (i = 0; i < ARRAY_SIZE(imp); i++) {
		imp[i] = pfn_mock_attach(mock, PFN_MOCK_DYNAMIC, NULL);
		imp[i]->seq = dma_buf_pfn_read_begin(imp[i]->attach);
	}
	pfn_mock_move(mock);
	for (i = 0; i < ARRAY_SIZE(imp); i++) {
		KUNIT_EXPECT_EQ(test, 1, imp[i]->notified);
		KUNIT_EXPECT_EQ(test, 1, imp[i]->retries);
	}
}

/*
 * Rule 6: the sequence. The test case succeeds if dma_buf_pfn_read_retry()
 * returns true after a move, and false after lookups, pins and other
 * attachments.
 */
static void rule6_retry(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	struct pfn_mock_importer *imp;
	unsigned long seq;

	imp = pfn_mock_attach(mock, PFN_MOCK_DYNAMIC, NULL);
	seq = dma_buf_pfn_read_begin(imp->attach);
	pfn_mock_expect_right(imp, 0);
	KUNIT_EXPECT_EQ(test, 0, pfn_mock_pin(imp));
	pfn_mock_unpin(imp);
	pfn_mock_attach(mock, PFN_MOCK_DYNAMIC, NULL);
	KUNIT_EXPECT_FALSE(test, dma_buf_pfn_read_retry(imp->attach, seq));

	pfn_mock_move(mock);
	KUNIT_EXPECT_TRUE(test, dma_buf_pfn_read_retry(imp->attach, seq));
	seq = dma_buf_pfn_read_begin(imp->attach);
	KUNIT_EXPECT_FALSE(test, dma_buf_pfn_read_retry(imp->attach, seq));

	/* A buffer that has moved and returned counts as moved. */
	pfn_mock_move(mock);
	pfn_mock_move(mock);
	KUNIT_EXPECT_TRUE(test, dma_buf_pfn_read_retry(imp->attach, seq));
}

/* Look up in a thread while a fence of the buffer has not signaled. */
static void expect_no_wait(struct kunit *test, enum pfn_mock_kind kind)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	struct pfn_mock_importer *imp;
	struct pfn_mock_call *call;
	struct dma_fence *fence;

	imp = pfn_mock_attach(mock, kind, NULL);
	if (kind == PFN_MOCK_PINNED)
		KUNIT_EXPECT_EQ(test, 0, pfn_mock_pin(imp));
	fence = pfn_mock_add_fence(mock, DMA_RESV_USAGE_KERNEL);
	call = pfn_mock_call_start(imp);
	KUNIT_EXPECT_TRUE(test, pfn_mock_call_is_done(call, PFN_MOCK_LONG_MS));
	KUNIT_EXPECT_FALSE(test, dma_fence_is_signaled(fence));

	dma_fence_signal(fence);
	KUNIT_EXPECT_EQ(test, 0, pfn_mock_call_end(call));
	KUNIT_EXPECT_EQ(test, pfn_mock_pfn(mock, 0), call->pfn);
	if (kind == PFN_MOCK_PINNED)
		pfn_mock_unpin(imp);
}

/*
 * Rule 7: fences. The test case succeeds if a lookup by a dynamic importer does
 * not wait for fences.
 */
static void rule7_dynamic_does_not_wait(struct kunit *test)
{
	expect_no_wait(test, PFN_MOCK_DYNAMIC);
}

/*
 * Rule 7: fences. The test case succeeds if a lookup by an importer that has
 * pinned the buffer does not wait for fences.
 */
static void rule7_pinned_does_not_wait(struct kunit *test)
{
	expect_no_wait(test, PFN_MOCK_PINNED);
}

/*
 * Rule 7: fences. The test case succeeds if a lookup by a static importer waits
 * until the memory is ready.
 */
static void rule7_static_waits(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	struct pfn_mock_importer *imp;
	struct pfn_mock_call *call;
	struct dma_fence *fence;

	imp = pfn_mock_attach(mock, PFN_MOCK_STATIC, NULL);
	fence = pfn_mock_add_fence(mock, DMA_RESV_USAGE_KERNEL);
	call = pfn_mock_call_start(imp);
	KUNIT_EXPECT_FALSE(test, pfn_mock_call_is_done(call, PFN_MOCK_SHORT_MS));

	dma_fence_signal(fence);
	KUNIT_EXPECT_TRUE(test, pfn_mock_call_is_done(call, PFN_MOCK_LONG_MS));
	KUNIT_EXPECT_EQ(test, 0, pfn_mock_call_end(call));
	KUNIT_EXPECT_EQ(test, pfn_mock_pfn(mock, 0), call->pfn);
	KUNIT_EXPECT_EQ(test, 1, mock->pins);
}

/*
 * Rule 7: fences. The test case succeeds if a lookup by a static importer waits
 * for KERNEL fences only.
 */
static void rule7_static_waits_for_moves_only(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	struct pfn_mock_importer *imp;
	struct pfn_mock_call *call;

	imp = pfn_mock_attach(mock, PFN_MOCK_STATIC, NULL);
	pfn_mock_add_fence(mock, DMA_RESV_USAGE_WRITE);
	pfn_mock_add_fence(mock, DMA_RESV_USAGE_READ);
	pfn_mock_add_fence(mock, DMA_RESV_USAGE_BOOKKEEP);
	call = pfn_mock_call_start(imp);
	KUNIT_EXPECT_TRUE(test, pfn_mock_call_is_done(call, PFN_MOCK_LONG_MS));
	pfn_mock_call_interrupt(call);
	KUNIT_EXPECT_EQ(test, 0, pfn_mock_call_end(call));
	KUNIT_EXPECT_EQ(test, pfn_mock_pfn(mock, 0), call->pfn);
}

/*
 * Rule 7: fences. The test case succeeds if a lookup by a static importer that
 * is interrupted while it waits fails with -ERESTARTSYS, and the buffer is
 * unpinned when it is detached.
 */
static void rule7_static_interrupted(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	struct pfn_mock_importer *imp;
	struct pfn_mock_call *call;
	struct dma_fence *fence;

	imp = pfn_mock_attach(mock, PFN_MOCK_STATIC, NULL);
	fence = pfn_mock_add_fence(mock, DMA_RESV_USAGE_KERNEL);
	call = pfn_mock_call_start(imp);
	KUNIT_EXPECT_FALSE(test, pfn_mock_call_is_done(call, PFN_MOCK_SHORT_MS));
	pfn_mock_call_interrupt(call);
	KUNIT_EXPECT_TRUE(test, pfn_mock_call_is_done(call, PFN_MOCK_LONG_MS));

	dma_fence_signal(fence);
	KUNIT_EXPECT_EQ(test, -ERESTARTSYS, pfn_mock_call_end(call));
	KUNIT_EXPECT_EQ(test, 0, call->pfn);
	KUNIT_EXPECT_EQ(test, 1, mock->pins);
	pfn_mock_detach(imp);
	KUNIT_EXPECT_EQ(test, 1, mock->unpins);
}

static struct kunit_case dma_buf_pfn_notify_cases[] = {
	KUNIT_CASE(rule4_all_are_notified),
	KUNIT_CASE(rule4_unpin_when_notified),
	KUNIT_CASE(rule4_reclaim),
	KUNIT_CASE(rule5_moved_in_get_pfn),
	KUNIT_CASE(rule6_sequence_before_callback),
	KUNIT_CASE(rule6_retry),
	KUNIT_CASE(rule7_dynamic_does_not_wait),
	KUNIT_CASE(rule7_pinned_does_not_wait),
	KUNIT_CASE(rule7_static_waits),
	KUNIT_CASE(rule7_static_waits_for_moves_only),
	KUNIT_CASE(rule7_static_interrupted),
	{}
};

static struct kunit_suite dma_buf_pfn_notify_suite = {
	.name = "dma-buf-pfn-notify",
	.test_cases = dma_buf_pfn_notify_cases,
};

kunit_test_suite(dma_buf_pfn_notify_suite);

MODULE_IMPORT_NS("DMA_BUF");
