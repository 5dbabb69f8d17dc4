// SPDX-License-Identifier: GPL-2.0-only
/*
 * The TTM resource manager of a carveout, and run tables.
 *
 * Each carveout uses one of two allocators. drm_mm allocates one contiguous
 * range for each buffer object. gpu_buddy allocates power-of-two blocks, so a
 * buffer object may be scattered. &vgem_pfn_mgr.lock protects the allocators.
 * It is taken under reservation locks, and held across memory allocations.
 *
 * The rest of the driver only uses run tables, which do not depend on the
 * allocator. A run table lists the contiguous pieces of a buffer's memory,
 * sorted by their offset in the buffer. It is created when the memory is
 * allocated, and constant until the memory is freed. A lookup is a binary
 * search. The owner of the memory owns the table. For a buffer object, its
 * reservation lock protects both.
 */

#include <linux/atomic.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-fence.h>
#include <linux/kref.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include <drm/drm_buddy.h>
#include <drm/drm_mm.h>
#include <drm/drm_print.h>

#include <kunit/visibility.h>

#include "vgem_pfn_drv.h"

/* Spare runs in a new table, before it has to grow */
#define VGEM_PFN_RUNS_SPARE	8

/**
 * vgem_pfn_runs_alloc() - allocate an empty run table
 * @max: maximum number of runs
 *
 * Return: the table, to be freed with kvfree(), or NULL if out of memory.
 */
struct vgem_pfn_runs *vgem_pfn_runs_alloc(unsigned int max)
{
	struct vgem_pfn_runs *runs;

	runs = kvmalloc_flex(*runs, run, max);
	if (!runs)
		return NULL;

	runs->num = 0;
	runs->num_pages = 0;
	return runs;
}
EXPORT_SYMBOL_IF_KUNIT(vgem_pfn_runs_alloc);

/**
 * vgem_pfn_runs_add() - append memory to a run table
 * @runs: the table, with room for one more run
 * @pfn: page frame number of the first page
 * @num_pages: number of pages
 *
 * Extends the last run if @pfn continues it.
 */
void vgem_pfn_runs_add(struct vgem_pfn_runs *runs, u64 pfn, pgoff_t num_pages)
{
	unsigned int i = runs->num;

	if (!i || runs->run[i - 1].pfn +
	    (runs->num_pages - runs->run[i - 1].first) != pfn) {
		runs->num++;
		runs->run[i].first = runs->num_pages;
		runs->run[i].pfn = pfn;
	}
	runs->num_pages += num_pages;
}
EXPORT_SYMBOL_IF_KUNIT(vgem_pfn_runs_add);

/**
 * vgem_pfn_runs_from_pages() - create the run table of an array of pages
 * @pages: the pages
 * @num_pages: number of pages
 *
 * Return: the table, to be freed with kvfree(), or NULL if out of memory.
 */
struct vgem_pfn_runs *vgem_pfn_runs_from_pages(struct page **pages,
					       pgoff_t num_pages)
{
	/* Most pages are in blocks of this order, so the table rarely grows. */
	unsigned int max = (num_pages >> PMD_ORDER) + VGEM_PFN_RUNS_SPARE;
	struct vgem_pfn_runs *runs, *more;
	pgoff_t i, n;

	runs = vgem_pfn_runs_alloc(max);
	if (!runs)
		return NULL;

	for (i = 0; i < num_pages; i += n) {
		if (runs->num == max) {
			max *= 2;
			more = kvrealloc(runs, struct_size(runs, run, max), GFP_KERNEL);
			if (!more) {
				kvfree(runs);
				return NULL;
			}
			runs = more;
		}
		n = num_pages_contiguous(&pages[i], num_pages - i);
		vgem_pfn_runs_add(runs, page_to_pfn(pages[i]), n);
	}
	return runs;
}
EXPORT_SYMBOL_IF_KUNIT(vgem_pfn_runs_from_pages);

/* The index of the run that a page is in */
static unsigned int vgem_pfn_runs_find(const struct vgem_pfn_runs *runs, pgoff_t pgoff)
{
	unsigned int low = 0, high = runs->num;

	while (high - low > 1) {
		unsigned int middle = low + (high - low) / 2;

		if (runs->run[middle].first <= pgoff)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* The page after the last one of a run */
static pgoff_t vgem_pfn_runs_end(const struct vgem_pfn_runs *runs, unsigned int i)
{
	return i + 1 < runs->num ? runs->run[i + 1].first : runs->num_pages;
}

/**
 * vgem_pfn_runs_get() - look up the run that a page is in
 * @runs: the table
 * @pgoff: page, smaller than the number of pages in the table
 * @next: [in,out] any number; set to the index of the run after @out. If @pgoff
 *	  is the first page of run @next there is no search.
 * @out: [out] first, nr_pages and pfn of the run; other fields do not change
 */
void vgem_pfn_runs_get(const struct vgem_pfn_runs *runs, pgoff_t pgoff,
		       unsigned int *next, struct dma_buf_pfn_run *out)
{
	unsigned int i = *next;

	if (i >= runs->num || runs->run[i].first != pgoff)
		i = vgem_pfn_runs_find(runs, pgoff);

	out->first = runs->run[i].first;
	out->nr_pages = vgem_pfn_runs_end(runs, i) - out->first;
	out->pfn = runs->run[i].pfn;
	*next = i + 1;
}
EXPORT_SYMBOL_IF_KUNIT(vgem_pfn_runs_get);

/**
 * vgem_pfn_runs_pfn() - look up the page frame number of a page
 * @runs: the table
 * @pgoff: page, smaller than the number of pages in the table
 * @num_pages: [out] number of contiguous pages, from @pgoff to the end of its
 *	       run; may be NULL
 *
 * Return: the page frame number.
 */
u64 vgem_pfn_runs_pfn(const struct vgem_pfn_runs *runs, pgoff_t pgoff,
		      pgoff_t *num_pages)
{
	unsigned int i = vgem_pfn_runs_find(runs, pgoff);

	if (num_pages)
		*num_pages = vgem_pfn_runs_end(runs, i) - pgoff;
	return runs->run[i].pfn + (pgoff - runs->run[i].first);
}
EXPORT_SYMBOL_IF_KUNIT(vgem_pfn_runs_pfn);

static struct vgem_pfn_mgr *to_vgem_pfn_mgr(struct ttm_resource_manager *man)
{
	return container_of(man, struct vgem_pfn_mgr, base);
}

/*
 * Align to the size, so that large mappings are possible. Alignment leaves
 * gaps, so fall back to an unaligned range.
 */
static int vgem_pfn_mgr_alloc_range(struct vgem_pfn_mgr *mgr,
				    struct vgem_pfn_resource *res,
				    unsigned long num_pages)
{
	unsigned long align = min(rounddown_pow_of_two(num_pages),
				  1UL << (PUD_SHIFT - PAGE_SHIFT));
	int ret;

	lockdep_assert_held(&mgr->lock);

	ret = drm_mm_insert_node_generic(&mgr->mm, &res->node, num_pages, align, 0,
					 DRM_MM_INSERT_BEST);
	if (ret == -ENOSPC)
		ret = drm_mm_insert_node_generic(&mgr->mm, &res->node, num_pages, 0,
						 0, DRM_MM_INSERT_BEST);
	return ret;
}

/*
 * Allocate everything at once or, if max_block_order is set, small blocks from
 * alternating ends, so that no two blocks of a buffer are adjacent.
 */
static int vgem_pfn_mgr_alloc_blocks(struct vgem_pfn_mgr *mgr,
				     struct vgem_pfn_resource *res,
				     unsigned long num_pages, bool contiguous)
{
	unsigned int max_order = READ_ONCE(mgr->vdev->max_block_order);
	unsigned long n, left;
	int ret = 0;

	lockdep_assert_held(&mgr->lock);

	if (contiguous || num_pages >> min(max_order, BITS_PER_LONG - 1U) == 0)
		max_order = BITS_PER_LONG - 1;

	for (left = num_pages; left && !ret; left -= n) {
		unsigned long flags = contiguous ? GPU_BUDDY_CONTIGUOUS_ALLOCATION : 0;

		n = left;
		if (max_order < BITS_PER_LONG - 1) {
			n = min(n, 1UL << max_order);
			mgr->top = !mgr->top;
			if (mgr->top)
				flags |= GPU_BUDDY_TOPDOWN_ALLOCATION;
		}
		ret = gpu_buddy_alloc_blocks(&mgr->buddy, 0, mgr->buddy.size,
					     (u64)n << PAGE_SHIFT, PAGE_SIZE,
					     &res->blocks, flags);
	}
	if (ret)
		gpu_buddy_free_list(&mgr->buddy, &res->blocks, 0);
	return ret;
}

static void vgem_pfn_mgr_put(struct vgem_pfn_mgr *mgr, struct vgem_pfn_resource *res)
{
	mutex_lock(&mgr->lock);
	if (mgr->carveout->buddy)
		gpu_buddy_free_list(&mgr->buddy, &res->blocks, 0);
	else
		drm_mm_remove_node(&res->node);
	mutex_unlock(&mgr->lock);
}

static struct vgem_pfn_runs *vgem_pfn_mgr_runs(struct vgem_pfn_mgr *mgr,
					       struct vgem_pfn_resource *res)
{
	u64 base = PHYS_PFN(mgr->carveout->base);
	struct gpu_buddy_block *block;
	struct vgem_pfn_runs *runs;

	if (!mgr->carveout->buddy) {
		runs = vgem_pfn_runs_alloc(1);
		if (runs)
			vgem_pfn_runs_add(runs, res->node.start, res->node.size);
		return runs;
	}

	runs = vgem_pfn_runs_alloc(list_count_nodes(&res->blocks));
	if (!runs)
		return NULL;

	list_for_each_entry(block, &res->blocks, link)
		vgem_pfn_runs_add(runs,
				  base + PHYS_PFN(gpu_buddy_block_offset(block)),
				  PHYS_PFN(gpu_buddy_block_size(&mgr->buddy, block)));
	return runs;
}

/**
 * vgem_pfn_mgr_release() - free a resource and its memory
 * @mgr: its manager
 * @res: the resource, already removed from TTM; freed
 */
void vgem_pfn_mgr_release(struct vgem_pfn_mgr *mgr, struct vgem_pfn_resource *res)
{
	vgem_pfn_mgr_put(mgr, res);
	dma_fence_put(res->vacated);
	kvfree(res->runs);
	kfree(res);
}

static int vgem_pfn_mgr_try_alloc(struct vgem_pfn_mgr *mgr,
				  struct vgem_pfn_resource *res,
				  unsigned long num_pages, bool contiguous)
{
	int ret;

	mutex_lock(&mgr->lock);
	if (mgr->carveout->buddy)
		ret = vgem_pfn_mgr_alloc_blocks(mgr, res, num_pages, contiguous);
	else
		ret = vgem_pfn_mgr_alloc_range(mgr, res, num_pages);
	mutex_unlock(&mgr->lock);
	return ret;
}

static int vgem_pfn_mgr_alloc(struct ttm_resource_manager *man,
			      struct ttm_buffer_object *tbo,
			      const struct ttm_place *place,
			      struct ttm_resource **out)
{
	struct vgem_pfn_mgr *mgr = to_vgem_pfn_mgr(man);
	bool contiguous = place->flags & TTM_PL_FLAG_CONTIGUOUS;
	unsigned long num_pages = PFN_UP(tbo->base.size);
	struct vgem_pfn_resource *res;
	int ret;

	ret = vgem_pfn_fault(mgr->vdev, VGEM_PFN_FAULT_ALLOC);
	if (ret)
		return ret;

	res = kzalloc_obj(*res);
	if (!res)
		return -ENOMEM;

	INIT_LIST_HEAD(&res->blocks);
	ttm_resource_init(tbo, place, &res->base);

	ret = vgem_pfn_mgr_try_alloc(mgr, res, num_pages, contiguous);
	if (ret == -ENOSPC) {
		/* Even if there is nothing to flush, a quarantine may just have ended. */
		vgem_pfn_stale_flush(mgr);
		ret = vgem_pfn_mgr_try_alloc(mgr, res, num_pages, contiguous);
	}
	if (ret)
		goto err_free;

	res->runs = vgem_pfn_mgr_runs(mgr, res);
	if (!res->runs) {
		ret = -ENOMEM;
		goto err_put;
	}

	res->base.start = res->runs->run[0].pfn - PHYS_PFN(mgr->carveout->base);
	*out = &res->base;
	return 0;

err_put:
	vgem_pfn_mgr_put(mgr, res);
err_free:
	ttm_resource_fini(man, &res->base);
	kfree(res);
	return ret;
}

static void vgem_pfn_mgr_free(struct ttm_resource_manager *man,
			      struct ttm_resource *base)
{
	struct vgem_pfn_resource *res = to_vgem_pfn_resource(base);
	struct vgem_pfn_mgr *mgr = to_vgem_pfn_mgr(man);
	struct vgem_pfn_device *vdev = mgr->vdev;

	/* TTM cannot find @res between here and its release or quarantine. */
	atomic_inc(&vdev->frees_begun);
	ttm_resource_fini(man, base);
	if (!vgem_pfn_stale_hold(mgr, res))
		vgem_pfn_mgr_release(mgr, res);
	atomic_inc(&vdev->frees_done);
	wake_up_all(&vdev->freed);
}

/* Whether a carveout has memory of an object whose reference count is zero. */
static bool vgem_pfn_mgr_is_releasing(struct vgem_pfn_device *vdev)
{
	struct ttm_resource_manager *man;
	struct ttm_lru_item *item;
	bool releasing = false;
	unsigned int i, j;

	spin_lock(&vdev->bdev.lru_lock);
	for (i = 0; i < vdev->num_carveouts; i++) {
		man = ttm_manager_type(&vdev->bdev, TTM_PL_VRAM + i);
		for (j = 0; j < TTM_MAX_BO_PRIORITY; j++)
			list_for_each_entry(item, &man->lru[j], link)
				if (ttm_lru_item_is_res(item) &&
				    !kref_read(&ttm_lru_item_to_res(item)->bo->kref))
					releasing = true;
	}
	spin_unlock(&vdev->bdev.lru_lock);
	return releasing;
}

/*
 * TTM's evictions skip an object whose reference count is zero. TTM then frees the
 * memory, or takes a new reference to free it later, which wakes no wait queue.
 */
static void vgem_pfn_mgr_wait_releases(struct vgem_pfn_device *vdev)
{
	while (vgem_pfn_mgr_is_releasing(vdev))
		schedule_timeout_uninterruptible(1);
}

static int vgem_pfn_mgr_count_frees(struct vgem_pfn_device *vdev)
{
	return atomic_read(&vdev->frees_done) + atomic_read(&vdev->releases);
}

/**
 * vgem_pfn_mgr_frees() - prepare vgem_pfn_mgr_wait_frees()
 * @vdev: the device, with &vgem_pfn_device.validate held for writing
 *
 * Context: may sleep.
 * Return: a number that changes when carveout memory is freed, and when the
 * reference count of an object in a carveout becomes zero. It may wrap.
 */
int vgem_pfn_mgr_frees(struct vgem_pfn_device *vdev)
{
	int frees;

	lockdep_assert_held_write(&vdev->validate);

	/* In this order, so that a release after the wait changes the number. */
	frees = vgem_pfn_mgr_count_frees(vdev);
	vgem_pfn_mgr_wait_releases(vdev);
	return frees;
}

/**
 * vgem_pfn_mgr_wait_frees() - wait for memory that TTM's evictions skipped
 * @vdev: the device, with &vgem_pfn_device.validate held for writing, so that
 *	  other placements do not keep freeing resources
 * @before: result of vgem_pfn_mgr_frees() before an allocation failed
 *
 * Context: may sleep.
 * Return: true if memory has been freed or can be evicted since, so that a retry
 * may succeed.
 */
bool vgem_pfn_mgr_wait_frees(struct vgem_pfn_device *vdev, int before)
{
	int begun;

	lockdep_assert_held_write(&vdev->validate);

	vgem_pfn_mgr_wait_releases(vdev);
	begun = atomic_read(&vdev->frees_begun);
	wait_event(vdev->freed, atomic_read(&vdev->frees_done) - begun >= 0);
	return vgem_pfn_mgr_count_frees(vdev) != before;
}

static void vgem_pfn_mgr_debug(struct ttm_resource_manager *man,
			       struct drm_printer *p)
{
	struct vgem_pfn_mgr *mgr = to_vgem_pfn_mgr(man);

	mutex_lock(&mgr->lock);
	if (mgr->carveout->buddy)
		drm_buddy_print(&mgr->buddy, p);
	else
		drm_mm_print(&mgr->mm, p);
	mutex_unlock(&mgr->lock);
}

static const struct ttm_resource_manager_func vgem_pfn_mgr_func = {
	.alloc = vgem_pfn_mgr_alloc,
	.free = vgem_pfn_mgr_free,
	.debug = vgem_pfn_mgr_debug,
};

/**
 * vgem_pfn_mgr_init() - create the manager of a carveout
 * @vdev: the device
 * @mem_type: TTM memory type of the carveout
 * @carveout: the carveout, with its memory; lives as long as the manager
 *
 * Return: 0 or a negative errno.
 */
int vgem_pfn_mgr_init(struct vgem_pfn_device *vdev, u32 mem_type,
		      struct vgem_pfn_carveout *carveout)
{
	struct vgem_pfn_mgr *mgr;
	int ret;

	mgr = kzalloc_obj(*mgr);
	if (!mgr)
		return -ENOMEM;

	mgr->vdev = vdev;
	mgr->carveout = carveout;
	mgr->base.func = &vgem_pfn_mgr_func;
	mutex_init(&mgr->lock);

	ret = vgem_pfn_stale_init(mgr);
	if (ret)
		goto err_free;

	if (carveout->buddy) {
		ret = gpu_buddy_init(&mgr->buddy, PFN_PHYS(carveout->num_pages),
				     PAGE_SIZE);
		if (ret)
			goto err_stale;
		gpu_buddy_driver_set_lock(&mgr->buddy, &mgr->lock);
	} else {
		drm_mm_init(&mgr->mm, PHYS_PFN(carveout->base), carveout->num_pages);
	}

	ttm_resource_manager_init(&mgr->base, &vdev->bdev, carveout->num_pages);
	ttm_set_driver_manager(&vdev->bdev, mem_type, &mgr->base);
	ttm_resource_manager_set_used(&mgr->base, true);
	return 0;

err_stale:
	vgem_pfn_stale_fini(mgr);
err_free:
	mutex_destroy(&mgr->lock);
	kfree(mgr);
	return ret;
}

/**
 * vgem_pfn_mgr_flush() - end every quarantine in every carveout
 * @vdev: the device
 */
void vgem_pfn_mgr_flush(struct vgem_pfn_device *vdev)
{
	unsigned int i;

	for (i = 0; i < vdev->num_carveouts; i++)
		vgem_pfn_stale_flush(to_vgem_pfn_mgr(ttm_manager_type(&vdev->bdev,
								      TTM_PL_VRAM + i)));
}

/**
 * vgem_pfn_mgr_fini() - destroy the manager of a carveout
 * @vdev: the device, with no buffer object left
 * @mem_type: TTM memory type of the carveout
 */
void vgem_pfn_mgr_fini(struct vgem_pfn_device *vdev, u32 mem_type)
{
	struct ttm_resource_manager *man = ttm_manager_type(&vdev->bdev, mem_type);
	struct vgem_pfn_mgr *mgr = to_vgem_pfn_mgr(man);

	ttm_resource_manager_set_used(man, false);
	drm_WARN_ON(&vdev->drm, ttm_resource_manager_evict_all(&vdev->bdev, man));
	vgem_pfn_stale_fini(mgr);

	if (mgr->carveout->buddy) {
		mutex_lock(&mgr->lock);
		gpu_buddy_fini(&mgr->buddy);
		mutex_unlock(&mgr->lock);
	} else {
		drm_mm_takedown(&mgr->mm);
	}

	ttm_resource_manager_cleanup(man);
	ttm_set_driver_manager(&vdev->bdev, mem_type, NULL);
	mutex_destroy(&mgr->lock);
	kfree(mgr);
}
