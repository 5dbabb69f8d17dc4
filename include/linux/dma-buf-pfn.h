/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page frame numbers of dma-bufs, for importers with their own page tables. The
 * rules are in Documentation/driver-api/dma-buf-pfn.rst.
 */

#ifndef _LINUX_DMA_BUF_PFN_H
#define _LINUX_DMA_BUF_PFN_H

#include <linux/bitops.h>
#include <linux/dma-buf.h>
#include <linux/fs.h>
#include <linux/minmax.h>
#include <linux/pgtable.h>
#include <linux/types.h>

struct p2pdma_provider;

/**
 * enum dma_buf_pfn_type - kind of memory
 */
enum dma_buf_pfn_type {
	/** @DMA_BUF_PFN_RAM: System RAM, or memory that behaves like it. */
	DMA_BUF_PFN_RAM,
	/**
	 * @DMA_BUF_PFN_MMIO: Device memory. Only returned to attachments with
	 * &dma_buf_attachment.peer2peer, and often without struct page.
	 */
	DMA_BUF_PFN_MMIO,
};

/**
 * enum dma_buf_pfn_caching - how a CPU may cache memory, with the names of
 * &enum ttm_caching
 */
enum dma_buf_pfn_caching {
	/** @DMA_BUF_PFN_CACHED: write-back */
	DMA_BUF_PFN_CACHED,
	/** @DMA_BUF_PFN_WRITE_COMBINED: not cached, writes may be combined */
	DMA_BUF_PFN_WRITE_COMBINED,
	/** @DMA_BUF_PFN_UNCACHED: not cached */
	DMA_BUF_PFN_UNCACHED,
};

/**
 * struct dma_buf_pfn_run - physically contiguous pages of one kind
 * @first: offset of the first page, in pages from the start of the buffer
 * @nr_pages: number of pages
 * @pfn: page frame number of the first page
 * @type: what kind of memory it is
 * @caching: how a CPU may cache it. On architectures where each mapping selects
 * its cache mode (x86 with PAT), an importer that maps it differently breaks
 * the exporter's own mapping.
 * @provider: the p2pdma provider of memory of type DMA_BUF_PFN_MMIO, or NULL if
 * the memory is not in a PCI BAR or the exporter does not set it. Needed by
 * importers that program another PCI device to access the memory.
 */
struct dma_buf_pfn_run {
	pgoff_t first;
	pgoff_t nr_pages;
	u64 pfn;
	enum dma_buf_pfn_type type;
	enum dma_buf_pfn_caching caching;
	struct p2pdma_provider *provider;
};

bool dma_buf_has_pfn(struct dma_buf *dmabuf);
int dma_buf_get_pfn(struct dma_buf_attachment *attach, pgoff_t pgoff,
		    u64 *pfn, int *max_order);
int dma_buf_get_pfn_unlocked(struct dma_buf_attachment *attach, pgoff_t pgoff,
			     u64 *pfn, int *max_order);
int dma_buf_get_pfn_run(struct dma_buf_attachment *attach, pgoff_t pgoff,
			struct dma_buf_pfn_run *run);
int dma_buf_pfn_walk(struct dma_buf_attachment *attach, pgoff_t first,
		     pgoff_t nr_pages,
		     int (*fn)(const struct dma_buf_pfn_run *run, void *arg),
		     void *arg);
unsigned long dma_buf_pfn_read_begin(struct dma_buf_attachment *attach);
bool dma_buf_pfn_read_retry(struct dma_buf_attachment *attach,
			    unsigned long seq);

/**
 * dma_buf_pfn_writable - whether an importer may map page frames for writing
 * @dmabuf:	[in]	the buffer
 *
 * A page frame number carries no access rights. An importer must not map the
 * memory for writing unless this returns true.
 *
 * Return: true if the file of @dmabuf is open for writing.
 */
static inline bool dma_buf_pfn_writable(struct dma_buf *dmabuf)
{
	return dmabuf->file->f_mode & FMODE_WRITE;
}

/**
 * dma_buf_pfn_at - the page frame number of one page of a run
 * @run:	[in]	the run
 * @pgoff:	[in]	a page of it, as offset into the buffer
 *
 * Return: the page frame number.
 */
static inline u64 dma_buf_pfn_at(const struct dma_buf_pfn_run *run, pgoff_t pgoff)
{
	return run->pfn + (pgoff - run->first);
}

/**
 * dma_buf_pfn_clip - reduce a run to a range of pages
 * @run:	[in,out] the run
 * @first:	[in]	first page of the range
 * @end:	[in]	the page after the last
 *
 * The range must overlap @run, and may extend beyond it.
 */
static inline void dma_buf_pfn_clip(struct dma_buf_pfn_run *run, pgoff_t first,
				    pgoff_t end)
{
	end = min(end, run->first + run->nr_pages);
	first = max(first, run->first);
	run->pfn = dma_buf_pfn_at(run, first);
	run->first = first;
	run->nr_pages = end - first;
}

/**
 * dma_buf_pfn_order - largest aligned block inside a run
 * @run:	[in]	the run
 * @pgoff:	[in]	a page of it, as offset into the buffer
 *
 * Return: the largest order o such that the 2^o pages which contain @pgoff, and
 * start at a multiple of 2^o both in page offsets and in page frame numbers,
 * lie in @run.
 */
static inline int dma_buf_pfn_order(const struct dma_buf_pfn_run *run, pgoff_t pgoff)
{
	/* Offset and pfn are aligned alike up to the lowest differing bit. */
	u64 unlike = dma_buf_pfn_at(run, pgoff) ^ pgoff;
	int order = __ffs64(unlike | BIT_ULL(BITS_PER_LONG - 1));
	int edge;

	/*
	 * The block must contain neither the page before the run nor the page
	 * after it. The smallest aligned block with two given pages has an
	 * order of one more than the highest bit in which their offsets differ.
	 * The page before page 0 wraps to ULONG_MAX, which is in no block.
	 */
	edge = __fls(min(pgoff ^ (run->first - 1),
			 pgoff ^ (run->first + run->nr_pages)));
	return min(order, edge);
}

/**
 * dma_buf_pfn_pgprot - page protection for mapping page frames into a process
 * @caching:	[in]	how they may be cached, from dma_buf_get_pfn_run()
 * @prot:	[in]	protection of the mapping, &vm_area_struct.vm_page_prot
 *
 * Return: @prot with the cache mode for @caching, if the architecture supports
 * it. Modelled on ttm_io_prot().
 */
static inline pgprot_t dma_buf_pfn_pgprot(enum dma_buf_pfn_caching caching,
					  pgprot_t prot)
{
	switch (caching) {
	case DMA_BUF_PFN_CACHED:
		return prot;
	case DMA_BUF_PFN_WRITE_COMBINED:
		return pgprot_writecombine(prot);
	case DMA_BUF_PFN_UNCACHED:
	default:
		return pgprot_noncached(prot);
	}
}

#endif /* _LINUX_DMA_BUF_PFN_H */
