// SPDX-License-Identifier: GPL-2.0-only
/*
 * The measured calls of the benchmark, and the loops around them. See
 * dma-buf-pfn-bench.c.
 *
 * The loops run with the reservation lock of the buffer held, or with no lock,
 * see pfn_bench_measure().
 */

#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-resv.h>
#include <linux/math.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/scatterlist.h>
#include <linux/stringify.h>
#include <linux/timex.h>

#include "dma-buf-pfn-bench.h"

/* Calls between checks for signals */
#define PFN_BENCH_BATCH		1024

/*
 * The loops. They are inlined for each kind of call, so that only the cost that
 * a caller of the kernel's API has is measured.
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

/**
 * pfn_bench_measure() - run a measurement and store the results in @bench
 * @bench: the measurement, attached if its kind needs that
 * @kind: one of &enum dma_buf_pfn_bench_kind
 *
 * Return: 0, -EINVAL for an unknown kind, -EINTR, or the error of a call.
 */
int pfn_bench_measure(struct pfn_bench *bench, u32 kind)
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
