// SPDX-License-Identifier: GPL-2.0-only
/*
 * Simulated copy engines. An engine is a kthread that executes jobs in the
 * order of their submission, and a fence context. For each job it waits for the
 * job's dependencies, sleeps for the simulated duration of the copy, copies
 * (vgem_pfn_job.c), and signals the job's fence.
 *
 * The sleep is before the copy, so the destination keeps its old contents for
 * that time. This exposes importers that do not wait for the fence.
 *
 * Engines cannot deadlock on each other: a job only waits for fences that were
 * published before it was submitted, and for earlier jobs of its own engine.
 *
 * Locks: &vgem_pfn_engine.lock keeps the queue in the order of sequence
 * numbers. The worker takes no reservation lock and allocates no memory, since
 * memory reclaim may wait for its fence.
 */

#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/dma-fence.h>
#include <linux/kthread.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/time64.h>
#include <linux/workqueue.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "vgem_pfn_drv.h"
#include "vgem_pfn_engine.h"

static unsigned int engines = 2;
module_param(engines, uint, 0444);
MODULE_PARM_DESC(engines, "Copy engines of each device, 1 to 8 (default 2)");

/*
 * Without .release and .wait the dma-buf core drops the ops when the fence
 * signals, so a fence may outlive the module.
 */
static const char *vgem_pfn_fence_name(struct dma_fence *fence)
{
	return KBUILD_MODNAME;
}

static const char *vgem_pfn_fence_timeline(struct dma_fence *fence)
{
	return "copy";
}

static const struct dma_fence_ops vgem_pfn_fence_ops = {
	.get_driver_name = vgem_pfn_fence_name,
	.get_timeline_name = vgem_pfn_fence_timeline,
};

/* Simulated duration of the copy, in microseconds. */
static u32 vgem_pfn_job_duration(struct vgem_pfn_job *job)
{
	u32 bandwidth = READ_ONCE(job->engines->bandwidth_mibps);
	u64 us = READ_ONCE(job->engines->latency_us);

	if (bandwidth)
		us += div_u64((u64)job->size * USEC_PER_SEC >> 20, bandwidth);
	return min_t(u64, us, VGEM_PFN_MAX_DELAY_US);
}

static void vgem_pfn_job_work(struct kthread_work *work)
{
	struct vgem_pfn_job *job = container_of(work, struct vgem_pfn_job, work);
	bool gone, cookie = dma_fence_begin_signalling();
	struct vgem_pfn_engines *all = job->engines;
	unsigned int i;
	int idx;

	for (i = 0; i < job->num_deps; i++)
		dma_fence_wait(job->deps[i], false);
	if (job->duration_us)
		fsleep(job->duration_us);

	/* Even after an unplug, or else the destination has stale contents. */
	gone = !drm_dev_enter(job->bo->tbo.base.dev, &idx);
	vgem_pfn_job_copy(job, gone);
	if (gone)
		dma_fence_set_error(job->fence, -ENODEV);
	else
		drm_dev_exit(idx);
	dma_fence_signal(job->fence);
	dma_fence_end_signalling(cookie);

	atomic64_sub(job->size, &all->queued_bytes);
	atomic_dec(&all->queued_jobs);
	wake_up_all(&all->done);
	vgem_pfn_job_destroy(job);
}

/**
 * vgem_pfn_job_submit() - queue a copy job on an engine
 * @job: the job, owned by the engine from now on
 *
 * A job cannot be cancelled. Its source and destination must stay mapped until
 * its fence has signaled.
 *
 * Return: a reference to its fence.
 */
struct dma_fence *vgem_pfn_job_submit(struct vgem_pfn_job *job)
{
	struct vgem_pfn_engines *all = job->engines;
	unsigned int next = atomic_inc_return(&all->next);
	struct vgem_pfn_engine *engine = &all->engine[next % all->num];
	struct dma_fence *fence = job->fence;

	kthread_init_work(&job->work, vgem_pfn_job_work);
	job->engine = engine;
	atomic64_add(job->size, &all->queued_bytes);
	atomic_inc(&all->queued_jobs);
	job->duration_us = vgem_pfn_job_duration(job);
	spin_lock(&engine->lock);
	dma_fence_init64(fence, &vgem_pfn_fence_ops, NULL, engine->context,
			 ++engine->seqno);
	dma_fence_get(fence);
	kthread_queue_work(engine->worker, &job->work);
	spin_unlock(&engine->lock);
	return fence;
}

/**
 * vgem_pfn_engines_async() - whether every move is asynchronous
 * @vdev: the device
 *
 * Return: the value of the debugfs knob async_moves.
 */
bool vgem_pfn_engines_async(struct vgem_pfn_device *vdev)
{
	return READ_ONCE(vdev->engines->async_moves);
}

static bool vgem_pfn_engines_have_room(struct vgem_pfn_engines *all)
{
	return atomic64_read(&all->queued_bytes) < VGEM_PFN_MAX_QUEUED_BYTES &&
	       atomic_read(&all->queued_jobs) < VGEM_PFN_MAX_QUEUED_JOBS;
}

/**
 * vgem_pfn_engines_wait() - wait until more copies may be queued
 * @vdev: the device
 *
 * Call this before a move that may queue copies, so that userspace cannot queue
 * them without limit. Tasks that need the reservation lock of a moving buffer
 * object wait for its copy, some of them uninterruptibly. Tasks that call this
 * at the same time all return, and an eviction may queue more copies than the
 * move itself, so the limit can be exceeded by some moves per task.
 *
 * Context: may sleep, must not hold locks.
 * Return: 0 or -ERESTARTSYS.
 */
int vgem_pfn_engines_wait(struct vgem_pfn_device *vdev)
{
	struct vgem_pfn_engines *all = vdev->engines;

	return wait_event_interruptible(all->done, vgem_pfn_engines_have_room(all));
}

static void vgem_pfn_engines_fini(struct drm_device *drm, void *data)
{
	struct vgem_pfn_device *vdev = data;
	struct vgem_pfn_engines *all = vdev->engines;

	while (all->num)
		kthread_destroy_worker(all->engine[--all->num].worker);

	/* TTM frees ghost objects here, after their fences have signaled. */
	drain_workqueue(vdev->bdev.wq);
}

/**
 * vgem_pfn_engines_init() - start the copy engines
 * @vdev: the device, with its carveouts
 *
 * The engines are stopped when the DRM device is released. They complete all
 * queued jobs before the carveouts are freed.
 *
 * Return: 0, -EINVAL for an invalid module parameter, or -ENOMEM.
 */
int vgem_pfn_engines_init(struct vgem_pfn_device *vdev)
{
	struct vgem_pfn_engines *all;
	unsigned int i;
	int ret;

	if (!engines || engines > VGEM_PFN_MAX_ENGINES) {
		drm_err(&vdev->drm, "engines=%u: must be 1 to %u\n", engines,
			VGEM_PFN_MAX_ENGINES);
		return -EINVAL;
	}

	all = drmm_kzalloc(&vdev->drm, sizeof(*all), GFP_KERNEL);
	if (!all)
		return -ENOMEM;
	init_waitqueue_head(&all->done);
	vdev->engines = all;
	ret = drmm_add_action_or_reset(&vdev->drm, vgem_pfn_engines_fini, vdev);
	if (ret)
		return ret;

	for (i = 0; i < engines; i++) {
		struct vgem_pfn_engine *engine = &all->engine[i];

		engine->worker = kthread_run_worker(0, "vgem_pfn/copy%u", i);
		if (IS_ERR(engine->worker))
			return PTR_ERR(engine->worker);
		spin_lock_init(&engine->lock);
		engine->context = dma_fence_context_alloc(1);
		engine->index = i;
		all->num++;
	}
	return 0;
}

/**
 * vgem_pfn_engines_debugfs_init() - create the debugfs knobs of the engines
 * @vdev: the device
 * @root: its debugfs directory
 */
void vgem_pfn_engines_debugfs_init(struct vgem_pfn_device *vdev,
				   struct dentry *root)
{
	struct vgem_pfn_engines *all = vdev->engines;

	debugfs_create_bool("async_moves", 0600, root, &all->async_moves);
	debugfs_create_u32("engine_latency_us", 0600, root, &all->latency_us);
	debugfs_create_u32("engine_bandwidth_mibps", 0600, root,
			   &all->bandwidth_mibps);
}
