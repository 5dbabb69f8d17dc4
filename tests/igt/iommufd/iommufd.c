// SPDX-License-Identifier: MIT
/* An I/O address space with a mock domain. */
#include <errno.h>

#include "igt.h"
#include "iommufd.h"

struct iommufd iommufd_open(void)
{
	struct iommu_test_cmd test = {
		.size = sizeof(test),
		.op = IOMMU_TEST_OP_MOCK_DOMAIN,
	};
	struct iommufd iommu = iommufd_open_ioas();
	uint64_t phys;
	bool mmio;

	test.id = iommu.ioas;
	igt_require_f(!__vgem_pfn_ioctl(iommu.fd, IOMMU_TEST_CMD, &test),
		      "no mock domains: CONFIG_IOMMUFD_TEST is not set\n");
	iommu.hwpt = test.mock_domain.out_hwpt_id;
	igt_require_f(__iommufd_lookup(&iommu, MOCK_APERTURE_START, &phys,
				       &mmio) == -ENOENT,
		      "no lookups in mock domains\n");
	return iommu;
}

int __iommufd_lookup(struct iommufd *iommu, uint64_t iova, uint64_t *phys,
		     bool *mmio)
{
	struct iommu_test_cmd test = {
		.size = sizeof(test),
		.op = IOMMU_TEST_OP_MD_LOOKUP,
		.id = iommu->hwpt,
		.md_lookup = { .iova = iova },
	};
	int ret = __vgem_pfn_ioctl(iommu->fd, IOMMU_TEST_CMD, &test);

	*phys = test.md_lookup.out_phys;
	*mmio = test.md_lookup.out_flags & MOCK_LOOKUP_MMIO;
	return ret;
}

void iommufd_assert_truth(struct iommufd *iommu, uint64_t iova, int fd,
			  uint32_t handle, uint64_t start, uint64_t length)
{
	struct drm_vgem_pfn_region region =
		vgem_pfn_region(fd, vgem_pfn_bo_region(fd, handle));
	uint64_t first = start / PFN_PAGE_SIZE, last = start + length - 1, at, next, phys;
	uint64_t pages = last / PFN_PAGE_SIZE - first + 1;
	uint64_t *pfns = vgem_pfn_bo_pfn_list(fd, handle, first, pages);
	bool mmio;

	/* Look up the first byte in each page, and the last byte. */
	for (at = start; at <= last; at = next) {
		igt_assert_eq(__iommufd_lookup(iommu, iova + (at - start), &phys,
					       &mmio), 0);
		igt_assert_eq_u64(phys, pfns[at / PFN_PAGE_SIZE - first] *
					PFN_PAGE_SIZE + at % PFN_PAGE_SIZE);
		igt_assert_eq(mmio, region.type == DRM_VGEM_PFN_REGION_TYPE_BAR);

		next = (at / PFN_PAGE_SIZE + 1) * PFN_PAGE_SIZE;
		if (at < last && next > last)
			next = last;
	}
	free(pfns);
}

void iommufd_assert_unmapped(struct iommufd *iommu, uint64_t iova,
			     uint64_t length)
{
	uint64_t at, phys;
	bool mmio;

	for (at = 0; at < length; at += MOCK_PAGE_SIZE)
		igt_assert_eq(__iommufd_lookup(iommu, iova + at, &phys, &mmio),
			      -ENOENT);
}

void iommufd_check(struct iommufd *iommu, uint64_t iova, uint64_t length,
		   uint64_t seed)
{
	uint64_t at, phys, word;
	bool mmio;

	for (at = 0; at < length; at += PFN_PAGE_SIZE) {
		igt_assert_eq(__iommufd_lookup(iommu, iova + at, &phys, &mmio), 0);
		pfn_mem_read(phys / PFN_PAGE_SIZE, phys % PFN_PAGE_SIZE, &word,
			     sizeof(word));
		igt_assert_eq_u64(word, pfn_pattern_word(seed, at / sizeof(word)));
	}
}

struct iommufd_bo iommufd_bo_create(int fd, uint64_t size, uint32_t region, uint64_t seed)
{
	struct iommufd_bo bo = { .iommu = iommufd_open(), .fd = fd };

	bo.handle = iommufd_buffer(fd, size, region, seed);
	bo.dmabuf = vgem_pfn_export(fd, bo.handle);
	return bo;
}

void iommufd_bo_destroy(struct iommufd_bo *bo)
{
	close(bo->dmabuf);
	vgem_pfn_gem_close(bo->fd, bo->handle);
	iommufd_close(&bo->iommu);
}
