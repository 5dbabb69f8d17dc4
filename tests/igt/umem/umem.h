/* SPDX-License-Identifier: MIT */
/*
 * Groups of subtests of vgem_pfn_umem, one file each, and what they share: parts of
 * dma-bufs that the importer with the code of RDMA has imported.
 */
#ifndef UMEM_H
#define UMEM_H

#include <stdbool.h>
#include <stdint.h>

#include "../../../drivers/dma-buf/dma-buf-umem-importer_uapi.h"
#include "vgem_pfn.h"

/* The modes by their numbers in the uAPI header */
#define NUM_MODES	3
extern const char * const umem_mode_names[NUM_MODES];

/* Load and open the importer, until the program ends. Skips without it. */
void umem_open(void);
/* Returns a file descriptor or -errno. */
int __umem_import(int dmabuf, uint32_t mode, uint64_t offset, uint64_t length);
/* Map a dynamic umem as for a page fault of the device. Returns 0 or -errno. */
int __umem_map(int umem);
struct dma_buf_umem_query umem_query(int umem);
/*
 * The DMA addresses of the pages of a umem, which are at most @max. Returns their number,
 * 0 if the umem is not mapped.
 */
size_t umem_addresses(int umem, uint64_t *addresses, size_t max);

/* A buffer with a pattern, which may move to each region of its device */
struct umem_bo {
	int fd;
	uint32_t handle;
	int dmabuf;
	size_t size;
	uint64_t seed;
};

#define UMEM_PAGES	64
#define UMEM_SIZE	(UMEM_PAGES * PFN_PAGE_SIZE)

struct umem_bo umem_bo_create(int fd, uint32_t region);
/* Also asserts that no umem is attached or holds a pin, and that the buffer moves. */
void umem_bo_destroy(struct umem_bo *bo);

/* Import a part of the buffer, and map it. */
int umem_import(const struct umem_bo *bo, uint32_t mode, uint64_t offset, uint64_t length);
/* Assert that the umem is mapped, and has the addresses of this part of the buffer. */
void umem_check(int umem, const struct umem_bo *bo, uint64_t offset, uint64_t length);
/* Assert that the umem is not mapped, and has no addresses. */
void umem_assert_unmapped(int umem);

void umem_address_tests(int fd);
void umem_notify_tests(int fd);
void umem_bad_tests(int fd);

#endif /* UMEM_H */
