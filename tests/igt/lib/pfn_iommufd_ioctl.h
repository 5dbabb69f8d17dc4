/* SPDX-License-Identifier: MIT */
/*
 * The ioctls of IOMMUFD that the tests use, and the ioctl of its test interface, which
 * needs a kernel with CONFIG_IOMMUFD_TEST. From the kernel's linux/iommufd.h, which some
 * distributions do not package, and iommufd_test.h, which none does.
 */
#ifndef PFN_IOMMUFD_IOCTL_H
#define PFN_IOMMUFD_IOCTL_H

#include <stdint.h>
#include <sys/ioctl.h>

#define IOMMUFD_IO(nr)		_IO(';', nr)
#define IOMMU_IOAS_ALLOC	IOMMUFD_IO(0x81)
#define IOMMU_IOAS_UNMAP	IOMMUFD_IO(0x86)
#define IOMMU_IOAS_MAP_FILE	IOMMUFD_IO(0x8f)
#define IOMMU_TEST_CMD		IOMMUFD_IO(0xa0)

#define IOMMU_IOAS_MAP_FIXED_IOVA	(1 << 0)
#define IOMMU_IOAS_MAP_WRITEABLE	(1 << 1)
#define IOMMU_IOAS_MAP_READABLE		(1 << 2)

struct iommu_ioas_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t out_ioas_id;
};

struct iommu_ioas_unmap {
	uint32_t size;
	uint32_t ioas_id;
	uint64_t iova;
	uint64_t length;
};

struct iommu_ioas_map_file {
	uint32_t size;
	uint32_t flags;
	uint32_t ioas_id;
	int32_t fd;
	uint64_t start;
	uint64_t length;
	uint64_t iova;
};

#define IOMMU_TEST_OP_MOCK_DOMAIN	2
#define IOMMU_TEST_OP_MD_LOOKUP		24

#define MOCK_LOOKUP_MMIO	(1 << 0)

/* Page size of mock domains, and their smallest IOVA */
#define MOCK_PAGE_SIZE		2048
#define MOCK_APERTURE_START	(1UL << 24)

struct iommu_test_cmd {
	uint32_t size;
	uint32_t op;
	uint32_t id;
	uint32_t reserved;
	union {
		struct {
			uint32_t out_stdev_id;
			uint32_t out_hwpt_id;
			uint32_t out_idev_id;
		} mock_domain;
		struct {
			uint64_t iova;
			uint64_t out_phys;
			uint32_t out_flags;
			uint32_t reserved2;
		} md_lookup;
		uint64_t all[6];
	};
	uint32_t last;
};

#endif /* PFN_IOMMUFD_IOCTL_H */
