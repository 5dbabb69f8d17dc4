// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPU mappings of buffer objects, of userspace and of the kernel.
 *
 * TTM handles faults of user mappings, and waits for pending moves. Accesses by
 * a debugger are handled here, since ttm_bo_vm_access() does not wait for
 * pending moves. Kernel mappings pin, since after a move the mapping would
 * refer to memory that is in use by others.
 */

#include <linux/dma-resv.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include <drm/drm_drv.h>
#include <drm/drm_gem_ttm_helper.h>
#include <drm/drm_vma_manager.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_tt.h>

#include "vgem_pfn_drv.h"
#include "vgem_pfn_trace.h"

/* Access system memory, up to the end of the page */
static int vgem_pfn_vm_access_page(struct vgem_pfn_bo *bo, unsigned long offset,
				   void *buf, int len, int write)
{
	struct ttm_operation_ctx ctx = { .interruptible = true };
	void *vaddr;
	int ret;

	dma_resv_assert_held(bo->tbo.base.resv);

	ret = ttm_bo_populate(&bo->tbo, &ctx);
	if (ret)
		return ret;

	vaddr = page_address(bo->tbo.ttm->pages[offset >> PAGE_SHIFT]) +
		offset_in_page(offset);
	len = min_t(int, len, PAGE_SIZE - offset_in_page(offset));
	if (write)
		memcpy(vaddr, buf, len);
	else
		memcpy(buf, vaddr, len);
	return len;
}

static int vgem_pfn_vm_access(struct vm_area_struct *vma, unsigned long addr,
			      void *buf, int len, int write)
{
	struct ttm_buffer_object *tbo = vma->vm_private_data;
	unsigned long offset = addr - vma->vm_start +
		((vma->vm_pgoff - drm_vma_node_start(&tbo->base.vma_node))
		 << PAGE_SHIFT);
	long ret;

	/* Debuggers may write to read-only mappings, but this one is shared. */
	if (write && !(vma->vm_flags & VM_WRITE))
		return -EACCES;

	if (len < 1 || offset >= tbo->base.size ||
	    len > tbo->base.size - offset)
		return -EIO;

	ret = dma_resv_lock_interruptible(tbo->base.resv, NULL);
	if (ret)
		return ret;

	/* A copy may still be in progress. */
	ret = dma_resv_wait_timeout(tbo->base.resv, DMA_RESV_USAGE_KERNEL, true,
				    MAX_SCHEDULE_TIMEOUT);
	if (ret < 0)
		goto out;

	if (drm_dev_is_unplugged(tbo->base.dev))
		ret = -ENODEV;
	else if (ttm_manager_type(tbo->bdev, tbo->resource->mem_type)->use_tt)
		ret = vgem_pfn_vm_access_page(to_vgem_pfn_bo(tbo), offset, buf,
					      len, write);
	else
		ret = tbo->bdev->funcs->access_memory(tbo, offset, buf, len,
						      write);
out:
	dma_resv_unlock(tbo->base.resv);
	return ret;
}

const struct vm_operations_struct vgem_pfn_vm_ops = {
	.fault = ttm_bo_vm_fault,
	.open = ttm_bo_vm_open,
	.close = ttm_bo_vm_close,
	.access = vgem_pfn_vm_access,
};

/*
 * Whether the kernel mapping of the carveout can be used: not for a BAR, where
 * that mapping ends when the driver is unbound, and not for scattered memory.
 * TTM's vmap is not used, since it would treat all carveouts as I/O memory,
 * which only a BAR is.
 */
static bool vgem_pfn_vmap_is_mapped(struct vgem_pfn_bo *bo,
				    struct vgem_pfn_carveout *carveout)
{
	dma_resv_assert_held(bo->tbo.base.resv);

	return carveout->kind != VGEM_PFN_BAR && vgem_pfn_bo_runs(bo)->num == 1;
}

static void *vgem_pfn_vmap_pages(struct vgem_pfn_bo *bo, unsigned int num_pages)
{
	struct page **pages;
	void *vaddr = NULL;
	unsigned int i;

	pages = kvmalloc_objs(*pages, num_pages);
	if (!pages)
		return NULL;

	for (i = 0; i < num_pages; i++)
		pages[i] = pfn_to_page(vgem_pfn_lookup(bo, i));
	vaddr = vmap(pages, num_pages, VM_MAP, PAGE_KERNEL);
	kvfree(pages);
	return vaddr;
}

/* Reserved memory may share a section with memory that has struct pages. */
static void *vgem_pfn_vmap_pfns(struct vgem_pfn_bo *bo, unsigned int num_pages,
				pgprot_t prot)
{
	unsigned int i, num_valid = 0;
	void *vaddr = NULL;
	unsigned long *pfns;

	pfns = kvmalloc_objs(*pfns, num_pages);
	if (!pfns)
		return NULL;

	for (i = 0; i < num_pages; i++) {
		pfns[i] = vgem_pfn_lookup(bo, i);
		num_valid += pfn_valid(pfns[i]);
	}
	if (!num_valid)
		vaddr = vmap_pfn(pfns, num_pages, prot);
	else if (num_valid == num_pages)
		vaddr = vgem_pfn_vmap_pages(bo, num_pages);
	kvfree(pfns);
	return vaddr;
}

static int vgem_pfn_vmap_carveout(struct vgem_pfn_bo *bo,
				  struct vgem_pfn_carveout *carveout,
				  struct iosys_map *map)
{
	unsigned int num_pages = PFN_UP(bo->tbo.base.size);
	void *vaddr;

	if (vgem_pfn_vmap_is_mapped(bo, carveout)) {
		*map = vgem_pfn_carveout_map(carveout, vgem_pfn_lookup(bo, 0));
		return 0;
	}

	if (carveout->has_pages)
		vaddr = vgem_pfn_vmap_pages(bo, num_pages);
	else
		vaddr = vgem_pfn_vmap_pfns(bo, num_pages,
					   carveout->caching == ttm_cached ? PAGE_KERNEL :
					   pgprot_writecombine(PAGE_KERNEL));
	if (!vaddr)
		return -ENOMEM;

	if (carveout->map.is_iomem)
		iosys_map_set_vaddr_iomem(map, (void __iomem __force *)vaddr);
	else
		iosys_map_set_vaddr(map, vaddr);
	return 0;
}

/**
 * vgem_pfn_gem_vmap() - &drm_gem_object_funcs.vmap
 * @obj: the object, with its reservation lock held
 * @map: [out] the mapping
 *
 * Return: 0 or a negative errno.
 */
int vgem_pfn_gem_vmap(struct drm_gem_object *obj, struct iosys_map *map)
{
	struct vgem_pfn_bo *bo = gem_to_vgem_pfn_bo(obj);
	struct vgem_pfn_carveout *carveout;
	int ret;

	dma_resv_assert_held(obj->resv);

	/*
	 * Wait for pending moves, uninterruptibly, since the dma-buf core warns
	 * if vmap fails.
	 */
	dma_resv_wait_timeout(obj->resv, DMA_RESV_USAGE_KERNEL, false,
			      MAX_SCHEDULE_TIMEOUT);

	if (drm_dev_is_unplugged(obj->dev))
		return -ENODEV;

	carveout = vgem_pfn_carveout_of(vgem_pfn_bo_device(bo),
					bo->tbo.resource->mem_type);
	if (carveout)
		ret = vgem_pfn_vmap_carveout(bo, carveout, map);
	else
		ret = drm_gem_ttm_vmap(obj, map);
	if (ret)
		return ret;

	/* Importers compare maps, so is_iomem only depends on the region. */
	WARN_ON(map->is_iomem != (carveout && carveout->kind == VGEM_PFN_BAR));
	ttm_bo_pin(&bo->tbo);
	trace_vgem_pfn_pin(bo, NULL);
	return 0;
}

/**
 * vgem_pfn_gem_vunmap() - &drm_gem_object_funcs.vunmap
 * @obj: the object, with its reservation lock held
 * @map: the mapping of vgem_pfn_gem_vmap()
 */
void vgem_pfn_gem_vunmap(struct drm_gem_object *obj, struct iosys_map *map)
{
	struct vgem_pfn_bo *bo = gem_to_vgem_pfn_bo(obj);
	struct vgem_pfn_carveout *carveout;

	dma_resv_assert_held(obj->resv);

	/* Pinned while mapped, so the placement is the same. */
	carveout = vgem_pfn_carveout_of(vgem_pfn_bo_device(bo),
					bo->tbo.resource->mem_type);
	if (carveout) {
		if (!vgem_pfn_vmap_is_mapped(bo, carveout))
			vunmap(map->is_iomem ? (void __force *)map->vaddr_iomem :
			       map->vaddr);
		iosys_map_clear(map);
	} else {
		drm_gem_ttm_vunmap(obj, map);
	}

	ttm_bo_unpin(&bo->tbo);
	trace_vgem_pfn_unpin(bo, NULL);
}
