/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Jobs of the reference importer's device, and the engines that execute them.
 */

#ifndef _DMA_BUF_PFN_IMPORTER_ENGINE_H
#define _DMA_BUF_PFN_IMPORTER_ENGINE_H

#include <linux/dma-resv.h>
#include <linux/kref.h>
#include <linux/kthread.h>
#include <linux/types.h>

struct dma_buf_pfn_submit;
struct dma_fence;
struct file;
struct pfn_import;
struct pfn_import_map;

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
 * @offset: start of the range, in bytes
 * @length: its length, in bytes
 * @value: word of the pattern at offset 0 of the buffer
 * @step: increment per word of the pattern
 * @op: DMA_BUF_PFN_JOB_*
 * @latency_us: delay before the access
 * @data: data that is read or written, or NULL
 * @wrong: number of words that differ from the pattern
 * @first_wrong: byte offset of the first
 * @start_ns: when the engine started the job
 * @access_ns: when the access began
 * @end_ns: when it ended
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
	u64 offset;
	u64 length;
	u64 value;
	u64 step;
	u32 op;
	u32 latency_us;
	void *data;
	u64 wrong;
	u64 first_wrong;
	u64 start_ns;
	u64 access_ns;
	u64 end_ns;
};

/* dma-buf-pfn-importer-job.c */
struct pfn_import_job *pfn_import_job_create(struct pfn_import *imp,
					     const struct dma_buf_pfn_submit *args);
int pfn_import_job_translate(struct pfn_import_job *job, struct pfn_import *imp);
void pfn_import_job_access(struct pfn_import_job *job);
void pfn_import_job_done(struct pfn_import_job *job);
void pfn_import_job_put(struct pfn_import_job *job);
bool pfn_import_job_writes(u32 op);
bool pfn_import_job_has_data(u32 op);

/* dma-buf-pfn-importer-engine.c */
extern u32 pfn_import_job_latency_us;
int pfn_import_engine_submit(struct pfn_import_job *job, unsigned int index,
			     struct dma_resv *resv, enum dma_resv_usage usage,
			     struct file **sync);
int pfn_import_engines_init(void);
void pfn_import_engines_fini(void);

#endif /* _DMA_BUF_PFN_IMPORTER_ENGINE_H */
