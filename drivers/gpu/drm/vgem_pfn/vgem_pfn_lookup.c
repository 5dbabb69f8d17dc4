// SPDX-License-Identifier: GPL-2.0-only
/*
 * From an offset in a buffer object to the page frame number behind it. Reads
 * the placement and changes nothing. Everything runs under the buffer object's
 * reservation lock.
 */

#include <linux/dma-resv.h>

#include "vgem_pfn_drv.h"

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
