/* SPDX-License-Identifier: MIT */
/*
 * Groups of subtests of vgem_pfn_import, one file each, and their common object: a
 * buffer of one device, imported by another.
 */
#ifndef IMPORT_H
#define IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vgem_pfn_module.h"

struct shared {
	int fd;			/* exporting device */
	uint32_t handle;
	size_t size;
	int dmabuf;
	int other;		/* importing device */
	uint32_t import;
};

/*
 * In the carveout, then TT, filled with the pattern of @seed. The import is not mapped.
 */
struct shared shared_create(int fd, int other, size_t size, uint64_t seed);
void shared_destroy(struct shared *s);
/* Map the import, and compare every DMA address with the exporter's pfns. */
void shared_map(struct shared *s);
/* Assert that the import has no DMA address. */
void shared_assert_unmapped(struct shared *s);
/* Check the contents through both handles, and at the import's addresses if mapped. */
void shared_check(struct shared *s, uint64_t seed);

uint32_t import_handle(int fd, int dmabuf);
/* Open a device other than @fd's; skips without one. */
int import_open_other(int fd);
/* Whether imports of @fd's device allow P2P; true in most tests */
void import_set_peer2peer(int fd, bool yes);

/*
 * Open the driver's PCI device, the only one with a BAR, or @fd's device without one.
 */
int import_open_exporter(int fd);
/* Find a carveout with struct pages, or without; skips if there is none. */
uint32_t import_find_carveout(int fd, bool pages);

void import_basic_tests(int fd, int other);
void import_move_tests(int fd, int other);
void import_cpu_tests(int fd, int other);
void import_close_tests(int fd, int other);
void import_reach_tests(int fd, int other);
void import_room_tests(int fd, int other);
void import_large_tests(int fd, int other);
void import_foreign_tests(int fd);

#endif /* IMPORT_H */
