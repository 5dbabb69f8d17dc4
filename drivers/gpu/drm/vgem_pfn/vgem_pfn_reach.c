// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which memory an attachment can reach, and moving a buffer object there.
 *
 * All attachments can reach memory with struct pages. Other memory, in reserved
 * and BAR carveouts, requires &dma_buf_attachment.peer2peer. For an attachment
 * without it, the object moves to the first region of its placement list that
 * has struct pages, which may be TT, SYSTEM or another carveout. If the list
 * has no such region, attaching fails. This follows xe_dma_buf.c.
 *
 * Everything but attaching runs under the object's reservation lock.
 */

#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/pci-p2pdma.h>
#include <linux/pci.h>

#include <drm/drm_drv.h>

#include "vgem_pfn_drv.h"
#include "vgem_pfn_trace.h"

/*
 * Regions of the placement list that have struct pages and are large enough. If
 * there are any, SYSTEM is a fallback: callers hold the object's lock without a
 * ww ticket, so TTM can only trylock the objects to evict, and may fail.
 */
static unsigned int vgem_pfn_reach_places(struct vgem_pfn_bo *bo,
					  struct ttm_place *places)
{
	struct vgem_pfn_device *vdev = vgem_pfn_bo_device(bo);
	bool system = false;
	unsigned int i, n = 0;

	for (i = 0; i < bo->num_placements; i++) {
		if (!vgem_pfn_region_has_pages(vdev, bo->placements[i]) ||
		    !vgem_pfn_bo_fits(bo, bo->placements[i]))
			continue;
		places[n++] = vgem_pfn_bo_ttm_place(bo, bo->placements[i]);
		system |= bo->placements[i] == TTM_PL_SYSTEM;
	}

	if (n && !system) {
		places[n] = vgem_pfn_bo_ttm_place(bo, TTM_PL_SYSTEM);
		places[n++].flags |= TTM_PL_FLAG_FALLBACK;
	}
	return n;
}

static bool vgem_pfn_reach_may_be_bar(struct vgem_pfn_bo *bo)
{
	struct vgem_pfn_carveout *carveout;
	unsigned int i;

	for (i = 0; i < bo->num_placements; i++) {
		carveout = vgem_pfn_carveout_of(vgem_pfn_bo_device(bo),
						bo->placements[i]);
		if (carveout && carveout->kind == VGEM_PFN_BAR)
			return true;
	}
	return false;
}

/*
 * Any device reaches reserved memory, and an importer without a device uses
 * page tables of its own. For a BAR p2pdma decides.
 */
static bool vgem_pfn_reach_is_peer(struct vgem_pfn_bo *bo, struct device *dev)
{
	struct vgem_pfn_device *vdev = vgem_pfn_bo_device(bo);

	if (!dev || !vgem_pfn_reach_may_be_bar(bo))
		return true;

	return vdev->p2pdma && dev_is_pci(dev) &&
	       pci_p2pdma_distance(to_pci_dev(vdev->drm.dev), dev, false) >= 0;
}

/**
 * vgem_pfn_reach_attach() - decide what a new attachment can reach
 * @bo: the buffer object; its lock is not required, since only constant fields
 *	are read
 * @attach: the attachment; its peer2peer is cleared if it is no peer, or if it
 *	    cannot be notified before a BAR is removed
 *
 * Return: 0; -EOPNOTSUPP if @bo is never in memory that @attach can reach;
 * -ENODEV if the device is unplugged.
 */
int vgem_pfn_reach_attach(struct vgem_pfn_bo *bo, struct dma_buf_attachment *attach)
{
	struct ttm_place places[DRM_VGEM_PFN_MAX_REGIONS];

	if (drm_dev_is_unplugged(bo->tbo.base.dev))
		return -ENODEV;

	if (!vgem_pfn_reach_is_peer(bo, attach->dev))
		attach->peer2peer = false;

	/* vfio-pci refuses these, since it has no other memory. */
	if (!dma_buf_attach_revocable(attach) && vgem_pfn_reach_may_be_bar(bo))
		attach->peer2peer = false;

	if (!attach->peer2peer && !vgem_pfn_reach_places(bo, places))
		return -EOPNOTSUPP;
	return 0;
}

/*
 * Move to the first region that has struct pages. Not inlined, since it is
 * rarely needed and uses much stack.
 */
static noinline_for_stack int vgem_pfn_reach_move(struct vgem_pfn_bo *bo)
{
	struct ttm_operation_ctx ctx = {
		.interruptible = true,
		.gfp_retry_mayfail = true,
	};
	struct ttm_place places[DRM_VGEM_PFN_MAX_REGIONS] = {};
	struct ttm_placement placement = { .placement = places };
	int ret;

	dma_resv_assert_held(bo->tbo.base.resv);

	placement.num_placement = vgem_pfn_reach_places(bo, places);
	if (bo->tbo.pin_count || !placement.num_placement)
		return -EOPNOTSUPP;

	ret = ttm_bo_validate(&bo->tbo, &placement, &ctx);
	return ret == -EBUSY ? -ETIME : ret;
}

static noinline_for_stack int vgem_pfn_reach_populate(struct vgem_pfn_bo *bo)
{
	struct ttm_operation_ctx ctx = {
		.interruptible = true,
		.gfp_retry_mayfail = true,
	};

	dma_resv_assert_held(bo->tbo.base.resv);

	return ttm_bo_populate(&bo->tbo, &ctx);
}

/**
 * vgem_pfn_reach() - move a buffer object to memory that can be reached
 * @bo: the buffer object, with its reservation lock held
 * @peer2peer: whether memory without struct pages can be reached
 *
 * On success @bo is populated, but a copy may still be in progress. If @bo
 * moves, all importers are notified, including the caller.
 *
 * Fails after an unplug. Importers with earlier results are notified by the
 * unplug, which takes this lock later.
 *
 * Return: 0; -ENODEV if the device is unplugged; -EOPNOTSUPP if @bo is pinned
 * where it cannot be reached, since dma_buf_map_attachment() warns about
 * -EBUSY; -ETIME if fences do not signal; -ENOMEM, -ENOSPC, -EINTR or
 * -ERESTARTSYS.
 */
int vgem_pfn_reach(struct vgem_pfn_bo *bo, bool peer2peer)
{
	int ret;

	dma_resv_assert_held(bo->tbo.base.resv);

	if (drm_dev_is_unplugged(bo->tbo.base.dev))
		return -ENODEV;

	if (!peer2peer && !vgem_pfn_region_has_pages(vgem_pfn_bo_device(bo),
						     bo->tbo.resource->mem_type)) {
		ret = vgem_pfn_reach_move(bo);
		if (ret)
			return ret;
	}

	/* Without a run table @bo has no memory. */
	if (!vgem_pfn_bo_runs(bo)) {
		ret = vgem_pfn_reach_populate(bo);
		if (ret)
			return ret;
	}

	if (trace_vgem_pfn_place_enabled() && !bo->place_traced)
		vgem_pfn_trace_place(bo);
	return 0;
}

/**
 * vgem_pfn_reach_all() - move a buffer object to where all attachments reach it
 * @bo: the buffer object, with its reservation lock held
 * @dmabuf: its dma-buf
 *
 * Return: as vgem_pfn_reach().
 */
int vgem_pfn_reach_all(struct vgem_pfn_bo *bo, struct dma_buf *dmabuf)
{
	struct dma_buf_attachment *attach;
	bool peer2peer = true;

	dma_resv_assert_held(dmabuf->resv);

	list_for_each_entry(attach, &dmabuf->attachments, node)
		peer2peer &= attach->peer2peer;

	return vgem_pfn_reach(bo, peer2peer);
}
