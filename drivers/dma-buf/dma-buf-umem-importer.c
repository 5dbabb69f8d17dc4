// SPDX-License-Identifier: GPL-2.0-only
/*
 * A test importer that imports dma-bufs with the code of RDMA: umem_dmabuf.c of
 * drivers/infiniband/core/ is a part of this module, unchanged. Neither a
 * device nor the RDMA core is needed: of struct ib_device the code only uses
 * the DMA device, which is a faux device here.
 *
 * A umem is the memory of a memory region. There are three modes: dynamic, as
 * used by mlx5 with on-demand paging; pinned, as used by most drivers; and
 * pinned and revocable, as used by irdma.
 *
 * The dma-buf's reservation lock protects a umem.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

/*
 * The code of RDMA, with its declarations, which depend on this symbol. It is
 * not set, since the importer does not exist with INFINIBAND.
 */
#define CONFIG_INFINIBAND_USER_MEM 1
#include "../infiniband/core/umem_dmabuf.c"

#include <linux/anon_inodes.h>
#include <linux/device/faux.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/pfn.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "dma-buf-umem-importer_uapi.h"

static struct faux_device *umem_faux;
static struct ib_device umem_ib_device;

/**
 * struct umem_import - one umem fd
 * @umem: the umem; its driver data points back
 * @notifications: calls of the driver's callback
 */
struct umem_import {
	struct ib_umem_dmabuf *umem;
	u32 notifications;
};

/* umem.c of RDMA, for umems of a dma-buf */
void ib_umem_release(struct ib_umem *umem)
{
	ib_umem_dmabuf_release(to_ib_umem_dmabuf(umem));
}

static void umem_count(void *priv)
{
	struct umem_import *import = priv;

	import->notifications++;
}

/* As mlx5_ib_dmabuf_invalidate_cb() */
static void umem_dynamic_invalidate(struct dma_buf_attachment *attach)
{
	struct ib_umem_dmabuf *umem = attach->importer_priv;

	dma_resv_assert_held(attach->dmabuf->resv);

	/*
	 * ib_umem_dmabuf_get() may not have set umem->attach yet, which unmapping
	 * uses. Nothing is mapped.
	 */
	if (!umem->private)
		return;

	umem_count(umem->private);
	ib_umem_dmabuf_unmap_pages(umem);
}

static const struct dma_buf_attach_ops umem_dynamic_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = umem_dynamic_invalidate,
};

static struct ib_umem_dmabuf *
umem_get(const struct dma_buf_umem_import *arg, struct umem_import *import)
{
	struct ib_device *dev = &umem_ib_device;
	struct ib_umem_dmabuf *umem;

	switch (arg->mode) {
	case DMA_BUF_UMEM_DYNAMIC:
		umem = ib_umem_dmabuf_get(dev, arg->offset, arg->length, arg->fd,
					  IB_ACCESS_LOCAL_WRITE, &umem_dynamic_ops);
		if (IS_ERR(umem))
			return umem;
		ib_umem_dmabuf_revoke_lock(umem);
		umem->private = import;
		ib_umem_dmabuf_revoke_unlock(umem);
		return umem;
	case DMA_BUF_UMEM_PINNED:
		return ib_umem_dmabuf_get_pinned(dev, arg->offset, arg->length,
						 arg->fd, IB_ACCESS_LOCAL_WRITE);
	case DMA_BUF_UMEM_REVOCABLE:
		umem = ib_umem_dmabuf_get_pinned_revocable_and_lock(dev, arg->offset,
								    arg->length, arg->fd,
								    IB_ACCESS_LOCAL_WRITE);
		if (IS_ERR(umem))
			return umem;
		ib_umem_dmabuf_set_revoke_locked(umem, umem_count, import);
		ib_umem_dmabuf_revoke_unlock(umem);
		return umem;
	default:
		return ERR_PTR(-EINVAL);
	}
}

/* The DMA addresses of pages from *pos on, as many as fit */
static ssize_t umem_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct umem_import *import = file->private_data;
	struct ib_umem_dmabuf *umem = import->umem;
	u64 *addrs, num, n = 0, off;
	struct scatterlist *sg;
	ssize_t ret;
	int i;

	/* ib_umem_num_pages() needs the IOVA, which the driver chooses. */
	num = PFN_UP(umem->umem.address + umem->umem.length) -
	      PFN_DOWN(umem->umem.address);
	addrs = kvmalloc_array(num, sizeof(*addrs), GFP_KERNEL);
	if (!addrs)
		return -ENOMEM;

	ib_umem_dmabuf_revoke_lock(umem);
	if (umem->sgt)
		for_each_sgtable_dma_sg(&umem->umem.sgt_append.sgt, sg, i)
			for (off = 0; off < sg_dma_len(sg) && n < num; off += PAGE_SIZE)
				addrs[n++] = sg_dma_address(sg) + off;
	ib_umem_dmabuf_revoke_unlock(umem);

	ret = simple_read_from_buffer(buf, count, pos, addrs, n * sizeof(*addrs));
	kvfree(addrs);
	return ret;
}

static long umem_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct umem_import *import = file->private_data;
	struct ib_umem_dmabuf *umem = import->umem;
	struct dma_buf_umem_query query;
	int ret;

	switch (cmd) {
	case DMA_BUF_UMEM_MAP:
		ib_umem_dmabuf_revoke_lock(umem);
		ret = ib_umem_dmabuf_map_pages(umem);
		ib_umem_dmabuf_revoke_unlock(umem);
		return ret;
	case DMA_BUF_UMEM_QUERY:
		ib_umem_dmabuf_revoke_lock(umem);
		query.pinned = umem->pinned;
		query.mapped = !!umem->sgt;
		query.revoked = umem->revoked;
		query.notifications = import->notifications;
		ib_umem_dmabuf_revoke_unlock(umem);
		return copy_to_user((void __user *)arg, &query, sizeof(query)) ? -EFAULT : 0;
	default:
		return -ENOTTY;
	}
}

static int umem_release(struct inode *inode, struct file *file)
{
	struct umem_import *import = file->private_data;

	ib_umem_release(&import->umem->umem);
	kfree(import);
	return 0;
}

static const struct file_operations umem_fops = {
	.owner = THIS_MODULE,
	.read = umem_read,
	.unlocked_ioctl = umem_ioctl,
	.release = umem_release,
};

static long umem_import(const struct dma_buf_umem_import *arg)
{
	struct umem_import *import;
	int fd;

	import = kzalloc_obj(*import);
	if (!import)
		return -ENOMEM;

	import->umem = umem_get(arg, import);
	if (IS_ERR(import->umem)) {
		fd = PTR_ERR(import->umem);
		goto err_free;
	}

	fd = FD_ADD(O_CLOEXEC, anon_inode_getfile_fmode("[dma-buf-umem]", &umem_fops,
							import, O_RDWR, FMODE_PREAD));
	if (fd < 0)
		goto err_release;
	return fd;

err_release:
	ib_umem_release(&import->umem->umem);
err_free:
	kfree(import);
	return fd;
}

static long umem_dev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct dma_buf_umem_import import;

	if (cmd != DMA_BUF_UMEM_IMPORT)
		return -ENOTTY;
	if (copy_from_user(&import, (void __user *)arg, sizeof(import)))
		return -EFAULT;
	return umem_import(&import);
}

static const struct file_operations umem_dev_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = umem_dev_ioctl,
};

static struct miscdevice umem_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "dma_buf_umem_importer",
	.fops = &umem_dev_fops,
	.mode = 0600,
};

static int __init umem_init(void)
{
	int ret;

	umem_faux = faux_device_create("dma_buf_umem", NULL, NULL);
	if (!umem_faux)
		return -ENODEV;

	ret = dma_coerce_mask_and_coherent(&umem_faux->dev, DMA_BIT_MASK(64));
	if (ret)
		goto err_faux;

	umem_ib_device.dma_device = &umem_faux->dev;
	ret = misc_register(&umem_misc);
	if (ret)
		goto err_faux;
	return 0;

err_faux:
	faux_device_destroy(umem_faux);
	return ret;
}
module_init(umem_init);

static void __exit umem_exit(void)
{
	misc_deregister(&umem_misc);
	faux_device_destroy(umem_faux);
}
module_exit(umem_exit);

MODULE_DESCRIPTION("Test importer of dma-bufs with the code of RDMA");
MODULE_LICENSE("GPL");
