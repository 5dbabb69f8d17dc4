// SPDX-License-Identifier: GPL-2.0-only
/*
 * A benchmark of page frame numbers, after mm/gup_test.c: an ioctl on a file in
 * debugfs attaches to a dma-buf, calls one function many times, and says what the
 * CPU's cycle counter counted meanwhile. See dma-buf-pfn-bench.h.
 *
 * It knows nothing of averages: a caller repeats the measurement and subtracts
 * that of the empty loop.
 *
 * There is no state between ioctls. What is locked while something is measured is
 * the buffer's reservation object, or nothing.
 */

#include <linux/debugfs.h>
#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-resv.h>
#include <linux/math.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/timex.h>
#include <linux/uaccess.h>

#include "dma-buf-pfn-bench.h"

MODULE_IMPORT_NS("DMA_BUF");

/* Calls between looks at signals. */
#define PFN_BENCH_BATCH		1024

/* No offset is in the same block of this many pages as the one before. */
#define PFN_BENCH_BLOCK		512U

/* 8 TiB: the sum of an offset and a block fits in 32 bits. */
#define PFN_BENCH_MAX_PAGES	BIT(31)

/**
 * struct pfn_bench - one measurement
 * @dmabuf: the buffer
 * @attach: what asks
 * @num_pages: size of @dmabuf
 * @offsets: to ask for, NULL for a walk
 * @calls: how many of them; made so far in a walk
 * @ticks: counted so far
 * @invalidations: received, protected by the reservation lock
 */
struct pfn_bench {
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	u32 num_pages;
	u32 *offsets;
	unsigned long calls;
	u64 ticks;
	u64 invalidations;
};

static void pfn_bench_invalidate_mappings(struct dma_buf_attachment *attach)
{
	struct pfn_bench *bench = attach->importer_priv;

	dma_resv_assert_held(attach->dmabuf->resv);
	bench->invalidations++;
}

static const struct dma_buf_attach_ops pfn_bench_attach_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = pfn_bench_invalidate_mappings,
};

/*
 * Offsets from all over the buffer, so that no answer is of use for the next
 * question. In a buffer of one block that is merely another page.
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

/*
 * The loops. What they call is inlined and differs for each kind, so that no
 * more is measured than what a caller of the kernel's API would pay.
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

			/* Read by every kind, used or not. */
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

	return dma_buf_get_pfn_run(bench->attach, pgoff, &run) ?: run.nr_pages;
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
		return pfn_bench_loop(bench, pfn_bench_locked);
	case DMA_BUF_PFN_BENCH_UNLOCKED:
		return pfn_bench_loop(bench, pfn_bench_unlocked);
	case DMA_BUF_PFN_BENCH_RUN:
		return pfn_bench_loop(bench, pfn_bench_run);
	case DMA_BUF_PFN_BENCH_WALK_PAGES:
		return pfn_bench_walk(bench, pfn_bench_step_page);
	case DMA_BUF_PFN_BENCH_WALK_RUNS:
		return pfn_bench_walk(bench, pfn_bench_step_run);
	default:
		return -EINVAL;
	}
}

static int pfn_bench_measure(struct pfn_bench *bench, u32 kind)
{
	struct dma_resv *resv = bench->dmabuf->resv;
	int ret;

	switch (kind) {
	case DMA_BUF_PFN_BENCH_LOCKED:
	case DMA_BUF_PFN_BENCH_RUN:
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

static int pfn_bench_buffer(struct dma_buf_pfn_bench *args)
{
	bool walk = args->kind == DMA_BUF_PFN_BENCH_WALK_PAGES ||
		    args->kind == DMA_BUF_PFN_BENCH_WALK_RUNS;
	struct pfn_bench bench = { .calls = args->calls };
	int ret;

	if (walk == !!args->calls || args->calls > DMA_BUF_PFN_BENCH_MAX_CALLS)
		return -EINVAL;

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

	ret = walk ? 0 : pfn_bench_shuffle(&bench, args->seed);
	if (ret)
		goto err_put;

	bench.attach = dma_buf_dynamic_attach(bench.dmabuf, NULL,
					      &pfn_bench_attach_ops, &bench);
	ret = PTR_ERR_OR_ZERO(bench.attach);
	if (ret)
		goto err_offsets;

	ret = pfn_bench_measure(&bench, args->kind);
	/* From here on no notification comes. */
	dma_buf_detach(bench.dmabuf, bench.attach);

	args->calls = bench.calls;
	args->ticks = bench.ticks;
	args->invalidations = bench.invalidations;
err_offsets:
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
	pfn_bench_debugfs = debugfs_create_file(KBUILD_MODNAME, 0600, NULL,
						NULL, &pfn_bench_fops);
	return PTR_ERR_OR_ZERO(pfn_bench_debugfs);
}

static void __exit pfn_bench_exit(void)
{
	debugfs_remove(pfn_bench_debugfs);
}

module_init(pfn_bench_init);
module_exit(pfn_bench_exit);

MODULE_DESCRIPTION("Benchmark of dma-buf page frame numbers");
MODULE_LICENSE("GPL");
