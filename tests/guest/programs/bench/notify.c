// SPDX-License-Identifier: MIT
/*
 * Rows: the cost of a notification, until the last entry is zapped. The module
 * acts as the exporter: it takes the reservation lock and notifies all importers.
 * Each importer has mapped all of the buffer with entries of one size.
 */
#include "bench.h"

#define REPS		5
#define MAX_IMPORTERS	64

static struct mapping mappings[MAX_IMPORTERS];

static uint64_t notify_once(struct buffer *buffer, int num)
{
	struct dma_buf_pfn_bench done;
	int i;

	for (i = 0; i < num; i++)
		mapping_populate(&mappings[i]);
	done = module_measure(buffer->dmabuf, DMA_BUF_PFN_BENCH_NOTIFY, 1);
	for (i = 0; i < num; i++)
		if (mapping_stats(&mappings[i]).cpu_mapped)
			fail("importer %d has entries after a notification", i);
	return done.ticks;
}

static void notify(uint64_t size, int level, int num, double x, const char *of)
{
	struct buffer buffer = buffer_create(BUFFER_RESERVED, BUFFER_RESERVED, size);
	struct samples samples = {};
	int i;

	for (i = 0; i < num; i++) {
		mapping_import(&mappings[i], &buffer, level);
		mapping_map(&mappings[i]);
	}
	for (i = 0; i < REPS; i++)
		sample(&samples, notify_once(&buffer, num));
	for (i = 0; i < num; i++) {
		mapping_unmap(&mappings[i]);
		mapping_close(&mappings[i]);
	}
	buffer_destroy(&buffer);

	row((struct row) { "instructions/notification", 1, x, of }, &samples,
	    "notify/%s/%s/%d", size_name(size), level_name(level), num);
}

/* The notification in a move, as measured by the exporter */
static void notify_by_move(uint64_t size, int level)
{
	struct samples samples = {};
	struct mapping mapping;
	struct buffer buffer;
	int i;

	for (i = 0; i < REPS; i++) {
		buffer = buffer_create(BUFFER_CONTIG, BUFFER_TT, size);
		mapping_import(&mapping, &buffer, level);
		mapping_map(&mapping);
		mapping_populate(&mapping);
		buffer_away(&buffer);
		sample(&samples, buffer_stats(&buffer).max_notify_ns * ticks_per_ns());
		mapping_unmap(&mapping);
		mapping_close(&mapping);
		buffer_destroy(&buffer);
	}

	row((struct row) { "instructions/notification", 1, size, "notify/64MiB/4KiB/1" },
	    &samples, "notify-by-move/%s/%s", size_name(size), level_name(level));
}

void notify_rows(void)
{
	static const uint64_t sizes[] = { 2 * MiB, 16 * MiB, 64 * MiB, 256 * MiB, GiB };
	static const int importers[] = { 1, 2, 4, 8, 16, 32, 64 };
	size_t i;
	int level;

	for (level = 0; level < DMA_BUF_PFN_LEVELS; level++)
		for (i = 0; i < ARRAY_SIZE(sizes); i++)
			if (level_size(level) <= sizes[i])
				notify(sizes[i], level, 1, sizes[i], "notify/64MiB/4KiB/1");
	for (i = 0; i < ARRAY_SIZE(importers); i++)
		notify(4 * MiB, DMA_BUF_PFN_LEVEL_PTE, importers[i], importers[i],
		       "notify/4MiB/4KiB/1");
	/* There is a row of one importer already. */
	for (i = 1; i < ARRAY_SIZE(importers); i++)
		notify(64 * MiB, DMA_BUF_PFN_LEVEL_PMD, importers[i], importers[i],
		       "notify/64MiB/2MiB/1");
	notify_by_move(64 * MiB, DMA_BUF_PFN_LEVEL_PTE);
	notify_by_move(64 * MiB, DMA_BUF_PFN_LEVEL_PMD);
}
