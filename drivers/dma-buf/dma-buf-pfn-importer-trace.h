/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Snapshots of the importer's page tables as trace events of the dma-buf core,
 * for programs that compare them with the exporter's events.
 */

#ifndef _DMA_BUF_PFN_IMPORTER_TRACE_H
#define _DMA_BUF_PFN_IMPORTER_TRACE_H

#include <linux/dma-resv.h>

#include <trace/events/dma_buf_pfn.h>

#include "dma-buf-pfn-importer.h"

/* Emit the entries of one page table, one event for each contiguous range. */
static inline void pfn_import_trace_table(struct pfn_import *imp, pgoff_t first,
					  const struct dma_buf_pfn_entry *entries,
					  unsigned int num, bool dev)
{
	u32 write = dev ? DMA_BUF_PFN_ENTRY_DEV_WRITE : DMA_BUF_PFN_ENTRY_CPU_WRITE;
	u32 present = dev ? DMA_BUF_PFN_ENTRY_DEV : DMA_BUF_PFN_ENTRY_CPU;
	unsigned int i, n;

	for (i = 0; i < num; i += n) {
		const struct dma_buf_pfn_entry *e = &entries[i];
		u64 pfn = dev ? e->dev_pfn : e->cpu_pfn;

		n = 1;
		if (!(e->flags & present))
			continue;

		while (i + n < num && e[n].flags & present &&
		       (dev ? e[n].dev_pfn : e[n].cpu_pfn) == pfn + n)
			n++;
		trace_dma_buf_pfn_entry(imp->attach, dev ? "device" : "cpu",
					first + i, pfn, n, e->flags & write);
	}
}

/**
 * pfn_import_trace_snapshot() - emit the events of a snapshot
 * @imp: the import, with the reservation lock of its buffer held, so that the
 *	 events are ordered with moves
 * @first: the first page
 * @entries: snapshot of @num pages, starting with @first
 * @num: number of pages
 */
static inline void pfn_import_trace_snapshot(struct pfn_import *imp, pgoff_t first,
					     const struct dma_buf_pfn_entry *entries,
					     unsigned int num)
{
	dma_resv_assert_held(imp->dmabuf->resv);

	if (!trace_dma_buf_pfn_entry_enabled())
		return;

	pfn_import_trace_table(imp, first, entries, num, true);
	pfn_import_trace_table(imp, first, entries, num, false);
}

#endif /* _DMA_BUF_PFN_IMPORTER_TRACE_H */
