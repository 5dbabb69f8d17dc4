/* SPDX-License-Identifier: MIT */
/*
 * Groups of subtests of vgem_pfn_hotplug, one file each. All open and close devices
 * themselves, and load the module with the parameters they need.
 */
#ifndef HOTPLUG_H
#define HOTPLUG_H

/* Module parameters of most subtests, for vgem_pfn_want() */
#define HOTPLUG_PARAMS	"devices=2 carveouts=contig:16M"

/* Check that a newly plugged device 0 is empty and works. */
void hotplug_assert_works(void);

void hotplug_devices_tests(void);
void hotplug_importers_tests(void);
void hotplug_nth_tests(void);
void hotplug_pci_tests(void);
void hotplug_peers_tests(void);
void hotplug_unplug_tests(void);

#endif /* HOTPLUG_H */
