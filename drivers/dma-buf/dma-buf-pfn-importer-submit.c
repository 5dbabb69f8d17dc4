// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls that submit jobs to the engines and read their results.
 *
 * A job is translated, and its fence added to the reservation object, in one
 * critical section of the reservation lock: the buffer cannot move in between,
 * and the next move waits for the fence. The usage of the fence depends on the
 * job:
 *
 *	DMA_RESV_USAGE_WRITE	jobs that write: readers and writers wait
 *	DMA_RESV_USAGE_READ	jobs that read: writers wait
 *	DMA_RESV_USAGE_BOOKKEEP	explicit jobs: only moving or freeing waits
 *
 * A job waits for other fences accordingly: those of dma_resv_usage_rw(), or
 * only those of DMA_RESV_USAGE_KERNEL for explicit jobs. No job has KERNEL
 * usage, which is reserved for memory management.
 *
 * The numbers of jobs are protected by the lock of &pfn_import.jobs.
 */

#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "dma-buf-pfn-importer.h"
#include "dma-buf-pfn-importer-engine.h"

static int pfn_import_submit_check(struct pfn_import *imp,
				   const struct dma_buf_pfn_submit *args)
{
	u64 size = imp->dmabuf->size;

	if (args->flags & ~DMA_BUF_PFN_SUBMIT_FLAGS || args->pad ||
	    args->op > DMA_BUF_PFN_JOB_VERIFY ||
	    args->engine >= DMA_BUF_PFN_NUM_ENGINES)
		return -EINVAL;
	if (!args->length || args->offset >= size ||
	    args->length > size - args->offset)
		return -EINVAL;
	if (args->data && args->op != DMA_BUF_PFN_JOB_WRITE)
		return -EINVAL;

	if (pfn_import_job_has_data(args->op)) {
		if (args->length > DMA_BUF_PFN_MAX_DATA || args->value ||
		    args->step)
			return -EINVAL;
	} else if ((args->offset | args->length) % sizeof(u64)) {
		return -EINVAL;
	}

	if (pfn_import_job_writes(args->op) && !dma_buf_pfn_writable(imp->dmabuf))
		return -EACCES;
	return 0;
}

/* On success the job is queued, on failure nothing has changed. */
static int pfn_import_submit_locked(struct pfn_import *imp,
				    struct pfn_import_job *job,
				    const struct dma_buf_pfn_submit *args,
				    struct file **sync)
{
	bool explicit = args->flags & DMA_BUF_PFN_SUBMIT_EXPLICIT;
	bool writes = pfn_import_job_writes(args->op);
	struct dma_resv *resv = imp->dmabuf->resv;
	enum dma_resv_usage usage;
	int ret;

	dma_resv_assert_held(resv);

	ret = pfn_import_job_translate(job, imp);
	if (ret)
		return ret;

	/* Only now, since a lookup that moves the buffer adds a fence. */
	if (!(imp->broken & DMA_BUF_PFN_BROKEN_NO_FENCE_WAIT)) {
		usage = explicit ? DMA_RESV_USAGE_KERNEL :
				   dma_resv_usage_rw(writes);
		ret = dma_resv_get_fences(resv, usage, &job->num_deps,
					  &job->deps);
		if (ret)
			return ret;
	}

	ret = dma_resv_reserve_fences(resv, 1);
	if (ret)
		return ret;

	usage = explicit ? DMA_RESV_USAGE_BOOKKEEP :
		writes ? DMA_RESV_USAGE_WRITE : DMA_RESV_USAGE_READ;
	if (imp->broken & DMA_BUF_PFN_BROKEN_NO_FENCE)
		resv = NULL;
	ret = pfn_import_engine_submit(job, args->engine, resv, usage, sync);
	if (!ret)
		imp->num_jobs++;
	return ret;
}

/**
 * pfn_import_submit() - DMA_BUF_PFN_SUBMIT
 * @imp: the import
 * @argp: user pointer to struct dma_buf_pfn_submit
 *
 * Context: may sleep, takes the reservation lock of the buffer.
 * Return: 0 or a negative errno, see the uAPI header.
 */
long pfn_import_submit(struct pfn_import *imp, void __user *argp)
{
	struct dma_buf_pfn_submit args;
	struct pfn_import_job *job;
	struct file *sync = NULL;
	int ret;

	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	ret = pfn_import_submit_check(imp, &args);
	if (ret)
		return ret;

	job = pfn_import_job_create(imp, &args);
	if (IS_ERR(job))
		return PTR_ERR(job);

	/* Only reserve the number: the job cannot be found yet. */
	ret = xa_alloc(&imp->jobs, &args.job, NULL,
		       XA_LIMIT(0, DMA_BUF_PFN_MAX_JOBS - 1), GFP_KERNEL);
	if (ret)
		goto err_job;

	args.fence_fd = -1;
	if (args.flags & DMA_BUF_PFN_SUBMIT_FENCE_FD) {
		ret = get_unused_fd_flags(O_CLOEXEC);
		if (ret < 0)
			goto err_number;
		args.fence_fd = ret;
	}

	/* A submission cannot be undone, so do first what can fail. */
	if (copy_to_user(argp, &args, sizeof(args))) {
		ret = -EFAULT;
		goto err_fd;
	}

	ret = dma_resv_lock_interruptible(imp->dmabuf->resv, NULL);
	if (ret)
		goto err_fd;
	ret = pfn_import_submit_locked(imp, job, &args,
				       args.fence_fd >= 0 ? &sync : NULL);
	dma_resv_unlock(imp->dmabuf->resv);
	if (ret)
		goto err_fd;

	/* The index is reserved, so this does not allocate. */
	xa_store(&imp->jobs, args.job, job, GFP_KERNEL);
	if (sync)
		fd_install(args.fence_fd, sync);
	return 0;

err_fd:
	if (args.fence_fd >= 0)
		put_unused_fd(args.fence_fd);
err_number:
	xa_erase(&imp->jobs, args.job);
err_job:
	pfn_import_job_put(job);
	return ret;
}

static struct pfn_import_job *pfn_import_job_find(struct pfn_import *imp,
						  u32 number)
{
	struct pfn_import_job *job;

	xa_lock(&imp->jobs);
	job = xa_load(&imp->jobs, number);
	if (job)
		kref_get(&job->ref);
	xa_unlock(&imp->jobs);
	return job;
}

static long pfn_import_job_result(struct pfn_import_job *job,
				  struct dma_buf_pfn_result *args)
{
	long ret;

	if (args->flags & DMA_BUF_PFN_RESULT_NOWAIT) {
		if (!dma_fence_is_signaled(job->fence))
			return -EBUSY;
	} else {
		ret = dma_fence_wait(job->fence, true);
		if (ret)
			return ret;
	}

	if (job->op == DMA_BUF_PFN_JOB_READ &&
	    copy_to_user(u64_to_user_ptr(args->data), job->data, job->length))
		return -EFAULT;

	args->wrong = job->wrong;
	args->first_wrong = job->first_wrong;
	args->start_ns = job->start_ns;
	args->access_ns = job->access_ns;
	args->end_ns = job->end_ns;
	return 0;
}

/**
 * pfn_import_result() - DMA_BUF_PFN_RESULT
 * @imp: the import
 * @argp: user pointer to struct dma_buf_pfn_result
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see the uAPI header.
 */
long pfn_import_result(struct pfn_import *imp, void __user *argp)
{
	struct dma_buf_pfn_result args;
	struct pfn_import_job *job;
	long ret;

	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	if (args.flags & ~DMA_BUF_PFN_RESULT_FLAGS)
		return -EINVAL;

	job = pfn_import_job_find(imp, args.job);
	if (!job)
		return -ENOENT;

	ret = pfn_import_job_result(job, &args);
	if (!ret && copy_to_user(argp, &args, sizeof(args)))
		ret = -EFAULT;

	/* If two threads read the result, only one removes the job. */
	if (!ret && xa_cmpxchg(&imp->jobs, args.job, job, NULL, 0) == job)
		pfn_import_job_put(job);
	pfn_import_job_put(job);
	return ret;
}

/**
 * pfn_import_jobs_forget() - drop the jobs whose results were not read
 * @imp: the import, about to be freed
 *
 * Does not wait for jobs in progress.
 */
void pfn_import_jobs_forget(struct pfn_import *imp)
{
	struct pfn_import_job *job;
	unsigned long number;

	xa_for_each(&imp->jobs, number, job)
		pfn_import_job_put(job);
	xa_destroy(&imp->jobs);
}
