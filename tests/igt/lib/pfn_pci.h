/* SPDX-License-Identifier: MIT */
/*
 * PCI devices by their names in sysfs, and binding vgem_pfn to them with
 * driver_override.
 */
#ifndef PFN_PCI_H
#define PFN_PCI_H

#include <stdbool.h>
#include <stdint.h>

#define PFN_PCI_NAME_SIZE	32

/* QEMU's ivshmem-plain, with memory in BAR 2 */
#define PFN_PCI_IVSHMEM		0x1af4, 0x1110
#define PFN_PCI_IVSHMEM_BAR	2

/* Find the device with this id and this index, in the order of names. */
bool pfn_pci_find(unsigned int vendor, unsigned int device, unsigned int index,
		  char name[PFN_PCI_NAME_SIZE]);
/* Whether both are behind the same bridge, not counting the host bridge */
bool pfn_pci_same_bridge(const char *a, const char *b);
/*
 * Whether the kernel permits peer-to-peer DMA through the root complex: Zen and later CPUs
 * forward between root ports.
 */
bool pfn_pci_root_forwards(void);
/* Read start and size of a BAR. */
void pfn_pci_bar(const char *name, unsigned int bar, uint64_t *start,
		 uint64_t *size);

/* Set driver_override; "\n" clears it. Returns 0 or -errno. */
int __pfn_pci_set_override(const char *name, const char *driver);
int __pfn_pci_bind(const char *name);
int __pfn_pci_unbind(const char *name);
/* Write to the driver's "new_id" or "remove_id". new_id binds all matching devices. */
int __pfn_pci_ids(const char *file, unsigned int vendor, unsigned int device);
/* Open the driver's render node of the device; -ENODEV if there is none. */
int __pfn_pci_open(const char *name);

int pfn_pci_bind_and_open(const char *name);
void pfn_pci_set_override(const char *name, const char *driver);

/* Open the first device whose BAR has carveouts; -1 without one. */
int pfn_pci_open_bar(void);

/* Call @test with each carveout of @fd. */
void pfn_each_carveout(int fd, void (*test)(int fd, uint32_t region));
/* Call @test with each region of @fd, and each carveout of the device with a BAR. */
void pfn_each_region(int fd, void (*test)(int fd, uint32_t region));

#endif /* PFN_PCI_H */
