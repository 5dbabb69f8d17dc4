// SPDX-License-Identifier: GPL-2.0-only
/*
 * A benchmark of page frame numbers, modelled on mm/gup_test.c: an ioctl on a
 * debugfs file attaches to a dma-buf, calls one function many times, and
 * returns the cycles that the CPU's counter has counted. See
 * dma-buf-pfn-bench.h for the ioctls.
 *
 * Statistics are left to userspace, which repeats the measurement and subtracts
 * that of the empty loop.
 *
 * The loops run with the reservation lock of the buffer held, or with no lock,
 * see pfn_bench_measure(). No state is kept between ioctls.
 */

#include <linux/align.h>
#include <linux/bits.h>
#include <linux/debugfs.h>
#include <linux/device/faux.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/math.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/scatterlist.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/stringify.h>
#include <linux/timex.h>
#include <linux/uaccess.h>

#include "dma-buf-pfn-bench.h"

MODULE_IMPORT_NS("DMA_BUF");

/* Calls between checks for signals */
#define PFN_BENCH_BATCH		1024

/* Consecutive offsets are in different blocks of this many pages. */
#define PFN_BENCH_BLOCK		512U

/* 8 TiB: the sum of an offset and a block fits in 32 bits. */
#define PFN_BENCH_MAX_PAGES	BIT(31)

/* The page frame numbers start at 64 TiB. */
#define PFN_BENCH_MOCK_BASE		BIT_ULL(34)
#define PFN_BENCH_MOCK_MAX_ORDER	30
#define PFN_BENCH_MOCK_MAX_BLOCKS	BIT(20)

/**
 * struct pfn_bench - one measurement
 * @dmabuf: the buffer
 * @attach: attachment for lookups
 * @num_pages: size of @dmabuf
 * @offsets: page offsets to look up, NULL for a walk
 * @calls: number of @offsets, or of calls made so far in a walk
 * @address: user address for DMA_BUF_PFN_BENCH_GUP
 * @ticks: cycles counted so far
 * @invalidations: notifications received, protected by the reservation lock
 */
struct pfn_bench {
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	u32 num_pages;
	u32 *offsets;
	unsigned long calls;
	u64 address;
	u64 ticks;
	u64 invalidations;
};

/* --- the calls ----------------------------------------------------------- */

/*
 * The loops are inlined for each kind of call, so that only the cost that a
 * caller of the kernel's API has is measured.
 */

static __always_inline int pfn_bench_loop(struct pfn_bench *bench,
					  int (*call)(struct pfn_bench *, u32))
{
	unsigned long done, i;
	int ret = 0;

	for (done = 0; done < bench->calls && !ret; done = i) {
		unsigned long end = min(done + PFN_BENCH_BATCH, bench->calls);
		const u32 *offsets = bench->offsets;
		u64 start;

		if (signal_pending(current))
			return -EINTR;
		cond_resched();

		start = get_cycles();
		for (i = done; i < end; i++) {
			u32 pgoff = offsets[i];

			/* Load the offset even if the call does not use it. */
			asm volatile("" : "+r" (pgoff));
			ret = call(bench, pgoff);
			if (unlikely(ret))
				break;
		}
		bench->ticks += get_cycles() - start;
	}
	return ret;
}

static __always_inline int pfn_bench_walk(struct pfn_bench *bench,
					  long (*step)(struct pfn_bench *, u64))
{
	u64 num_pages = bench->num_pages, pgoff = 0;
	long pages = 0;

	while (pgoff < num_pages && pages >= 0) {
		unsigned int i;
		u64 start;

		if (signal_pending(current))
			return -EINTR;
		cond_resched();

		start = get_cycles();
		for (i = 0; i < PFN_BENCH_BATCH && pgoff < num_pages; i++) {
			pages = step(bench, pgoff);
			if (unlikely(pages < 0))
				break;
			pgoff += pages;
		}
		bench->ticks += get_cycles() - start;
		bench->calls += i;
	}
	return pages < 0 ? pages : 0;
}

static __always_inline int pfn_bench_nothing(struct pfn_bench *bench, u32 pgoff)
{
	return 0;
}

static __always_inline int pfn_bench_nops(struct pfn_bench *bench, u32 pgoff)
{
	asm volatile(".rept " __stringify(DMA_BUF_PFN_BENCH_NUM_NOPS) "\n\t"
		     "nop\n\t"
		     ".endr" : : : "memory");
	return 0;
}

static __always_inline int pfn_bench_resv(struct pfn_bench *bench, u32 pgoff)
{
	struct dma_resv *resv = bench->dmabuf->resv;

	dma_resv_lock(resv, NULL);
	dma_resv_unlock(resv);
	return 0;
}

static __always_inline int pfn_bench_locked(struct pfn_bench *bench, u32 pgoff)
{
	int order;
	u64 pfn;

	return dma_buf_get_pfn(bench->attach, pgoff, &pfn, &order);
}

static __always_inline int pfn_bench_unlocked(struct pfn_bench *bench,
					      u32 pgoff)
{
	int order;
	u64 pfn;

	return dma_buf_get_pfn_unlocked(bench->attach, pgoff, &pfn, &order);
}

static __always_inline int pfn_bench_run(struct pfn_bench *bench, u32 pgoff)
{
	struct dma_buf_pfn_run run;

	return dma_buf_get_pfn_run(bench->attach, pgoff, &run);
}

/* Without get_pfn: map the whole buffer and walk its scatter list. */
static __always_inline int pfn_bench_map(struct pfn_bench *bench, u32 pgoff)
{
	struct scatterlist *sg;
	struct sg_table *sgt;
	dma_addr_t addr = 0;
	u64 skip = (u64)pgoff << PAGE_SHIFT;
	int i;

	sgt = dma_buf_map_attachment(bench->attach, DMA_BIDIRECTIONAL);
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);

	for_each_sgtable_dma_sg(sgt, sg, i) {
		if (skip < sg_dma_len(sg)) {
			addr = sg_dma_address(sg) + skip;
			break;
		}
		skip -= sg_dma_len(sg);
	}
	/* Keep the compiler from removing the walk. */
	asm volatile("" : "+r" (addr));
	dma_buf_unmap_attachment(bench->attach, sgt, DMA_BIDIRECTIONAL);
	return 0;
}

/* Look up a page of process memory, as KVM does without get_pfn. */
static __always_inline int pfn_bench_gup(struct pfn_bench *bench, u32 pgoff)
{
	struct page *page;
	int ret;

	ret = get_user_pages_fast(bench->address + ((u64)pgoff << PAGE_SHIFT), 1,
				  FOLL_WRITE, &page);
	if (ret < 0)
		return ret;
	put_page(page);
	return 0;
}

/* Notify all importers of the buffer. */
static __always_inline int pfn_bench_notify(struct pfn_bench *bench, u32 pgoff)
{
	dma_buf_invalidate_mappings(bench->dmabuf);
	return 0;
}

static __always_inline long pfn_bench_step_page(struct pfn_bench *bench,
						u64 pgoff)
{
	int order;
	u64 pfn;

	return dma_buf_get_pfn(bench->attach, pgoff, &pfn, &order) ?: 1;
}

static __always_inline long pfn_bench_step_run(struct pfn_bench *bench,
					       u64 pgoff)
{
	struct dma_buf_pfn_run run;

	return dma_buf_get_pfn_run(bench->attach, pgoff, &run) ?:
	       run.first + run.nr_pages - pgoff;
}

static int pfn_bench_kind(struct pfn_bench *bench, u32 kind)
{
	switch (kind) {
	case DMA_BUF_PFN_BENCH_NOTHING:
		return pfn_bench_loop(bench, pfn_bench_nothing);
	case DMA_BUF_PFN_BENCH_NOPS:
		return pfn_bench_loop(bench, pfn_bench_nops);
	case DMA_BUF_PFN_BENCH_RESV:
		return pfn_bench_loop(bench, pfn_bench_resv);
	case DMA_BUF_PFN_BENCH_LOCKED:
	case DMA_BUF_PFN_BENCH_LOCKED_PAGES:
		return pfn_bench_loop(bench, pfn_bench_locked);
	case DMA_BUF_PFN_BENCH_UNLOCKED:
		return pfn_bench_loop(bench, pfn_bench_unlocked);
	case DMA_BUF_PFN_BENCH_RUN:
		return pfn_bench_loop(bench, pfn_bench_run);
	case DMA_BUF_PFN_BENCH_MAP:
		return pfn_bench_loop(bench, pfn_bench_map);
	case DMA_BUF_PFN_BENCH_GUP:
		return pfn_bench_loop(bench, pfn_bench_gup);
	case DMA_BUF_PFN_BENCH_NOTIFY:
		return pfn_bench_loop(bench, pfn_bench_notify);
	case DMA_BUF_PFN_BENCH_WALK_PAGES:
		return pfn_bench_walk(bench, pfn_bench_step_page);
	case DMA_BUF_PFN_BENCH_WALK_RUNS:
		return pfn_bench_walk(bench, pfn_bench_step_run);
	default:
		return -EINVAL;
	}
}

/* Run a measurement, with the lock that its calls need */
static int pfn_bench_measure(struct pfn_bench *bench, u32 kind)
{
	struct dma_resv *resv = bench->dmabuf->resv;
	int ret;

	switch (kind) {
	case DMA_BUF_PFN_BENCH_LOCKED:
	case DMA_BUF_PFN_BENCH_LOCKED_PAGES:
	case DMA_BUF_PFN_BENCH_RUN:
	case DMA_BUF_PFN_BENCH_MAP:
	case DMA_BUF_PFN_BENCH_NOTIFY:
	case DMA_BUF_PFN_BENCH_WALK_PAGES:
	case DMA_BUF_PFN_BENCH_WALK_RUNS:
		ret = dma_resv_lock_interruptible(resv, NULL);
		if (ret)
			return ret;
		ret = pfn_bench_kind(bench, kind);
		dma_resv_unlock(resv);
		return ret;
	default:
		return pfn_bench_kind(bench, kind);
	}
}

/* --- buffers without memory ---------------------------------------------- */

/*
 * Buffers with fictitious page frame numbers from a table, for sizes that no
 * test machine has. The memory must not be accessed, so lookups only succeed
 * for attachments with peer2peer.
 */

/**
 * struct pfn_bench_mock - a buffer without memory
 * @order: each block has 2^order pages
 * @pfns: the page frame number of each block's first page
 */
struct pfn_bench_mock {
	unsigned int order;
	u64 pfns[];
};

static int pfn_bench_mock_get_pfn_run(struct dma_buf_attachment *attach,
				      pgoff_t pgoff,
				      struct dma_buf_pfn_run *run)
{
	struct pfn_bench_mock *mock = attach->dmabuf->priv;

	dma_resv_assert_held(attach->dmabuf->resv);

	if (!attach->peer2peer)
		return -EOPNOTSUPP;

	run->first = ALIGN_DOWN(pgoff, BIT(mock->order));
	run->nr_pages = BIT(mock->order);
	run->pfn = mock->pfns[pgoff >> mock->order];
	run->type = DMA_BUF_PFN_MMIO;
	run->caching = DMA_BUF_PFN_UNCACHED;
	return 0;
}

static void pfn_bench_mock_release(struct dma_buf *dmabuf)
{
	kvfree(dmabuf->priv);
}

static const struct dma_buf_ops pfn_bench_mock_ops = {
	.never_moves = true,
	.get_pfn_run = pfn_bench_mock_get_pfn_run,
	.release = pfn_bench_mock_release,
};

/* Returns an fd of the buffer */
static int pfn_bench_mock_export(const struct dma_buf_pfn_bench_mock *args)
{
	DEFINE_DMA_BUF_EXPORT_INFO(exp_info);
	struct pfn_bench_mock *mock;
	struct dma_buf *dmabuf;
	unsigned long i, num;
	int fd;

	if (args->pad || !args->size ||
	    args->order > PFN_BENCH_MOCK_MAX_ORDER ||
	    !IS_ALIGNED(args->size, PAGE_SIZE << args->order))
		return -EINVAL;
	num = args->size >> (PAGE_SHIFT + args->order);
	if (num > PFN_BENCH_MOCK_MAX_BLOCKS)
		return -EINVAL;

	mock = kvmalloc_flex(*mock, pfns, num);
	if (!mock)
		return -ENOMEM;

	mock->order = args->order;
	for (i = 0; i < num; i++)
		mock->pfns[i] = PFN_BENCH_MOCK_BASE + (2 * i << args->order);

	exp_info.ops = &pfn_bench_mock_ops;
	exp_info.size = args->size;
	exp_info.flags = O_RDWR;
	exp_info.priv = mock;
	dmabuf = dma_buf_export(&exp_info);
	if (IS_ERR(dmabuf)) {
		kvfree(mock);
		return PTR_ERR(dmabuf);
	}

	fd = dma_buf_fd(dmabuf, O_CLOEXEC);
	if (fd < 0)
		dma_buf_put(dmabuf);
	return fd;
}

/* --- measurements -------------------------------------------------------- */

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
	.invalidate_unmaps = true,
	.invalidate_mappings = pfn_bench_invalidate_mappings,
};

static const struct dma_buf_attach_ops pfn_bench_pages_ops = {
	.invalidate_unmaps = true,
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

/*
 * Attach to the buffer and measure. DMA_BUF_PFN_BENCH_NOTIFY does not attach,
 * so that it measures the notification of the other importers only.
 */
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

/* --- the module ---------------------------------------------------------- */

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
