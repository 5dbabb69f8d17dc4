// SPDX-License-Identifier: GPL-2.0-only
/*
 * Imported buffer objects: the memory belongs to another device and is accessed
 * through a dynamic attachment.
 *
 * TTM keeps such an object in SYSTEM, since it uses no memory that TTM manages.
 * The uAPI reports it in TT while it is mapped, that is, while it has DMA
 * addresses. Userspace maps and unmaps it with BO_MOVE. A notification from the
 * exporter unmaps it.
 *
 * A notification only unmaps the object, delayed if the debugfs knob
 * import_unmap_ms is set. It may arrive at any time between attach and detach,
 * also before the object has a handle or after the last handle is closed, so it
 * must not rely on references or on &drm_gem_object.import_attach. It may
 * arrive in memory reclaim, so it must not allocate. It does not wait: no
 * engine uses imported objects, so this device has no accesses in progress.
 *
 * The reservation object is the exporter's. It protects the mapping. It lives
 * as long as the dma-buf, so each object holds a reference to the dma-buf.
 */

#include <kunit/visibility.h>
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>

#include <drm/drm_drv.h>
#include <drm/drm_exec.h>
#include <drm/drm_gem_ttm_helper.h>
#include <drm/drm_prime.h>
#include <drm/ttm/ttm_tt.h>

#include "vgem_pfn_drv.h"

/* Limit of import_unmap_ms, more than an exporter waits in an unplug */
#define VGEM_PFN_MAX_UNMAP_MS	15000u

/* A dma-buf that was exported read-only must not be written. */
static bool vgem_pfn_import_writable(struct vgem_pfn_bo *bo)
{
	return bo->imported->file->f_mode & FMODE_WRITE;
}

static enum dma_data_direction vgem_pfn_import_dir(struct vgem_pfn_bo *bo)
{
	return vgem_pfn_import_writable(bo) ? DMA_BIDIRECTIONAL : DMA_TO_DEVICE;
}

static void vgem_pfn_import_unmap(struct vgem_pfn_bo *bo,
				  struct dma_buf_attachment *attach)
{
	struct vgem_pfn_device *vdev = vgem_pfn_bo_device(bo);

	dma_resv_assert_held(bo->tbo.base.resv);

	if (!bo->tbo.sg)
		return;

	dma_buf_unmap_attachment(attach, bo->tbo.sg, vgem_pfn_import_dir(bo));
	bo->tbo.sg = NULL;
	bo->late = false;
	if (atomic_dec_and_test(&vdev->num_import_maps))
		wake_up_all(&vdev->unmapped);
}

/**
 * vgem_pfn_import_check_list() - check the exporter's scatter list of a buffer
 * @sg: the mapped scatter list
 * @size: size of the buffer in bytes
 * @max_seg: longest entry that the device supports, in bytes
 *
 * Return: 0; -EINVAL if the entries do not cover exactly @size, or if one is too long.
 */
int vgem_pfn_import_check_list(struct sg_table *sg, u64 size, unsigned int max_seg)
{
	struct scatterlist *sgl;
	u64 sum = 0;
	int i;

	for_each_sgtable_dma_sg(sg, sgl, i) {
		if (sg_dma_len(sgl) > max_seg)
			return -EINVAL;
		sum += sg_dma_len(sgl);
	}
	return sum == size ? 0 : -EINVAL;
}
EXPORT_SYMBOL_IF_KUNIT(vgem_pfn_import_check_list);

static int vgem_pfn_import_map(struct vgem_pfn_bo *bo)
{
	struct dma_buf_attachment *attach = bo->tbo.base.import_attach;
	struct ttm_tt *tt = bo->tbo.ttm;
	struct sg_table *sg;
	long ret;

	dma_resv_assert_held(bo->tbo.base.resv);

	if (bo->late)
		vgem_pfn_import_unmap(bo, attach);
	if (bo->tbo.sg)
		return 0;

	/* An unplug after this check unmaps later, under this lock. */
	if (drm_dev_is_unplugged(bo->tbo.base.dev))
		return -ENODEV;

	sg = dma_buf_map_attachment(attach, vgem_pfn_import_dir(bo));
	if (IS_ERR(sg))
		return PTR_ERR(sg);
	bo->tbo.sg = sg;
	atomic_inc(&vgem_pfn_bo_device(bo)->num_import_maps);

	ret = vgem_pfn_import_check_list(sg, bo->tbo.base.size,
					 dma_get_max_seg_size(attach->dev));
	if (ret)
		goto err_unmap;

	/* The exporter may still be copying. */
	ret = dma_resv_wait_timeout(bo->tbo.base.resv, DMA_RESV_USAGE_KERNEL,
				    true, MAX_SCHEDULE_TIMEOUT);
	if (ret < 0)
		goto err_unmap;

	drm_prime_sg_to_dma_addr_array(sg, tt->dma_address, tt->num_pages);
	return 0;

err_unmap:
	vgem_pfn_import_unmap(bo, attach);
	return ret;
}

static void vgem_pfn_import_queue_unmap(struct vgem_pfn_bo *bo)
{
	s64 ns = ktime_to_ns(ktime_sub(bo->unmap_time, ktime_get()));

	dma_resv_assert_held(bo->tbo.base.resv);

	/* The work may still be queued with the longer delay of an earlier notification. */
	mod_delayed_work(system_dfl_wq, &bo->late_unmap,
			 ns > 0 ? nsecs_to_jiffies(ns) + 1 : 0);
}

/* An importer of scatter lists may unmap later, in bounded time. */
static void vgem_pfn_import_late_unmap(struct work_struct *work)
{
	struct vgem_pfn_bo *bo = container_of(to_delayed_work(work),
					      struct vgem_pfn_bo, late_unmap);

	dma_resv_lock(bo->tbo.base.resv, NULL);
	/* Timers count jiffies, which can lag behind ktime, so this can be too early. */
	if (bo->late && ktime_before(ktime_get(), bo->unmap_time))
		vgem_pfn_import_queue_unmap(bo);
	else if (bo->late)
		vgem_pfn_import_unmap(bo, bo->tbo.base.import_attach);
	dma_resv_unlock(bo->tbo.base.resv);
}

static void vgem_pfn_import_invalidate(struct dma_buf_attachment *attach)
{
	struct vgem_pfn_bo *bo = attach->importer_priv;
	u32 ms = READ_ONCE(vgem_pfn_bo_device(bo)->import_unmap_ms);

	dma_resv_assert_held(bo->tbo.base.resv);

	if (ms && bo->tbo.sg) {
		if (!bo->late)
			bo->unmap_time = ktime_add_ms(ktime_get(),
						      min(ms, VGEM_PFN_MAX_UNMAP_MS));
		bo->late = true;
		vgem_pfn_import_queue_unmap(bo);
		return;
	}
	vgem_pfn_import_unmap(bo, attach);
}

/**
 * vgem_pfn_import_unplug() - unmap an object whose device is unplugged
 * @bo: the imported buffer object, with its reservation lock held
 *
 * The object cannot be mapped again.
 */
void vgem_pfn_import_unplug(struct vgem_pfn_bo *bo)
{
	dma_resv_assert_held(bo->tbo.base.resv);

	vgem_pfn_import_unmap(bo, bo->tbo.base.import_attach);
}

/*
 * Indexed by &vgem_pfn_device.import_peer2peer. This driver never uses the DMA
 * addresses, so only the exporter checks whether they work.
 */
static const struct dma_buf_attach_ops vgem_pfn_import_attach_ops[] = {
	[false] = {
		.invalidate_mappings = vgem_pfn_import_invalidate,
	},
	[true] = {
		.allow_peer2peer = true,
		.invalidate_mappings = vgem_pfn_import_invalidate,
	},
};

/**
 * vgem_pfn_import_is_mapped() - whether an imported object has DMA addresses
 * @bo: the buffer object, with its reservation lock held
 *
 * Return: true from mapping it to the next notification; false for objects that
 * are not imported.
 */
bool vgem_pfn_import_is_mapped(struct vgem_pfn_bo *bo)
{
	dma_resv_assert_held(bo->tbo.base.resv);

	return bo->imported && bo->tbo.sg;
}

/**
 * vgem_pfn_import_lookup() - the DMA address of one page of an imported object
 * @bo: the imported buffer object, with its reservation lock held
 * @pgoff: page, counted from the start of @bo, smaller than its size
 *
 * Return: the DMA address divided by the page size, which without an IOMMU is
 * the page frame number, or VGEM_PFN_NO_PFN if @bo is not mapped.
 */
u64 vgem_pfn_import_lookup(struct vgem_pfn_bo *bo, pgoff_t pgoff)
{
	if (!vgem_pfn_import_is_mapped(bo))
		return VGEM_PFN_NO_PFN;

	return bo->tbo.ttm->dma_address[pgoff] >> PAGE_SHIFT;
}

/**
 * vgem_pfn_import_move() - map or unmap an imported object
 * @bo: the imported buffer object
 * @region: TTM_PL_TT to map it, TTM_PL_SYSTEM to unmap it
 *
 * Context: may sleep, takes the reservation lock.
 * Return: 0; -EINVAL if the exporter's mapping does not have the size of its
 * buffer, or has an entry that is too long for the device; -ENODEV after an
 * unplug; -EINTR or -ERESTARTSYS; or the error of the exporter's map operation.
 */
int vgem_pfn_import_move(struct vgem_pfn_bo *bo, u32 region)
{
	struct drm_exec exec;
	bool was_mapped;
	int ret;

	/* The exporter may have to evict: its TTM uses our ww ticket. */
	drm_exec_init(&exec, DRM_EXEC_INTERRUPTIBLE_WAIT, 1);
	drm_exec_until_all_locked(&exec) {
		ret = drm_exec_lock_obj(&exec, &bo->tbo.base);
		drm_exec_retry_on_contention(&exec);
		if (ret)
			break;

		was_mapped = vgem_pfn_import_is_mapped(bo);
		if (region == TTM_PL_TT)
			ret = vgem_pfn_import_map(bo);
		else
			vgem_pfn_import_unmap(bo, bo->tbo.base.import_attach);
		if (was_mapped != vgem_pfn_import_is_mapped(bo))
			bo->num_moves++;
	}
	drm_exec_fini(&exec);
	return ret;
}

static int vgem_pfn_import_vmap(struct drm_gem_object *obj, struct iosys_map *map)
{
	return dma_buf_vmap(gem_to_vgem_pfn_bo(obj)->imported, map);
}

static void vgem_pfn_import_vunmap(struct drm_gem_object *obj,
				   struct iosys_map *map)
{
	dma_buf_vunmap(gem_to_vgem_pfn_bo(obj)->imported, map);
}

/* The exporter maps its pages. The mapping needs no reference to @obj. */
static int vgem_pfn_import_mmap(struct drm_gem_object *obj,
				struct vm_area_struct *vma)
{
	struct vgem_pfn_bo *bo = gem_to_vgem_pfn_bo(obj);
	int ret;

	if (!vgem_pfn_import_writable(bo)) {
		if (vma->vm_flags & VM_WRITE)
			return -EACCES;
		vm_flags_clear(vma, VM_MAYWRITE);
	}

	vma->vm_private_data = NULL;
	vma->vm_ops = NULL;
	ret = dma_buf_mmap(bo->imported, vma,
			   vma->vm_pgoff - drm_vma_node_start(&obj->vma_node));
	if (ret)
		return ret;

	/* drm_gem_mmap_obj() expects this flag. */
	vm_flags_set(vma, VM_DONTEXPAND);
	drm_gem_object_put(obj);
	return 0;
}

/*
 * TTM destroys the object after the fences of the buffer have signaled. Unmapping
 * does not wait for them, since this device does not use the memory.
 */
static void vgem_pfn_import_free(struct drm_gem_object *obj)
{
	struct vgem_pfn_bo *bo = gem_to_vgem_pfn_bo(obj);
	struct dma_buf_attachment *attach = obj->import_attach;

	if (attach) {
		dma_resv_lock(obj->resv, NULL);
		vgem_pfn_import_unmap(bo, attach);
		dma_resv_unlock(obj->resv);
		dma_buf_detach(bo->imported, attach);
		obj->import_attach = NULL;
	}
	/* Notifications queue this work. After dma_buf_detach() there are none. */
	cancel_delayed_work_sync(&bo->late_unmap);
	vgem_pfn_bo_free(obj);
}

/* No .export: drm_gem returns the imported dma-buf. */
static const struct drm_gem_object_funcs vgem_pfn_import_funcs = {
	.free = vgem_pfn_import_free,
	.print_info = drm_gem_ttm_print_info,
	.vmap = vgem_pfn_import_vmap,
	.vunmap = vgem_pfn_import_vunmap,
	.mmap = vgem_pfn_import_mmap,
};

/**
 * vgem_pfn_import_release() - release the dma-buf of an object that is destroyed
 * @bo: the buffer object; nothing happens if it is not imported
 *
 * The reservation lock of @bo must not be used afterwards.
 *
 * Context: takes no reservation lock, since TTM may destroy an object while it
 * holds ttm_global_mutex.
 */
void vgem_pfn_import_release(struct vgem_pfn_bo *bo)
{
	if (bo->imported)
		dma_buf_put(bo->imported);
}

/**
 * vgem_pfn_import_check_size() - check the size of a buffer of another exporter
 * @size: in bytes
 *
 * Return: 0; -EINVAL if @size is zero or not a multiple of the page size, -E2BIG if it is
 * too large for an object of TTM.
 */
int vgem_pfn_import_check_size(u64 size)
{
	if (!size || !PAGE_ALIGNED(size))
		return -EINVAL;
	/* TTM allocates an array of addresses: kvmalloc() allows INT_MAX. */
	if (size >> PAGE_SHIFT > INT_MAX / sizeof(dma_addr_t))
		return -E2BIG;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vgem_pfn_import_check_size);

static struct vgem_pfn_bo *vgem_pfn_import_create(struct vgem_pfn_device *vdev,
						  struct dma_buf *dmabuf)
{
	static const struct ttm_place system = { .mem_type = TTM_PL_SYSTEM };
	struct ttm_placement placement = {
		.placement = &system,
		.num_placement = 1,
	};
	struct vgem_pfn_bo *bo;
	int ret;

	ret = vgem_pfn_import_check_size(dmabuf->size);
	if (ret)
		return ERR_PTR(ret);

	bo = vgem_pfn_bo_alloc();
	if (!bo)
		return ERR_PTR(-ENOMEM);

	bo->tbo.base.resv = dmabuf->resv;
	drm_gem_private_object_init(&vdev->drm, &bo->tbo.base, dmabuf->size);
	bo->tbo.base.funcs = &vgem_pfn_import_funcs;
	INIT_DELAYED_WORK(&bo->late_unmap, vgem_pfn_import_late_unmap);
	bo->placements[0] = TTM_PL_TT;
	bo->num_placements = 1;

	/* TTM locks the reservation object when it destroys the object. */
	get_dma_buf(dmabuf);
	bo->imported = dmabuf;

	dma_resv_lock(dmabuf->resv, NULL);
	ret = ttm_bo_init_validate(&vdev->bdev, &bo->tbo, ttm_bo_type_sg,
				   &placement, 0, true, NULL, dmabuf->resv,
				   vgem_pfn_bo_destroy);
	dma_resv_unlock(dmabuf->resv);

	return ret ? ERR_PTR(ret) : bo;
}

/**
 * vgem_pfn_gem_prime_import() - &drm_driver.gem_prime_import
 * @drm: the device that imports
 * @dmabuf: the dma-buf
 *
 * Return: the object of @dmabuf if @drm exported it, otherwise a new object
 * that is attached to @dmabuf, or an error pointer.
 */
struct drm_gem_object *vgem_pfn_gem_prime_import(struct drm_device *drm,
						 struct dma_buf *dmabuf)
{
	struct vgem_pfn_device *vdev = to_vgem_pfn_device(drm);
	bool p2p = READ_ONCE(vdev->import_peer2peer);
	struct dma_buf_attachment *attach;
	struct drm_gem_object *obj;
	struct vgem_pfn_bo *bo;
	int ret;

	ret = vgem_pfn_fault(vdev, VGEM_PFN_FAULT_IMPORT);
	if (ret)
		return ERR_PTR(ret);

	obj = vgem_pfn_dma_buf_own(drm, dmabuf);
	if (obj) {
		drm_gem_object_get(obj);
		return obj;
	}

	/* Create the object first: notifications may follow the attach. */
	bo = vgem_pfn_import_create(vdev, dmabuf);
	if (IS_ERR(bo))
		return ERR_CAST(bo);

	attach = dma_buf_dynamic_attach(dmabuf, drm_dev_dma_dev(drm),
					&vgem_pfn_import_attach_ops[p2p], bo);
	if (IS_ERR(attach)) {
		drm_gem_object_put(&bo->tbo.base);
		return ERR_CAST(attach);
	}

	bo->tbo.base.import_attach = attach;
	vgem_pfn_bos_add(bo);
	return &bo->tbo.base;
}
