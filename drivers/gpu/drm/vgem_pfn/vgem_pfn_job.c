// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copying, and the jobs that an engine executes.
 *
 * A job only contains kernel addresses. The resources and the struct ttm_tt
 * that it was created from may be freed before it runs. Their memory stays
 * valid: TTM keeps it in a ghost object until the job's fence has signaled, or
 * makes the next user of the range wait for the fence.
 *
 * A job is created under the reservation lock of its buffer object. After
 * submission it belongs to its engine.
 */

#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <drm/drm_cache.h>

#include "vgem_pfn_drv.h"
#include "vgem_pfn_engine.h"
#include "vgem_pfn_trace.h"

/**
 * vgem_pfn_copy_run() - copy one contiguous piece
 * @dst: destination
 * @src: source, or a null map for zeroes
 * @size: in bytes, a multiple of the page size
 *
 * Context: may sleep.
 */
void vgem_pfn_copy_run(const struct iosys_map *dst, const struct iosys_map *src,
		       size_t size)
{
	bool iomem = dst->is_iomem || src->is_iomem;
	size_t done, n;

	for (done = 0; done < size; done += n) {
		struct iosys_map to = IOSYS_MAP_INIT_OFFSET(dst, done);

		/* I/O memory is slow, and may be copied without preemption. */
		n = min_t(size_t, size - done, iomem ? SZ_64K : SZ_4M);

		if (iosys_map_is_null(src)) {
			iosys_map_memset(&to, 0, 0, n);
		} else {
			struct iosys_map from = IOSYS_MAP_INIT_OFFSET(src, done);

			if (iomem)
				drm_memcpy_from_wc(&to, &from, n);
			else
				memcpy(to.vaddr, from.vaddr, n);
		}
		cond_resched();
	}
}

/**
 * vgem_pfn_job_create() - allocate a copy job
 * @bo: the buffer object, with its reservation lock held
 * @max_pieces: maximum number of calls of vgem_pfn_job_add()
 *
 * Return: the job, or NULL if out of memory or if the engines have been
 * stopped.
 */
struct vgem_pfn_job *vgem_pfn_job_create(struct vgem_pfn_bo *bo,
					 unsigned int max_pieces)
{
	struct vgem_pfn_engines *engines = vgem_pfn_bo_device(bo)->engines;
	struct vgem_pfn_job *job;

	dma_resv_assert_held(bo->tbo.base.resv);

	if (!engines->num)
		return NULL;

	job = kvzalloc_flex(*job, pieces, max_pieces,
			    GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
	if (!job)
		return NULL;

	job->fence = kzalloc_obj(*job->fence);
	if (!job->fence) {
		kvfree(job);
		return NULL;
	}
	job->engines = engines;
	job->bo = bo;
	return job;
}

/**
 * vgem_pfn_job_add() - add a piece to a job
 * @job: a job that was not submitted
 * @dst: destination; must stay mapped until the fence has signaled
 * @src: source, or a null map for zeroes; must stay mapped as well
 * @size: in bytes, a multiple of the page size
 */
void vgem_pfn_job_add(struct vgem_pfn_job *job, const struct iosys_map *dst,
		      const struct iosys_map *src, size_t size)
{
	struct vgem_pfn_piece *piece = &job->pieces[job->num_pieces++];

	piece->dst = *dst;
	piece->src = *src;
	piece->size = size;
	job->size += size;
}

/**
 * vgem_pfn_job_depend() - set the dependencies of a job
 * @job: a job that was not submitted, and has no dependencies
 * @resv: the reservation object, locked
 *
 * The job waits for all fences of @resv: accesses of importers to the old
 * memory, the copy that filled it, and previous users of the new memory.
 *
 * Return: 0 or -ENOMEM.
 */
int vgem_pfn_job_depend(struct vgem_pfn_job *job, struct dma_resv *resv)
{
	dma_resv_assert_held(resv);

	return dma_resv_get_fences(resv, DMA_RESV_USAGE_BOOKKEEP, &job->num_deps,
				   &job->deps);
}

/*
 * After an unplug a BAR is not accessed. Destinations of copies from it are
 * cleared, so that no stale contents are left in them.
 */
static void vgem_pfn_job_copy_piece(struct vgem_pfn_piece *piece, bool gone)
{
	if (gone && piece->dst.is_iomem)
		return;
	if (gone && piece->src.is_iomem)
		iosys_map_clear(&piece->src);
	vgem_pfn_copy_run(&piece->dst, &piece->src, piece->size);
}

/* Dependencies that have not signaled, of which there must be none. */
static unsigned int vgem_pfn_job_unsignaled(struct vgem_pfn_job *job)
{
	unsigned int i, n = 0;

	for (i = 0; i < job->num_deps; i++)
		n += !dma_fence_is_signaled(job->deps[i]);
	return n;
}

/**
 * vgem_pfn_job_copy() - make the copy of a job
 * @job: a job whose dependencies have signaled
 * @gone: whether the device has been unplugged
 *
 * Context: the engine's worker, before the fence signals.
 */
void vgem_pfn_job_copy(struct vgem_pfn_job *job, bool gone)
{
	struct vgem_pfn_bo *bo = job->bo;
	unsigned int i;
	u64 start;

	if (trace_vgem_pfn_copy_begin_enabled())
		trace_vgem_pfn_copy_begin(bo, job->engine->index, job->fence,
					  job->num_deps,
					  vgem_pfn_job_unsignaled(job));
	start = ktime_get_ns();
	for (i = 0; i < job->num_pieces; i++)
		vgem_pfn_job_copy_piece(&job->pieces[i], gone);
	if (job->num_pieces && !iosys_map_is_null(&job->pieces[0].src)) {
		WRITE_ONCE(bo->last_copy_ns, ktime_get_ns() - start);
		WRITE_ONCE(bo->last_copy_bytes, job->size);
	}
	trace_vgem_pfn_copy_end(bo, job->engine->index, job->fence,
				job->num_deps, 0);
}

/**
 * vgem_pfn_job_destroy() - free a job
 * @job: a job that was not submitted, or is done
 */
void vgem_pfn_job_destroy(struct vgem_pfn_job *job)
{
	unsigned int i;

	for (i = 0; i < job->num_deps; i++)
		dma_fence_put(job->deps[i]);
	kfree(job->deps);
	/* The fence is initialised on submission. */
	if (job->engine)
		dma_fence_put(job->fence);
	else
		kfree(job->fence);
	kvfree(job);
}
