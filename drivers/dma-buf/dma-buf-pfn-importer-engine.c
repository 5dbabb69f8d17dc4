// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engines of the reference importer's device. Each has a kthread that
 * executes jobs in the order of their submission, and a fence context. All
 * imports share them.
 *
 * An engine waits for the fences that a job depends on, sleeps to simulate the
 * latency of hardware, accesses the memory, and signals the job's fence. It
 * sleeps before the access, so that an exporter that does not wait for the
 * fence has moved the memory by then and is detected.
 *
 * Engines cannot deadlock with each other or with those of an exporter: a job
 * only depends on fences that were published before it was submitted.
 *
 * Locks: &pfn_import_engine.lock is taken under a reservation lock, and keeps
 * the queue in the order of the sequence numbers. It is held across
 * allocations, so a notification must not take it. The engine takes no lock and
 * allocates nothing until the fence has signaled, since reclaim may wait for
 * that.
 */

#include <linux/delay.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sync_file.h>

#include "dma-buf-pfn-importer.h"
#include "dma-buf-pfn-importer-engine.h"

/**
 * struct pfn_import_engine - one engine
 * @worker: executes the jobs
 * @lock: keeps the queue in the order of the sequence numbers
 * @context: fence context
 * @seqno: sequence number of the last job that was submitted
 */
struct pfn_import_engine {
	struct kthread_worker *worker;
	struct mutex lock; /* protects @seqno, and orders the queue like it */
	u64 context;
	u64 seqno;
};

static struct pfn_import_engine pfn_import_engines[DMA_BUF_PFN_NUM_ENGINES];

/* debugfs: delay of a job before its access, read at submission */
u32 pfn_import_job_latency_us;

/*
 * Without .release and .wait the dma-fence core does not use these after the
 * fence has signaled, so that a fence may outlive the module.
 */
static const char *pfn_import_fence_name(struct dma_fence *fence)
{
	return KBUILD_MODNAME;
}

static const char *pfn_import_fence_timeline(struct dma_fence *fence)
{
	return "job";
}

static const struct dma_fence_ops pfn_import_fence_ops = {
	.get_driver_name = pfn_import_fence_name,
	.get_timeline_name = pfn_import_fence_timeline,
};

static void pfn_import_engine_work(struct kthread_work *work)
{
	struct pfn_import_job *job = container_of(work, struct pfn_import_job,
						  work);
	bool cookie = dma_fence_begin_signalling();
	unsigned int i;

	job->start_ns = ktime_get_ns();
	for (i = 0; i < job->num_deps; i++)
		dma_fence_wait(job->deps[i], false);
	pfn_import_delay(&job->latency_us);

	job->access_ns = ktime_get_ns();
	pfn_import_job_access(job);
	job->end_ns = ktime_get_ns();
	dma_fence_signal(job->fence);
	dma_fence_end_signalling(cookie);

	pfn_import_job_done(job);
	pfn_import_job_put(job);
}

/**
 * pfn_import_engine_submit() - submit a job to an engine
 * @job: the job, complete except for its fence
 * @index: index of the engine
 * @resv: the reservation object of the buffer, locked, with room for a fence;
 *	  or NULL to not publish the fence
 * @usage: usage of the fence
 * @sync: returns a sync file of the fence, if not NULL
 *
 * A submission cannot be undone. Takes a reference to @job.
 *
 * Return: 0, or -ENOMEM with nothing done.
 */
int pfn_import_engine_submit(struct pfn_import_job *job, unsigned int index,
			     struct dma_resv *resv, enum dma_resv_usage usage,
			     struct file **sync)
{
	struct pfn_import_engine *engine = &pfn_import_engines[index];
	struct sync_file *sync_file;

	guard(mutex)(&engine->lock);

	dma_fence_init64(job->fence, &pfn_import_fence_ops, NULL,
			 engine->context, engine->seqno + 1);
	if (sync) {
		sync_file = sync_file_create(job->fence);
		if (!sync_file)
			return -ENOMEM;
		*sync = sync_file->file;
	}
	engine->seqno++;

	job->latency_us = READ_ONCE(pfn_import_job_latency_us);
	kref_get(&job->ref);
	if (resv)
		dma_resv_add_fence(resv, job->fence, usage);
	kthread_init_work(&job->work, pfn_import_engine_work);
	kthread_queue_work(engine->worker, &job->work);
	return 0;
}

/**
 * pfn_import_engines_fini() - stop the engines
 *
 * Waits for all jobs. No import may be left.
 */
void pfn_import_engines_fini(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pfn_import_engines); i++)
		if (!IS_ERR_OR_NULL(pfn_import_engines[i].worker))
			kthread_destroy_worker(pfn_import_engines[i].worker);
}

/**
 * pfn_import_engines_init() - start the engines
 *
 * Return: 0 or a negative errno, with none started.
 */
int pfn_import_engines_init(void)
{
	struct pfn_import_engine *engine;
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(pfn_import_engines); i++) {
		engine = &pfn_import_engines[i];
		engine->worker = kthread_run_worker(0, "dma_buf_pfn/%u", i);
		if (IS_ERR(engine->worker)) {
			ret = PTR_ERR(engine->worker);
			pfn_import_engines_fini();
			return ret;
		}
		mutex_init(&engine->lock);
		engine->context = dma_fence_context_alloc(1);
	}
	return 0;
}
