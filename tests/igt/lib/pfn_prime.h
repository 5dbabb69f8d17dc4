/* SPDX-License-Identifier: MIT */
/*
 * What most tests of importing are about: a buffer, exported, imported, and mapped
 * by way of the import.
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
	char *map;	/* of the import, writable */
};

/* In the carveout, then TT, filled with the pattern of @seed. Nothing mapped. */
struct prime prime_create(int fd, int importer, size_t size, uint64_t seed);
/* The same, imported with DMA_BUF_PFN_IMPORT_* */
struct prime prime_create_flags(int fd, int importer, size_t size,
				uint64_t seed, uint32_t flags);
void prime_destroy(struct prime *p);
/* Have the import translate every page, both ways, and find @seed there. */
void prime_touch(struct prime *p, uint64_t seed);
/* Right wherever one looks: both ways of the import, at the true pfns */
void prime_check(struct prime *p, uint64_t seed);

#endif /* PFN_PRIME_H */
