// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the reference importer does when it is to be broken: everything that takes
 * more than leaving a step out where it would be. See DMA_BUF_PFN_IMPORT_BROKEN in
 * include/uapi/linux/dma-buf-pfn-importer.h.
 *
 * Knobs in debugfs, microseconds:
 *
 *	attach_delay_us		sleep after an import has attached and before it is
 *				returned; of any import, so that a correct one can
 *				be compared with ATTACH_EARLY
 *	hold_lock_us		how long HOLD_LOCK holds the lock
 *	zap_delay_us		how late LATE_ZAP zaps
 *	leaked			reads how many imports LEAK has left behind; a write of
 *				anything releases them
 *
 * &pfn_import.ready is protected by the reservation lock, pfn_import_leaked_lock
 * protects the list of what was left behind.
 */

#include <linux/debugfs.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/mutex.h>

#include <uapi/linux/dma-buf-pfn-importer.h>

#include "dma-buf-pfn-importer.h"

static u32 pfn_import_attach_delay_us;
static u32 pfn_import_hold_lock_us = 200 * USEC_PER_MSEC;
static u32 pfn_import_zap_delay_us = 500 * USEC_PER_MSEC;

static DEFINE_MUTEX(pfn_import_leaked_lock);
static LIST_HEAD(pfn_import_leaked);

static void pfn_import_late_zap_work(struct work_struct *work)
{
	struct pfn_import *imp = container_of(to_delayed_work(work),
					      struct pfn_import, late_zap);

	dma_resv_lock(imp->dmabuf->resv, NULL);
	pfn_import_dev_invalidate(imp);
	pfn_import_cpu_invalidate(imp);
	dma_resv_unlock(imp->dmabuf->resv);
}

/**
 * pfn_import_broken_init() - before an import attaches
 * @imp: the import
 */
void pfn_import_broken_init(struct pfn_import *imp)
{
	INIT_DELAYED_WORK(&imp->late_zap, pfn_import_late_zap_work);
	INIT_LIST_HEAD(&imp->leaked);
	imp->ready = !(imp->flags & DMA_BUF_PFN_IMPORT_ATTACH_EARLY);
}

/**
 * pfn_import_broken_attached() - after an import has attached
 * @imp: the import
 *
 * Context: may sleep, takes the reservation lock of the buffer.
 */
void pfn_import_broken_attached(struct pfn_import *imp)
{
	bool early = imp->flags & DMA_BUF_PFN_IMPORT_ATTACH_EARLY;

	/* If it cannot be looked up there is nothing to miss. */
	if (early)
		pfn_import_dev_map(imp, 0);

	pfn_import_delay(&pfn_import_attach_delay_us);

	if (early) {
		dma_resv_lock(imp->dmabuf->resv, NULL);
		imp->ready = true;
		dma_resv_unlock(imp->dmabuf->resv);
	}
}

/**
 * pfn_import_broken_invalidate() - a notification has come
 * @imp: the import, with the reservation lock of its buffer held
 *
 * Return: true if the import shall do nothing else about it.
 */
bool pfn_import_broken_invalidate(struct pfn_import *imp)
{
	unsigned long delay;

	dma_resv_assert_held(imp->dmabuf->resv);

	if (!imp->ready)
		return true;

	/* The device looks without the reservation lock. */
	WRITE_ONCE(imp->invalidations, imp->invalidations + 1);
	if (imp->flags & DMA_BUF_PFN_IMPORT_HOLD_LOCK)
		pfn_import_delay(&pfn_import_hold_lock_us);
	if (imp->flags & DMA_BUF_PFN_IMPORT_LATE_ZAP) {
		delay = usecs_to_jiffies(READ_ONCE(pfn_import_zap_delay_us));
		queue_delayed_work(system_dfl_wq, &imp->late_zap, delay);
	}

	return imp->flags & (DMA_BUF_PFN_IMPORT_NO_ZAP |
			     DMA_BUF_PFN_IMPORT_LATE_ZAP);
}

/**
 * pfn_import_broken_detached() - after an import has detached
 * @imp: the import, of which no mapping is left
 */
void pfn_import_broken_detached(struct pfn_import *imp)
{
	cancel_delayed_work_sync(&imp->late_zap);
}

/**
 * pfn_import_broken_leak() - an import has failed
 * @imp: the import
 *
 * Return: true if it is left behind, with its file; false if the caller must undo
 * it.
 */
bool pfn_import_broken_leak(struct pfn_import *imp)
{
	if (!(imp->flags & DMA_BUF_PFN_IMPORT_LEAK) || IS_ERR(imp->attach))
		return false;

	guard(mutex)(&pfn_import_leaked_lock);
	list_add_tail(&imp->leaked, &pfn_import_leaked);
	return true;
}

static int pfn_import_leaked_get(void *data, u64 *val)
{
	guard(mutex)(&pfn_import_leaked_lock);
	*val = list_count_nodes(&pfn_import_leaked);
	return 0;
}

static int pfn_import_leaked_set(void *data, u64 val)
{
	struct pfn_import *imp, *next;
	LIST_HEAD(leaked);

	mutex_lock(&pfn_import_leaked_lock);
	list_splice_init(&pfn_import_leaked, &leaked);
	mutex_unlock(&pfn_import_leaked_lock);

	list_for_each_entry_safe(imp, next, &leaked, leaked)
		fput(imp->file);
	return 0;
}

DEFINE_DEBUGFS_ATTRIBUTE(pfn_import_leaked_fops, pfn_import_leaked_get,
			 pfn_import_leaked_set, "%llu\n");

/**
 * pfn_import_broken_debugfs_init() - the knobs of this file
 * @root: the directory
 */
void pfn_import_broken_debugfs_init(struct dentry *root)
{
	debugfs_create_u32("attach_delay_us", 0600, root,
			   &pfn_import_attach_delay_us);
	debugfs_create_u32("hold_lock_us", 0600, root, &pfn_import_hold_lock_us);
	debugfs_create_u32("zap_delay_us", 0600, root, &pfn_import_zap_delay_us);
	debugfs_create_file_unsafe("leaked", 0600, root, NULL,
				   &pfn_import_leaked_fops);
}
