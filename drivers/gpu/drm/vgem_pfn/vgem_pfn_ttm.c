// SPDX-License-Identifier: GPL-2.0-only
/*
 * TTM callbacks other than .move: pages, eviction targets, and CPU access to
 * carveouts. All but those for a struct ttm_tt run under the buffer object's
 * reservation lock.
 */

#include <linux/atomic.h>
#include <linux/dma-resv.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>
#include <drm/ttm/ttm_range_manager.h>
#include <drm/ttm/ttm_tt.h>

#include "vgem_pfn_drv.h"
#include "vgem_pfn_trace.h"

static struct vgem_pfn_device *bdev_to_vdev(struct ttm_device *bdev)
{
	return container_of(bdev, struct vgem_pfn_device, bdev);
}

static struct ttm_tt *vgem_pfn_tt_create(struct ttm_buffer_object *tbo,
					 u32 page_flags)
{
	struct vgem_pfn_tt *tt;
	int ret;

	tt = kzalloc_obj(*tt);
	if (!tt)
		return NULL;

	/* An imported object has addresses, but no pages. */
	if (tbo->type == ttm_bo_type_sg)
		ret = ttm_sg_tt_init(&tt->base, tbo, page_flags, ttm_cached);
	else
		ret = ttm_tt_init(&tt->base, tbo, page_flags, ttm_cached, 0);
	if (ret) {
		kfree(tt);
		return NULL;
	}
	return &tt->base;
}

static void vgem_pfn_tt_destroy(struct ttm_device *bdev, struct ttm_tt *tt)
{
	ttm_tt_fini(tt);
	kfree(to_vgem_pfn_tt(tt));
}

static int vgem_pfn_tt_populate(struct ttm_device *bdev, struct ttm_tt *tt,
				struct ttm_operation_ctx *ctx)
{
	int ret;

	ret = vgem_pfn_fault(bdev_to_vdev(bdev), VGEM_PFN_FAULT_POPULATE);
	if (ret)
		return ret;

	ret = ttm_pool_alloc(&bdev->pool, tt, ctx);
	if (ret)
		return ret;

	to_vgem_pfn_tt(tt)->runs = vgem_pfn_runs_from_pages(tt->pages, tt->num_pages);
	if (!to_vgem_pfn_tt(tt)->runs) {
		ttm_pool_free(&bdev->pool, tt);
		return -ENOMEM;
	}
	return 0;
}

static void vgem_pfn_tt_unpopulate(struct ttm_device *bdev, struct ttm_tt *tt)
{
	kvfree(to_vgem_pfn_tt(tt)->runs);
	to_vgem_pfn_tt(tt)->runs = NULL;
	ttm_pool_free(&bdev->pool, tt);
}

static void vgem_pfn_evict_flags(struct ttm_buffer_object *tbo,
				 struct ttm_placement *placement)
{
	if (vgem_pfn_is_bo(tbo))
		vgem_pfn_bo_evict_placement(to_vgem_pfn_bo(tbo), placement);
	else
		/* The contents of a ghost object are not needed. */
		placement->num_placement = 0;
}

/*
 * TTM swaps out objects in SYSTEM without calling .move. It waits for the
 * fences that importers add when they are notified.
 */
static void vgem_pfn_swap_notify(struct ttm_buffer_object *tbo)
{
	dma_resv_assert_held(tbo->base.resv);

	if (!vgem_pfn_is_bo(tbo))
		return;

	vgem_pfn_notify(to_vgem_pfn_bo(tbo));
	trace_vgem_pfn_swap(to_vgem_pfn_bo(tbo));
}

static int vgem_pfn_io_mem_reserve(struct ttm_device *bdev,
				   struct ttm_resource *res)
{
	struct vgem_pfn_carveout *carveout;
	struct iosys_map map;
	u64 pfn;

	carveout = vgem_pfn_carveout_of(bdev_to_vdev(bdev), res->mem_type);
	if (!carveout)
		return 0;

	/*
	 * With bus.addr set TTM does not map the memory itself. It could not:
	 * scattered memory is not one range, and x86 refuses to map System RAM.
	 */
	pfn = to_vgem_pfn_resource(res)->runs->run[0].pfn;
	map = vgem_pfn_carveout_map(carveout, pfn);
	res->bus.offset = PFN_PHYS(pfn);
	res->bus.addr = map.is_iomem ? (void __force *)map.vaddr_iomem : map.vaddr;
	res->bus.caching = carveout->caching;
	res->bus.is_iomem = true;
	return 0;
}

static unsigned long vgem_pfn_io_mem_pfn(struct ttm_buffer_object *tbo,
					 unsigned long page_offset)
{
	return vgem_pfn_lookup(to_vgem_pfn_bo(tbo), page_offset);
}

/* Access to carveouts for ptrace() and /proc/<pid>/mem. */
static int vgem_pfn_access_memory(struct ttm_buffer_object *tbo,
				  unsigned long offset, void *buf, int len,
				  int write)
{
	struct vgem_pfn_carveout *carveout;
	int done, idx, n;

	dma_resv_assert_held(tbo->base.resv);

	carveout = vgem_pfn_carveout_of(bdev_to_vdev(tbo->bdev),
					tbo->resource->mem_type);
	if (!carveout)
		return -EIO;

	if (!drm_dev_enter(&bdev_to_vdev(tbo->bdev)->drm, &idx))
		return -EIO;

	for (done = 0; done < len; done += n, offset += n) {
		u64 pfn = vgem_pfn_lookup(to_vgem_pfn_bo(tbo), offset >> PAGE_SHIFT);
		struct iosys_map map = vgem_pfn_carveout_map(carveout, pfn);

		n = min_t(int, len - done, PAGE_SIZE - offset_in_page(offset));
		if (write)
			iosys_map_memcpy_to(&map, offset_in_page(offset), buf + done, n);
		else
			iosys_map_memcpy_from(buf + done, &map,
					      offset_in_page(offset), n);
	}
	drm_dev_exit(idx);
	return len;
}

/* The reference count of an object or a ghost is zero, see vgem_pfn_mgr_frees(). */
static void vgem_pfn_release_notify(struct ttm_buffer_object *tbo)
{
	if (tbo->resource && tbo->resource->mem_type >= TTM_PL_VRAM)
		atomic_inc(&bdev_to_vdev(tbo->bdev)->releases);
}

/* For a ghost object, vgem_pfn_move() has called vgem_pfn_stale_note(). */
static void vgem_pfn_delete_mem_notify(struct ttm_buffer_object *tbo)
{
	if (vgem_pfn_is_bo(tbo))
		vgem_pfn_stale_note(to_vgem_pfn_bo(tbo), tbo->resource);
}

static const struct ttm_device_funcs vgem_pfn_ttm_funcs = {
	.ttm_tt_create = vgem_pfn_tt_create,
	.ttm_tt_populate = vgem_pfn_tt_populate,
	.ttm_tt_unpopulate = vgem_pfn_tt_unpopulate,
	.ttm_tt_destroy = vgem_pfn_tt_destroy,
	.eviction_valuable = ttm_bo_eviction_valuable,
	.evict_flags = vgem_pfn_evict_flags,
	.move = vgem_pfn_move,
	.release_notify = vgem_pfn_release_notify,
	.delete_mem_notify = vgem_pfn_delete_mem_notify,
	.swap_notify = vgem_pfn_swap_notify,
	.io_mem_reserve = vgem_pfn_io_mem_reserve,
	.io_mem_pfn = vgem_pfn_io_mem_pfn,
	.access_memory = vgem_pfn_access_memory,
};

/**
 * vgem_pfn_region_pages() - size of a region
 * @vdev: the device
 * @region: a region of the uAPI, which is also a TTM memory type
 *
 * Return: size in pages, or zero if there is no such region. The size of SYSTEM
 * is the machine's memory, so that buffers which can never be populated are
 * refused at once.
 */
unsigned long vgem_pfn_region_pages(struct vgem_pfn_device *vdev, u32 region)
{
	struct vgem_pfn_carveout *carveout = vgem_pfn_carveout_of(vdev, region);

	if (carveout)
		return carveout->num_pages;
	if (region == TTM_PL_SYSTEM)
		return totalram_pages();
	if (region == TTM_PL_TT)
		return ttm_manager_type(&vdev->bdev, TTM_PL_TT)->size;
	return 0;
}

/**
 * vgem_pfn_region_name() - name of a region
 * @vdev: the device
 * @region: one of its regions
 *
 * Return: the name in the uAPI, in debugfs and in fdinfo.
 */
const char *vgem_pfn_region_name(struct vgem_pfn_device *vdev, u32 region)
{
	switch (region) {
	case TTM_PL_SYSTEM:
		return "system";
	case TTM_PL_TT:
		return "tt";
	default:
		return vgem_pfn_carveout_of(vdev, region)->name;
	}
}

static void vgem_pfn_ttm_fini(struct drm_device *drm, void *data)
{
	struct vgem_pfn_device *vdev = data;

	ttm_range_man_fini(&vdev->bdev, TTM_PL_TT);
}

/**
 * vgem_pfn_ttm_stop() - wait until TTM does not use the device any more
 * @drm: the DRM device, without files and dma-bufs
 * @data: the &struct vgem_pfn_device
 *
 * On behalf of any device, TTM may swap out buffers of all devices. Meanwhile it has references
 * to the objects, so that an object may outlive its last handle, and it uses the managers.
 * ttm_device_fini() waits for that, and for the workers that free objects. It must come
 * before the engines and the managers are freed.
 *
 * Context: may sleep.
 */
void vgem_pfn_ttm_stop(struct drm_device *drm, void *data)
{
	struct vgem_pfn_device *vdev = data;

	ttm_device_fini(&vdev->bdev);
}

/**
 * vgem_pfn_ttm_init() - initialise TTM with SYSTEM and TT, without carveouts
 * @vdev: the device
 *
 * The manager of TT is freed when the DRM device is released. Before that the caller must
 * call vgem_pfn_ttm_stop().
 *
 * Return: 0 or a negative errno.
 */
int vgem_pfn_ttm_init(struct vgem_pfn_device *vdev)
{
	struct drm_device *drm = &vdev->drm;
	int ret;

	ret = ttm_device_init(&vdev->bdev, &vgem_pfn_ttm_funcs, drm->dev,
			      drm->anon_inode->i_mapping,
			      drm->vma_offset_manager,
			      TTM_ALLOCATION_PROPAGATE_ENOSPC |
			      TTM_ALLOCATION_POOL_BENEFICIAL_ORDER(PMD_ORDER));
	if (ret)
		return ret;

	/* Half of all memory, like TTM's limit for populated pages. */
	ret = ttm_range_man_init(&vdev->bdev, TTM_PL_TT, true,
				 totalram_pages() / 2);
	if (ret) {
		ttm_device_fini(&vdev->bdev);
		return ret;
	}

	ret = drmm_add_action(drm, vgem_pfn_ttm_fini, vdev);
	if (ret) {
		vgem_pfn_ttm_stop(drm, vdev);
		vgem_pfn_ttm_fini(drm, vdev);
	}
	return ret;
}
