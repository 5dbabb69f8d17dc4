/* SPDX-License-Identifier: MIT */
/*
 * The ioctls of VFIO devices that the tests use. From the kernel's linux/vfio.h: the
 * version that Debian 12 packages lacks some of them. Needs neither IGT nor a library.
 */
#ifndef PFN_VFIO_IOCTL_H
#define PFN_VFIO_IOCTL_H

#include <stdint.h>
#include <sys/ioctl.h>

#define VFIO_IO(nr)			_IO(';', 100 + (nr))
#define VFIO_DEVICE_RESET		VFIO_IO(11)
#define VFIO_DEVICE_FEATURE		VFIO_IO(17)
#define VFIO_DEVICE_BIND_IOMMUFD	VFIO_IO(18)
#define VFIO_DEVICE_ATTACH_IOMMUFD_PT	VFIO_IO(19)

#define VFIO_DEVICE_FEATURE_GET		(1 << 16)
#define VFIO_DEVICE_FEATURE_DMA_BUF	11

/* Offset of a region in the device's file */
#define VFIO_REGION(index)		((uint64_t)(index) << 40)
#define VFIO_PCI_CONFIG_REGION_INDEX	7

struct vfio_bind {
	uint32_t argsz;
	uint32_t flags;
	int32_t iommufd;
	uint32_t out_devid;
};

struct vfio_attach {
	uint32_t argsz;
	uint32_t flags;
	uint32_t pt_id;
};

struct vfio_range {
	uint64_t offset;
	uint64_t length;
};

#define VFIO_MAX_RANGES	8

/* struct vfio_device_feature with a struct vfio_device_feature_dma_buf */
struct vfio_feature_dma_buf {
	uint32_t argsz;
	uint32_t flags;
	uint32_t region_index;
	uint32_t open_flags;
	uint32_t dma_buf_flags;
	uint32_t nr_ranges;
	struct vfio_range ranges[VFIO_MAX_RANGES];
};

#endif /* PFN_VFIO_IOCTL_H */
