/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Internal interface of the page frame number API. All functions are called
 * with the reservation lock of the buffer held.
 */

#ifndef _DMA_BUF_PFN_H
#define _DMA_BUF_PFN_H

#include <linux/dma-buf-pfn.h>
#include <linux/types.h>

struct page;

/* dma-buf-pfn.c */
struct page *dma_buf_pfn_to_page(u64 pfn);
int dma_buf_pfn_lookup(struct dma_buf_attachment *attach, pgoff_t pgoff,
		       struct dma_buf_pfn_run *run, const char **wrong);

/* dma-buf-pfn-check.c */
#ifdef CONFIG_DMABUF_DEBUG
void dma_buf_pfn_report(struct dma_buf_attachment *attach, pgoff_t pgoff,
			const char *what);
int dma_buf_pfn_check(struct dma_buf_attachment *attach, pgoff_t pgoff,
		      const struct dma_buf_pfn_run *run, bool contiguous);
#else
static inline void dma_buf_pfn_report(struct dma_buf_attachment *attach,
				      pgoff_t pgoff, const char *what)
{
}

static inline int dma_buf_pfn_check(struct dma_buf_attachment *attach, pgoff_t pgoff,
				    const struct dma_buf_pfn_run *run, bool contiguous)
{
	return 0;
}
#endif

#endif /* _DMA_BUF_PFN_H */
