// SPDX-License-Identifier: GPL-2.0-only
/*
 * What TTM asks of a driver, short of moving: pages, eviction targets, and where
 * a carveout can be reached. All callbacks but those for a struct ttm_tt run
 * under the buffer object's reservation lock.
 */

#include <linux/dma-resv.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>
#include <drm/ttm/ttm_range_manager.h>
#include <drm/ttm/ttm_tt.h>

#include "vgem_pfn_drv.h"

static struct vgem_pfn_device *bdev_to_vdev(struct ttm_device *bdev)
{
	return container_of(bdev, struct vgem_pfn_device, bdev);
}

static struct ttm_tt *vgem_pfn_tt_create(struct ttm_buffer_object *tbo,
					 u32 page_flags)
{
	struct ttm_tt *tt;

	tt = kzalloc_obj(*tt);
	if (!tt)
		return NULL;

	if (ttm_tt_init(tt, tbo, page_flags, ttm_cached, 0)) {
		kfree(tt);
		return NULL;
	}
	return tt;
}

static void vgem_pfn_tt_destroy(struct ttm_device *bdev, struct ttm_tt *tt)
{
	ttm_tt_fini(tt);
	kfree(tt);
}

static void vgem_pfn_evict_flags(struct ttm_buffer_object *tbo,
				 struct ttm_placement *placement)
{
	static const struct ttm_place system = { .mem_type = TTM_PL_SYSTEM };

	if (vgem_pfn_is_bo(tbo)) {
		vgem_pfn_bo_evict_placement(to_vgem_pfn_bo(tbo), placement);
		return;
	}

	placement->placement = &system;
	placement->num_placement = 1;
}

/*
 * TTM swaps out what is in SYSTEM already without calling .move. It has waited
 * for the fences, but before the importers were told, so what they added when
 * told has to be waited for here. Such fences cannot depend on us: we hold the
 * reservation lock that a new access would need.
 */
static void vgem_pfn_swap_notify(struct ttm_buffer_object *tbo)
{
	dma_resv_assert_held(tbo->base.resv);

	if (!vgem_pfn_is_bo(tbo))
		return;

	vgem_pfn_notify(to_vgem_pfn_bo(tbo));
	dma_resv_wait_timeout(tbo->base.resv, DMA_RESV_USAGE_BOOKKEEP, false,
			      MAX_SCHEDULE_TIMEOUT);
}

static int vgem_pfn_io_mem_reserve(struct ttm_device *bdev,
				   struct ttm_resource *res)
{
	struct vgem_pfn_carveout *carveout;

	carveout = vgem_pfn_carveout_of(bdev_to_vdev(bdev), res->mem_type);
	if (!carveout)
		return 0;

	/*
	 * The pages are System RAM, which x86 refuses to ioremap(): with
	 * bus.addr set TTM does not try. bus.offset serves page faults.
	 */
	res->bus.offset = page_to_phys(carveout->pages) +
			  ((phys_addr_t)res->start << PAGE_SHIFT);
	res->bus.addr = page_address(carveout->pages + res->start);
	res->bus.caching = ttm_cached;
	res->bus.is_iomem = true;
	return 0;
}

/* Lets ptrace() and /proc/pid/mem read mappings of what is in a carveout. */
static int vgem_pfn_access_memory(struct ttm_buffer_object *tbo,
				  unsigned long offset, void *buf, int len,
				  int write)
{
	struct vgem_pfn_carveout *carveout;
	void *vaddr;

	dma_resv_assert_held(tbo->base.resv);

	carveout = vgem_pfn_carveout_of(bdev_to_vdev(tbo->bdev),
					tbo->resource->mem_type);
	if (!carveout)
		return -EIO;

	vaddr = page_address(carveout->pages + tbo->resource->start) + offset;
	if (write)
		memcpy(vaddr, buf, len);
	else
		memcpy(buf, vaddr, len);
	return len;
}

static const struct ttm_device_funcs vgem_pfn_ttm_funcs = {
	.ttm_tt_create = vgem_pfn_tt_create,
	.ttm_tt_destroy = vgem_pfn_tt_destroy,
	.eviction_valuable = ttm_bo_eviction_valuable,
	.evict_flags = vgem_pfn_evict_flags,
	.move = vgem_pfn_move,
	.swap_notify = vgem_pfn_swap_notify,
	.io_mem_reserve = vgem_pfn_io_mem_reserve,
	.access_memory = vgem_pfn_access_memory,
};

/**
 * vgem_pfn_region_pages() - size of a region
 * @vdev: the device
 * @region: a region of the uAPI, which is also a TTM memory type
 *
 * Return: size in pages, or zero if there is no such region. That of SYSTEM is
 * the machine's memory, so that a size which can never be populated is refused
 * at once.
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

static void vgem_pfn_ttm_fini(struct drm_device *drm, void *data)
{
	struct vgem_pfn_device *vdev = data;

	ttm_range_man_fini(&vdev->bdev, TTM_PL_TT);
	ttm_device_fini(&vdev->bdev);
}

/**
 * vgem_pfn_ttm_init() - initialise TTM with SYSTEM and TT, without carveouts
 * @vdev: the device
 *
 * Undone when the DRM device is released.
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

	/* Half of memory, as TTM's own limit for populated pages. */
	ret = ttm_range_man_init(&vdev->bdev, TTM_PL_TT, true,
				 totalram_pages() / 2);
	if (ret) {
		ttm_device_fini(&vdev->bdev);
		return ret;
	}

	return drmm_add_action_or_reset(drm, vgem_pfn_ttm_fini, vdev);
}
