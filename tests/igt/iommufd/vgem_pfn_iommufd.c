// SPDX-License-Identifier: MIT
/*
 * TEST: vgem pfn iommufd
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: dma-buf
 * Description: Buffers of vgem_pfn in I/O address spaces of IOMMUFD, which pins the buffers
 *		that it maps. The domains are mock domains, so no device accesses the memory.
 */
#include "igt.h"
#include "iommufd.h"
#include "vgem_pfn_module.h"

IGT_TEST_DESCRIPTION("Buffers that are pinned by an importer with I/O page tables");

int igt_main()
{
	static int fd = -1;

	igt_fixture() {
		struct iommufd iommu;

		fd = vgem_pfn_open();
		vgem_pfn_reset_on_exit();
		iommu = iommufd_open();
		iommufd_close(&iommu);
	}

	iommufd_map_tests(fd);
	iommufd_pin_tests(fd);
	iommufd_fence_tests(fd);
	iommufd_close_tests(fd);
	iommufd_bad_tests(fd);
	iommufd_nth_tests(fd);

	igt_fixture()
		close(fd);

	iommufd_revoke_tests();
	iommufd_vfio_tests();
}
