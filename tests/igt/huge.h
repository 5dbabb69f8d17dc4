/* SPDX-License-Identifier: MIT */
/*
 * The groups of subtests that vgem_pfn_huge is made of, one file each, and what
 * entries the true page frame numbers of a buffer allow.
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

/* Entries of each level */
struct huge_count {
	uint64_t at[DMA_BUF_PFN_LEVELS];
};

/*
 * The entries that a mapping of pages @first to @first + @count - 1 has once all of
 * them were used, if neither its address nor its page table is in the way.
 */
struct huge_count huge_expected(const struct prime *p, uint64_t first,
				uint64_t count);
/* Faults of the import since *@since, which is advanced to now */
struct huge_count huge_faults(int import, struct dma_buf_pfn_stats *since);
void huge_assert_count(struct huge_count got, struct huge_count want);
/* Each page's CPU entry is of the largest order that the truth allows. */
void huge_assert_cpu_orders(const struct prime *p);
/* A new mapping of the whole import, in place of the old one */
void huge_map_again(struct prime *p);

/*
 * A large buffer takes long to fill: a word every @stride bytes, of whole pages, tells
 * where it is. It is checked by CPU, by device, and at the true page frame number.
 */
struct prime huge_create_sparse(int fd, int importer, size_t size,
				const uint32_t *placements, uint32_t num);
void huge_fill_sparse(struct prime *p, uint64_t stride, uint64_t seed);
void huge_check_sparse(struct prime *p, uint64_t stride, uint64_t seed);

void huge_map_tests(int fd, int importer);
void huge_part_tests(int fd, int importer);
void huge_move_tests(int fd, int importer);
void huge_giant_tests(int fd, int importer);

#endif /* HUGE_H */
