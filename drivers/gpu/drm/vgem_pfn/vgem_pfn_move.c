// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moving a buffer object: notify the importers, wait for their accesses, copy,
 * and then switch to the new resource, in this order. If the notification came
 * after the copy, writes of importers to the old memory could be lost.
 *
 * In an asynchronous move an engine waits and copies. The buffer object
 * switches to the new resource at once, with a fence of KERNEL usage: its
 * memory must not be accessed before that fence signals.
 *
 * Everything runs under the object's reservation lock.
 */

#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/ktime.h>

#include <drm/drm_drv.h>
#include <drm/drm_prime.h>
#include <drm/ttm/ttm_tt.h>

#include "vgem_pfn_drv.h"
#include "vgem_pfn_engine.h"
#include "vgem_pfn_trace.h"

/**
 * vgem_pfn_notify() - notify the importers before a buffer object moves
 * @bo: the buffer object, with its reservation lock held
 *
 * On return no importer has translations left. Fences in the reservation object
 * cover accesses that are still in progress.
 */
void vgem_pfn_notify(struct vgem_pfn_bo *bo)
{
	u64 start;

	dma_resv_assert_held(bo->tbo.base.resv);

	bo->place_traced = false;
	if (!drm_gem_dmabuf_is_attached(&bo->tbo.base))
		return;

	bo->num_notifies++;
	trace_vgem_pfn_notify(bo);
	start = ktime_get_ns();
	drm_gem_dmabuf_invalidate_mappings(&bo->tbo.base);
	WRITE_ONCE(bo->max_notify_ns,
		   max(bo->max_notify_ns, ktime_get_ns() - start));
}

/* Wait for all accesses to the old memory. */
static int vgem_pfn_move_wait(struct vgem_pfn_bo *bo, struct ttm_operation_ctx *ctx)
{
	int ret = ttm_bo_wait_ctx(&bo->tbo, ctx);

	if (trace_vgem_pfn_waited_enabled() && !ret)
		trace_vgem_pfn_waited(bo, vgem_pfn_trace_unsignaled(bo));
	return ret;
}

/*
 * Queue the copy on an engine, and switch the placement at once. Cannot fail
 * once the job is submitted.
 */
static int vgem_pfn_copy_async(struct vgem_pfn_bo *bo, struct vgem_pfn_copy *copy,
			       bool evict)
{
	struct ttm_buffer_object *tbo = &bo->tbo;
	struct vgem_pfn_job *job;
	struct dma_fence *fence;
	int ret;

	dma_resv_assert_held(tbo->base.resv);

	ret = vgem_pfn_fault(vgem_pfn_bo_device(bo), VGEM_PFN_FAULT_FENCE);
	if (ret)
		return ret;

	/* Importers may have used the slot that TTM has reserved. */
	ret = dma_resv_reserve_fences(tbo->base.resv, 1);
	if (ret)
		return ret;

	job = vgem_pfn_copy_job(bo, copy);
	if (!job)
		return -ENOMEM;

	ret = vgem_pfn_job_depend(job, tbo->base.resv);
	if (ret) {
		vgem_pfn_job_destroy(job);
		return ret;
	}

	if (trace_vgem_pfn_queue_enabled())
		trace_vgem_pfn_queue(bo, job->num_deps,
				     vgem_pfn_trace_unsignaled(bo));
	fence = vgem_pfn_job_submit(job);
	dma_fence_put(bo->moving);
	bo->moving = fence;
	if (copy->from)
		to_vgem_pfn_resource(copy->old_mem)->vacated = dma_fence_get(fence);

	/*
	 * For an eviction from system memory TTM would wait for the copy. A
	 * ghost object keeps the pages without waiting.
	 */
	ret = ttm_bo_move_accel_cleanup(tbo, fence, evict && copy->from, true,
					copy->new_mem);
	if (ret) {
		/* No memory for a ghost object, but the copy is queued. */
		dma_fence_wait(fence, false);
		ttm_bo_move_sync_cleanup(tbo, copy->new_mem);
	}
	return 0;
}

/* The pages stay the same, so an asynchronous move need not wait for copies. */
static int vgem_pfn_move_pages(struct vgem_pfn_bo *bo,
			       struct ttm_operation_ctx *ctx,
			       struct ttm_resource *new_mem, bool async)
{
	int ret;

	dma_resv_assert_held(bo->tbo.base.resv);

	if (!async) {
		ret = vgem_pfn_move_wait(bo, ctx);
		if (ret)
			return ret;
	}
	ttm_bo_move_null(&bo->tbo, new_mem);
	return 0;
}

static int vgem_pfn_move_contents(struct vgem_pfn_bo *bo,
				  struct ttm_operation_ctx *ctx,
				  struct ttm_resource *new_mem, bool evict,
				  bool async)
{
	struct ttm_buffer_object *tbo = &bo->tbo;
	struct vgem_pfn_copy copy;
	int ret, idx;

	dma_resv_assert_held(tbo->base.resv);

	if (!async) {
		ret = vgem_pfn_move_wait(bo, ctx);
		if (ret)
			return ret;
	}

	/*
	 * Allocate the pages to copy to, or swap in the pages to copy from. If
	 * there are no contents because the object was never populated, the
	 * destination is cleared.
	 */
	if (tbo->ttm &&
	    (ttm_tt_is_swapped(tbo->ttm) ||
	     !vgem_pfn_carveout_of(vgem_pfn_bo_device(bo), new_mem->mem_type))) {
		ret = ttm_bo_populate(tbo, ctx);
		if (ret)
			return ret;
	}

	vgem_pfn_copy_init(&copy, bo, new_mem);
	if (async) {
		/* If the copy cannot be queued, copy synchronously. */
		if (!vgem_pfn_copy_async(bo, &copy, evict))
			return 0;
		ret = vgem_pfn_move_wait(bo, ctx);
		if (ret)
			return ret;
	}

	if (!drm_dev_enter(tbo->base.dev, &idx))
		return -ENODEV;
	vgem_pfn_copy_sync(bo, &copy);
	drm_dev_exit(idx);
	ttm_bo_move_sync_cleanup(tbo, new_mem);
	return 0;
}

/*
 * A ghost object that TTM has just created, before it is marked as deleted. Its
 * contents are not needed, but the copy from it must complete.
 */
static int vgem_pfn_move_ghost(struct ttm_buffer_object *tbo,
			       struct ttm_operation_ctx *ctx,
			       struct ttm_resource *new_mem)
{
	int ret;

	dma_resv_assert_held(tbo->base.resv);

	ret = ttm_bo_wait_ctx(tbo, ctx);
	if (ret)
		return ret;
	ttm_bo_move_null(tbo, new_mem);
	return 0;
}

static bool vgem_pfn_use_tt(struct ttm_resource *res, struct ttm_device *bdev)
{
	return ttm_manager_type(bdev, res->mem_type)->use_tt;
}

/**
 * vgem_pfn_move() - &ttm_device_funcs.move
 * @tbo: the buffer object, with its reservation lock held
 * @evict: whether TTM evicts it to make room for another
 * @ctx: TTM's context
 * @new_mem: the new resource; consumed on success
 * @hop: unused, all moves are direct
 *
 * Return: 0, or a negative errno with placement and contents unchanged. The
 * importers may have been notified nevertheless, which is harmless.
 */
int vgem_pfn_move(struct ttm_buffer_object *tbo, bool evict,
		  struct ttm_operation_ctx *ctx, struct ttm_resource *new_mem,
		  struct ttm_place *hop)
{
	struct vgem_pfn_bo *bo;
	bool async, copy;
	int ret;

	dma_resv_assert_held(tbo->base.resv);

	if (!vgem_pfn_is_bo(tbo))
		return vgem_pfn_move_ghost(tbo, ctx, new_mem);

	/* The first placement of a new object. */
	if (!tbo->resource) {
		ttm_bo_move_null(tbo, new_mem);
		return 0;
	}

	bo = to_vgem_pfn_bo(tbo);
	evict |= bo->evicting;
	copy = !vgem_pfn_use_tt(tbo->resource, tbo->bdev) ||
	       !vgem_pfn_use_tt(new_mem, tbo->bdev);
	if (copy) {
		if (drm_dev_is_unplugged(tbo->base.dev))
			return -ENODEV;
		ret = vgem_pfn_fault(vgem_pfn_bo_device(bo), VGEM_PFN_FAULT_COPY);
		if (ret)
			return ret;
	}

	async = bo->async || vgem_pfn_engines_async(vgem_pfn_bo_device(bo));

	trace_vgem_pfn_move_begin(bo, new_mem->mem_type, evict);
	vgem_pfn_stale_note(bo, tbo->resource);
	vgem_pfn_notify(bo);

	if (copy)
		ret = vgem_pfn_move_contents(bo, ctx, new_mem, evict, async);
	else
		ret = vgem_pfn_move_pages(bo, ctx, new_mem, async);

	if (!ret) {
		bo->num_moves++;
		if (evict)
			bo->num_evictions++;
	}
	vgem_pfn_trace_place(bo);
	trace_vgem_pfn_move_end(bo, ret);
	return ret;
}
