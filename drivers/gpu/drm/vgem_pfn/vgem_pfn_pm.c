// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suspend and hibernation. Buffer objects in carveouts move to system memory
 * before, and back afterwards, as with VRAM that loses its contents. Pinned
 * objects do not move.
 *
 * A notifier does this, since when devices are suspended, tasks are frozen and
 * there may not be enough memory to evict to. After the notification no buffer
 * objects are placed until resume. Tasks wait for that interruptibly, so that
 * they can be frozen.
 */

#include <linux/dma-resv.h>
#include <linux/notifier.h>
#include <linux/suspend.h>
#include <linux/wait.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "vgem_pfn_drv.h"

/**
 * vgem_pfn_pm_wait() - wait until buffer objects may be placed
 * @vdev: the device
 *
 * Callers must check vgem_pfn_pm_suspended() again with
 * &vgem_pfn_device.validate held.
 *
 * Context: may sleep, must not hold locks.
 * Return: 0 or -ERESTARTSYS.
 */
int vgem_pfn_pm_wait(struct vgem_pfn_device *vdev)
{
	return wait_event_interruptible(vdev->resumed,
					!vgem_pfn_pm_suspended(vdev));
}

static int vgem_pfn_pm_place(struct vgem_pfn_bo *bo, u32 region)
{
	struct ttm_place place = vgem_pfn_bo_ttm_place(bo, region);
	struct ttm_placement placement = {
		.placement = &place,
		.num_placement = 1,
	};
	struct ttm_operation_ctx ctx = { .gfp_retry_mayfail = true };
	int ret;

	dma_resv_assert_held(bo->tbo.base.resv);

	ret = ttm_bo_validate(&bo->tbo, &placement, &ctx);
	if (ret)
		return ret;

	/* The copy may be asynchronous. */
	dma_resv_wait_timeout(bo->tbo.base.resv, DMA_RESV_USAGE_KERNEL, false,
			      MAX_SCHEDULE_TIMEOUT);
	return 0;
}

static int vgem_pfn_pm_evict(struct vgem_pfn_bo *bo)
{
	u32 region;
	int ret = 0;

	dma_resv_lock(bo->tbo.base.resv, NULL);
	region = bo->tbo.resource->mem_type;
	if (region >= TTM_PL_VRAM && !bo->tbo.pin_count) {
		ret = vgem_pfn_pm_place(bo, TTM_PL_SYSTEM);
		if (!ret)
			bo->resume_region = region;
	}
	dma_resv_unlock(bo->tbo.base.resv);
	return ret;
}

/* If there is no space in the carveout, leave the BO in system memory. */
static void vgem_pfn_pm_restore(struct vgem_pfn_bo *bo)
{
	u32 region;

	dma_resv_lock(bo->tbo.base.resv, NULL);
	region = bo->resume_region;
	bo->resume_region = TTM_PL_SYSTEM;
	if (region != TTM_PL_SYSTEM && !bo->tbo.pin_count &&
	    vgem_pfn_pm_place(bo, region))
		drm_dbg_driver(bo->tbo.base.dev, "an object stays in system memory\n");
	dma_resv_unlock(bo->tbo.base.resv);
}

static void vgem_pfn_pm_resume(struct vgem_pfn_device *vdev)
{
	struct vgem_pfn_bo *bo = NULL;

	while ((bo = vgem_pfn_bos_next(vdev, bo)))
		vgem_pfn_pm_restore(bo);

	WRITE_ONCE(vdev->suspended, false);
	wake_up_all(&vdev->resumed);
}

static int vgem_pfn_pm_suspend(struct vgem_pfn_device *vdev)
{
	struct vgem_pfn_bo *bo = NULL;
	int ret;

	/* Wait for placements in progress. */
	WRITE_ONCE(vdev->suspended, true);
	down_write(&vdev->validate);
	up_write(&vdev->validate);

	while ((bo = vgem_pfn_bos_next(vdev, bo))) {
		ret = vgem_pfn_pm_evict(bo);
		if (ret && !drm_dev_is_unplugged(&vdev->drm))
			goto err_resume;
	}

	/* Suspend may lose the patterns, so check all of them now. */
	vgem_pfn_mgr_flush(vdev);
	return 0;

err_resume:
	drm_err(&vdev->drm, "cannot evict carveouts, suspend aborted: %d\n", ret);
	drm_gem_object_put(&bo->tbo.base);
	vgem_pfn_pm_resume(vdev);
	return ret;
}

static int vgem_pfn_pm_notify(struct notifier_block *nb, unsigned long action,
			      void *data)
{
	struct vgem_pfn_device *vdev =
		container_of(nb, struct vgem_pfn_device, pm_notifier);

	switch (action) {
	case PM_SUSPEND_PREPARE:
	case PM_HIBERNATION_PREPARE:
		return notifier_from_errno(vgem_pfn_pm_suspend(vdev));
	case PM_POST_SUSPEND:
	case PM_POST_HIBERNATION:
		vgem_pfn_pm_resume(vdev);
		return NOTIFY_OK;
	default:
		return NOTIFY_DONE;
	}
}

static void vgem_pfn_pm_fini(void *data)
{
	struct vgem_pfn_device *vdev = data;

	unregister_pm_notifier(&vdev->pm_notifier);

	/* After an unplug during suspend, resume does not do this. */
	WRITE_ONCE(vdev->suspended, false);
	wake_up_all(&vdev->resumed);
}

/**
 * vgem_pfn_pm_init() - register for suspend and hibernation
 * @vdev: the device
 *
 * Undone by devres of the parent device.
 *
 * Return: 0 or a negative errno.
 */
int vgem_pfn_pm_init(struct vgem_pfn_device *vdev)
{
	int ret;

	init_waitqueue_head(&vdev->resumed);
	vdev->pm_notifier.notifier_call = vgem_pfn_pm_notify;
	ret = register_pm_notifier(&vdev->pm_notifier);
	if (ret)
		return ret;

	return devm_add_action_or_reset(vdev->drm.dev, vgem_pfn_pm_fini, vdev);
}
