// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls, and dumb buffers. Arguments are checked before any state is
 * changed, so a call that fails changes nothing, except that a call that runs
 * out of memory or is interrupted may have evicted other buffers and notified
 * importers.
 *
 * In an ioctl that moves a buffer object, everything else that can fail is done
 * before the move, so a completed move is never reported as a failure. The
 * input fence is waited for before the move takes any lock. It is never added
 * to the reservation object, since userspace controls when it signals.
 */

#include <linux/capability.h>
#include <linux/dma-buf.h>
#include <linux/dma-fence-chain.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/list.h>
#include <linux/uaccess.h>

#include <drm/drm_dumb_buffers.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_mode.h>
#include <drm/drm_prime.h>
#include <drm/drm_syncobj.h>
#include <drm/ttm/ttm_resource.h>

#include "vgem_pfn_drv.h"

/* The sync object and point that receive the fence of a move */
struct vgem_pfn_out {
	struct drm_syncobj *syncobj;
	struct dma_fence_chain *chain;
	u64 point;
};

static int vgem_pfn_out_init(struct vgem_pfn_out *out, struct drm_file *file,
			     u32 handle, u64 point)
{
	memset(out, 0, sizeof(*out));
	if (!handle)
		return 0;

	out->syncobj = drm_syncobj_find(file, handle);
	if (!out->syncobj)
		return -ENOENT;

	out->point = point;
	if (!point)
		return 0;

	out->chain = dma_fence_chain_alloc();
	if (out->chain)
		return 0;
	drm_syncobj_put(out->syncobj);
	return -ENOMEM;
}

static void vgem_pfn_out_install(struct vgem_pfn_out *out,
				 struct dma_fence *fence)
{
	if (out->chain)
		drm_syncobj_add_point(out->syncobj, out->chain, fence,
				      out->point);
	else if (out->syncobj)
		drm_syncobj_replace_fence(out->syncobj, fence);
	out->chain = NULL;
}

static void vgem_pfn_out_fini(struct vgem_pfn_out *out)
{
	dma_fence_chain_free(out->chain);
	if (out->syncobj)
		drm_syncobj_put(out->syncobj);
}

static int vgem_pfn_wait_in(struct drm_file *file, u32 handle, u64 point)
{
	struct dma_fence *fence;
	long ret;

	if (!handle)
		return 0;

	ret = drm_syncobj_find_fence(file, handle, point, 0, &fence);
	if (ret)
		return ret;

	ret = dma_fence_wait(fence, true);
	dma_fence_put(fence);
	return ret;
}

/**
 * vgem_pfn_bo_move_ioctl() - DRM_IOCTL_VGEM_PFN_BO_MOVE
 * @drm: the device
 * @data: &struct drm_vgem_pfn_bo_move
 * @file: the client
 *
 * Return: 0 or a negative errno, see the uAPI header.
 */
int vgem_pfn_bo_move_ioctl(struct drm_device *drm, void *data,
			   struct drm_file *file)
{
	struct drm_vgem_pfn_bo_move *args = data;
	struct drm_gem_object *obj;
	struct dma_fence *fence;
	struct vgem_pfn_out out;
	struct vgem_pfn_bo *bo;
	int ret;

	if (args->flags & ~DRM_VGEM_PFN_MOVE_ASYNC || args->pad)
		return -EINVAL;
	if ((!args->in_syncobj && args->in_point) ||
	    (!args->out_syncobj && args->out_point))
		return -EINVAL;

	obj = drm_gem_object_lookup(file, args->handle);
	if (!obj)
		return -ENOENT;

	bo = gem_to_vgem_pfn_bo(obj);
	ret = -EINVAL;
	if (!vgem_pfn_bo_allows(bo, args->region))
		goto err_obj;

	ret = vgem_pfn_out_init(&out, file, args->out_syncobj, args->out_point);
	if (ret)
		goto err_obj;

	ret = vgem_pfn_wait_in(file, args->in_syncobj, args->in_point);
	if (ret)
		goto err_out;

	ret = vgem_pfn_bo_move(bo, args->region,
			       args->flags & DRM_VGEM_PFN_MOVE_ASYNC, &fence);
	if (ret)
		goto err_out;

	vgem_pfn_out_install(&out, fence);
	dma_fence_put(fence);
err_out:
	vgem_pfn_out_fini(&out);
err_obj:
	drm_gem_object_put(obj);
	return ret;
}

static int vgem_pfn_check_placements(struct vgem_pfn_device *vdev,
				     const u32 *placements, unsigned int n,
				     u64 size)
{
	bool fits = false;
	u32 seen = 0;
	unsigned int i;

	/* TTM allocates an array of pointers: kvmalloc() allows INT_MAX. */
	if (size >> PAGE_SHIFT > INT_MAX / sizeof(struct page *))
		return -E2BIG;

	for (i = 0; i < n; i++) {
		unsigned long pages = vgem_pfn_region_pages(vdev, placements[i]);

		if (!pages || seen & BIT(placements[i]))
			return -EINVAL;
		seen |= BIT(placements[i]);
		fits |= size >> PAGE_SHIFT <= pages;
	}
	return fits ? 0 : -E2BIG;
}

/**
 * vgem_pfn_bo_create_ioctl() - DRM_IOCTL_VGEM_PFN_BO_CREATE
 * @drm: the device
 * @data: &struct drm_vgem_pfn_bo_create
 * @file: the client
 *
 * Return: 0 or a negative errno, see the uAPI header.
 */
int vgem_pfn_bo_create_ioctl(struct drm_device *drm, void *data,
			     struct drm_file *file)
{
	struct vgem_pfn_device *vdev = to_vgem_pfn_device(drm);
	struct drm_vgem_pfn_bo_create *args = data;
	u32 placements[DRM_VGEM_PFN_MAX_REGIONS];
	struct vgem_pfn_bo *bo;
	u64 size;
	int ret;

	if (args->flags & ~DRM_VGEM_PFN_BO_CREATE_FLAGS || args->pad)
		return -EINVAL;
	if (!args->size || !args->num_placements ||
	    args->num_placements > DRM_VGEM_PFN_MAX_REGIONS)
		return -EINVAL;
	if (copy_from_user(placements, u64_to_user_ptr(args->placements),
			   args->num_placements * sizeof(*placements)))
		return -EFAULT;

	/* Wraps to zero for the largest sizes. */
	size = PAGE_ALIGN(args->size);
	ret = vgem_pfn_check_placements(vdev, placements, args->num_placements,
					size ?: U64_MAX);
	if (ret)
		return ret;

	bo = vgem_pfn_bo_create(vdev, size, placements, args->num_placements,
				args->flags & DRM_VGEM_PFN_BO_CONTIGUOUS);
	if (IS_ERR(bo))
		return PTR_ERR(bo);

	ret = drm_gem_handle_create(file, &bo->tbo.base, &args->handle);
	if (!ret)
		args->size = size;
	drm_gem_object_put(&bo->tbo.base);
	return ret;
}

/**
 * vgem_pfn_bo_mmap_offset_ioctl() - DRM_IOCTL_VGEM_PFN_BO_MMAP_OFFSET
 * @drm: the device
 * @data: &struct drm_vgem_pfn_bo_mmap_offset
 * @file: the client
 *
 * Return: 0 or a negative errno, see the uAPI header.
 */
int vgem_pfn_bo_mmap_offset_ioctl(struct drm_device *drm, void *data,
				  struct drm_file *file)
{
	struct drm_vgem_pfn_bo_mmap_offset *args = data;
	struct drm_gem_object *obj;

	if (args->flags)
		return -EINVAL;

	obj = drm_gem_object_lookup(file, args->handle);
	if (!obj)
		return -ENOENT;

	args->offset = drm_vma_node_offset_addr(&obj->vma_node);
	drm_gem_object_put(obj);
	return 0;
}

/**
 * vgem_pfn_bo_query_ioctl() - DRM_IOCTL_VGEM_PFN_BO_QUERY
 * @drm: the device
 * @data: &struct drm_vgem_pfn_bo_query
 * @file: the client
 *
 * Return: 0 or a negative errno, see the uAPI header.
 */
int vgem_pfn_bo_query_ioctl(struct drm_device *drm, void *data,
			    struct drm_file *file)
{
	struct drm_vgem_pfn_bo_query *args = data;
	struct drm_gem_object *obj;
	struct dma_buf *dmabuf;
	struct vgem_pfn_bo *bo;
	int ret;

	if (args->flags)
		return -EINVAL;

	obj = drm_gem_object_lookup(file, args->handle);
	if (!obj)
		return -ENOENT;

	ret = dma_resv_lock_interruptible(obj->resv, NULL);
	if (ret)
		goto out;

	bo = gem_to_vgem_pfn_bo(obj);
	args->size = obj->size;
	args->region = vgem_pfn_bo_region(bo);
	args->pin_count = bo->tbo.pin_count;
	args->num_moves = bo->num_moves;
	args->num_evictions = bo->num_evictions;
	args->num_notifies = bo->num_notifies;
	dmabuf = drm_gem_dmabuf_exported(obj);
	args->exported = !!dmabuf;
	args->num_attachments = dmabuf ? list_count_nodes(&dmabuf->attachments) : 0;
	args->id = bo->id;
	dma_resv_unlock(obj->resv);
out:
	drm_gem_object_put(obj);
	return ret;
}

static void vgem_pfn_describe_region(struct vgem_pfn_device *vdev, u32 id,
				     struct drm_vgem_pfn_region *region)
{
	struct vgem_pfn_carveout *carveout = vgem_pfn_carveout_of(vdev, id);
	struct ttm_resource_manager *man = ttm_manager_type(&vdev->bdev, id);

	memset(region, 0, sizeof(*region));
	region->id = id;
	region->size = (u64)vgem_pfn_region_pages(vdev, id) << PAGE_SHIFT;
	region->used = ttm_resource_manager_usage(man);
	strscpy(region->name, vgem_pfn_region_name(vdev, id));

	if (carveout) {
		region->type = DRM_VGEM_PFN_REGION_TYPE_CONTIG + carveout->kind;
		region->flags = carveout->buddy ? DRM_VGEM_PFN_REGION_SCATTERED : 0;
		if (capable(CAP_SYS_ADMIN))
			region->base_pfn = PHYS_PFN(carveout->base);
	} else {
		region->type = id == TTM_PL_TT ? DRM_VGEM_PFN_REGION_TYPE_TT :
						 DRM_VGEM_PFN_REGION_TYPE_SYSTEM;
	}
}

/**
 * vgem_pfn_regions_ioctl() - DRM_IOCTL_VGEM_PFN_REGIONS
 * @drm: the device
 * @data: &struct drm_vgem_pfn_regions
 * @file: the client
 *
 * Return: 0 or a negative errno, see the uAPI header.
 */
int vgem_pfn_regions_ioctl(struct drm_device *drm, void *data,
			   struct drm_file *file)
{
	struct vgem_pfn_device *vdev = to_vgem_pfn_device(drm);
	struct drm_vgem_pfn_region __user *to;
	struct drm_vgem_pfn_regions *args = data;
	u32 total = vgem_pfn_num_regions(vdev);
	u32 id;

	if (args->flags)
		return -EINVAL;

	to = u64_to_user_ptr(args->regions);
	for (id = 0; id < min(args->num_regions, total); id++) {
		struct drm_vgem_pfn_region region;

		vgem_pfn_describe_region(vdev, id, &region);
		if (copy_to_user(&to[id], &region, sizeof(region)))
			return -EFAULT;
	}

	args->num_regions = total;
	return 0;
}

/**
 * vgem_pfn_dumb_create() - &drm_driver.dumb_create
 * @file: the client
 * @drm: the device
 * @args: requested and actual size
 *
 * A dumb buffer prefers the first carveout, then TT.
 *
 * Return: 0 or a negative errno.
 */
int vgem_pfn_dumb_create(struct drm_file *file, struct drm_device *drm,
			 struct drm_mode_create_dumb *args)
{
	static const u32 placements[] = { TTM_PL_VRAM, TTM_PL_TT };
	struct vgem_pfn_device *vdev = to_vgem_pfn_device(drm);
	struct vgem_pfn_bo *bo;
	int ret;

	if (args->flags)
		return -EINVAL;

	ret = drm_mode_size_dumb(drm, args, 0, 0);
	if (ret)
		return ret;

	ret = vgem_pfn_check_placements(vdev, placements, ARRAY_SIZE(placements),
					args->size);
	if (ret)
		return ret;

	bo = vgem_pfn_bo_create(vdev, args->size, placements,
				ARRAY_SIZE(placements), false);
	if (IS_ERR(bo))
		return PTR_ERR(bo);

	ret = drm_gem_handle_create(file, &bo->tbo.base, &args->handle);
	drm_gem_object_put(&bo->tbo.base);
	return ret;
}
