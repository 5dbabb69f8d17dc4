/* SPDX-License-Identifier: MIT */
/*
 * Groups of subtests of vgem_pfn_huge, one file each, and helpers to compute the huge
 * entries that a buffer's pfns allow.
 */
#ifndef HUGE_H
#define HUGE_H

#include "pfn_prime.h"

#define ENTRY_DEV	DMA_BUF_PFN_ENTRY_DEV
#define ENTRY_CPU	DMA_BUF_PFN_ENTRY_CPU

#define PTE		DMA_BUF_PFN_LEVEL_PTE
#define PMD		DMA_BUF_PFN_LEVEL_PMD
#define PUD		DMA_BUF_PFN_LEVEL_PUD

#define HUGE		(2 * MiB)
#define GIANT		(1024 * MiB)
#define PAGES(n)	((n) * PFN_PAGE_SIZE)

/* Number of entries of each level */
struct huge_count {
	uint64_t at[DMA_BUF_PFN_LEVELS];
};

/*
 * The entries that a fully faulted mapping of pages @first to @first + @count - 1 has,
 * if neither its address nor an existing page table prevents huge ones.
 */
struct huge_count huge_expected(const struct prime *p, uint64_t first,
				uint64_t count);
/* Faults of the import since *@since, which is updated */
struct huge_count huge_faults(int import, struct dma_buf_pfn_stats *since);
void huge_assert_count(struct huge_count got, struct huge_count want);
/*
 * Assert that each page's CPU entry has the largest order that the buffer's pfns allow.
 */
void huge_assert_cpu_orders(const struct prime *p);
/* Reserve @size bytes of addresses, aligned to HUGE, to map something there. */
char *huge_reserve(size_t size);
/*
 * Kernels that are not patched: reset the parameter of dma-buf-pfn-compat that allows huge
 * entries to its default until huge_restore(). Skip on kernels without the parameter.
 */
void huge_default(void);
void huge_restore(void);
/* Replace the mapping by a new one of the whole import. */
void huge_map_again(struct prime *p);

/*
 * Large buffers are filled sparsely to save time: with a word every @stride bytes (a
 * multiple of the page size) that encodes its position. The words are checked by CPU,
 * by device, and through /dev/mem.
 */
struct prime huge_create_sparse(int fd, int importer, size_t size,
				const uint32_t *placements, uint32_t num);
void huge_fill_sparse(struct prime *p, uint64_t stride, uint64_t seed);
void huge_check_sparse(struct prime *p, uint64_t stride, uint64_t seed);

void huge_map_tests(int fd, int importer);
void huge_part_tests(int fd, int importer);
void huge_move_tests(int fd, int importer);
void huge_giant_tests(int fd, int importer);
void huge_giant_mm_tests(int fd, int importer);
void huge_fork_tests(int fd, int importer);

#endif /* HUGE_H */
