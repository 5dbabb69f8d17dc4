// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device goes while it is in use. What was given out before ends as follows:
 *
 *	file descriptors	every ioctl returns -ENODEV
 *	CPU mappings		the next access finds a page of zeroes, TTM's dummy
 *				page: what is written there is seen by nobody else
 *	dynamic importers	are notified (invalidate_mappings), and get -ENODEV
 *				from then on, from get_pfn as from all else; scatter
 *				lists of a BAR are waited for until they are unmapped
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
#include <linux/jiffies.h>
#include <linux/wait.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "vgem_pfn_drv.h"

/* An importer must unmap its scatter list in bounded time after a notification. */
#define VGEM_PFN_UNMAP_TIMEOUT	(10 * HZ)

/*
 * A BAR and its p2pdma provider are not valid after the driver is unbound. After
 * vfio_pci_dma_buf_move().
 */
static void vgem_pfn_wait_unmapped(struct vgem_pfn_bo *bo)
{
	struct vgem_pfn_device *vdev = vgem_pfn_bo_device(bo);

	if (!wait_event_timeout(vdev->bar_unmapped, !READ_ONCE(bo->num_bar_maps),
				VGEM_PFN_UNMAP_TIMEOUT))
		drm_err(&vdev->drm, "an importer did not unmap buffer %llu in %u s\n",
			bo->id, VGEM_PFN_UNMAP_TIMEOUT / HZ);
}

static void vgem_pfn_revoke(struct vgem_pfn_bo *bo)
{
	/* Nothing of ours uses what was imported, so its fences are not waited for. */
	if (bo->imported) {
		dma_resv_lock(bo->tbo.base.resv, NULL);
		vgem_pfn_import_unplug(bo);
		dma_resv_unlock(bo->tbo.base.resv);
		return;
	}

	dma_resv_lock(bo->tbo.base.resv, NULL);
	vgem_pfn_notify(bo);
	/* What the importers' devices still do, now without a way to start more. */
	dma_resv_wait_timeout(bo->tbo.base.resv, DMA_RESV_USAGE_BOOKKEEP, false,
			      MAX_SCHEDULE_TIMEOUT);
	dma_resv_unlock(bo->tbo.base.resv);

	vgem_pfn_wait_unmapped(bo);
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
