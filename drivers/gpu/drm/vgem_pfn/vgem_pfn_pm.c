// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suspend, hibernation and unplug.
 *
 * VRAM loses its contents during suspend. Therefore buffer objects in carveouts
 * move to system memory before a suspend, and back afterwards. Pinned objects do
 * not move. A notifier does this, since when devices are suspended, tasks are
 * frozen and there may not be enough free memory. After the notification no
 * buffer objects are placed until resume. Tasks wait for the resume
 * interruptibly, so that they can be frozen.
 *
 * The effects of an unplug on the users of a device are:
 *
 *	file descriptors	every ioctl returns -ENODEV
 *	CPU mappings		the next access maps TTM's dummy page, which is
 *				zeroed and not shared with other mappings
 *	dynamic importers	are notified (invalidate_mappings). Attach, pin,
 *				map and get_pfn return -ENODEV from then on.
 *				Unplug waits for scatter lists of a BAR to be
 *				unmapped, up to VGEM_PFN_UNMAP_TIMEOUT.
 *	static importers	keep their mappings until they detach. They
 *				cannot be notified, so their memory must stay:
 *				it is freed with the DRM device, which each
 *				dma-buf has a reference to
 *
 * Imported objects are unmapped, since their DMA addresses are for this device.
 * The contents of buffers are lost, so nothing is evicted first, not even if
 * the carveout could still be read.
 *
 * Code that accesses a carveout must be between drm_dev_enter() and
 * drm_dev_exit(). Code that returns page frame numbers must check
 * &vgem_pfn_bo.revoked under the reservation lock: if it is false,
 * vgem_pfn_revoke() has yet to take the lock. An object that is created after
 * vgem_pfn_device_unplug() has visited all objects has no attachments, since
 * attaching fails from drm_dev_unplug() on.
 */

#include <linux/dma-resv.h>
#include <linux/jiffies.h>
#include <linux/notifier.h>
#include <linux/suspend.h>
#include <linux/wait.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "vgem_pfn_drv.h"

/* An importer must unmap a scatter list in bounded time after a notification */
#define VGEM_PFN_UNMAP_TIMEOUT	(10 * HZ)

/*
 * A BAR and its p2pdma provider are not valid after the driver is unbound. This
 * follows vfio_pci_dma_buf_move().
 */
static void vgem_pfn_wait_unmapped(struct vgem_pfn_bo *bo)
{
	struct vgem_pfn_device *vdev = vgem_pfn_bo_device(bo);

	if (!wait_event_timeout(vdev->unmapped, !READ_ONCE(bo->num_bar_maps),
				VGEM_PFN_UNMAP_TIMEOUT))
		drm_err(&vdev->drm, "an importer did not unmap buffer %llu in %u s\n",
			bo->id, VGEM_PFN_UNMAP_TIMEOUT / HZ);
}

static void vgem_pfn_revoke(struct vgem_pfn_bo *bo)
{
	/* This device does not use imported memory, so there is no wait. */
	if (bo->imported) {
		dma_resv_lock(bo->tbo.base.resv, NULL);
		vgem_pfn_import_unplug(bo);
		dma_resv_unlock(bo->tbo.base.resv);
		return;
	}

	dma_resv_lock(bo->tbo.base.resv, NULL);
	bo->revoked = true;
	vgem_pfn_notify(bo);
	/* Wait for accesses in progress. Importers cannot start new ones. */
	dma_resv_wait_timeout(bo->tbo.base.resv, DMA_RESV_USAGE_BOOKKEEP, false,
			      MAX_SCHEDULE_TIMEOUT);
	dma_resv_unlock(bo->tbo.base.resv);

	vgem_pfn_wait_unmapped(bo);
}

/**
 * vgem_pfn_device_unplug() - unregister a device that may be in use
 * @vdev: the device
 *
 * On return only importers with static attachments may access its carveouts.
 *
 * Context: may sleep, takes reservation locks.
 */
void vgem_pfn_device_unplug(struct vgem_pfn_device *vdev)
{
	struct vgem_pfn_bo *bo = NULL;

	drm_dev_unplug(&vdev->drm);

	while ((bo = vgem_pfn_bos_next(vdev, bo)))
		vgem_pfn_revoke(bo);

	/*
	 * The iteration skips objects whose last reference has been dropped. Their
	 * .free operation may still be unmapping them.
	 */
	if (!wait_event_timeout(vdev->unmapped, !atomic_read(&vdev->num_import_maps),
				VGEM_PFN_UNMAP_TIMEOUT))
		drm_err(&vdev->drm, "imported buffers are still mapped after %u s\n",
			VGEM_PFN_UNMAP_TIMEOUT / HZ);
}

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

/* The copy may be asynchronous. Callers wait for it if they need to. */
static int vgem_pfn_pm_place(struct vgem_pfn_bo *bo, u32 region)
{
	struct ttm_place place = vgem_pfn_bo_ttm_place(bo, region);
	struct ttm_placement placement = {
		.placement = &place,
		.num_placement = 1,
	};
	struct ttm_operation_ctx ctx = { .gfp_retry_mayfail = true };

	dma_resv_assert_held(bo->tbo.base.resv);

	return ttm_bo_validate(&bo->tbo, &placement, &ctx);
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
	/* Wait for the copy, or for that of an earlier move out of a carveout. */
	if (!ret && !bo->imported)
		dma_resv_wait_timeout(bo->tbo.base.resv, DMA_RESV_USAGE_KERNEL, false,
				      MAX_SCHEDULE_TIMEOUT);
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

	/* The notifier is not called on resume any more. */
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
