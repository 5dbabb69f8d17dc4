/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Internal interface of the reference importer.
 *
 * Locks, outermost first:
 *
 *	mmap_lock			of a process that faults
 *	&dma_buf.resv			the CPU side: @cpu_pages and counters
 *	i_mmap_rwsem of @mapping	taken by unmap_mapping_range() when a
 *					notification removes CPU entries
 *	xa_lock of @cpu_pages		required by the xarray
 *	xa_lock of @dev_table		the device side: the device page table,
 *					its counters and windows, and every
 *					access through it. Never held across an
 *					allocation or get_pfn, since the
 *					notification takes it inside reclaim.
 *
 * Jobs have locks of their own, see dma-buf-pfn-importer-engine.c.
 */

#ifndef _DMA_BUF_PFN_IMPORTER_H
#define _DMA_BUF_PFN_IMPORTER_H

#include <linux/compiler_types.h>
#include <linux/dma-buf-pfn.h>
#include <linux/iosys-map.h>
#include <linux/list.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "dma-buf-pfn-importer_uapi.h"

struct address_space;
struct dentry;
struct device;
struct dma_buf;
struct dma_buf_attachment;
struct dma_buf_pfn_access;
struct file;
struct vm_area_struct;

/* A power of two */
#define PFN_IMPORT_TLB_ENTRIES	16

/**
 * struct pfn_import_translation - page table entry of one page
 * @pfn: page frame number of the page
 * @generation: notifications received when @pfn was looked up
 * @order: order of the entry that contains the page
 * @writable: whether the entry allows writes
 * @window: how the device accesses memory outside the linear map, or NULL
 */
struct pfn_import_translation {
	u64 pfn;
	u64 generation;
	unsigned int order;
	bool writable;
	struct pfn_import_window *window;
};

/**
 * struct pfn_import_tlb - a cache of translations in front of the device page
 * table
 * @entry: translations, indexed by the low bits of the page offset
 * @pgoff: page offsets of the translations
 * @valid: whether there is a translation
 * @hits: number of hits
 * @flushes: number of flushes
 *
 * Protected by the lock of the device page table.
 */
struct pfn_import_tlb {
	struct pfn_import_translation entry[PFN_IMPORT_TLB_ENTRIES];
	pgoff_t pgoff[PFN_IMPORT_TLB_ENTRIES];
	bool valid[PFN_IMPORT_TLB_ENTRIES];
	u64 hits;
	u64 flushes;
};

/**
 * struct pfn_import_window - a kernel mapping of a part of a buffer
 * @node: in &pfn_import.dev_windows once it is in use, or in
 *	  &pfn_import_job.windows
 * @run: pages that are mapped
 * @generation: notifications received when @run was looked up, if in use
 * @map: the mapping; unset if another window is used instead
 */
struct pfn_import_window {
	struct list_head node;
	struct dma_buf_pfn_run run;
	u64 generation;
	struct iosys_map map;
};

/**
 * struct pfn_import - one imported dma-buf, behind one import fd
 * @dmabuf: the buffer, referenced
 * @attach: the attachment
 * @mapping: address_space of all CPU mappings of this import
 * @pinned: whether the import has pinned the buffer, constant
 * @flags: DMA_BUF_PFN_IMPORT_*, constant
 * @broken: DMA_BUF_PFN_BROKEN_*, constant
 * @num_pages: size of the buffer in pages
 * @cpu_pages: entries installed in CPU page tables since the last notification,
 *	       by page offset
 * @cpu_mapped: number of pages in @cpu_pages
 * @faults: CPU faults that installed an entry, by its level
 * @invalidations: notifications received
 * @cpu_zapped: pages of @cpu_pages removed by notifications
 * @dev_table: the device page table, by page offset: page frame numbers of
 *	       memory in the linear map, and windows to other memory
 * @dev_mapped: number of pages in @dev_table
 * @dev_lookups: successful lookups for @dev_table
 * @dev_retries: how many of them were out of date before they were installed
 * @dev_zapped: pages of @dev_table removed by notifications
 * @dev_windows: all windows that @dev_table points to
 * @dev_zapping: whether a notification is about to remove @dev_windows
 * @tlb: the device TLB
 * @jobs: jobs whose results have not been read, by number
 * @num_jobs: jobs submitted, protected by the reservation lock
 * @ready: whether notifications are handled; false only in a broken import
 * @late_zap: delayed removal of translations in a broken import
 * @leaked: in the list of leaked imports
 * @file: the file of this import, not referenced
 */
struct pfn_import {
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	struct address_space *mapping;
	bool pinned;
	u32 flags;
	u32 broken;
	pgoff_t num_pages;

	struct xarray cpu_pages;
	u64 cpu_mapped;
	u64 faults[DMA_BUF_PFN_LEVELS];
	u64 invalidations;
	u64 cpu_zapped;

	struct xarray dev_table;
	u64 dev_mapped;
	u64 dev_lookups;
	u64 dev_retries;
	u64 dev_zapped;
	struct list_head dev_windows;
	bool dev_zapping;
	struct pfn_import_tlb tlb;

	struct xarray jobs;
	u64 num_jobs;

	bool ready;
	struct delayed_work late_zap;
	struct list_head leaked;
	struct file *file;
};

void pfn_import_delay(const u32 *knob_us);

/* dma-buf-pfn-importer-attach.c */
int pfn_import_attach(struct pfn_import *imp, struct device *dev);
void pfn_import_detach(struct pfn_import *imp);

/* dma-buf-pfn-importer-cpu.c */
unsigned long pfn_import_cpu_area(struct file *file, unsigned long addr,
				  unsigned long len, unsigned long pgoff,
				  unsigned long flags);
int pfn_import_cpu_mmap(struct pfn_import *imp, struct vm_area_struct *vma);
void pfn_import_cpu_invalidate(struct pfn_import *imp);
extern u32 pfn_import_fault_around_pages;

/* dma-buf-pfn-importer-dev.c */
extern u32 pfn_import_install_delay_us;
long pfn_import_dev_access(struct pfn_import *imp,
			   const struct dma_buf_pfn_access *args);
int pfn_import_dev_map(struct pfn_import *imp, pgoff_t pgoff);
void pfn_import_dev_invalidate(struct pfn_import *imp);
void *pfn_import_entry_make(u64 pfn, bool writable, u64 generation);
bool pfn_import_translate(struct pfn_import *imp, struct xarray *xa,
			  pgoff_t pgoff, struct pfn_import_translation *out);
void pfn_import_zap(struct xarray *xa, u64 *mapped, u64 *zapped);

/* dma-buf-pfn-importer-broken.c */
u32 pfn_import_broken_modes(void);
int pfn_import_broken_allowed(void);
void pfn_import_broken_init(struct pfn_import *imp);
void pfn_import_broken_attached(struct pfn_import *imp);
bool pfn_import_broken_invalidate(struct pfn_import *imp);
void pfn_import_broken_detached(struct pfn_import *imp);
bool pfn_import_broken_leak(struct pfn_import *imp);
void pfn_import_broken_debugfs_init(struct dentry *root);

/* dma-buf-pfn-importer-window.c */
bool pfn_import_linear(u64 pfn);
struct pfn_import_window *pfn_import_window_create(struct pfn_import *imp,
						   pgoff_t pgoff,
						   unsigned int order);
struct pfn_import_window *pfn_import_window_get(struct pfn_import *imp,
						pgoff_t pgoff,
						pgoff_t max_pages);
struct pfn_import_window *pfn_import_window_use(struct pfn_import *imp,
						pgoff_t pgoff,
						struct pfn_import_window *win,
						u64 generation);
void pfn_import_window_keep(struct pfn_import *imp, struct pfn_import_window *win);
bool pfn_import_window_shows(const struct pfn_import_window *win, pgoff_t first,
			     pgoff_t count);
void pfn_import_window_destroy(struct pfn_import_window *win);
void pfn_import_windows_destroy(struct list_head *windows);
u64 pfn_import_window_pfn(const struct pfn_import_window *win, pgoff_t pgoff);
u64 pfn_import_window_generation(const struct pfn_import_window *win);
void pfn_import_window_copy(struct pfn_import_window *win, u64 offset,
			    void *data, size_t len, bool write);

/* dma-buf-pfn-importer-query.c */
long pfn_import_stats(struct pfn_import *imp, void __user *argp);
long pfn_import_snapshot(struct pfn_import *imp, void __user *argp);

/* dma-buf-pfn-importer-submit.c */
long pfn_import_submit(struct pfn_import *imp, void __user *argp);
long pfn_import_result(struct pfn_import *imp, void __user *argp);
void pfn_import_jobs_forget(struct pfn_import *imp);

#endif /* _DMA_BUF_PFN_IMPORTER_H */
