// SPDX-License-Identifier: MIT
/**
 * TEST: vgem pfn hotplug
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: DRM
 * Description: Several devices, plug and unplug, also while in use.
 *
 * SUBTEST: devices
 * Description: Each device has its own carveouts, objects and counters.
 *
 * SUBTEST: devices-max
 * Description: The maximum number of devices can be loaded, each with its own
 *		carveouts, objects and counters.
 *
 * SUBTEST: devices-none
 * Description: The module can be loaded without faux devices, for use with PCI devices
 *		only.
 *
 * SUBTEST: devices-bad
 * Description: Invalid numbers of devices are rejected.
 *
 * SUBTEST: devices-no-memory
 * Description: If there is no memory for the last device, loading fails and all devices
 *		and their memory are released.
 *
 * SUBTEST: carveouts-bad
 * Description: Invalid carveouts, and carveouts for which there is no memory, are
 *		rejected with a message in the log.
 *
 * SUBTEST: dma-bits
 * Description: A device does not map pages that it cannot address: bounce buffers would
 *		not be synchronized.
 *
 * SUBTEST: dma-segment
 * Description: Entries of a scatter list do not exceed the importing device's segment
 *		size.
 *
 * SUBTEST: dma-bad
 * Description: Invalid DMA limits are rejected.
 *
 * SUBTEST: plug
 * Description: Devices can be plugged and unplugged repeatedly, and requests for
 *		devices that do not exist or are there already fail.
 *
 * SUBTEST: unplug-fd
 * Description: Ioctls on an open file of an unplugged device fail, as do accesses to
 *		its open debugfs files, and the files can be closed.
 *
 * SUBTEST: unplug-mmap
 * Description: Existing mappings read zeroes after unplug, and writes to them reach no
 *		buffer.
 *
 * SUBTEST: unplug-import
 * Description: A dynamic importer is notified and loses its translations, and its
 *		lookups fail with ENODEV from then on.
 *
 * SUBTEST: unplug-dmabuf
 * Description: A dma-buf without attachments outlives its device.
 *
 * SUBTEST: unplug-move
 * Description: Unplug waits for a move that is under way, and the next one fails.
 *
 * SUBTEST: unplug-async
 * Description: Pending copies end before the unplug does, quarantined memory is not
 *		checked any more, and no task waits forever.
 *
 * SUBTEST: unplug-unload
 * Description: The module cannot be unloaded before the last user of an unplugged
 *		device is closed.
 *
 * SUBTEST: unplug-swap
 * Description: An unplugged device can be released while TTM swaps out its last buffer.
 *
 * SUBTEST: unplug-static
 * Description: An importer that cannot be notified keeps its memory after the unplug,
 *		even under memory pressure, until it detaches.
 *
 * SUBTEST: unplug-static-pin
 * Description: An importer that pins and cannot be revoked keeps its memory after the
 *		unplug, even under memory pressure, until it detaches.
 *
 * SUBTEST: unplug-pinned
 * Description: A revocable importer is revoked although it has pinned the buffer.
 *
 * SUBTEST: unplug-jobs
 * Description: Unplug waits for running jobs, which still read the buffer's contents;
 *		later submissions fail.
 *
 * SUBTEST: unplug-foreign-fence
 * Description: Unplug does not wait for foreign fences on a buffer that the device has
 *		imported.
 *
 * SUBTEST: unplug-closing-long
 * Description: An unplug waits 10 s for an import that is being closed to be unmapped and
 *		then continues with an error in the log.
 *
 * SUBTEST: unplug-exporter
 * Description: If the exporting device is unplugged, the importing device continues to
 *		work.
 *
 * SUBTEST: unplug-importer
 * Description: If the importing device is unplugged, the exporting device continues to
 *		work.
 *
 * SUBTEST: unplug-stress
 * Description: Processes use a device while it is unplugged and plugged, 3 times.
 *
 * SUBTEST: unplug-stress-long
 * Description: Like unplug-stress, 8 times.
 *
 * SUBTEST: nth-plug
 * Description: With a failure at every 11th allocation of the driver's part of a plug in
 *		turn, no device is left, and the next plug succeeds, or the device works.
 *
 * SUBTEST: nth-plug-long
 * Description: Like nth-plug, with each allocation.
 *
 * SUBTEST: pci
 * Description: The BAR is a carveout, and contents survive moves out of it and back.
 *
 * SUBTEST: pci-unbind
 * Description: The device can be unbound while files, mappings, dma-bufs and imports
 *		exist, and the next bind gets the whole BAR.
 *
 * SUBTEST: pci-unload
 * Description: The module cannot be unloaded while in use; unloading it unbinds its
 *		devices.
 *
 * SUBTEST: pci-new-id
 * Description: After new_id the driver binds all devices with that id.
 *
 * SUBTEST: pci-no-bar
 * Description: A device without a memory BAR is rejected.
 *
 * SUBTEST: pci-peers
 * Description: A device behind the same bridge accesses the buffer in the BAR.
 *
 * SUBTEST: pci-unmap-late
 * Description: Unbind waits until an importer has unmapped the BAR, which may happen
 *		some time after its notification.
 *
 * SUBTEST: pci-unmap-too-late-long
 * Description: An unbind waits 10 s for an importer to unmap a BAR and then continues
 *		with an error in the log; the importer can still unmap afterwards.
 *
 * SUBTEST: pci-no-peers
 * Description: For a device that cannot reach the BAR the buffer is moved out of it,
 *		whether or not the importer allows P2P.
 */

/*
 * Each other file of this directory has a group of subtests of one subject.
 */
#include "hotplug.h"
#include "igt.h"
#include "pfn_nth.h"
#include "vgem_pfn_module.h"

IGT_TEST_DESCRIPTION("Plug and unplug of vgem_pfn devices");

void hotplug_assert_works(void)
{
	int fd = vgem_pfn_open_faux(0);

	igt_assert_eq_u64(vgem_pfn_region(fd, VGEM_PFN_CARVEOUT).used, 0);
	vgem_pfn_bo_fill(fd, vgem_pfn_bo_create(fd, MiB, VGEM_PFN_CARVEOUT), MiB, 1);
	close(fd);
}

int igt_main()
{
	igt_fixture() {
		close(vgem_pfn_open());
		vgem_pfn_require_module();
		vgem_pfn_reload_on_exit();
		pfn_fault_disarm_on_exit();
	}

	hotplug_devices_tests();
	hotplug_unplug_tests();
	hotplug_importers_tests();
	hotplug_nth_tests();
	hotplug_pci_tests();
	hotplug_peers_tests();
}
