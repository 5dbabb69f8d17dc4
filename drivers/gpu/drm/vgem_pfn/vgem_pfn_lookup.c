// SPDX-License-Identifier: GPL-2.0-only
/*
 * From an offset in a buffer object to the page frame number behind it. Reads
 * the placement and changes nothing. Everything runs under the buffer object's
 * reservation lock.
 */

#include <linux/dma-resv.h>

#include <drm/ttm/ttm_tt.h>

#include "vgem_pfn_drv.h"

/**
 * vgem_pfn_bo_runs() - the memory that a buffer object has now
 * @bo: the buffer object, with its reservation lock held
 *
 * Return: its run table, valid until the lock is released, or NULL if it has no
 * memory: it was never populated, or is swapped out.
 */
const struct vgem_pfn_runs *vgem_pfn_bo_runs(struct vgem_pfn_bo *bo)
{
	struct ttm_resource *res = bo->tbo.resource;
	struct ttm_tt *tt = bo->tbo.ttm;

	dma_resv_assert_held(bo->tbo.base.resv);

	if (res->mem_type >= TTM_PL_VRAM)
		return to_vgem_pfn_resource(res)->runs;
	return tt && ttm_tt_is_populated(tt) ? to_vgem_pfn_tt(tt)->runs : NULL;
}

/**
 * vgem_pfn_lookup() - the page frame number of one page of a buffer object
 * @bo: the buffer object, with its reservation lock held
 * @pgoff: page, counted from the start of @bo, smaller than its size
 *
 * Return: the page frame number, or DRM_VGEM_PFN_NO_PFN if the page has no
 * memory.
 */
u64 vgem_pfn_lookup(struct vgem_pfn_bo *bo, pgoff_t pgoff)
{
	const struct vgem_pfn_runs *runs;

	if (bo->imported)
		return vgem_pfn_import_lookup(bo, pgoff);

	runs = vgem_pfn_bo_runs(bo);
	return runs ? vgem_pfn_runs_pfn(runs, pgoff, NULL) : DRM_VGEM_PFN_NO_PFN;
}
