/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Functions and names of newer kernels for older kernels, from 6.12 on, in the order
 * of the versions that introduced them.
 */

#ifndef _KERNEL_COMPAT_H
#define _KERNEL_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#error "vgem_pfn needs Linux 6.12 or newer: see Documentation/gpu/vgem_pfn-stock.rst"
#endif

#include <linux/dma-buf.h>
#include <linux/dma-fence.h>
#include <linux/dma-mapping.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/module.h>
#include <linux/pci-p2pdma.h>
#include <linux/sched/mm.h>
#include <linux/workqueue.h>

#include <drm/drm_device.h>
#include <drm/drm_file.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_device.h>
#include <drm/ttm/ttm_tt.h>

/* For the module dma-buf-pfn-compat */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
int compat_init(void);
void compat_exit(void);
#else
static inline int compat_init(void)
{
	return 0;
}

static inline void compat_exit(void)
{
}
#endif

/* The operation of an importer that is notified */
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
#define compat_notify move_notify
#else
#define compat_notify invalidate_mappings
#endif

/* Huge entries: pfn_t until 6.16. dma-buf-pfn-compat.h replaces the original names. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#include <linux/pfn_t.h>

static inline vm_fault_t compat_insert_pfn_pmd(struct vm_fault *vmf, unsigned long pfn,
					       bool write)
{
	return vmf_insert_pfn_pmd(vmf, __pfn_to_pfn_t(pfn, PFN_DEV), write);
}

static inline vm_fault_t compat_insert_pfn_pud(struct vm_fault *vmf, unsigned long pfn,
					       bool write)
{
	return vmf_insert_pfn_pud(vmf, __pfn_to_pfn_t(pfn, PFN_DEV), write);
}
#else
#define compat_insert_pfn_pmd vmf_insert_pfn_pmd
#define compat_insert_pfn_pud vmf_insert_pfn_pud
#endif

/* --- 6.13: the name of a namespace is a string ------------------------------- */

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#undef MODULE_IMPORT_NS
#define MODULE_IMPORT_NS(ns) MODULE_INFO(import_ns, ns)
#undef EXPORT_SYMBOL_NS_GPL
#define EXPORT_SYMBOL_NS_GPL(sym, ns) EXPORT_SYMBOL_GPL(sym)
#endif

/* --- 6.14 ------------------------------------------------------------------------ */

#ifndef kthread_run_worker
#define kthread_run_worker kthread_create_worker
#endif

/* --- 6.18 ---------------------------------------------------------------------- */

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#define dma_map_phys dma_map_resource
#define dma_unmap_phys dma_unmap_resource
#endif

/* --- 7.0 ----------------------------------------------------------------------- */

#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)

/* Kernels without this attribute use bounce buffers. */
#define DMA_ATTR_REQUIRE_COHERENT 0

#define mm_get_unmapped_area(file, addr, len, pgoff, flags) \
	mm_get_unmapped_area(current->mm, file, addr, len, pgoff, flags)

/* TTM has one eviction fence for each region. */
#define TTM_NUM_MOVE_FENCES 1

#define TTM_ALLOCATION_PROPAGATE_ENOSPC 0
#define TTM_ALLOCATION_POOL_BENEFICIAL_ORDER(order) 0
#define ttm_device_init(bdev, funcs, dev, mapping, vma, flags) \
	ttm_device_init(bdev, funcs, dev, mapping, vma, (flags), false)

#define ttm_bo_fini(bo) ttm_bo_put(bo)

static inline int ttm_bo_populate(struct ttm_buffer_object *bo,
				  struct ttm_operation_ctx *ctx)
{
	return ttm_tt_populate(bo->bdev, bo->ttm, ctx);
}

static inline bool ttm_tt_is_swapped(const struct ttm_tt *tt)
{
	return tt->page_flags & TTM_TT_FLAG_SWAPPED;
}

#define gpu_buddy_driver_set_lock(mm, lock) do { } while (0)

#define DRM_GEM_OBJECT_ACTIVE 0
#define drm_dev_dma_dev(drm) ((drm)->dev)

static inline int pcim_p2pdma_init(struct pci_dev *pdev)
{
	return -EOPNOTSUPP;
}

static inline struct p2pdma_provider *pcim_p2pdma_provider(struct pci_dev *pdev, int bar)
{
	return NULL;
}

static inline bool dma_fence_was_initialized(struct dma_fence *fence)
{
	return fence && fence->ops;
}

/*
 * A fence has no lock of its own yet. Fences of one context share a lock, as in
 * drivers of that time: signaling one may run callbacks that use another context.
 */
spinlock_t *compat_fence_lock(u64 context);

/* The core uses the operations of a fence also after it has signaled. */
const struct dma_fence_ops *compat_fence_ops(const struct dma_fence_ops *ops);

static inline void dma_fence_init64(struct dma_fence *fence,
				    const struct dma_fence_ops *ops, spinlock_t *lock,
				    u64 context, u64 seqno)
{
	dma_fence_init(fence, compat_fence_ops(ops),
		       lock ?: compat_fence_lock(context), context, seqno);
}

static inline size_t num_pages_contiguous(struct page **pages, size_t nr_pages)
{
	size_t i;

	for (i = 1; i < nr_pages; i++)
		if (page_to_pfn(pages[i]) != page_to_pfn(pages[0]) + i)
			break;
	return i;
}

/* alloc_contig_pages() is not exported, but the functions that it calls are. */
struct page *compat_alloc_contig_pages(unsigned long nr_pages, gfp_t gfp);
#undef alloc_contig_pages
#define alloc_contig_pages(nr_pages, gfp, nid, nodemask) \
	compat_alloc_contig_pages(nr_pages, gfp)

#endif /* 7.0 */

#endif /* _KERNEL_COMPAT_H */
