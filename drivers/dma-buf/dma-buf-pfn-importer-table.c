// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two page tables of the reference importer: the record of entries
 * installed in processes, and the device page table. Both are xarrays indexed
 * by page offset, in which a huge entry is a multi-index entry.
 *
 * An entry is a value with
 *
 *	bits 0 to 39	the page frame number of the first page of its block
 *	bit 40		whether the entry allows writes
 *	bits 41 to 62	the lowest bits of its generation
 *
 * or, on the device side, a pointer to a window. Each table is protected by its
 * xa_lock. The reservation lock of the buffer is held, too, when entries are
 * removed, and when entries of the CPU side are added.
 */

#include <linux/bits.h>
#include <linux/bitfield.h>
#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-resv.h>
#include <linux/pgtable.h>
#include <linux/sched.h>

#include "dma-buf-pfn-importer.h"

#define PFN_IMPORT_ENTRY_PFN		GENMASK_ULL(39, 0)
#define PFN_IMPORT_ENTRY_WRITE		BIT_ULL(40)
#define PFN_IMPORT_ENTRY_GENERATION	GENMASK_ULL(62, 41)

/**
 * pfn_import_order() - the order of the entry that maps a block
 * @max_order: order of the block, from dma_buf_get_pfn()
 *
 * Return: the largest order of a page table level that is not larger than
 * @max_order.
 */
unsigned int pfn_import_order(int max_order)
{
	if (max_order >= PUD_ORDER)
		return PUD_ORDER;
	return max_order >= PMD_ORDER ? PMD_ORDER : 0;
}

/**
 * pfn_import_entry_make() - make a page table entry
 * @pfn: page frame number of the first page of its block
 * @writable: whether the entry allows writes
 * @generation: notifications received when @pfn was looked up
 *
 * Return: the entry, or NULL if @pfn does not fit.
 */
void *pfn_import_entry_make(u64 pfn, bool writable, u64 generation)
{
	if (!FIELD_FIT(PFN_IMPORT_ENTRY_PFN, pfn))
		return NULL;

	generation &= FIELD_MAX(PFN_IMPORT_ENTRY_GENERATION);
	return xa_mk_value(FIELD_PREP(PFN_IMPORT_ENTRY_PFN, pfn) |
			   FIELD_PREP(PFN_IMPORT_ENTRY_WRITE, writable) |
			   FIELD_PREP(PFN_IMPORT_ENTRY_GENERATION, generation));
}

static void pfn_import_entry_read(struct pfn_import *imp, void *entry,
				  struct pfn_import_translation *out)
{
	u64 now = READ_ONCE(imp->invalidations);
	u64 value = xa_to_value(entry);
	u64 age;

	/* The generation wraps: very old entries look younger than they are. */
	age = (now - FIELD_GET(PFN_IMPORT_ENTRY_GENERATION, value)) &
	      FIELD_MAX(PFN_IMPORT_ENTRY_GENERATION);
	out->pfn = FIELD_GET(PFN_IMPORT_ENTRY_PFN, value);
	out->writable = FIELD_GET(PFN_IMPORT_ENTRY_WRITE, value);
	out->generation = now - age;
}

/**
 * pfn_import_translate() - look up one page in a page table
 * @imp: the import
 * @xa: one of its two tables, locked
 * @pgoff: the page
 * @out: returns the result
 *
 * Return: whether there is an entry.
 */
bool pfn_import_translate(struct pfn_import *imp, struct xarray *xa,
			  pgoff_t pgoff, struct pfn_import_translation *out)
{
	XA_STATE(xas, xa, pgoff);
	void *entry;

	lockdep_assert_held(&xa->xa_lock);

	entry = xas_load(&xas);
	if (!entry)
		return false;

	*out = (struct pfn_import_translation) {
		.order = xas_get_order(&xas),
	};
	if (xa_is_value(entry)) {
		pfn_import_entry_read(imp, entry, out);
		out->pfn += pgoff & ((1UL << out->order) - 1);
	} else {
		out->window = entry;
		out->pfn = pfn_import_window_pfn(entry, pgoff);
		out->writable = dma_buf_pfn_writable(imp->dmabuf);
		out->generation = pfn_import_window_generation(entry);
	}
	return true;
}

/*
 * Other mappings may map parts of the block with smaller entries already.
 * Returns the number of their pages, or -EEXIST if a broken importer has left
 * stale entries.
 */
static long pfn_import_record_replaces(struct pfn_import *imp, pgoff_t first,
				       unsigned int order, bool *write)
{
	pgoff_t last = first + (1UL << order) - 1;
	struct pfn_import_translation t;
	unsigned long index;
	long pages = 0;
	void *entry;

	xa_for_each_range(&imp->cpu_pages, index, entry, first, last) {
		pfn_import_translate(imp, &imp->cpu_pages, index, &t);
		if (t.generation != imp->invalidations)
			return -EEXIST;
		pages += 1L << t.order;
		*write |= t.writable;
	}
	return pages;
}

static int pfn_import_record_locked(struct pfn_import *imp, struct xa_state *xas,
				    pgoff_t first, unsigned int order, u64 pfn,
				    bool write, bool *fresh)
{
	struct pfn_import_translation t;
	long replaces = 0;
	void *entry;

	if (pfn_import_translate(imp, &imp->cpu_pages, first, &t) &&
	    t.order >= order) {
		if (!write || t.writable)
			return 0;
		/* Make the existing entry writable. */
		replaces = 1L << t.order;
		order = t.order;
		pfn = t.pfn - (first & (replaces - 1));
		first &= ~(replaces - 1);
		entry = pfn_import_entry_make(pfn, true, t.generation);
	} else {
		if (order)
			replaces = pfn_import_record_replaces(imp, first, order, &write);
		if (replaces < 0)
			return 0;
		entry = pfn_import_entry_make(pfn, write, imp->invalidations);
	}
	if (!entry)
		return -ERANGE;

	xas_set_order(xas, first, order);
	xas_store(xas, entry);
	if (xas_error(xas))
		return 0;

	imp->cpu_mapped += (1L << order) - replaces;
	*fresh = !replaces;
	return 0;
}

/**
 * pfn_import_record() - record an entry before it is installed in a CPU page
 * table
 * @imp: the import, with the reservation lock of its buffer held
 * @first: first page of the block, aligned to its size
 * @order: order of the entry
 * @pfn: page frame number of @first
 * @write: whether the mapping is writable
 * @fresh: returns whether no part of the block was recorded before
 *
 * All mappings of an import share one record. It contains the largest entry
 * that was installed in any of them.
 *
 * Context: allocates.
 * Return: 0; -ENOMEM; -ERANGE for a page frame number that does not fit into an
 * entry.
 */
int pfn_import_record(struct pfn_import *imp, pgoff_t first, unsigned int order,
		      u64 pfn, bool write, bool *fresh)
{
	XA_STATE(xas, &imp->cpu_pages, first);
	int ret;

	dma_resv_assert_held(imp->dmabuf->resv);
	*fresh = false;

	do {
		xas_lock(&xas);
		ret = pfn_import_record_locked(imp, &xas, first, order, pfn,
					       write, fresh);
		xas_unlock(&xas);
	} while (xas_nomem(&xas, GFP_KERNEL));
	return ret ?: xas_error(&xas);
}

/**
 * pfn_import_unrecord() - undo a pfn_import_record() that returned @fresh
 * @imp: the import, with the reservation lock of its buffer held since
 * @first: first page of the block
 * @order: order of the entry
 */
void pfn_import_unrecord(struct pfn_import *imp, pgoff_t first, unsigned int order)
{
	dma_resv_assert_held(imp->dmabuf->resv);

	xa_erase(&imp->cpu_pages, first);
	imp->cpu_mapped -= 1UL << order;
}

/**
 * pfn_import_zap() - remove all page frame numbers from a table
 * @xa: one of the two tables of an import
 * @mapped: number of pages in @xa, protected by its lock
 * @zapped: counter of removed pages, protected by the same lock
 *
 * Takes the table's lock, and releases it from time to time. The caller ensures
 * that no stale entry is installed meanwhile.
 */
void pfn_import_zap(struct xarray *xa, u64 *mapped, u64 *zapped)
{
	XA_STATE(xas, xa, 0);
	unsigned int n = 0;
	void *entry;
	u64 pages;

	xas_lock(&xas);
	xas_for_each(&xas, entry, ULONG_MAX) {
		pages = 1ULL << xas_get_order(&xas);
		xas_store(&xas, NULL);
		*mapped -= pages;
		*zapped += pages;
		if (++n % XA_CHECK_SCHED)
			continue;

		xas_pause(&xas);
		xas_unlock(&xas);
		cond_resched();
		xas_lock(&xas);
	}
	xas_unlock(&xas);
}
