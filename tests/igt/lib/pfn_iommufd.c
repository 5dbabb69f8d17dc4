// SPDX-License-Identifier: MIT
/* I/O address spaces, and buffers to map there */
#include <errno.h>
#include <fcntl.h>

#include "igt.h"
#include "pfn_iommufd.h"
#include "vgem_pfn.h"

struct iommufd iommufd_open_ioas(void)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct iommufd iommu = {};

	iommu.fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (iommu.fd < 0 && !system("modprobe -q iommufd"))
		iommu.fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	igt_require_f(iommu.fd >= 0, "no /dev/iommu\n");

	igt_assert_eq(__vgem_pfn_ioctl(iommu.fd, IOMMU_IOAS_ALLOC, &alloc), 0);
	iommu.ioas = alloc.out_ioas_id;
	return iommu;
}

void iommufd_close(struct iommufd *iommu)
{
	igt_assert_eq(close(iommu->fd), 0);
}

int __iommufd_map(struct iommufd *iommu, int dmabuf, uint64_t start,
		  uint64_t length, uint32_t flags, uint64_t *iova)
{
	struct iommu_ioas_map_file map = {
		.size = sizeof(map),
		.flags = flags,
		.ioas_id = iommu->ioas,
		.fd = dmabuf,
		.start = start,
		.length = length,
		.iova = *iova,
	};
	int ret = __vgem_pfn_ioctl(iommu->fd, IOMMU_IOAS_MAP_FILE, &map);

	*iova = map.iova;
	return ret;
}

uint64_t iommufd_map(struct iommufd *iommu, int dmabuf, uint64_t start,
		     uint64_t length)
{
	uint64_t iova = 0;

	igt_assert_eq(__iommufd_map(iommu, dmabuf, start, length, MAP_RW,
				    &iova), 0);
	return iova;
}

int __iommufd_unmap(struct iommufd *iommu, uint64_t iova, uint64_t length)
{
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = iommu->ioas,
		.iova = iova,
		.length = length,
	};

	return __vgem_pfn_ioctl(iommu->fd, IOMMU_IOAS_UNMAP, &unmap);
}

void iommufd_unmap(struct iommufd *iommu, uint64_t iova, uint64_t length)
{
	igt_assert_eq(__iommufd_unmap(iommu, iova, length), 0);
}

uint32_t iommufd_buffer(int fd, uint64_t size, uint32_t region, uint64_t seed)
{
	uint32_t placements[] = { region, iommufd_elsewhere(region) };
	uint32_t handle = __vgem_pfn_bo_create_list(fd, size, placements, 2);

	vgem_pfn_bo_fill(fd, handle, size, seed);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), region);
	return handle;
}

uint32_t iommufd_elsewhere(uint32_t region)
{
	return region == VGEM_PFN_SYSTEM ? VGEM_PFN_TT : VGEM_PFN_SYSTEM;
}

void iommufd_assert_unused(int fd, uint32_t handle)
{
	struct drm_vgem_pfn_bo_query query = vgem_pfn_bo_query(fd, handle);

	igt_assert_eq_u32(query.num_attachments, 0);
	igt_assert_eq_u32(query.pin_count, 0);
}
