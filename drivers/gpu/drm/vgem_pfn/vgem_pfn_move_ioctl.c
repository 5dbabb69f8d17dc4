// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctl that moves a buffer object, with its sync objects. Everything else
 * that can fail is done before the move, so a completed move is never reported
 * as a failure.
 *
 * The input fence is waited for before the move takes any lock. It is never
 * added to the reservation object, since userspace controls when it signals.
 */

#include <linux/dma-fence.h>
#include <linux/dma-fence-chain.h>

#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_syncobj.h>

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
