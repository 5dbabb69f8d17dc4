/* SPDX-License-Identifier: MIT */
/*
 * The pfn importer for IGT tests: wrappers that assert, and comparisons of what
 * it believes with what is true.
 */
#ifndef PFN_IMPORTER_H
#define PFN_IMPORTER_H

#include "pfn_importer_ioctl.h"

/* Skips without the importer. */
int pfn_importer_open(void);

/* A dynamic import that takes whatever memory the buffer is in */
int pfn_import(int importer, int dmabuf);
/* @flags: DMA_BUF_PFN_IMPORT_* */
int pfn_import_flags(int importer, int dmabuf, uint32_t flags);
void *pfn_import_mmap(int import, size_t size, int prot);
struct dma_buf_pfn_stats pfn_import_stats(int import);
struct dma_buf_pfn_entry pfn_import_entry(int import, uint64_t page);

void pfn_import_read(int import, uint64_t offset, void *data, uint64_t length);
void pfn_import_write(int import, uint64_t offset, const void *data,
		      uint64_t length);

/* Fill or check the whole buffer through the device path. */
void pfn_import_dev_fill(int import, size_t size, uint64_t seed);
void pfn_import_dev_check(int import, size_t size, uint64_t seed);

/*
 * Each page of the snapshot has exactly the translations @which, a mask of
 * DMA_BUF_PFN_ENTRY_DEV and _CPU, and those are the pfns that @fd's driver says
 * are @handle's.
 */
void pfn_import_assert_truth(int import, int fd, uint32_t handle, size_t size,
			     uint32_t which);

void pfn_importer_set_install_delay(uint32_t us);

#endif /* PFN_IMPORTER_H */
