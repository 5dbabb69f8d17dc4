// SPDX-License-Identifier: GPL-2.0-only
/*
 * The definitions of the trace events, and functions that collect data for some
 * of them. All of it runs under the buffer object's reservation lock.
 */

#include <linux/dma-fence.h>
#include <linux/dma-resv.h>

#define CREATE_TRACE_POINTS
#include "vgem_pfn_trace.h"

/* Maximum number of runs in an event, which must fit into a page. */
#define VGEM_PFN_TRACE_RUNS	64

/**
 * vgem_pfn_trace_place() - trace the placement of a buffer object
 * @bo: the buffer object, with its reservation lock held
 *
 * Only for exported objects, whose importers look up page frame numbers.
 */
void vgem_pfn_trace_place(struct vgem_pfn_bo *bo)
{
	static const struct vgem_pfn_runs nowhere;
	const struct vgem_pfn_runs *runs;
	unsigned int first = 0, num;

	dma_resv_assert_held(bo->tbo.base.resv);

	if (!trace_vgem_pfn_place_enabled() || !bo->tbo.base.exported_dma_buf)
		return;

	runs = vgem_pfn_bo_runs(bo) ?: &nowhere;
	do {
		num = min(runs->num - first, VGEM_PFN_TRACE_RUNS);
		trace_vgem_pfn_place(bo, runs, first, num);
		first += num;
	} while (first < runs->num);
	bo->place_traced = runs->num;
}

/**
 * vgem_pfn_trace_unsignaled() - number of fences that have not signaled
 * @bo: the buffer object, with its reservation lock held
 *
 * Return: the number of these fences, of any usage.
 */
unsigned int vgem_pfn_trace_unsignaled(struct vgem_pfn_bo *bo)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	unsigned int n = 0;

	dma_resv_assert_held(bo->tbo.base.resv);

	dma_resv_for_each_fence(&cursor, bo->tbo.base.resv,
				DMA_RESV_USAGE_BOOKKEEP, fence)
		n += !dma_fence_is_signaled(fence);
	return n;
}
