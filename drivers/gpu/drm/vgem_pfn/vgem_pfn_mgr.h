/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The manager of a carveout, shared by vgem_pfn_mgr.c, which allocates memory,
 * and vgem_pfn_stale.c, which keeps freed memory in quarantine.
 */

#ifndef _VGEM_PFN_MGR_H_
#define _VGEM_PFN_MGR_H_

#include <linux/gpu_buddy.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>

#include <drm/drm_mm.h>
#include <drm/ttm/ttm_resource.h>

struct vgem_pfn_carveout;
struct vgem_pfn_device;
struct vgem_pfn_resource;

/**
 * struct vgem_pfn_stale - the quarantine of a carveout, see vgem_pfn_stale.c
 * @lock: protects the rest
 * @vacancies: resources in quarantine, oldest first
 * @work: writes patterns and ends quarantines
 * @bounce: a page to write and read patterns in MMIO
 */
struct vgem_pfn_stale {
	struct mutex lock; /* protects the rest */
	struct list_head vacancies;
	struct delayed_work work;
	void *bounce;
};

/**
 * struct vgem_pfn_mgr - the manager of one carveout
 * @base: TTM's resource manager
 * @vdev: the device
 * @carveout: the memory
 * @lock: protects @mm, @buddy and @top
 * @mm: free and used ranges, in page frame numbers
 * @buddy: free and used blocks, in bytes from the start of the carveout
 * @top: whether the next small block is allocated from the top, see
 *	 &vgem_pfn_device.max_block_order
 * @stale: the quarantine
 */
struct vgem_pfn_mgr {
	struct ttm_resource_manager base;
	struct vgem_pfn_device *vdev;
	struct vgem_pfn_carveout *carveout;
	struct mutex lock; /* protects mm, buddy and top */
	struct drm_mm mm;
	struct gpu_buddy buddy;
	bool top;
	struct vgem_pfn_stale stale;
};

/* vgem_pfn_mgr.c */
void vgem_pfn_mgr_release(struct vgem_pfn_mgr *mgr, struct vgem_pfn_resource *res);

/* vgem_pfn_stale.c */
int vgem_pfn_stale_init(struct vgem_pfn_mgr *mgr);
void vgem_pfn_stale_fini(struct vgem_pfn_mgr *mgr);
bool vgem_pfn_stale_hold(struct vgem_pfn_mgr *mgr, struct vgem_pfn_resource *res);
bool vgem_pfn_stale_flush(struct vgem_pfn_mgr *mgr);

#endif /* _VGEM_PFN_MGR_H_ */
