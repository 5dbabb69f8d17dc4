/* SPDX-License-Identifier: MIT */
/*
 * Groups of subtests of vgem_pfn_iommufd, one file each, and what they share: an I/O
 * address space with a mock domain, in place of the page table of an IOMMU.
 */
#ifndef IOMMUFD_H
#define IOMMUFD_H

#include <stdbool.h>
#include <stdint.h>

#include "pfn_iommufd.h"
#include "vgem_pfn.h"

/* Skips without IOMMUFD, and without a test interface that can look up an IOVA. */
struct iommufd iommufd_open(void);

/* Physical address of an IOVA and kind of memory; -ENOENT if the IOVA is not mapped */
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
/* Check one word of the pattern per page, at the physical address that @iova maps to. */
void iommufd_check(struct iommufd *iommu, uint64_t iova, uint64_t length,
		   uint64_t seed);

/* A buffer of iommufd_buffer(), its dma-buf, and an address space to map it into */
struct iommufd_bo {
	struct iommufd iommu;
	int fd;
	uint32_t handle;
	int dmabuf;
};

struct iommufd_bo iommufd_bo_create(int fd, uint64_t size, uint32_t region, uint64_t seed);
void iommufd_bo_destroy(struct iommufd_bo *bo);

void iommufd_map_tests(int fd);
void iommufd_pin_tests(int fd);
void iommufd_fence_tests(int fd);
void iommufd_close_tests(int fd);
void iommufd_bad_tests(int fd);
void iommufd_nth_tests(int fd);
/* Unplugs devices, and opens them itself. */
void iommufd_revoke_tests(void);
/* Binds a PCI device to vfio-pci. */
void iommufd_vfio_tests(void);

#endif /* IOMMUFD_H */
