// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unplug of a device that is in use. The effects on its users are:
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
 *
 * The contents of buffers are lost, so nothing is evicted first, not even if
 * the carveout could still be read.
 *
 * Code that accesses a carveout must be between drm_dev_enter() and
 * drm_dev_exit(). Code that returns page frame numbers must check
 * drm_dev_is_unplugged() under the reservation lock: if it is false,
 * vgem_pfn_revoke() has yet to take the lock.
 */

#include <linux/dma-resv.h>
#include <linux/jiffies.h>
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

	if (!wait_event_timeout(vdev->bar_unmapped, !READ_ONCE(bo->num_bar_maps),
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
}
