/* SPDX-License-Identifier: MIT */
/*
 * Groups of subtests of vgem_pfn_dma, one file each, and what they share: a device of QEMU
 * whose DMA goes through an IOMMU, buffers whose contents are known byte for byte, and the
 * faults that the IOMMU reports.
 */
#ifndef DMA_H
#define DMA_H

#include <stdbool.h>
#include <stdint.h>

#include "pfn_iommufd.h"
#include "pfn_vfio.h"
#include "vgem_pfn.h"

#define GiB		(1024 * MiB)
/* IOVA of buffers: far from all guest physical addresses */
#define DMA_IOVA	(64 * GiB)
#define DMA_IOVA2	(65 * GiB)

/*
 * QEMU's edu: it copies up to 4 KiB between memory and a buffer of its own, 100 ms of
 * virtual time after it was programmed. It ignores errors.
 */
#define EDU_PCI		0x1234, 0x11e8
#define EDU_ID		0x010000ed
#define EDU_REG_ID	0x00
#define EDU_REG_INVERT	0x04	/* returns the complement of what was written */
#define EDU_BAR_SIZE	(1 * MiB)
#define EDU_MAX_LENGTH	4096

/* QEMU's igb */
#define IGB_PCI		0x8086, 0x10c9

/* The device and its address space. Both stay open between subtests. */
struct dma {
	struct iommufd iommu;
	struct pfn_vfio edu;
	volatile char *regs;
	/* What dma_close() prints */
	uint64_t transfers;
	uint64_t bytes;
	uint64_t faults;
};

extern struct dma dma;

/* Skips without the device and an IOMMU. */
void dma_open(void);
void dma_close(void);
/* Program a transfer between memory and the device's buffer, and return. */
void edu_start(uint64_t iova, size_t length, bool to_memory);
/* Whether the transfer that was programmed has not ended yet */
bool edu_busy(void);
void edu_wait(void);
/* A transfer from begin to end */
void edu_read(uint64_t iova, size_t length);
void edu_write(uint64_t iova, size_t length);

/*
 * A buffer between two guards, which are buffers in the same region that must not change.
 * @want has the expected contents of the buffer.
 */
struct dma_bo {
	int fd;
	uint32_t handle;
	int dmabuf;
	size_t size;
	uint64_t iova;
	uint8_t *want;
	uint32_t guards[2];
};

struct dma_bo dma_bo_create(int fd, uint32_t region, size_t size, uint64_t seed);
/* Also asserts that all contents are as expected. */
void dma_bo_destroy(struct dma_bo *bo);
/* Map at this IOVA, with IOMMU_IOAS_MAP_* flags */
void dma_bo_map(struct dma_bo *bo, uint64_t iova, uint32_t flags);
void dma_bo_unmap(struct dma_bo *bo);
/*
 * Compare the buffer and its guards with the expected contents: through mappings, and at
 * their page frame numbers.
 */
void dma_bo_check(const struct dma_bo *bo);
/* Let the device copy bytes between mapped buffers, at most EDU_MAX_LENGTH. */
void dma_copy(struct dma_bo *to, uint64_t to_offset, const struct dma_bo *from,
	      uint64_t from_offset, size_t length);

/* Memory at given page frame numbers, and its contents at one time */
struct dma_memory {
	uint64_t num;
	uint64_t *pfns;
	uint8_t *contents;
};

/* Save the placement and contents of a buffer. */
struct dma_memory dma_memory_of(const struct dma_bo *bo);
/* Assert that the memory has the same contents still. */
void dma_memory_check(const struct dma_memory *memory);
void dma_memory_free(struct dma_memory *memory);

/*
 * Faults that the IOMMU reports. Each raises an interrupt, which is counted. The kernel
 * logs at most three in five seconds. The logged faults are compared with the expected ones.
 */
struct dma_faults {
	int log;
	unsigned long seen;
	unsigned int logged;
};

/* Call before the first fault. */
struct dma_faults dma_faults_begin(void);
/* Wait for one fault, of an access to the page of @iova by edu. */
void dma_faults_assert(struct dma_faults *faults, uint64_t iova, bool write);
/* The same with one fault or more */
void dma_faults_some(struct dma_faults *faults, uint64_t iova, bool write);
/* Assert that there was no other fault. */
void dma_faults_end(struct dma_faults *faults);

void dma_copy_tests(int fd);
void dma_move_tests(int fd);
/* Unplugs devices, and opens them itself. */
void dma_revoke_tests(void);
/* dma-bufs of vfio-pci */
void dma_bar_tests(void);

#endif /* DMA_H */
