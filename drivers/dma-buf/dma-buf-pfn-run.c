// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page frame numbers of dma-bufs, many at a time and with their attributes: the
 * importers' side of &dma_buf_ops.get_pfn_run.
 */

#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/export.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>

#include <trace/events/dma_buf.h>

#include "dma-buf-pfn.h"

/**
 * dma_buf_pfn_to_page() - the struct page of system RAM
 * @pfn: page frame number
 *
 * Return: the page, or NULL for anything else: what has no struct page, is
 * offline, or has one for a device's sake.
 */
struct page *dma_buf_pfn_to_page(u64 pfn)
{
	struct page *page = NULL;

	if (pfn == (unsigned long)pfn)
		page = pfn_to_online_page(pfn);

	return page && !is_zone_device_page(page) ? page : NULL;
}

/**
 * dma_buf_pfn_derive_type() - the kind of memory, where the exporter is silent
 * @pfn: page frame number
 *
 * Return: RAM only for what the kernel manages as such.
 */
enum dma_buf_pfn_type dma_buf_pfn_derive_type(u64 pfn)
{
	struct page *page = dma_buf_pfn_to_page(pfn);

	return page && !PageReserved(page) ? DMA_BUF_PFN_RAM : DMA_BUF_PFN_MMIO;
}

/* For exporters without get_pfn_run: what is left of the block around @pgoff. */
static int dma_buf_pfn_run_of_block(struct dma_buf_attachment *attach,
				    pgoff_t pgoff, struct dma_buf_pfn_run *run)
{
	int order, ret;

	ret = dma_buf_pfn_ask(attach, pgoff, &run->pfn, &order);
	if (ret)
		return ret;

	run->nr_pages = (1UL << order) - (pgoff & ((1UL << order) - 1));
	return 0;
}

static int dma_buf_pfn_call_run(struct dma_buf_attachment *attach,
				pgoff_t pgoff, struct dma_buf_pfn_run *run)
{
	int ret;

	*run = (struct dma_buf_pfn_run) {};
	ret = attach->dmabuf->ops->get_pfn_run(attach, pgoff, run);
	trace_dma_buf_get_pfn_run(attach, pgoff, run->pfn, run->nr_pages, ret);
	return ret;
}

static int dma_buf_pfn_ask_run(struct dma_buf_attachment *attach, pgoff_t pgoff,
			       struct dma_buf_pfn_run *run)
{
	int ret;

	dma_resv_assert_held(attach->dmabuf->resv);

	if (!attach->dmabuf->ops->get_pfn_run)
		return dma_buf_pfn_run_of_block(attach, pgoff, run);

	ret = dma_buf_pfn_call_run(attach, pgoff, run);
	if (ret)
		return ret;

	/* What moved while it was checked is asked for once more. */
	ret = dma_buf_pfn_check_run(attach, pgoff, run, true);
	if (ret != -EAGAIN)
		return ret;

	ret = dma_buf_pfn_call_run(attach, pgoff, run);
	return ret ?: dma_buf_pfn_check_run(attach, pgoff, run, false);
}

/**
 * dma_buf_get_pfn_run - get a contiguous run of a buffer, and what it is
 * @attach:	[in]	attachment to get it for
 * @pgoff:	[in]	offset in pages of PAGE_SIZE from the start of the buffer
 * @run:	[out]	a physically contiguous run of pages of one kind that
 *			starts at @pgoff and ends inside the buffer
 *
 * For importers that map much at a time, or need to know the kind of memory.
 * One walks a buffer by calling this again for the page after the run, with
 * the reservation lock held all the while. The next run may continue this one.
 *
 * A walk costs one call of the exporter for each contiguous run where the
 * exporter has &dma_buf_ops.get_pfn_run, and otherwise one for each block of
 * dma_buf_get_pfn().
 *
 * The exporter may move the buffer to answer, as in dma_buf_get_pfn(). A walk
 * that collects runs before it maps them must therefore compare
 * dma_buf_pfn_read_begin() from before its first call with
 * dma_buf_pfn_read_retry() after its last.
 *
 * If the exporter does not say what kind of memory it is, online memory that the
 * kernel manages is DMA_BUF_PFN_RAM and DMA_BUF_PFN_CACHED, and everything else
 * is DMA_BUF_PFN_MMIO and DMA_BUF_PFN_UNCACHED, judged by the first page.
 *
 * Locks, fences and how long the answer is valid: as with dma_buf_get_pfn().
 *
 * Context: may sleep.
 *
 * Returns:
 * As dma_buf_get_pfn(), and -EIO with or without CONFIG_DMABUF_DEBUG for a run that
 * is empty or ends outside the buffer. On failure @run is left as it was.
 */
int dma_buf_get_pfn_run(struct dma_buf_attachment *attach, pgoff_t pgoff,
			struct dma_buf_pfn_run *run)
{
	struct dma_buf_pfn_run answer = {};
	bool pinned;
	int ret;

	might_sleep();

	if (WARN_ON(!attach || !attach->dmabuf || !run))
		return -EINVAL;

	dma_resv_assert_held(attach->dmabuf->resv);

	ret = dma_buf_pfn_begin(attach, pgoff, &pinned);
	if (ret)
		return ret;

	ret = dma_buf_pfn_ask_run(attach, pgoff, &answer);
	/* An empty run would keep a walk from ending, with the lock held. */
	if (!ret && answer.nr_pages - 1 >=
	    (attach->dmabuf->size >> PAGE_SHIFT) - pgoff)
		ret = -EIO;
	ret = dma_buf_pfn_end(attach, pinned, ret);
	if (ret)
		return ret;

	if (answer.type == DMA_BUF_PFN_UNKNOWN) {
		answer.type = dma_buf_pfn_derive_type(answer.pfn);
		answer.caching = answer.type == DMA_BUF_PFN_RAM ?
				 DMA_BUF_PFN_CACHED : DMA_BUF_PFN_UNCACHED;
	}
	*run = answer;
	return 0;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_get_pfn_run, "DMA_BUF");
