// SPDX-License-Identifier: MIT
/*
 * What "make bench" measures: what page frame numbers cost, in ticks of the
 * CPU's cycle counter, beside an uncontended lock and unlock of a reservation
 * object. The host lets that counter count instructions; the row "nops" says
 * whether it did.
 *
 *	bench SEED
 *
 * prints lines of tab separated fields: the word row, a name, a unit, calls made,
 * MIN and MEDIAN.
 *
 * MIN and MEDIAN are of several repetitions and per call, or of a whole walk.
 * From calls the cost of an empty loop over the same offsets is subtracted.
 * Exits 1, saying what is wrong, as soon as anything fails, or the module takes
 * what it must refuse.
 */
#include <stdarg.h>

#include "../../drivers/dma-buf/dma-buf-pfn-bench.h"
#include "../igt/lib/pfn_mem.h"
#include "../igt/lib/pfn_trace.h"
#include "../igt/lib/vgem_pfn_ioctl.h"

#define MiB		(1ULL << 20)
#define GiB		(1ULL << 30)
#define SIZE		(32 * MiB)
#define ORDER_2M	9

#define REPS		15
/* Few enough that most repetitions see no timer interrupt. */
#define CALLS		8192
/* In system memory each answer may cost thousands of instructions. */
#define CALLS_TT	512

static int bench;
static uint64_t seed;

__attribute__((format(printf, 1, 2), noreturn))
static void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "bench: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(1);
}

/* What a function that returns -errno returned, if that is no error */
static int check(int ret, const char *what)
{
	if (ret < 0)
		fail("%s: %s", what, strerror(-ret));
	return ret;
}

static struct dma_buf_pfn_bench measure(int dmabuf, uint32_t kind,
					uint64_t calls)
{
	struct dma_buf_pfn_bench arg = {
		.dma_buf_fd = dmabuf,
		.kind = kind,
		.seed = seed,
		.calls = calls,
	};

	check(__vgem_pfn_ioctl(bench, DMA_BUF_PFN_BENCH, &arg), "measure");
	if (arg.invalidations)
		fail("the buffer moved while it was measured");
	return arg;
}

static int by_ticks(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Ticks of REPS repetitions, sorted; returns the calls made in each. */
static uint64_t repeat(int dmabuf, uint32_t kind, uint64_t calls,
		       uint64_t ticks[REPS])
{
	uint64_t made = calls;
	int i;

	for (i = 0; i < REPS; i++) {
		struct dma_buf_pfn_bench done = measure(dmabuf, kind, calls);

		if (made && done.calls != made)
			fail("%llu calls, then %llu", (unsigned long long)made,
			     (unsigned long long)done.calls);
		made = done.calls;
		ticks[i] = done.ticks;
	}
	qsort(ticks, REPS, sizeof(*ticks), by_ticks);
	return made;
}

static void row(const char *name, const char *unit, uint64_t calls, double min,
		double median)
{
	printf("row\t%s\t%s\t%llu\t%.2f\t%.2f\n", name, unit,
	       (unsigned long long)calls, min, median);
	fflush(stdout);
}

static void call(const char *name, int dmabuf, uint32_t kind, uint64_t calls)
{
	uint64_t ticks[REPS], empty[REPS];

	repeat(dmabuf, DMA_BUF_PFN_BENCH_NOTHING, calls, empty);
	repeat(dmabuf, kind, calls, ticks);
	row(name, "instructions/call", calls,
	    ((double)ticks[0] - empty[0]) / calls,
	    ((double)ticks[REPS / 2] - empty[REPS / 2]) / calls);
}

static void walk(const char *name, int dmabuf, uint32_t kind)
{
	uint64_t ticks[REPS], calls;

	calls = repeat(dmabuf, kind, 0, ticks);
	row(name, "instructions/walk", calls, ticks[0], ticks[REPS / 2]);
}

/* One walk, and how many questions to the exporter the kernel traced */
static void trace(const char *name, int dmabuf, uint32_t kind,
		  const char *event)
{
	long long n;

	check(__pfn_trace_tally(event), event);
	measure(dmabuf, kind, 0);
	n = __pfn_trace_tallied(event);
	check(n < 0 ? n : 0, event);
	row(name, "exporter calls", n, n, n);
	__pfn_trace_end();
}

static int export_bo(int fd, uint64_t size, uint32_t region)
{
	uint32_t handle = 0;

	check(__vgem_pfn_bo_create(fd, &size, &region, 1, &handle), "create");
	return check(__vgem_pfn_handle_to_fd(fd, handle, DRM_RDWR), "export");
}

static int export_mock(uint64_t size, uint32_t order)
{
	struct dma_buf_pfn_bench_mock arg = { .size = size, .order = order };
	int fd = ioctl(bench, DMA_BUF_PFN_BENCH_MOCK, &arg);

	return check(fd < 0 ? -errno : fd, "mock");
}

static void refuse(int dmabuf, uint32_t kind, uint64_t calls, int error)
{
	struct dma_buf_pfn_bench arg = {
		.dma_buf_fd = dmabuf,
		.kind = kind,
		.calls = calls,
	};
	int ret = __vgem_pfn_ioctl(bench, DMA_BUF_PFN_BENCH, &arg);

	if (ret != -error)
		fail("kind %u, %llu calls: %s instead of %s", kind,
		     (unsigned long long)calls, strerror(-ret),
		     strerror(error));
}

static void refuse_mock(uint64_t size, uint32_t order, uint32_t pad)
{
	struct dma_buf_pfn_bench_mock arg = {
		.size = size,
		.order = order,
		.pad = pad,
	};

	if (__vgem_pfn_ioctl(bench, DMA_BUF_PFN_BENCH_MOCK, &arg) != -EINVAL)
		fail("a buffer of %llu bytes in blocks of order %u",
		     (unsigned long long)size, order);
}

/* Input that the module must not take */
static void refusals(int dmabuf)
{
	refuse(-1, DMA_BUF_PFN_BENCH_LOCKED, 1, EBADF);
	refuse(bench, DMA_BUF_PFN_BENCH_LOCKED, 1, EINVAL);
	refuse(dmabuf, DMA_BUF_PFN_BENCH_LOCKED, 0, EINVAL);
	refuse(dmabuf, DMA_BUF_PFN_BENCH_LOCKED,
	       DMA_BUF_PFN_BENCH_MAX_CALLS + 1, EINVAL);
	refuse(dmabuf, DMA_BUF_PFN_BENCH_WALK_RUNS, 1, EINVAL);
	refuse(dmabuf, DMA_BUF_PFN_BENCH_WALK_RUNS + 1, 1, EINVAL);
	refuse_mock(0, ORDER_2M, 0);
	refuse_mock(GiB + PFN_PAGE_SIZE, ORDER_2M, 0);
	refuse_mock(GiB, 64, 0);
	refuse_mock(1024 * GiB, 0, 0);
	refuse_mock(GiB, ORDER_2M, 1);
}

int main(int argc, char **argv)
{
	int fd, vram, tt, mock;

	if (argc != 2)
		fail("usage: bench SEED");
	seed = strtoull(argv[1], NULL, 0);

	bench = open("/sys/kernel/debug/dma_buf_pfn_bench",
		     O_RDWR | O_CLOEXEC);
	if (bench < 0)
		fail("the module's file: %s", strerror(errno));
	fd = check(__drm_open_by_name("vgem_pfn", "renderD"), "vgem_pfn");
	vram = export_bo(fd, SIZE, VGEM_PFN_CARVEOUT);
	tt = export_bo(fd, SIZE, VGEM_PFN_TT);
	mock = export_mock(GiB, ORDER_2M);

	refusals(mock);
	call("nops", vram, DMA_BUF_PFN_BENCH_NOPS, CALLS);
	call("resv_pair", vram, DMA_BUF_PFN_BENCH_RESV, CALLS);
	call("get_pfn", vram, DMA_BUF_PFN_BENCH_LOCKED, CALLS);
	call("get_pfn_unlocked", vram, DMA_BUF_PFN_BENCH_UNLOCKED, CALLS);
	call("get_pfn_run", vram, DMA_BUF_PFN_BENCH_RUN, CALLS);
	call("get_pfn_tt", tt, DMA_BUF_PFN_BENCH_LOCKED, CALLS_TT);
	call("get_pfn_run_tt", tt, DMA_BUF_PFN_BENCH_RUN, CALLS_TT);
	call("get_pfn_mock", mock, DMA_BUF_PFN_BENCH_LOCKED, CALLS);
	call("get_pfn_run_mock", mock, DMA_BUF_PFN_BENCH_RUN, CALLS);

	walk("walk_pages_1gib", mock, DMA_BUF_PFN_BENCH_WALK_PAGES);
	walk("walk_runs_1gib", mock, DMA_BUF_PFN_BENCH_WALK_RUNS);
	trace("trace_pages_1gib", mock, DMA_BUF_PFN_BENCH_WALK_PAGES,
	      "dma_buf_get_pfn");
	trace("trace_runs_1gib", mock, DMA_BUF_PFN_BENCH_WALK_RUNS,
	      "dma_buf_get_pfn_run");
	return 0;
}
