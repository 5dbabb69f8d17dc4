// SPDX-License-Identifier: MIT
/**
 * TEST: vgem pfn iommufd
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: dma-buf
 * Description: Buffers of vgem_pfn in I/O address spaces of IOMMUFD, which pins the buffers
 *		that it maps. The domains are mock domains, so no device accesses the memory.
 *
 * SUBTEST: map
 * Description: A buffer in each kind of memory is mapped page by page.
 *
 * SUBTEST: map-scattered
 * Description: Buffers with as many ranges as pages, and with ranges of 2 and of 8
 *		pages, are mapped page by page.
 *
 * SUBTEST: map-long
 * Description: Buffers that take half of each carveout, contiguous and scattered, are
 *		mapped page by page.
 *
 * SUBTEST: map-part
 * Description: Parts of a scattered buffer are mapped from any page, and from the
 *		middle of a page, since the pages of the domain are smaller.
 *
 * SUBTEST: map-many
 * Description: Each mapping of a buffer pins it, also in other address spaces.
 *
 * SUBTEST: pinned-move
 * Description: A mapped buffer cannot be moved, in each kind of memory, and moves again
 *		once it is unmapped.
 *
 * SUBTEST: pinned-evict
 * Description: A mapped buffer is not chosen for eviction when its carveout is full.
 *
 * SUBTEST: pinned-full-long
 * Description: Mappings that fill a carveout make allocations in it fail, and stay in
 *		place.
 *
 * SUBTEST: fence
 * Description: Mapping a buffer that is being moved waits until its contents are in
 *		place.
 *
 * SUBTEST: fence-interrupted
 * Description: A signal ends the wait for a move, and the buffer is not pinned.
 *
 * SUBTEST: close-every-order
 * Description: In any order of unmapping and of closing the dma-buf, handle, device and
 *		IOMMU, the mapping is correct while it exists, and all memory is freed.
 *		Every seventh order is tested.
 *
 * SUBTEST: close-every-order-long
 * Description: Like close-every-order, with all orders.
 *
 * SUBTEST: close-exit
 * Description: The end of a process that has mapped a buffer unpins it.
 *
 * SUBTEST: bad-range
 * Description: Ranges that are empty, unaligned, or not inside the buffer are rejected.
 *
 * SUBTEST: bad-iova
 * Description: IOVA that are unaligned, in use, outside the aperture or not mapped are
 *		rejected.
 *
 * SUBTEST: bad-file
 * Description: Descriptors that are no dma-buf, and dma-bufs of an exporter without
 *		page frame numbers, are rejected.
 *
 * SUBTEST: bad-mode
 * Description: A buffer that was exported read-only cannot be mapped for writing.
 *
 * SUBTEST: bad-limit
 * Description: RAM beyond RLIMIT_MEMLOCK is not mapped, and not pinned.
 *
 * SUBTEST: bad-flags
 * Description: Flags that are unknown or contradictory, and an unknown address space,
 *		are rejected.
 *
 * SUBTEST: bad-step
 * Description: If the exporter fails in a step of an import, its error is returned, and
 *		neither an attachment nor a pin is left.
 *
 * SUBTEST: unplug
 * Description: Unplugging the device unmaps its buffers from all domains at once.
 *		Afterwards the buffers can be unmapped and closed, but not mapped again.
 *
 * SUBTEST: unplug-race
 * Description: Unplugging the device, while four threads map and unmap its buffers,
 *		leaves nothing mapped. Each call succeeds or fails with -ENODEV.
 *
 * SUBTEST: unplug-race-long
 * Description: Like unplug-race, with 1,000 buffers.
 *
 * SUBTEST: unplug-race-swap
 * Description: Like unplug-race, while TTM swaps buffers of this device and of another
 *		device in and out.
 *
 * SUBTEST: unplug-race-swap-long
 * Description: Like unplug-race-swap, with 1,000 buffers.
 *
 * SUBTEST: nth-map
 * Description: An import of scattered memory in each region, which fails at any point,
 *		leaves nothing behind.
 *
 * SUBTEST: vfio-map
 * Description: Buffers that consist of one range or of several ranges of a BAR are mapped
 *		as a whole and in part.
 *
 * SUBTEST: vfio-revoke
 * Description: Buffers are revoked while the device's memory is disabled. An importer that
 *		has pinned a buffer is notified when the memory is disabled, and again
 *		when it is enabled. An old mapping of IOMMUFD stays empty, and a new
 *		mapping is correct.
 *
 * SUBTEST: vfio-nth
 * Description: If an allocation of an export fails, for example of the table of ranges,
 *		the export fails or succeeds without it. The next export succeeds.
 *
 * SUBTEST: vfio-unbind
 * Description: Unbinding vfio-pci revokes the buffers for good.
 */
#include "igt.h"
#include "iommufd.h"
#include "pfn_nth.h"
#include "vgem_pfn_module.h"

IGT_TEST_DESCRIPTION("Buffers that are pinned by an importer with I/O page tables");

int igt_main()
{
	static int fd = -1;

	igt_fixture() {
		struct iommufd iommu;

		fd = vgem_pfn_open();
		vgem_pfn_reset_on_exit();
		pfn_fault_disarm_on_exit();
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
