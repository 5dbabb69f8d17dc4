/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Functions with which dma-buf-pfn.c accesses the state of buffers and
 * attachments, in the structures of the dma-buf core.
 */

#ifndef _DMA_BUF_PFN_STATE_H
#define _DMA_BUF_PFN_STATE_H

#include <linux/dma-buf.h>

static inline const struct dma_buf_ops *dma_buf_pfn_ops(struct dma_buf *dmabuf)
{
	return dmabuf->ops;
}

static inline unsigned long *dma_buf_pfn_seq(struct dma_buf *dmabuf)
{
	return &dmabuf->pfn_seq;
}

/* NULL for a static attachment */
static inline const struct dma_buf_attach_ops *
dma_buf_pfn_importer_ops(struct dma_buf_attachment *attach)
{
	return attach->importer_ops;
}

static inline unsigned int dma_buf_pfn_pin_count(struct dma_buf_attachment *attach)
{
	return attach->pin_count;
}

static inline bool *dma_buf_pfn_pinned(struct dma_buf_attachment *attach)
{
	return &attach->pfn_pinned;
}

#endif /* _DMA_BUF_PFN_STATE_H */
