// SPDX-License-Identifier: GPL-2.0-only
/*
 * The exporter: which memory an attachment can reach, scatter lists, and the
 * dma-buf operations in the order of a dma-buf's life.
 *
 * All attachments can reach memory with struct pages. Other memory, in reserved
 * and BAR carveouts, requires &dma_buf_attachment.peer2peer. For an attachment
 * without it, the object moves to the first region of its placement list that
 * has struct pages, which may be TT, SYSTEM or another carveout. If the list
 * has no such region, attaching fails. This follows xe_dma_buf.c.
 *
 * Scatter lists are mapped for the device of an attachment. For memory without
 * struct pages they only have DMA addresses.
 *
 * All operations run under the object's reservation lock, except attach, those
 * for CPU access, mmap and release.
 */

#include <linux/align.h>
#include <linux/dma-buf-mapping.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/pci-p2pdma.h>
#include <linux/pci.h>
#include <linux/pfn.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include <drm/drm_device.h>
#include <drm/drm_drv.h>
#include <drm/drm_prime.h>

#include "vgem_pfn_drv.h"
#include "vgem_pfn_trace.h"

/*
 * Regions of the placement list that have struct pages and are large enough. If
 * there are any, SYSTEM is a fallback: callers hold the object's lock without a
 * ww ticket, so TTM can only trylock the objects to evict, and may fail.
 */
static unsigned int vgem_pfn_reach_places(struct vgem_pfn_bo *bo,
					  struct ttm_place *places)
{
	struct vgem_pfn_device *vdev = vgem_pfn_bo_device(bo);
	bool system = false;
	unsigned int i, n = 0;

	for (i = 0; i < bo->num_placements; i++) {
		if (!vgem_pfn_region_has_pages(vdev, bo->placements[i]) ||
		    !vgem_pfn_bo_fits(bo, bo->placements[i]))
			continue;
		places[n++] = vgem_pfn_bo_ttm_place(bo, bo->placements[i]);
		system |= bo->placements[i] == TTM_PL_SYSTEM;
	}

	if (n && !system) {
		places[n] = vgem_pfn_bo_ttm_place(bo, TTM_PL_SYSTEM);
		places[n++].flags |= TTM_PL_FLAG_FALLBACK;
	}
	return n;
}

static bool vgem_pfn_reach_may_be_bar(struct vgem_pfn_bo *bo)
{
	unsigned int i;

	for (i = 0; i < bo->num_placements; i++)
		if (vgem_pfn_region_is_bar(vgem_pfn_bo_device(bo),
					   bo->placements[i]))
			return true;
	return false;
}

/*
 * Any device reaches reserved memory, and an importer without a device uses
 * page tables of its own. For a BAR p2pdma decides.
 */
static bool vgem_pfn_reach_is_peer(struct vgem_pfn_bo *bo, struct device *dev)
{
	struct vgem_pfn_device *vdev = vgem_pfn_bo_device(bo);

	if (!dev || !vgem_pfn_reach_may_be_bar(bo))
		return true;

	return vdev->p2pdma && dev_is_pci(dev) &&
	       pci_p2pdma_distance(to_pci_dev(vdev->drm.dev), dev, false) >= 0;
}

/**
 * vgem_pfn_reach_attach() - decide what a new attachment can reach
 * @bo: the buffer object; its lock is not required, since only constant fields
 *	are read
 * @attach: the attachment; its peer2peer is cleared if it is no peer, or if it
 *	    cannot be notified before a BAR is removed
 *
 * Return: 0; -EOPNOTSUPP if @bo is never in memory that @attach can reach;
 * -ENODEV if the device is unplugged.
 */
static int vgem_pfn_reach_attach(struct vgem_pfn_bo *bo,
				 struct dma_buf_attachment *attach)
{
	struct ttm_place places[DRM_VGEM_PFN_MAX_REGIONS];

	if (drm_dev_is_unplugged(bo->tbo.base.dev))
		return -ENODEV;

	if (!vgem_pfn_reach_is_peer(bo, attach->dev))
		attach->peer2peer = false;

	/* vfio-pci refuses these, since it has no other memory. */
	if (!dma_buf_attach_revocable(attach) && vgem_pfn_reach_may_be_bar(bo))
		attach->peer2peer = false;

	if (!attach->peer2peer && !vgem_pfn_reach_places(bo, places))
		return -EOPNOTSUPP;
	return 0;
}

/*
 * Move to the first region that has struct pages. Not inlined, since it is
 * rarely needed and uses much stack.
 */
static noinline_for_stack int vgem_pfn_reach_move(struct vgem_pfn_bo *bo)
{
	struct ttm_operation_ctx ctx = {
		.interruptible = true,
		.gfp_retry_mayfail = true,
	};
	struct ttm_place places[DRM_VGEM_PFN_MAX_REGIONS] = {};
	struct ttm_placement placement = { .placement = places };
	int ret;

	dma_resv_assert_held(bo->tbo.base.resv);

	placement.num_placement = vgem_pfn_reach_places(bo, places);
	if (bo->tbo.pin_count || !placement.num_placement)
		return -EOPNOTSUPP;

	ret = ttm_bo_validate(&bo->tbo, &placement, &ctx);
	return ret == -EBUSY ? -ETIME : ret;
}

static noinline_for_stack int vgem_pfn_reach_populate(struct vgem_pfn_bo *bo)
{
	struct ttm_operation_ctx ctx = {
		.interruptible = true,
		.gfp_retry_mayfail = true,
	};

	dma_resv_assert_held(bo->tbo.base.resv);

	return ttm_bo_populate(&bo->tbo, &ctx);
}

/**
 * vgem_pfn_reach() - move a buffer object to memory that can be reached
 * @bo: the buffer object, with its reservation lock held
 * @peer2peer: whether memory without struct pages can be reached
 *
 * On success @bo is populated, but a copy may still be in progress. If @bo
 * moves, all importers are notified, including the caller.
 *
 * Fails after an unplug. Importers with earlier results are notified by the
 * unplug, which takes this lock later.
 *
 * Return: the run table of the memory, valid until the lock is released, or an
 * error pointer: -ENODEV if the device is unplugged; -EOPNOTSUPP if @bo is
 * pinned where it cannot be reached, since dma_buf_map_attachment() warns about
 * -EBUSY; -ETIME if fences do not signal; -ENOMEM, -ENOSPC, -EINTR or
 * -ERESTARTSYS.
 */
static inline const struct vgem_pfn_runs *vgem_pfn_reach(struct vgem_pfn_bo *bo,
							 bool peer2peer)
{
	const struct vgem_pfn_runs *runs;
	int ret;

	dma_resv_assert_held(bo->tbo.base.resv);

	if (bo->revoked)
		return ERR_PTR(-ENODEV);

	if (!peer2peer && !vgem_pfn_region_has_pages(vgem_pfn_bo_device(bo),
						     bo->tbo.resource->mem_type)) {
		ret = vgem_pfn_reach_move(bo);
		if (ret)
			return ERR_PTR(ret);
	}

	/* Without a run table @bo has no memory. */
	runs = vgem_pfn_bo_runs(bo);
	if (!runs) {
		ret = vgem_pfn_reach_populate(bo);
		if (ret)
			return ERR_PTR(ret);
		runs = vgem_pfn_bo_runs(bo);
	}

	if (trace_vgem_pfn_place_enabled() && !bo->place_traced)
		vgem_pfn_trace_place(bo);
	return runs;
}

/**
 * vgem_pfn_reach_all() - move a buffer object to where all attachments reach it
 * @bo: the buffer object, with its reservation lock held
 * @dmabuf: its dma-buf
 *
 * Return: 0 or an error of vgem_pfn_reach().
 */
static int vgem_pfn_reach_all(struct vgem_pfn_bo *bo, struct dma_buf *dmabuf)
{
	struct dma_buf_attachment *attach;
	bool peer2peer = true;

	dma_resv_assert_held(dmabuf->resv);

	list_for_each_entry(attach, &dmabuf->attachments, node)
		peer2peer &= attach->peer2peer;

	return PTR_ERR_OR_ZERO(vgem_pfn_reach(bo, peer2peer));
}

/*
 * Bounce buffers would need to be synced at times that only the importer can
 * determine, so a mapping that needs them is refused. Nothing else here has to
 * be synced: the memory is coherent on every architecture that this driver
 * builds for.
 */
#define VGEM_PFN_SG_ATTRS	(DMA_ATTR_SKIP_CPU_SYNC | DMA_ATTR_REQUIRE_COHERENT)

/* Maximum length of an entry for the device, a multiple of the page size */
static unsigned int vgem_pfn_sg_max_segment(struct device *dev)
{
	size_t max = min_t(size_t, dma_get_max_seg_size(dev),
			   dma_max_mapping_size(dev));

	return max_t(unsigned int, ALIGN_DOWN(min_t(size_t, max, UINT_MAX), PAGE_SIZE),
		     PAGE_SIZE);
}

/* The next contiguous piece, limited to the maximum length of an entry. */
static u64 vgem_pfn_sg_next_run(struct vgem_pfn_bo *bo, struct device *dev,
				pgoff_t pgoff, pgoff_t *n)
{
	u64 pfn = vgem_pfn_runs_pfn(vgem_pfn_bo_runs(bo), pgoff, n);

	*n = min(*n, vgem_pfn_sg_max_segment(dev) >> PAGE_SHIFT);
	return pfn;
}

/*
 * Whether the device can address the memory without bounce buffers, if there is
 * no IOMMU. If not, the DMA core would warn.
 */
static bool vgem_pfn_sg_is_addressable(struct vgem_pfn_bo *bo, struct device *dev)
{
	pgoff_t pgoff, n, num_pages = bo->tbo.base.size >> PAGE_SHIFT;
	u64 limit = min_not_zero(dma_get_mask(dev), dev->bus_dma_limit);

	if (!dma_addressing_limited(dev))
		return true;

	for (pgoff = 0; pgoff < num_pages; pgoff += n) {
		u64 pfn = vgem_pfn_sg_next_run(bo, dev, pgoff, &n);

		if (PFN_PHYS(pfn + n) - 1 > limit)
			return false;
	}
	return true;
}

static struct sg_table *vgem_pfn_sg_map_pages(struct vgem_pfn_bo *bo,
					      struct device *dev,
					      enum dma_data_direction dir)
{
	unsigned int i, num_pages = bo->tbo.base.size >> PAGE_SHIFT;
	struct sg_table *sgt;
	struct page **pages;
	int ret;

	pages = kvmalloc_array(num_pages, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < num_pages; i++)
		pages[i] = pfn_to_page(vgem_pfn_lookup(bo, i));

	ret = -ENOMEM;
	sgt = kmalloc_obj(*sgt);
	if (!sgt)
		goto err_pages;
	ret = sg_alloc_table_from_pages_segment(sgt, pages, num_pages, 0,
						bo->tbo.base.size,
						vgem_pfn_sg_max_segment(dev),
						GFP_KERNEL);
	if (ret)
		goto err_sgt;
	ret = dma_map_sgtable(dev, sgt, dir, VGEM_PFN_SG_ATTRS);
	if (ret)
		goto err_table;
	kvfree(pages);
	return sgt;

err_table:
	sg_free_table(sgt);
err_sgt:
	kfree(sgt);
err_pages:
	kvfree(pages);
	return ERR_PTR(ret);
}

static void vgem_pfn_sg_unmap_pfns(struct device *dev, struct sg_table *sgt,
				   enum dma_data_direction dir)
{
	struct scatterlist *sg;
	int i;

	for_each_sgtable_sg(sgt, sg, i)
		if (sg->length)
			dma_unmap_phys(dev, sg_dma_address(sg), sg->length,
				       dir, VGEM_PFN_SG_ATTRS);
	sg_free_table(sgt);
	kfree(sgt);
}

/* Reserved memory, without struct pages */
static struct sg_table *vgem_pfn_sg_map_pfns(struct vgem_pfn_bo *bo,
					     struct device *dev,
					     enum dma_data_direction dir)
{
	pgoff_t pgoff, n, num_pages = bo->tbo.base.size >> PAGE_SHIFT;
	struct scatterlist *sg;
	unsigned int nents = 0;
	struct sg_table *sgt;
	dma_addr_t addr;
	int ret;

	for (pgoff = 0; pgoff < num_pages; pgoff += n, nents++)
		vgem_pfn_sg_next_run(bo, dev, pgoff, &n);

	sgt = kmalloc_obj(*sgt);
	if (!sgt)
		return ERR_PTR(-ENOMEM);
	ret = sg_alloc_table(sgt, nents, GFP_KERNEL);
	if (ret) {
		kfree(sgt);
		return ERR_PTR(ret);
	}

	/* An entry of length zero is not mapped yet. */
	sg = sgt->sgl;
	for (pgoff = 0; pgoff < num_pages; pgoff += n, sg = sg_next(sg)) {
		u64 pfn = vgem_pfn_sg_next_run(bo, dev, pgoff, &n);

		addr = dma_map_phys(dev, PFN_PHYS(pfn), n << PAGE_SHIFT, dir,
				    VGEM_PFN_SG_ATTRS);
		ret = dma_mapping_error(dev, addr);
		if (ret) {
			vgem_pfn_sg_unmap_pfns(dev, sgt, dir);
			return ERR_PTR(ret);
		}
		sg_set_page(sg, NULL, n << PAGE_SHIFT, 0);
		sg_dma_address(sg) = addr;
		sg_dma_len(sg) = n << PAGE_SHIFT;
	}
	return sgt;
}

/* For a BAR, p2pdma determines the route: a bridge or the root complex. */
static struct sg_table *vgem_pfn_sg_map_bar(struct vgem_pfn_bo *bo,
					    struct dma_buf_attachment *attach,
					    enum dma_data_direction dir)
{
	pgoff_t pgoff, n, num_pages = bo->tbo.base.size >> PAGE_SHIFT;
	unsigned int i, num = vgem_pfn_bo_runs(bo)->num;
	struct phys_vec *vec;
	struct sg_table *sgt;

	vec = kvmalloc_objs(*vec, num);
	if (!vec)
		return ERR_PTR(-ENOMEM);

	for (i = 0, pgoff = 0; pgoff < num_pages; i++, pgoff += n) {
		vec[i].paddr = PFN_PHYS(vgem_pfn_runs_pfn(vgem_pfn_bo_runs(bo), pgoff, &n));
		vec[i].len = PFN_PHYS(n);
	}
	sgt = dma_buf_phys_vec_to_sgt(attach, vgem_pfn_bo_device(bo)->p2pdma, vec,
				      num, bo->tbo.base.size, dir);
	kvfree(vec);
	if (!IS_ERR(sgt))
		WRITE_ONCE(bo->num_bar_maps, bo->num_bar_maps + 1);
	return sgt;
}

/**
 * vgem_pfn_sg_map() - map a buffer object for the device of an attachment
 * @bo: the buffer object, with its reservation lock held, and populated
 * @attach: the attachment, which can reach that memory
 * @dir: direction of the transfer
 *
 * Return: the scatter list, or an error pointer: -EOPNOTSUPP if the device has
 * too few address bits, -EIO if the DMA mapping fails, -ENOMEM.
 */
static struct sg_table *vgem_pfn_sg_map(struct vgem_pfn_bo *bo,
					struct dma_buf_attachment *attach,
					enum dma_data_direction dir)
{
	struct vgem_pfn_device *vdev = vgem_pfn_bo_device(bo);
	u32 region = bo->tbo.resource->mem_type;

	dma_resv_assert_held(bo->tbo.base.resv);

	if (vgem_pfn_region_is_bar(vdev, region))
		return vgem_pfn_sg_map_bar(bo, attach, dir);

	if (!vgem_pfn_sg_is_addressable(bo, attach->dev))
		return ERR_PTR(-EOPNOTSUPP);

	return vgem_pfn_region_has_pages(vdev, region) ?
	       vgem_pfn_sg_map_pages(bo, attach->dev, dir) :
	       vgem_pfn_sg_map_pfns(bo, attach->dev, dir);
}

/**
 * vgem_pfn_sg_unmap() - undo vgem_pfn_sg_map()
 * @bo: the buffer object, with its reservation lock held; may have moved since
 * @attach: the attachment
 * @sgt: the scatter list
 * @dir: direction of the transfer
 */
static void vgem_pfn_sg_unmap(struct vgem_pfn_bo *bo,
			      struct dma_buf_attachment *attach,
			      struct sg_table *sgt, enum dma_data_direction dir)
{
	dma_resv_assert_held(bo->tbo.base.resv);

	/* Only dma_buf_phys_vec_to_sgt() makes a table without CPU entries. */
	if (!sgt->orig_nents) {
		dma_buf_free_sgt(attach, sgt, dir);
		WRITE_ONCE(bo->num_bar_maps, bo->num_bar_maps - 1);
		if (!bo->num_bar_maps)
			wake_up_all(&vgem_pfn_bo_device(bo)->unmapped);
		return;
	}

	if (!sg_page(sgt->sgl)) {
		vgem_pfn_sg_unmap_pfns(attach->dev, sgt, dir);
		return;
	}

	dma_unmap_sgtable(attach->dev, sgt, dir, VGEM_PFN_SG_ATTRS);
	sg_free_table(sgt);
	kfree(sgt);
}

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

	/*
	 * As an exporter that pins only in some regions may have to, like amdgpu.
	 * A pinned object does not move, so it needs no notification.
	 */
	if (READ_ONCE(vgem_pfn_bo_device(bo)->pin_notifies) && !bo->tbo.pin_count)
		vgem_pfn_notify(bo);

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
	const struct vgem_pfn_runs *runs;
	struct sg_table *sgt;
	int ret;

	dma_resv_assert_held(bo->tbo.base.resv);

	ret = vgem_pfn_fault(vgem_pfn_bo_device(bo), VGEM_PFN_FAULT_MAP);
	if (ret)
		return ERR_PTR(ret);

	runs = vgem_pfn_reach(bo, attach->peer2peer);
	if (IS_ERR(runs))
		return ERR_CAST(runs);

	sgt = vgem_pfn_sg_map(bo, attach, dir);
	if (!IS_ERR(sgt))
		WRITE_ONCE(bo->num_maps, bo->num_maps + 1);
	return sgt;
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
	const struct vgem_pfn_runs *runs;
	int ret;

	dma_resv_assert_held(bo->tbo.base.resv);

	ret = vgem_pfn_fault(vdev, VGEM_PFN_FAULT_GET_PFN);
	if (ret)
		return ret;

	runs = vgem_pfn_reach(bo, attach->peer2peer);
	if (IS_ERR(runs))
		return PTR_ERR(runs);

	/* Importers that map a range look up one run after the other. */
	vgem_pfn_runs_get(runs, pgoff, &bo->next_run, run);
	if (vgem_pfn_region_is_bar(vdev, bo->tbo.resource->mem_type)) {
		run->type = DMA_BUF_PFN_MMIO;
		run->caching = DMA_BUF_PFN_WRITE_COMBINED;
		run->provider = vdev->p2pdma;
	}
	WRITE_ONCE(bo->num_get_pfn, bo->num_get_pfn + 1);
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
		vgem_pfn_trace_exported(gem_to_vgem_pfn_bo(obj), dmabuf);
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

	return dmabuf->ops->begin_cpu_access == vgem_pfn_dma_buf_begin_cpu_access &&
	       obj->dev == drm ? obj : NULL;
}
