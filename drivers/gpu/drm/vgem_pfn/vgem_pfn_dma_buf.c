// SPDX-License-Identifier: GPL-2.0-only
/*
 * The exporter's dma-buf operations, in the order of a dma-buf's life. All but
 * attach, those for CPU access, mmap and release are called with the
 * reservation lock held.
 */

#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-resv.h>

#include <drm/drm_device.h>
#include <drm/drm_drv.h>
#include <drm/drm_prime.h>

#include "vgem_pfn_drv.h"
#include "vgem_pfn_trace.h"

MODULE_IMPORT_NS("DMA_BUF");

static struct vgem_pfn_bo *dmabuf_to_bo(struct dma_buf *dmabuf)
{
	return gem_to_vgem_pfn_bo(dmabuf->priv);
}

static int vgem_pfn_dma_buf_attach(struct dma_buf *dmabuf,
				   struct dma_buf_attachment *attach)
{
	struct vgem_pfn_bo *bo = dmabuf_to_bo(dmabuf);
	int ret;

	ret = vgem_pfn_fault(vgem_pfn_bo_device(bo), VGEM_PFN_FAULT_ATTACH);
	if (ret)
		return ret;

	return vgem_pfn_reach_attach(bo, attach);
}

static int vgem_pfn_dma_buf_pin(struct dma_buf_attachment *attach)
{
	struct vgem_pfn_bo *bo = dmabuf_to_bo(attach->dmabuf);
	long ret;

	dma_resv_assert_held(bo->tbo.base.resv);

	ret = vgem_pfn_fault(vgem_pfn_bo_device(bo), VGEM_PFN_FAULT_PIN);
	if (ret)
		return ret;

	ret = vgem_pfn_reach_all(bo, attach->dmabuf);
	if (ret)
		return ret;

	/* A pinned buffer is ready for use: no move may be pending. */
	ret = dma_resv_wait_timeout(bo->tbo.base.resv, DMA_RESV_USAGE_KERNEL,
				    true, MAX_SCHEDULE_TIMEOUT);
	if (ret < 0)
		return ret;

	ttm_bo_pin(&bo->tbo);
	trace_vgem_pfn_pin(bo, attach);
	return 0;
}

static void vgem_pfn_dma_buf_unpin(struct dma_buf_attachment *attach)
{
	struct vgem_pfn_bo *bo = dmabuf_to_bo(attach->dmabuf);

	dma_resv_assert_held(bo->tbo.base.resv);

	ttm_bo_unpin(&bo->tbo);
	trace_vgem_pfn_unpin(bo, attach);
}

static struct sg_table *vgem_pfn_dma_buf_map(struct dma_buf_attachment *attach,
					     enum dma_data_direction dir)
{
	struct vgem_pfn_bo *bo = dmabuf_to_bo(attach->dmabuf);
	int ret;

	dma_resv_assert_held(bo->tbo.base.resv);

	ret = vgem_pfn_fault(vgem_pfn_bo_device(bo), VGEM_PFN_FAULT_MAP);
	if (ret)
		return ERR_PTR(ret);

	ret = vgem_pfn_reach(bo, attach->peer2peer);
	if (ret)
		return ERR_PTR(ret);

	return vgem_pfn_sg_map(bo, attach, dir);
}

static void vgem_pfn_dma_buf_unmap(struct dma_buf_attachment *attach,
				   struct sg_table *sgt,
				   enum dma_data_direction dir)
{
	dma_resv_assert_held(attach->dmabuf->resv);

	vgem_pfn_sg_unmap(dmabuf_to_bo(attach->dmabuf), attach, sgt, dir);
}

static int vgem_pfn_dma_buf_get_pfn_run(struct dma_buf_attachment *attach,
					pgoff_t pgoff,
					struct dma_buf_pfn_run *run)
{
	struct vgem_pfn_bo *bo = dmabuf_to_bo(attach->dmabuf);
	struct vgem_pfn_device *vdev = vgem_pfn_bo_device(bo);
	struct vgem_pfn_carveout *carveout;
	int ret;

	dma_resv_assert_held(bo->tbo.base.resv);

	ret = vgem_pfn_fault(vdev, VGEM_PFN_FAULT_GET_PFN);
	if (ret)
		return ret;

	ret = vgem_pfn_reach(bo, attach->peer2peer);
	if (ret)
		return ret;

	vgem_pfn_runs_get(vgem_pfn_bo_runs(bo), pgoff, run);
	carveout = vgem_pfn_carveout_of(vdev, bo->tbo.resource->mem_type);
	if (carveout && carveout->kind == VGEM_PFN_BAR) {
		run->type = DMA_BUF_PFN_MMIO;
		run->caching = DMA_BUF_PFN_WRITE_COMBINED;
		run->provider = vdev->p2pdma;
	}
	bo->num_get_pfn++;
	trace_vgem_pfn_get_pfn_run(bo, run);
	return 0;
}

/*
 * Does not move the object, since the CPU reaches all regions. Waits for
 * asynchronous moves by their fence, for synchronous ones by the lock.
 */
static int vgem_pfn_dma_buf_begin_cpu_access(struct dma_buf *dmabuf,
					     enum dma_data_direction dir)
{
	long ret;

	ret = dma_resv_lock_interruptible(dmabuf->resv, NULL);
	if (ret)
		return ret;

	ret = dma_resv_wait_timeout(dmabuf->resv, DMA_RESV_USAGE_KERNEL, true,
				    MAX_SCHEDULE_TIMEOUT);
	dma_resv_unlock(dmabuf->resv);
	return ret < 0 ? ret : 0;
}

static int vgem_pfn_dma_buf_end_cpu_access(struct dma_buf *dmabuf,
					   enum dma_data_direction dir)
{
	/* Flush writes through write-combining mappings. */
	wmb();
	return 0;
}

static void vgem_pfn_dma_buf_release(struct dma_buf *dmabuf)
{
	trace_vgem_pfn_release(dmabuf_to_bo(dmabuf));
	drm_gem_dmabuf_release(dmabuf);
}

static const struct dma_buf_ops vgem_pfn_dma_buf_ops = {
	.attach = vgem_pfn_dma_buf_attach,
	.pin = vgem_pfn_dma_buf_pin,
	.unpin = vgem_pfn_dma_buf_unpin,
	.map_dma_buf = vgem_pfn_dma_buf_map,
	.unmap_dma_buf = vgem_pfn_dma_buf_unmap,
	.get_pfn_run = vgem_pfn_dma_buf_get_pfn_run,
	.begin_cpu_access = vgem_pfn_dma_buf_begin_cpu_access,
	.end_cpu_access = vgem_pfn_dma_buf_end_cpu_access,
	.mmap = drm_gem_dmabuf_mmap,
	.vmap = drm_gem_dmabuf_vmap,
	.vunmap = drm_gem_dmabuf_vunmap,
	.release = vgem_pfn_dma_buf_release,
};

/* The dma-buf is not published yet, so it has no attachments. */
static void vgem_pfn_dma_buf_trace(struct vgem_pfn_bo *bo, struct dma_buf *dmabuf)
{
	if (!trace_vgem_pfn_export_enabled())
		return;

	dma_resv_lock(dmabuf->resv, NULL);
	trace_vgem_pfn_export(bo, dmabuf);
	vgem_pfn_trace_place(bo);
	dma_resv_unlock(dmabuf->resv);
}

/**
 * vgem_pfn_gem_prime_export() - &drm_gem_object_funcs.export
 * @obj: the object
 * @flags: flags of the file
 *
 * Does not populate the object.
 *
 * Return: the dma-buf or an error pointer.
 */
struct dma_buf *vgem_pfn_gem_prime_export(struct drm_gem_object *obj, int flags)
{
	struct dma_buf_export_info exp_info = {
		.exp_name = KBUILD_MODNAME,
		.owner = obj->dev->driver->fops->owner,
		.ops = &vgem_pfn_dma_buf_ops,
		.size = obj->size,
		.flags = flags,
		.priv = obj,
		.resv = obj->resv,
	};
	struct dma_buf *dmabuf;
	int ret;

	ret = vgem_pfn_fault(to_vgem_pfn_device(obj->dev), VGEM_PFN_FAULT_EXPORT);
	if (ret)
		return ERR_PTR(ret);

	dmabuf = drm_gem_dmabuf_export(obj->dev, &exp_info);
	if (!IS_ERR(dmabuf))
		vgem_pfn_dma_buf_trace(gem_to_vgem_pfn_bo(obj), dmabuf);
	return dmabuf;
}

/**
 * vgem_pfn_dma_buf_own() - the buffer object behind a dma-buf
 * @drm: the device
 * @dmabuf: any dma-buf
 *
 * Return: the object if it is one of @drm, otherwise NULL. @dmabuf keeps the
 * reference.
 */
struct drm_gem_object *vgem_pfn_dma_buf_own(struct drm_device *drm,
					    struct dma_buf *dmabuf)
{
	struct drm_gem_object *obj = dmabuf->priv;

	return dmabuf->ops == &vgem_pfn_dma_buf_ops && obj->dev == drm ? obj : NULL;
}
