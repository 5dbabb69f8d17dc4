// SPDX-License-Identifier: GPL-2.0-only
/*
 * The definitions of the trace events, and functions that collect data for some
 * of them.
 */

#include <linux/dma-fence.h>
#include <linux/dma-resv.h>

#include <drm/drm_prime.h>

#include "vgem_pfn_drv.h"
#include "vgem_pfn_engine.h"

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

	if (!trace_vgem_pfn_place_enabled() || !drm_gem_dmabuf_exported(&bo->tbo.base))
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
 * vgem_pfn_trace_exported() - trace the export of a buffer object
 * @bo: the buffer object
 * @dmabuf: its dma-buf, which is not published yet, so it has no attachments
 *
 * Context: takes the reservation lock.
 */
void vgem_pfn_trace_exported(struct vgem_pfn_bo *bo, struct dma_buf *dmabuf)
{
	if (!trace_vgem_pfn_export_enabled())
		return;

	dma_resv_lock(dmabuf->resv, NULL);
	trace_vgem_pfn_export(bo, dmabuf);
	vgem_pfn_trace_place(bo);
	dma_resv_unlock(dmabuf->resv);
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

/**
 * vgem_pfn_trace_job_unsignaled() - number of unsignaled dependencies of a job
 * @job: a job that runs, so there should be none
 *
 * Return: the number of its dependencies that have not signaled.
 */
unsigned int vgem_pfn_trace_job_unsignaled(struct vgem_pfn_job *job)
{
	unsigned int i, n = 0;

	for (i = 0; i < job->num_deps; i++)
		n += !dma_fence_is_signaled(job->deps[i]);
	return n;
}
