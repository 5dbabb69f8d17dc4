/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trace events of lookups of page frame numbers, and of invalidations, in the
 * same trace system as the other events of dma-bufs.
 */

#undef TRACE_SYSTEM
#define TRACE_SYSTEM dma_buf

#if !defined(_TRACE_DMA_BUF_PFN_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_DMA_BUF_PFN_H

#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-resv.h>
#include <linux/tracepoint.h>

#ifndef _DMA_BUF_TRACE_FENCES
#define _DMA_BUF_TRACE_FENCES
/* The number of unsignaled fences of moves, or of all others */
static inline unsigned int dma_buf_trace_fences(struct dma_buf *dmabuf, bool moves)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	unsigned int n = 0;

	dma_resv_for_each_fence(&cursor, dmabuf->resv, DMA_RESV_USAGE_BOOKKEEP,
				fence) {
		if ((dma_resv_iter_usage(&cursor) == DMA_RESV_USAGE_KERNEL) == moves)
			n += !dma_fence_is_signaled(fence);
	}
	return n;
}
#endif

/* The result of one dma_buf_get_pfn(), or its error */
TRACE_EVENT(dma_buf_get_pfn,
	    TP_PROTO(struct dma_buf_attachment *attach, pgoff_t pgoff, u64 pfn,
		     int order, int ret),
	    TP_ARGS(attach, pgoff, pfn, order, ret),

	    TP_STRUCT__entry(__string(exp_name, attach->dmabuf->exp_name)
			     __field(ino_t, ino)
			     __field(struct dma_buf_attachment *, attach)
			     __field(pgoff_t, pgoff)
			     __field(u64, pfn)
			     __field(int, order)
			     __field(int, ret)),

	    TP_fast_assign(__assign_str(exp_name);
			   __entry->ino = attach->dmabuf->file->f_inode->i_ino;
			   __entry->attach = attach;
			   __entry->pgoff = pgoff;
			   __entry->pfn = pfn;
			   __entry->order = order;
			   __entry->ret = ret;),

	    TP_printk("exp_name=%s ino=%lu attachment:%p pgoff=%lu pfn=0x%llx order=%d ret=%d",
		      __get_str(exp_name), __entry->ino, __entry->attach,
		      __entry->pgoff, __entry->pfn, __entry->order,
		      __entry->ret));

/* The run that contains pgoff, from its first page on */
TRACE_EVENT(dma_buf_get_pfn_run,
	    TP_PROTO(struct dma_buf_attachment *attach, pgoff_t pgoff,
		     const struct dma_buf_pfn_run *run, int ret),
	    TP_ARGS(attach, pgoff, run, ret),

	    TP_STRUCT__entry(__string(exp_name, attach->dmabuf->exp_name)
			     __field(ino_t, ino)
			     __field(struct dma_buf_attachment *, attach)
			     __field(pgoff_t, asked)
			     __field(pgoff_t, pgoff)
			     __field(u64, pfn)
			     __field(pgoff_t, nr_pages)
			     __field(int, ret)),

	    TP_fast_assign(__assign_str(exp_name);
			   __entry->ino = attach->dmabuf->file->f_inode->i_ino;
			   __entry->attach = attach;
			   __entry->asked = pgoff;
			   __entry->pgoff = run->first;
			   __entry->pfn = run->pfn;
			   __entry->nr_pages = run->nr_pages;
			   __entry->ret = ret;),

	    TP_printk("exp_name=%s ino=%lu attachment:%p asked=%lu pgoff=%lu pfn=0x%llx pages=%lu ret=%d",
		      __get_str(exp_name), __entry->ino, __entry->attach,
		      __entry->asked, __entry->pgoff, __entry->pfn,
		      __entry->nr_pages, __entry->ret));

/* Emitted before the first importer is notified. */
TRACE_EVENT(dma_buf_invalidate_mappings,
	    TP_PROTO(struct dma_buf *dmabuf, unsigned long pfn_seq),
	    TP_ARGS(dmabuf, pfn_seq),

	    TP_STRUCT__entry(__string(exp_name, dmabuf->exp_name)
			     __field(size_t, size)
			     __field(ino_t, ino)
			     __field(unsigned long, pfn_seq)),

	    TP_fast_assign(__assign_str(exp_name);
			   __entry->size = dmabuf->size;
			   __entry->ino = dmabuf->file->f_inode->i_ino;
			   __entry->pfn_seq = pfn_seq;),

	    TP_printk("exp_name=%s size=%zu ino=%lu pfn_seq=%lu",
		      __get_str(exp_name), __entry->size, __entry->ino,
		      __entry->pfn_seq));

/* Emitted around the callback of each importer, under the reservation lock. */
TRACE_EVENT(dma_buf_invalidate_begin,
	    TP_PROTO(struct dma_buf_attachment *attach),
	    TP_ARGS(attach),

	    TP_STRUCT__entry(__string(exp_name, attach->dmabuf->exp_name)
			     __field(ino_t, ino)
			     __field(struct dma_buf_attachment *, attach)),

	    TP_fast_assign(__assign_str(exp_name);
			   __entry->ino = attach->dmabuf->file->f_inode->i_ino;
			   __entry->attach = attach;),

	    TP_printk("exp_name=%s ino=%lu attachment:%p",
		      __get_str(exp_name), __entry->ino, __entry->attach));

/*
 * With the number of unsignaled fences that are not of moves. Without any, no importer
 * may access the old memory any more.
 */
TRACE_EVENT(dma_buf_invalidate_end,
	    TP_PROTO(struct dma_buf_attachment *attach),
	    TP_ARGS(attach),

	    TP_STRUCT__entry(__string(exp_name, attach->dmabuf->exp_name)
			     __field(ino_t, ino)
			     __field(struct dma_buf_attachment *, attach)
			     __field(unsigned int, fences)),

	    TP_fast_assign(__assign_str(exp_name);
			   __entry->ino = attach->dmabuf->file->f_inode->i_ino;
			   __entry->attach = attach;
			   __entry->fences = dma_buf_trace_fences(attach->dmabuf, false);),

	    TP_printk("exp_name=%s ino=%lu attachment:%p fences=%u",
		      __get_str(exp_name), __entry->ino, __entry->attach,
		      __entry->fences));

/*
 * Contiguous pages in one of the page tables of an importer, which chooses the table's
 * name. Emitted under the reservation lock by importers that list their page tables.
 */
TRACE_EVENT(dma_buf_pfn_entry,
	    TP_PROTO(struct dma_buf_attachment *attach, const char *table,
		     pgoff_t pgoff, u64 pfn, pgoff_t nr_pages, bool writable),
	    TP_ARGS(attach, table, pgoff, pfn, nr_pages, writable),

	    TP_STRUCT__entry(__string(exp_name, attach->dmabuf->exp_name)
			     __field(ino_t, ino)
			     __field(struct dma_buf_attachment *, attach)
			     __string(table, table)
			     __field(pgoff_t, pgoff)
			     __field(u64, pfn)
			     __field(pgoff_t, nr_pages)
			     __field(bool, writable)),

	    TP_fast_assign(__assign_str(exp_name);
			   __entry->ino = attach->dmabuf->file->f_inode->i_ino;
			   __entry->attach = attach;
			   __assign_str(table);
			   __entry->pgoff = pgoff;
			   __entry->pfn = pfn;
			   __entry->nr_pages = nr_pages;
			   __entry->writable = writable;),

	    TP_printk("exp_name=%s ino=%lu attachment:%p table=%s pgoff=%lu pfn=0x%llx pages=%lu writable=%d",
		      __get_str(exp_name), __entry->ino, __entry->attach,
		      __get_str(table), __entry->pgoff, __entry->pfn,
		      __entry->nr_pages, __entry->writable));

#endif /* _TRACE_DMA_BUF_PFN_H */

#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE dma_buf_pfn
/* This part must be outside protection */
#include <trace/define_trace.h>
