// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scatter lists of buffer objects, mapped for the device of an attachment. For
 * memory without struct pages they only have DMA addresses. Everything runs
 * under the object's reservation lock.
 */

#include <linux/align.h>
#include <linux/dma-buf.h>
#include <linux/dma-buf-mapping.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/pfn.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "vgem_pfn_drv.h"

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
		bo->num_bar_maps++;
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
struct sg_table *vgem_pfn_sg_map(struct vgem_pfn_bo *bo,
				 struct dma_buf_attachment *attach,
				 enum dma_data_direction dir)
{
	struct vgem_pfn_carveout *carveout;

	dma_resv_assert_held(bo->tbo.base.resv);

	carveout = vgem_pfn_carveout_of(vgem_pfn_bo_device(bo),
					bo->tbo.resource->mem_type);
	if (carveout && carveout->kind == VGEM_PFN_BAR)
		return vgem_pfn_sg_map_bar(bo, attach, dir);

	if (!vgem_pfn_sg_is_addressable(bo, attach->dev))
		return ERR_PTR(-EOPNOTSUPP);

	return !carveout || carveout->has_pages ?
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
void vgem_pfn_sg_unmap(struct vgem_pfn_bo *bo, struct dma_buf_attachment *attach,
		       struct sg_table *sgt, enum dma_data_direction dir)
{
	dma_resv_assert_held(bo->tbo.base.resv);

	/* Only dma_buf_phys_vec_to_sgt() makes a table without CPU entries. */
	if (!sgt->orig_nents) {
		dma_buf_free_sgt(attach, sgt, dir);
		if (!--bo->num_bar_maps)
			wake_up_all(&vgem_pfn_bo_device(bo)->bar_unmapped);
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
