// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device side of the reference importer: a simulated device that reads and
 * writes memory through a page table of its own, as DMA would.
 *
 * It fills the table with dma_buf_get_pfn_unlocked() and a check of the
 * sequence, like an importer that cannot hold the reservation lock while it
 * installs. An access holds the page table lock until it is done, so the
 * notification only has to take that lock, and needs no fence, to wait for
 * accesses.
 *
 * Memory outside the linear map is accessed through a kernel mapping of the
 * whole buffer, which is created for the first entry that needs it. A
 * notification removes the mapping together with the entries. As mapping and
 * unmapping sleep, both happen without the page table lock.
 *
 * The page table is an xarray indexed by page offset, in which a huge entry is
 * a multi-index entry. The record of the entries that are installed in
 * processes has the same format. Each table is protected by its xa_lock. The
 * reservation lock of the buffer is held, too, when entries are removed, and
 * when entries of the CPU side are added.
 */

#include <linux/bitfield.h>
#include <linux/bits.h>
#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-resv.h>
#include <linux/list.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "dma-buf-pfn-importer.h"

/*
 * The page frame number is that of the block's first page. 44 bits are enough
 * for physical addresses of 56 bits, the most that an architecture has. Of the
 * generation only the lowest bits are stored.
 */
#define PFN_IMPORT_ENTRY_PFN		GENMASK_ULL(43, 0)
#define PFN_IMPORT_ENTRY_WRITE		BIT_ULL(44)
#define PFN_IMPORT_ENTRY_GENERATION	GENMASK_ULL(62, 45)

/* debugfs: sleep between get_pfn and install, to force a race with a move */
u32 pfn_import_install_delay_us;

/* --- page tables --------------------------------------------------------- */

/* The largest order of a page table level that is not larger than @max_order */
static unsigned int pfn_import_order(int max_order)
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
 * Return: the entry.
 */
void *pfn_import_entry_make(u64 pfn, bool writable, u64 generation)
{
	generation &= FIELD_MAX(PFN_IMPORT_ENTRY_GENERATION);
	return xa_mk_value(FIELD_PREP(PFN_IMPORT_ENTRY_PFN, pfn) |
			   FIELD_PREP(PFN_IMPORT_ENTRY_WRITE, writable) |
			   FIELD_PREP(PFN_IMPORT_ENTRY_GENERATION, generation));
}

/**
 * pfn_import_translate() - translate one page by a page table
 * @imp: the import
 * @xa: one of its two tables, locked
 * @pgoff: the page
 * @out: returns the translation
 *
 * Return: whether there is an entry.
 */
bool pfn_import_translate(struct pfn_import *imp, struct xarray *xa,
			  pgoff_t pgoff, struct pfn_import_translation *out)
{
	u64 value, age, now = READ_ONCE(imp->invalidations);
	XA_STATE(xas, xa, pgoff);
	void *entry;

	lockdep_assert_held(&xa->xa_lock);

	entry = xas_load(&xas);
	if (!entry)
		return false;

	/* The generation wraps: very old entries look younger than they are. */
	value = xa_to_value(entry);
	age = (now - FIELD_GET(PFN_IMPORT_ENTRY_GENERATION, value)) &
	      FIELD_MAX(PFN_IMPORT_ENTRY_GENERATION);
	out->generation = now - age;
	out->order = xas_get_order(&xas);
	out->pfn = FIELD_GET(PFN_IMPORT_ENTRY_PFN, value) +
		   (pgoff & ((1UL << out->order) - 1));
	out->writable = FIELD_GET(PFN_IMPORT_ENTRY_WRITE, value);
	return true;
}

/**
 * pfn_import_mapped() - count the pages in a page table
 * @xa: the table
 *
 * Return: the number of pages, exact with the reservation lock of the buffer
 * held and no device access in progress.
 */
u64 pfn_import_mapped(struct xarray *xa)
{
	XA_STATE(xas, xa, 0);
	void *entry;
	u64 pages = 0;

	guard(rcu)();
	xas_for_each(&xas, entry, ULONG_MAX)
		if (!xas_retry(&xas, entry))
			pages += 1ULL << xas_get_order(&xas);
	return pages;
}

/**
 * pfn_import_zap() - remove all entries from a page table
 * @xa: the table
 *
 * Takes the table's lock, and releases it from time to time. The caller ensures
 * that no stale entry is installed meanwhile.
 *
 * Return: the number of pages removed.
 */
u64 pfn_import_zap(struct xarray *xa)
{
	XA_STATE(xas, xa, 0);
	unsigned int n = 0;
	u64 zapped = 0;
	void *entry;

	xas_lock(&xas);
	xas_for_each(&xas, entry, ULONG_MAX) {
		zapped += 1ULL << xas_get_order(&xas);
		xas_store(&xas, NULL);
		if (++n % XA_CHECK_SCHED)
			continue;

		/* Continue from the same index: nothing is left there. */
		xas_reset(&xas);
		xas_unlock(&xas);
		cond_resched();
		xas_lock(&xas);
	}
	xas_unlock(&xas);
	return zapped;
}

/* --- lookup -------------------------------------------------------------- */

/* The result of a lookup for a page without a device translation */
struct pfn_import_lookup {
	pgoff_t pgoff;
	u64 pfn;
	int max_order;
	u64 generation;
};

/* Whether page_address() can be used. Reserved pages may be holes. */
static bool pfn_import_linear(u64 pfn)
{
	struct page *page = pfn_to_online_page(pfn);

	return page && !PageReserved(page);
}

/*
 * Find a mapping of a block. There is one mapping, unless a broken import has
 * kept those of earlier placements.
 */
static struct pfn_import_piece *pfn_import_dev_find(struct pfn_import *imp, pgoff_t first,
						    pgoff_t nr_pages, u64 pfn)
{
	struct pfn_import_piece *piece;
	struct pfn_import_map *map;

	lockdep_assert_held(&imp->dev_table.xa_lock);

	list_for_each_entry(map, &imp->dev_maps, node) {
		piece = pfn_import_map_find(map, first, nr_pages, pfn);
		if (piece)
			return piece;
	}
	return NULL;
}

/*
 * Map the whole buffer for a page outside the linear map. Returns NULL if the
 * page needs no mapping, or is mapped already.
 */
static struct pfn_import_map *pfn_import_dev_map_buffer(struct pfn_import *imp,
							const struct pfn_import_lookup *lookup)
{
	struct dma_resv *resv = imp->dmabuf->resv;
	struct pfn_import_map *map;
	bool found;
	int ret;

	if (pfn_import_linear(lookup->pfn))
		return NULL;

	xa_lock(&imp->dev_table);
	found = pfn_import_dev_find(imp, lookup->pgoff, 1, lookup->pfn);
	xa_unlock(&imp->dev_table);
	if (found)
		return NULL;

	ret = dma_resv_lock_interruptible(resv, NULL);
	if (ret)
		return ERR_PTR(ret);
	map = pfn_import_map_create(imp, 0, imp->num_pages);
	dma_resv_unlock(resv);
	return map;
}

/* Wait until moves are complete. A later move advances the sequence. */
static long pfn_import_dev_wait(struct pfn_import *imp)
{
	if (imp->broken & DMA_BUF_PFN_BROKEN_NO_FENCE_WAIT)
		return 0;

	return dma_resv_wait_timeout(imp->dmabuf->resv, DMA_RESV_USAGE_KERNEL,
				     true, MAX_SCHEDULE_TIMEOUT);
}

/* Whether the lookup is out of date, under the lock of the device page table */
static bool pfn_import_dev_retry(struct pfn_import *imp, unsigned long seq)
{
	if (imp->broken & DMA_BUF_PFN_BROKEN_NO_RETRY)
		return false;

	return dma_buf_pfn_read_retry(imp->attach, seq);
}

/*
 * Install the largest entry inside the block. If the entry needs *@map, install
 * the mapping, too, and set *@map to NULL. Returns 1 if the lookup has to be
 * repeated. If an allocation fails, the error is in @xas and nothing has
 * changed.
 */
static int pfn_import_dev_install(struct pfn_import *imp, struct xa_state *xas,
				  const struct pfn_import_lookup *lookup,
				  struct pfn_import_map **map)
{
	unsigned int order = pfn_import_order(lookup->max_order);
	pgoff_t first = ALIGN_DOWN(lookup->pgoff, 1UL << order);
	u64 pfn = lookup->pfn - (lookup->pgoff - first);
	pgoff_t count = 1UL << order;
	unsigned long index = first;
	bool mapped;
	void *entry;

	lockdep_assert_held(&imp->dev_table.xa_lock);

	/* Another thread has installed the page meanwhile. */
	if (xa_load(&imp->dev_table, lookup->pgoff))
		return 0;

	/* Only a broken importer can lack the mapping here, after a move. */
	mapped = pfn_import_linear(lookup->pfn) || pfn_import_dev_find(imp, first, count, pfn);
	if (!mapped && !(*map && pfn_import_map_find(*map, first, count, pfn)))
		return 1;

	/* Only a broken importer has stale entries inside the block. */
	if (xa_find(&imp->dev_table, &index, first + count - 1, XA_PRESENT)) {
		pfn = lookup->pfn;
		order = 0;
	}

	entry = pfn_import_entry_make(pfn, dma_buf_pfn_writable(imp->dmabuf),
				      lookup->generation);
	xas_set_order(xas, lookup->pgoff, order);
	xas_store(xas, entry);
	if (xas_error(xas))
		return 0;

	if (!mapped) {
		list_add(&(*map)->node, &imp->dev_maps);
		*map = NULL;
	}
	return 0;
}

/* Look up a page, once. Returns 1 if the lookup was out of date. */
static int pfn_import_dev_try(struct pfn_import *imp, pgoff_t pgoff)
{
	struct pfn_import_lookup lookup = { .pgoff = pgoff };
	XA_STATE(xas, &imp->dev_table, pgoff);
	struct pfn_import_map *map;
	unsigned long seq;
	long ret;

	seq = dma_buf_pfn_read_begin(imp->attach);
	ret = dma_buf_get_pfn_unlocked(imp->attach, pgoff, &lookup.pfn,
				       &lookup.max_order);
	if (ret)
		return ret;

	/*
	 * Notifications before the lookup are complete, since it held the
	 * reservation lock. If this counts a later one, the sequence has
	 * advanced and the result is not installed.
	 */
	lookup.generation = READ_ONCE(imp->invalidations);

	ret = pfn_import_dev_wait(imp);
	if (ret < 0)
		return ret;

	map = pfn_import_dev_map_buffer(imp, &lookup);
	/* If the buffer has moved since the lookup, repeat the lookup. */
	if (IS_ERR(map))
		return dma_buf_pfn_read_retry(imp->attach, seq) ? 1 : PTR_ERR(map);

	pfn_import_delay(&pfn_import_install_delay_us);

	/*
	 * Allocations under the page table lock cannot sleep. If one fails,
	 * xas_nomem() allocates without the lock, and then the sequence is
	 * checked again.
	 */
	do {
		xas_lock(&xas);
		ret = pfn_import_dev_retry(imp, seq) ?
		      1 : pfn_import_dev_install(imp, &xas, &lookup, &map);
		xas_unlock(&xas);
	} while (xas_nomem(&xas, GFP_KERNEL));
	if (!ret)
		ret = xas_error(&xas);

	xa_lock(&imp->dev_table);
	imp->dev_lookups++;
	imp->dev_retries += ret == 1;
	xa_unlock(&imp->dev_table);

	pfn_import_map_destroy(map);
	return ret;
}

/**
 * pfn_import_dev_map() - look up a page and install it in the device page table
 * @imp: the import
 * @pgoff: the page
 *
 * Context: may sleep, takes the reservation lock of the buffer.
 * Return: 0; -EINTR; -ENOMEM; or the error of the lookup or of
 * pfn_import_map_create().
 */
int pfn_import_dev_map(struct pfn_import *imp, pgoff_t pgoff)
{
	int ret;

	for (;;) {
		ret = pfn_import_dev_try(imp, pgoff);
		if (ret <= 0)
			return ret;

		if (signal_pending(current))
			return -EINTR;
	}
}

/* --- access -------------------------------------------------------------- */

/*
 * Translate a page by the TLB, a small cache in front of the page table. As in
 * hardware, changes of the page table have no effect on it until it is flushed.
 */
static bool pfn_import_dev_translate(struct pfn_import *imp, pgoff_t pgoff, u64 *pfn)
{
	struct pfn_import_tlb *tlb = &imp->tlb[pgoff % PFN_IMPORT_TLB_ENTRIES];
	struct pfn_import_translation t;

	if (tlb->valid && tlb->pgoff == pgoff) {
		imp->tlb_hits++;
		*pfn = tlb->pfn;
		return true;
	}

	if (!pfn_import_translate(imp, &imp->dev_table, pgoff, &t))
		return false;

	*tlb = (struct pfn_import_tlb) {
		.pgoff = pgoff,
		.pfn = t.pfn,
		.valid = true,
	};
	*pfn = t.pfn;
	return true;
}

/*
 * Transfer within one page. Returns false if there is no translation, or if a
 * notification in progress has removed the mapping.
 */
static bool pfn_import_dev_copy(struct pfn_import *imp, u64 offset, void *data,
				size_t len, bool write)
{
	pgoff_t pgoff = offset >> PAGE_SHIFT;
	struct pfn_import_piece *piece;
	void *vaddr;
	u64 pfn;

	lockdep_assert_held(&imp->dev_table.xa_lock);

	if (!pfn_import_dev_translate(imp, pgoff, &pfn))
		return false;

	if (!pfn_import_linear(pfn)) {
		piece = pfn_import_dev_find(imp, pgoff, 1, pfn);
		if (piece)
			pfn_import_piece_copy(piece, offset, data, len, write);
		return piece;
	}

	vaddr = page_address(pfn_to_page(pfn)) + offset_in_page(offset);
	if (write)
		memcpy(vaddr, data, len);
	else
		memcpy(data, vaddr, len);
	return true;
}

/* Transfer within one page between the buffer and @data. */
static int pfn_import_dev_transfer(struct pfn_import *imp, u64 offset,
				   void *data, size_t len, bool write)
{
	bool done;
	int ret;

	for (;;) {
		xa_lock(&imp->dev_table);
		done = pfn_import_dev_copy(imp, offset, data, len, write);
		xa_unlock(&imp->dev_table);
		if (done)
			return 0;

		ret = pfn_import_dev_map(imp, offset >> PAGE_SHIFT);
		if (ret)
			return ret;
	}
}

/**
 * pfn_import_dev_access() - DMA_BUF_PFN_ACCESS
 * @imp: the import
 * @argp: user pointer to struct dma_buf_pfn_access
 *
 * Context: may sleep, takes the reservation lock of the buffer.
 * Return: 0 or a negative errno, see the header with the ioctls.
 */
long pfn_import_dev_access(struct pfn_import *imp, void __user *argp)
{
	struct dma_buf_pfn_access args;
	u64 done, n, size = imp->dmabuf->size;
	u8 __user *data;
	void *bounce;
	int ret = 0;
	bool write;

	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	if (args.flags & ~DMA_BUF_PFN_ACCESS_FLAGS || args.pad)
		return -EINVAL;
	if (!args.length || args.offset >= size || args.length > size - args.offset)
		return -EINVAL;
	write = args.flags & DMA_BUF_PFN_ACCESS_WRITE;
	if (write && !dma_buf_pfn_writable(imp->dmabuf))
		return -EACCES;

	bounce = (void *)__get_free_page(GFP_KERNEL);
	if (!bounce)
		return -ENOMEM;

	data = u64_to_user_ptr(args.data);
	for (done = 0; done < args.length && !ret; done += n) {
		u64 offset = args.offset + done;

		n = min(args.length - done, PAGE_SIZE - offset_in_page(offset));
		if (signal_pending(current) && done)
			ret = -EINTR;
		else if (write && copy_from_user(bounce, data + done, n))
			ret = -EFAULT;
		else
			ret = pfn_import_dev_transfer(imp, offset, bounce, n, write);
		if (!ret && !write && copy_to_user(data + done, bounce, n))
			ret = -EFAULT;
		cond_resched();
	}

	free_page((unsigned long)bounce);
	return ret;
}

/**
 * pfn_import_dev_invalidate() - empty the device page table
 * @imp: the import, with the reservation lock of its buffer held
 *
 * On return the device has no translation left and no access is in progress,
 * except for jobs, which fences cover.
 */
void pfn_import_dev_invalidate(struct pfn_import *imp)
{
	bool flush = !(imp->broken & DMA_BUF_PFN_BROKEN_STALE_TLB);
	LIST_HEAD(maps);

	dma_resv_assert_held(imp->dmabuf->resv);

	/* From now on, accesses that need the mapping wait in a lookup. */
	xa_lock(&imp->dev_table);
	if (flush)
		list_splice_init(&imp->dev_maps, &maps);
	xa_unlock(&imp->dev_table);

	imp->dev_zapped += pfn_import_zap(&imp->dev_table);

	/* Flush last, since an access during the zap may fill the TLB again. */
	xa_lock(&imp->dev_table);
	if (flush) {
		memset(imp->tlb, 0, sizeof(imp->tlb));
		imp->tlb_flushes++;
	}
	xa_unlock(&imp->dev_table);

	pfn_import_maps_destroy(&maps);
}
