// SPDX-License-Identifier: GPL-2.0-only
/*
 * The counters of an import and snapshots of its two page tables, for
 * userspace. Neither calls the exporter nor changes any state.
 *
 * Everything is read under the reservation lock, which is held when entries are
 * removed. Entries of the device may be added meanwhile, and its counters are
 * protected by the page table lock.
 */

#include <linux/capability.h>
#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-resv.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "dma-buf-pfn-importer.h"
#include "dma-buf-pfn-importer-trace.h"

/* Snapshot entries copied to userspace at a time. */
#define PFN_IMPORT_BATCH	128

/**
 * pfn_import_stats() - DMA_BUF_PFN_STATS
 * @imp: the import
 * @argp: user pointer to struct dma_buf_pfn_stats
 *
 * Return: 0, -EINTR or -EFAULT.
 */
long pfn_import_stats(struct pfn_import *imp, void __user *argp)
{
	struct dma_buf_pfn_stats stats = {};
	int i, ret;

	ret = dma_resv_lock_interruptible(imp->dmabuf->resv, NULL);
	if (ret)
		return ret;

	for (i = 0; i < DMA_BUF_PFN_LEVELS; i++) {
		stats.faults_at[i] = imp->faults[i];
		stats.faults += imp->faults[i];
	}
	stats.invalidations = imp->invalidations;
	stats.cpu_zapped = imp->cpu_zapped;
	stats.cpu_mapped = pfn_import_mapped(&imp->cpu_pages);
	stats.dev_zapped = imp->dev_zapped;
	stats.dev_mapped = pfn_import_mapped(&imp->dev_table);
	stats.jobs = imp->num_jobs;

	xa_lock(&imp->dev_table);
	stats.dev_lookups = imp->dev_lookups;
	stats.dev_retries = imp->dev_retries;
	stats.tlb_hits = imp->tlb_hits;
	stats.tlb_flushes = imp->tlb_flushes;
	xa_unlock(&imp->dev_table);
	dma_resv_unlock(imp->dmabuf->resv);

	return copy_to_user(argp, &stats, sizeof(stats)) ? -EFAULT : 0;
}

/* Look up a page in one of the two page tables. */
static bool pfn_import_look(struct pfn_import *imp, struct xarray *xa,
			    pgoff_t pgoff, struct pfn_import_translation *out)
{
	bool there;

	xa_lock(xa);
	there = pfn_import_translate(imp, xa, pgoff, out);
	xa_unlock(xa);
	return there;
}

static void pfn_import_describe(struct pfn_import *imp, pgoff_t pgoff,
				struct dma_buf_pfn_entry *out)
{
	struct pfn_import_translation t;

	dma_resv_assert_held(imp->dmabuf->resv);
	memset(out, 0, sizeof(*out));

	if (pfn_import_look(imp, &imp->dev_table, pgoff, &t)) {
		out->dev_pfn = t.pfn;
		out->dev_generation = t.generation;
		out->dev_order = t.order;
		out->flags |= DMA_BUF_PFN_ENTRY_DEV;
		if (t.writable)
			out->flags |= DMA_BUF_PFN_ENTRY_DEV_WRITE;
	}
	if (pfn_import_look(imp, &imp->cpu_pages, pgoff, &t)) {
		out->cpu_pfn = t.pfn;
		out->cpu_generation = t.generation;
		out->cpu_order = t.order;
		out->flags |= DMA_BUF_PFN_ENTRY_CPU;
		if (t.writable)
			out->flags |= DMA_BUF_PFN_ENTRY_CPU_WRITE;
	}
}

/*
 * The fences are tested last. None can be added while the reservation lock is
 * held, so a fence that has not signaled now had not when the entries were
 * read.
 */
static void pfn_import_describe_batch(struct pfn_import *imp, pgoff_t first,
				      u64 count, struct dma_buf_pfn_entry *out)
{
	u64 i;

	dma_resv_assert_held(imp->dmabuf->resv);

	for (i = 0; i < count; i++)
		pfn_import_describe(imp, first + i, &out[i]);

	if (dma_resv_test_signaled(imp->dmabuf->resv, DMA_RESV_USAGE_KERNEL))
		return;
	for (i = 0; i < count; i++)
		out[i].flags |= DMA_BUF_PFN_ENTRY_PENDING;
}

/**
 * pfn_import_snapshot() - DMA_BUF_PFN_SNAPSHOT
 * @imp: the import
 * @argp: user pointer to struct dma_buf_pfn_snapshot
 *
 * Return: 0 or a negative errno, see the uAPI header.
 */
long pfn_import_snapshot(struct pfn_import *imp, void __user *argp)
{
	struct dma_buf_pfn_entry __user *to;
	struct dma_buf_pfn_snapshot args;
	struct dma_buf_pfn_entry *batch;
	u64 done, n;
	int ret = 0;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	if (args.flags || args.pad || args.generation || !args.count ||
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
		pfn_import_describe_batch(imp, args.first + done, n, batch);
		pfn_import_trace_snapshot(imp, args.first + done, batch, n);
		args.generation = imp->invalidations;
		dma_resv_unlock(imp->dmabuf->resv);

		/* May fault on a mapping of this import: not under the lock. */
		if (copy_to_user(to + done, batch, n * sizeof(*batch))) {
			ret = -EFAULT;
			break;
		}
	}

	kfree(batch);
	if (!ret && copy_to_user(argp, &args, sizeof(args)))
		ret = -EFAULT;
	return ret;
}
