// SPDX-License-Identifier: GPL-2.0-only
/*
 * The CPU side of the reference importer: mappings in processes.
 *
 * A fault holds the reservation lock from get_pfn until the entry is in the
 * page table, so the buffer cannot move in between and no sequence check is
 * needed. A page table lock of the importer would not work here: inserting an
 * entry may allocate a page table, the allocation may enter reclaim, and
 * reclaim may move this buffer and call the notification, which takes that
 * lock.
 *
 * Where address, offset and memory are aligned alike, a fault installs a huge
 * entry. mm tries the largest order first, and a smaller one after
 * VM_FAULT_FALLBACK. It also splits huge entries when a part of them is
 * unmapped or protected, which removes entries of this kind. Pages that are
 * still mapped fault again.
 */

#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/huge_mm.h>
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/mmap_lock.h>
#include <linux/pagemap.h>
#include <linux/xarray.h>

#include "dma-buf-pfn-importer.h"

#ifdef CONFIG_X86
#include <asm/memtype.h>
#else
static bool pat_enabled(void)
{
	return false;
}
#endif

/* debugfs: maximum number of pages that one fault maps with small entries */
u32 pfn_import_fault_around_pages = 1;

/*
 * Others may hold the reservation lock for a long time while they copy. Do not
 * wait for it with mmap_lock held: if trylock fails, wait without any lock and
 * retry the fault. Modelled on ttm_bo_vm_reserve().
 */
static vm_fault_t pfn_import_fault_lock(struct pfn_import *imp,
					struct vm_fault *vmf)
{
	struct dma_resv *resv = imp->dmabuf->resv;
	struct file *file = vmf->vma->vm_file;

	if (dma_resv_trylock(resv))
		return 0;

	if (!fault_flag_allow_retry_first(vmf->flags))
		return dma_resv_lock_interruptible(resv, NULL) ?
		       VM_FAULT_NOPAGE : 0;

	if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
		return VM_FAULT_RETRY;

	/* Without the fault lock, only the file keeps the import alive. */
	get_file(file);
	release_fault_lock(vmf);
	if (!dma_resv_lock_interruptible(resv, NULL))
		dma_resv_unlock(resv);
	fput(file);
	return VM_FAULT_RETRY;
}

/*
 * The contents may still be in transit. Do not wait for them with the fault
 * lock held either: returns VM_FAULT_RETRY if the fault can be retried, and
 * then the caller must call pfn_import_fault_wait(). Not limited to the first
 * try: after each wait, the fences waited for have signaled, so there is
 * progress. Modelled on ttm_bo_vm_fault_idle().
 */
static vm_fault_t pfn_import_fault_idle(struct pfn_import *imp,
					struct vm_fault *vmf)
{
	struct dma_resv *resv = imp->dmabuf->resv;
	long ret;

	dma_resv_assert_held(resv);

	if (imp->broken & DMA_BUF_PFN_BROKEN_NO_FENCE_WAIT ||
	    dma_resv_test_signaled(resv, DMA_RESV_USAGE_KERNEL))
		return 0;

	if (vmf->flags & FAULT_FLAG_ALLOW_RETRY)
		return VM_FAULT_RETRY;

	ret = dma_resv_wait_timeout(resv, DMA_RESV_USAGE_KERNEL, true,
				    MAX_SCHEDULE_TIMEOUT);
	return ret < 0 ? VM_FAULT_NOPAGE : 0;
}

/*
 * Wait for the contents without any lock before the fault is retried. A fault
 * from user mode waits interruptibly. A fault from kernel mode would return at
 * once while a signal is pending, so it waits uninterruptibly, but not for
 * long: each retry checks for fatal signals.
 */
static void pfn_import_fault_wait(struct pfn_import *imp, struct vm_fault *vmf)
{
	bool user = vmf->flags & FAULT_FLAG_USER;
	struct file *file = vmf->vma->vm_file;

	/* With FAULT_FLAG_RETRY_NOWAIT the fault lock stays held. */
	if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
		return;

	get_file(file);
	release_fault_lock(vmf);
	dma_resv_wait_timeout(imp->dmabuf->resv, DMA_RESV_USAGE_KERNEL, user,
			      user ? MAX_SCHEDULE_TIMEOUT : HZ / 10);
	fput(file);
}

/*
 * A huge entry is inserted with the protection of the mapping. On x86 with PAT,
 * mm replaces the cache mode by that of the exporter. On other architectures
 * the entry would be cached.
 */
static bool pfn_import_huge_cached(enum dma_buf_pfn_caching caching)
{
	return caching == DMA_BUF_PFN_CACHED || pat_enabled();
}

/* Whether @run, at an aligned offset, has room for an entry of @order */
static bool pfn_import_huge_fits(const struct dma_buf_pfn_run *run,
				 unsigned int order)
{
	return run->nr_pages >> order && IS_ALIGNED(run->pfn, 1ULL << order) &&
	       pfn_import_huge_cached(run->caching);
}

/*
 * The entry to record for a new one of @order. Other mappings may map parts of
 * the block with smaller entries, or all of it with a larger one. Returns NULL
 * if the record is to stay as it is.
 */
static void *pfn_import_record_entry(struct pfn_import *imp, struct xa_state *xas,
				     pgoff_t first, unsigned int order, u64 pfn,
				     bool write)
{
	pgoff_t last = first + (1UL << order) - 1;
	struct pfn_import_translation t;
	unsigned long index;
	void *entry;

	xa_for_each_range(&imp->cpu_pages, index, entry, first, last) {
		pfn_import_translate(imp, &imp->cpu_pages, index, &t);
		if (t.order >= order) {
			/* Keep it, and make it writable. */
			if (!write || t.writable)
				return NULL;
			pfn = t.pfn - (index & ((1UL << t.order) - 1));
			xas_set_order(xas, index, t.order);
			return pfn_import_entry_make(pfn, true, t.generation);
		}
		/* A broken importer has left stale entries. */
		if (t.generation != imp->invalidations)
			return NULL;
		write |= t.writable;
	}
	xas_set_order(xas, first, order);
	return pfn_import_entry_make(pfn, write, imp->invalidations);
}

/*
 * Record an entry that has been installed in a CPU page table, for statistics
 * and snapshots. All mappings of an import share one record. It contains the
 * largest entry that was installed in any of them.
 */
static int pfn_import_record(struct pfn_import *imp, pgoff_t first,
			     unsigned int order, u64 pfn, bool write)
{
	XA_STATE(xas, &imp->cpu_pages, first);
	void *entry;

	dma_resv_assert_held(imp->dmabuf->resv);

	do {
		xas_lock(&xas);
		entry = pfn_import_record_entry(imp, &xas, first, order, pfn, write);
		if (entry)
			xas_store(&xas, entry);
		xas_unlock(&xas);
	} while (xas_nomem(&xas, GFP_KERNEL));
	return xas_error(&xas);
}

/*
 * Insert an entry for the first block of @run. The write argument of huge
 * entries is always false: they have the write permission of the mapping.
 * Entries that were write-protected later, for example by soft-dirty tracking,
 * are not made writable here, see pfn_import_huge_fault().
 */
static vm_fault_t pfn_import_insert(struct pfn_import *imp, struct vm_fault *vmf,
				    unsigned int order, const struct dma_buf_pfn_run *run)
{
	struct vm_area_struct *vma = vmf->vma;
	vm_fault_t fault = VM_FAULT_FALLBACK;
	int ret;

	if (IS_ENABLED(CONFIG_ARCH_SUPPORTS_PUD_PFNMAP) && order == PUD_ORDER)
		fault = vmf_insert_pfn_pud(vmf, run->pfn, false);
	else if (IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP) && order == PMD_ORDER)
		fault = vmf_insert_pfn_pmd(vmf, run->pfn, false);
	else if (!order)
		fault = vmf_insert_pfn_prot(vma, vma->vm_start +
					    ((run->first - vma->vm_pgoff) << PAGE_SHIFT),
					    run->pfn,
					    dma_buf_pfn_pgprot(run->caching,
							       vma->vm_page_prot));
	if (fault != VM_FAULT_NOPAGE)
		return fault;

	ret = pfn_import_record(imp, run->first, order, run->pfn,
				vma->vm_flags & VM_WRITE);
	if (!ret)
		return VM_FAULT_NOPAGE;

	unmap_mapping_pages(imp->file->f_mapping, run->first, 1UL << order, true);
	return vmf_error(ret);
}

static unsigned int pfn_import_level(unsigned int order)
{
	if (order == PUD_ORDER)
		return DMA_BUF_PFN_LEVEL_PUD;
	return order == PMD_ORDER ? DMA_BUF_PFN_LEVEL_PMD : DMA_BUF_PFN_LEVEL_PTE;
}

/*
 * Also map the pages of @run after the faulting one, up to the end of an aligned
 * window of fault_around_pages (debugfs). Errors end the loop and are left to
 * the fault on that page.
 */
static void pfn_import_fault_around(struct pfn_import *imp, struct vm_fault *vmf,
				    struct dma_buf_pfn_run *run)
{
	unsigned long window = READ_ONCE(pfn_import_fault_around_pages);
	struct vm_area_struct *vma = vmf->vma;

	if (window <= 1)
		return;

	window = rounddown_pow_of_two(min_t(unsigned long, window, PTRS_PER_PTE));
	dma_buf_pfn_clip(run, vmf->pgoff, min(ALIGN(vmf->pgoff + 1, window),
					      vma->vm_pgoff + vma_pages(vma)));
	while (run->nr_pages > 1) {
		dma_buf_pfn_clip(run, run->first + 1, ULONG_MAX);
		if (pfn_import_insert(imp, vmf, 0, run) != VM_FAULT_NOPAGE)
			return;
	}
}

static vm_fault_t pfn_import_fault_locked(struct pfn_import *imp,
					  struct vm_fault *vmf, unsigned int order)
{
	pgoff_t pgoff = ALIGN_DOWN(vmf->pgoff, 1UL << order);
	struct dma_buf_pfn_run run;
	vm_fault_t fault;
	int ret;

	dma_resv_assert_held(imp->dmabuf->resv);

	ret = dma_buf_get_pfn_run(imp->attach, pgoff, &run);
	if (ret == -EINTR || ret == -ERESTARTSYS || ret == -EAGAIN)
		return VM_FAULT_NOPAGE;
	if (ret)
		return vmf_error(ret);

	dma_buf_pfn_clip(&run, pgoff, imp->num_pages);
	if (order && !pfn_import_huge_fits(&run, order))
		return VM_FAULT_FALLBACK;

	fault = pfn_import_fault_idle(imp, vmf);
	if (fault)
		return fault;

	fault = pfn_import_insert(imp, vmf, order, &run);
	if (fault == VM_FAULT_NOPAGE) {
		imp->faults[pfn_import_level(order)]++;
		if (!order)
			pfn_import_fault_around(imp, vmf, &run);
	}
	return fault;
}

static vm_fault_t pfn_import_fault_order(struct vm_fault *vmf, unsigned int order)
{
	struct pfn_import *imp = vmf->vma->vm_private_data;
	vm_fault_t fault;

	fault = pfn_import_fault_lock(imp, vmf);
	if (fault)
		return fault;

	fault = pfn_import_fault_locked(imp, vmf, order);
	dma_resv_unlock(imp->dmabuf->resv);
	if (fault == VM_FAULT_RETRY)
		pfn_import_fault_wait(imp, vmf);
	return fault;
}

static vm_fault_t pfn_import_fault(struct vm_fault *vmf)
{
	return pfn_import_fault_order(vmf, 0);
}

/*
 * mm calls this if the page table has no entry of this order, or if a huge
 * entry is to become writable. In the second case, and after a race with
 * another fault, there is an entry already, and mm splits or uses it after
 * VM_FAULT_FALLBACK.
 */
static vm_fault_t __maybe_unused pfn_import_huge_fault(struct vm_fault *vmf,
						       unsigned int order)
{
	if (order != PMD_ORDER && order != PUD_ORDER)
		return VM_FAULT_FALLBACK;
	if (!thp_vma_suitable_order(vmf->vma, vmf->address, order))
		return VM_FAULT_FALLBACK;
	if (order == PUD_ORDER ? !pud_none(READ_ONCE(*vmf->pud)) :
				 !pmd_none(READ_ONCE(*vmf->pmd)))
		return VM_FAULT_FALLBACK;

	return pfn_import_fault_order(vmf, order);
}

static const struct vm_operations_struct pfn_import_vm_ops = {
	.fault = pfn_import_fault,
#ifdef CONFIG_ARCH_SUPPORTS_HUGE_PFNMAP
	.huge_fault = pfn_import_huge_fault,
#endif
};

/* Find an address for @len, congruent with @pgoff modulo @align */
static unsigned long pfn_import_area_aligned(struct file *file, unsigned long len,
					     unsigned long pgoff, unsigned long flags,
					     unsigned long align)
{
	unsigned long addr;

	if (len < align || len + align < len)
		return -ENOMEM;

	addr = mm_get_unmapped_area(file, 0, len + align, pgoff, flags);
	if (IS_ERR_VALUE(addr))
		return addr;
	return addr + (((pgoff << PAGE_SHIFT) - addr) & (align - 1));
}

/**
 * pfn_import_cpu_area() - choose an address that allows huge entries
 * @file: the import's file
 * @addr: hint, or the address with MAP_FIXED
 * @len: length in bytes
 * @pgoff: offset into the buffer in pages
 * @flags: MAP_*
 *
 * An address given by the caller is not changed. Otherwise the address is
 * aligned like the offset, for the largest entry that fits into the mapping.
 *
 * Return: the address or an error.
 */
unsigned long pfn_import_cpu_area(struct file *file, unsigned long addr,
				  unsigned long len, unsigned long pgoff,
				  unsigned long flags)
{
	unsigned long area;

	if (addr || flags & MAP_FIXED)
		return mm_get_unmapped_area(file, addr, len, pgoff, flags);

	area = pfn_import_area_aligned(file, len, pgoff, flags, PUD_SIZE);
	if (IS_ERR_VALUE(area))
		area = pfn_import_area_aligned(file, len, pgoff, flags, PMD_SIZE);
	if (IS_ERR_VALUE(area))
		area = mm_get_unmapped_area(file, addr, len, pgoff, flags);
	return area;
}

/**
 * pfn_import_cpu_mmap() - map an import into a process
 * @file: the import's file
 * @vma: the new mapping
 *
 * mm has checked @vma against the mode of the import's file, which is that of
 * the dma-buf.
 *
 * Return: 0, or -EINVAL for a private mapping or one beyond the end.
 */
int pfn_import_cpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct pfn_import *imp = file->private_data;

	/* A copy of a page would not move with the buffer. */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (vma->vm_pgoff >= imp->num_pages ||
	    vma_pages(vma) > imp->num_pages - vma->vm_pgoff)
		return -EINVAL;

	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &pfn_import_vm_ops;
	vma->vm_private_data = imp;
	return 0;
}

/**
 * pfn_import_cpu_invalidate() - remove all CPU page table entries
 * @imp: the import, with the reservation lock of its buffer held
 *
 * On return the entries are removed from all processes and their TLBs.
 */
void pfn_import_cpu_invalidate(struct pfn_import *imp)
{
	dma_resv_assert_held(imp->dmabuf->resv);

	unmap_mapping_range(imp->file->f_mapping, 0, 0, 1);
	imp->cpu_zapped += pfn_import_zap(&imp->cpu_pages);
}
