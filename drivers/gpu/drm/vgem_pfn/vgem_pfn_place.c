// SPDX-License-Identifier: GPL-2.0-only
/*
 * Placing buffer objects on behalf of userspace. A placement only fails for
 * lack of memory if evictions cannot free any, even without concurrent
 * placements.
 */

#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/rwsem.h>

#include <drm/drm_exec.h>

#include "vgem_pfn_drv.h"
#include "vgem_pfn_engine.h"

static void vgem_pfn_bo_reset_counters(struct vgem_pfn_bo *bo)
{
	dma_resv_assert_held(bo->tbo.base.resv);

	bo->num_moves = 0;
	bo->num_evictions = 0;
	WRITE_ONCE(bo->last_copy_bytes, 0);
	WRITE_ONCE(bo->last_copy_ns, 0);
}

static void vgem_pfn_bo_place_end(struct vgem_pfn_device *vdev, bool exclusive)
{
	if (exclusive)
		up_write(&vdev->validate);
	else
		up_read(&vdev->validate);
}

/*
 * Waits while the machine is suspended. &vgem_pfn_device.validate delays the
 * next suspend until the placement is done.
 */
static int vgem_pfn_bo_place_begin(struct vgem_pfn_device *vdev, bool exclusive)
{
	int ret;

	for (;;) {
		ret = vgem_pfn_pm_wait(vdev);
		if (ret)
			return ret;

		ret = vgem_pfn_engines_wait(vdev);
		if (ret)
			return ret;

		if (exclusive)
			ret = down_write_killable(&vdev->validate);
		else
			ret = down_read_interruptible(&vdev->validate);
		if (ret)
			return -ERESTARTSYS;

		if (!vgem_pfn_pm_suspended(vdev))
			return 0;
		vgem_pfn_bo_place_end(vdev, exclusive);
	}
}

/* One attempt, see vgem_pfn_bo_place(). */
static int vgem_pfn_bo_try_place(struct vgem_pfn_bo *bo,
				 struct ttm_placement *placement, bool create,
				 bool async, struct dma_fence **fence)
{
	struct ttm_operation_ctx ctx = {
		.interruptible = true,
		.gfp_retry_mayfail = true,
	};
	struct drm_exec exec;
	int ret;

	lockdep_assert_held(&vgem_pfn_bo_device(bo)->validate);

	drm_exec_init(&exec, DRM_EXEC_INTERRUPTIBLE_WAIT, 1);
	drm_exec_until_all_locked(&exec) {
		ret = drm_exec_lock_obj(&exec, &bo->tbo.base);
		drm_exec_retry_on_contention(&exec);
		if (ret)
			break;

		/* TTM would return -EINVAL. */
		ret = -EBUSY;
		if (bo->tbo.pin_count &&
		    bo->tbo.resource->mem_type != placement->placement[0].mem_type)
			break;

		bo->async = async;
		ret = ttm_bo_validate(&bo->tbo, placement, &ctx);
		bo->async = false;
		if (ret)
			break;
		if (fence)
			*fence = dma_fence_get(bo->moving) ?: dma_fence_get_stub();
		ttm_bo_move_to_lru_tail_unlocked(&bo->tbo);

		/* The initial placement is not counted as a move. */
		if (create)
			vgem_pfn_bo_reset_counters(bo);
	}
	drm_exec_fini(&exec);
	return ret;
}

static bool vgem_pfn_no_room(int ret)
{
	return ret == -ENOMEM || ret == -ENOSPC;
}

/**
 * vgem_pfn_bo_place() - place or move a buffer object
 * @bo: the buffer object
 * @placement: allowed placements
 * @create: whether it is new, so that this does not count as a move
 * @async: whether a copy engine makes the copy
 * @fence: [out] if not NULL, a reference to a fence that signals when the copy
 *	   is done
 *
 * With a ww ticket TTM waits for the reservation locks of the objects to evict,
 * otherwise it would only trylock them. If two tasks deadlock on these locks,
 * TTM still fails for lack of memory. A task that fails therefore retries with
 * &vgem_pfn_device.validate held for writing, which excludes all other
 * placements. This follows xe_validation_ctx_init().
 *
 * Even then objects may leave a region: they are freed, or moved for an
 * importer that cannot reach them, without a ticket. TTM waits for the lock of
 * such an object and finds that it has left, but does not retry the allocation.
 * This function retries as long as resources are being freed.
 *
 * Context: may sleep, takes &vgem_pfn_device.validate and reservation locks.
 * Return: 0; -EBUSY if pinned in another region, or if fences do not signal;
 * -ENOMEM, -ENOSPC, -EINTR or -ERESTARTSYS.
 */
int vgem_pfn_bo_place(struct vgem_pfn_bo *bo, struct ttm_placement *placement,
		      bool create, bool async, struct dma_fence **fence)
{
	struct vgem_pfn_device *vdev = vgem_pfn_bo_device(bo);
	bool exclusive = false;
	int frees, ret;

	for (;;) {
		ret = vgem_pfn_bo_place_begin(vdev, exclusive);
		if (ret)
			return ret;

		/* Ends, since no other placements free resources. */
		do {
			frees = vgem_pfn_mgr_frees(vdev);
			ret = vgem_pfn_bo_try_place(bo, placement, create, async,
						    fence);
		} while (exclusive && vgem_pfn_no_room(ret) &&
			 vgem_pfn_mgr_wait_frees(vdev, frees));

		vgem_pfn_bo_place_end(vdev, exclusive);

		if (exclusive || !vgem_pfn_no_room(ret))
			return ret;
		exclusive = true;
	}
}
