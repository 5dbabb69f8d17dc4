// SPDX-License-Identifier: MIT
/*
 * Interface to the kernel module: drivers/dma-buf/dma-buf-pfn-bench.h.
 */
#include <stdio.h>
#include <string.h>

#include "bench.h"

static int module;
static uint64_t module_seed;

static int try(struct dma_buf_pfn_bench *arg)
{
	arg->seed = module_seed;
	return __vgem_pfn_ioctl(module, DMA_BUF_PFN_BENCH, arg);
}

static void refuse(struct dma_buf_pfn_bench arg, int error)
{
	int ret = try(&arg);

	if (ret != -error)
		fail("kind %u, %llu calls: %s instead of %s", arg.kind,
		     (unsigned long long)arg.calls, strerror(-ret), strerror(error));
}

static void refuse_mock(uint64_t size, uint32_t order, uint32_t pad)
{
	struct dma_buf_pfn_bench_mock arg = {
		.size = size,
		.order = order,
		.pad = pad,
	};

	if (__vgem_pfn_ioctl(module, DMA_BUF_PFN_BENCH_MOCK, &arg) != -EINVAL)
		fail("a buffer of %llu bytes in blocks of order %u",
		     (unsigned long long)size, order);
}

#define ARG(fd, what, n) \
	((struct dma_buf_pfn_bench) { .dma_buf_fd = fd, .kind = what, .calls = n })

/* Input that the module must reject */
static void refusals(void)
{
	int dmabuf = module_mock(GiB, ORDER_2M);
	struct dma_buf_pfn_bench arg;

	refuse(ARG(-1, DMA_BUF_PFN_BENCH_LOCKED, 1), EBADF);
	refuse(ARG(module, DMA_BUF_PFN_BENCH_LOCKED, 1), EINVAL);
	refuse(ARG(dmabuf, DMA_BUF_PFN_BENCH_LOCKED, 0), EINVAL);
	refuse(ARG(dmabuf, DMA_BUF_PFN_BENCH_LOCKED, DMA_BUF_PFN_BENCH_MAX_CALLS + 1),
	       EINVAL);
	refuse(ARG(dmabuf, DMA_BUF_PFN_BENCH_WALK_RUNS, 1), EINVAL);
	refuse(ARG(dmabuf, DMA_BUF_PFN_BENCH_WALK_RUNS + 1, 1), EINVAL);
	refuse(ARG(dmabuf, DMA_BUF_PFN_BENCH_NOTIFY, 2), EINVAL);
	refuse(ARG(dmabuf, DMA_BUF_PFN_BENCH_GUP, 1), EINVAL);
	arg = ARG(dmabuf, DMA_BUF_PFN_BENCH_LOCKED, 1);
	arg.address = PFN_PAGE_SIZE;
	refuse(arg, EINVAL);
	arg = ARG(dmabuf, DMA_BUF_PFN_BENCH_GUP, 1);
	arg.address = 1ULL << 63;
	refuse(arg, EFAULT);
	/* A buffer that cannot be mapped for a device */
	refuse(ARG(dmabuf, DMA_BUF_PFN_BENCH_MAP, 1), EOPNOTSUPP);

	refuse_mock(0, ORDER_2M, 0);
	refuse_mock(GiB + PFN_PAGE_SIZE, ORDER_2M, 0);
	refuse_mock(GiB, 64, 0);
	refuse_mock(1024 * GiB, 0, 0);
	refuse_mock(GiB, ORDER_2M, 1);
	close(dmabuf);
}

void module_init(uint64_t seed)
{
	module_seed = seed;
	module = check_errno(open("/sys/kernel/debug/dma_buf_pfn_bench",
				  O_RDWR | O_CLOEXEC), "the module's file");
	refusals();
}

struct dma_buf_pfn_bench module_measure(int dmabuf, uint32_t kind, uint64_t calls)
{
	struct dma_buf_pfn_bench arg = ARG(dmabuf, kind, calls);

	check(try(&arg), "measure");
	if (arg.invalidations)
		fail("the buffer moved while it was measured");
	return arg;
}

uint64_t module_repeat(int dmabuf, uint32_t kind, uint64_t calls,
		       struct samples *samples)
{
	uint64_t made = calls;
	int i;

	for (i = 0; i < MAX_REPS; i++) {
		struct dma_buf_pfn_bench done = module_measure(dmabuf, kind, calls);

		if (made && done.calls != made)
			fail("%llu calls, then %llu", (unsigned long long)made,
			     (unsigned long long)done.calls);
		made = done.calls;
		sample(samples, done.ticks);
	}
	return made;
}

int module_try(int dmabuf, uint32_t kind, uint64_t calls, const void *address,
	       struct samples *samples)
{
	int i, ret;

	for (i = 0; i < MAX_REPS; i++) {
		struct dma_buf_pfn_bench arg = ARG(dmabuf, kind, calls);

		arg.address = (uintptr_t)address;
		ret = try(&arg);
		if (ret)
			return ret;
		sample(samples, arg.ticks);
	}
	return 0;
}

int module_mock(uint64_t size, uint32_t order)
{
	struct dma_buf_pfn_bench_mock arg = { .size = size, .order = order };

	return check_errno(ioctl(module, DMA_BUF_PFN_BENCH_MOCK, &arg), "mock");
}
