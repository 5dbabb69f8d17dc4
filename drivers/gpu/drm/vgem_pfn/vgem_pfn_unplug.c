// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device goes while it is in use. What was given out before ends as follows:
 *
 *	file descriptors	every ioctl returns -ENODEV
 *	CPU mappings		the next access finds a page of zeroes, TTM's dummy
 *				page: what is written there is seen by nobody else
 *	dynamic importers	are told (invalidate_mappings), and get -ENODEV from
 *				then on, from get_pfn as from all else
 *	static importers	keep what they have until they detach. They are never
 *				told, so their memory must not go away: it goes with
 *				the DRM device, which each dma-buf refers to
 *
 * What it has imported is unmapped: addresses for a device that is gone are no good.
 *
 * Contents are lost to everybody else. So nothing is evicted first, not even if
 * the carveout could still be read.
 *
 * Whoever touches a carveout does so between drm_dev_enter() and drm_dev_exit().
 * Whoever gives out page frame numbers asks under the reservation lock if the
 * device is still there: if it is, then the lock is not yet taken here.
 */

#include <linux/dma-resv.h>

#include <drm/drm_drv.h>

#include "vgem_pfn_drv.h"

static void vgem_pfn_revoke(struct vgem_pfn_bo *bo)
{
	dma_resv_lock(bo->tbo.base.resv, NULL);
	vgem_pfn_import_unplug(bo);
	vgem_pfn_notify(bo);
	/* What the importers' devices still do, now without a way to start more. */
	dma_resv_wait_timeout(bo->tbo.base.resv, DMA_RESV_USAGE_BOOKKEEP, false,
			      MAX_SCHEDULE_TIMEOUT);
	dma_resv_unlock(bo->tbo.base.resv);
}

/**
 * vgem_pfn_device_unplug() - unregister a device that may be in use
 * @vdev: the device
 *
 * On return nobody touches its carveouts any more, but the importers with static
 * attachments.
 *
 * Context: may sleep, takes reservation locks.
 */
void vgem_pfn_device_unplug(struct vgem_pfn_device *vdev)
{
	struct vgem_pfn_bo *bo = NULL;

	drm_dev_unplug(&vdev->drm);

	while ((bo = vgem_pfn_bos_next(vdev, bo)))
		vgem_pfn_revoke(bo);
}
