// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reference importer of page frame numbers, a misc device: imports a
 * dma-buf fd and returns an import fd, whose mappings are the CPU side and
 * whose ioctls are the device side. See dma-buf-pfn-importer_uapi.h.
 *
 * This file implements the life of an import: notification, attachment,
 * statistics and snapshots, creation and release. To write an importer, start
 * from the first two sections and from one of the page tables:
 * dma-buf-pfn-importer-cpu.c fills page tables under the reservation lock,
 * dma-buf-pfn-importer-dev.c without it. Calls of pfn_import_broken_*() are for
 * tests only.
 *
 * The notification is called with the reservation lock of the buffer held, and
 * takes the locks of the CPU and the device side. All locks are listed in
 * dma-buf-pfn-importer.h.
 */

#include <linux/anon_inodes.h>
#include <linux/capability.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/device/faux.h>
#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/time64.h>
#include <linux/uaccess.h>

#include "dma-buf-pfn-importer.h"
#include "dma-buf-pfn-importer-trace.h"

MODULE_IMPORT_NS("DMA_BUF");

/* Upper limit of all delays that debugfs knobs set */
#define PFN_IMPORT_MAX_DELAY_US	(10 * USEC_PER_SEC)

/* Snapshot entries copied to userspace at a time. */
#define PFN_IMPORT_BATCH	128

/* The device that is attached with DMA_BUF_PFN_IMPORT_DEVICE */
static struct faux_device *pfn_importer_device;

/* --- notification -------------------------------------------------------- */

/*
 * When this returns, no translation made from earlier lookups is left. Runs
 * under the reservation lock and possibly inside reclaim: allocates nothing and
 * takes no lock that is held across an allocation.
 */
static void pfn_import_invalidate_mappings(struct dma_buf_attachment *attach)
{
	struct pfn_import *imp = attach->importer_priv;

	dma_resv_assert_held(attach->dmabuf->resv);

	if (pfn_import_broken_invalidate(imp))
		return;

	/* The device side reads it without the reservation lock. */
	WRITE_ONCE(imp->invalidations, imp->invalidations + 1);
	pfn_import_dev_invalidate(imp);
	pfn_import_cpu_invalidate(imp);
}

/* --- attachment ---------------------------------------------------------- */

/* Indexed by whether the importer is notified, and whether it is a peer */
static const struct dma_buf_attach_ops pfn_import_attach_ops[2][2] = {
	[false][true] = {
		.allow_peer2peer = true,
	},
	[true][false] = {
		.invalidate_unmaps = true,
		.invalidate_in_reclaim = true,
		.invalidate_mappings = pfn_import_invalidate_mappings,
	},
	[true][true] = {
		.allow_peer2peer = true,
		.invalidate_unmaps = true,
		.invalidate_in_reclaim = true,
		.invalidate_mappings = pfn_import_invalidate_mappings,
	},
};

/*
 * Attach to the buffer as the import flags specify. The first notification may
 * come at once, so all that it accesses must be initialised before.
 * pfn_import_detach() also cleans up after a failure.
 */
static int pfn_import_attach(struct pfn_import *imp)
{
	struct device *dev = imp->flags & DMA_BUF_PFN_IMPORT_DEVICE ?
			     &pfn_importer_device->dev : NULL;
	bool p2p = imp->flags & DMA_BUF_PFN_IMPORT_P2P;
	bool pin = imp->flags & DMA_BUF_PFN_IMPORT_PIN;
	bool notified = !pin || imp->flags & DMA_BUF_PFN_IMPORT_REVOCABLE;
	struct dma_buf *dmabuf = imp->dmabuf;
	int ret;

	if (imp->flags & DMA_BUF_PFN_IMPORT_STATIC)
		imp->attach = dma_buf_attach(dmabuf, dev);
	else
		imp->attach = dma_buf_dynamic_attach(dmabuf, dev,
						     &pfn_import_attach_ops[notified][p2p],
						     imp);
	if (IS_ERR(imp->attach))
		return PTR_ERR(imp->attach);

	if (pin) {
		ret = dma_resv_lock_interruptible(dmabuf->resv, NULL);
		if (ret)
			return ret;
		ret = dma_buf_pin(imp->attach);
		imp->pinned = !ret;
		dma_resv_unlock(dmabuf->resv);
		if (ret)
			return ret;
	}

	pfn_import_broken_attached(imp);
	return 0;
}

/*
 * Undo pfn_import_attach(), even if it failed. Removes translations first, since
 * nothing keeps them valid without the pin or the attachment.
 */
static void pfn_import_detach(struct pfn_import *imp)
{
	struct dma_buf *dmabuf = imp->dmabuf;

	dma_resv_lock(dmabuf->resv, NULL);
	pfn_import_dev_invalidate(imp);
	/* A broken import may have left mappings. */
	pfn_import_maps_destroy(&imp->dev_maps);
	/* Only notifications remove entries from this record. */
	xa_destroy(&imp->cpu_pages);
	if (imp->pinned)
		dma_buf_unpin(imp->attach);
	dma_resv_unlock(dmabuf->resv);

	/* dma_buf_detach() does not notify: translations would become stale. */
	WARN_ON(!xa_empty(&imp->dev_table));
	if (!IS_ERR(imp->attach))
		dma_buf_detach(dmabuf, imp->attach);
	pfn_import_broken_detached(imp);
}

/* --- statistics and snapshot --------------------------------------------- */

/*
 * These ioctls neither call the exporter nor change any state. They read with
 * the reservation lock held, so that no entries are removed. The device side
 * may add entries meanwhile. Its counters are protected by the page table lock.
 */

static long pfn_import_stats(struct pfn_import *imp, void __user *argp)
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
	bool found;

	xa_lock(xa);
	found = pfn_import_translate(imp, xa, pgoff, out);
	xa_unlock(xa);
	return found;
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
 * The fences are tested after the entries are read. No fence can be added while
 * the reservation lock is held, so a fence that is not signaled at the end was
 * not signaled when the entries were read.
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

static long pfn_import_snapshot(struct pfn_import *imp, void __user *argp)
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

/* --- the import fd ------------------------------------------------------- */

static long pfn_import_ioctl(struct file *file, unsigned int cmd,
			     unsigned long arg)
{
	struct pfn_import *imp = file->private_data;
	void __user *argp = (void __user *)arg;

	switch (cmd) {
	case DMA_BUF_PFN_ACCESS:
		return pfn_import_dev_access(imp, argp);
	case DMA_BUF_PFN_STATS:
		return pfn_import_stats(imp, argp);
	case DMA_BUF_PFN_SNAPSHOT:
		return pfn_import_snapshot(imp, argp);
	case DMA_BUF_PFN_SUBMIT:
		return pfn_import_submit(imp, argp);
	case DMA_BUF_PFN_RESULT:
		return pfn_import_result(imp, argp);
	default:
		return -ENOTTY;
	}
}

/*
 * No mapping is left, since each holds a reference to the file. Jobs may still
 * be in progress, and hold their own references.
 */
static int pfn_import_release(struct inode *inode, struct file *file)
{
	struct pfn_import *imp = file->private_data;

	pfn_import_detach(imp);
	pfn_import_jobs_forget(imp);
	dma_buf_put(imp->dmabuf);
	kfree(imp);
	return 0;
}

static const struct file_operations pfn_import_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = pfn_import_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = pfn_import_cpu_mmap,
	.get_unmapped_area = pfn_import_cpu_area,
	.release = pfn_import_release,
};

/*
 * Create a file with its own inode, whose address_space contains only the
 * mappings of this import. Its mode is that of the dma-buf, so that mm refuses
 * writable mappings of a read-only buffer. On success, the file owns the
 * reference to @dmabuf.
 */
static struct file *pfn_import_file(struct dma_buf *dmabuf, u32 flags)
{
	struct pfn_import *imp;
	struct file *file;
	int ret;

	imp = kzalloc_obj(*imp);
	if (!imp)
		return ERR_PTR(-ENOMEM);

	imp->dmabuf = dmabuf;
	imp->flags = flags;
	imp->num_pages = dmabuf->size >> PAGE_SHIFT;
	xa_init(&imp->cpu_pages);
	xa_init(&imp->dev_table);
	INIT_LIST_HEAD(&imp->dev_maps);
	xa_init_flags(&imp->jobs, XA_FLAGS_ALLOC);
	ret = pfn_import_broken_init(imp);
	if (ret)
		goto err;

	file = anon_inode_create_getfile("[dma_buf_pfn_import]",
					 &pfn_import_fops, imp,
					 dma_buf_pfn_writable(dmabuf) ?
					 O_RDWR : O_RDONLY, NULL);
	if (IS_ERR(file)) {
		ret = PTR_ERR(file);
		goto err;
	}
	imp->file = file;
	return file;

err:
	kfree(imp);
	return ERR_PTR(ret);
}

static int pfn_import_check(const struct dma_buf_pfn_import *args)
{
	const u32 flags = args->flags;

	if (flags & ~DMA_BUF_PFN_IMPORT_FLAGS || args->pad)
		return -EINVAL;
	if (flags & DMA_BUF_PFN_IMPORT_STATIC &&
	    flags & ~(DMA_BUF_PFN_IMPORT_STATIC | DMA_BUF_PFN_IMPORT_DEVICE))
		return -EINVAL;
	if (flags & DMA_BUF_PFN_IMPORT_REVOCABLE &&
	    !(flags & DMA_BUF_PFN_IMPORT_PIN))
		return -EINVAL;

	/* Pinned memory cannot be swapped or evicted, as after mlock(). */
	if (flags & (DMA_BUF_PFN_IMPORT_PIN | DMA_BUF_PFN_IMPORT_STATIC) &&
	    !capable(CAP_IPC_LOCK))
		return -EPERM;
	return 0;
}

static long pfn_import_import(void __user *argp)
{
	struct dma_buf_pfn_import args;
	struct dma_buf *dmabuf;
	struct file *file;
	int ret;
	int fd;

	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	ret = pfn_import_check(&args);
	if (ret)
		return ret;

	dmabuf = dma_buf_get(args.dma_buf_fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);

	if (!dma_buf_has_pfn(dmabuf)) {
		dma_buf_put(dmabuf);
		return -EOPNOTSUPP;
	}

	file = pfn_import_file(dmabuf, args.flags);
	if (IS_ERR(file)) {
		dma_buf_put(dmabuf);
		return PTR_ERR(file);
	}

	/* From here on, fput() undoes everything on failure. */
	ret = pfn_import_attach(file->private_data);
	if (ret)
		goto err_file;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		ret = fd;
		goto err_file;
	}

	args.import_fd = fd;
	args.size = dmabuf->size;
	if (copy_to_user(argp, &args, sizeof(args))) {
		put_unused_fd(fd);
		ret = -EFAULT;
		goto err_file;
	}

	fd_install(fd, file);
	return 0;

err_file:
	if (!pfn_import_broken_leak(file->private_data))
		fput(file);
	return ret;
}

/* --- the module ---------------------------------------------------------- */

/**
 * pfn_import_delay() - sleep for the time that a debugfs knob sets
 * @knob_us: the knob, in microseconds; zero for no sleep
 *
 * Sleeps for at least that long by ktime. A long fsleep() counts jiffies, which
 * can lag behind ktime, and can end some ms early.
 *
 * Context: may sleep, does not allocate.
 */
void pfn_import_delay(const u32 *knob_us)
{
	u32 us = min(READ_ONCE(*knob_us), PFN_IMPORT_MAX_DELAY_US);

	if (us)
		usleep_range(us, us + us / 16);
}

static long pfn_importer_ioctl(struct file *file, unsigned int cmd,
			       unsigned long arg)
{
	if (cmd != DMA_BUF_PFN_IMPORT)
		return -ENOTTY;

	return pfn_import_import((void __user *)arg);
}

static const struct file_operations pfn_importer_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = pfn_importer_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice pfn_importer_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "dma_buf_pfn_importer",
	.fops = &pfn_importer_fops,
};

static struct dentry *pfn_importer_debugfs;

static int __init pfn_importer_init(void)
{
	int ret;

	pfn_importer_device = faux_device_create(pfn_importer_misc.name, NULL, NULL);
	if (!pfn_importer_device)
		return -ENODEV;

	pfn_importer_debugfs = debugfs_create_dir(pfn_importer_misc.name, NULL);
	ret = pfn_import_engines_init(pfn_importer_debugfs);
	if (ret)
		goto err_debugfs;

	ret = misc_register(&pfn_importer_misc);
	if (ret)
		goto err_engines;

	debugfs_create_u32("install_delay_us", 0600, pfn_importer_debugfs,
			   &pfn_import_install_delay_us);
	debugfs_create_u32("fault_around_pages", 0600, pfn_importer_debugfs,
			   &pfn_import_fault_around_pages);
	pfn_import_broken_debugfs_init(pfn_importer_debugfs);
	return 0;

err_engines:
	pfn_import_engines_fini();
err_debugfs:
	debugfs_remove_recursive(pfn_importer_debugfs);
	faux_device_destroy(pfn_importer_device);
	return ret;
}

static void __exit pfn_importer_exit(void)
{
	debugfs_remove_recursive(pfn_importer_debugfs);
	misc_deregister(&pfn_importer_misc);
	pfn_import_engines_fini();
	faux_device_destroy(pfn_importer_device);
}

module_init(pfn_importer_init);
module_exit(pfn_importer_exit);

MODULE_DESCRIPTION("Reference importer of dma-buf page frame numbers");
MODULE_LICENSE("GPL");
