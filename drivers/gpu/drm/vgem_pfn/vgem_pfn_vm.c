// SPDX-License-Identifier: GPL-2.0-only
/*
 * User mappings of buffer objects. TTM handles faults, and waits for pending
 * moves. Accesses by a debugger are handled here, since TTM does not wait for
 * those.
 */

#include <linux/dma-resv.h>
#include <linux/mm.h>

#include <drm/drm_vma_manager.h>
#include <drm/drm_drv.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_tt.h>

#include "vgem_pfn_drv.h"

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
