/* SPDX-License-Identifier: MIT */
/*
 * The groups of subtests that vgem_pfn_hotplug is made of, one file each. All
 * open and close devices themselves, and load the module as they need it.
 */
#ifndef HOTPLUG_H
#define HOTPLUG_H

/* Most subtests have these devices: vgem_pfn_want(). */
#define HOTPLUG_PARAMS	"devices=2 carveouts=contig:16M"

void hotplug_devices_tests(void);
void hotplug_importers_tests(void);
void hotplug_pci_tests(void);
void hotplug_peers_tests(void);
void hotplug_unplug_tests(void);

#endif /* HOTPLUG_H */
