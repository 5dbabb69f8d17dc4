/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trace events of what importers hold: scatter lists, pins and kernel mappings, in the
 * same trace system as the other events of dma-bufs. All are emitted under the
 * reservation lock. The file with CREATE_TRACE_POINTS includes dma_buf_pfn.h before,
 * which has dma_buf_trace_fences().
 */

#undef TRACE_SYSTEM
#define TRACE_SYSTEM dma_buf

/* Another variable than that of dma_buf.h, which dma-buf.c includes, too */
#undef TRACE_SYSTEM_VAR
#define TRACE_SYSTEM_VAR dma_buf_map

#if !defined(_TRACE_DMA_BUF_MAP_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_DMA_BUF_MAP_H

#include <linux/dma-buf.h>
#include <linux/scatterlist.h>
#include <linux/tracepoint.h>

/*
 * A scatter list, identified by its table, with the number of unsignaled fences of moves,
 * for which a dynamic importer has to wait before it uses the list
 */
TRACE_EVENT(dma_buf_map_attachment,
	    TP_PROTO(struct dma_buf_attachment *attach,
		     struct sg_table *sg_table, int dir, bool revocable),
	    TP_ARGS(attach, sg_table, dir, revocable),

	    TP_STRUCT__entry(__string(exp_name, attach->dmabuf->exp_name)
			     __field(ino_t, ino)
			     __field(struct dma_buf_attachment *, attach)
			     __field(struct sg_table *, sg_table)
			     __field(int, dir)
			     __field(unsigned int, nents)
			     __field(unsigned int, moving)
			     __field(bool, revocable)
			     __field(int, ret)),

	    TP_fast_assign(__assign_str(exp_name);
			   __entry->ino = attach->dmabuf->file->f_inode->i_ino;
			   __entry->attach = attach;
			   __entry->sg_table = IS_ERR(sg_table) ? NULL : sg_table;
			   __entry->dir = dir;
			   __entry->nents = IS_ERR(sg_table) ? 0 : sg_table->nents;
			   __entry->moving = IS_ERR(sg_table) ? 0 :
				dma_buf_trace_fences(attach->dmabuf, true);
			   __entry->revocable = revocable;
			   __entry->ret = PTR_ERR_OR_ZERO(sg_table);),

	    TP_printk("exp_name=%s ino=%lu attachment:%p table:%p dir=%d nents=%u moving=%u revocable=%d ret=%d",
		      __get_str(exp_name), __entry->ino, __entry->attach,
		      __entry->sg_table, __entry->dir, __entry->nents,
		      __entry->moving, __entry->revocable, __entry->ret));

TRACE_EVENT(dma_buf_unmap_attachment,
	    TP_PROTO(struct dma_buf_attachment *attach,
		     struct sg_table *sg_table),
	    TP_ARGS(attach, sg_table),

	    TP_STRUCT__entry(__string(exp_name, attach->dmabuf->exp_name)
			     __field(ino_t, ino)
			     __field(struct dma_buf_attachment *, attach)
			     __field(struct sg_table *, sg_table)),

	    TP_fast_assign(__assign_str(exp_name);
			   __entry->ino = attach->dmabuf->file->f_inode->i_ino;
			   __entry->attach = attach;
			   __entry->sg_table = sg_table;),

	    TP_printk("exp_name=%s ino=%lu attachment:%p table:%p",
		      __get_str(exp_name), __entry->ino, __entry->attach,
		      __entry->sg_table));

/*
 * Pins by importers, with the number that the attachment holds after dma_buf_pin(), or
 * before dma_buf_unpin(). An unpin at 0 is one too many.
 */
DECLARE_EVENT_CLASS(dma_buf_pins,
		    TP_PROTO(struct dma_buf_attachment *attach, unsigned int pins,
			     bool revocable, int ret),
		    TP_ARGS(attach, pins, revocable, ret),

		    TP_STRUCT__entry(__string(exp_name, attach->dmabuf->exp_name)
				     __field(ino_t, ino)
				     __field(struct dma_buf_attachment *, attach)
				     __field(unsigned int, pins)
				     __field(bool, revocable)
				     __field(int, ret)),

		    TP_fast_assign(__assign_str(exp_name);
				   __entry->ino = attach->dmabuf->file->f_inode->i_ino;
				   __entry->attach = attach;
				   __entry->pins = pins;
				   __entry->revocable = revocable;
				   __entry->ret = ret;),

		    TP_printk("exp_name=%s ino=%lu attachment:%p pins=%u revocable=%d ret=%d",
			      __get_str(exp_name), __entry->ino, __entry->attach,
			      __entry->pins, __entry->revocable, __entry->ret));

DEFINE_EVENT(dma_buf_pins, dma_buf_pin,
	     TP_PROTO(struct dma_buf_attachment *attach, unsigned int pins,
		      bool revocable, int ret),
	     TP_ARGS(attach, pins, revocable, ret));

DEFINE_EVENT(dma_buf_pins, dma_buf_unpin,
	     TP_PROTO(struct dma_buf_attachment *attach, unsigned int pins,
		      bool revocable, int ret),
	     TP_ARGS(attach, pins, revocable, ret));

/*
 * Kernel mappings, which belong to no attachment, with the number that the dma-buf has
 * after dma_buf_vmap(), or before dma_buf_vunmap()
 */
DECLARE_EVENT_CLASS(dma_buf_vmaps,
		    TP_PROTO(struct dma_buf *dmabuf, int ret),
		    TP_ARGS(dmabuf, ret),

		    TP_STRUCT__entry(__string(exp_name, dmabuf->exp_name)
				     __field(size_t, size)
				     __field(ino_t, ino)
				     __field(unsigned int, count)
				     __field(int, ret)),

		    TP_fast_assign(__assign_str(exp_name);
				   __entry->size = dmabuf->size;
				   __entry->ino = dmabuf->file->f_inode->i_ino;
				   __entry->count = dmabuf->vmapping_counter;
				   __entry->ret = ret;),

		    TP_printk("exp_name=%s size=%zu ino=%lu count=%u ret=%d",
			      __get_str(exp_name), __entry->size, __entry->ino,
			      __entry->count, __entry->ret));

DEFINE_EVENT(dma_buf_vmaps, dma_buf_vmap,
	     TP_PROTO(struct dma_buf *dmabuf, int ret),
	     TP_ARGS(dmabuf, ret));

DEFINE_EVENT(dma_buf_vmaps, dma_buf_vunmap,
	     TP_PROTO(struct dma_buf *dmabuf, int ret),
	     TP_ARGS(dmabuf, ret));

#endif /* _TRACE_DMA_BUF_MAP_H */

#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE dma_buf_map
/* This part must be outside protection */
#include <trace/define_trace.h>
