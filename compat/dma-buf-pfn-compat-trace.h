/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trace events of attachments to buffers with get_pfn, in the format of the events
 * dma_buf_dynamic_attach and dma_buf_detach of the core. 6.12 does not have these events.
 * Later kernels emit them after they have released the reservation lock, so that a move can
 * happen between the change and its event.
 */

#undef TRACE_SYSTEM
#define TRACE_SYSTEM dma_buf

#if !defined(_DMA_BUF_PFN_COMPAT_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _DMA_BUF_PFN_COMPAT_TRACE_H

#include <linux/dma-buf.h>
#include <linux/tracepoint.h>

DECLARE_EVENT_CLASS(dma_buf_pfn_attachment,
		    TP_PROTO(struct dma_buf_attachment *attach, bool is_dynamic),
		    TP_ARGS(attach, is_dynamic),

		    TP_STRUCT__entry(__string(dev_name, dev_name(attach->dev))
				     __string(exp_name, attach->dmabuf->exp_name)
				     __field(size_t, size)
				     __field(ino_t, ino)
				     __field(struct dma_buf_attachment *, attach)
				     __field(bool, is_dynamic)),

		    TP_fast_assign(__assign_str(dev_name);
				   __assign_str(exp_name);
				   __entry->size = attach->dmabuf->size;
				   __entry->ino = attach->dmabuf->file->f_inode->i_ino;
				   __entry->attach = attach;
				   __entry->is_dynamic = is_dynamic;),

		    TP_printk("exp_name=%s size=%zu ino=%lu attachment:%p is_dynamic=%d dev_name=%s",
			      __get_str(exp_name), __entry->size, __entry->ino,
			      __entry->attach, __entry->is_dynamic,
			      __get_str(dev_name)));

DEFINE_EVENT(dma_buf_pfn_attachment, dma_buf_pfn_attach,
	     TP_PROTO(struct dma_buf_attachment *attach, bool is_dynamic),
	     TP_ARGS(attach, is_dynamic));

DEFINE_EVENT(dma_buf_pfn_attachment, dma_buf_pfn_detach,
	     TP_PROTO(struct dma_buf_attachment *attach, bool is_dynamic),
	     TP_ARGS(attach, is_dynamic));

#endif /* _DMA_BUF_PFN_COMPAT_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE dma-buf-pfn-compat-trace
#include <trace/define_trace.h>
