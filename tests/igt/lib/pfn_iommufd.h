/* SPDX-License-Identifier: MIT */
/*
 * I/O address spaces of IOMMUFD, mappings of dma-bufs in them, and buffers to map there.
 */
#ifndef PFN_IOMMUFD_H
#define PFN_IOMMUFD_H

#include <stdint.h>

#include "pfn_iommufd_ioctl.h"

#define MAP_READ	IOMMU_IOAS_MAP_READABLE
#define MAP_RW		(IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE)

struct iommufd {
	int fd;
	uint32_t ioas;
	uint32_t hwpt;	/* a mock domain, only for vgem_pfn_iommufd */
};

/* An address space without a domain. Skips without IOMMUFD. */
struct iommufd iommufd_open_ioas(void);
void iommufd_close(struct iommufd *iommu);

/* Returns 0 or -errno; @iova is an input with IOMMU_IOAS_MAP_FIXED_IOVA. */
int __iommufd_map(struct iommufd *iommu, int dmabuf, uint64_t start,
		  uint64_t length, uint32_t flags, uint64_t *iova);
/* For reading and writing; the kernel chooses the IOVA. */
uint64_t iommufd_map(struct iommufd *iommu, int dmabuf, uint64_t start,
		     uint64_t length);
int __iommufd_unmap(struct iommufd *iommu, uint64_t iova, uint64_t length);
void iommufd_unmap(struct iommufd *iommu, uint64_t iova, uint64_t length);

/* The region that a buffer of iommufd_buffer() can move to from @region */
uint32_t iommufd_elsewhere(uint32_t region);
/* Create a buffer in @region, filled with the pattern of @seed. */
uint32_t iommufd_buffer(int fd, uint64_t size, uint32_t region, uint64_t seed);

/* Assert that the buffer is neither attached nor pinned. */
void iommufd_assert_unused(int fd, uint32_t handle);

#endif /* PFN_IOMMUFD_H */
