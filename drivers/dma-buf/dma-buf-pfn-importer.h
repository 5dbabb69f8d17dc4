/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the reference importer share.
 *
 * Locks, outermost first:
 *
 *	mmap_lock			of a process that faults
 *	&dma_buf.resv			the CPU side: @cpu_pages and its counters
 *	i_mmap_rwsem of @mapping	taken by unmap_mapping_range() when a
 *					notification removes CPU entries
 *	xa_lock of @cpu_pages		only because xarrays want theirs
 *	xa_lock of @dev_table		the device side: the device page table, its
 *					counters and windows, and every access through it. Never
 *					held across an allocation or get_pfn, since
 *					the notification takes it inside reclaim.
 */

#ifndef _DMA_BUF_PFN_IMPORTER_H
#define _DMA_BUF_PFN_IMPORTER_H

#include <linux/compiler_types.h>
#include <linux/list.h>
#include <linux/types.h>
#include <linux/xarray.h>

struct address_space;
struct dma_buf;
struct dma_buf_attachment;
struct dma_buf_pfn_access;
struct pfn_import_window;
struct vm_area_struct;

/**
 * struct pfn_import - one imported dma-buf, behind one import fd
 * @dmabuf: the buffer, referenced
 * @attach: our attachment, without a device
 * @mapping: where all CPU mappings of this import are found
 * @pinned: whether we have pinned it, constant
 * @flags: DMA_BUF_PFN_IMPORT_*, constant
 * @num_pages: size of the buffer in pages
 * @cpu_pages: page frame numbers given to CPU page tables since the last
 *	       notification, by page offset
 * @cpu_mapped: how many there are
 * @faults: CPU faults answered with a page
 * @invalidations: notifications received
 * @cpu_zapped: entries of @cpu_pages removed by notifications
 * @dev_table: the device page table, by page offset: page frame numbers of what is in
 *	       the linear map, and windows to what is not
 * @dev_mapped: how many there are
 * @dev_lookups: answers of get_pfn for @dev_table
 * @dev_retries: how many of them came too late to be installed
 * @dev_zapped: entries of @dev_table removed by notifications
 * @dev_windows: all windows that @dev_table points to
 * @dev_zapping: whether a notification is about to remove them
 */
struct pfn_import {
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	struct address_space *mapping;
	bool pinned;
	u32 flags;
	pgoff_t num_pages;

	struct xarray cpu_pages;
	u64 cpu_mapped;
	u64 faults;
	u64 invalidations;
	u64 cpu_zapped;

	struct xarray dev_table;
	u64 dev_mapped;
	u64 dev_lookups;
	u64 dev_retries;
	u64 dev_zapped;
	struct list_head dev_windows;
	bool dev_zapping;
};

void pfn_import_zap(struct xarray *xa, u64 *mapped, u64 *zapped);

/* dma-buf-pfn-importer-cpu.c */
int pfn_import_cpu_mmap(struct pfn_import *imp, struct vm_area_struct *vma);
void pfn_import_cpu_invalidate(struct pfn_import *imp);

/* dma-buf-pfn-importer-dev.c */
extern u32 pfn_import_install_delay_us;
long pfn_import_dev_access(struct pfn_import *imp,
			   const struct dma_buf_pfn_access *args);
u64 pfn_import_dev_pfn(const void *entry, pgoff_t pgoff);
void pfn_import_dev_invalidate(struct pfn_import *imp);

/* dma-buf-pfn-importer-window.c */
bool pfn_import_linear(u64 pfn);
struct pfn_import_window *pfn_import_window_create(struct pfn_import *imp,
						   pgoff_t pgoff);
struct pfn_import_window *pfn_import_window_use(struct pfn_import *imp,
						pgoff_t pgoff,
						struct pfn_import_window *win);
void pfn_import_window_destroy(struct pfn_import_window *win);
void pfn_import_windows_destroy(struct list_head *windows);
u64 pfn_import_window_pfn(const struct pfn_import_window *win, pgoff_t pgoff);
void pfn_import_window_copy(struct pfn_import_window *win, u64 offset,
			    void *data, size_t len, bool write);

/* dma-buf-pfn-importer-query.c */
long pfn_import_stats(struct pfn_import *imp, void __user *argp);
long pfn_import_snapshot(struct pfn_import *imp, void __user *argp);

#endif /* _DMA_BUF_PFN_IMPORTER_H */
