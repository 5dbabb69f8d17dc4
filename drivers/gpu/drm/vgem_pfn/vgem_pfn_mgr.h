/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The manager of a carveout, for the two files that it is made of: vgem_pfn_mgr.c,
 * which gives memory out, and vgem_pfn_stale.c, which holds back what was left.
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
 * struct vgem_pfn_stale - what is in quarantine, see vgem_pfn_stale.c
 * @lock: protects the rest
 * @vacancies: places that were left, oldest first
 * @work: ends their quarantines
 * @bounce: a page, to write and read a pattern where memory is MMIO
 */
struct vgem_pfn_stale {
	struct mutex lock; /* protects the rest */
	struct list_head vacancies;
	struct delayed_work work;
	void *bounce;
};

/**
 * struct vgem_pfn_mgr - the manager of one carveout
 * @base: TTM's side of it
 * @vdev: the device
 * @carveout: the memory
 * @lock: protects @mm, @buddy and @top
 * @mm: free and used ranges, in page frame numbers
 * @buddy: free and used blocks, in bytes from the start of the carveout
 * @top: whether the next small block comes from the top, see
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
