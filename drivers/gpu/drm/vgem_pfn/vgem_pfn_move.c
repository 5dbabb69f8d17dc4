// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moving a buffer object: tell the importers, wait for their accesses, copy, and
 * only then let the new place be the object's place. In this order: a
 * notification after the copy would let a write go to memory that nobody looks
 * at again.
 *
 * Everything runs under the object's reservation lock.
 */

#include <linux/delay.h>
#include <linux/dma-resv.h>
#include <linux/ktime.h>
#include <linux/sizes.h>
#include <linux/time64.h>

#include <drm/drm_cache.h>
#include <drm/drm_prime.h>
#include <drm/ttm/ttm_tt.h>

#include "vgem_pfn_drv.h"
#include "vgem_pfn_trace.h"

/* No lever holds a task for longer than this. */
#define VGEM_PFN_MAX_DELAY_US	(10 * USEC_PER_SEC)

/**
 * vgem_pfn_notify() - tell the importers that a buffer object is about to move
 * @bo: the buffer object, with its reservation lock held
 *
 * On return no importer has translations left; fences in the reservation object
 * cover what their devices still do.
 */
void vgem_pfn_notify(struct vgem_pfn_bo *bo)
{
	dma_resv_assert_held(bo->tbo.base.resv);

	if (!drm_gem_dmabuf_is_attached(&bo->tbo.base))
		return;

	bo->num_notifies++;
	trace_vgem_pfn_notify(bo);
	drm_gem_dmabuf_invalidate_mappings(&bo->tbo.base);
}

/*
 * The kernel's address of a page of a placement, and for how many pages it goes
 * on. CONFIG_64BIT: all pages of system memory are mapped.
 */
static struct iosys_map vgem_pfn_map_run(struct vgem_pfn_carveout *carveout,
					 struct ttm_resource *res,
					 struct ttm_tt *tt, pgoff_t pgoff,
					 pgoff_t *num_pages)
{
	const struct vgem_pfn_runs *runs;
	struct iosys_map map;
	pgoff_t n;
	u64 pfn;

	runs = carveout ? to_vgem_pfn_resource(res)->runs : to_vgem_pfn_tt(tt)->runs;
	pfn = vgem_pfn_runs_pfn(runs, pgoff, &n);
	*num_pages = min(*num_pages, n);
	if (carveout)
		return vgem_pfn_carveout_map(carveout, pfn);

	iosys_map_set_vaddr(&map, page_address(pfn_to_page(pfn)));
	return map;
}

/* Fill the new placement from the old one, or with zeroes if that has no pages. */
static void vgem_pfn_copy(struct vgem_pfn_bo *bo, struct ttm_resource *new_mem)
{
	struct vgem_pfn_device *vdev = vgem_pfn_bo_device(bo);
	struct ttm_resource *old_mem = bo->tbo.resource;
	struct vgem_pfn_carveout *from, *to;
	struct ttm_tt *tt = bo->tbo.ttm;
	pgoff_t pgoff, n;
	u64 start;
	bool clear;

	dma_resv_assert_held(bo->tbo.base.resv);

	from = vgem_pfn_carveout_of(vdev, old_mem->mem_type);
	to = vgem_pfn_carveout_of(vdev, new_mem->mem_type);
	clear = !from && !(tt && ttm_tt_is_populated(tt));

	start = ktime_get_ns();
	for (pgoff = 0; pgoff < PFN_UP(bo->tbo.base.size); pgoff += n) {
		struct iosys_map dst, src;

		n = min(PFN_UP(bo->tbo.base.size) - pgoff,
			(pgoff_t)SZ_4M >> PAGE_SHIFT);
		dst = vgem_pfn_map_run(to, new_mem, tt, pgoff, &n);
		if (clear) {
			iosys_map_memset(&dst, 0, 0, n << PAGE_SHIFT);
		} else {
			src = vgem_pfn_map_run(from, old_mem, tt, pgoff, &n);
			if (dst.is_iomem || src.is_iomem)
				drm_memcpy_from_wc(&dst, &src, n << PAGE_SHIFT);
			else
				memcpy(dst.vaddr, src.vaddr, n << PAGE_SHIFT);
		}
		cond_resched();
	}
	if (!clear) {
		bo->last_copy_ns = ktime_get_ns() - start;
		bo->last_copy_bytes = bo->tbo.base.size;
	}
}

/**
 * vgem_pfn_move() - &ttm_device_funcs.move
 * @tbo: the buffer object, with its reservation lock held
 * @evict: whether TTM evicts it to make room for another
 * @ctx: TTM's context
 * @new_mem: where to; consumed on success
 * @hop: unused, every place is reached from every other
 *
 * Return: 0, or a negative errno with the object where it was and intact. The
 * importers may have been told in vain then, which is harmless.
 */
int vgem_pfn_move(struct ttm_buffer_object *tbo, bool evict,
		  struct ttm_operation_ctx *ctx, struct ttm_resource *new_mem,
		  struct ttm_place *hop)
{
	struct vgem_pfn_bo *bo = to_vgem_pfn_bo(tbo);
	struct vgem_pfn_device *vdev = vgem_pfn_bo_device(bo);
	struct ttm_resource *old_mem = tbo->resource;
	u32 delay_us;
	int ret;

	dma_resv_assert_held(tbo->base.resv);

	/* The first placement of a new object. */
	if (!old_mem) {
		ttm_bo_move_null(tbo, new_mem);
		return 0;
	}

	trace_vgem_pfn_move_begin(bo, new_mem->mem_type, evict);
	vgem_pfn_stale_note(bo, old_mem);
	vgem_pfn_notify(bo);

	ret = ttm_bo_wait_ctx(tbo, ctx);
	if (ret)
		goto out;

	if (ttm_manager_type(&vdev->bdev, old_mem->mem_type)->use_tt &&
	    ttm_manager_type(&vdev->bdev, new_mem->mem_type)->use_tt) {
		/* The same pages, under another name. */
		ttm_bo_move_null(tbo, new_mem);
	} else {
		/*
		 * New pages to copy to, or old ones to bring back from swap. An
		 * object that never had any stays without: it is cleared.
		 */
		if (tbo->ttm && (ttm_tt_is_swapped(tbo->ttm) ||
				 !vgem_pfn_carveout_of(vdev, new_mem->mem_type))) {
			ret = ttm_bo_populate(tbo, ctx);
			if (ret)
				goto out;
		}

		vgem_pfn_copy(bo, new_mem);
		delay_us = READ_ONCE(vdev->move_delay_us);
		if (delay_us)
			fsleep(min(delay_us, VGEM_PFN_MAX_DELAY_US));
		ttm_bo_move_sync_cleanup(tbo, new_mem);
	}

	bo->num_moves++;
	if (evict)
		bo->num_evictions++;
out:
	trace_vgem_pfn_move_end(bo, ret);
	return ret;
}
