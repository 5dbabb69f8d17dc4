// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory usage of a client by region, for /proc/<pid>/fdinfo/<fd>, in the
 * format of Documentation/gpu/drm-usage-stats.rst. An object counts as total or
 * shared in the first region of its placement list, and as resident and active
 * in its current region.
 */

#include <linux/dma-resv.h>
#include <linux/idr.h>

#include <drm/drm_file.h>
#include <drm/drm_print.h>
#include <drm/ttm/ttm_tt.h>

#include "vgem_pfn_drv.h"

static void vgem_pfn_fdinfo_add(struct vgem_pfn_bo *bo,
				struct drm_memory_stats *stats)
{
	struct drm_gem_object *obj = &bo->tbo.base;
	struct drm_memory_stats *wanted, *used;
	struct ttm_tt *tt = bo->tbo.ttm;

	dma_resv_assert_held(obj->resv);

	wanted = &stats[bo->placements[0]];
	used = &stats[bo->tbo.resource->mem_type];

	if (drm_gem_object_is_shared_for_memory_stats(obj))
		wanted->shared += obj->size;
	else
		wanted->private += obj->size;

	if (bo->tbo.resource->mem_type < TTM_PL_VRAM &&
	    !(tt && ttm_tt_is_populated(tt)))
		return;

	used->resident += obj->size;
	if (!dma_resv_test_signaled(obj->resv, DMA_RESV_USAGE_BOOKKEEP))
		used->active += obj->size;
}

static const char *vgem_pfn_region_name(struct vgem_pfn_device *vdev, u32 region)
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

static struct drm_gem_object *vgem_pfn_fdinfo_next(struct drm_file *file, int *id)
{
	struct drm_gem_object *obj;

	spin_lock(&file->table_lock);
	obj = idr_get_next(&file->object_idr, id);
	if (obj)
		drm_gem_object_get(obj);
	spin_unlock(&file->table_lock);
	return obj;
}

/**
 * vgem_pfn_show_fdinfo() - &drm_driver.show_fdinfo
 * @p: where to print
 * @file: the client
 */
void vgem_pfn_show_fdinfo(struct drm_printer *p, struct drm_file *file)
{
	struct vgem_pfn_device *vdev = to_vgem_pfn_device(file->minor->dev);
	u32 num_regions = DRM_VGEM_PFN_REGION_CARVEOUT(vdev->num_carveouts);
	struct drm_memory_stats stats[DRM_VGEM_PFN_MAX_REGIONS] = {};
	struct drm_gem_object *obj;
	u32 region;
	int id;

	for (id = 0; (obj = vgem_pfn_fdinfo_next(file, &id)); id++) {
		if (!dma_resv_lock_interruptible(obj->resv, NULL)) {
			vgem_pfn_fdinfo_add(gem_to_vgem_pfn_bo(obj), stats);
			dma_resv_unlock(obj->resv);
		}
		drm_gem_object_put(obj);
	}

	for (region = 0; region < num_regions; region++)
		drm_print_memory_stats(p, &stats[region],
				       DRM_GEM_OBJECT_RESIDENT | DRM_GEM_OBJECT_ACTIVE,
				       vgem_pfn_region_name(vdev, region));
}
