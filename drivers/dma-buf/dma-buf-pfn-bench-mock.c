// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers for the benchmark with fictitious page frame numbers from a table,
 * for sizes that no test machine has. The memory must not be accessed, so
 * lookups only succeed for attachments with peer2peer.
 *
 * A table is constant once its buffer is exported.
 */

#include <linux/align.h>
#include <linux/bits.h>
#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-resv.h>
#include <linux/slab.h>

#include "dma-buf-pfn-bench.h"

/* The page frame numbers start at 64 TiB. */
#define PFN_BENCH_MOCK_BASE		BIT_ULL(34)
#define PFN_BENCH_MOCK_MAX_ORDER	30
#define PFN_BENCH_MOCK_MAX_BLOCKS	BIT(20)

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

/**
 * pfn_bench_mock_export() - DMA_BUF_PFN_BENCH_MOCK
 * @args: its argument, in kernel memory
 *
 * Return: an fd of the buffer, or a negative errno.
 */
int pfn_bench_mock_export(const struct dma_buf_pfn_bench_mock *args)
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
