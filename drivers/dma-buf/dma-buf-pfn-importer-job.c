// SPDX-License-Identifier: GPL-2.0-only
/*
 * Jobs of the reference importer's device: translation, access and release.
 *
 * A job has its own translations, made under the reservation lock together with
 * the fence that covers them. Notifications do not remove them: the exporter
 * waits for the fence. Everything a job needs is allocated when it is
 * submitted.
 */

#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/slab.h>

#include "dma-buf-pfn-importer.h"
#include "dma-buf-pfn-importer-engine.h"

/**
 * pfn_import_job_writes() - whether an operation writes to the buffer
 * @op: DMA_BUF_PFN_JOB_*
 *
 * Return: true if it does.
 */
bool pfn_import_job_writes(u32 op)
{
	return op == DMA_BUF_PFN_JOB_WRITE || op == DMA_BUF_PFN_JOB_FILL;
}

/**
 * pfn_import_job_has_data() - whether an operation transfers data, not a
 * pattern
 * @op: DMA_BUF_PFN_JOB_*
 *
 * Return: true if it is.
 */
bool pfn_import_job_has_data(u32 op)
{
	return op == DMA_BUF_PFN_JOB_READ || op == DMA_BUF_PFN_JOB_WRITE;
}

/**
 * pfn_import_job_create() - allocate a job
 * @imp: the import
 * @args: validated arguments of the ioctl
 *
 * Context: may sleep, not under a reservation lock.
 * Return: the job, with a reference, or an error pointer: -ENOMEM or -EFAULT.
 */
struct pfn_import_job *pfn_import_job_create(struct pfn_import *imp,
					     const struct dma_buf_pfn_submit *args)
{
	struct pfn_import_job *job;
	int ret = -ENOMEM;

	job = kzalloc_obj(*job, GFP_KERNEL_ACCOUNT);
	if (!job)
		return ERR_PTR(-ENOMEM);

	kref_init(&job->ref);
	get_dma_buf(imp->dmabuf);
	job->dmabuf = imp->dmabuf;
	job->offset = args->offset;
	job->length = args->length;
	job->value = args->value;
	job->step = args->step;
	job->op = args->op;

	job->fence = kzalloc_obj(*job->fence);
	if (!job->fence)
		goto err;

	if (pfn_import_job_has_data(job->op)) {
		job->data = kvzalloc(job->length, GFP_KERNEL_ACCOUNT);
		if (!job->data)
			goto err;
	}
	if (job->op == DMA_BUF_PFN_JOB_WRITE &&
	    copy_from_user(job->data, u64_to_user_ptr(args->data), job->length)) {
		ret = -EFAULT;
		goto err;
	}
	return job;

err:
	pfn_import_job_put(job);
	return ERR_PTR(ret);
}

/**
 * pfn_import_job_translate() - translate the range of a job
 * @job: the job
 * @imp: the import, with the reservation lock of its buffer held
 *
 * The translations are valid while that lock is held. All kinds of memory are
 * mapped: RAM is accessed through the linear map.
 *
 * Context: may sleep. The exporter may notify this very import.
 * Return: 0, -ENOMEM, -EBUSY, -EINTR or the error of a lookup.
 */
int pfn_import_job_translate(struct pfn_import_job *job, struct pfn_import *imp)
{
	pgoff_t first = PHYS_PFN(job->offset);
	pgoff_t last = PHYS_PFN(job->offset + job->length - 1);
	struct pfn_import_map *map;

	dma_resv_assert_held(imp->dmabuf->resv);

	/* A lookup may move the buffer, and make earlier results stale. */
	do {
		map = pfn_import_map_create(imp, first, last - first + 1);
	} while (map == ERR_PTR(-EAGAIN));
	if (IS_ERR(map))
		return PTR_ERR(map);

	job->map = map;
	return 0;
}

/* Access one word of the pattern, at @at in @map and @offset in the buffer */
static void pfn_import_job_word(struct pfn_import_job *job,
				struct iosys_map *map, size_t at, u64 offset)
{
	u64 word = job->value + offset / sizeof(word) * job->step;

	if (job->op == DMA_BUF_PFN_JOB_FILL) {
		iosys_map_wr(map, at, u64, word);
	} else if (iosys_map_rd(map, at, u64) != word) {
		if (!job->wrong++)
			job->first_wrong = offset;
	}
}

/* Access bytes @begin to @end of the buffer, inside a piece */
static void pfn_import_job_part(struct pfn_import_job *job,
				struct pfn_import_piece *piece, u64 begin, u64 end)
{
	u64 offset, base = PFN_PHYS(piece->run.first);

	if (pfn_import_job_has_data(job->op)) {
		pfn_import_piece_copy(piece, begin, job->data + begin - job->offset,
				      end - begin, pfn_import_job_writes(job->op));
		return;
	}

	for (offset = begin; offset < end; offset += sizeof(u64))
		pfn_import_job_word(job, &piece->map, offset - base, offset);
}

/**
 * pfn_import_job_access() - read or write the memory
 * @job: a job whose dependencies have signaled
 *
 * Context: the engine's worker, before the fence signals.
 */
void pfn_import_job_access(struct pfn_import_job *job)
{
	u64 begin = job->offset, end = job->offset + job->length, piece_end, next;
	struct pfn_import_piece *piece;
	unsigned long index;

	xa_for_each(&job->map->pieces, index, piece) {
		piece_end = min(end, PFN_PHYS(index + 1));
		for (; begin < piece_end; begin = next) {
			next = min(piece_end, PAGE_ALIGN(begin + 1));
			pfn_import_job_part(job, piece, begin, next);
			cond_resched();
		}
	}
	/* Flush writes through write-combining mappings. */
	wmb();
}

/**
 * pfn_import_job_done() - release what only the access needed
 * @job: a job whose fence has signaled, or which was never submitted
 *
 * Context: may sleep.
 */
void pfn_import_job_done(struct pfn_import_job *job)
{
	unsigned int i;

	pfn_import_map_destroy(job->map);
	job->map = NULL;
	for (i = 0; i < job->num_deps; i++)
		dma_fence_put(job->deps[i]);
	kfree(job->deps);
	job->deps = NULL;
	job->num_deps = 0;
	if (job->dmabuf)
		dma_buf_put(job->dmabuf);
	job->dmabuf = NULL;
}

static void pfn_import_job_release(struct kref *ref)
{
	struct pfn_import_job *job = container_of(ref, struct pfn_import_job, ref);

	pfn_import_job_done(job);
	/* A fence that was never initialised has no reference to drop. */
	if (job->fence && dma_fence_was_initialized(job->fence))
		dma_fence_put(job->fence);
	else
		kfree(job->fence);
	kvfree(job->data);
	kfree(job);
}

/**
 * pfn_import_job_put() - drop a reference to a job
 * @job: the job
 *
 * Context: may sleep.
 */
void pfn_import_job_put(struct pfn_import_job *job)
{
	kref_put(&job->ref, pfn_import_job_release);
}
