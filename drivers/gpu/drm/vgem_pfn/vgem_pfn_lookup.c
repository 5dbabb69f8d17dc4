// SPDX-License-Identifier: GPL-2.0-only
/*
 * Look up the page frame number of a page of a buffer object. Reads the
 * placement and changes nothing. Everything runs under the buffer object's
 * reservation lock.
 */

#include <linux/dma-resv.h>

#include "vgem_pfn_drv.h"

/**
 * vgem_pfn_lookup() - look up the page frame number of a page
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
