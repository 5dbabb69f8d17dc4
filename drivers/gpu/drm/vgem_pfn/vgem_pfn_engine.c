// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copies of buffer objects, synchronous or as jobs of simulated copy engines.
 *
 * A copy is split into pieces that are contiguous in the kernel's address space
 * on both sides. A job only contains kernel addresses. The resources and the
 * struct ttm_tt that it was created from may be freed before it runs. Their
 * memory stays valid: TTM keeps it in a ghost object until the job's fence has
 * signaled, or makes the next user of the range wait for the fence.
 *
 * An engine is a kthread that executes jobs in the order of their submission,
 * and a fence context. For each job it waits for the job's dependencies, sleeps
 * for the simulated duration of the copy, copies, and signals the job's fence.
 * The sleep is before the copy, so the destination keeps its old contents for
 * that time. This exposes importers that do not wait for the fence.
 *
 * Engines cannot deadlock on each other: a job only waits for fences that were
 * published before it was submitted, and for earlier jobs of its own engine.
 *
 * Locks: a job is created under the reservation lock of its buffer object;
 * after submission it belongs to its engine. &vgem_pfn_engine.lock keeps the
 * queue in the order of sequence numbers. The worker takes no reservation lock
 * and allocates no memory, since memory reclaim may wait for its fence.
 */

#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/iosys-map.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/time64.h>
#include <linux/workqueue.h>

#include <drm/drm_cache.h>
#include <drm/drm_drv.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "vgem_pfn_drv.h"
#include "vgem_pfn_engine.h"
#include "vgem_pfn_trace.h"

/**
 * vgem_pfn_copy_run() - copy one contiguous piece
 * @dst: destination
 * @src: source, or a null map for zeroes
 * @size: in bytes, a multiple of the page size
 *
 * Context: may sleep.
 */
static void vgem_pfn_copy_run(const struct iosys_map *dst,
			      const struct iosys_map *src, size_t size)
{
	bool iomem = dst->is_iomem || src->is_iomem;
	size_t done, n;

	for (done = 0; done < size; done += n) {
		struct iosys_map to = IOSYS_MAP_INIT_OFFSET(dst, done);

		/* I/O memory is slow, and may be copied without preemption. */
		n = min_t(size_t, size - done, iomem ? SZ_64K : SZ_4M);

		if (iosys_map_is_null(src)) {
			iosys_map_memset(&to, 0, 0, n);
		} else {
			struct iosys_map from = IOSYS_MAP_INIT_OFFSET(src, done);

			if (iomem)
				drm_memcpy_from_wc(&to, &from, n);
			else
				memcpy(to.vaddr, from.vaddr, n);
		}
		cond_resched();
	}
}

/**
 * vgem_pfn_job_create() - allocate a copy job
 * @bo: the buffer object, with its reservation lock held
 * @max_pieces: maximum number of calls of vgem_pfn_job_add()
 *
 * Return: the job, or NULL if out of memory or if the engines have been
 * stopped.
 */
static struct vgem_pfn_job *vgem_pfn_job_create(struct vgem_pfn_bo *bo,
						unsigned int max_pieces)
{
	struct vgem_pfn_engines *engines = vgem_pfn_bo_device(bo)->engines;
	struct vgem_pfn_job *job;

	dma_resv_assert_held(bo->tbo.base.resv);

	if (!engines->num)
		return NULL;

	job = kvzalloc_flex(*job, pieces, max_pieces,
			    GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
	if (!job)
		return NULL;

	job->fence = kzalloc_obj(*job->fence);
	if (!job->fence) {
		kvfree(job);
		return NULL;
	}
	job->engines = engines;
	job->bo = bo;
	return job;
}

/**
 * vgem_pfn_job_add() - add a piece to a job
 * @job: a job that was not submitted
 * @dst: destination; must stay mapped until the fence has signaled
 * @src: source, or a null map for zeroes; must stay mapped as well
 * @size: in bytes, a multiple of the page size
 */
static void vgem_pfn_job_add(struct vgem_pfn_job *job, const struct iosys_map *dst,
			     const struct iosys_map *src, size_t size)
{
	struct vgem_pfn_piece *piece = &job->pieces[job->num_pieces++];

	piece->dst = *dst;
	piece->src = *src;
	piece->size = size;
	job->size += size;
}

/**
 * vgem_pfn_job_depend() - set the dependencies of a job
 * @job: a job that was not submitted, and has no dependencies
 * @resv: the reservation object, locked
 *
 * The job waits for all fences of @resv: accesses of importers to the old
 * memory, the copy that filled it, and previous users of the new memory.
 *
 * Return: 0 or -ENOMEM.
 */
int vgem_pfn_job_depend(struct vgem_pfn_job *job, struct dma_resv *resv)
{
	dma_resv_assert_held(resv);

	return dma_resv_get_fences(resv, DMA_RESV_USAGE_BOOKKEEP, &job->num_deps,
				   &job->deps);
}

/*
 * After an unplug a BAR is not accessed. Destinations of copies from it are
 * cleared, so that no stale contents are left in them.
 */
static void vgem_pfn_job_copy_piece(struct vgem_pfn_piece *piece, bool unplugged)
{
	if (unplugged && piece->dst.is_iomem)
		return;
	if (unplugged && piece->src.is_iomem)
		iosys_map_clear(&piece->src);
	vgem_pfn_copy_run(&piece->dst, &piece->src, piece->size);
}

/**
 * vgem_pfn_job_copy() - make the copy of a job
 * @job: a job whose dependencies have signaled
 * @unplugged: whether the device has been unplugged
 *
 * Context: the engine's worker, before the fence signals.
 */
static void vgem_pfn_job_copy(struct vgem_pfn_job *job, bool unplugged)
{
	struct vgem_pfn_bo *bo = job->bo;
	unsigned int i;
	u64 start;

	if (trace_vgem_pfn_copy_begin_enabled())
		trace_vgem_pfn_copy_begin(bo, job->engine->index, job->fence,
					  job->num_deps,
					  vgem_pfn_trace_job_unsignaled(job));
	start = ktime_get_ns();
	for (i = 0; i < job->num_pieces; i++)
		vgem_pfn_job_copy_piece(&job->pieces[i], unplugged);
	if (job->num_pieces && !iosys_map_is_null(&job->pieces[0].src)) {
		WRITE_ONCE(bo->last_copy_ns, ktime_get_ns() - start);
		WRITE_ONCE(bo->last_copy_bytes, job->size);
	}
	trace_vgem_pfn_copy_end(bo, job->engine->index, job->fence,
				job->num_deps, 0);
}

/**
 * vgem_pfn_job_destroy() - free a job
 * @job: a job that was not submitted, or is done
 */
void vgem_pfn_job_destroy(struct vgem_pfn_job *job)
{
	unsigned int i;

	for (i = 0; i < job->num_deps; i++)
		dma_fence_put(job->deps[i]);
	kfree(job->deps);
	/* The fence is initialised on submission. */
	if (job->engine)
		dma_fence_put(job->fence);
	else
		kfree(job->fence);
	kvfree(job);
}

/*
 * The kernel address of a page of a placement. Limits @num_pages to what is
 * contiguous from there. CONFIG_64BIT: the kernel maps all system memory.
 */
static struct iosys_map vgem_pfn_map_run(struct vgem_pfn_carveout *carveout,
					 struct ttm_resource *res,
					 struct ttm_tt *tt, pgoff_t pgoff,
					 pgoff_t *num_pages)
{
	const struct vgem_pfn_runs *runs;
	struct iosys_map map;
	pgoff_t n;
	u64 pfn;

	runs = carveout ? to_vgem_pfn_resource(res)->runs : to_vgem_pfn_tt(tt)->runs;
	pfn = vgem_pfn_runs_pfn(runs, pgoff, &n);
	*num_pages = min(*num_pages, n);
	if (carveout)
		return vgem_pfn_carveout_map(carveout, pfn);

	iosys_map_set_vaddr(&map, page_address(pfn_to_page(pfn)));
	return map;
}

/**
 * vgem_pfn_copy_init() - describe what a move has to copy
 * @copy: [out] the description
 * @bo: the buffer object, with its reservation lock held; not swapped out, and
 *	populated if it moves to system memory
 * @new_mem: the new resource
 */
void vgem_pfn_copy_init(struct vgem_pfn_copy *copy, struct vgem_pfn_bo *bo,
			struct ttm_resource *new_mem)
{
	struct vgem_pfn_device *vdev = vgem_pfn_bo_device(bo);

	dma_resv_assert_held(bo->tbo.base.resv);

	copy->old_mem = bo->tbo.resource;
	copy->new_mem = new_mem;
	copy->from = vgem_pfn_carveout_of(vdev, copy->old_mem->mem_type);
	copy->to = vgem_pfn_carveout_of(vdev, new_mem->mem_type);
	copy->tt = bo->tbo.ttm;
	copy->num_pages = PFN_UP(bo->tbo.base.size);
	copy->clear = !vgem_pfn_bo_runs(bo);
}

/* The next piece, from @pgoff on. Returns its number of pages. */
static pgoff_t vgem_pfn_copy_next(struct vgem_pfn_copy *copy, pgoff_t pgoff,
				  struct iosys_map *dst, struct iosys_map *src)
{
	pgoff_t n = copy->num_pages - pgoff;

	*dst = vgem_pfn_map_run(copy->to, copy->new_mem, copy->tt, pgoff, &n);
	if (copy->clear)
		iosys_map_clear(src);
	else
		*src = vgem_pfn_map_run(copy->from, copy->old_mem, copy->tt,
					pgoff, &n);
	return n;
}

/*
 * Repeat the copy with plain memcpy(), to compare durations. Not for clears,
 * and not for I/O memory, which memcpy() must not access.
 */
static void vgem_pfn_copy_compare(struct vgem_pfn_bo *bo,
				  struct vgem_pfn_copy *copy)
{
	struct iosys_map dst, src;
	pgoff_t pgoff, n;
	u64 start;

	dma_resv_assert_held(bo->tbo.base.resv);

	start = ktime_get_ns();
	for (pgoff = 0; pgoff < copy->num_pages; pgoff += n) {
		n = vgem_pfn_copy_next(copy, pgoff, &dst, &src);
		if (copy->clear || dst.is_iomem || src.is_iomem)
			return;
		memcpy(dst.vaddr, src.vaddr, n << PAGE_SHIFT);
	}
	WRITE_ONCE(bo->last_memcpy_ns, ktime_get_ns() - start);
}

/*
 * Sleep for at least @us microseconds by ktime. A long fsleep() counts jiffies,
 * which can lag behind ktime, and can end some ms early.
 */
static void vgem_pfn_sleep(u32 us)
{
	usleep_range(us, us + us / 16);
}

/**
 * vgem_pfn_copy_sync() - copy synchronously, after all fences have signaled
 * @bo: the buffer object, with its reservation lock held
 * @copy: what to copy
 */
void vgem_pfn_copy_sync(struct vgem_pfn_bo *bo, struct vgem_pfn_copy *copy)
{
	u32 delay_us = READ_ONCE(vgem_pfn_bo_device(bo)->move_delay_us);
	struct iosys_map dst, src;
	pgoff_t pgoff, n;
	u64 start;

	dma_resv_assert_held(bo->tbo.base.resv);

	if (trace_vgem_pfn_copy_begin_enabled())
		trace_vgem_pfn_copy_begin(bo, -1, NULL, 0,
					  vgem_pfn_trace_unsignaled(bo));
	start = ktime_get_ns();
	for (pgoff = 0; pgoff < copy->num_pages; pgoff += n) {
		n = vgem_pfn_copy_next(copy, pgoff, &dst, &src);
		vgem_pfn_copy_run(&dst, &src, n << PAGE_SHIFT);
	}
	if (!copy->clear) {
		WRITE_ONCE(bo->last_copy_ns, ktime_get_ns() - start);
		WRITE_ONCE(bo->last_copy_bytes, bo->tbo.base.size);
	}
	trace_vgem_pfn_copy_end(bo, -1, NULL, 0, 0);

	WRITE_ONCE(bo->last_memcpy_ns, 0);
	if (READ_ONCE(vgem_pfn_bo_device(bo)->compare_memcpy))
		vgem_pfn_copy_compare(bo, copy);

	if (delay_us)
		vgem_pfn_sleep(min(delay_us, VGEM_PFN_MAX_DELAY_US));
}

/**
 * vgem_pfn_copy_job() - create a copy job for an engine
 * @bo: the buffer object, with its reservation lock held
 * @copy: what to copy
 *
 * Return: a job without dependencies that no longer refers to @copy, or NULL if
 * vgem_pfn_job_create() fails.
 */
struct vgem_pfn_job *vgem_pfn_copy_job(struct vgem_pfn_bo *bo,
				       struct vgem_pfn_copy *copy)
{
	struct iosys_map dst, src;
	unsigned int pieces = 0;
	struct vgem_pfn_job *job;
	pgoff_t pgoff, n;

	dma_resv_assert_held(bo->tbo.base.resv);

	for (pgoff = 0; pgoff < copy->num_pages; pgoff += n) {
		n = vgem_pfn_copy_next(copy, pgoff, &dst, &src);
		pieces++;
	}

	job = vgem_pfn_job_create(bo, pieces);
	if (!job)
		return NULL;

	for (pgoff = 0; pgoff < copy->num_pages; pgoff += n) {
		n = vgem_pfn_copy_next(copy, pgoff, &dst, &src);
		vgem_pfn_job_add(job, &dst, &src, n << PAGE_SHIFT);
	}
	return job;
}

static unsigned int engines = MIN(2, VGEM_PFN_MAX_ENGINES);
module_param(engines, uint, 0444);
MODULE_PARM_DESC(engines, "Copy engines of each device, 1 to 8 (default 2)");

/*
 * Without .release and .wait the dma-fence core does not use these operations
 * after the fence has signaled, so a fence may outlive the module.
 */
static const char *vgem_pfn_fence_name(struct dma_fence *fence)
{
	return KBUILD_MODNAME;
}

static const char *vgem_pfn_fence_timeline(struct dma_fence *fence)
{
	return "copy";
}

/* Jobs always signal. This is for the event dma_fence_enable_signal. */
static bool vgem_pfn_fence_enable_signaling(struct dma_fence *fence)
{
	return true;
}

static const struct dma_fence_ops vgem_pfn_fence_ops = {
	.get_driver_name = vgem_pfn_fence_name,
	.get_timeline_name = vgem_pfn_fence_timeline,
	.enable_signaling = vgem_pfn_fence_enable_signaling,
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
	bool unplugged, cookie = dma_fence_begin_signalling();
	struct vgem_pfn_engines *all = job->engines;
	unsigned int i;
	int idx;

	for (i = 0; i < job->num_deps; i++)
		dma_fence_wait(job->deps[i], false);
	if (job->duration_us)
		vgem_pfn_sleep(job->duration_us);

	/* Even after an unplug, or else the destination has stale contents. */
	unplugged = !drm_dev_enter(job->bo->tbo.base.dev, &idx);
	vgem_pfn_job_copy(job, unplugged);
	if (unplugged)
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
