/* SPDX-License-Identifier: MIT */
/*
 * Groups of subtests of vgem_pfn_iommufd, one file each, and what they share: an I/O
 * address space with a mock domain, in place of the page table of an IOMMU.
 */
#ifndef IOMMUFD_H
#define IOMMUFD_H

#include <stdbool.h>
#include <stdint.h>

#include "iommufd_ioctl.h"
#include "vgem_pfn.h"

#define MAP_READ	IOMMU_IOAS_MAP_READABLE
#define MAP_RW		(IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE)

struct iommufd {
	int fd;
	uint32_t ioas;
	uint32_t hwpt;
};

/* Skips without IOMMUFD, its test interface, or lookups in that. */
struct iommufd iommufd_open(void);
void iommufd_close(struct iommufd *iommu);

/* Returns 0 or -errno; @iova is an input with IOMMU_IOAS_MAP_FIXED_IOVA. */
int __iommufd_map(struct iommufd *iommu, int dmabuf, uint64_t start,
		  uint64_t length, uint32_t flags, uint64_t *iova);
/* For reading and writing, where the kernel chooses */
uint64_t iommufd_map(struct iommufd *iommu, int dmabuf, uint64_t start,
		     uint64_t length);
int __iommufd_unmap(struct iommufd *iommu, uint64_t iova, uint64_t length);
void iommufd_unmap(struct iommufd *iommu, uint64_t iova, uint64_t length);

/* Where an IOVA is mapped to; -ENOENT if it is not mapped */
int __iommufd_lookup(struct iommufd *iommu, uint64_t iova, uint64_t *phys,
		     bool *mmio);

/*
 * Assert that the domain maps @iova to the buffer from byte @start on, at the page frame
 * numbers that the buffer has, and with the kind of memory of its region.
 */
void iommufd_assert_truth(struct iommufd *iommu, uint64_t iova, int fd,
			  uint32_t handle, uint64_t start, uint64_t length);
void iommufd_assert_unmapped(struct iommufd *iommu, uint64_t iova,
			     uint64_t length);
/* Check the pattern at the physical addresses that the domain has, one word a page. */
void iommufd_check(struct iommufd *iommu, uint64_t iova, uint64_t length,
		   uint64_t seed);

/* A buffer that can be in @region and in system memory, is in @region, and is filled */
uint32_t iommufd_buffer(int fd, uint64_t size, uint32_t region, uint64_t seed);
/* A region for a buffer to move to from @region */
uint32_t iommufd_elsewhere(uint32_t region);

void iommufd_map_tests(int fd);
void iommufd_pin_tests(int fd);
void iommufd_fence_tests(int fd);
void iommufd_close_tests(int fd);
void iommufd_bad_tests(int fd);
/* Unplugs devices, and opens them itself. */
void iommufd_revoke_tests(void);

#endif /* IOMMUFD_H */
