// SPDX-License-Identifier: GPL-2.0-only
/*
 * All buffer objects of a device, for those who must visit each: when it is
 * unplugged, and when the machine is suspended.
 *
 * &vgem_pfn_device.bos_lock protects the list. It is not held during a visit,
 * which keeps the visited object alive, and with that on the list, instead.
 */

#include <linux/kref.h>

#include "vgem_pfn_drv.h"

/**
 * vgem_pfn_bos_add() - make a buffer object known
 * @bo: the buffer object, ready for use
 */
void vgem_pfn_bos_add(struct vgem_pfn_bo *bo)
{
	struct vgem_pfn_device *vdev = vgem_pfn_bo_device(bo);

	spin_lock(&vdev->bos_lock);
	list_add_tail(&bo->link, &vdev->bos);
	spin_unlock(&vdev->bos_lock);
}

/**
 * vgem_pfn_bos_remove() - forget a buffer object
 * @bo: the buffer object, which may never have been made known
 */
void vgem_pfn_bos_remove(struct vgem_pfn_bo *bo)
{
	struct vgem_pfn_device *vdev = vgem_pfn_bo_device(bo);

	spin_lock(&vdev->bos_lock);
	list_del_init(&bo->link);
	spin_unlock(&vdev->bos_lock);
}

/**
 * vgem_pfn_bos_next() - go from one buffer object to the next
 * @vdev: the device
 * @prev: where to go on, or NULL for the first; its reference is dropped
 *
 * What is created after the first call is visited, too.
 *
 * Context: may sleep. Must not hold reservation locks.
 * Return: a buffer object with a reference, or NULL after the last.
 */
struct vgem_pfn_bo *vgem_pfn_bos_next(struct vgem_pfn_device *vdev,
				      struct vgem_pfn_bo *prev)
{
	struct vgem_pfn_bo *bo;
	bool found = false;

	spin_lock(&vdev->bos_lock);
	bo = prev ?: list_entry(&vdev->bos, struct vgem_pfn_bo, link);
	list_for_each_entry_continue(bo, &vdev->bos, link) {
		/* What is being freed needs no visit. */
		found = kref_get_unless_zero(&bo->tbo.base.refcount);
		if (found)
			break;
	}
	spin_unlock(&vdev->bos_lock);

	if (prev)
		drm_gem_object_put(&prev->tbo.base);
	return found ? bo : NULL;
}
