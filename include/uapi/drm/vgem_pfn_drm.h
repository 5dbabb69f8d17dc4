/* SPDX-License-Identifier: MIT */
#ifndef _UAPI_VGEM_PFN_DRM_H_
#define _UAPI_VGEM_PFN_DRM_H_

#include "drm.h"

#if defined(__cplusplus)
extern "C" {
#endif

/*
 * Rules that hold for every ioctl below:
 *
 * - All structures are multiples of 8 bytes, padding is explicit.
 * - Unknown flags and non-zero padding give -EINVAL. MBZ: must be zero.
 * - Fields that are only output may have any value on input.
 * - An unknown GEM handle gives -ENOENT, a bad user pointer -EFAULT.
 * - A failed ioctl changes no state, with one exception: if it ran out of
 *   memory or was interrupted, it may have evicted other buffers and notified
 *   importers.
 * - Sizes and offsets are in bytes.
 * - A region is given by its identifier, which is opaque: userspace gets the
 *   identifiers from DRM_IOCTL_VGEM_PFN_REGIONS and selects regions by type.
 *   Every device has one region of type SYSTEM, one of type TT and at least one
 *   carveout. SYSTEM and TT below mean the regions of these types.
 */

#define DRM_VGEM_PFN_BO_CREATE		0x00
#define DRM_VGEM_PFN_BO_MMAP_OFFSET	0x01
#define DRM_VGEM_PFN_BO_QUERY		0x02
#define DRM_VGEM_PFN_BO_MOVE		0x03
#define DRM_VGEM_PFN_REGIONS		0x04

/**
 * enum drm_vgem_pfn_region_type - what kind of memory a region is
 */
enum drm_vgem_pfn_region_type {
	/**
	 * @DRM_VGEM_PFN_REGION_TYPE_SYSTEM: System memory that may be swapped
	 * out at any time. A buffer here is populated on first use.
	 */
	DRM_VGEM_PFN_REGION_TYPE_SYSTEM = 0,

	/**
	 * @DRM_VGEM_PFN_REGION_TYPE_TT: System memory that is populated and
	 * stays so while the buffer is placed here.
	 */
	DRM_VGEM_PFN_REGION_TYPE_TT = 1,

	/**
	 * @DRM_VGEM_PFN_REGION_TYPE_CONTIG: Carveout: VRAM-like memory of a
	 * fixed size, allocated from the kernel's page allocator, with struct
	 * pages.
	 */
	DRM_VGEM_PFN_REGION_TYPE_CONTIG = 2,

	/**
	 * @DRM_VGEM_PFN_REGION_TYPE_RESERVED: Carveout in memory that was
	 * reserved at boot and has no struct pages.
	 */
	DRM_VGEM_PFN_REGION_TYPE_RESERVED = 3,

	/**
	 * @DRM_VGEM_PFN_REGION_TYPE_BAR: Carveout in the BAR of a PCI device:
	 * MMIO, mapped write-combined.
	 */
	DRM_VGEM_PFN_REGION_TYPE_BAR = 4,
};

/* Maximum number of regions of a device, and of placements of a buffer. */
#define DRM_VGEM_PFN_MAX_REGIONS		8

/*
 * The buffer is one contiguous range in any carveout. If the free memory is too
 * fragmented, other buffers are evicted.
 */
#define DRM_VGEM_PFN_BO_CONTIGUOUS	(1 << 0)
#define DRM_VGEM_PFN_BO_CREATE_FLAGS	DRM_VGEM_PFN_BO_CONTIGUOUS

/**
 * struct drm_vgem_pfn_bo_create - create a buffer object
 *
 * The buffer is zeroed. It is placed in the first region of the list that has
 * enough free memory. If there is none, other buffers are evicted, beginning
 * with the first region of the list. An evicted buffer moves to the next region
 * of its own list that has enough free memory, or to SYSTEM.
 *
 * Errors: -EINVAL for a zero size, an empty list, a region that does not exist
 * or is listed twice; -E2BIG for a size that fits in none of the listed
 * regions; -ENOMEM or -ENOSPC when no memory is left; -EINTR.
 */
struct drm_vgem_pfn_bo_create {
	/** @size: Input: size wanted. Output: size rounded up to pages. */
	__u64 size;

	/**
	 * @placements: Input: user pointer to @num_placements region
	 * identifiers (__u32), in order of preference.
	 */
	__u64 placements;

	/** @num_placements: Input: 1 to DRM_VGEM_PFN_MAX_REGIONS. */
	__u32 num_placements;

	/** @flags: Input: zero or DRM_VGEM_PFN_BO_CONTIGUOUS. */
	__u32 flags;

	/** @handle: Output: GEM handle. */
	__u32 handle;

	/** @pad: MBZ. */
	__u32 pad;
};

/**
 * struct drm_vgem_pfn_bo_mmap_offset - get the offset to mmap a buffer with
 */
struct drm_vgem_pfn_bo_mmap_offset {
	/** @handle: Input: GEM handle. */
	__u32 handle;

	/** @flags: Input: must be zero. */
	__u32 flags;

	/** @offset: Output: offset for mmap() on the DRM fd. */
	__u64 offset;
};

/**
 * struct drm_vgem_pfn_bo_query - query the placement and counters of a buffer
 *
 * All values are read under the buffer's reservation lock, so they are
 * consistent. Every field but @handle and @flags is output.
 */
struct drm_vgem_pfn_bo_query {
	/** @handle: Input: GEM handle. */
	__u32 handle;

	/** @flags: Input: must be zero. */
	__u32 flags;

	/** @size: Size of the buffer. */
	__u64 size;

	/** @region: Identifier of the region that the buffer is in now. */
	__u32 region;

	/** @pin_count: Number of pins. */
	__u32 pin_count;

	/** @num_moves: Number of changes of region since creation. */
	__u64 num_moves;

	/** @num_evictions: Number of these moves that were evictions. */
	__u64 num_evictions;

	/**
	 * @num_notifies: Number of notifications of the attachments of the
	 * buffer's dma-buf: at least one for each move while there are
	 * attachments.
	 */
	__u64 num_notifies;

	/** @num_attachments: Current number of attachments of the dma-buf. */
	__u32 num_attachments;

	/** @exported: 1 while a dma-buf of this buffer exists. */
	__u32 exported;

	/**
	 * @id: Identifies the buffer in trace events, log messages and debugfs.
	 */
	__u64 id;
};

/* Queue the copy and return without waiting for it. */
#define DRM_VGEM_PFN_MOVE_ASYNC			(1 << 0)

/**
 * struct drm_vgem_pfn_bo_move - move a buffer to a region
 *
 * The region must be in the buffer's placement list, or be SYSTEM. Other
 * buffers are evicted to make room. Moving a buffer to its current region
 * succeeds and does nothing.
 *
 * The memory of an imported buffer does not move. Moving the buffer to TT, its
 * only region besides SYSTEM, maps it for DMA, and moving it to SYSTEM unmaps
 * it. A notification from the exporter also unmaps it and returns it to SYSTEM.
 *
 * With DRM_VGEM_PFN_MOVE_ASYNC a copy engine makes the copy, and the call
 * returns once the copy is queued, with the buffer in its new region. The fence
 * of the copy is in the buffer's reservation object with KERNEL usage: mappings
 * and importers wait for it, and DMA_BUF_IOCTL_EXPORT_SYNC_FILE returns it.
 * Evictions are still synchronous, unless the debugfs knob async_moves is set.
 * If the copy cannot be queued for lack of memory, the call copies
 * synchronously.
 *
 * The sync objects are optional, and independent of the flag. Point zero
 * selects a binary sync object, any other value a point on its timeline. The
 * input sync object must already have a fence: the call does not wait for
 * submission. An error of that fence is ignored. The output sync object gets a
 * fence only if the call succeeds. It signals when the copy is done,
 * immediately if none is in progress.
 *
 * Errors: -EINVAL for a region that the buffer does not allow, a point without
 * a sync object, or an input sync object that has no fence (at that point);
 * -ENOENT also for a sync object that does not exist; -E2BIG for a region that
 * is too small for the buffer; -EBUSY when it is pinned in another region or
 * its fences do not signal for many seconds; -ENOMEM or -ENOSPC when no memory
 * is left; -EINTR; for an imported buffer also the error of the exporter's map
 * operation.
 */
struct drm_vgem_pfn_bo_move {
	/** @handle: Input: GEM handle. */
	__u32 handle;

	/** @flags: Input: zero or DRM_VGEM_PFN_MOVE_ASYNC. */
	__u32 flags;

	/** @region: Input: identifier of the target region. */
	__u32 region;

	/** @pad: MBZ. */
	__u32 pad;

	/**
	 * @in_syncobj: Input: sync object to wait for before the move, or zero.
	 * The wait is interruptible and holds no locks.
	 */
	__u32 in_syncobj;

	/** @out_syncobj: Input: sync object that gets a fence, or zero. */
	__u32 out_syncobj;

	/**
	 * @in_point: Input: point of @in_syncobj. MBZ if @in_syncobj is zero.
	 */
	__u64 in_point;

	/**
	 * @out_point: Input: point of @out_syncobj. MBZ if @out_syncobj is
	 * zero.
	 */
	__u64 out_point;
};

/* A buffer in this region may be scattered over many ranges. */
#define DRM_VGEM_PFN_REGION_SCATTERED	(1 << 0)

/**
 * struct drm_vgem_pfn_region - one memory region
 */
struct drm_vgem_pfn_region {
	/**
	 * @id: Region identifier: opaque, unique on the device and constant
	 * while the device exists.
	 */
	__u32 id;

	/** @type: One of &enum drm_vgem_pfn_region_type. */
	__u32 type;

	/** @size: Size. */
	__u64 size;

	/** @used: Bytes of buffers placed here. */
	__u64 used;

	/**
	 * @base_pfn: First page frame number of a carveout for a caller with
	 * CAP_SYS_ADMIN, otherwise zero.
	 */
	__u64 base_pfn;

	/** @name: Name, NUL terminated: "system", "tt", "contig0". */
	__u8 name[16];

	/** @flags: DRM_VGEM_PFN_REGION_SCATTERED or zero. */
	__u32 flags;

	/** @pad: Zero. */
	__u32 pad;
};

/**
 * struct drm_vgem_pfn_regions - query the memory regions of the device
 */
struct drm_vgem_pfn_regions {
	/**
	 * @num_regions: Input: number of elements that fit at @regions. Output:
	 * number of regions of the device. At most the input number is written.
	 */
	__u32 num_regions;

	/** @flags: Input: must be zero. */
	__u32 flags;

	/** @regions: Input: user pointer to &struct drm_vgem_pfn_region. */
	__u64 regions;
};

#define DRM_IOCTL_VGEM_PFN_BO_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_VGEM_PFN_BO_CREATE, \
		 struct drm_vgem_pfn_bo_create)
#define DRM_IOCTL_VGEM_PFN_BO_MMAP_OFFSET \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_VGEM_PFN_BO_MMAP_OFFSET, \
		 struct drm_vgem_pfn_bo_mmap_offset)
#define DRM_IOCTL_VGEM_PFN_BO_QUERY \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_VGEM_PFN_BO_QUERY, \
		 struct drm_vgem_pfn_bo_query)
#define DRM_IOCTL_VGEM_PFN_BO_MOVE \
	DRM_IOW(DRM_COMMAND_BASE + DRM_VGEM_PFN_BO_MOVE, \
		struct drm_vgem_pfn_bo_move)
#define DRM_IOCTL_VGEM_PFN_REGIONS \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_VGEM_PFN_REGIONS, \
		 struct drm_vgem_pfn_regions)

#if defined(__cplusplus)
}
#endif

#endif /* _UAPI_VGEM_PFN_DRM_H_ */
