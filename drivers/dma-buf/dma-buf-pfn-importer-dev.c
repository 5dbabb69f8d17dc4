// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device side of the reference importer: a simulated device that reads and
 * writes memory through a page table of its own, as DMA would.
 *
 * It fills the table with the unlocked get_pfn and the sequence, the way of an
 * importer that cannot hold the reservation lock while it installs. An access
 * holds the page table lock until it is done: this device can be stopped at
 * once, so the notification needs no fence to cover what is still under way.
 */

#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-resv.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include <uapi/linux/dma-buf-pfn-importer.h>

#include "dma-buf-pfn-importer.h"

/* Sleep between get_pfn and install: makes a race with a move certain. */
u32 pfn_import_install_delay_us;

/* The data must have arrived. A later move advances the sequence. */
static long pfn_import_dev_wait(struct pfn_import *imp)
{
	if (imp->flags & DMA_BUF_PFN_IMPORT_NO_FENCE_WAIT)
		return 0;

	return dma_resv_wait_timeout(imp->dmabuf->resv, DMA_RESV_USAGE_KERNEL,
				     true, MAX_SCHEDULE_TIMEOUT);
}

/* Whether the lookup is still valid, under the lock of the device page table. */
static bool pfn_import_dev_retry(struct pfn_import *imp, unsigned long seq)
{
	if (imp->flags & DMA_BUF_PFN_IMPORT_NO_RETRY)
		return false;

	return dma_buf_pfn_read_retry(imp->attach, seq);
}

/* What get_pfn said of a page that the device has no translation of */
struct pfn_import_lookup {
	pgoff_t pgoff;
	u64 pfn;
	int max_order;
	u64 generation;
};

/*
 * Put an entry into the page table for as much of the block as page tables have an
 * entry for. With @win, which is taken over if it is not of use any more then, the
 * entry is a window. Returns 1 if there is nothing to point to any more. Without
 * memory the error is in @xas, and nothing has happened.
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

	/* Somebody else has been here meanwhile. */
	if (xa_load(&imp->dev_table, lookup->pgoff))
		return 0;

	if (*win) {
		entry = pfn_import_window_use(imp, lookup->pgoff, *win,
					      lookup->generation);
		if (!entry)
			return 1;
	}

	/*
	 * Only a broken importer has old entries in the way of a huge one, or a
	 * window that shows less than the block that was asked for before.
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

/* Look a page up, once. Returns 1 if the lookup was out of date. */
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
	 * A notification that this counts is not half way through, unless it is a
	 * later one: get_pfn had the reservation lock. Then the sequence has moved.
	 */
	lookup.generation = READ_ONCE(imp->invalidations);

	ret = pfn_import_dev_wait(imp);
	if (ret < 0)
		return ret;

	if (!pfn_import_linear(lookup.pfn)) {
		win = pfn_import_window_create(imp, pgoff,
					       pfn_import_order(lookup.max_order));
		/* Not an error if it is of memory that is not ours any more. */
		if (IS_ERR(win))
			return dma_buf_pfn_read_retry(imp->attach, seq) ?
			       1 : PTR_ERR(win);
	}

	pfn_import_delay(&pfn_import_install_delay_us);

	/*
	 * Nothing can be allocated under the page table lock, at least not in
	 * earnest. What is missing is allocated without it, and then the sequence
	 * is looked at once more.
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
 * pfn_import_dev_map() - look a page up and put it into the device page table
 * @imp: the import
 * @pgoff: the page
 *
 * Context: may sleep, takes the reservation lock of the buffer.
 * Return: 0, -EINTR, or what get_pfn returned.
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

/* Within one page */
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
 * On return the device has no translation left and no access is under way, but for
 * jobs, which fences cover.
 */
void pfn_import_dev_invalidate(struct pfn_import *imp)
{
	LIST_HEAD(windows);

	dma_resv_assert_held(imp->dmabuf->resv);

	xa_lock(&imp->dev_table);
	imp->dev_zapping = true;
	xa_unlock(&imp->dev_table);

	pfn_import_zap(&imp->dev_table, &imp->dev_mapped, &imp->dev_zapped);

	/* Not before: an access in between would have filled the TLB again. */
	xa_lock(&imp->dev_table);
	if (pfn_import_tlb_flush(imp))
		list_splice_init(&imp->dev_windows, &windows);
	imp->dev_zapping = false;
	xa_unlock(&imp->dev_table);

	pfn_import_windows_destroy(&windows);
}
