// SPDX-License-Identifier: GPL-2.0-only
/*
 * CONFIG_DMABUF_DEBUG: check what exporters return. An importer that maps
 * memory outside the buffer exposes other users' memory, so an invalid run is
 * reported with the name of the exporter and not passed on.
 */

#include <linux/bug.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>

#include "dma-buf-pfn.h"

/**
 * dma_buf_pfn_report() - report an exporter that returned an invalid run
 * @attach: the attachment
 * @pgoff: offset in pages that was looked up
 * @what: what is wrong
 */
void dma_buf_pfn_report(struct dma_buf_attachment *attach, pgoff_t pgoff,
			const char *what)
{
	WARN(1, "exporter %s, page %lu: %s\n",
	     attach->dmabuf->exp_name, pgoff, what);
}

/* Device memory and memory without struct page is for peers only. */
static bool dma_buf_pfn_is_allowed(struct dma_buf_attachment *attach,
				   const struct dma_buf_pfn_run *run)
{
	return attach->peer2peer || (run->type == DMA_BUF_PFN_RAM &&
				     dma_buf_pfn_to_page(run->pfn));
}

/**
 * dma_buf_pfn_check() - check what an exporter returned
 * @attach: the attachment
 * @pgoff: offset in pages that was looked up
 * @run: the run, whose bounds dma_buf_pfn_lookup() has checked
 * @contiguous: whether to check contiguity
 *
 * Contiguity is only checked at the end of the run that is farther from @pgoff,
 * by a second lookup there.
 *
 * Return: 0, -EIO for an invalid run, or -EAGAIN if the exporter moved the
 * buffer during the check, so that @run is out of date.
 */
int dma_buf_pfn_check(struct dma_buf_attachment *attach, pgoff_t pgoff,
		      const struct dma_buf_pfn_run *run, bool contiguous)
{
	unsigned long seq = dma_buf_pfn_read_begin(attach);
	pgoff_t last = run->first + run->nr_pages - 1, far;
	struct dma_buf_pfn_run other;
	const char *wrong;
	int ret;

	dma_resv_assert_held(attach->dmabuf->resv);

	if (!dma_buf_pfn_is_allowed(attach, run)) {
		dma_buf_pfn_report(attach, pgoff,
				   "not RAM, but the importer needs RAM");
		return -EIO;
	}

	far = last - pgoff > pgoff - run->first ? last : run->first;
	if (!contiguous || far == pgoff)
		return 0;

	ret = dma_buf_pfn_lookup(attach, far, &other, &wrong);
	if (dma_buf_pfn_read_retry(attach, seq))
		return -EAGAIN;
	/* If the second lookup fails, contiguity cannot be checked. */
	if (ret || (!wrong && dma_buf_pfn_at(&other, far) == dma_buf_pfn_at(run, far)))
		return 0;

	dma_buf_pfn_report(attach, pgoff, "the run is not contiguous");
	return -EIO;
}
