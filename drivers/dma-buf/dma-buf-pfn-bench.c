// SPDX-License-Identifier: GPL-2.0-only
/*
 * A benchmark of page frame numbers, modelled on mm/gup_test.c: an ioctl on a
 * debugfs file attaches to a dma-buf, calls one function many times, and
 * returns the cycles that the CPU's counter has counted. See
 * dma-buf-pfn-bench.h for the ioctls, and dma-buf-pfn-bench-calls.c for the
 * calls.
 *
 * Statistics are left to userspace, which repeats the measurement and subtracts
 * that of the empty loop.
 *
 * No state is kept between ioctls.
 */

#include <linux/debugfs.h>
#include <linux/device/faux.h>
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/math.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "dma-buf-pfn-bench.h"

MODULE_IMPORT_NS("DMA_BUF");

/* Consecutive offsets are in different blocks of this many pages. */
#define PFN_BENCH_BLOCK		512U

/* 8 TiB: the sum of an offset and a block fits in 32 bits. */
#define PFN_BENCH_MAX_PAGES	BIT(31)

/* Only DMA_BUF_PFN_BENCH_MAP attaches with a device. */
static struct faux_device *pfn_bench_device;

static void pfn_bench_invalidate_mappings(struct dma_buf_attachment *attach)
{
	struct pfn_bench *bench = attach->importer_priv;

	dma_resv_assert_held(attach->dmabuf->resv);
	bench->invalidations++;
}

static const struct dma_buf_attach_ops pfn_bench_peer_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = pfn_bench_invalidate_mappings,
};

static const struct dma_buf_attach_ops pfn_bench_pages_ops = {
	.invalidate_mappings = pfn_bench_invalidate_mappings,
};

/*
 * Choose random offsets, each in another block than the previous one, so that a
 * cached result does not help the next lookup. In a buffer of one block, only
 * the page differs.
 */
static int pfn_bench_shuffle(struct pfn_bench *bench, u64 seed)
{
	u32 block = bench->num_pages > PFN_BENCH_BLOCK ? PFN_BENCH_BLOCK : 1;
	u32 last = U32_MAX;
	struct rnd_state rnd;
	unsigned long i;

	bench->offsets = kvmalloc_array(bench->calls, sizeof(*bench->offsets),
					GFP_KERNEL);
	if (!bench->offsets)
		return -ENOMEM;

	prandom_seed_state(&rnd, seed);
	for (i = 0; i < bench->calls; i++) {
		u32 pgoff = reciprocal_scale(prandom_u32_state(&rnd),
					     bench->num_pages);

		if (pgoff / block == last / block) {
			pgoff = round_down(pgoff, block) + block;
			if (pgoff >= bench->num_pages)
				pgoff = 0;
		}
		bench->offsets[i] = pgoff;
		last = pgoff;
	}
	return 0;
}

static bool pfn_bench_is_walk(u32 kind)
{
	return kind == DMA_BUF_PFN_BENCH_WALK_PAGES ||
	       kind == DMA_BUF_PFN_BENCH_WALK_RUNS;
}

static int pfn_bench_check(const struct dma_buf_pfn_bench *args)
{
	bool gup = args->kind == DMA_BUF_PFN_BENCH_GUP;

	if (pfn_bench_is_walk(args->kind) == !!args->calls ||
	    args->calls > DMA_BUF_PFN_BENCH_MAX_CALLS)
		return -EINVAL;
	if (args->kind == DMA_BUF_PFN_BENCH_NOTIFY && args->calls != 1)
		return -EINVAL;
	if (!!args->address != gup)
		return -EINVAL;
	return 0;
}

/* For a notification, attach nothing: only other importers are notified. */
static int pfn_bench_attached(struct pfn_bench *bench, u32 kind)
{
	struct device *dev = kind == DMA_BUF_PFN_BENCH_MAP ? &pfn_bench_device->dev : NULL;
	const struct dma_buf_attach_ops *ops =
		kind == DMA_BUF_PFN_BENCH_LOCKED_PAGES ? &pfn_bench_pages_ops :
							 &pfn_bench_peer_ops;
	int ret;

	if (kind == DMA_BUF_PFN_BENCH_NOTIFY)
		return pfn_bench_measure(bench, kind);

	bench->attach = dma_buf_dynamic_attach(bench->dmabuf, dev, ops, bench);
	if (IS_ERR(bench->attach))
		return PTR_ERR(bench->attach);

	ret = pfn_bench_measure(bench, kind);
	/* After this, bench->invalidations does not change. */
	dma_buf_detach(bench->dmabuf, bench->attach);
	return ret;
}

static int pfn_bench_buffer(struct dma_buf_pfn_bench *args)
{
	struct pfn_bench bench = {
		.calls = args->calls,
		.address = args->address,
	};
	int ret;

	ret = pfn_bench_check(args);
	if (ret)
		return ret;

	bench.dmabuf = dma_buf_get(args->dma_buf_fd);
	if (IS_ERR(bench.dmabuf))
		return PTR_ERR(bench.dmabuf);

	ret = -EFBIG;
	if (bench.dmabuf->size >> PAGE_SHIFT > PFN_BENCH_MAX_PAGES)
		goto err_put;
	ret = -EINVAL;
	if (bench.dmabuf->size < PAGE_SIZE)
		goto err_put;
	bench.num_pages = bench.dmabuf->size >> PAGE_SHIFT;

	ret = pfn_bench_is_walk(args->kind) ? 0 : pfn_bench_shuffle(&bench, args->seed);
	if (ret)
		goto err_put;

	ret = pfn_bench_attached(&bench, args->kind);
	args->calls = bench.calls;
	args->ticks = bench.ticks;
	args->invalidations = bench.invalidations;
	kvfree(bench.offsets);
err_put:
	dma_buf_put(bench.dmabuf);
	return ret;
}

static long pfn_bench_ioctl(struct file *file, unsigned int cmd,
			    unsigned long arg)
{
	void __user *argp = (void __user *)arg;
	struct dma_buf_pfn_bench_mock mock;
	struct dma_buf_pfn_bench bench;
	int ret;

	switch (cmd) {
	case DMA_BUF_PFN_BENCH:
		if (copy_from_user(&bench, argp, sizeof(bench)))
			return -EFAULT;
		ret = pfn_bench_buffer(&bench);
		if (ret)
			return ret;
		return copy_to_user(argp, &bench, sizeof(bench)) ? -EFAULT : 0;
	case DMA_BUF_PFN_BENCH_MOCK:
		if (copy_from_user(&mock, argp, sizeof(mock)))
			return -EFAULT;
		return pfn_bench_mock_export(&mock);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations pfn_bench_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = pfn_bench_ioctl,
};

static struct dentry *pfn_bench_debugfs;

static int __init pfn_bench_init(void)
{
	int ret;

	pfn_bench_device = faux_device_create(KBUILD_MODNAME, NULL, NULL);
	if (!pfn_bench_device)
		return -ENODEV;

	ret = dma_coerce_mask_and_coherent(&pfn_bench_device->dev, DMA_BIT_MASK(64));
	if (ret)
		goto err_device;

	pfn_bench_debugfs = debugfs_create_file(KBUILD_MODNAME, 0600, NULL,
						NULL, &pfn_bench_fops);
	ret = PTR_ERR_OR_ZERO(pfn_bench_debugfs);
	if (ret)
		goto err_device;
	return 0;

err_device:
	faux_device_destroy(pfn_bench_device);
	return ret;
}

static void __exit pfn_bench_exit(void)
{
	debugfs_remove(pfn_bench_debugfs);
	faux_device_destroy(pfn_bench_device);
}

module_init(pfn_bench_init);
module_exit(pfn_bench_exit);

MODULE_DESCRIPTION("Benchmark of dma-buf page frame numbers");
MODULE_LICENSE("GPL");
