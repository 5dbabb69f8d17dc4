// SPDX-License-Identifier: GPL-2.0-only
/*
 * What userspace can ask about an import: its counters, and what its two page
 * tables hold. Asks the exporter nothing, and changes nothing. All is read under
 * the reservation lock, under which entries go. Those of the device may come
 * meanwhile, and its counters have the page table lock.
 */

#include <linux/capability.h>
#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-resv.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <uapi/linux/dma-buf-pfn-importer.h>

#include "dma-buf-pfn-importer.h"

/* Snapshot entries copied to userspace at a time. */
#define PFN_IMPORT_BATCH	128

/**
 * pfn_import_stats() - DMA_BUF_PFN_STATS
 * @imp: the import
 * @argp: where to
 *
 * Return: 0, -EINTR or -EFAULT.
 */
long pfn_import_stats(struct pfn_import *imp, void __user *argp)
{
	struct dma_buf_pfn_stats stats = {};
	int ret;

	ret = dma_resv_lock_interruptible(imp->dmabuf->resv, NULL);
	if (ret)
		return ret;

	stats.faults = imp->faults;
	stats.invalidations = imp->invalidations;
	stats.cpu_zapped = imp->cpu_zapped;
	stats.cpu_mapped = imp->cpu_mapped;

	xa_lock(&imp->dev_table);
	stats.dev_lookups = imp->dev_lookups;
	stats.dev_retries = imp->dev_retries;
	stats.dev_zapped = imp->dev_zapped;
	stats.dev_mapped = imp->dev_mapped;
	xa_unlock(&imp->dev_table);
	dma_resv_unlock(imp->dmabuf->resv);

	return copy_to_user(argp, &stats, sizeof(stats)) ? -EFAULT : 0;
}

static void pfn_import_describe(struct pfn_import *imp, pgoff_t pgoff,
				struct dma_buf_pfn_entry *out)
{
	void *entry;

	dma_resv_assert_held(imp->dmabuf->resv);
	memset(out, 0, sizeof(*out));

	entry = xa_load(&imp->dev_table, pgoff);
	if (entry) {
		out->dev_pfn = pfn_import_dev_pfn(entry, pgoff);
		out->flags |= DMA_BUF_PFN_ENTRY_DEV;
	}
	entry = xa_load(&imp->cpu_pages, pgoff);
	if (entry) {
		out->cpu_pfn = xa_to_value(entry);
		out->flags |= DMA_BUF_PFN_ENTRY_CPU;
	}
	if (out->flags && dma_buf_pfn_writable(imp->dmabuf))
		out->flags |= DMA_BUF_PFN_ENTRY_WRITE;
}

/**
 * pfn_import_snapshot() - DMA_BUF_PFN_SNAPSHOT
 * @imp: the import
 * @argp: what part, and where to
 *
 * Return: 0 or a negative errno, see the uAPI header.
 */
long pfn_import_snapshot(struct pfn_import *imp, void __user *argp)
{
	struct dma_buf_pfn_entry __user *to;
	struct dma_buf_pfn_snapshot args;
	struct dma_buf_pfn_entry *batch;
	u64 done, n, i;
	int ret = 0;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	if (args.flags || args.pad || !args.count ||
	    args.first >= imp->num_pages ||
	    args.count > imp->num_pages - args.first)
		return -EINVAL;

	batch = kmalloc_array(PFN_IMPORT_BATCH, sizeof(*batch), GFP_KERNEL);
	if (!batch)
		return -ENOMEM;

	to = u64_to_user_ptr(args.entries);
	for (done = 0; done < args.count; done += n) {
		n = min(args.count - done, PFN_IMPORT_BATCH);

		ret = dma_resv_lock_interruptible(imp->dmabuf->resv, NULL);
		if (ret)
			break;
		for (i = 0; i < n; i++)
			pfn_import_describe(imp, args.first + done + i, &batch[i]);
		dma_resv_unlock(imp->dmabuf->resv);

		/* May fault on a mapping of this import: not under the lock. */
		if (copy_to_user(to + done, batch, n * sizeof(*batch))) {
			ret = -EFAULT;
			break;
		}
	}

	kfree(batch);
	return ret;
}
