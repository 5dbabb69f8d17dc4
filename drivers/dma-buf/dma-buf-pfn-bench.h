/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ioctls of the debugfs file dma_buf_pfn_bench, shared by the module and
 * its userspace program. Both come from the same tree: this is not a stable
 * interface.
 */

#ifndef _DMA_BUF_PFN_BENCH_H
#define _DMA_BUF_PFN_BENCH_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * enum dma_buf_pfn_bench_kind - what is measured
 *
 * All kinds but walks make &dma_buf_pfn_bench.calls calls, each with another
 * offset. A walk covers the buffer from its first page to its last, with as
 * many calls as necessary.
 */
enum dma_buf_pfn_bench_kind {
	/** @DMA_BUF_PFN_BENCH_NOTHING: The empty loop of the other kinds. */
	DMA_BUF_PFN_BENCH_NOTHING,
	/**
	 * @DMA_BUF_PFN_BENCH_NOPS: DMA_BUF_PFN_BENCH_NUM_NOPS instructions, to
	 * find out what the counter counts.
	 */
	DMA_BUF_PFN_BENCH_NOPS,
	/** @DMA_BUF_PFN_BENCH_RESV: dma_resv_lock() and dma_resv_unlock() */
	DMA_BUF_PFN_BENCH_RESV,
	/** @DMA_BUF_PFN_BENCH_LOCKED: dma_buf_get_pfn() */
	DMA_BUF_PFN_BENCH_LOCKED,
	/**
	 * @DMA_BUF_PFN_BENCH_LOCKED_PAGES: dma_buf_get_pfn() by an importer
	 * without peer2peer, which only supports memory with struct pages
	 */
	DMA_BUF_PFN_BENCH_LOCKED_PAGES,
	/** @DMA_BUF_PFN_BENCH_UNLOCKED: dma_buf_get_pfn_unlocked() */
	DMA_BUF_PFN_BENCH_UNLOCKED,
	/** @DMA_BUF_PFN_BENCH_RUN: dma_buf_get_pfn_run() */
	DMA_BUF_PFN_BENCH_RUN,
	/**
	 * @DMA_BUF_PFN_BENCH_MAP: dma_buf_map_attachment(), a walk to the page,
	 * and dma_buf_unmap_attachment(), for a device without a bus
	 */
	DMA_BUF_PFN_BENCH_MAP,
	/**
	 * @DMA_BUF_PFN_BENCH_GUP: get_user_pages_fast() and put_page() of the
	 * page at this offset from &dma_buf_pfn_bench.address, where the buffer
	 * only determines the range of offsets
	 */
	DMA_BUF_PFN_BENCH_GUP,
	/**
	 * @DMA_BUF_PFN_BENCH_NOTIFY: one call of dma_buf_invalidate_mappings()
	 * in place of the exporter, which notifies all importers. The buffer
	 * does not move.
	 */
	DMA_BUF_PFN_BENCH_NOTIFY,
	/** @DMA_BUF_PFN_BENCH_WALK_PAGES: dma_buf_get_pfn() of every page */
	DMA_BUF_PFN_BENCH_WALK_PAGES,
	/**
	 * @DMA_BUF_PFN_BENCH_WALK_RUNS: dma_buf_get_pfn_run(), run after run
	 */
	DMA_BUF_PFN_BENCH_WALK_RUNS,
};

#define DMA_BUF_PFN_BENCH_NUM_NOPS	100
#define DMA_BUF_PFN_BENCH_MAX_CALLS	1000000

/**
 * struct dma_buf_pfn_bench - one measurement
 *
 * Errors: -EBADF for an invalid fd, -EINVAL for an fd that is not a dma-buf,
 * for an unknown kind, for @calls or @address out of range, or for a buffer of
 * less than a page; -EFBIG for a buffer of more than 8 TiB; -EINTR for a
 * signal; or what the measured function returned.
 */
struct dma_buf_pfn_bench {
	/** @dma_buf_fd: Input: fd of the buffer. */
	__s32 dma_buf_fd;

	/** @kind: Input: one of &enum dma_buf_pfn_bench_kind. */
	__u32 kind;

	/** @seed: Input: the same seed gives the same offsets. */
	__u64 seed;

	/**
	 * @calls: Input: calls to make, 1 to DMA_BUF_PFN_BENCH_MAX_CALLS, or 0
	 * for a walk. Output: calls made.
	 */
	__u64 calls;

	/**
	 * @ticks: Output: what the CPU's cycle counter has counted, including
	 * the loop. Under QEMU's "-icount shift=0" it counts instructions.
	 */
	__u64 ticks;

	/**
	 * @invalidations: Output: notifications received during the
	 * measurement.
	 */
	__u64 invalidations;

	/**
	 * @address: Input: user address for DMA_BUF_PFN_BENCH_GUP, otherwise
	 * MBZ.
	 */
	__u64 address;
};

/**
 * struct dma_buf_pfn_bench_mock - make a dma-buf without memory
 *
 * Its page frame numbers are fictitious. No two blocks are contiguous, so each
 * block is a run.
 *
 * Returns the fd. Errors: -EINVAL if @size is zero, not a multiple of a block,
 * or more than 2^20 blocks, or if @order is more than 30.
 */
struct dma_buf_pfn_bench_mock {
	/** @size: Input: size in bytes. */
	__u64 size;

	/** @order: Input: each block has 2^order pages. */
	__u32 order;

	/** @pad: MBZ. */
	__u32 pad;
};

#define DMA_BUF_PFN_BENCH	_IOWR('b', 1, struct dma_buf_pfn_bench)
#define DMA_BUF_PFN_BENCH_MOCK	_IOW('b', 2, struct dma_buf_pfn_bench_mock)

#endif /* _DMA_BUF_PFN_BENCH_H */
