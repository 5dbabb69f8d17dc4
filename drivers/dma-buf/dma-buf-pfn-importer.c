// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reference importer of page frame numbers, a misc device: takes a dma-buf
 * fd and gives an import fd, whose mappings are the CPU side and whose ioctls
 * are the device side. See include/uapi/linux/dma-buf-pfn-importer.h.
 *
 * This file holds what both sides share: the life of an import, and the
 * notification.
 */

#include <linux/anon_inodes.h>
#include <linux/capability.h>
#include <linux/debugfs.h>
#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <uapi/linux/dma-buf-pfn-importer.h>

#include "dma-buf-pfn-importer.h"

MODULE_IMPORT_NS("DMA_BUF");

/**
 * pfn_import_zap() - remove all page frame numbers from a table
 * @xa: one of the two tables of an import
 * @mapped: how many it has, under its lock
 * @zapped: to count them in, under the same lock
 *
 * Takes the table's lock, and lets go of it now and then. The caller knows that
 * nothing which is out of date is installed meanwhile.
 */
void pfn_import_zap(struct xarray *xa, u64 *mapped, u64 *zapped)
{
	XA_STATE(xas, xa, 0);
	unsigned int n = 0;
	void *entry;

	xas_lock(&xas);
	xas_for_each(&xas, entry, ULONG_MAX) {
		xas_store(&xas, NULL);
		/* The rest are reservations for what is being looked up. */
		if (!xa_is_zero(entry)) {
			(*mapped)--;
			(*zapped)++;
		}
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
 * When this returns, no translation made from earlier answers is left. Runs
 * under the reservation lock and possibly inside reclaim: allocates nothing and
 * takes no lock that is held across an allocation.
 */
static void pfn_import_invalidate_mappings(struct dma_buf_attachment *attach)
{
	struct pfn_import *imp = attach->importer_priv;

	dma_resv_assert_held(attach->dmabuf->resv);

	imp->invalidations++;
	if (imp->flags & DMA_BUF_PFN_IMPORT_NO_ZAP)
		return;

	pfn_import_dev_invalidate(imp);
	pfn_import_cpu_invalidate(imp);
}

/* By whether we want to be told, and whether we take what has no pages. */
static const struct dma_buf_attach_ops pfn_import_attach_ops[2][2] = {
	[false][true] = {
		.allow_peer2peer = true,
	},
	[true][false] = {
		.invalidate_mappings = pfn_import_invalidate_mappings,
	},
	[true][true] = {
		.allow_peer2peer = true,
		.invalidate_mappings = pfn_import_invalidate_mappings,
	},
};

/*
 * Everything the notification touches must be there: it may come at once. Whatever
 * fails here is undone by pfn_import_detach().
 */
static int pfn_import_attach(struct pfn_import *imp)
{
	bool p2p = imp->flags & DMA_BUF_PFN_IMPORT_P2P;
	bool pin = imp->flags & DMA_BUF_PFN_IMPORT_PIN;
	bool told = !pin || imp->flags & DMA_BUF_PFN_IMPORT_REVOCABLE;
	struct dma_buf *dmabuf = imp->dmabuf;
	int ret;

	if (imp->flags & DMA_BUF_PFN_IMPORT_STATIC)
		imp->attach = dma_buf_attach(dmabuf, NULL);
	else
		imp->attach = dma_buf_dynamic_attach(dmabuf, NULL,
						     &pfn_import_attach_ops[told][p2p],
						     imp);
	if (IS_ERR(imp->attach))
		return PTR_ERR(imp->attach);
	if (!pin)
		return 0;

	ret = dma_resv_lock_interruptible(dmabuf->resv, NULL);
	if (ret)
		return ret;
	ret = dma_buf_pin(imp->attach);
	imp->pinned = !ret;
	dma_resv_unlock(dmabuf->resv);
	return ret;
}

static void pfn_import_detach(struct pfn_import *imp)
{
	struct dma_buf *dmabuf = imp->dmabuf;

	if (imp->pinned) {
		dma_resv_lock(dmabuf->resv, NULL);
		dma_buf_unpin(imp->attach);
		dma_resv_unlock(dmabuf->resv);
	}
	if (!IS_ERR_OR_NULL(imp->attach))
		dma_buf_detach(dmabuf, imp->attach);
}

static long pfn_import_access(struct pfn_import *imp, void __user *argp)
{
	struct dma_buf_pfn_access args;

	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	if (args.flags & ~DMA_BUF_PFN_ACCESS_FLAGS || args.pad)
		return -EINVAL;

	return pfn_import_dev_access(imp, &args);
}

static long pfn_import_ioctl(struct file *file, unsigned int cmd,
			     unsigned long arg)
{
	struct pfn_import *imp = file->private_data;
	void __user *argp = (void __user *)arg;

	switch (cmd) {
	case DMA_BUF_PFN_ACCESS:
		return pfn_import_access(imp, argp);
	case DMA_BUF_PFN_STATS:
		return pfn_import_stats(imp, argp);
	case DMA_BUF_PFN_SNAPSHOT:
		return pfn_import_snapshot(imp, argp);
	default:
		return -ENOTTY;
	}
}

static int pfn_import_mmap(struct file *file, struct vm_area_struct *vma)
{
	return pfn_import_cpu_mmap(file->private_data, vma);
}

/* No mapping is left: each holds a reference to the file. */
static int pfn_import_release(struct inode *inode, struct file *file)
{
	struct pfn_import *imp = file->private_data;

	pfn_import_detach(imp);
	dma_buf_put(imp->dmabuf);
	xa_destroy(&imp->cpu_pages);
	xa_destroy(&imp->dev_table);
	pfn_import_windows_destroy(&imp->dev_windows);
	kfree(imp);
	return 0;
}

static const struct file_operations pfn_import_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = pfn_import_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = pfn_import_mmap,
	.release = pfn_import_release,
};

/*
 * A file with an inode of its own, whose address_space finds the mappings of
 * this import and no others. Its mode is that of the dma-buf, so that mm refuses
 * writable mappings of what is read-only. Owns @dmabuf on success.
 */
static struct file *pfn_import_file(struct dma_buf *dmabuf, u32 flags)
{
	struct pfn_import *imp;
	struct file *file;

	imp = kzalloc_obj(*imp);
	if (!imp)
		return ERR_PTR(-ENOMEM);

	imp->dmabuf = dmabuf;
	imp->flags = flags;
	imp->num_pages = dmabuf->size >> PAGE_SHIFT;
	xa_init(&imp->cpu_pages);
	xa_init(&imp->dev_table);
	INIT_LIST_HEAD(&imp->dev_windows);

	file = anon_inode_create_getfile("[dma_buf_pfn_import]",
					 &pfn_import_fops, imp,
					 dma_buf_pfn_writable(dmabuf) ?
					 O_RDWR : O_RDONLY, NULL);
	if (IS_ERR(file)) {
		kfree(imp);
		return file;
	}
	imp->mapping = file->f_mapping;

	return file;
}

static int pfn_import_check(const struct dma_buf_pfn_import *args)
{
	const u32 flags = args->flags;

	if (flags & ~DMA_BUF_PFN_IMPORT_FLAGS || args->pad)
		return -EINVAL;
	if (flags & DMA_BUF_PFN_IMPORT_STATIC &&
	    flags != DMA_BUF_PFN_IMPORT_STATIC)
		return -EINVAL;
	if (flags & DMA_BUF_PFN_IMPORT_REVOCABLE &&
	    !(flags & DMA_BUF_PFN_IMPORT_PIN))
		return -EINVAL;

	if (!(flags & DMA_BUF_PFN_IMPORT_BROKEN))
		return 0;

	/* These write to memory that is somebody else's. */
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	return security_locked_down(LOCKDOWN_DEV_MEM);
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

	/* From here on fput() undoes all, whatever fails. */
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
	fput(file);
	return ret;
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

	ret = misc_register(&pfn_importer_misc);
	if (ret)
		return ret;

	pfn_importer_debugfs = debugfs_create_dir(pfn_importer_misc.name, NULL);
	debugfs_create_u32("install_delay_us", 0600, pfn_importer_debugfs,
			   &pfn_import_install_delay_us);
	return 0;
}

static void __exit pfn_importer_exit(void)
{
	debugfs_remove_recursive(pfn_importer_debugfs);
	misc_deregister(&pfn_importer_misc);
}

module_init(pfn_importer_init);
module_exit(pfn_importer_exit);

MODULE_DESCRIPTION("Reference importer of dma-buf page frame numbers");
MODULE_LICENSE("GPL");
