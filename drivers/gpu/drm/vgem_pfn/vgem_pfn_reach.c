// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which memory an attachment can reach, and bringing a buffer object there.
 *
 * Memory with struct pages is for everybody. Other memory, of carveouts that are
 * reserved or in a BAR, is for attachments with &dma_buf_attachment.peer2peer. For
 * those without, the object goes to the first region of its own list that has
 * pages, which may be TT, SYSTEM or another carveout. One with no such region
 * takes no such attachment. After xe_dma_buf.c.
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
 * Regions of the object's list that have pages and room for all of it. If there are
 * any, then SYSTEM as well, as for evictions: whoever asks holds this object's lock
 * without a ticket, so TTM only tries to lock the others that are in the way, and
 * that may be in vain.
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
 * Any device reaches system memory without struct pages, and an importer without a
 * device has page tables of its own. For a BAR p2pdma decides.
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
 * @bo: the buffer object; its lock need not be held, what is read is constant
 * @attach: the attachment; loses its peer2peer if it is no peer, or if it could
 *	    not be told when a BAR goes away
 *
 * Return: 0; -EOPNOTSUPP if @bo is never in memory that @attach can reach; -ENODEV
 * if the device is gone.
 */
int vgem_pfn_reach_attach(struct vgem_pfn_bo *bo, struct dma_buf_attachment *attach)
{
	struct ttm_place places[DRM_VGEM_PFN_MAX_REGIONS];

	if (drm_dev_is_unplugged(bo->tbo.base.dev))
		return -ENODEV;

	if (!vgem_pfn_reach_is_peer(bo, attach->dev))
		attach->peer2peer = false;

	/* The same as vfio-pci, which has nothing else to offer them. */
	if (!dma_buf_attach_revocable(attach) && vgem_pfn_reach_may_be_bar(bo))
		attach->peer2peer = false;

	if (!attach->peer2peer && !vgem_pfn_reach_places(bo, places))
		return -EOPNOTSUPP;
	return 0;
}

/* To the first region that has pages. What this needs on the stack few callers need. */
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
 * vgem_pfn_reach() - bring a buffer object to memory that can be reached
 * @bo: the buffer object, with its reservation lock held
 * @peer2peer: whether memory without pages can be
 *
 * On success @bo has its memory, but a move may still be under way. Notifies the
 * importers if it moves, the one that asks among them.
 *
 * Nothing is given out of a device that is gone: those who got something before were
 * told, after this lock was released.
 *
 * Return: 0; -ENODEV if the device is gone; -EOPNOTSUPP if @bo is pinned where it
 * cannot be reached, since dma_buf_map_attachment() warns of -EBUSY; -ETIME if
 * fences do not signal; -ENOMEM, -ENOSPC, -EINTR or -ERESTARTSYS.
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

	/* What has a run table has its memory. */
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
 * vgem_pfn_reach_all() - bring a buffer object to where all attachments reach it
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
