/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trace events of buffer objects, which are identified by their
 * &vgem_pfn_bo.id. All events except release, copies by an engine and stale
 * writes are emitted under the object's reservation lock, so the events of one
 * object are in order.
 *
 * tests/contract/ uses these events and those of the dma-buf core to check the
 * order of moves, for every importer. It depends on their fields.
 */

#undef TRACE_SYSTEM
#define TRACE_SYSTEM vgem_pfn

#if !defined(_VGEM_PFN_TRACE_H_) || defined(TRACE_HEADER_MULTI_READ)
#define _VGEM_PFN_TRACE_H_

#include <linux/dma-buf-pfn.h>
#include <linux/dma-fence.h>
#include <linux/tracepoint.h>

#include "vgem_pfn_drv.h"

struct vgem_pfn_job;

TRACE_EVENT(vgem_pfn_move_begin,
	    TP_PROTO(struct vgem_pfn_bo *bo, u32 to, bool evict),
	    TP_ARGS(bo, to, evict),

	    TP_STRUCT__entry(__field(u64, bo)
			     __field(u64, size)
			     __field(u32, from)
			     __field(u32, to)
			     __field(bool, evict)),

	    TP_fast_assign(__entry->bo = bo->id;
			   __entry->size = bo->tbo.base.size;
			   __entry->from = bo->tbo.resource->mem_type;
			   __entry->to = to;
			   __entry->evict = evict;),

	    TP_printk("bo=%llu size=%llu from=%u to=%u evict=%d", __entry->bo,
		      __entry->size, __entry->from, __entry->to, __entry->evict));

TRACE_EVENT(vgem_pfn_move_end,
	    TP_PROTO(struct vgem_pfn_bo *bo, int ret),
	    TP_ARGS(bo, ret),

	    TP_STRUCT__entry(__field(u64, bo)
			     __field(u32, region)
			     __field(int, ret)),

	    TP_fast_assign(__entry->bo = bo->id;
			   __entry->region = bo->tbo.resource->mem_type;
			   __entry->ret = ret;),

	    TP_printk("bo=%llu region=%u ret=%d", __entry->bo, __entry->region,
		      __entry->ret));

/*
 * An engine emits these without the lock, before the fence signals. @unsignaled
 * is the number of fences that should have been waited for and were not: those
 * of the reservation object, or the dependencies of the job.
 */
DECLARE_EVENT_CLASS(vgem_pfn_copy_class,
		    TP_PROTO(struct vgem_pfn_bo *bo, int engine,
			     struct dma_fence *fence, unsigned int num_deps,
			     unsigned int unsignaled),
		    TP_ARGS(bo, engine, fence, num_deps, unsignaled),

		    TP_STRUCT__entry(__field(u64, bo)
				     __field(u64, size)
				     __field(int, engine)
				     __field(unsigned int, num_deps)
				     __field(unsigned int, unsignaled)
				     __field(u64, context)
				     __field(u64, seqno)),

		    TP_fast_assign(__entry->bo = bo->id;
				   __entry->size = bo->tbo.base.size;
				   __entry->engine = engine;
				   __entry->num_deps = num_deps;
				   __entry->unsignaled = unsignaled;
				   __entry->context = fence ? fence->context : 0;
				   __entry->seqno = fence ? fence->seqno : 0;),

		    TP_printk("bo=%llu size=%llu engine=%d dependencies=%u unsignaled=%u fence=%llu:%llu",
			      __entry->bo, __entry->size, __entry->engine,
			      __entry->num_deps, __entry->unsignaled,
			      __entry->context, __entry->seqno));

DEFINE_EVENT(vgem_pfn_copy_class, vgem_pfn_copy_begin,
	     TP_PROTO(struct vgem_pfn_bo *bo, int engine,
		      struct dma_fence *fence, unsigned int num_deps,
		      unsigned int unsignaled),
	     TP_ARGS(bo, engine, fence, num_deps, unsignaled));

DEFINE_EVENT(vgem_pfn_copy_class, vgem_pfn_copy_end,
	     TP_PROTO(struct vgem_pfn_bo *bo, int engine,
		      struct dma_fence *fence, unsigned int num_deps,
		      unsigned int unsignaled),
	     TP_ARGS(bo, engine, fence, num_deps, unsignaled));

/*
 * Before a copy is queued. @num_fences is the number of unsignaled fences of
 * the reservation object, all of which the copy has to depend on.
 */
TRACE_EVENT(vgem_pfn_queue,
	    TP_PROTO(struct vgem_pfn_bo *bo, unsigned int num_deps,
		     unsigned int num_fences),
	    TP_ARGS(bo, num_deps, num_fences),

	    TP_STRUCT__entry(__field(u64, bo)
			     __field(unsigned int, num_deps)
			     __field(unsigned int, num_fences)),

	    TP_fast_assign(__entry->bo = bo->id;
			   __entry->num_deps = num_deps;
			   __entry->num_fences = num_fences;),

	    TP_printk("bo=%llu dependencies=%u fences=%u", __entry->bo,
		      __entry->num_deps, __entry->num_fences));

/* After a wait for all fences, with the number that have not signaled. */
TRACE_EVENT(vgem_pfn_waited,
	    TP_PROTO(struct vgem_pfn_bo *bo, unsigned int unsignaled),
	    TP_ARGS(bo, unsignaled),

	    TP_STRUCT__entry(__field(u64, bo)
			     __field(unsigned int, unsignaled)),

	    TP_fast_assign(__entry->bo = bo->id;
			   __entry->unsignaled = unsignaled;),

	    TP_printk("bo=%llu unsignaled=%u", __entry->bo, __entry->unsignaled));

/* The dma-buf of a buffer object. Dma-buf inode numbers are not reused. */
TRACE_EVENT(vgem_pfn_export,
	    TP_PROTO(struct vgem_pfn_bo *bo, struct dma_buf *dmabuf),
	    TP_ARGS(bo, dmabuf),

	    TP_STRUCT__entry(__field(u64, bo)
			     __field(u64, size)
			     __field(ino_t, ino)),

	    TP_fast_assign(__entry->bo = bo->id;
			   __entry->size = bo->tbo.base.size;
			   __entry->ino = dmabuf->file->f_inode->i_ino;),

	    TP_printk("bo=%llu size=%llu ino=%lu", __entry->bo, __entry->size,
		      __entry->ino));

DECLARE_EVENT_CLASS(vgem_pfn_bo_class,
		    TP_PROTO(struct vgem_pfn_bo *bo),
		    TP_ARGS(bo),

		    TP_STRUCT__entry(__field(u64, bo)),

		    TP_fast_assign(__entry->bo = bo->id;),

		    TP_printk("bo=%llu", __entry->bo));

/* The dma-buf is released. */
DEFINE_EVENT(vgem_pfn_bo_class, vgem_pfn_release,
	     TP_PROTO(struct vgem_pfn_bo *bo),
	     TP_ARGS(bo));

/* TTM is about to swap out the object, which has no memory afterwards. */
DEFINE_EVENT(vgem_pfn_bo_class, vgem_pfn_swap,
	     TP_PROTO(struct vgem_pfn_bo *bo),
	     TP_ARGS(bo));

/*
 * The placement of a buffer object: its runs from @first on, as pairs of first
 * page and page frame number. A run ends where the next one begins, the last
 * run at the end of the buffer.
 */
TRACE_EVENT(vgem_pfn_place,
	    TP_PROTO(struct vgem_pfn_bo *bo, const struct vgem_pfn_runs *runs,
		     unsigned int first, unsigned int num),
	    TP_ARGS(bo, runs, first, num),

	    TP_STRUCT__entry(__field(u64, bo)
			     __field(u32, region)
			     __field(pgoff_t, num_pages)
			     __field(unsigned int, num_runs)
			     __field(unsigned int, first)
			     __dynamic_array(u64, runs, 2 * num)),

	    TP_fast_assign(__entry->bo = bo->id;
			   __entry->region = bo->tbo.resource->mem_type;
			   __entry->num_pages = runs->num_pages;
			   __entry->num_runs = runs->num;
			   __entry->first = first;
			   memcpy(__get_dynamic_array(runs), &runs->run[first],
				  num * sizeof(*runs->run));),

	    TP_printk("bo=%llu region=%u pages=%lu runs=%u first=%u at=%s",
		      __entry->bo, __entry->region, __entry->num_pages,
		      __entry->num_runs, __entry->first,
		      __print_array(__get_dynamic_array(runs),
				    __get_dynamic_array_len(runs) / sizeof(u64),
				    sizeof(u64))));

/* A requested move is refused, because the object is pinned. */
TRACE_EVENT(vgem_pfn_refused,
	    TP_PROTO(struct vgem_pfn_bo *bo),
	    TP_ARGS(bo),

	    TP_STRUCT__entry(__field(u64, bo)
			     __field(unsigned int, pin_count)),

	    TP_fast_assign(__entry->bo = bo->id;
			   __entry->pin_count = bo->tbo.pin_count;),

	    TP_printk("bo=%llu pin_count=%u", __entry->bo, __entry->pin_count));

TRACE_EVENT(vgem_pfn_notify,
	    TP_PROTO(struct vgem_pfn_bo *bo),
	    TP_ARGS(bo),

	    TP_STRUCT__entry(__field(u64, bo)
			     __field(u64, count)),

	    TP_fast_assign(__entry->bo = bo->id;
			   __entry->count = bo->num_notifies;),

	    TP_printk("bo=%llu count=%llu", __entry->bo, __entry->count));

TRACE_EVENT(vgem_pfn_get_pfn_run,
	    TP_PROTO(struct vgem_pfn_bo *bo, const struct dma_buf_pfn_run *run),
	    TP_ARGS(bo, run),

	    TP_STRUCT__entry(__field(u64, bo)
			     __field(pgoff_t, pgoff)
			     __field(u64, pfn)
			     __field(pgoff_t, nr_pages)),

	    TP_fast_assign(__entry->bo = bo->id;
			   __entry->pgoff = run->first;
			   __entry->pfn = run->pfn;
			   __entry->nr_pages = run->nr_pages;),

	    TP_printk("bo=%llu pgoff=0x%lx pfn=0x%llx pages=0x%lx", __entry->bo,
		      __entry->pgoff, __entry->pfn, __entry->nr_pages));

TRACE_EVENT(vgem_pfn_stale,
	    TP_PROTO(u64 bo_id, const char *carveout, u64 offset, u64 num_bytes,
		     u64 age_us, const char *importers),
	    TP_ARGS(bo_id, carveout, offset, num_bytes, age_us, importers),

	    TP_STRUCT__entry(__field(u64, bo_id)
			     __string(carveout, carveout)
			     __field(u64, offset)
			     __field(u64, num_bytes)
			     __field(u64, age_us)
			     __string(importers, importers)),

	    TP_fast_assign(__entry->bo_id = bo_id;
			   __assign_str(carveout);
			   __entry->offset = offset;
			   __entry->num_bytes = num_bytes;
			   __entry->age_us = age_us;
			   __assign_str(importers);),

	    TP_printk("bo=%llu carveout=%s offset=0x%llx bytes=%llu age_us=%llu importers=%s",
		      __entry->bo_id, __get_str(carveout), __entry->offset,
		      __entry->num_bytes, __entry->age_us, __get_str(importers)));

/* @attach is NULL if a kernel mapping pins. */
DECLARE_EVENT_CLASS(vgem_pfn_pin_class,
		    TP_PROTO(struct vgem_pfn_bo *bo,
			     struct dma_buf_attachment *attach),
		    TP_ARGS(bo, attach),

		    TP_STRUCT__entry(__field(u64, bo)
				     __field(struct dma_buf_attachment *, attach)
				     __field(u32, region)
				     __field(unsigned int, pin_count)),

		    TP_fast_assign(__entry->bo = bo->id;
				   __entry->attach = attach;
				   __entry->region = bo->tbo.resource->mem_type;
				   __entry->pin_count = bo->tbo.pin_count;),

		    TP_printk("bo=%llu attachment:%p region=%u pin_count=%u",
			      __entry->bo, __entry->attach, __entry->region,
			      __entry->pin_count));

DEFINE_EVENT(vgem_pfn_pin_class, vgem_pfn_pin,
	     TP_PROTO(struct vgem_pfn_bo *bo, struct dma_buf_attachment *attach),
	     TP_ARGS(bo, attach));

DEFINE_EVENT(vgem_pfn_pin_class, vgem_pfn_unpin,
	     TP_PROTO(struct vgem_pfn_bo *bo, struct dma_buf_attachment *attach),
	     TP_ARGS(bo, attach));

void vgem_pfn_trace_exported(struct vgem_pfn_bo *bo, struct dma_buf *dmabuf);
void vgem_pfn_trace_place(struct vgem_pfn_bo *bo);
unsigned int vgem_pfn_trace_unsignaled(struct vgem_pfn_bo *bo);
unsigned int vgem_pfn_trace_job_unsignaled(struct vgem_pfn_job *job);

#endif /* _VGEM_PFN_TRACE_H_ */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE vgem_pfn_trace
#include <trace/define_trace.h>
