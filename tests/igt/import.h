/* SPDX-License-Identifier: MIT */
/*
 * The groups of subtests that vgem_pfn_import is made of, one file each, and
 * what they are all about: a buffer of one device, imported by another.
 */
#ifndef IMPORT_H
#define IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vgem_pfn_module.h"

struct shared {
	int fd;			/* device that exports */
	uint32_t handle;
	size_t size;
	int dmabuf;
	int other;		/* device that imports */
	uint32_t import;
};

/* In the carveout, then TT, filled with the pattern of @seed. Not yet mapped. */
struct shared shared_create(int fd, int other, size_t size, uint64_t seed);
void shared_destroy(struct shared *s);
/* Map the import, and compare every DMA address with the exporter's truth. */
void shared_map(struct shared *s);
/* The import has no DMA address. */
void shared_assert_unmapped(struct shared *s);
/* Right wherever one looks, by both handles, with the import mapped or not. */
void shared_check(struct shared *s, uint64_t seed);

uint32_t import_handle(int fd, int dmabuf);
/* A device other than @fd's; skips without one. */
int import_open_other(int fd);
/* Whether what @fd's device imports may stay in any memory: true in most tests */
void import_set_peer2peer(int fd, bool yes);

/* The driver's PCI device if it has one, since a BAR is of that; or else @fd's. */
int import_open_exporter(int fd);
/* A carveout with struct pages, or without; skips if there is none. */
uint32_t import_find_carveout(int fd, bool pages);

void import_basic_tests(int fd, int other);
void import_move_tests(int fd, int other);
void import_cpu_tests(int fd, int other);
void import_close_tests(int fd, int other);
void import_reach_tests(int fd, int other);
void import_room_tests(int fd);
void import_foreign_tests(int fd);

#endif /* IMPORT_H */
