// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engines of the reference importer's device, and the jobs that they
 * execute. Each engine has a kthread that executes jobs in the order of their
 * submission, and a fence context. All imports share them.
 *
 * A job has its own translations, which notifications do not remove. One
 * critical section of the reservation lock makes the translations and adds the
 * job's fence to the reservation object: the buffer cannot move in between, and
 * the next move waits for the fence. The usage of the fence depends on the job:
 *
 *	DMA_RESV_USAGE_WRITE	jobs that write: readers and writers wait
 *	DMA_RESV_USAGE_READ	jobs that read: writers wait
 *	DMA_RESV_USAGE_BOOKKEEP	explicit jobs: only moving or freeing waits
 *
 * Explicit jobs wait for fences of DMA_RESV_USAGE_KERNEL only, other jobs for
 * the fences that dma_resv_usage_rw() selects. No job's fence has KERNEL usage,
 * which is reserved for memory management.
 *
 * An engine waits for the fences that a job depends on, sleeps to simulate the
 * latency of hardware, accesses the memory, and signals the job's fence. It
 * sleeps before the access, so that an exporter that does not wait for the
 * fence has moved the memory by then and is detected.
 *
 * Engines cannot deadlock with each other or with the engines of an exporter: a
 * job only depends on fences that were published before the job was submitted.
 *
 * Locks: &pfn_import_engine.lock is taken under a reservation lock, and keeps
 * the queue in the order of the sequence numbers. It is held across
 * allocations, so a notification must not take it. The engine takes no lock and
 * allocates nothing until the fence has signaled, since reclaim may wait for
 * that. The numbers of jobs are protected by the lock of &pfn_import.jobs.
 */

#include <linux/debugfs.h>
#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/iosys-map.h>
#include <linux/kref.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pfn.h>
#include <linux/slab.h>
#include <linux/sync_file.h>
#include <linux/uaccess.h>

#include "dma-buf-pfn-importer.h"

/**
 * struct pfn_import_engine - one engine
 * @worker: executes the jobs
 * @lock: keeps the queue in the order of the sequence numbers
 * @context: fence context
 * @seqno: sequence number of the last job that was submitted
 */
struct pfn_import_engine {
	struct kthread_worker *worker;
	struct mutex lock; /* protects @seqno, and orders the queue like it */
	u64 context;
	u64 seqno;
};

/**
 * struct pfn_import_job - one job
 * @ref: one reference is held by the import until the result is read, one by
 *	 the engine until the job is done
 * @work: for the engine's worker
 * @fence: signals when the job is done
 * @deps: fences to wait for first
 * @num_deps: number of @deps
 * @dmabuf: the buffer, referenced until the job is done: some exporters do not
 *	    wait for fences before they free pages
 * @map: mapping of the range
 * @args: what userspace has submitted
 * @latency_us: delay before the access
 * @data: data that is read or written, or NULL
 * @wrong: number of words that differ from the pattern
 * @first_wrong: byte offset of the first wrong word
 * @start_ns: when the engine started the job
 * @access_ns: when the access began
 * @end_ns: when the access ended
 *
 * The results, from @data on, are written by the engine until @fence has
 * signaled, and constant after that. All other members are constant from
 * submission until pfn_import_job_done().
 */
struct pfn_import_job {
	struct kref ref;
	struct kthread_work work;
	struct dma_fence *fence;
	struct dma_fence **deps;
	unsigned int num_deps;
	struct dma_buf *dmabuf;
	struct pfn_import_map *map;
	struct dma_buf_pfn_submit args;
	u32 latency_us;
	void *data;
	u64 wrong;
	u64 first_wrong;
	u64 start_ns;
	u64 access_ns;
	u64 end_ns;
};

static struct pfn_import_engine pfn_import_engines[DMA_BUF_PFN_NUM_ENGINES];

/* debugfs: delay of a job before its access, read at submission */
static u32 pfn_import_job_latency_us;

static bool pfn_import_job_writes(u32 op)
{
	return op == DMA_BUF_PFN_JOB_WRITE || op == DMA_BUF_PFN_JOB_FILL;
}

static bool pfn_import_job_has_data(u32 op)
{
	return op == DMA_BUF_PFN_JOB_READ || op == DMA_BUF_PFN_JOB_WRITE;
}

/* --- jobs ---------------------------------------------------------------- */

/* Release everything that is not needed after the access. */
static void pfn_import_job_done(struct pfn_import_job *job)
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

static void pfn_import_job_put(struct pfn_import_job *job)
{
	kref_put(&job->ref, pfn_import_job_release);
}

/* Allocate, without locks, everything that a job needs except its mapping. */
static struct pfn_import_job *pfn_import_job_create(struct pfn_import *imp,
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
	job->args = *args;

	job->fence = kzalloc_obj(*job->fence);
	if (!job->fence)
		goto err;

	if (pfn_import_job_has_data(job->args.op)) {
		job->data = kvzalloc(job->args.length, GFP_KERNEL_ACCOUNT);
		if (!job->data)
			goto err;
	}
	if (job->args.op == DMA_BUF_PFN_JOB_WRITE &&
	    copy_from_user(job->data, u64_to_user_ptr(args->data), job->args.length)) {
		ret = -EFAULT;
		goto err;
	}
	return job;

err:
	pfn_import_job_put(job);
	return ERR_PTR(ret);
}

/*
 * Translate and map the range of a job. All kinds of memory are mapped: RAM is
 * accessed through the linear map. The mapping is valid until the reservation
 * lock is released or, once the job's fence is in the reservation object, until
 * the fence signals.
 */
static int pfn_import_job_translate(struct pfn_import_job *job, struct pfn_import *imp)
{
	pgoff_t first = PHYS_PFN(job->args.offset);
	pgoff_t last = PHYS_PFN(job->args.offset + job->args.length - 1);
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
	u64 word = job->args.value + offset / sizeof(word) * job->args.step;

	if (job->args.op == DMA_BUF_PFN_JOB_FILL) {
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

	if (pfn_import_job_has_data(job->args.op)) {
		pfn_import_piece_copy(piece, begin,
				      job->data + begin - job->args.offset,
				      end - begin, pfn_import_job_writes(job->args.op));
		return;
	}

	for (offset = begin; offset < end; offset += sizeof(u64))
		pfn_import_job_word(job, &piece->map, offset - base, offset);
}

static void pfn_import_job_access(struct pfn_import_job *job)
{
	u64 begin = job->args.offset, end = begin + job->args.length, piece_end, next;
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

/* --- engines ------------------------------------------------------------- */

/*
 * Without .release and .wait the dma-fence core does not use these operations
 * after the fence has signaled, so that a fence may outlive the module.
 */
static const char *pfn_import_fence_name(struct dma_fence *fence)
{
	return KBUILD_MODNAME;
}

static const char *pfn_import_fence_timeline(struct dma_fence *fence)
{
	return "job";
}

static const struct dma_fence_ops pfn_import_fence_ops = {
	.get_driver_name = pfn_import_fence_name,
	.get_timeline_name = pfn_import_fence_timeline,
};

static void pfn_import_engine_work(struct kthread_work *work)
{
	struct pfn_import_job *job = container_of(work, struct pfn_import_job,
						  work);
	bool cookie = dma_fence_begin_signalling();
	unsigned int i;

	job->start_ns = ktime_get_ns();
	for (i = 0; i < job->num_deps; i++)
		dma_fence_wait(job->deps[i], false);
	pfn_import_delay(&job->latency_us);

	job->access_ns = ktime_get_ns();
	pfn_import_job_access(job);
	job->end_ns = ktime_get_ns();
	dma_fence_signal(job->fence);
	dma_fence_end_signalling(cookie);

	pfn_import_job_done(job);
	pfn_import_job_put(job);
}

/*
 * Initialise the fence of a job, and queue the job, which cannot be undone. If
 * @resv is not NULL, it is locked and has a slot for the fence, which is added.
 * If @sync is not NULL, it returns a sync file of the fence. Returns 0, or
 * -ENOMEM if the job was not queued.
 */
static int pfn_import_engine_submit(struct pfn_import_job *job,
				    struct dma_resv *resv,
				    enum dma_resv_usage usage,
				    struct file **sync)
{
	struct pfn_import_engine *engine;
	struct sync_file *sync_file;

	engine = &pfn_import_engines[job->args.engine];
	guard(mutex)(&engine->lock);

	dma_fence_init64(job->fence, &pfn_import_fence_ops, NULL,
			 engine->context, engine->seqno + 1);
	if (sync) {
		sync_file = sync_file_create(job->fence);
		if (!sync_file)
			return -ENOMEM;
		*sync = sync_file->file;
	}
	engine->seqno++;

	job->latency_us = READ_ONCE(pfn_import_job_latency_us);
	kref_get(&job->ref);
	if (resv)
		dma_resv_add_fence(resv, job->fence, usage);
	kthread_init_work(&job->work, pfn_import_engine_work);
	kthread_queue_work(engine->worker, &job->work);
	return 0;
}

/* --- ioctls -------------------------------------------------------------- */

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
				    struct file **sync)
{
	bool explicit = job->args.flags & DMA_BUF_PFN_SUBMIT_EXPLICIT;
	bool writes = pfn_import_job_writes(job->args.op);
	struct dma_resv *resv = imp->dmabuf->resv;
	enum dma_resv_usage usage;
	int ret;

	dma_resv_assert_held(resv);

	ret = pfn_import_job_translate(job, imp);
	if (ret)
		return ret;

	/* After the lookups: a lookup that moves the buffer adds a fence. */
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
	ret = pfn_import_engine_submit(job, resv, usage, sync);
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
 * Return: 0 or a negative errno, see the header with the ioctls.
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

	/* A submission cannot be undone, so copy the output before it. */
	if (copy_to_user(argp, &args, sizeof(args))) {
		ret = -EFAULT;
		goto err_fd;
	}

	ret = dma_resv_lock_interruptible(imp->dmabuf->resv, NULL);
	if (ret)
		goto err_fd;
	ret = pfn_import_submit_locked(imp, job,
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

	if (job->args.op == DMA_BUF_PFN_JOB_READ &&
	    copy_to_user(u64_to_user_ptr(args->data), job->data, job->args.length))
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
 * Return: 0 or a negative errno, see the header with the ioctls.
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

/* --- lifetime ------------------------------------------------------------ */

/**
 * pfn_import_jobs_forget() - drop the jobs whose results were not read
 * @imp: the import, about to be freed
 *
 * Does not wait for jobs in progress, which hold their own references.
 */
void pfn_import_jobs_forget(struct pfn_import *imp)
{
	struct pfn_import_job *job;
	unsigned long number;

	xa_for_each(&imp->jobs, number, job)
		pfn_import_job_put(job);
	xa_destroy(&imp->jobs);
}

/**
 * pfn_import_engines_fini() - stop the engines
 *
 * Waits for all jobs. No import may be left.
 */
void pfn_import_engines_fini(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pfn_import_engines); i++)
		if (!IS_ERR_OR_NULL(pfn_import_engines[i].worker))
			kthread_destroy_worker(pfn_import_engines[i].worker);
}

/**
 * pfn_import_engines_init() - start the engines
 * @root: debugfs directory of the importer
 *
 * Return: 0, or a negative errno with no engine started.
 */
int pfn_import_engines_init(struct dentry *root)
{
	struct pfn_import_engine *engine;
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(pfn_import_engines); i++) {
		engine = &pfn_import_engines[i];
		engine->worker = kthread_run_worker(0, "dma_buf_pfn/%u", i);
		if (IS_ERR(engine->worker)) {
			ret = PTR_ERR(engine->worker);
			pfn_import_engines_fini();
			return ret;
		}
		mutex_init(&engine->lock);
		engine->context = dma_fence_context_alloc(1);
	}

	debugfs_create_u32("job_latency_us", 0600, root, &pfn_import_job_latency_us);
	return 0;
}
