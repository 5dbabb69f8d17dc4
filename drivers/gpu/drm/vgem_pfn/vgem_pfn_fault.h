/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fault injection, see vgem_pfn_fault.c.
 */

#ifndef _VGEM_PFN_FAULT_H_
#define _VGEM_PFN_FAULT_H_

#include <linux/fault-inject.h>
#include <linux/types.h>

struct dentry;
struct vgem_pfn_device;

/**
 * enum vgem_pfn_fault_step - where a failure can be injected
 * @VGEM_PFN_FAULT_CREATE: a buffer object is created: -ENOMEM
 * @VGEM_PFN_FAULT_EXPORT: a buffer object becomes a dma-buf: -ENOMEM
 * @VGEM_PFN_FAULT_IMPORT: a dma-buf becomes a buffer object: -ENOMEM
 * @VGEM_PFN_FAULT_ATTACH: an importer attaches: -ENOMEM
 * @VGEM_PFN_FAULT_PIN: an importer pins: -ENOSPC
 * @VGEM_PFN_FAULT_MAP: an importer maps a scatter list: -EIO
 * @VGEM_PFN_FAULT_GET_PFN: an importer looks up page frame numbers: -EIO
 * @VGEM_PFN_FAULT_POPULATE: system memory is allocated: -ENOMEM
 * @VGEM_PFN_FAULT_ALLOC: memory of a carveout is allocated: -ENOMEM
 * @VGEM_PFN_FAULT_COPY: the contents of a buffer object are copied: -EIO
 * @VGEM_PFN_FAULT_FENCE: a copy is queued on an engine: -ENOMEM, which makes
 *			  the move synchronous
 * @VGEM_PFN_NUM_FAULTS: number of steps
 */
enum vgem_pfn_fault_step {
	VGEM_PFN_FAULT_CREATE,
	VGEM_PFN_FAULT_EXPORT,
	VGEM_PFN_FAULT_IMPORT,
	VGEM_PFN_FAULT_ATTACH,
	VGEM_PFN_FAULT_PIN,
	VGEM_PFN_FAULT_MAP,
	VGEM_PFN_FAULT_GET_PFN,
	VGEM_PFN_FAULT_POPULATE,
	VGEM_PFN_FAULT_ALLOC,
	VGEM_PFN_FAULT_COPY,
	VGEM_PFN_FAULT_FENCE,
	VGEM_PFN_NUM_FAULTS,
};

/**
 * struct vgem_pfn_faults - fault attributes of a device
 * @attr: attributes by step. They need no lock, since a race only changes which
 *	  call fails.
 */
struct vgem_pfn_faults {
#ifdef CONFIG_FAULT_INJECTION
	struct fault_attr attr[VGEM_PFN_NUM_FAULTS];
#endif
};

#ifdef CONFIG_FAULT_INJECTION
int vgem_pfn_fault(struct vgem_pfn_device *vdev, enum vgem_pfn_fault_step step);
void vgem_pfn_fault_init(struct vgem_pfn_device *vdev);
void vgem_pfn_fault_debugfs_init(struct vgem_pfn_device *vdev, struct dentry *root);
#else
static inline int vgem_pfn_fault(struct vgem_pfn_device *vdev,
				 enum vgem_pfn_fault_step step)
{
	return 0;
}

static inline void vgem_pfn_fault_init(struct vgem_pfn_device *vdev)
{
}

static inline void vgem_pfn_fault_debugfs_init(struct vgem_pfn_device *vdev,
					       struct dentry *root)
{
}
#endif

#endif /* _VGEM_PFN_FAULT_H_ */
