// SPDX-License-Identifier: MIT
/*
 * Rows: evicting a buffer and restoring it. Besides the total there is the time of
 * the driver's copy routine, as measured by the driver, and that of memcpy() for
 * the same pages, which the driver runs right after the copy, in separate
 * repetitions.
 *
 * An asynchronous move ends when its fence has signaled.
 *
 * In rows of time each move is compared with its own memcpy(), because a
 * disturbance of one repetition does not affect the next one.
 */
#include <string.h>

#include <linux/dma-buf.h>

#include "bench.h"

#define REPS	9
#define UNIT	"instructions/move"

static void wait_for_contents(struct buffer *buffer)
{
	struct dma_buf_sync sync = { .flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ };

	check_errno(ioctl(buffer->dmabuf, DMA_BUF_IOCTL_SYNC, &sync), "wait");
}

/* One kind of move: its total cost, and that of the copies in it */
struct move {
	struct samples whole, copy, memcpy;
	struct samples of_memcpy;	/* bandwidth, divided by that of memcpy() */
};

static void timed(struct buffer *buffer, void (*go)(struct buffer *buffer),
		  struct move *move, bool compare)
{
	uint64_t before = buffer_query(buffer).num_moves, num;
	struct vgem_pfn_bo_stats stats;
	uint64_t start_ns = clock_ns(), start = ticks(), whole, whole_ns;

	go(buffer);
	wait_for_contents(buffer);
	whole = ticks() - start;
	whole_ns = clock_ns() - start_ns;

	num = buffer_query(buffer).num_moves - before;
	stats = buffer_stats(buffer);
	if (num != 1 || stats.last_copy_bytes != buffer->size)
		fail("a move of %s was %llu moves, the last one of %llu bytes",
		     size_name(buffer->size),
		     (unsigned long long)num,
		     (unsigned long long)stats.last_copy_bytes);
	if (compare) {
		double same = stats.last_memcpy_ns;

		if (!same)
			return;
		sample(&move->memcpy, same * ticks_per_ns());
		sample(&move->of_memcpy, same / (whole_ns - same));
		return;
	}
	sample(&move->whole, whole);
	sample(&move->copy, stats.last_copy_ns * ticks_per_ns());
}

static void move_row(struct move *move, struct samples *samples, const char *name,
		     uint64_t size, const char *part)
{
	char of[64];

	if (!samples->num)
		return;
	snprintf(of, sizeof(of), "%s/%s", name,
		 move->memcpy.num ? "memcpy" : "copy");
	row((struct row) { UNIT, 1, size, of }, samples, "%s/%s", name, part);
}

/* The longest move has the lowest bandwidth. */
static void bandwidth_row(struct samples *samples, const char *name, uint64_t size,
			  const char *what)
{
	struct samples rates = {};
	int i;

	if (!samples->num)
		return;
	for (i = 0; i < samples->num; i++)
		sample(&rates, (double)size / MiB * 1e9 * ticks_per_ns() / samples->value[i]);
	row((struct row) { "MiB/s", 1, size, NULL }, &rates, "%s/%s", name, what);
}

static void move_put(struct move *move, const char *what, const char *memory,
		     uint64_t size, const char *how)
{
	char name[64];

	snprintf(name, sizeof(name), "%s/%s/%s/%s", what, memory, size_name(size), how);
	move_row(move, &move->whole, name, size, "whole");
	move_row(move, &move->copy, name, size, "copy");
	move_row(move, &move->memcpy, name, size, "memcpy");
	if (!rows_timed())
		return;

	bandwidth_row(&move->whole, name, size, "bandwidth");
	bandwidth_row(&move->memcpy, name, size, "memcpy-bandwidth");
	if (move->of_memcpy.num)
		row((struct row) { "of memcpy()'s bandwidth", 1, size, NULL }, &move->of_memcpy,
		    "%s/of-memcpy", name);
}

static void rounds(struct buffer *buffer, struct move *evict, struct move *restore,
		   bool compare)
{
	int i;

	check(__vgem_pfn_set(buffer->fd, "compare_memcpy", compare), "compare_memcpy");
	for (i = 0; i < REPS; i++) {
		timed(buffer, buffer_evict, evict, compare);
		timed(buffer, buffer_home, restore, compare);
	}
	check(__vgem_pfn_set(buffer->fd, "compare_memcpy", 0), "compare_memcpy");
}

static void moves(uint32_t kind, const char *memory, uint64_t size, bool async)
{
	struct buffer buffer = buffer_create(kind, BUFFER_TT, size);
	struct move evict = {}, restore = {};
	const char *how = async ? "async" : "sync";

	check(__vgem_pfn_set(buffer.fd, "async_moves", async), "async_moves");
	/* The first move allocates memory in the other region, so it is not measured. */
	buffer_evict(&buffer);
	buffer_home(&buffer);
	wait_for_contents(&buffer);

	rounds(&buffer, &evict, &restore, false);
	if (!async)
		rounds(&buffer, &evict, &restore, true);
	check(__vgem_pfn_set(buffer.fd, "async_moves", 0), "async_moves");
	buffer_destroy(&buffer);

	move_put(&evict, "evict", memory, size, how);
	move_put(&restore, "restore", memory, size, how);
}

void move_rows(void)
{
	static const struct {
		uint32_t kind;
		const char *memory;
		uint64_t size;
	} cases[] = {
		{ BUFFER_CONTIG, "contig", 64 * MiB },
		{ BUFFER_CONTIG, "contig", 256 * MiB },
		{ BUFFER_RESERVED, "reserved", 64 * MiB },
		{ BUFFER_RESERVED, "reserved", 256 * MiB },
		{ BUFFER_BAR, "bar", 64 * MiB },
	};
	size_t i;
	int async;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		for (async = 0; async <= 1; async++)
			moves(cases[i].kind, cases[i].memory, cases[i].size, async);
}
