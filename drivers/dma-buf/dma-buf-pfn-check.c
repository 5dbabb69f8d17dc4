// SPDX-License-Identifier: GPL-2.0-only
/*
 * CONFIG_DMABUF_DEBUG: does the exporter's answer keep the rules? An importer
 * that maps what is not the buffer's gives away somebody else's memory, so a
 * wrong answer is reported with the exporter's name and not passed on.
 */

#include <linux/align.h>
#include <linux/bug.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>

#include "dma-buf-pfn.h"

static int dma_buf_pfn_wrong(struct dma_buf_attachment *attach, pgoff_t pgoff,
			     u64 pfn, const char *what)
{
	WARN(1, "exporter %s says that page %lu is pfn 0x%llx, but %s\n",
	     attach->dmabuf->exp_name, pgoff, pfn, what);
	return -EIO;
}

/*
 * Asks the exporter again, for one more page, and is silent if that fails. If the
 * exporter moved the buffer to answer, then the answer to be checked is old.
 */
static int dma_buf_pfn_check_at(struct dma_buf_attachment *attach,
				pgoff_t pgoff, u64 pfn)
{
	unsigned long seq = dma_buf_pfn_read_begin(attach);
	int order, ret;
	u64 answer;

	ret = attach->dmabuf->ops->get_pfn(attach, pgoff, &answer, &order);
	if (dma_buf_pfn_read_retry(attach, seq))
		return -EAGAIN;

	return !ret && answer != pfn ? -EIO : 0;
}

/* A device's memory, and what has no struct page, is for peers only. */
static bool dma_buf_pfn_is_allowed(struct dma_buf_attachment *attach, u64 pfn,
				   enum dma_buf_pfn_type type)
{
	if (attach->peer2peer)
		return true;

	if (type == DMA_BUF_PFN_UNKNOWN)
		type = dma_buf_pfn_derive_type(pfn);

	return type == DMA_BUF_PFN_RAM && dma_buf_pfn_to_page(pfn);
}

/**
 * dma_buf_pfn_check() - check an answer of &dma_buf_ops.get_pfn
 * @attach: attachment that asked
 * @pgoff: offset in pages that was asked for
 * @pfn: page frame number in the answer
 * @order: order in the answer
 * @ask: whether to ask the exporter about contiguity
 *
 * Contiguity is only checked at the far end of the block.
 *
 * Return: 0, -EIO for a wrong answer, or -EAGAIN if the exporter moved the buffer
 * meanwhile, so that it must be asked again.
 */
int dma_buf_pfn_check(struct dma_buf_attachment *attach, pgoff_t pgoff,
		      u64 pfn, int order, bool ask)
{
	pgoff_t num_pages = attach->dmabuf->size >> PAGE_SHIFT;
	pgoff_t first, last, other;
	int ret;

	dma_resv_assert_held(attach->dmabuf->resv);

	if (order < 0 || order >= BITS_PER_LONG)
		return dma_buf_pfn_wrong(attach, pgoff, pfn,
					 "the order is out of range");

	first = ALIGN_DOWN(pgoff, 1UL << order);
	last = first + (1UL << order) - 1;
	if (last < first || last >= num_pages)
		return dma_buf_pfn_wrong(attach, pgoff, pfn,
					 "the block ends outside the buffer");

	if ((pfn ^ pgoff) & (last - first))
		return dma_buf_pfn_wrong(attach, pgoff, pfn,
					 "the block is not aligned");

	if (!dma_buf_pfn_is_allowed(attach, pfn, DMA_BUF_PFN_UNKNOWN))
		return dma_buf_pfn_wrong(attach, pgoff, pfn,
					 "it is no RAM, and the importer wants RAM");

	other = last - pgoff > pgoff - first ? last : first;
	if (!ask || other == pgoff)
		return 0;

	ret = dma_buf_pfn_check_at(attach, other, pfn + (other - pgoff));
	if (ret == -EIO)
		return dma_buf_pfn_wrong(attach, pgoff, pfn,
					 "the block is not contiguous");
	return ret;
}

/**
 * dma_buf_pfn_check_run() - check an answer of &dma_buf_ops.get_pfn_run
 * @attach: attachment that asked
 * @pgoff: offset in pages that was asked for
 * @run: the answer
 * @ask: whether to ask the exporter about contiguity
 *
 * Contiguity is only checked at the last page, by &dma_buf_ops.get_pfn.
 *
 * Return: 0, -EIO for a wrong answer, or -EAGAIN if the exporter moved the buffer
 * meanwhile, so that it must be asked again.
 */
int dma_buf_pfn_check_run(struct dma_buf_attachment *attach, pgoff_t pgoff,
			  const struct dma_buf_pfn_run *run, bool ask)
{
	pgoff_t num_pages = attach->dmabuf->size >> PAGE_SHIFT;
	pgoff_t more = run->nr_pages - 1;
	int ret;

	dma_resv_assert_held(attach->dmabuf->resv);

	if (!run->nr_pages)
		return dma_buf_pfn_wrong(attach, pgoff, run->pfn,
					 "the run has no page");

	if (run->nr_pages > num_pages - pgoff)
		return dma_buf_pfn_wrong(attach, pgoff, run->pfn,
					 "the run ends outside the buffer");

	if (!dma_buf_pfn_is_allowed(attach, run->pfn, run->type))
		return dma_buf_pfn_wrong(attach, pgoff, run->pfn,
					 "it is no RAM, and the importer wants RAM");

	if (!ask)
		return 0;

	ret = dma_buf_pfn_check_at(attach, pgoff + more, run->pfn + more);
	if (ret == -EIO)
		return dma_buf_pfn_wrong(attach, pgoff, run->pfn,
					 "the run is not contiguous");
	return ret;
}
