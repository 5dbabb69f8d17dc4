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

#include <linux/delay.h>
#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-resv.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/time64.h>
#include <linux/uaccess.h>

#include <uapi/linux/dma-buf-pfn-importer.h>

#include "dma-buf-pfn-importer.h"

/* No lever holds a task for longer than this. */
#define PFN_IMPORT_MAX_DELAY_US	(10 * USEC_PER_SEC)

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

/* Whether the answer still stands, under the lock of the device page table. */
static bool pfn_import_dev_retry(struct pfn_import *imp, unsigned long seq)
{
	if (imp->flags & DMA_BUF_PFN_IMPORT_NO_RETRY)
		return false;

	return dma_buf_pfn_read_retry(imp->attach, seq);
}

/*
 * Takes over @win, if it is the one that the entry will point to. Returns 1 if there
 * is nothing to point to any more.
 */
static int pfn_import_dev_install(struct pfn_import *imp, pgoff_t pgoff,
				  u64 pfn, struct pfn_import_window **win)
{
	void *entry = xa_mk_value(pfn);
	void *old;

	lockdep_assert_held(&imp->dev_table.xa_lock);

	if (*win) {
		entry = pfn_import_window_use(imp, pgoff, *win);
		if (!entry)
			return 1;
		if (entry == *win)
			*win = NULL;
	}

	old = __xa_store(&imp->dev_table, pgoff, entry, GFP_NOWAIT);
	imp->dev_mapped += !old;
	return xa_err(old);
}

/* Look a page up, once. Returns 1 if the answer was out of date. */
static int pfn_import_dev_try(struct pfn_import *imp, pgoff_t pgoff)
{
	struct pfn_import_window *win = NULL;
	unsigned long seq;
	u32 delay_us;
	long ret;
	u64 pfn;

	seq = dma_buf_pfn_read_begin(imp->attach);
	ret = dma_buf_get_pfn_unlocked(imp->attach, pgoff, &pfn, NULL);
	if (ret)
		return ret;

	ret = pfn_import_dev_wait(imp);
	if (ret < 0)
		return ret;

	if (!pfn_import_linear(pfn)) {
		win = pfn_import_window_create(imp, pgoff);
		/* Not an error if it is of memory that is not ours any more. */
		if (IS_ERR(win))
			return dma_buf_pfn_read_retry(imp->attach, seq) ?
			       1 : PTR_ERR(win);
	}

	/*
	 * Nothing can be allocated under the page table lock. A notification
	 * removes the reservation, but has advanced the sequence by then: the
	 * reservation lock, taken by get_pfn, kept it from being half way
	 * through here.
	 */
	ret = xa_reserve(&imp->dev_table, pgoff, GFP_KERNEL);
	if (ret)
		goto out;

	delay_us = READ_ONCE(pfn_import_install_delay_us);
	if (delay_us)
		fsleep(min(delay_us, PFN_IMPORT_MAX_DELAY_US));

	xa_lock(&imp->dev_table);
	imp->dev_lookups++;
	if (pfn_import_dev_retry(imp, seq)) {
		imp->dev_retries++;
		ret = 1;
	} else {
		ret = pfn_import_dev_install(imp, pgoff, pfn, &win);
	}
	xa_unlock(&imp->dev_table);
out:
	pfn_import_window_destroy(win);
	return ret;
}

/* Look a page up and put it into the device page table. */
static int pfn_import_dev_map(struct pfn_import *imp, pgoff_t pgoff)
{
	int ret;

	for (;;) {
		ret = pfn_import_dev_try(imp, pgoff);
		if (ret <= 0)
			return ret;

		/* Interrupted or not, what is reserved is for the next one to use. */
		if (signal_pending(current))
			return -EINTR;
	}
}

/**
 * pfn_import_dev_pfn() - what an entry of the device page table translates to
 * @entry: the entry
 * @pgoff: page that it is for
 *
 * Return: the page frame number.
 */
u64 pfn_import_dev_pfn(const void *entry, pgoff_t pgoff)
{
	return xa_is_value(entry) ? xa_to_value(entry) :
				    pfn_import_window_pfn(entry, pgoff);
}

/* Within one page */
static void pfn_import_dev_copy(void *entry, u64 offset, void *data, size_t len,
				bool write)
{
	void *vaddr;

	if (!xa_is_value(entry)) {
		pfn_import_window_copy(entry, offset, data, len, write);
		return;
	}

	vaddr = page_address(pfn_to_page(xa_to_value(entry))) +
		offset_in_page(offset);
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
	void *entry;
	int ret;

	for (;;) {
		xa_lock(&imp->dev_table);
		entry = xa_load(&imp->dev_table, pgoff);
		if (entry)
			pfn_import_dev_copy(entry, offset, data, len, write);
		xa_unlock(&imp->dev_table);
		if (entry)
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
 * On return the device has no translation left and no access is under way.
 */
void pfn_import_dev_invalidate(struct pfn_import *imp)
{
	LIST_HEAD(windows);

	dma_resv_assert_held(imp->dmabuf->resv);

	xa_lock(&imp->dev_table);
	imp->dev_zapping = true;
	xa_unlock(&imp->dev_table);

	pfn_import_zap(&imp->dev_table, &imp->dev_mapped, &imp->dev_zapped);

	xa_lock(&imp->dev_table);
	list_splice_init(&imp->dev_windows, &windows);
	imp->dev_zapping = false;
	xa_unlock(&imp->dev_table);

	pfn_import_windows_destroy(&windows);
}
