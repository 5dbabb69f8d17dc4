// SPDX-License-Identifier: MIT
/*
 * TEST: vgem pfn hotplug
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: DRM
 * Description: Several devices, plug and unplug, also while in use.
 *
 * Each other file of this directory has a group of subtests of one subject.
 */
#include "hotplug.h"
#include "igt.h"
#include "vgem_pfn_module.h"

IGT_TEST_DESCRIPTION("Plug and unplug of vgem_pfn devices");

int igt_main()
{
	igt_fixture() {
		close(vgem_pfn_open());
		vgem_pfn_require_module();
		vgem_pfn_reload_on_exit();
	}

	hotplug_devices_tests();
	hotplug_unplug_tests();
	hotplug_importers_tests();
	hotplug_pci_tests();
	hotplug_peers_tests();
}
