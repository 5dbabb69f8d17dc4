/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trace events of what happens to buffer objects. All but the copies of an engine
 * and reports of stale writes are emitted under the object's reservation lock, so
 * the events of one object are in order.
 */

#undef TRACE_SYSTEM
#define TRACE_SYSTEM vgem_pfn

#if !defined(_VGEM_PFN_TRACE_H_) || defined(TRACE_HEADER_MULTI_READ)
#define _VGEM_PFN_TRACE_H_

#include <linux/dma-buf-pfn.h>
#include <linux/dma-fence.h>
#include <linux/tracepoint.h>

#include "vgem_pfn_drv.h"

TRACE_EVENT(vgem_pfn_move_begin,
	    TP_PROTO(struct vgem_pfn_bo *bo, u32 to, bool evict),
	    TP_ARGS(bo, to, evict),

	    TP_STRUCT__entry(__field(const void *, bo)
			     __field(u64, size)
			     __field(u32, from)
			     __field(u32, to)
			     __field(bool, evict)),

	    TP_fast_assign(__entry->bo = bo;
			   __entry->size = bo->tbo.base.size;
			   __entry->from = bo->tbo.resource->mem_type;
			   __entry->to = to;
			   __entry->evict = evict;),

	    TP_printk("bo=%p size=%llu from=%u to=%u evict=%d", __entry->bo,
		      __entry->size, __entry->from, __entry->to, __entry->evict));

TRACE_EVENT(vgem_pfn_move_end,
	    TP_PROTO(struct vgem_pfn_bo *bo, int ret),
	    TP_ARGS(bo, ret),

	    TP_STRUCT__entry(__field(const void *, bo)
			     __field(u32, region)
			     __field(int, ret)),

	    TP_fast_assign(__entry->bo = bo;
			   __entry->region = bo->tbo.resource->mem_type;
			   __entry->ret = ret;),

	    TP_printk("bo=%p region=%u ret=%d", __entry->bo, __entry->region,
		      __entry->ret));

/* An engine has no lock. Its events come before the fence signals. */
DECLARE_EVENT_CLASS(vgem_pfn_copy_class,
		    TP_PROTO(struct vgem_pfn_bo *bo, int engine,
			     struct dma_fence *fence, unsigned int num_deps),
		    TP_ARGS(bo, engine, fence, num_deps),

		    TP_STRUCT__entry(__field(const void *, bo)
				     __field(u64, size)
				     __field(int, engine)
				     __field(unsigned int, num_deps)
				     __field(u64, context)
				     __field(u64, seqno)),

		    TP_fast_assign(__entry->bo = bo;
				   __entry->size = bo->tbo.base.size;
				   __entry->engine = engine;
				   __entry->num_deps = num_deps;
				   __entry->context = fence ? fence->context : 0;
				   __entry->seqno = fence ? fence->seqno : 0;),

		    TP_printk("bo=%p size=%llu engine=%d dependencies=%u fence=%llu:%llu",
			      __entry->bo, __entry->size, __entry->engine,
			      __entry->num_deps, __entry->context,
			      __entry->seqno));

DEFINE_EVENT(vgem_pfn_copy_class, vgem_pfn_copy_begin,
	     TP_PROTO(struct vgem_pfn_bo *bo, int engine,
		      struct dma_fence *fence, unsigned int num_deps),
	     TP_ARGS(bo, engine, fence, num_deps));

DEFINE_EVENT(vgem_pfn_copy_class, vgem_pfn_copy_end,
	     TP_PROTO(struct vgem_pfn_bo *bo, int engine,
		      struct dma_fence *fence, unsigned int num_deps),
	     TP_ARGS(bo, engine, fence, num_deps));

TRACE_EVENT(vgem_pfn_notify,
	    TP_PROTO(struct vgem_pfn_bo *bo),
	    TP_ARGS(bo),

	    TP_STRUCT__entry(__field(const void *, bo)
			     __field(u64, count)),

	    TP_fast_assign(__entry->bo = bo;
			   __entry->count = bo->num_notifies;),

	    TP_printk("bo=%p count=%llu", __entry->bo, __entry->count));

TRACE_EVENT(vgem_pfn_get_pfn,
	    TP_PROTO(struct vgem_pfn_bo *bo, pgoff_t pgoff, u64 pfn, int max_order),
	    TP_ARGS(bo, pgoff, pfn, max_order),

	    TP_STRUCT__entry(__field(const void *, bo)
			     __field(pgoff_t, pgoff)
			     __field(u64, pfn)
			     __field(int, max_order)),

	    TP_fast_assign(__entry->bo = bo;
			   __entry->pgoff = pgoff;
			   __entry->pfn = pfn;
			   __entry->max_order = max_order;),

	    TP_printk("bo=%p pgoff=0x%lx pfn=0x%llx max_order=%d", __entry->bo,
		      __entry->pgoff, __entry->pfn, __entry->max_order));

TRACE_EVENT(vgem_pfn_get_pfn_run,
	    TP_PROTO(struct vgem_pfn_bo *bo, pgoff_t pgoff,
		     const struct dma_buf_pfn_run *run),
	    TP_ARGS(bo, pgoff, run),

	    TP_STRUCT__entry(__field(const void *, bo)
			     __field(pgoff_t, pgoff)
			     __field(u64, pfn)
			     __field(pgoff_t, nr_pages)),

	    TP_fast_assign(__entry->bo = bo;
			   __entry->pgoff = pgoff;
			   __entry->pfn = run->pfn;
			   __entry->nr_pages = run->nr_pages;),

	    TP_printk("bo=%p pgoff=0x%lx pfn=0x%llx pages=0x%lx", __entry->bo,
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

	    TP_printk("id=%llu carveout=%s offset=0x%llx bytes=%llu age_us=%llu importers=%s",
		      __entry->bo_id, __get_str(carveout), __entry->offset,
		      __entry->num_bytes, __entry->age_us, __get_str(importers)));

DECLARE_EVENT_CLASS(vgem_pfn_pin_class,
		    TP_PROTO(struct vgem_pfn_bo *bo),
		    TP_ARGS(bo),

		    TP_STRUCT__entry(__field(const void *, bo)
				     __field(u32, region)
				     __field(unsigned int, pin_count)),

		    TP_fast_assign(__entry->bo = bo;
				   __entry->region = bo->tbo.resource->mem_type;
				   __entry->pin_count = bo->tbo.pin_count;),

		    TP_printk("bo=%p region=%u pin_count=%u", __entry->bo, __entry->region,
			      __entry->pin_count));

DEFINE_EVENT(vgem_pfn_pin_class, vgem_pfn_pin,
	     TP_PROTO(struct vgem_pfn_bo *bo),
	     TP_ARGS(bo));

DEFINE_EVENT(vgem_pfn_pin_class, vgem_pfn_unpin,
	     TP_PROTO(struct vgem_pfn_bo *bo),
	     TP_ARGS(bo));

#endif /* _VGEM_PFN_TRACE_H_ */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE vgem_pfn_trace
#include <trace/define_trace.h>
