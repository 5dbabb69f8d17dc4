// SPDX-License-Identifier: MIT
/*
 * Rows: the first touch of an entry after a move has zapped it. The buffer has
 * moved to system memory, or for entries of 1 GiB to another carveout.
 */
#include "bench.h"

/* The maximum number of touches after a move, each of another entry */
#define TOUCHES		512
#define REPS		3

#define UNIT		"instructions/touch"

static double touch_ticks(char *at)
{
	uint64_t start = ticks();

	*(volatile uint32_t *)at;
	return ticks() - start;
}

/* The shortest touch after a move: others allocate a page table or are interrupted. */
static double touches(struct mapping *mapping, int *num)
{
	uint64_t step = level_size(mapping->level), at;
	double least = 0;

	*num = 0;
	for (at = 0; at < mapping->size && *num < TOUCHES; at += step, (*num)++) {
		double n = touch_ticks(mapping->map + at);

		if (!*num || n < least)
			least = n;
	}
	return least;
}

static void refault(uint32_t kind, uint32_t other, uint64_t size, int level)
{
	struct buffer buffer = buffer_create(kind, other, size);
	struct dma_buf_pfn_stats before, after;
	struct samples samples = {};
	struct mapping mapping;
	int i, num = 0;

	mapping_import(&mapping, &buffer, level);
	mapping_map(&mapping);
	for (i = 0; i < REPS; i++) {
		mapping_populate(&mapping);
		buffer_away(&buffer);
		before = mapping_stats(&mapping);
		sample(&samples, touches(&mapping, &num));
		after = mapping_stats(&mapping);
		if (after.faults_at[level] - before.faults_at[level] != (uint64_t)num)
			fail("%d touches did not cause as many faults of %s", num,
			     level_name(level));
		buffer_home(&buffer);
	}
	mapping_unmap(&mapping);
	mapping_close(&mapping);
	buffer_destroy(&buffer);

	row((struct row) { UNIT, num, level_size(level), "refault/4KiB" }, &samples,
	    "refault/%s", level_name(level));
}

/*
 * A touch while an engine copies 64 MiB: it waits until the copy is complete. In
 * time only: on one CPU the touch and the engine take turns, and the number of
 * turns depends on the timer.
 */
void refault_async_rows(void)
{
	struct buffer buffer = buffer_create(BUFFER_CONTIG, BUFFER_TT, 64 * MiB);
	struct samples samples = {};
	struct mapping mapping;
	int i;

	mapping_import(&mapping, &buffer, DMA_BUF_PFN_LEVEL_PMD);
	mapping_map(&mapping);
	for (i = 0; i < REPS; i++) {
		struct drm_vgem_pfn_bo_move move = {
			.handle = buffer.handle,
			.flags = DRM_VGEM_PFN_MOVE_ASYNC,
			.region = buffer.away,
		};

		mapping_populate(&mapping);
		check(__vgem_pfn_ioctl(buffer.fd, DRM_IOCTL_VGEM_PFN_BO_MOVE, &move),
		      "asynchronous move");
		sample(&samples, touch_ticks(mapping.map));
		buffer_home(&buffer);
	}
	mapping_unmap(&mapping);
	mapping_close(&mapping);
	buffer_destroy(&buffer);

	row((struct row) { UNIT, 1, 64 * MiB, NULL }, &samples, "refault-async/64MiB/2MiB");
}

void refault_rows(void)
{
	refault(BUFFER_CONTIG, BUFFER_TT, 64 * MiB, DMA_BUF_PFN_LEVEL_PTE);
	refault(BUFFER_CONTIG, BUFFER_TT, 64 * MiB, DMA_BUF_PFN_LEVEL_PMD);
	refault(BUFFER_RESERVED, BUFFER_RESERVED | BUFFER_BLOCKS, GiB,
		DMA_BUF_PFN_LEVEL_PUD);
}
