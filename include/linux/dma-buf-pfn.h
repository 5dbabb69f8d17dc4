/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page frame numbers of dma-bufs, for importers that fill page tables of their
 * own.
 */

#ifndef _LINUX_DMA_BUF_PFN_H
#define _LINUX_DMA_BUF_PFN_H

#include <linux/dma-buf.h>
#include <linux/fs.h>
#include <linux/types.h>

int dma_buf_get_pfn(struct dma_buf_attachment *attach, pgoff_t pgoff,
		    u64 *pfn, int *max_order);
int dma_buf_get_pfn_unlocked(struct dma_buf_attachment *attach, pgoff_t pgoff,
			     u64 *pfn, int *max_order);
unsigned long dma_buf_pfn_read_begin(struct dma_buf_attachment *attach);
bool dma_buf_pfn_read_retry(struct dma_buf_attachment *attach,
			    unsigned long seq);

/**
 * dma_buf_has_pfn - whether an exporter gives out page frame numbers
 * @dmabuf:	[in]	the buffer
 *
 * Returns:
 * True if dma_buf_get_pfn() can work on attachments to @dmabuf.
 */
static inline bool dma_buf_has_pfn(struct dma_buf *dmabuf)
{
	return dmabuf->ops->get_pfn;
}

/**
 * dma_buf_pfn_writable - whether an importer may map page frames for writing
 * @dmabuf:	[in]	the buffer
 *
 * A page frame number carries no access rights. An importer must not let
 * anything write to the memory without it.
 *
 * Returns:
 * True if the file of @dmabuf is open for writing.
 */
static inline bool dma_buf_pfn_writable(struct dma_buf *dmabuf)
{
	return dmabuf->file->f_mode & FMODE_WRITE;
}

#endif /* _LINUX_DMA_BUF_PFN_H */
