// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reference importer of page frame numbers, a misc device: imports a
 * dma-buf fd and returns an import fd, whose mappings are the CPU side and
 * whose ioctls are the device side. See
 * dma-buf-pfn-importer_uapi.h.
 *
 * This file implements the creation and release of an import.
 */

#include <linux/anon_inodes.h>
#include <linux/capability.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/device/faux.h>
#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/file.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/time64.h>
#include <linux/uaccess.h>

#include "dma-buf-pfn-importer.h"

MODULE_IMPORT_NS("DMA_BUF");

/* Upper limit of all delays that debugfs knobs set */
#define PFN_IMPORT_MAX_DELAY_US	(10 * USEC_PER_SEC)

/* The device that is attached with DMA_BUF_PFN_IMPORT_DEVICE */
static struct faux_device *pfn_importer_device;

/**
 * pfn_import_delay() - sleep for the time that a debugfs knob sets
 * @knob_us: the knob, in microseconds; zero for no sleep
 *
 * Context: may sleep, does not allocate.
 */
void pfn_import_delay(const u32 *knob_us)
{
	u32 us = READ_ONCE(*knob_us);

	if (us)
		fsleep(min(us, PFN_IMPORT_MAX_DELAY_US));
}

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

static int pfn_import_mmap(struct file *file, struct vm_area_struct *vma)
{
	return pfn_import_cpu_mmap(file->private_data, vma);
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
	.mmap = pfn_import_mmap,
	.get_unmapped_area = pfn_import_cpu_area,
	.release = pfn_import_release,
};

/*
 * Create a file with its own inode, whose address_space contains only the
 * mappings of this import. Its mode is that of the dma-buf, so that mm refuses
 * writable mappings of a read-only buffer. Owns @dmabuf on success.
 */
static struct file *pfn_import_file(struct dma_buf *dmabuf, u32 flags, u32 broken)
{
	struct pfn_import *imp;
	struct file *file;

	imp = kzalloc_obj(*imp);
	if (!imp)
		return ERR_PTR(-ENOMEM);

	imp->dmabuf = dmabuf;
	imp->flags = flags;
	imp->broken = broken;
	imp->num_pages = dmabuf->size >> PAGE_SHIFT;
	xa_init(&imp->cpu_pages);
	xa_init(&imp->dev_table);
	INIT_LIST_HEAD(&imp->dev_maps);
	xa_init_flags(&imp->jobs, XA_FLAGS_ALLOC);
	pfn_import_broken_init(imp);

	file = anon_inode_create_getfile("[dma_buf_pfn_import]",
					 &pfn_import_fops, imp,
					 dma_buf_pfn_writable(dmabuf) ?
					 O_RDWR : O_RDONLY, NULL);
	if (IS_ERR(file)) {
		kfree(imp);
		return file;
	}
	imp->mapping = file->f_mapping;
	imp->file = file;

	return file;
}

static int pfn_import_check(const struct dma_buf_pfn_import *args, u32 broken)
{
	const u32 flags = args->flags;

	if (flags & ~DMA_BUF_PFN_IMPORT_FLAGS || args->pad)
		return -EINVAL;
	if (flags & DMA_BUF_PFN_IMPORT_STATIC &&
	    (broken || flags & ~(DMA_BUF_PFN_IMPORT_STATIC | DMA_BUF_PFN_IMPORT_DEVICE)))
		return -EINVAL;
	if (flags & DMA_BUF_PFN_IMPORT_REVOCABLE &&
	    !(flags & DMA_BUF_PFN_IMPORT_PIN))
		return -EINVAL;

	/* Pinned memory cannot be swapped or evicted, as after mlock(). */
	if (flags & (DMA_BUF_PFN_IMPORT_PIN | DMA_BUF_PFN_IMPORT_STATIC) &&
	    !capable(CAP_IPC_LOCK))
		return -EPERM;

	return broken ? pfn_import_broken_allowed() : 0;
}

static long pfn_import_import(void __user *argp)
{
	struct dma_buf_pfn_import args;
	struct dma_buf *dmabuf;
	u32 broken = pfn_import_broken_modes();
	struct file *file;
	int ret;
	int fd;

	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	ret = pfn_import_check(&args, broken);
	if (ret)
		return ret;

	dmabuf = dma_buf_get(args.dma_buf_fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);

	if (!dma_buf_has_pfn(dmabuf)) {
		dma_buf_put(dmabuf);
		return -EOPNOTSUPP;
	}

	file = pfn_import_file(dmabuf, args.flags, broken);
	if (IS_ERR(file)) {
		dma_buf_put(dmabuf);
		return PTR_ERR(file);
	}

	/* From here on, fput() undoes everything on failure. */
	ret = pfn_import_attach(file->private_data,
				args.flags & DMA_BUF_PFN_IMPORT_DEVICE ?
				&pfn_importer_device->dev : NULL);
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
