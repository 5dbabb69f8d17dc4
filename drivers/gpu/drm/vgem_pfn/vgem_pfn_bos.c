// SPDX-License-Identifier: GPL-2.0-only
/*
 * The list of all buffer objects of a device, to iterate over them on unplug,
 * on suspend and for the debugfs knob evict_all.
 *
 * &vgem_pfn_device.bos_lock protects the list. It is not held between
 * iterations. A reference keeps the current object alive, and thereby on the
 * list.
 */

#include <linux/kref.h>

#include "vgem_pfn_drv.h"

/**
 * vgem_pfn_bos_add() - add a buffer object to its device's list
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
 * vgem_pfn_bos_remove() - remove a buffer object from its device's list
 * @bo: the buffer object, which may not have been added
 */
void vgem_pfn_bos_remove(struct vgem_pfn_bo *bo)
{
	struct vgem_pfn_device *vdev = vgem_pfn_bo_device(bo);

	spin_lock(&vdev->bos_lock);
	list_del_init(&bo->link);
	spin_unlock(&vdev->bos_lock);
}

/**
 * vgem_pfn_bos_next() - iterate over the buffer objects of a device
 * @vdev: the device
 * @prev: the previous object, whose reference is dropped, or NULL to start
 *
 * Objects that are created during the iteration are visited, too.
 *
 * Context: may sleep. Must not hold reservation locks.
 * Return: the next object with a reference, or NULL at the end.
 */
struct vgem_pfn_bo *vgem_pfn_bos_next(struct vgem_pfn_device *vdev,
				      struct vgem_pfn_bo *prev)
{
	struct vgem_pfn_bo *bo;
	bool found = false;

	spin_lock(&vdev->bos_lock);
	bo = prev ?: list_entry(&vdev->bos, struct vgem_pfn_bo, link);
	list_for_each_entry_continue(bo, &vdev->bos, link) {
		/* Skip objects that are being freed. */
		found = kref_get_unless_zero(&bo->tbo.base.refcount);
		if (found)
			break;
	}
	spin_unlock(&vdev->bos_lock);

	if (prev)
		drm_gem_object_put(&prev->tbo.base);
	return found ? bo : NULL;
}
