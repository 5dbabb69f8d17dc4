// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mock importers: attachments of each kind, lookups with checks of the
 * results, and a thread that can wait and be interrupted.
 */

#include <kunit/device.h>
#include <linux/dma-fence.h>
#include <linux/kthread.h>
#include <linux/sched/signal.h>

#include "st-dma-buf-pfn-mock.h"

/* --- notifications -------------------------------------------------------- */

static void mock_invalidate_mappings(struct dma_buf_attachment *attach)
{
	struct pfn_mock_importer *imp = attach->importer_priv;

	dma_resv_assert_held(attach->dmabuf->resv);

	spin_lock(&imp->lock);
	imp->notified++;
	imp->mapped = 0;
	if (dma_buf_pfn_read_retry(attach, imp->seq))
		imp->retries++;
	spin_unlock(&imp->lock);

	if (imp->unpin) {
		imp->unpin = false;
		dma_buf_unpin(attach);
	}
}

static const struct dma_buf_attach_ops mock_attach_ops[] = {
	[PFN_MOCK_DYNAMIC] = {
		.invalidate_unmaps = true,
		.invalidate_in_reclaim = true,
		.invalidate_mappings = mock_invalidate_mappings,
	},
	[PFN_MOCK_DYNAMIC_P2P] = {
		.allow_peer2peer = true,
		.invalidate_unmaps = true,
		.invalidate_in_reclaim = true,
		.invalidate_mappings = mock_invalidate_mappings,
	},
	[PFN_MOCK_NO_PROMISE] = {
		.invalidate_mappings = mock_invalidate_mappings,
	},
	[PFN_MOCK_NO_RECLAIM] = {
		.invalidate_unmaps = true,
		.invalidate_mappings = mock_invalidate_mappings,
	},
	[PFN_MOCK_PINNED] = {
	},
};

/* --- attachments ---------------------------------------------------------- */

/**
 * pfn_mock_device() - a device to attach
 * @test: test that it is for
 *
 * Return: the device.
 */
struct device *pfn_mock_device(struct kunit *test)
{
	struct device *dev = kunit_device_register(test, "pfn_mock");

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	return dev;
}

static void mock_detach_action(void *data)
{
	struct pfn_mock_importer *imp = data;

	dma_buf_detach(imp->mock->dmabuf, imp->attach);
}

/**
 * pfn_mock_attach() - create an importer and attach it
 * @mock: exporter
 * @kind: what keeps its results valid
 * @dev: device to attach, or NULL
 *
 * Return: the importer. If attaching fails, &pfn_mock_importer.attach is an
 * error pointer.
 */
struct pfn_mock_importer *pfn_mock_attach(struct pfn_mock *mock,
					  enum pfn_mock_kind kind,
					  struct device *dev)
{
	const struct dma_buf_attach_ops *ops = NULL;
	struct pfn_mock_importer *imp;
	struct kunit *test = mock->test;

	imp = kunit_kzalloc(test, sizeof(*imp), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, imp);
	imp->mock = mock;
	spin_lock_init(&imp->lock);

	if (kind != PFN_MOCK_STATIC)
		ops = &mock_attach_ops[kind];
	imp->attach = dma_buf_dynamic_attach(mock->dmabuf, dev, ops, imp);
	if (!IS_ERR(imp->attach))
		KUNIT_ASSERT_EQ(test, 0,
				kunit_add_action_or_reset(test, mock_detach_action,
							  imp));
	return imp;
}

/**
 * pfn_mock_detach() - detach an importer before the test ends
 * @imp: importer
 */
void pfn_mock_detach(struct pfn_mock_importer *imp)
{
	kunit_release_action(imp->mock->test, mock_detach_action, imp);
}

/**
 * pfn_mock_pin() - dma_buf_pin() that takes the lock
 * @imp: importer
 *
 * Return: what dma_buf_pin() returns.
 */
int pfn_mock_pin(struct pfn_mock_importer *imp)
{
	int ret;

	pfn_mock_lock(imp->mock);
	ret = dma_buf_pin(imp->attach);
	pfn_mock_unlock(imp->mock);
	return ret;
}

/**
 * pfn_mock_unpin() - dma_buf_unpin() that takes the lock
 * @imp: importer
 */
void pfn_mock_unpin(struct pfn_mock_importer *imp)
{
	pfn_mock_lock(imp->mock);
	dma_buf_unpin(imp->attach);
	pfn_mock_unlock(imp->mock);
}

/**
 * pfn_mock_must_pin() - whether lookups by an importer succeed only if it has
 * pinned
 * @kind: kind of importer
 *
 * Return: true if the importer must pin, unless the exporter never moves.
 */
bool pfn_mock_must_pin(enum pfn_mock_kind kind)
{
	return kind == PFN_MOCK_PINNED || kind == PFN_MOCK_NO_PROMISE;
}

/* --- lookups -------------------------------------------------------------- */

/**
 * pfn_mock_expect_right() - look up a page in all ways, and expect the right
 * results
 * @imp: importer
 * @pgoff: page to look up
 */
void pfn_mock_expect_right(struct pfn_mock_importer *imp, pgoff_t pgoff)
{
	struct kunit *test = imp->mock->test;
	struct dma_buf_pfn_run run = {};
	int order = -1;
	u64 pfn = 0;

	KUNIT_EXPECT_EQ(test, 0, dma_buf_get_pfn_unlocked(imp->attach, pgoff,
							  &pfn, &order));
	KUNIT_EXPECT_EQ(test, pfn, pfn_mock_pfn(imp->mock, pgoff));
	KUNIT_EXPECT_EQ(test, order, pfn_mock_order(imp->mock, pgoff));

	pfn = 0;
	order = -1;
	pfn_mock_lock(imp->mock);
	KUNIT_EXPECT_EQ(test, 0, dma_buf_get_pfn(imp->attach, pgoff, &pfn,
						 &order));
	KUNIT_EXPECT_EQ(test, 0, dma_buf_get_pfn_run(imp->attach, pgoff, &run));
	pfn_mock_unlock(imp->mock);
	KUNIT_EXPECT_EQ(test, pfn, pfn_mock_pfn(imp->mock, pgoff));
	KUNIT_EXPECT_EQ(test, order, pfn_mock_order(imp->mock, pgoff));
	KUNIT_EXPECT_LE(test, run.first, pgoff);
	KUNIT_EXPECT_LT(test, pgoff - run.first, run.nr_pages);
	KUNIT_EXPECT_EQ(test, dma_buf_pfn_at(&run, pgoff), pfn_mock_pfn(imp->mock, pgoff));
}

/**
 * pfn_mock_expect_error() - look up a page in all ways, and expect an error, no
 * warning and unchanged results
 * @imp: importer
 * @pgoff: page to look up
 * @error: the error
 */
void pfn_mock_expect_error(struct pfn_mock_importer *imp, pgoff_t pgoff,
			   int error)
{
	const struct dma_buf_pfn_run untouched = {
		.first = 0xcafe, .nr_pages = 0xbeef, .pfn = 0xdead,
		.type = DMA_BUF_PFN_MMIO, .caching = DMA_BUF_PFN_UNCACHED,
	};
	struct kunit *test = imp->mock->test;
	struct dma_buf_pfn_run run = untouched;
	u64 pfn = 0xdead;
	int order = 99;

	kunit_warning_suppress(test) {
		KUNIT_EXPECT_EQ(test, error,
				dma_buf_get_pfn_unlocked(imp->attach, pgoff,
							 &pfn, &order));
		pfn_mock_lock(imp->mock);
		KUNIT_EXPECT_EQ(test, error,
				dma_buf_get_pfn(imp->attach, pgoff, &pfn, &order));
		KUNIT_EXPECT_EQ(test, error,
				dma_buf_get_pfn(imp->attach, pgoff, &pfn, NULL));
		KUNIT_EXPECT_EQ(test, error,
				dma_buf_get_pfn_run(imp->attach, pgoff, &run));
		pfn_mock_unlock(imp->mock);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 0);
	}
	KUNIT_EXPECT_EQ(test, pfn, 0xdead);
	KUNIT_EXPECT_EQ(test, order, 99);
	KUNIT_EXPECT_MEMEQ(test, &run, &untouched, sizeof(run));
}

/* --- fences and threads --------------------------------------------------- */

static DEFINE_SPINLOCK(mock_fence_lock);

static const char *mock_fence_name(struct dma_fence *fence)
{
	return "pfn_mock";
}

static const struct dma_fence_ops mock_fence_ops = {
	.get_driver_name = mock_fence_name,
	.get_timeline_name = mock_fence_name,
};

static void mock_fence_end(void *fence)
{
	dma_fence_signal(fence);
	dma_fence_put(fence);
}

/**
 * pfn_mock_add_fence() - add a fence to the buffer
 * @mock: exporter
 * @usage: DMA_RESV_USAGE_KERNEL for a move
 *
 * Return: the fence, which is signaled when the test ends, unless the test
 * signals it before.
 */
struct dma_fence *pfn_mock_add_fence(struct pfn_mock *mock,
				     enum dma_resv_usage usage)
{
	struct dma_resv *resv = mock->dmabuf->resv;
	struct dma_fence *fence = kzalloc_obj(*fence);
	int ret;

	KUNIT_ASSERT_NOT_NULL(mock->test, fence);
	dma_fence_init(fence, &mock_fence_ops, &mock_fence_lock,
		       dma_fence_context_alloc(1), 1);
	KUNIT_ASSERT_EQ(mock->test, 0,
			kunit_add_action_or_reset(mock->test, mock_fence_end,
						  fence));

	pfn_mock_lock(mock);
	ret = dma_resv_reserve_fences(resv, 1);
	if (!ret)
		dma_resv_add_fence(resv, fence, usage);
	pfn_mock_unlock(mock);
	KUNIT_ASSERT_EQ(mock->test, 0, ret);
	return fence;
}

static int mock_call(void *data)
{
	struct pfn_mock_call *call = data;
	int ret;

	allow_signal(SIGINT);
	complete(&call->started);
	ret = dma_buf_get_pfn_unlocked(call->imp->attach, 0, &call->pfn, NULL);
	complete(&call->done);
	return ret;
}

/* If the test was aborted, the thread may still be waiting. */
static void mock_call_stop(void *data)
{
	struct pfn_mock_call *call = data;

	pfn_mock_call_interrupt(call);
	kthread_stop_put(call->task);
}

/**
 * pfn_mock_call_start() - call dma_buf_get_pfn_unlocked() in a thread
 * @imp: importer, for its first page
 *
 * Return: the call.
 */
struct pfn_mock_call *pfn_mock_call_start(struct pfn_mock_importer *imp)
{
	struct kunit *test = imp->mock->test;
	struct pfn_mock_call *call;
	struct task_struct *task;

	call = kunit_kzalloc(test, sizeof(*call), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, call);
	call->imp = imp;
	init_completion(&call->started);
	init_completion(&call->done);

	task = kthread_create(mock_call, call, "pfn_mock_call");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	/* The thread may exit before it is stopped. */
	call->task = get_task_struct(task);
	wake_up_process(task);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, mock_call_stop, call));
	wait_for_completion(&call->started);
	return call;
}

/**
 * pfn_mock_call_is_done() - wait for a call
 * @call: the call
 * @msecs: timeout in milliseconds
 *
 * Return: whether it is done.
 */
bool pfn_mock_call_is_done(struct pfn_mock_call *call, unsigned int msecs)
{
	if (!wait_for_completion_timeout(&call->done, msecs_to_jiffies(msecs)))
		return false;

	/* Allow this function to be called again. */
	complete(&call->done);
	return true;
}

/**
 * pfn_mock_call_interrupt() - send a signal to a call
 * @call: the call
 */
void pfn_mock_call_interrupt(struct pfn_mock_call *call)
{
	send_sig(SIGINT, call->task, 1);
}

/**
 * pfn_mock_call_end() - wait for a call without a timeout
 * @call: the call, not to be used afterwards
 *
 * Return: what dma_buf_get_pfn_unlocked() returned.
 */
int pfn_mock_call_end(struct pfn_mock_call *call)
{
	kunit_remove_action(call->imp->mock->test, mock_call_stop, call);
	return kthread_stop_put(call->task);
}

MODULE_IMPORT_NS("DMA_BUF");
