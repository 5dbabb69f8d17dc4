// SPDX-License-Identifier: GPL-2.0-only
/*
 * From an offset in a buffer object to the page frame number behind it, and how
 * large a naturally aligned block around it is contiguous. Reads the placement
 * and changes nothing.
 */

#include <linux/align.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-resv.h>
#include <linux/mm.h>

#include <drm/ttm/ttm_tt.h>

#include "vgem_pfn_drv.h"

/**
 * vgem_pfn_lookup() - the page frame number of one page of a buffer object
 * @bo: the buffer object, with its reservation lock held
 * @pgoff: page, counted from the start of @bo, smaller than its size
 *
 * Return: the page frame number, or DRM_VGEM_PFN_NO_PFN if the page has no
 * memory: it was never populated, or is swapped out.
 */
u64 vgem_pfn_lookup(struct vgem_pfn_bo *bo, pgoff_t pgoff)
{
	struct ttm_resource *res = bo->tbo.resource;
	struct ttm_tt *tt = bo->tbo.ttm;
	struct vgem_pfn_carveout *carveout;

	dma_resv_assert_held(bo->tbo.base.resv);

	carveout = vgem_pfn_carveout_of(vgem_pfn_bo_device(bo), res->mem_type);
	if (carveout)
		return page_to_pfn(carveout->pages) + res->start + pgoff;

	if (!tt || !ttm_tt_is_populated(tt))
		return DRM_VGEM_PFN_NO_PFN;

	return page_to_pfn(tt->pages[pgoff]);
}

/*
 * System memory: the first page after those that are contiguous from @pgoff on.
 * Looks no farther than the block of the largest order that the page allocator
 * gives. That two of them are neighbours is chance.
 */
static pgoff_t vgem_pfn_contig_end(struct vgem_pfn_bo *bo, pgoff_t pgoff)
{
	pgoff_t num_pages = bo->tbo.base.size >> PAGE_SHIFT;
	pgoff_t limit = min(ALIGN(pgoff + 1, MAX_ORDER_NR_PAGES), num_pages);
	struct page **pages = bo->tbo.ttm->pages;
	pgoff_t end = pgoff + 1;

	while (end < limit &&
	       page_to_pfn(pages[end - 1]) + 1 == page_to_pfn(pages[end]))
		end++;
	return end;
}

/**
 * vgem_pfn_lookup_order() - how large an aligned block around a page is contiguous
 * @bo: the buffer object, with its reservation lock held and populated
 * @pgoff: page, counted from the start of @bo, smaller than its size
 *
 * Return: the order, as &dma_buf_ops.get_pfn defines it.
 */
int vgem_pfn_lookup_order(struct vgem_pfn_bo *bo, pgoff_t pgoff)
{
	pgoff_t num_pages = bo->tbo.base.size >> PAGE_SHIFT;
	u64 pfn = vgem_pfn_lookup(bo, pgoff);
	pgoff_t start = ALIGN_DOWN(pgoff, MAX_ORDER_NR_PAGES);
	pgoff_t first = pgoff;
	struct page **pages;

	dma_resv_assert_held(bo->tbo.base.resv);

	if (vgem_pfn_carveout_of(vgem_pfn_bo_device(bo), bo->tbo.resource->mem_type))
		return dma_buf_pfn_order(pfn, pgoff, 0, num_pages - 1);

	pages = bo->tbo.ttm->pages;
	while (first > start &&
	       page_to_pfn(pages[first - 1]) + 1 == page_to_pfn(pages[first]))
		first--;

	return dma_buf_pfn_order(pfn, pgoff, first,
				 vgem_pfn_contig_end(bo, pgoff) - 1);
}

/**
 * vgem_pfn_lookup_run() - how many pages from one on are contiguous
 * @bo: the buffer object, with its reservation lock held and populated
 * @pgoff: page, counted from the start of @bo, smaller than its size
 *
 * Return: the number of pages, @pgoff included. In system memory there may be more.
 */
pgoff_t vgem_pfn_lookup_run(struct vgem_pfn_bo *bo, pgoff_t pgoff)
{
	dma_resv_assert_held(bo->tbo.base.resv);

	if (vgem_pfn_carveout_of(vgem_pfn_bo_device(bo), bo->tbo.resource->mem_type))
		return (bo->tbo.base.size >> PAGE_SHIFT) - pgoff;

	return vgem_pfn_contig_end(bo, pgoff) - pgoff;
}
