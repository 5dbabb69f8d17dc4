// SPDX-License-Identifier: MIT
/*
 * Rows: the cost of a lookup, for each kind of memory, by the size of the buffer
 * and by the number of its contiguous ranges; and the cost of other ways to get at
 * a page.
 *
 * The cost of an empty loop over the same offsets is subtracted.
 */
#include <string.h>
#include <sys/mman.h>

#include "../../../igt/lib/pfn_trace.h"
#include "bench.h"

/* Few enough that no timer interrupt occurs in most repetitions */
#define CALLS		8192
/* For calls that may take tens of thousands of instructions each */
#define CALLS_SLOW	64

#define SIZE		(32 * MiB)
#define CALL		"instructions/call"

static void call_row(struct samples *samples, struct samples *empty, uint64_t calls,
		     double x, const char *name)
{
	row_values((struct row) { CALL, calls, x, "resv_pair" },
		   (samples_min(samples) - samples_min(empty)) / calls,
		   (samples_median(samples) - samples_median(empty)) / calls, "%s", name);
}

static void call(const char *name, double x, int dmabuf, uint32_t kind, uint64_t calls)
{
	struct samples samples = {}, empty = {};

	module_repeat(dmabuf, DMA_BUF_PFN_BENCH_NOTHING, calls, &empty);
	module_repeat(dmabuf, kind, calls, &samples);
	call_row(&samples, &empty, calls, x, name);
}

/* All kinds of calls. Without @map the exporter supports lookups only. */
static void calls(int dmabuf, const char *memory, double x, bool map)
{
	static const struct {
		const char *name;
		uint32_t kind;
		uint64_t calls;
	} ways[] = {
		{ "get_pfn", DMA_BUF_PFN_BENCH_LOCKED, CALLS },
		{ "get_pfn_unlocked", DMA_BUF_PFN_BENCH_UNLOCKED, CALLS },
		{ "get_pfn_run", DMA_BUF_PFN_BENCH_RUN, CALLS },
		{ "map", DMA_BUF_PFN_BENCH_MAP, CALLS_SLOW },
	};
	char name[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		if (ways[i].kind == DMA_BUF_PFN_BENCH_MAP && !map)
			continue;
		snprintf(name, sizeof(name), "%s/%s", ways[i].name, memory);
		call(name, x, dmabuf, ways[i].kind, ways[i].calls);
	}
}

/* A buffer in system memory can have several ranges, and a lookup then costs more. */
static struct buffer create_range(uint32_t kind, const char *memory)
{
	struct buffer tries[16];
	unsigned int n = 0, i;

	for (;;) {
		tries[n] = buffer_create(kind, kind, SIZE);
		if (buffer_runs(&tries[n]) == 1)
			break;
		if (++n == ARRAY_SIZE(tries))
			fail("%s: none of %u buffers of %s is one range", memory, n,
			     size_name(SIZE));
	}
	for (i = 0; i < n; i++)
		buffer_destroy(&tries[i]);
	return tries[n];
}

static void by_memory(uint32_t kind, const char *memory)
{
	struct buffer buffer = create_range(kind, memory);
	struct samples none = {};
	char name[64];

	if (kind == BUFFER_CONTIG) {
		call("nops", 0, buffer.dmabuf, DMA_BUF_PFN_BENCH_NOPS, CALLS);
		call("resv_pair", 0, buffer.dmabuf, DMA_BUF_PFN_BENCH_RESV, CALLS);
	}
	snprintf(name, sizeof(name), "%s/%s", memory, size_name(SIZE));
	/* The device of the module, which is no PCI device, cannot reach a BAR. */
	calls(buffer.dmabuf, name, SIZE, kind != BUFFER_BAR);
	if (kind == BUFFER_BAR) {
		if (module_try(buffer.dmabuf, DMA_BUF_PFN_BENCH_LOCKED_PAGES, 1, NULL,
			       &none) != -EOPNOTSUPP)
			fail("an importer without peer-to-peer support looked up a BAR");
	} else {
		snprintf(name, sizeof(name), "get_pfn-pages/%s/%s", memory, size_name(SIZE));
		call(name, SIZE, buffer.dmabuf, DMA_BUF_PFN_BENCH_LOCKED_PAGES, CALLS);
	}
	buffer_destroy(&buffer);
}

/* Contiguous memory. The largest size only if the guest has enough of it. */
static void by_size(void)
{
	static const uint64_t sizes[] = { MiB, 16 * MiB, 256 * MiB, GiB, 8 * GiB };
	struct buffer buffer;
	char name[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		if (sizes[i] > buffer_room(BUFFER_RESERVED))
			continue;
		buffer = buffer_create(BUFFER_RESERVED, BUFFER_RESERVED, sizes[i]);
		if (buffer_runs(&buffer) != 1)
			fail("a buffer of %s is not one range", size_name(sizes[i]));
		snprintf(name, sizeof(name), "range/%s", size_name(sizes[i]));
		calls(buffer.dmabuf, name, sizes[i], true);
		buffer_destroy(&buffer);
	}
}

/* About the same size, in few ranges and in many */
static void by_blocks(void)
{
	static const struct {
		unsigned int blocks;
		uint32_t order;
	} cases[] = { { 10, 12 }, { 1000, 5 } };
	struct buffer buffer;
	char name[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t size = cases[i].blocks * PFN_PAGE_SIZE << cases[i].order;

		buffer = buffer_create_blocks(size, cases[i].order);
		if (buffer_runs(&buffer) != cases[i].blocks)
			fail("%u blocks instead of %u", buffer_runs(&buffer),
			     cases[i].blocks);
		snprintf(name, sizeof(name), "blocks/%u", cases[i].blocks);
		calls(buffer.dmabuf, name, cases[i].blocks, true);
		buffer_destroy(&buffer);
	}
}

/* Memory of a mock exporter, whose get_pfn does next to nothing */
static void by_size_mock(void)
{
	static const uint64_t sizes[] = { MiB, 16 * MiB, 256 * MiB, GiB, 8 * GiB };
	char name[64];
	size_t i;
	int mock;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		mock = module_mock(sizes[i], sizes[i] < 2 * MiB ? 0 : ORDER_2M);
		snprintf(name, sizeof(name), "mock/%s", size_name(sizes[i]));
		calls(mock, name, sizes[i], false);
		close(mock);
	}
}

/* get_user_pages(), as importers of process memory use it. It fails for PFN mappings. */
static void gup(void)
{
	struct samples empty, samples;
	struct peer peer;
	char name[64];
	char *map;
	int i, ret;

	for (i = 0; i < NUM_PEERS; i++) {
		int mock = module_mock(SIZE, ORDER_2M);

		peer = peer_open(i, SIZE);
		map = peer_map(&peer);
		touch_write(map, SIZE, PFN_PAGE_SIZE);
		empty.num = 0;
		samples.num = 0;
		module_repeat(mock, DMA_BUF_PFN_BENCH_NOTHING, CALLS, &empty);
		ret = module_try(mock, DMA_BUF_PFN_BENCH_GUP, CALLS, map, &samples);
		snprintf(name, sizeof(name), "gup/%s/%s", peer.name, size_name(SIZE));
		if (!ret)
			call_row(&samples, &empty, CALLS, SIZE, name);
		else if (ret == -EFAULT)
			printf("note\t%s: %s\n", name, strerror(-ret));
		else
			check(ret, name);
		munmap(map, SIZE);
		peer_close(&peer);
		close(mock);
	}
}

static void walk(const char *name, int dmabuf, uint32_t kind)
{
	struct samples samples = {};
	uint64_t n = module_repeat(dmabuf, kind, 0, &samples);

	row((struct row) { "instructions/walk", n, GiB, "walk/pages/1GiB" }, &samples,
	    "%s", name);
}

/* One walk, and the number of calls of the exporter, counted by a trace event */
static void trace(const char *name, int dmabuf, uint32_t kind, const char *event)
{
	long long n;

	check(__pfn_trace_tally(event), event);
	module_measure(dmabuf, kind, 0);
	n = __pfn_trace_tallied(event);
	check(n < 0 ? n : 0, event);
	row_values((struct row) { "exporter calls", n, GiB, "trace/pages/1GiB" }, n, n,
		   "%s", name);
	__pfn_trace_end();
}

static void walks(void)
{
	int mock = module_mock(GiB, ORDER_2M);

	walk("walk/pages/1GiB", mock, DMA_BUF_PFN_BENCH_WALK_PAGES);
	walk("walk/runs/1GiB", mock, DMA_BUF_PFN_BENCH_WALK_RUNS);
	trace("trace/pages/1GiB", mock, DMA_BUF_PFN_BENCH_WALK_PAGES, "dma_buf_get_pfn");
	trace("trace/runs/1GiB", mock, DMA_BUF_PFN_BENCH_WALK_RUNS, "dma_buf_get_pfn_run");
	close(mock);
}

void lookup_rows(void)
{
	by_memory(BUFFER_CONTIG, "contig");
	by_memory(BUFFER_TT, "tt");
	by_memory(BUFFER_BAR, "bar");
	by_size();
	by_blocks();
	by_size_mock();
	gup();
	walks();
}
