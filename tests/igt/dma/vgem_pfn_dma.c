// SPDX-License-Identifier: MIT
/**
 * TEST: vgem pfn dma
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: dma-buf
 * Description: A device accesses buffers by DMA through an IOMMU. IOMMUFD maps the buffers
 *		of vgem_pfn; the device is QEMU's edu, which vfio-pci drives. Each transfer
 *		is compared byte for byte, with the buffers next to it.
 *
 * SUBTEST: fault
 * Description: Accesses to IOVA that are not mapped fault. The kernel reports the device,
 *		the address, and whether it was a write.
 *
 * SUBTEST: copy
 * Description: The device reads a page of a buffer in each kind of memory, and writes
 *		another one.
 *
 * SUBTEST: copy-long
 * Description: Each page of a buffer is copied to another buffer, and from there back to
 *		the first one.
 *
 * SUBTEST: copy-runs
 * Description: Transfers begin in one run of a scattered buffer and end in the next one.
 *
 * SUBTEST: copy-end
 * Description: The device accesses the last byte of a buffer. A transfer beyond the end
 *		faults there.
 *
 * SUBTEST: copy-end-long
 * Description: Like copy-end, in all carveouts.
 *
 * SUBTEST: copy-part
 * Description: If a part of a buffer is mapped, accesses before and after it fault.
 *
 * SUBTEST: copy-read-only
 * Description: The device reads through a mapping for reading, and cannot write.
 *
 * SUBTEST: move
 * Description: A buffer moves between two mappings at the same IOVA. The device accesses
 *		its new placement then. Moves of a mapped buffer fail.
 *
 * SUBTEST: move-long
 * Description: Like move, 20 times in each kind of memory.
 *
 * SUBTEST: move-old
 * Description: After a move the device writes to the buffer, and not to the memory that
 *		the buffer has left, which is in quarantine.
 *
 * SUBTEST: unmapped
 * Description: The device accesses a buffer, which is then unmapped. The next access
 *		faults, although the IOMMU had the translation in its IOTLB.
 *
 * SUBTEST: replaced
 * Description: A buffer is mapped at the IOVA of another one, which the device has
 *		accessed there.
 *
 * SUBTEST: evict
 * Description: While all other buffers in a carveout are evicted, a transfer to a mapped
 *		one goes on.
 *
 * SUBTEST: beside-dynamic
 * Description: A dynamic importer and IOMMUFD use the same buffer. The importer is not
 *		notified unless the buffer moves, which it does not while it is mapped.
 *
 * SUBTEST: pin-moves
 * Description: IOMMUFD pins a buffer that has to move, so that another importer reaches
 *		it, too. Dynamic importers are notified once, and the device accesses the
 *		new placement.
 *
 * SUBTEST: revoke-unplug
 * Description: The exporter is unplugged while transfers are programmed in a loop. Those
 *		that begin afterwards fault, and the memory does not change.
 *
 * SUBTEST: revoke-unbind
 * Description: Like revoke-unplug, with memory in the BAR of a PCI device that is unbound
 *		from vgem_pfn.
 *
 * SUBTEST: revoke-unmap
 * Description: A buffer is unmapped while transfers to it are programmed in a loop.
 *
 * SUBTEST: bar-registers
 * Description: The reference importer reads and writes registers of a device, through a
 *		dma-buf of vfio-pci.
 *
 * SUBTEST: bar-refused
 * Description: vfio-pci refuses importers that it cannot notify, and those that do not
 *		reach BARs.
 *
 * SUBTEST: bar-memory
 * Description: While the device's memory is disabled, an importer has no translation and
 *		gets none. Afterwards it does.
 *
 * SUBTEST: bar-reset
 * Description: A reset by the bus, and a function level reset, revoke the registers. They
 *		can be accessed afterwards.
 *
 * SUBTEST: bar-peer
 * Description: A device accesses memory in the BAR of another one by its IOVA, until the
 *		memory of that one is disabled.
 *
 * SUBTEST: bar-import
 * Description: vgem_pfn imports registers as a scatter list. Without a route for
 *		peer-to-peer DMA, mapping fails and leaves nothing behind. With one, the
 *		registers are unmapped while the device's memory is disabled.
 */
#include "dma.h"
#include "igt.h"

IGT_TEST_DESCRIPTION("DMA to buffers that move, through an IOMMU");

int igt_main()
{
	static int fd = -1;

	igt_fixture() {
		fd = vgem_pfn_open();
		vgem_pfn_reset_on_exit();
		dma_open();
	}

	dma_copy_tests(fd);
	dma_move_tests(fd);
	dma_bar_tests();

	igt_fixture()
		close(fd);

	dma_revoke_tests();

	igt_fixture()
		dma_close();
}
