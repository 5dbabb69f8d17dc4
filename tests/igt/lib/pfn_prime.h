/* SPDX-License-Identifier: MIT */
/*
 * The object of most import tests: a buffer that is exported, imported, and mapped
 * through the import.
 */
#ifndef PFN_PRIME_H
#define PFN_PRIME_H

#include <stddef.h>
#include <stdint.h>

#include "pfn_importer.h"
#include "vgem_pfn.h"

struct prime {
	int fd;
	uint32_t handle;
	size_t size;
	int dmabuf;
	int import;
	char *map;	/* writable mapping of the import */
};

/* In the carveout, then TT, filled with the pattern of @seed. No page is faulted in. */
struct prime prime_create(int fd, int importer, size_t size, uint64_t seed);
/* The same, with DMA_BUF_PFN_IMPORT_* flags and PFN_BROKEN_* */
struct prime prime_create_flags(int fd, int importer, size_t size,
				uint64_t seed, uint32_t flags);
void prime_destroy(struct prime *p);
/* Make the import translate every page, by CPU and by device, and check the pattern. */
void prime_touch(struct prime *p, uint64_t seed);
/* Check the pattern by CPU, by device, and at the exporter's pfns. */
void prime_check(struct prime *p, uint64_t seed);

#endif /* PFN_PRIME_H */
