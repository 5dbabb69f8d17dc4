/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Snapshots of the reference importer's page tables as trace events of the
 * dma-buf core, for programs that compare them with the exporter's events.
 * Emitted under the reservation lock, so that they are ordered with moves.
 */

#ifndef _DMA_BUF_PFN_IMPORTER_TRACE_H
#define _DMA_BUF_PFN_IMPORTER_TRACE_H

#include <linux/dma-buf.h>
#include <linux/dma-resv.h>

#include <trace/events/dma_buf.h>

#include "dma-buf-pfn-importer.h"

static inline u64 pfn_import_trace_pfn(const struct dma_buf_pfn_entry *entry,
				       u32 table)
{
	return table == DMA_BUF_PFN_ENTRY_DEV ? entry->dev_pfn : entry->cpu_pfn;
}

static inline bool pfn_import_trace_writable(const struct dma_buf_pfn_entry *entry,
					     u32 table)
{
	return entry->flags & (table == DMA_BUF_PFN_ENTRY_DEV ?
			       DMA_BUF_PFN_ENTRY_DEV_WRITE :
			       DMA_BUF_PFN_ENTRY_CPU_WRITE);
}

/* Emit one event per contiguous range. */
static inline void pfn_import_trace_table(struct pfn_import *imp, pgoff_t first,
					  const struct dma_buf_pfn_entry *entries,
					  unsigned int num, u32 table,
					  const char *name)
{
	unsigned int i, n;

	for (i = 0; i < num; i += n) {
		u64 pfn = pfn_import_trace_pfn(&entries[i], table);

		n = 1;
		if (!(entries[i].flags & table))
			continue;

		while (i + n < num && entries[i + n].flags & table &&
		       pfn_import_trace_pfn(&entries[i + n], table) == pfn + n)
			n++;
		trace_dma_buf_pfn_entry(imp->attach, name, first + i, pfn, n,
					pfn_import_trace_writable(&entries[i], table));
	}
}

/**
 * pfn_import_trace_snapshot() - emit the events of a snapshot
 * @imp: the import, with the reservation lock of its buffer held
 * @first: the first page
 * @entries: snapshot of @num pages from there on
 * @num: number of pages
 */
static inline void pfn_import_trace_snapshot(struct pfn_import *imp, pgoff_t first,
					     const struct dma_buf_pfn_entry *entries,
					     unsigned int num)
{
	dma_resv_assert_held(imp->dmabuf->resv);

	if (!trace_dma_buf_pfn_entry_enabled())
		return;

	pfn_import_trace_table(imp, first, entries, num, DMA_BUF_PFN_ENTRY_DEV,
			       "device");
	pfn_import_trace_table(imp, first, entries, num, DMA_BUF_PFN_ENTRY_CPU,
			       "cpu");
}

#endif /* _DMA_BUF_PFN_IMPORTER_TRACE_H */
