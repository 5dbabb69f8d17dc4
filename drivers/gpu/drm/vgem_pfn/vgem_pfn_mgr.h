/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory of buffer objects: resources in carveouts and their manager, pages
 * of system memory, and the run tables of both. vgem_pfn_mgr.c allocates memory
 * in a carveout, and vgem_pfn_stale.c keeps freed memory in quarantine.
 */

#ifndef _VGEM_PFN_MGR_H_
#define _VGEM_PFN_MGR_H_

#include <linux/container_of.h>
#include <linux/gpu_buddy.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include <drm/drm_mm.h>
#include <drm/ttm/ttm_resource.h>
#include <drm/ttm/ttm_tt.h>

struct dma_buf_pfn_run;
struct dma_fence;
struct page;
struct vgem_pfn_carveout;
struct vgem_pfn_device;

/**
 * struct vgem_pfn_run - one piece of contiguous memory
 * @first: first page, counted from the start of the buffer
 * @pfn: page frame number of that page
 */
struct vgem_pfn_run {
	pgoff_t first;
	u64 pfn;
};

/**
 * struct vgem_pfn_runs - run table, see vgem_pfn_mgr.c
 * @num_pages: size of all runs together, in pages
 * @num: length of @run
 * @run: the runs, in ascending order of &vgem_pfn_run.first
 */
struct vgem_pfn_runs {
	pgoff_t num_pages;
	unsigned int num;
	struct vgem_pfn_run run[] __counted_by(num);
};

/**
 * struct vgem_pfn_vacancy - a resource after its buffer object has left it
 * @link: of &vgem_pfn_stale.vacancies
 * @bo_id: &vgem_pfn_bo.id of that object, or 0 if no object left the resource
 * @left: time at which the object left
 * @until: end of the quarantine, in jiffies
 * @filled: whether the memory has been filled with the pattern
 * @importers: names of the importers that were attached at that time
 *
 * See vgem_pfn_stale.c.
 */
struct vgem_pfn_vacancy {
	struct list_head link;
	u64 bo_id;
	ktime_t left;
	unsigned long until;
	bool filled;
	char importers[96];
};

/**
 * struct vgem_pfn_resource - memory of a buffer object in a carveout
 * @base: TTM's resource
 * @node: the memory, if the carveout uses drm_mm
 * @blocks: the memory, if the carveout uses gpu_buddy
 * @runs: run table of the memory, constant
 * @vacated: fence of the asynchronous move out of this memory, or NULL
 * @vacancy: quarantine state
 */
struct vgem_pfn_resource {
	struct ttm_resource base;
	struct drm_mm_node node;
	struct list_head blocks;
	struct vgem_pfn_runs *runs;
	struct dma_fence *vacated;
	struct vgem_pfn_vacancy vacancy;
};

/**
 * struct vgem_pfn_tt - pages of system memory
 * @base: TTM's page array
 * @runs: run table of the pages, while they are populated
 */
struct vgem_pfn_tt {
	struct ttm_tt base;
	struct vgem_pfn_runs *runs;
};

static inline struct vgem_pfn_resource *
to_vgem_pfn_resource(struct ttm_resource *res)
{
	return container_of(res, struct vgem_pfn_resource, base);
}

static inline struct vgem_pfn_tt *to_vgem_pfn_tt(struct ttm_tt *tt)
{
	return container_of(tt, struct vgem_pfn_tt, base);
}

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
int vgem_pfn_mgr_init(struct vgem_pfn_device *vdev, u32 mem_type,
		      struct vgem_pfn_carveout *carveout);
int vgem_pfn_mgr_frees(struct vgem_pfn_device *vdev);
bool vgem_pfn_mgr_wait_frees(struct vgem_pfn_device *vdev, int before);
void vgem_pfn_mgr_flush(struct vgem_pfn_device *vdev);
void vgem_pfn_mgr_fini(struct vgem_pfn_device *vdev, u32 mem_type);
struct vgem_pfn_runs *vgem_pfn_runs_alloc(unsigned int max);
void vgem_pfn_runs_add(struct vgem_pfn_runs *runs, u64 pfn, pgoff_t num_pages);
struct vgem_pfn_runs *vgem_pfn_runs_from_pages(struct page **pages,
					       pgoff_t num_pages);
void vgem_pfn_runs_get(const struct vgem_pfn_runs *runs, pgoff_t pgoff,
		       unsigned int *next, struct dma_buf_pfn_run *out);
u64 vgem_pfn_runs_pfn(const struct vgem_pfn_runs *runs, pgoff_t pgoff,
		      pgoff_t *num_pages);
void vgem_pfn_mgr_release(struct vgem_pfn_mgr *mgr, struct vgem_pfn_resource *res);

/* vgem_pfn_stale.c */
int vgem_pfn_stale_init(struct vgem_pfn_mgr *mgr);
void vgem_pfn_stale_fini(struct vgem_pfn_mgr *mgr);
bool vgem_pfn_stale_hold(struct vgem_pfn_mgr *mgr, struct vgem_pfn_resource *res);
void vgem_pfn_stale_flush(struct vgem_pfn_mgr *mgr);

#endif /* _VGEM_PFN_MGR_H_ */
