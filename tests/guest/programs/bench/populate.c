// SPDX-License-Identifier: MIT
/*
 * Rows: map a buffer through the reference importer, with entries of each size,
 * and touch all of it; and the same for other memory of that size. Measured from
 * before mmap() until after the last touch. Each mapping starts without page
 * tables.
 */
#include <stdio.h>

#include "bench.h"

#define REPS	5

#define UNIT	"instructions/mapping"

/* In memory with struct pages, like that of the peers, if there is enough of it */
static void populate_import(uint64_t size, int level, uint32_t around)
{
	uint32_t kind = size <= buffer_room(BUFFER_CONTIG) ? BUFFER_CONTIG : BUFFER_RESERVED;
	struct buffer buffer = buffer_create(kind, kind, size);
	const struct dma_buf_pfn_stats none = {};
	struct samples samples = {};
	struct mapping mapping;
	uint64_t start;
	char of[64];
	int i;

	check(__pfn_importer_set("fault_around_pages", around), "fault_around_pages");
	for (i = 0; i < REPS; i++) {
		mapping_import(&mapping, &buffer, level);
		start = ticks();
		mapping_map(&mapping);
		touch_write(mapping.map, size, level_size(level));
		sample(&samples, ticks() - start);
		mapping_verify(&mapping, &none, around);
		mapping_unmap(&mapping);
		mapping_close(&mapping);
	}
	buffer_destroy(&buffer);
	check(__pfn_importer_set("fault_around_pages", 1), "fault_around_pages");

	snprintf(of, sizeof(of), "populate/import/%s/4KiB", size_name(size));
	row((struct row) { UNIT, size / level_size(level), size, of }, &samples,
	    "populate/%s/%s/%s", around == 1 ? "import" : "import-around",
	    size_name(size), level_name(level));
}

static void populate_peer(struct peer *peer,
			  void (*touch)(char *map, uint64_t size, uint64_t step),
			  const char *how)
{
	struct samples samples = {};
	uint64_t start;
	char of[64];
	char *map;
	int i;

	for (i = 0; i < REPS; i++) {
		start = ticks();
		map = peer_map(peer);
		touch(map, peer->size, peer->entry);
		sample(&samples, ticks() - start);
		munmap(map, peer->size);
	}

	snprintf(of, sizeof(of), "populate/import/%s/4KiB", size_name(peer->size));
	row((struct row) { UNIT, peer->size / peer->entry, peer->size, of }, &samples,
	    "populate/%s/%s/%s", peer->name, size_name(peer->size), how);
}

void populate_rows(void)
{
	static const uint64_t sizes[] = { 64 * MiB, GiB };
	struct peer peer;
	size_t i;
	int j;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (j = 0; j < DMA_BUF_PFN_LEVELS; j++)
			if (level_size(j) <= sizes[i])
				populate_import(sizes[i], j, 1);
		populate_import(sizes[i], DMA_BUF_PFN_LEVEL_PTE, AROUND);
		for (j = 0; j < NUM_PEERS; j++) {
			peer = peer_open(j, sizes[i]);
			populate_peer(&peer, touch_write, "write");
			populate_peer(&peer, touch_read, "read");
			peer_close(&peer);
		}
	}
}
