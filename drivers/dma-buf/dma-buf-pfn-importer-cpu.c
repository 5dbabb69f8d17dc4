// SPDX-License-Identifier: GPL-2.0-only
/*
 * The CPU side of the reference importer: mappings in processes.
 *
 * A fault holds the reservation lock from get_pfn until the entry is in the page
 * table, so no move can come between and no sequence is needed. It could not use
 * a lock of its own there: inserting an entry may allocate a page table, the
 * allocation may reclaim, and reclaim may move this very buffer and notify us.
 */

#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/jiffies.h>
#include <linux/mm.h>

#include <uapi/linux/dma-buf-pfn-importer.h>

#include "dma-buf-pfn-importer.h"

/*
 * The wait for the reservation lock can be a long one, as others hold it while
 * they copy, and meanwhile mmap_lock is needed elsewhere. So only try, and if that
 * fails wait without any lock and let the fault start again. After
 * ttm_bo_vm_reserve().
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
 * The data may still be on its way. That wait is as long as any, so it is not for
 * the fault lock either: VM_FAULT_RETRY if the fault can be started again, and then
 * pfn_import_fault_wait() must follow. Each time, and not only the first time: what
 * was waited for is done, so something has moved on. After ttm_bo_vm_fault_idle().
 */
static vm_fault_t pfn_import_fault_idle(struct pfn_import *imp,
					struct vm_fault *vmf)
{
	struct dma_resv *resv = imp->dmabuf->resv;
	long ret;

	dma_resv_assert_held(resv);

	if (imp->flags & DMA_BUF_PFN_IMPORT_NO_FENCE_WAIT ||
	    dma_resv_test_signaled(resv, DMA_RESV_USAGE_KERNEL))
		return 0;

	if (vmf->flags & FAULT_FLAG_ALLOW_RETRY)
		return VM_FAULT_RETRY;

	ret = dma_resv_wait_timeout(resv, DMA_RESV_USAGE_KERNEL, true,
				    MAX_SCHEDULE_TIMEOUT);
	return ret < 0 ? VM_FAULT_NOPAGE : 0;
}

/*
 * Wait for the data without any lock, before the fault starts again. A process can
 * be interrupted. The kernel, in a system call, would only come back at once while
 * a signal is pending, and looks whether to die each time that it does.
 */
static void pfn_import_fault_wait(struct pfn_import *imp, struct vm_fault *vmf)
{
	bool user = vmf->flags & FAULT_FLAG_USER;
	struct file *file = vmf->vma->vm_file;

	/* Whoever does not want to wait keeps the fault lock, too. */
	if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
		return;

	get_file(file);
	release_fault_lock(vmf);
	dma_resv_wait_timeout(imp->dmabuf->resv, DMA_RESV_USAGE_KERNEL, user,
			      user ? MAX_SCHEDULE_TIMEOUT : HZ / 10);
	fput(file);
}

static vm_fault_t pfn_import_fault_locked(struct pfn_import *imp,
					  struct vm_fault *vmf)
{
	struct dma_buf_pfn_run run;
	pgprot_t prot;
	vm_fault_t fault;
	void *old;
	long ret;

	dma_resv_assert_held(imp->dmabuf->resv);

	ret = dma_buf_get_pfn_run(imp->attach, vmf->pgoff, &run);
	if (ret)
		goto err;

	fault = pfn_import_fault_idle(imp, vmf);
	if (fault)
		return fault;

	/* Another mapping may have the page already. */
	old = xa_store(&imp->cpu_pages, vmf->pgoff, xa_mk_value(run.pfn),
		       GFP_KERNEL);
	ret = xa_err(old);
	if (ret)
		goto err;

	prot = dma_buf_pfn_pgprot(run.caching, vmf->vma->vm_page_prot);
	fault = vmf_insert_pfn_prot(vmf->vma, vmf->address, run.pfn, prot);
	if (fault == VM_FAULT_NOPAGE) {
		imp->faults++;
		imp->cpu_mapped += !old;
	} else if (!old) {
		xa_erase(&imp->cpu_pages, vmf->pgoff);
	}
	return fault;

err:
	switch (ret) {
	case -EINTR:
	case -ERESTARTSYS:
	case -EAGAIN:
		return VM_FAULT_NOPAGE;
	case -ENOMEM:
		return VM_FAULT_OOM;
	default:
		return VM_FAULT_SIGBUS;
	}
}

static vm_fault_t pfn_import_fault(struct vm_fault *vmf)
{
	struct pfn_import *imp = vmf->vma->vm_private_data;
	vm_fault_t fault;

	fault = pfn_import_fault_lock(imp, vmf);
	if (fault)
		return fault;

	fault = pfn_import_fault_locked(imp, vmf);
	dma_resv_unlock(imp->dmabuf->resv);
	if (fault == VM_FAULT_RETRY)
		pfn_import_fault_wait(imp, vmf);
	return fault;
}

static const struct vm_operations_struct pfn_import_vm_ops = {
	.fault = pfn_import_fault,
};

/**
 * pfn_import_cpu_mmap() - map an import into a process
 * @imp: the import
 * @vma: the new mapping
 *
 * mm has checked @vma against the mode of the import's file, which is that of
 * the dma-buf.
 *
 * Return: 0, or -EINVAL for a private mapping or one beyond the end.
 */
int pfn_import_cpu_mmap(struct pfn_import *imp, struct vm_area_struct *vma)
{
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
 * On return they are gone from all processes, and from their TLBs.
 */
void pfn_import_cpu_invalidate(struct pfn_import *imp)
{
	dma_resv_assert_held(imp->dmabuf->resv);

	unmap_mapping_range(imp->mapping, 0, 0, 1);
	pfn_import_zap(&imp->cpu_pages, &imp->cpu_mapped, &imp->cpu_zapped);
}
