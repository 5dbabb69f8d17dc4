// SPDX-License-Identifier: GPL-2.0-only
/*
 * Split the copy of a move into pieces that are contiguous in the kernel's
 * address space on both sides, to copy them synchronously or as an engine's
 * job.
 *
 * Everything runs under the buffer object's reservation lock.
 */

#include <linux/delay.h>
#include <linux/dma-resv.h>
#include <linux/iosys-map.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/time64.h>

#include <drm/ttm/ttm_tt.h>

#include "vgem_pfn_drv.h"
#include "vgem_pfn_engine.h"
#include "vgem_pfn_trace.h"

/*
 * The kernel address of a page of a placement. Limits @num_pages to what is
 * contiguous from there. CONFIG_64BIT: the kernel maps all system memory.
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

/**
 * vgem_pfn_copy_init() - describe what a move has to copy
 * @copy: [out] the description
 * @bo: the buffer object, with its reservation lock held; not swapped out, and
 *	populated if it moves to system memory
 * @new_mem: the new resource
 */
void vgem_pfn_copy_init(struct vgem_pfn_copy *copy, struct vgem_pfn_bo *bo,
			struct ttm_resource *new_mem)
{
	struct vgem_pfn_device *vdev = vgem_pfn_bo_device(bo);

	dma_resv_assert_held(bo->tbo.base.resv);

	copy->old_mem = bo->tbo.resource;
	copy->new_mem = new_mem;
	copy->from = vgem_pfn_carveout_of(vdev, copy->old_mem->mem_type);
	copy->to = vgem_pfn_carveout_of(vdev, new_mem->mem_type);
	copy->tt = bo->tbo.ttm;
	copy->num_pages = PFN_UP(bo->tbo.base.size);
	copy->clear = !copy->from &&
		      !(copy->tt && ttm_tt_is_populated(copy->tt));
}

/* The next piece, from @pgoff on. Returns its number of pages. */
static pgoff_t vgem_pfn_copy_next(struct vgem_pfn_copy *copy, pgoff_t pgoff,
				  struct iosys_map *dst, struct iosys_map *src)
{
	pgoff_t n = copy->num_pages - pgoff;

	*dst = vgem_pfn_map_run(copy->to, copy->new_mem, copy->tt, pgoff, &n);
	if (copy->clear)
		iosys_map_clear(src);
	else
		*src = vgem_pfn_map_run(copy->from, copy->old_mem, copy->tt,
					pgoff, &n);
	return n;
}

/*
 * Repeat the copy with plain memcpy(), to compare durations. Not for clears,
 * and not for I/O memory, which memcpy() must not access.
 */
static void vgem_pfn_copy_compare(struct vgem_pfn_bo *bo,
				  struct vgem_pfn_copy *copy)
{
	struct iosys_map dst, src;
	pgoff_t pgoff, n;
	u64 start;

	dma_resv_assert_held(bo->tbo.base.resv);

	start = ktime_get_ns();
	for (pgoff = 0; pgoff < copy->num_pages; pgoff += n) {
		n = vgem_pfn_copy_next(copy, pgoff, &dst, &src);
		if (copy->clear || dst.is_iomem || src.is_iomem)
			return;
		memcpy(dst.vaddr, src.vaddr, n << PAGE_SHIFT);
	}
	bo->last_memcpy_ns = ktime_get_ns() - start;
}

/**
 * vgem_pfn_copy_sync() - copy synchronously, after all fences have signaled
 * @bo: the buffer object, with its reservation lock held
 * @copy: what to copy
 */
void vgem_pfn_copy_sync(struct vgem_pfn_bo *bo, struct vgem_pfn_copy *copy)
{
	u32 delay_us = READ_ONCE(vgem_pfn_bo_device(bo)->move_delay_us);
	struct iosys_map dst, src;
	pgoff_t pgoff, n;
	u64 start;

	dma_resv_assert_held(bo->tbo.base.resv);

	if (trace_vgem_pfn_copy_begin_enabled())
		trace_vgem_pfn_copy_begin(bo, -1, NULL, 0,
					  vgem_pfn_trace_unsignaled(bo));
	start = ktime_get_ns();
	for (pgoff = 0; pgoff < copy->num_pages; pgoff += n) {
		n = vgem_pfn_copy_next(copy, pgoff, &dst, &src);
		vgem_pfn_copy_run(&dst, &src, n << PAGE_SHIFT);
	}
	if (!copy->clear) {
		bo->last_copy_ns = ktime_get_ns() - start;
		bo->last_copy_bytes = bo->tbo.base.size;
	}
	trace_vgem_pfn_copy_end(bo, -1, NULL, 0, 0);

	bo->last_memcpy_ns = 0;
	if (READ_ONCE(vgem_pfn_bo_device(bo)->compare_memcpy))
		vgem_pfn_copy_compare(bo, copy);

	if (delay_us)
		fsleep(min(delay_us, VGEM_PFN_MAX_DELAY_US));
}

/**
 * vgem_pfn_copy_job() - create a copy job for an engine
 * @bo: the buffer object, with its reservation lock held
 * @copy: what to copy
 *
 * Return: a job without dependencies that no longer refers to @copy, or NULL if
 * vgem_pfn_job_create() fails.
 */
struct vgem_pfn_job *vgem_pfn_copy_job(struct vgem_pfn_bo *bo,
				       struct vgem_pfn_copy *copy)
{
	struct iosys_map dst, src;
	unsigned int pieces = 0;
	struct vgem_pfn_job *job;
	pgoff_t pgoff, n;

	dma_resv_assert_held(bo->tbo.base.resv);

	for (pgoff = 0; pgoff < copy->num_pages; pgoff += n) {
		n = vgem_pfn_copy_next(copy, pgoff, &dst, &src);
		pieces++;
	}

	job = vgem_pfn_job_create(bo, pieces);
	if (!job)
		return NULL;

	for (pgoff = 0; pgoff < copy->num_pages; pgoff += n) {
		n = vgem_pfn_copy_next(copy, pgoff, &dst, &src);
		vgem_pfn_job_add(job, &dst, &src, n << PAGE_SHIFT);
	}
	return job;
}
