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
 * The page table, and the record of entries that are installed in processes,
 * are xarrays indexed by page offset, in which a huge entry is a multi-index
 * entry. An entry is a value with
 *
 *	bits 0 to 39	the page frame number of the first page of its block
 *	bit 40		whether the entry allows writes
 *	bits 41 to 62	the lowest bits of its generation
 *
 * or, on the device side, a pointer to a window. Each table is protected by its
 * xa_lock. The reservation lock of the buffer is held, too, when entries are
 * removed, and when entries of the CPU side are added.
 */

#include <linux/bitfield.h>
#include <linux/bits.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "dma-buf-pfn-importer.h"

#define PFN_IMPORT_ENTRY_PFN		GENMASK_ULL(39, 0)
#define PFN_IMPORT_ENTRY_WRITE		BIT_ULL(40)
#define PFN_IMPORT_ENTRY_GENERATION	GENMASK_ULL(62, 41)

/* debugfs: sleep between get_pfn and install, to force a race with a move */
u32 pfn_import_install_delay_us;

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

/*
 * The TLB is a small cache in front of the device page table. As in hardware,
 * changes of the page table have no effect on its entries until it is flushed.
 */

/* Translate a page by the TLB or else by the page table, which is locked. */
static bool pfn_import_tlb_translate(struct pfn_import *imp, pgoff_t pgoff,
				     struct pfn_import_translation *out)
{
	unsigned int i = pgoff % PFN_IMPORT_TLB_ENTRIES;
	struct pfn_import_tlb *tlb = &imp->tlb;

	lockdep_assert_held(&imp->dev_table.xa_lock);

	if (tlb->valid[i] && tlb->pgoff[i] == pgoff) {
		tlb->hits++;
		*out = tlb->entry[i];
		return true;
	}

	if (!pfn_import_translate(imp, &imp->dev_table, pgoff, out))
		return false;

	tlb->entry[i] = *out;
	tlb->pgoff[i] = pgoff;
	tlb->valid[i] = true;
	return true;
}

/* Returns false for a broken import that does not flush, so windows are in use. */
static bool pfn_import_tlb_flush(struct pfn_import *imp)
{
	lockdep_assert_held(&imp->dev_table.xa_lock);

	if (imp->broken & DMA_BUF_PFN_BROKEN_STALE_TLB)
		return false;

	memset(imp->tlb.valid, 0, sizeof(imp->tlb.valid));
	imp->tlb.flushes++;
	return true;
}

/* Wait for the contents. A later move advances the sequence. */
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

/* The result of a lookup for a page without a device translation */
struct pfn_import_lookup {
	pgoff_t pgoff;
	u64 pfn;
	int max_order;
	u64 generation;
};

/*
 * Install the largest entry inside the block. With *@win, the entry points to a
 * window: to *@win, which is then set to NULL, or to one that is already in
 * use. Returns 1 if the window in use has been removed. If an allocation fails,
 * the error is in @xas and nothing has changed.
 */
static int pfn_import_dev_install(struct pfn_import *imp, struct xa_state *xas,
				  const struct pfn_import_lookup *lookup,
				  struct pfn_import_window **win)
{
	unsigned int order = pfn_import_order(lookup->max_order);
	pgoff_t rest = lookup->pgoff & ((1UL << order) - 1);
	pgoff_t first = lookup->pgoff - rest, count = 1UL << order;
	unsigned long index = first;
	void *entry = NULL;

	lockdep_assert_held(&imp->dev_table.xa_lock);

	/* Another thread has installed the page meanwhile. */
	if (xa_load(&imp->dev_table, lookup->pgoff))
		return 0;

	if (*win) {
		entry = pfn_import_window_use(imp, lookup->pgoff, *win,
					      lookup->generation);
		if (!entry)
			return 1;
	}

	/*
	 * Only a broken importer has stale entries inside the block, or a
	 * window that covers less than the block. Install a small entry then.
	 */
	if (xa_find(&imp->dev_table, &index, first + count - 1, XA_PRESENT) ||
	    (entry && !pfn_import_window_shows(entry, first, count))) {
		order = 0;
		rest = 0;
		count = 1;
	}

	if (!entry)
		entry = pfn_import_entry_make(lookup->pfn - rest,
					      dma_buf_pfn_writable(imp->dmabuf),
					      lookup->generation);
	if (!entry)
		return -ERANGE;

	xas_set_order(xas, lookup->pgoff, order);
	xas_store(xas, entry);
	if (xas_error(xas))
		return 0;

	imp->dev_mapped += count;
	if (entry == *win) {
		pfn_import_window_keep(imp, *win);
		*win = NULL;
	}
	return 0;
}

/* Look up a page, once. Returns 1 if the lookup was out of date. */
static int pfn_import_dev_try(struct pfn_import *imp, pgoff_t pgoff)
{
	struct pfn_import_lookup lookup = { .pgoff = pgoff };
	struct pfn_import_window *win = NULL;
	XA_STATE(xas, &imp->dev_table, pgoff);
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

	if (!pfn_import_linear(lookup.pfn)) {
		win = pfn_import_window_create(imp, pgoff,
					       pfn_import_order(lookup.max_order));
		/* Not an error if the buffer has moved since the lookup */
		if (IS_ERR(win))
			return dma_buf_pfn_read_retry(imp->attach, seq) ?
			       1 : PTR_ERR(win);
	}

	pfn_import_delay(&pfn_import_install_delay_us);

	/*
	 * Allocations under the page table lock cannot sleep. If one fails,
	 * xas_nomem() allocates without the lock, and then the sequence is
	 * checked again.
	 */
	do {
		xas_lock(&xas);
		ret = pfn_import_dev_retry(imp, seq) ?
		      1 : pfn_import_dev_install(imp, &xas, &lookup, &win);
		xas_unlock(&xas);
	} while (xas_nomem(&xas, GFP_KERNEL));
	if (!ret)
		ret = xas_error(&xas);

	xa_lock(&imp->dev_table);
	imp->dev_lookups++;
	imp->dev_retries += ret == 1;
	xa_unlock(&imp->dev_table);

	pfn_import_window_destroy(win);
	return ret;
}

/**
 * pfn_import_dev_map() - look up a page and install it in the device page table
 * @imp: the import
 * @pgoff: the page
 *
 * Context: may sleep, takes the reservation lock of the buffer.
 * Return: 0, -EINTR, or the error of the lookup.
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

/* Copy within one page */
static void pfn_import_dev_copy(const struct pfn_import_translation *t, u64 offset,
				void *data, size_t len, bool write)
{
	void *vaddr;

	if (t->window) {
		pfn_import_window_copy(t->window, offset, data, len, write);
		return;
	}

	vaddr = page_address(pfn_to_page(t->pfn)) + offset_in_page(offset);
	if (write)
		memcpy(vaddr, data, len);
	else
		memcpy(data, vaddr, len);
}

/* Transfer within one page between the buffer and @data. */
static int pfn_import_dev_transfer(struct pfn_import *imp, u64 offset,
				   void *data, size_t len, bool write)
{
	pgoff_t pgoff = offset >> PAGE_SHIFT;
	struct pfn_import_translation t;
	bool there;
	int ret;

	for (;;) {
		xa_lock(&imp->dev_table);
		there = pfn_import_tlb_translate(imp, pgoff, &t);
		if (there)
			pfn_import_dev_copy(&t, offset, data, len, write);
		xa_unlock(&imp->dev_table);
		if (there)
			return 0;

		ret = pfn_import_dev_map(imp, pgoff);
		if (ret)
			return ret;
	}
}

/**
 * pfn_import_dev_access() - DMA_BUF_PFN_ACCESS
 * @imp: the import
 * @args: what to transfer, with flags and padding checked
 *
 * Context: may sleep, takes the reservation lock of the buffer.
 * Return: 0 or a negative errno, see the uAPI header.
 */
long pfn_import_dev_access(struct pfn_import *imp,
			   const struct dma_buf_pfn_access *args)
{
	bool write = args->flags & DMA_BUF_PFN_ACCESS_WRITE;
	u8 __user *data = u64_to_user_ptr(args->data);
	u64 size = imp->dmabuf->size;
	u64 done, n;
	void *bounce;
	int ret = 0;

	if (!args->length || args->offset >= size ||
	    args->length > size - args->offset)
		return -EINVAL;
	if (write && !dma_buf_pfn_writable(imp->dmabuf))
		return -EACCES;

	bounce = (void *)__get_free_page(GFP_KERNEL);
	if (!bounce)
		return -ENOMEM;

	for (done = 0; done < args->length; done += n) {
		u64 offset = args->offset + done;

		n = min(args->length - done, PAGE_SIZE - offset_in_page(offset));

		if (write && copy_from_user(bounce, data + done, n)) {
			ret = -EFAULT;
			break;
		}
		ret = pfn_import_dev_transfer(imp, offset, bounce, n, write);
		if (ret)
			break;
		if (!write && copy_to_user(data + done, bounce, n)) {
			ret = -EFAULT;
			break;
		}
		if (signal_pending(current) && done + n < args->length) {
			ret = -EINTR;
			break;
		}
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
	LIST_HEAD(windows);

	dma_resv_assert_held(imp->dmabuf->resv);

	xa_lock(&imp->dev_table);
	imp->dev_zapping = true;
	xa_unlock(&imp->dev_table);

	pfn_import_zap(&imp->dev_table, &imp->dev_mapped, &imp->dev_zapped);

	/* Flush last, since an access during the zap may fill the TLB again. */
	xa_lock(&imp->dev_table);
	if (pfn_import_tlb_flush(imp))
		list_splice_init(&imp->dev_windows, &windows);
	imp->dev_zapping = false;
	xa_unlock(&imp->dev_table);

	pfn_import_windows_destroy(&windows);
}
