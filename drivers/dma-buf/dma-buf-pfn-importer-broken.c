// SPDX-License-Identifier: GPL-2.0-only
/*
 * Deliberately broken variants of the reference importer. Variants that only
 * skip a step are implemented where the step is. Files in debugfs:
 *
 *	broken			breaks all imports that are created after the
 *				write: DMA_BUF_PFN_BROKEN_*, see
 *				dma-buf-pfn-importer_uapi.h
 *	attach_delay_us		sleep between the attachment of an import and
 *				the return of its fd; also for correct imports,
 *				to compare them with ATTACH_EARLY
 *	hold_lock_us		how long HOLD_LOCK holds the lock
 *	zap_delay_us		delay of LATE_ZAP
 *	leaked			read: number of imports that LEAK has leaked;
 *				write: release them
 *
 * Delays are in microseconds.
 *
 * &pfn_import.ready is protected by the reservation lock, the list of leaked
 * imports by pfn_import_leaked_lock.
 */

#include <linux/capability.h>
#include <linux/debugfs.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/security.h>

#include "dma-buf-pfn-importer.h"

static u32 pfn_import_broken;
static u32 pfn_import_attach_delay_us;
static u32 pfn_import_hold_lock_us = 200 * USEC_PER_MSEC;
static u32 pfn_import_zap_delay_us = 500 * USEC_PER_MSEC;

static DEFINE_MUTEX(pfn_import_leaked_lock);
static LIST_HEAD(pfn_import_leaked);

/* Broken imports may write to memory that no longer belongs to the buffer. */
static int pfn_import_broken_allowed(void)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	return security_locked_down(LOCKDOWN_DEV_MEM);
}

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
 * pfn_import_broken_init() - initialise an import before it attaches
 * @imp: the import, with its flags
 *
 * Return: 0; -EINVAL for a static import, which cannot be broken; -EPERM.
 */
int pfn_import_broken_init(struct pfn_import *imp)
{
	imp->broken = READ_ONCE(pfn_import_broken);
	imp->ready = !(imp->broken & DMA_BUF_PFN_BROKEN_ATTACH_EARLY);
	INIT_DELAYED_WORK(&imp->late_zap, pfn_import_late_zap_work);
	INIT_LIST_HEAD(&imp->leaked);

	if (!imp->broken)
		return 0;
	if (imp->flags & DMA_BUF_PFN_IMPORT_STATIC)
		return -EINVAL;
	return pfn_import_broken_allowed();
}

/**
 * pfn_import_broken_attached() - delay an import after it has attached
 * @imp: the import
 *
 * Context: may sleep, takes the reservation lock of the buffer.
 */
void pfn_import_broken_attached(struct pfn_import *imp)
{
	bool early = imp->broken & DMA_BUF_PFN_BROKEN_ATTACH_EARLY;

	/* If the lookup fails, there is no translation to invalidate. */
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
 * pfn_import_broken_invalidate() - handle a notification of a broken import
 * @imp: the import, with the reservation lock of its buffer held
 *
 * Return: true if the notification has been handled; false if the caller must
 * handle it as for a correct import.
 */
bool pfn_import_broken_invalidate(struct pfn_import *imp)
{
	unsigned long delay;

	dma_resv_assert_held(imp->dmabuf->resv);

	if (!imp->ready)
		return true;

	if (imp->broken & DMA_BUF_PFN_BROKEN_HOLD_LOCK)
		pfn_import_delay(&pfn_import_hold_lock_us);
	if (!(imp->broken & (DMA_BUF_PFN_BROKEN_NO_ZAP | DMA_BUF_PFN_BROKEN_LATE_ZAP)))
		return false;

	WRITE_ONCE(imp->invalidations, imp->invalidations + 1);
	if (imp->broken & DMA_BUF_PFN_BROKEN_LATE_ZAP) {
		delay = usecs_to_jiffies(READ_ONCE(pfn_import_zap_delay_us));
		queue_delayed_work(system_dfl_wq, &imp->late_zap, delay);
	}
	return true;
}

/**
 * pfn_import_broken_detached() - cancel the late zap after an import has
 * detached
 * @imp: the import, without mappings
 */
void pfn_import_broken_detached(struct pfn_import *imp)
{
	cancel_delayed_work_sync(&imp->late_zap);
}

/**
 * pfn_import_broken_leak() - leak a failed import with DMA_BUF_PFN_BROKEN_LEAK
 * @imp: the import
 *
 * Return: true if the import was leaked together with its file; false if the
 * caller must undo the import.
 */
bool pfn_import_broken_leak(struct pfn_import *imp)
{
	if (!(imp->broken & DMA_BUF_PFN_BROKEN_LEAK) || IS_ERR(imp->attach))
		return false;

	guard(mutex)(&pfn_import_leaked_lock);
	list_add_tail(&imp->leaked, &pfn_import_leaked);
	return true;
}

static int pfn_import_broken_get(void *data, u64 *val)
{
	*val = READ_ONCE(pfn_import_broken);
	return 0;
}

static int pfn_import_broken_set(void *data, u64 val)
{
	int ret = 0;

	if (val & ~(u64)DMA_BUF_PFN_BROKEN_ALL)
		return -EINVAL;
	if (val)
		ret = pfn_import_broken_allowed();
	if (!ret)
		WRITE_ONCE(pfn_import_broken, val);
	return ret;
}

DEFINE_DEBUGFS_ATTRIBUTE(pfn_import_broken_fops, pfn_import_broken_get,
			 pfn_import_broken_set, "%#llx\n");

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
 * pfn_import_broken_debugfs_init() - create the debugfs files of the broken
 * variants
 * @root: debugfs directory of the importer
 */
void pfn_import_broken_debugfs_init(struct dentry *root)
{
	debugfs_create_file_unsafe("broken", 0600, root, NULL, &pfn_import_broken_fops);
	debugfs_create_u32("attach_delay_us", 0600, root,
			   &pfn_import_attach_delay_us);
	debugfs_create_u32("hold_lock_us", 0600, root, &pfn_import_hold_lock_us);
	debugfs_create_u32("zap_delay_us", 0600, root, &pfn_import_zap_delay_us);
	debugfs_create_file_unsafe("leaked", 0600, root, NULL,
				   &pfn_import_leaked_fops);
}
