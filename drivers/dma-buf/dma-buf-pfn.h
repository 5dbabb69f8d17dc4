/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the page frame number API share. Everything here is called
 * with the reservation lock of the buffer held.
 */

#ifndef _DMA_BUF_PFN_H
#define _DMA_BUF_PFN_H

#include <linux/dma-buf-pfn.h>
#include <linux/types.h>

/* dma-buf-pfn.c */
int dma_buf_pfn_begin(struct dma_buf_attachment *attach, pgoff_t pgoff,
		      bool *pinned);
int dma_buf_pfn_end(struct dma_buf_attachment *attach, bool pinned, int ret);
int dma_buf_pfn_ask(struct dma_buf_attachment *attach, pgoff_t pgoff,
		    u64 *pfn, int *order);

/* dma-buf-pfn-run.c */
struct page *dma_buf_pfn_to_page(u64 pfn);
enum dma_buf_pfn_type dma_buf_pfn_derive_type(u64 pfn);

/* dma-buf-pfn-check.c */
#ifdef CONFIG_DMABUF_DEBUG
int dma_buf_pfn_check(struct dma_buf_attachment *attach, pgoff_t pgoff,
		      u64 pfn, int order, bool ask);
int dma_buf_pfn_check_run(struct dma_buf_attachment *attach, pgoff_t pgoff,
			  const struct dma_buf_pfn_run *run, bool ask);
#else
static inline int dma_buf_pfn_check(struct dma_buf_attachment *attach,
				    pgoff_t pgoff, u64 pfn, int order,
				    bool ask)
{
	return 0;
}

static inline int dma_buf_pfn_check_run(struct dma_buf_attachment *attach,
					pgoff_t pgoff,
					const struct dma_buf_pfn_run *run,
					bool ask)
{
	return 0;
}
#endif

#endif /* _DMA_BUF_PFN_H */
