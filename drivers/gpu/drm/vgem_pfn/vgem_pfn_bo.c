// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffer objects: creation, placement lists, placing on behalf of userspace,
 * and release.
 *
 * Unplug, suspend and debugfs iterate over the list of all buffer objects of a
 * device. The list is protected by &vgem_pfn_device.bos_lock, which is not held
 * between iterations: a reference keeps the current object on the list.
 *
 * A placement only fails for lack of memory if evictions cannot free any, even
 * without concurrent placements.
 */

#include <linux/atomic.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/kref.h>
#include <linux/rwsem.h>
#include <linux/slab.h>

#include <drm/drm_exec.h>
#include <drm/drm_gem_ttm_helper.h>

#include "vgem_pfn_drv.h"
#include "vgem_pfn_engine.h"
#include "vgem_pfn_trace.h"

/**
 * vgem_pfn_bos_add() - add a buffer object to its device's list
 * @bo: the buffer object, ready for use
 */
void vgem_pfn_bos_add(struct vgem_pfn_bo *bo)
{
	struct vgem_pfn_device *vdev = vgem_pfn_bo_device(bo);

	spin_lock(&vdev->bos_lock);
	list_add_tail(&bo->link, &vdev->bos);
	spin_unlock(&vdev->bos_lock);
}

/**
 * vgem_pfn_bos_remove() - remove a buffer object from its device's list
 * @bo: the buffer object, which may not have been added
 */
static void vgem_pfn_bos_remove(struct vgem_pfn_bo *bo)
{
	struct vgem_pfn_device *vdev = vgem_pfn_bo_device(bo);

	spin_lock(&vdev->bos_lock);
	list_del_init(&bo->link);
	spin_unlock(&vdev->bos_lock);
}

/**
 * vgem_pfn_bos_next() - iterate over the buffer objects of a device
 * @vdev: the device
 * @prev: the previous object, whose reference is dropped, or NULL to start
 *
 * Objects that are created during the iteration are visited, too.
 *
 * Context: may sleep. Must not hold reservation locks.
 * Return: the next object with a reference, or NULL at the end.
 */
struct vgem_pfn_bo *vgem_pfn_bos_next(struct vgem_pfn_device *vdev,
				      struct vgem_pfn_bo *prev)
{
	struct vgem_pfn_bo *bo;
	bool found = false;

	spin_lock(&vdev->bos_lock);
	bo = prev ?: list_entry(&vdev->bos, struct vgem_pfn_bo, link);
	list_for_each_entry_continue(bo, &vdev->bos, link) {
		/* Skip objects that are being freed. */
		found = kref_get_unless_zero(&bo->tbo.base.refcount);
		if (found)
			break;
	}
	spin_unlock(&vdev->bos_lock);

	if (prev)
		drm_gem_object_put(&prev->tbo.base);
	return found ? bo : NULL;
}

static void vgem_pfn_bo_place_end(struct vgem_pfn_device *vdev, bool exclusive)
{
	if (exclusive)
		up_write(&vdev->validate);
	else
		up_read(&vdev->validate);
}

/*
 * Waits while the machine is suspended. &vgem_pfn_device.validate delays the
 * next suspend until the placement is done.
 */
static int vgem_pfn_bo_place_begin(struct vgem_pfn_device *vdev, bool exclusive)
{
	int ret;

	for (;;) {
		ret = vgem_pfn_pm_wait(vdev);
		if (ret)
			return ret;

		ret = vgem_pfn_engines_wait(vdev);
		if (ret)
			return ret;

		if (exclusive)
			ret = down_write_killable(&vdev->validate);
		else
			ret = down_read_interruptible(&vdev->validate);
		if (ret)
			return -ERESTARTSYS;

		if (!vgem_pfn_pm_suspended(vdev))
			return 0;
		vgem_pfn_bo_place_end(vdev, exclusive);
	}
}

static bool vgem_pfn_no_room(int ret)
{
	return ret == -ENOMEM || ret == -ENOSPC;
}

/* One attempt, see vgem_pfn_bo_place(). */
static int vgem_pfn_bo_try_place(struct vgem_pfn_bo *bo,
				 struct ttm_placement *placement, bool create,
				 bool async, struct dma_fence **fence)
{
	struct ttm_operation_ctx ctx = {
		.interruptible = true,
		.gfp_retry_mayfail = true,
	};
	struct drm_exec exec;
	int ret;

	lockdep_assert_held(&vgem_pfn_bo_device(bo)->validate);

	drm_exec_init(&exec, DRM_EXEC_INTERRUPTIBLE_WAIT, 1);
	drm_exec_until_all_locked(&exec) {
		ret = drm_exec_lock_obj(&exec, &bo->tbo.base);
		drm_exec_retry_on_contention(&exec);
		if (ret)
			break;

		/* TTM would return -EINVAL. */
		if (bo->tbo.pin_count &&
		    bo->tbo.resource->mem_type != placement->placement[0].mem_type) {
			ret = -EBUSY;
			trace_vgem_pfn_refused(bo);
			break;
		}

		bo->async = async;
		ret = ttm_bo_validate(&bo->tbo, placement, &ctx);
		bo->async = false;
		if (ret)
			break;
		if (fence)
			*fence = dma_fence_get(bo->moving) ?: dma_fence_get_stub();
		ttm_bo_move_to_lru_tail_unlocked(&bo->tbo);

		/* The initial placement is not counted as a move. */
		if (create)
			bo->num_moves = 0;
	}
	drm_exec_fini(&exec);
	return ret;
}

/* Whether evicting @bo frees memory for @placement. */
static bool vgem_pfn_bo_is_victim(struct vgem_pfn_bo *bo,
				  const struct ttm_placement *placement)
{
	u32 region = bo->tbo.resource->mem_type;
	unsigned int i;

	dma_resv_assert_held(bo->tbo.base.resv);

	if (bo->imported || bo->tbo.pin_count || region == TTM_PL_SYSTEM)
		return false;
	for (i = 0; i < placement->num_placement; i++)
		if (placement->placement[i].mem_type == region)
			return true;
	return false;
}

/*
 * Evict an object other than @bo. Waiting for its lock cannot deadlock, since no
 * other reservation lock is held.
 *
 * Return: 1 if an object was evicted, 0 if there was none, or a negative errno.
 */
static int vgem_pfn_bo_evict_other(struct vgem_pfn_bo *bo,
				   const struct ttm_placement *placement)
{
	struct vgem_pfn_bo *other = NULL;
	bool evicted = false;
	int ret;

	lockdep_assert_held_write(&vgem_pfn_bo_device(bo)->validate);

	while ((other = vgem_pfn_bos_next(vgem_pfn_bo_device(bo), other))) {
		if (other == bo)
			continue;
		ret = dma_resv_lock_interruptible(other->tbo.base.resv, NULL);
		if (ret)
			break;
		if (vgem_pfn_bo_is_victim(other, placement)) {
			ret = vgem_pfn_bo_evict(other);
			evicted = !ret;
		}
		dma_resv_unlock(other->tbo.base.resv);

		/* Like TTM, skip objects whose fences do not signal. */
		if (evicted || (ret && ret != -EBUSY))
			break;
	}
	if (!other)
		return 0;

	drm_gem_object_put(&other->tbo.base);
	return evicted ? 1 : ret;
}

/*
 * Whether a placement that failed with *@ret without concurrent placements may
 * succeed now. If not, *@ret is the error to return.
 */
static bool vgem_pfn_bo_may_retry(struct vgem_pfn_bo *bo,
				  const struct ttm_placement *placement,
				  int frees, int *ret)
{
	struct vgem_pfn_device *vdev = vgem_pfn_bo_device(bo);
	int evicted;

	if (!vgem_pfn_no_room(*ret))
		return false;
	if (vgem_pfn_mgr_wait_frees(vdev, frees))
		return true;
	if (*ret != -ENOSPC)
		return false;

	evicted = vgem_pfn_bo_evict_other(bo, placement);
	if (evicted < 0)
		*ret = evicted;
	/* An object may have left while this task waited for its lock. */
	return evicted > 0 || (!evicted && vgem_pfn_mgr_wait_frees(vdev, frees));
}

/**
 * vgem_pfn_bo_place() - place or move a buffer object
 * @bo: the buffer object
 * @placement: allowed placements
 * @create: whether it is new, so that this does not count as a move
 * @async: whether a copy engine makes the copy
 * @fence: [out] if not NULL, a reference to a fence that signals when the copy
 *	   is done
 *
 * With a ww ticket TTM waits for the reservation locks of the objects to evict,
 * otherwise it would only trylock them. If two tasks deadlock on these locks,
 * TTM still fails for lack of memory. A task that fails therefore retries with
 * &vgem_pfn_device.validate held for writing, which excludes all other
 * placements. This follows xe_validation_ctx_init().
 *
 * Even without other placements an object may leave a region: it is freed, or
 * moved for an importer that cannot reach it, without a ticket. TTM waits for
 * the lock of such an object, but does not retry the allocation when the object
 * has left. TTM skips objects whose reference count is zero, even if their memory
 * is not free yet. This function retries as long as memory is being freed.
 *
 * Another driver may hold the lock of an exported object with a ticket of its
 * own. Then TTM fails if the lock returns -EDEADLK; CONFIG_DEBUG_WW_MUTEX_SLOWPATH
 * injects this error, too. This function then evicts other objects itself,
 * holding only the lock of the object that it evicts.
 *
 * Context: may sleep, takes &vgem_pfn_device.validate and reservation locks.
 * Return: 0; -EBUSY if pinned in another region, or if fences do not signal;
 * -ENOMEM, -ENOSPC, -EINTR or -ERESTARTSYS.
 */
static int vgem_pfn_bo_place(struct vgem_pfn_bo *bo, struct ttm_placement *placement,
			     bool create, bool async, struct dma_fence **fence)
{
	struct vgem_pfn_device *vdev = vgem_pfn_bo_device(bo);
	bool exclusive = false;
	int frees = 0, ret;

	for (;;) {
		ret = vgem_pfn_bo_place_begin(vdev, exclusive);
		if (ret)
			return ret;

		/*
		 * The loop ends, since no other placements free resources, or move
		 * objects back that have been evicted.
		 */
		do {
			if (exclusive)
				frees = vgem_pfn_mgr_frees(vdev);
			ret = vgem_pfn_bo_try_place(bo, placement, create, async,
						    fence);
		} while (exclusive &&
			 vgem_pfn_bo_may_retry(bo, placement, frees, &ret));

		vgem_pfn_bo_place_end(vdev, exclusive);

		if (exclusive || !vgem_pfn_no_room(ret))
			return ret;
		exclusive = true;
	}
}

/**
 * vgem_pfn_bo_alloc() - allocate a buffer object
 *
 * Return: an object on no list, with a unique &vgem_pfn_bo.id and otherwise
 * zeroed, or NULL if out of memory.
 */
struct vgem_pfn_bo *vgem_pfn_bo_alloc(void)
{
	static atomic64_t last_id;
	struct vgem_pfn_bo *bo = kzalloc_obj(*bo);

	if (!bo)
		return NULL;

	bo->id = atomic64_inc_return(&last_id);
	INIT_LIST_HEAD(&bo->link);
	return bo;
}

/**
 * vgem_pfn_bo_free() - &drm_gem_object_funcs.free
 * @obj: the object, without references
 */
void vgem_pfn_bo_free(struct drm_gem_object *obj)
{
	ttm_bo_fini(&gem_to_vgem_pfn_bo(obj)->tbo);
}

static const struct drm_gem_object_funcs vgem_pfn_gem_funcs = {
	.free = vgem_pfn_bo_free,
	.export = vgem_pfn_gem_prime_export,
	.print_info = drm_gem_ttm_print_info,
	.vmap = vgem_pfn_gem_vmap,
	.vunmap = vgem_pfn_gem_vunmap,
	.mmap = drm_gem_ttm_mmap,
	.vm_ops = &vgem_pfn_vm_ops,
};

/**
 * vgem_pfn_bo_destroy() - &ttm_buffer_object.destroy
 * @tbo: the buffer object, embedded in a &struct vgem_pfn_bo
 */
void vgem_pfn_bo_destroy(struct ttm_buffer_object *tbo)
{
	struct vgem_pfn_bo *bo = to_vgem_pfn_bo(tbo);

	vgem_pfn_bos_remove(bo);
	vgem_pfn_import_release(bo);
	dma_fence_put(bo->moving);
	drm_gem_object_release(&tbo->base);
	kfree(bo);
}

/**
 * vgem_pfn_is_bo() - whether this is a buffer object of the driver and no ghost
 * @tbo: a buffer object that TTM passed to a callback
 *
 * Return: true if @tbo is embedded in a &struct vgem_pfn_bo.
 */
bool vgem_pfn_is_bo(struct ttm_buffer_object *tbo)
{
	return tbo->destroy == vgem_pfn_bo_destroy;
}

/**
 * vgem_pfn_bo_region() - the uAPI region that a buffer object is in
 * @bo: the buffer object, with its reservation lock held
 *
 * Return: the region. An imported object is in TT while it is mapped.
 */
u32 vgem_pfn_bo_region(struct vgem_pfn_bo *bo)
{
	dma_resv_assert_held(bo->tbo.base.resv);

	return vgem_pfn_import_is_mapped(bo) ? TTM_PL_TT :
					       bo->tbo.resource->mem_type;
}

/**
 * vgem_pfn_lookup() - look up the page frame number of a page
 * @bo: the buffer object, with its reservation lock held
 * @pgoff: page, counted from the start of @bo, smaller than its size
 *
 * Return: the page frame number, or VGEM_PFN_NO_PFN if the page has no
 * memory.
 */
u64 vgem_pfn_lookup(struct vgem_pfn_bo *bo, pgoff_t pgoff)
{
	const struct vgem_pfn_runs *runs;

	if (bo->imported)
		return vgem_pfn_import_lookup(bo, pgoff);

	runs = vgem_pfn_bo_runs(bo);
	return runs ? vgem_pfn_runs_pfn(runs, pgoff, NULL) : VGEM_PFN_NO_PFN;
}

/**
 * vgem_pfn_bo_fits() - whether a buffer object fits into a region
 * @bo: the buffer object
 * @region: a region of the uAPI
 *
 * If it does not, TTM would evict all other objects before it fails.
 *
 * Return: true if @region is large enough when it is empty.
 */
bool vgem_pfn_bo_fits(struct vgem_pfn_bo *bo, u32 region)
{
	return PFN_UP(bo->tbo.base.size) <=
	       vgem_pfn_region_pages(vgem_pfn_bo_device(bo), region);
}

/**
 * vgem_pfn_bo_ttm_place() - the TTM place for a buffer object in a region
 * @bo: the buffer object
 * @region: the region
 *
 * Return: an element of a &struct ttm_placement.
 */
struct ttm_place vgem_pfn_bo_ttm_place(struct vgem_pfn_bo *bo, u32 region)
{
	struct ttm_place place = {
		.mem_type = region,
		.flags = bo->contiguous && region >= TTM_PL_VRAM ?
			 TTM_PL_FLAG_CONTIGUOUS : 0,
	};

	return place;
}

/**
 * vgem_pfn_bo_evict_placement() - regions that a buffer object is evicted to
 * @bo: the buffer object, with its reservation lock held
 * @placement: [out] valid until the lock is released
 *
 * These are the regions after the current one in its placement list, and SYSTEM
 * at the end.
 */
void vgem_pfn_bo_evict_placement(struct vgem_pfn_bo *bo,
				 struct ttm_placement *placement)
{
	unsigned int i, n = 0;
	u32 region;

	dma_resv_assert_held(bo->tbo.base.resv);
	region = bo->tbo.resource->mem_type;

	for (i = 0; i < bo->num_placements; i++)
		if (bo->placements[i] == region)
			break;
	for (i++; i < bo->num_placements; i++)
		if (vgem_pfn_bo_fits(bo, bo->placements[i]))
			bo->evict_placements[n++] =
				vgem_pfn_bo_ttm_place(bo, bo->placements[i]);
	if (!n || bo->evict_placements[n - 1].mem_type != TTM_PL_SYSTEM)
		bo->evict_placements[n++] =
			vgem_pfn_bo_ttm_place(bo, TTM_PL_SYSTEM);

	placement->placement = bo->evict_placements;
	placement->num_placement = n;
}

/**
 * vgem_pfn_bo_evict() - move a buffer object to the next region of its list
 * @bo: the buffer object, with its reservation lock held; not imported or pinned
 *
 * Evicts no other objects, since SYSTEM always has space.
 *
 * Context: may sleep.
 * Return: 0; -EBUSY if fences do not signal; -ENOMEM, -EINTR or -ERESTARTSYS;
 * -ENODEV if the device is unplugged.
 */
int vgem_pfn_bo_evict(struct vgem_pfn_bo *bo)
{
	struct ttm_operation_ctx ctx = {
		.interruptible = true,
		.gfp_retry_mayfail = true,
	};
	struct ttm_placement placement = {};
	int ret;

	vgem_pfn_bo_evict_placement(bo, &placement);
	bo->evicting = true;
	ret = ttm_bo_validate(&bo->tbo, &placement, &ctx);
	bo->evicting = false;
	return ret;
}

/**
 * vgem_pfn_bo_create() - create a buffer object and place it
 * @vdev: the device
 * @size: size in bytes, a multiple of the page size and not zero
 * @placements: allowed regions in order of preference; each exists and is
 *		listed once, and one is large enough
 * @num_placements: length of @placements
 * @contiguous: whether it must be one contiguous range in any carveout
 *
 * The contents are zeroed. May evict other buffer objects.
 *
 * Context: may sleep, takes reservation locks.
 * Return: the object with one reference, or an error pointer: -ENOMEM, -ENOSPC,
 * -EBUSY, -EINTR or -ERESTARTSYS.
 */
struct vgem_pfn_bo *vgem_pfn_bo_create(struct vgem_pfn_device *vdev, u64 size,
				       const u32 *placements,
				       unsigned int num_placements,
				       bool contiguous)
{
	static const struct ttm_place nowhere = { .mem_type = TTM_PL_SYSTEM };
	struct ttm_placement placement = {
		.placement = &nowhere,
		.num_placement = 1,
	};
	struct ttm_place places[DRM_VGEM_PFN_MAX_REGIONS] = {};
	unsigned int i, n = 0;
	struct vgem_pfn_bo *bo;
	int ret;

	ret = vgem_pfn_fault(vdev, VGEM_PFN_FAULT_CREATE);
	if (ret)
		return ERR_PTR(ret);

	bo = vgem_pfn_bo_alloc();
	if (!bo)
		return ERR_PTR(-ENOMEM);

	drm_gem_private_object_init(&vdev->drm, &bo->tbo.base, size);
	bo->tbo.base.funcs = &vgem_pfn_gem_funcs;
	bo->contiguous = contiguous;
	bo->num_placements = num_placements;
	memcpy(bo->placements, placements, num_placements * sizeof(*placements));

	/*
	 * SYSTEM always has space, so regions after it are only used for
	 * evictions. The object starts in SYSTEM: without TTM_PL_FLAG_FALLBACK
	 * TTM would leave it there even if a preferred region has space.
	 */
	for (i = 0; i < num_placements; i++) {
		if (!vgem_pfn_bo_fits(bo, placements[i]))
			continue;
		places[n] = vgem_pfn_bo_ttm_place(bo, placements[i]);
		if (n && placements[i] == TTM_PL_SYSTEM)
			places[n].flags |= TTM_PL_FLAG_FALLBACK;
		n++;
		if (placements[i] == TTM_PL_SYSTEM)
			break;
	}

	/*
	 * Start in SYSTEM without pages: TTM locks a new object without a ww
	 * ticket, so it could only trylock the objects to evict. On failure TTM
	 * has already destroyed the object.
	 */
	ret = ttm_bo_init_validate(&vdev->bdev, &bo->tbo, ttm_bo_type_device,
				   &placement, 0, true, NULL, NULL,
				   vgem_pfn_bo_destroy);
	if (ret)
		return ERR_PTR(ret);
	vgem_pfn_bos_add(bo);

	placement.placement = places;
	placement.num_placement = n;
	ret = vgem_pfn_bo_place(bo, &placement, true, false, NULL);
	if (ret) {
		drm_gem_object_put(&bo->tbo.base);
		return ERR_PTR(ret);
	}

	return bo;
}

/**
 * vgem_pfn_bo_allows() - whether a buffer object may be moved to a region
 * @bo: the buffer object
 * @region: any number
 *
 * Return: true if @region is in its placement list, or is SYSTEM.
 */
bool vgem_pfn_bo_allows(struct vgem_pfn_bo *bo, u32 region)
{
	unsigned int i;

	if (region == TTM_PL_SYSTEM)
		return true;
	for (i = 0; i < bo->num_placements; i++)
		if (bo->placements[i] == region)
			return true;
	return false;
}

/**
 * vgem_pfn_bo_move() - move a buffer object to a region
 * @bo: the buffer object
 * @region: a region from its list, or TTM_PL_SYSTEM
 * @async: whether a copy engine makes the copy
 * @fence: [out] on success a reference to a fence that signals when the copy is
 *	   done; already signaled if there is none
 *
 * Context: may sleep, takes reservation locks.
 * Return: 0; -E2BIG if @region is too small; -EBUSY if pinned in another
 * region, or if fences do not signal; -ENOMEM, -ENOSPC, -EINTR or -ERESTARTSYS.
 */
int vgem_pfn_bo_move(struct vgem_pfn_bo *bo, u32 region, bool async,
		     struct dma_fence **fence)
{
	struct ttm_place place = vgem_pfn_bo_ttm_place(bo, region);
	struct ttm_placement placement = {
		.placement = &place,
		.num_placement = 1,
	};
	int ret;

	/* vgem_pfn_import_move() has waited for the exporter's copies. */
	if (bo->imported) {
		ret = vgem_pfn_import_move(bo, region);
		if (!ret)
			*fence = dma_fence_get_stub();
		return ret;
	}

	if (!vgem_pfn_bo_fits(bo, region))
		return -E2BIG;

	return vgem_pfn_bo_place(bo, &placement, false, async, fence);
}
