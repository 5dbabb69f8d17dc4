/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Internal interface of the reference importer.
 *
 * Locks, outermost first:
 *
 *	mmap_lock			of a process that faults
 *	&dma_buf.resv			the CPU side: @cpu_pages and counters
 *	i_mmap_rwsem of @file		taken by unmap_mapping_range() when a
 *					notification removes CPU entries
 *	xa_lock of @cpu_pages		required by the xarray
 *	xa_lock of @dev_table		the device side: the device page table,
 *					its counters and mapping, and every
 *					access through it. Never held across an
 *					allocation or get_pfn, since the
 *					notification takes it inside reclaim.
 *
 * Jobs have locks of their own, see dma-buf-pfn-importer-engine.c.
 */

#ifndef _DMA_BUF_PFN_IMPORTER_H
#define _DMA_BUF_PFN_IMPORTER_H

#include <linux/dma-buf-pfn.h>
#include <linux/iosys-map.h>
#include <linux/list.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "dma-buf-pfn-importer_uapi.h"

struct dentry;
struct dma_buf;
struct dma_buf_attachment;
struct file;
struct vm_area_struct;

/* A power of two */
#define PFN_IMPORT_TLB_ENTRIES	16

/**
 * struct pfn_import_translation - translation of one page by a page table
 * @pfn: page frame number of the page
 * @generation: notifications received when @pfn was looked up
 * @order: order of the entry that contains the page
 * @writable: whether the entry allows writes
 */
struct pfn_import_translation {
	u64 pfn;
	u64 generation;
	unsigned int order;
	bool writable;
};

/**
 * struct pfn_import_tlb - an entry of the device TLB
 * @pgoff: page offset
 * @pfn: page frame number
 * @valid: whether the entry holds a translation
 */
struct pfn_import_tlb {
	pgoff_t pgoff;
	u64 pfn;
	bool valid;
};

/**
 * struct pfn_import_piece - kernel mapping of a contiguous part of a buffer
 * @run: the pages
 * @map: their mapping
 */
struct pfn_import_piece {
	struct dma_buf_pfn_run run;
	struct iosys_map map;
};

/**
 * struct pfn_import_map - kernel mapping of a range of a buffer
 * @node: in &pfn_import.dev_maps, for a mapping of the device side
 * @pieces: &struct pfn_import_piece, each at the offset of its last page
 */
struct pfn_import_map {
	struct list_head node;
	struct xarray pieces;
};

/**
 * struct pfn_import - one imported dma-buf, behind one import fd
 * @dmabuf: the buffer, referenced
 * @attach: the attachment
 * @file: the file of this import, not referenced. Its address_space has all CPU
 *	  mappings
 * @pinned: whether the import has pinned the buffer, constant
 * @flags: DMA_BUF_PFN_IMPORT_*, constant
 * @broken: DMA_BUF_PFN_BROKEN_*, constant
 * @num_pages: size of the buffer in pages
 * @invalidations: notifications received
 * @cpu_pages: entries installed in CPU page tables since the last notification,
 *	       by page offset
 * @faults: CPU faults that installed an entry, by its level
 * @cpu_zapped: pages of @cpu_pages removed by notifications
 * @dev_table: the device page table, by page offset
 * @dev_maps: the mapping of the buffer, if @dev_table needs one; protected by
 *	      the lock of @dev_table
 * @dev_lookups: successful lookups for @dev_table
 * @dev_retries: lookups that were out of date before they could be installed
 * @dev_zapped: pages of @dev_table removed by notifications, protected by the
 *		reservation lock
 * @tlb: the device TLB, indexed by the low bits of the page offset
 * @tlb_hits: translations found in the device TLB
 * @tlb_flushes: flushes of the device TLB
 * @jobs: jobs whose results have not been read, by number
 * @num_jobs: jobs submitted, protected by the reservation lock
 * @ready: whether notifications are handled; false only in a broken import
 * @late_zap: delayed removal of translations in a broken import
 * @leaked: in the list of leaked imports
 */
struct pfn_import {
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	struct file *file;
	bool pinned;
	u32 flags;
	u32 broken;
	pgoff_t num_pages;
	u64 invalidations;

	struct xarray cpu_pages;
	u64 faults[DMA_BUF_PFN_LEVELS];
	u64 cpu_zapped;

	struct xarray dev_table;
	struct list_head dev_maps;
	u64 dev_lookups;
	u64 dev_retries;
	u64 dev_zapped;
	struct pfn_import_tlb tlb[PFN_IMPORT_TLB_ENTRIES];
	u64 tlb_hits;
	u64 tlb_flushes;

	struct xarray jobs;
	u64 num_jobs;

	bool ready;
	struct delayed_work late_zap;
	struct list_head leaked;
};

/* dma-buf-pfn-importer.c */
void pfn_import_delay(const u32 *knob_us);

/* dma-buf-pfn-importer-cpu.c: page tables of processes */
extern u32 pfn_import_fault_around_pages;
unsigned long pfn_import_cpu_area(struct file *file, unsigned long addr,
				  unsigned long len, unsigned long pgoff,
				  unsigned long flags);
int pfn_import_cpu_mmap(struct file *file, struct vm_area_struct *vma);
void pfn_import_cpu_invalidate(struct pfn_import *imp);

/* dma-buf-pfn-importer-dev.c: the device page table, and the format of both */
extern u32 pfn_import_install_delay_us;
void *pfn_import_entry_make(u64 pfn, bool writable, u64 generation);
bool pfn_import_translate(struct pfn_import *imp, struct xarray *xa,
			  pgoff_t pgoff, struct pfn_import_translation *out);
u64 pfn_import_mapped(struct xarray *xa);
u64 pfn_import_zap(struct xarray *xa);
int pfn_import_dev_map(struct pfn_import *imp, pgoff_t pgoff);
long pfn_import_dev_access(struct pfn_import *imp, void __user *argp);
void pfn_import_dev_invalidate(struct pfn_import *imp);

/* dma-buf-pfn-importer-map.c: memory outside the linear map */
struct pfn_import_map *pfn_import_map_create(struct pfn_import *imp,
					     pgoff_t first, pgoff_t nr_pages);
void pfn_import_map_destroy(struct pfn_import_map *map);
void pfn_import_maps_destroy(struct list_head *maps);
struct pfn_import_piece *pfn_import_map_find(struct pfn_import_map *map,
					     pgoff_t first, pgoff_t nr_pages, u64 pfn);
void pfn_import_piece_copy(struct pfn_import_piece *piece, u64 offset,
			   void *data, size_t len, bool write);

/* dma-buf-pfn-importer-engine.c: the simulated engines */
long pfn_import_submit(struct pfn_import *imp, void __user *argp);
long pfn_import_result(struct pfn_import *imp, void __user *argp);
void pfn_import_jobs_forget(struct pfn_import *imp);
int pfn_import_engines_init(struct dentry *root);
void pfn_import_engines_fini(void);

/* dma-buf-pfn-importer-broken.c: importers that are broken on purpose */
int pfn_import_broken_init(struct pfn_import *imp);
void pfn_import_broken_attached(struct pfn_import *imp);
bool pfn_import_broken_invalidate(struct pfn_import *imp);
void pfn_import_broken_detached(struct pfn_import *imp);
bool pfn_import_broken_leak(struct pfn_import *imp);
void pfn_import_broken_debugfs_init(struct dentry *root);

#endif /* _DMA_BUF_PFN_IMPORTER_H */
