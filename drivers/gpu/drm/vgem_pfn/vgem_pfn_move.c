// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moving a buffer object: tell the importers, wait for their accesses, copy, and
 * only then let the new place be the object's place. In this order: a
 * notification after the copy would let a write go to memory that nobody looks
 * at again.
 *
 * An asynchronous move leaves the waiting and the copying to an engine. The new
 * place is the object's place at once then, with a fence of KERNEL usage: nobody
 * may look there before that has signaled.
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
 * vgem_pfn_notify() - tell the importers that a buffer object is about to move
 * @bo: the buffer object, with its reservation lock held
 *
 * On return no importer has translations left; fences in the reservation object
 * cover what their devices still do.
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
	bo->max_notify_ns = max(bo->max_notify_ns, ktime_get_ns() - start);
}

/* Wait for everything that is under way in the old place. */
static int vgem_pfn_move_wait(struct vgem_pfn_bo *bo, struct ttm_operation_ctx *ctx)
{
	int ret = ttm_bo_wait_ctx(&bo->tbo, ctx);

	if (trace_vgem_pfn_waited_enabled() && !ret)
		trace_vgem_pfn_waited(bo, vgem_pfn_trace_unsignaled(bo));
	return ret;
}

/*
 * Have an engine copy, and switch the placement at once. Fails before the engine
 * has begun, or not at all.
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

	/* The one that TTM has reserved may be gone: importers add fences, too. */
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
	 * Pages cannot be taken away from under the copy: TTM would wait for the
	 * eviction of some. A ghost keeps them without waiting.
	 */
	ret = ttm_bo_move_accel_cleanup(tbo, fence, evict && copy->from, true,
					copy->new_mem);
	if (ret) {
		/* No memory for a ghost, and the engine is at it already. */
		dma_fence_wait(fence, false);
		ttm_bo_move_sync_cleanup(tbo, copy->new_mem);
	}
	return 0;
}

/* The same pages, under another name: a copy to them may go on. */
static int vgem_pfn_move_pages(struct vgem_pfn_bo *bo,
			       struct ttm_operation_ctx *ctx,
			       struct ttm_resource *new_mem, bool async)
{
	int ret;

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

	if (!async) {
		ret = vgem_pfn_move_wait(bo, ctx);
		if (ret)
			return ret;
	}

	/*
	 * New pages to copy to, or old ones to bring back from swap. An object
	 * that never had any stays without: it is cleared.
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
		/* What the engine cannot do is done here, if that is allowed. */
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
 * A ghost that TTM has just made, before it is marked as deleted. Nobody wants its
 * contents, only the copy that its fence is of.
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
 * @new_mem: where to; consumed on success
 * @hop: unused, every place is reached from every other
 *
 * Return: 0, or a negative errno with the object where it was and intact. The
 * importers may have been told in vain then, which is harmless.
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
