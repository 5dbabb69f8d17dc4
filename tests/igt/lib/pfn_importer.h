/* SPDX-License-Identifier: MIT */
/*
 * The pfn importer for IGT tests: asserting wrappers, and comparisons of its
 * translations with the exporter's pfns.
 */
#ifndef PFN_IMPORTER_H
#define PFN_IMPORTER_H

#include <stdbool.h>

#include "pfn_importer_ioctl.h"

/* Skips without the importer. */
int pfn_importer_open(void);

/* Import with P2P, which takes any memory. */
int pfn_import(int importer, int dmabuf);
/* @flags: DMA_BUF_PFN_IMPORT_* and PFN_BROKEN_* */
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

/* Orders of page table entries */
#define PFN_ORDER_2M	9
#define PFN_ORDER_1G	18

/*
 * Return the order of the largest possible entry of each page, computed from the
 * exporter's pfns. To be freed.
 */
uint8_t *pfn_true_orders(const uint64_t *pfns, uint64_t pages);

/*
 * Assert that each page of the snapshot has exactly the translations @which, a mask of
 * DMA_BUF_PFN_ENTRY_DEV and _CPU; that they are the pfns of @fd's @handle, looked up
 * after the last notification, and not while the contents are pending; that device
 * entries have the largest possible order, and CPU entries no larger one.
 */
void pfn_import_assert_truth(int import, int fd, uint32_t handle, size_t size,
			     uint32_t which);

void pfn_importer_set_install_delay(uint32_t us);
/* Set a knob in the importer's debugfs directory. */
void pfn_importer_set_knob(const char *name, uint32_t value);

/*
 * Submit a job on the whole buffer with the pattern of @seed. Returns the job's number.
 * @flags: DMA_BUF_PFN_SUBMIT_EXPLICIT
 */
uint32_t pfn_job_fill(int import, unsigned int engine, size_t size,
		      uint64_t seed, uint32_t flags);
uint32_t pfn_job_verify(int import, unsigned int engine, size_t size,
			uint64_t seed, uint32_t flags);
/* Arguments of a job on the whole buffer, for the caller to modify and submit */
struct dma_buf_pfn_submit pfn_job_arg(uint32_t op, size_t size, uint64_t seed);
/* Asserts success. */
void pfn_job_submit(int import, struct dma_buf_pfn_submit *arg);
struct dma_buf_pfn_result pfn_job_result(int import, uint32_t job);
/* Return the result of a verify job and assert that it found no wrong word. */
struct dma_buf_pfn_result pfn_job_assert_right(int import, uint32_t job);
/* Whether a job is done. If so, its result has been consumed. */
bool pfn_job_done(int import, uint32_t job);

#endif /* PFN_IMPORTER_H */
