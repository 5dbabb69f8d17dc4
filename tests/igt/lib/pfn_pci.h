/* SPDX-License-Identifier: MIT */
/*
 * PCI devices in sysfs, by the names that they have there, and vgem_pfn bound to
 * them by driver_override.
 */
#ifndef PFN_PCI_H
#define PFN_PCI_H

#include <stdbool.h>
#include <stdint.h>

#define PFN_PCI_NAME_SIZE	32

/* QEMU's ivshmem-plain, whose BAR 2 is memory */
#define PFN_PCI_IVSHMEM		0x1af4, 0x1110
#define PFN_PCI_IVSHMEM_BAR	2

/* The device of this kind with this index, in the order of names */
bool pfn_pci_find(unsigned int vendor, unsigned int device, unsigned int index,
		  char name[PFN_PCI_NAME_SIZE]);
/* Whether both are behind the same bridge, which is not that of the host. */
bool pfn_pci_same_bridge(const char *a, const char *b);
/* Start and size of a BAR */
void pfn_pci_bar(const char *name, unsigned int bar, uint64_t *start,
		 uint64_t *size);

/* The only driver that may have the device, "\n" for any that fits. 0 or -errno */
int __pfn_pci_set_override(const char *name, const char *driver);
int __pfn_pci_bind(const char *name);
int __pfn_pci_unbind(const char *name);
/* "new_id" or "remove_id" of the driver. A new one binds all such devices. */
int __pfn_pci_ids(const char *file, unsigned int vendor, unsigned int device);
/* The driver's render node; -ENODEV if it has none of this device */
int __pfn_pci_open(const char *name);

int pfn_pci_bind_and_open(const char *name);
void pfn_pci_set_override(const char *name, const char *driver);

#endif /* PFN_PCI_H */
