/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copies: synchronous, or as jobs of the simulated copy engines.
 */

#ifndef _VGEM_PFN_ENGINE_H_
#define _VGEM_PFN_ENGINE_H_

#include <linux/atomic.h>
#include <linux/iosys-map.h>
#include <linux/kthread.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include <drm/ttm/ttm_resource.h>

struct dentry;
struct dma_fence;
struct dma_resv;
struct ttm_tt;
struct vgem_pfn_bo;
struct vgem_pfn_carveout;
struct vgem_pfn_device;

/* Longest delay of a move or an engine that a debugfs knob can set */
#define VGEM_PFN_MAX_DELAY_US	(10 * USEC_PER_SEC)

/*
 * Limits of the jobs that are queued on the engines of a device, in bytes and
 * in jobs, since small jobs may be slow. Tasks wait while a limit is reached.
 * One job may always be queued, whatever its size.
 */
#define VGEM_PFN_MAX_QUEUED_BYTES	SZ_128M
#define VGEM_PFN_MAX_QUEUED_JOBS	128

/* TTM keeps one eviction fence per fence context for each region. */
#define VGEM_PFN_MAX_ENGINES	TTM_NUM_MOVE_FENCES

/**
 * struct vgem_pfn_engine - one copy engine
 * @worker: executes the jobs
 * @lock: keeps the queue in the order of sequence numbers
 * @context: fence context
 * @seqno: sequence number of the last submitted job
 * @index: number of the engine in its device
 */
struct vgem_pfn_engine {
	struct kthread_worker *worker;
	spinlock_t lock; /* protects @seqno and the queue's order */
	u64 context;
	u64 seqno;
	unsigned int index;
};

/**
 * struct vgem_pfn_engines - the copy engines of a device
 * @num: number of engines, zero while the device is released
 * @next: job counter, selects the engine of a job
 * @queued_bytes: total size of the jobs that are submitted and not done
 * @queued_jobs: number of these jobs
 * @done: wait queue for jobs to complete
 * @async_moves: debugfs knob: every move is asynchronous
 * @latency_us: debugfs knob: fixed part of a copy's duration
 * @bandwidth_mibps: debugfs knob: bandwidth in MiB/s, zero for unlimited
 * @engine: the engines
 */
struct vgem_pfn_engines {
	unsigned int num;
	atomic_t next;
	atomic64_t queued_bytes;
	atomic_t queued_jobs;
	wait_queue_head_t done;
	bool async_moves;
	u32 latency_us;
	u32 bandwidth_mibps;
	struct vgem_pfn_engine engine[VGEM_PFN_MAX_ENGINES];
};

/* A part of a copy, contiguous on both sides. A null @src clears @dst. */
struct vgem_pfn_piece {
	struct iosys_map dst;
	struct iosys_map src;
	size_t size;
};

/**
 * struct vgem_pfn_job - one copy
 * @work: for the worker
 * @bo: the buffer object that is copied; its release waits for @fence
 * @engines: the engines of the device
 * @engine: the engine that executes the job, NULL before submission
 * @fence: signals when the copy is done
 * @deps: fences to wait for first
 * @num_deps: number of @deps
 * @num_pieces: number of @pieces
 * @size: sum of the sizes of @pieces
 * @duration_us: simulated duration, spent before the copy
 * @pieces: what to copy
 */
struct vgem_pfn_job {
	struct kthread_work work;
	struct vgem_pfn_bo *bo;
	struct vgem_pfn_engines *engines;
	struct vgem_pfn_engine *engine;
	struct dma_fence *fence;
	struct dma_fence **deps;
	unsigned int num_deps;
	unsigned int num_pieces;
	size_t size;
	u32 duration_us;
	struct vgem_pfn_piece pieces[];
};

/**
 * struct vgem_pfn_copy - what a move copies
 * @from: carveout of @old_mem, or NULL
 * @to: carveout of @new_mem, or NULL
 * @old_mem: the resource to copy from
 * @new_mem: the resource to copy to
 * @tt: pages of system memory
 * @num_pages: size in pages
 * @clear: there is nothing to copy from, clear the destination
 */
struct vgem_pfn_copy {
	struct vgem_pfn_carveout *from;
	struct vgem_pfn_carveout *to;
	struct ttm_resource *old_mem;
	struct ttm_resource *new_mem;
	struct ttm_tt *tt;
	pgoff_t num_pages;
	bool clear;
};

/* vgem_pfn_engine.c */
void vgem_pfn_copy_init(struct vgem_pfn_copy *copy, struct vgem_pfn_bo *bo,
			struct ttm_resource *new_mem);
void vgem_pfn_copy_sync(struct vgem_pfn_bo *bo, struct vgem_pfn_copy *copy);
struct vgem_pfn_job *vgem_pfn_copy_job(struct vgem_pfn_bo *bo,
				       struct vgem_pfn_copy *copy);
int vgem_pfn_job_depend(struct vgem_pfn_job *job, struct dma_resv *resv);
void vgem_pfn_job_destroy(struct vgem_pfn_job *job);
struct dma_fence *vgem_pfn_job_submit(struct vgem_pfn_job *job);
int vgem_pfn_engines_init(struct vgem_pfn_device *vdev);
bool vgem_pfn_engines_async(struct vgem_pfn_device *vdev);
int vgem_pfn_engines_wait(struct vgem_pfn_device *vdev);
void vgem_pfn_engines_debugfs_init(struct vgem_pfn_device *vdev,
				   struct dentry *root);

#endif /* _VGEM_PFN_ENGINE_H_ */
