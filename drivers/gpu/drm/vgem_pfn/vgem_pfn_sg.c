// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scatter lists of buffer objects, mapped for the device of an attachment. Those
 * of memory without struct pages have DMA addresses only. Everything runs under
 * the object's reservation lock.
 */

#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/pfn.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <drm/drm_prime.h>

#include "vgem_pfn_drv.h"

/* The length of an entry is an unsigned int. */
#define VGEM_PFN_SG_MAX_PAGES	((pgoff_t)SZ_1G >> PAGE_SHIFT)

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

	sgt = drm_prime_pages_to_sg(bo->tbo.base.dev, pages, num_pages);
	kvfree(pages);
	if (IS_ERR(sgt))
		return sgt;

	ret = dma_map_sgtable(dev, sgt, dir, DMA_ATTR_SKIP_CPU_SYNC);
	if (ret) {
		sg_free_table(sgt);
		kfree(sgt);
		return ERR_PTR(ret);
	}
	return sgt;
}

/* The next contiguous stretch, of a length that an entry can have. */
static u64 vgem_pfn_sg_next_run(struct vgem_pfn_bo *bo, pgoff_t pgoff, pgoff_t *n)
{
	u64 pfn = vgem_pfn_runs_pfn(vgem_pfn_bo_runs(bo), pgoff, n);

	*n = min(*n, VGEM_PFN_SG_MAX_PAGES);
	return pfn;
}

static void vgem_pfn_sg_unmap_pfns(struct device *dev, struct sg_table *sgt,
				   enum dma_data_direction dir)
{
	struct scatterlist *sg;
	int i;

	for_each_sgtable_sg(sgt, sg, i)
		if (sg->length)
			dma_unmap_resource(dev, sg_dma_address(sg), sg->length,
					   dir, DMA_ATTR_SKIP_CPU_SYNC);
	sg_free_table(sgt);
	kfree(sgt);
}

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
		vgem_pfn_sg_next_run(bo, pgoff, &n);

	sgt = kmalloc_obj(*sgt);
	if (!sgt)
		return ERR_PTR(-ENOMEM);
	ret = sg_alloc_table(sgt, nents, GFP_KERNEL);
	if (ret) {
		kfree(sgt);
		return ERR_PTR(ret);
	}

	/* An entry without a length is not mapped yet. */
	sg = sgt->sgl;
	for (pgoff = 0; pgoff < num_pages; pgoff += n, sg = sg_next(sg)) {
		u64 pfn = vgem_pfn_sg_next_run(bo, pgoff, &n);

		addr = dma_map_resource(dev, PFN_PHYS(pfn), n << PAGE_SHIFT, dir,
					DMA_ATTR_SKIP_CPU_SYNC);
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

/**
 * vgem_pfn_sg_map() - map a buffer object for a device
 * @bo: the buffer object, with its reservation lock held and its memory there
 * @dev: the device
 * @dir: direction of the transfer
 *
 * Return: the scatter list, or an error pointer.
 */
struct sg_table *vgem_pfn_sg_map(struct vgem_pfn_bo *bo, struct device *dev,
				 enum dma_data_direction dir)
{
	struct vgem_pfn_carveout *carveout;

	dma_resv_assert_held(bo->tbo.base.resv);

	carveout = vgem_pfn_carveout_of(vgem_pfn_bo_device(bo),
					bo->tbo.resource->mem_type);
	return !carveout || carveout->has_pages ?
	       vgem_pfn_sg_map_pages(bo, dev, dir) :
	       vgem_pfn_sg_map_pfns(bo, dev, dir);
}

/**
 * vgem_pfn_sg_unmap() - undo vgem_pfn_sg_map()
 * @dev: the device
 * @sgt: the scatter list; the buffer object may have moved since
 * @dir: direction of the transfer
 */
void vgem_pfn_sg_unmap(struct device *dev, struct sg_table *sgt,
		       enum dma_data_direction dir)
{
	if (!sg_page(sgt->sgl)) {
		vgem_pfn_sg_unmap_pfns(dev, sgt, dir);
		return;
	}

	dma_unmap_sgtable(dev, sgt, dir, DMA_ATTR_SKIP_CPU_SYNC);
	sg_free_table(sgt);
	kfree(sgt);
}
