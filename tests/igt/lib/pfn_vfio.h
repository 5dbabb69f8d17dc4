/* SPDX-License-Identifier: MIT */
/* PCI devices that vfio-pci drives, with an IOMMUFD, and dma-bufs of their BARs. */
#ifndef PFN_VFIO_H
#define PFN_VFIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pfn_pci.h"
#include "pfn_vfio_ioctl.h"

/*
 * Warnings of the kernel when such a device is reset, also when it is opened and closed.
 * pfn_vfio_open() ignores them. Of several calls of igt_emit_ignore_dmesg_regex() the last
 * one is effective, so later ones have to include this.
 */
#define PFN_VFIO_LOG	"vfio-pci .*: reset|unlocked secondary bus reset"

struct pfn_vfio {
	char name[PFN_PCI_NAME_SIZE];
	int device;	/* its character device */
	void *map;	/* pfn_vfio_mmap() */
	size_t map_size;
};

/*
 * Bind a device to vfio-pci, found as by pfn_pci_find(), and to an IOMMUFD. Skips without
 * the device, vfio-pci and an IOMMU. Devices that are still open are closed at exit.
 */
void pfn_vfio_open(struct pfn_vfio *vfio, unsigned int vendor, unsigned int device,
		   unsigned int index, int iommufd);
/* Unbind the device. */
void pfn_vfio_close(struct pfn_vfio *vfio);
/* Let the device's DMA go through an address space of the IOMMUFD. */
void pfn_vfio_attach(const struct pfn_vfio *vfio, uint32_t ioas);
/* Set or clear bits of the PCI command register. */
void pfn_vfio_set_command(const struct pfn_vfio *vfio, uint16_t bits, bool on);
void pfn_vfio_reset(const struct pfn_vfio *vfio);
/* Map the beginning of a BAR for reading and writing, until pfn_vfio_close(). Once only. */
void *pfn_vfio_mmap(struct pfn_vfio *vfio, unsigned int bar, size_t size);
/* Export ranges of a BAR as one dma-buf. Returns it or -errno. */
int __pfn_vfio_export(const struct pfn_vfio *vfio, unsigned int bar,
		      const struct vfio_range *ranges, uint32_t num);
int pfn_vfio_export(const struct pfn_vfio *vfio, unsigned int bar,
		    const struct vfio_range *ranges, uint32_t num);

#endif /* PFN_VFIO_H */
