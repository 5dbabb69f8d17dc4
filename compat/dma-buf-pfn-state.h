/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The functions with which drivers/dma-buf/dma-buf-pfn.c finds the state of buffers
 * and attachments in a kernel without get_pfn. They are in
 * dma-buf-pfn-compat-main.c.
 */

#ifndef _DMA_BUF_PFN_STATE_H
#define _DMA_BUF_PFN_STATE_H

#include "dma-buf-pfn-compat.h"

struct dma_buf;
struct dma_buf_attachment;

const struct dma_buf_pfn_ops *dma_buf_pfn_ops(struct dma_buf *dmabuf);
unsigned long *dma_buf_pfn_seq(struct dma_buf *dmabuf);
const struct dma_buf_pfn_attach_ops *
dma_buf_pfn_importer_ops(struct dma_buf_attachment *attach);
unsigned int dma_buf_pfn_pin_count(struct dma_buf_attachment *attach);
bool *dma_buf_pfn_pinned(struct dma_buf_attachment *attach);

#endif /* _DMA_BUF_PFN_STATE_H */
