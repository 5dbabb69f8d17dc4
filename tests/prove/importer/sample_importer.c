// SPDX-License-Identifier: GPL-2.0-only
/*
 * An out-of-tree importer for the tests of make prove, written only from
 * Documentation/driver-api/dma-buf-pfn.rst. Its device is the CPU, its page table
 * is an xarray, and the page table lock is the xa_lock. The parameter "bug" plants a
 * bug: no-zap, no-check (of the sequence), no-wait (for fences), or leak.
 *
 * Locks, outermost first: &dma_buf.resv, then the page table lock. &sample.lock
 * protects the attachment and is outside of both.
 */

#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-resv.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>

#include <trace/events/dma_buf_pfn.h>

#include "sample_importer.h"

static char bug[16] = "none";
module_param_string(bug, bug, sizeof(bug), 0600);
MODULE_PARM_DESC(bug, "Bug of the importer");

static bool sample_has_bug(const char *name)
{
	return sysfs_streq(bug, name);
}

struct sample {
	struct mutex lock;	/* protects @attach */
	struct dma_buf_attachment *attach;
	struct xarray table;
};

/* Called with the reservation lock held, before the memory moves. */
static void sample_invalidate(struct dma_buf_attachment *attach)
{
	struct sample *sample = attach->importer_priv;

	if (sample && !sample_has_bug("no-zap"))
		xa_destroy(&sample->table);
}

static const struct dma_buf_attach_ops sample_attach_ops = {
	.invalidate_unmaps = true,
	.invalidate_in_reclaim = true,
	.invalidate_mappings = sample_invalidate,
};

static int sample_import(struct sample *sample, int fd)
{
	struct dma_buf_attachment *attach;
	struct dma_buf *dmabuf;

	if (sample->attach)
		return -EBUSY;

	dmabuf = dma_buf_get(fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);

	if (sample_has_bug("leak"))
		dma_buf_dynamic_attach(dmabuf, NULL, &sample_attach_ops, NULL);
	attach = dma_buf_dynamic_attach(dmabuf, NULL, &sample_attach_ops, sample);
	if (IS_ERR(attach)) {
		dma_buf_put(dmabuf);
		return PTR_ERR(attach);
	}
	sample->attach = attach;
	return 0;
}

/* Look up a page without the reservation lock, install it if it has not moved. */
static int sample_map(struct sample *sample, pgoff_t pgoff)
{
	struct dma_buf_attachment *attach = sample->attach;
	unsigned long seq;
	bool stale;
	long ret;
	u64 pfn;

	do {
		if (signal_pending(current))
			return -EINTR;

		seq = dma_buf_pfn_read_begin(attach);
		ret = dma_buf_get_pfn_unlocked(attach, pgoff, &pfn, NULL);
		if (ret)
			return ret;

		ret = sample_has_bug("no-wait") ? 1 :
		      dma_resv_wait_timeout(attach->dmabuf->resv,
					    DMA_RESV_USAGE_KERNEL, true,
					    MAX_SCHEDULE_TIMEOUT);
		if (ret < 0)
			return ret;

		ret = xa_reserve(&sample->table, pgoff, GFP_KERNEL);
		if (ret)
			return ret;

		xa_lock(&sample->table);
		stale = dma_buf_pfn_read_retry(attach, seq) && !sample_has_bug("no-check");
		if (!stale)
			ret = xa_err(__xa_store(&sample->table, pgoff,
						xa_mk_value(pfn), GFP_NOWAIT));
		xa_unlock(&sample->table);
	} while (stale);

	return ret;
}

/* Copy within one page, to or from @bytes. Returns false if it is not mapped. */
static bool sample_copy(struct sample *sample, u64 offset, void *bytes, size_t n,
			bool write)
{
	void *entry, *vaddr;

	xa_lock(&sample->table);
	entry = xa_load(&sample->table, offset >> PAGE_SHIFT);
	if (entry) {
		vaddr = page_address(pfn_to_page(xa_to_value(entry))) +
			offset_in_page(offset);
		memcpy(write ? vaddr : bytes, write ? bytes : vaddr, n);
	}
	xa_unlock(&sample->table);
	return entry;
}

/* Accesses at most the rest of one page. */
static ssize_t sample_access(struct sample *sample, char __user *user, size_t n,
			     loff_t *pos, bool write)
{
	struct dma_buf *dmabuf;
	u8 bytes[64];
	int ret;

	guard(mutex)(&sample->lock);
	if (!sample->attach)
		return -ENOTCONN;
	dmabuf = sample->attach->dmabuf;
	if (write && !dma_buf_pfn_writable(dmabuf))
		return -EACCES;
	if (*pos < 0 || *pos >= dmabuf->size)
		return 0;

	n = min3(n, sizeof(bytes), PAGE_SIZE - offset_in_page(*pos));
	if (write && copy_from_user(bytes, user, n))
		return -EFAULT;
	while (!sample_copy(sample, *pos, bytes, n, write)) {
		ret = sample_map(sample, *pos >> PAGE_SHIFT);
		if (ret)
			return ret;
	}
	if (!write && copy_to_user(user, bytes, n))
		return -EFAULT;
	*pos += n;
	return n;
}

static ssize_t sample_read(struct file *file, char __user *user, size_t n,
			   loff_t *pos)
{
	return sample_access(file->private_data, user, n, pos, false);
}

static ssize_t sample_write(struct file *file, const char __user *user, size_t n,
			    loff_t *pos)
{
	return sample_access(file->private_data, (char __user *)user, n, pos, true);
}

/* The reservation lock prevents a notification, which would empty the table. */
static int sample_snapshot(struct sample *sample)
{
	struct dma_buf *dmabuf;
	unsigned long pgoff;
	void *entry;
	int ret;

	if (!sample->attach)
		return -ENOTCONN;

	dmabuf = sample->attach->dmabuf;
	ret = dma_resv_lock_interruptible(dmabuf->resv, NULL);
	if (ret)
		return ret;

	xa_for_each(&sample->table, pgoff, entry)
		trace_dma_buf_pfn_entry(sample->attach, "sample", pgoff,
					xa_to_value(entry), 1,
					dma_buf_pfn_writable(dmabuf));
	dma_resv_unlock(dmabuf->resv);
	return 0;
}

static long sample_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct sample *sample = file->private_data;
	s32 fd;

	guard(mutex)(&sample->lock);
	switch (cmd) {
	case SAMPLE_IMPORT:
		if (get_user(fd, (s32 __user *)arg))
			return -EFAULT;
		return sample_import(sample, fd);
	case SAMPLE_SNAPSHOT:
		return sample_snapshot(sample);
	default:
		return -ENOTTY;
	}
}

static int sample_open(struct inode *inode, struct file *file)
{
	struct sample *sample = kzalloc_obj(*sample);

	if (!sample)
		return -ENOMEM;

	mutex_init(&sample->lock);
	xa_init(&sample->table);
	file->private_data = sample;
	return 0;
}

static int sample_release(struct inode *inode, struct file *file)
{
	struct sample *sample = file->private_data;
	struct dma_buf *dmabuf;

	if (sample->attach) {
		dmabuf = sample->attach->dmabuf;
		dma_buf_detach(dmabuf, sample->attach);
		dma_buf_put(dmabuf);
	}
	xa_destroy(&sample->table);
	kfree(sample);
	return 0;
}

static const struct file_operations sample_fops = {
	.owner = THIS_MODULE,
	.open = sample_open,
	.release = sample_release,
	.read = sample_read,
	.write = sample_write,
	.unlocked_ioctl = sample_ioctl,
	.llseek = default_llseek,
};

static struct miscdevice sample_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "sample_importer",
	.fops = &sample_fops,
};
module_misc_device(sample_misc);

MODULE_IMPORT_NS("DMA_BUF");
MODULE_DESCRIPTION("Sample importer of page frame numbers");
MODULE_LICENSE("GPL");
