// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memslots backed by dma-bufs. KVM is a dynamic importer of page frame numbers,
 * see Documentation/driver-api/dma-buf-pfn.rst: the exporter may move the buffer
 * at any time. It notifies KVM first, KVM removes all mappings of the slot, and
 * the next access of the guest faults and looks up the new page frame number.
 *
 * A fault uses the sequence of the MMU, as faults on userspace memory do:
 *
 *   fault                            notification, under the reservation lock
 *   -----                            ----------------------------------------
 *   read mmu_invalidate_seq
 *   lock the reservation object
 *   look up the pfn
 *   unlock                           mmu_lock
 *   wait for pending copies          mmu_invalidate_in_progress++
 *   mmu_lock                         unmap the slot, flush TLBs
 *   retry if the sequence has        mmu_invalidate_seq++
 *   changed or an invalidation is    mmu_invalidate_in_progress--
 *   in progress, else map            unlock
 *   unlock
 *
 * Locks: kvm->slots_lock is taken outside the reservation lock, which is taken
 * outside kvm->mmu_lock. A fault holds kvm->srcu while it waits for the
 * reservation lock and for fences, so updates of the memslots of that VM wait as
 * long. Both waits end if the vCPU gets a signal. The notification may run inside
 * reclaim. It takes kvm->srcu and kvm->mmu_lock, which is never held across an
 * allocation that may reclaim, and never kvm->slots_lock.
 */

#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-resv.h>
#include <linux/kvm_host.h>
#include <linux/lockdep.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "kvm_mm.h"

MODULE_IMPORT_NS("DMA_BUF");

/*
 * The connection of a memslot with a buffer. A memslot is replaced by a copy when
 * it is changed, for example when it is marked invalid. All copies have the same
 * binding, and a notification finds the slot through the binding. All members are
 * constant.
 */
struct kvm_dmabuf_binding {
	struct kvm *kvm;
	u16 as_id;
	short id;
	struct dma_buf_attachment *attach;
};

/* --- notification -------------------------------------------------------- */

/*
 * The slot that has the binding now, or NULL before the slot is activated and
 * after it was removed. A slot that is being deleted has the flag
 * KVM_MEMSLOT_INVALID, and is mapped until KVM has removed its mappings.
 */
static struct kvm_memory_slot *kvm_dmabuf_slot(struct kvm_dmabuf_binding *binding)
{
	struct kvm_memslots *slots = __kvm_memslots(binding->kvm, binding->as_id);
	struct kvm_memory_slot *slot = id_to_memslot(slots, binding->id);

	return slot && slot->dmabuf.binding == binding ? slot : NULL;
}

static void kvm_dmabuf_unmap(struct kvm *kvm, struct kvm_memory_slot *slot)
{
	struct kvm_gfn_range range = {
		.slot = slot,
		.start = slot->base_gfn,
		.end = slot->base_gfn + slot->npages,
		.attr_filter = KVM_FILTER_SHARED,
		.may_block = true,
	};

	/*
	 * Unmapping may drop mmu_lock for a while. Faults are retried until the
	 * invalidation has ended.
	 */
	KVM_MMU_LOCK(kvm);
	kvm_mmu_invalidate_start(kvm);
	if (kvm_mmu_unmap_gfn_range(kvm, &range))
		kvm_flush_remote_tlbs(kvm);
	kvm_mmu_invalidate_end(kvm);
	KVM_MMU_UNLOCK(kvm);
}

static void kvm_dmabuf_invalidate_mappings(struct dma_buf_attachment *attach)
{
	struct kvm_dmabuf_binding *binding = attach->importer_priv;
	struct kvm *kvm = binding->kvm;
	struct kvm_memory_slot *slot;
	int idx;

	dma_resv_assert_held(attach->dmabuf->resv);

	idx = srcu_read_lock(&kvm->srcu);
	slot = kvm_dmabuf_slot(binding);
	if (slot)
		kvm_dmabuf_unmap(kvm, slot);
	srcu_read_unlock(&kvm->srcu, idx);

	/* As after a notification of the MMU notifier, without mmu_lock */
	if (slot)
		kvm_arch_guest_memory_reclaimed(kvm);
}

static const struct dma_buf_attach_ops kvm_dmabuf_attach_ops = {
	.allow_peer2peer = true,
	.invalidate_unmaps = true,
	.invalidate_in_reclaim = true,
	.invalidate_mappings = kvm_dmabuf_invalidate_mappings,
};

/* --- faults -------------------------------------------------------------- */

/**
 * kvm_dmabuf_get_pfn() - look up the memory of a guest page
 * @slot: a memslot that is backed by a dma-buf
 * @gfn: the page
 * @page: returns where it is
 *
 * The result is valid until the next notification. The caller has read
 * kvm->mmu_invalidate_seq before, and must compare it under kvm->mmu_lock before
 * it maps the page.
 *
 * Context: may sleep. The caller holds kvm->srcu, but not kvm->mmu_lock.
 *
 * Return: 0; -EINTR or -ERESTARTSYS if a signal ended the wait for the
 * reservation lock or for fences; or what dma_buf_get_pfn_run() returned, for
 * example -ENODEV if there is no memory now.
 */
int kvm_dmabuf_get_pfn(const struct kvm_memory_slot *slot, gfn_t gfn,
		       struct kvm_dmabuf_page *page)
{
	struct dma_buf_attachment *attach = slot->dmabuf.binding->attach;
	pgoff_t pgoff = slot->dmabuf.pgoff + (gfn - slot->base_gfn);
	struct dma_resv *resv = attach->dmabuf->resv;
	struct dma_buf_pfn_run run;
	bool ready;
	long ret;

	lockdep_assert(srcu_read_lock_held(&slot->dmabuf.binding->kvm->srcu));

	ret = dma_resv_lock_interruptible(resv, NULL);
	if (ret)
		return ret;

	ret = dma_buf_get_pfn_run(attach, pgoff, &run);
	ready = dma_resv_test_signaled(resv, DMA_RESV_USAGE_KERNEL);
	dma_resv_unlock(resv);
	if (ret)
		return ret;

	/*
	 * The exporter may still be copying the contents. If it moves the buffer
	 * during the wait, the sequence advances.
	 */
	if (!ready) {
		ret = dma_resv_wait_timeout(resv, DMA_RESV_USAGE_KERNEL, true,
					    MAX_SCHEDULE_TIMEOUT);
		if (ret < 0)
			return ret;
	}

	page->pfn = dma_buf_pfn_at(&run, pgoff);
	page->order = dma_buf_pfn_order(&run, pgoff);
	page->cached = run.caching == DMA_BUF_PFN_CACHED;
	return 0;
}

/* --- memslots ------------------------------------------------------------ */

/**
 * kvm_dmabuf_supported() - whether a VM can have memslots backed by dma-bufs
 * @kvm: the VM, or NULL for VMs in general
 *
 * The memory of confidential guests cannot be moved by copying it.
 *
 * Return: whether it can.
 */
bool kvm_dmabuf_supported(struct kvm *kvm)
{
	if (!kvm)
		return true;
	return kvm_arch_supports_dmabuf(kvm) && !READ_ONCE(kvm->dmabuf_forbidden);
}

/**
 * kvm_dmabuf_forbid() - reject memslots backed by dma-bufs from now on
 * @kvm: the VM, which is about to become a confidential guest
 *
 * This cannot be undone, so the caller must not fail afterwards.
 *
 * Context: takes kvm->slots_lock.
 *
 * Return: 0, or -EBUSY if @kvm has such a memslot.
 */
int kvm_dmabuf_forbid(struct kvm *kvm)
{
	struct kvm_memory_slot *slot;
	int i, bkt;

	guard(mutex)(&kvm->slots_lock);

	for (i = 0; i < kvm_arch_nr_memslot_as_ids(kvm); i++)
		kvm_for_each_memslot(slot, bkt, __kvm_memslots(kvm, i))
			if (kvm_slot_has_dmabuf(slot))
				return -EBUSY;

	WRITE_ONCE(kvm->dmabuf_forbidden, true);
	return 0;
}
EXPORT_SYMBOL_FOR_KVM_INTERNAL(kvm_dmabuf_forbid);

/* Show lockdep the lock that a notification takes inside the reservation lock. */
static int kvm_dmabuf_prime_locks(struct kvm *kvm, struct dma_buf *dmabuf)
{
	int ret = dma_resv_lock_interruptible(dmabuf->resv, NULL);

	if (ret)
		return ret;

	might_lock(&kvm->mmu_lock);
	dma_resv_unlock(dmabuf->resv);
	return 0;
}

static int kvm_dmabuf_check(struct dma_buf *dmabuf, const struct kvm_memory_slot *slot,
			    u64 offset)
{
	u64 end;

	if (!PAGE_ALIGNED(offset) ||
	    check_add_overflow(offset, (u64)slot->npages << PAGE_SHIFT, &end) ||
	    end > dmabuf->size)
		return -EINVAL;

	if (!(slot->flags & KVM_MEM_READONLY) && !dma_buf_pfn_writable(dmabuf))
		return -EACCES;

	return 0;
}

/**
 * kvm_dmabuf_bind() - attach a new memslot to a dma-buf
 * @kvm: the VM
 * @slot: the slot, which is not active yet
 * @fd: file descriptor of the dma-buf
 * @offset: where the slot begins in the buffer, in bytes
 *
 * Return: 0; -EBADF or -EINVAL if @fd is not a dma-buf; -EINVAL for a range that
 * is not page-aligned or not inside the buffer; -EACCES if the file is not open
 * for writing and the slot is not read-only; -EOPNOTSUPP if the exporter provides
 * no page frame numbers; -EINTR; -ENOMEM; or the error of the exporter.
 */
int kvm_dmabuf_bind(struct kvm *kvm, struct kvm_memory_slot *slot, int fd, u64 offset)
{
	struct kvm_dmabuf_binding *binding;
	struct dma_buf *dmabuf;
	int ret;

	lockdep_assert_held(&kvm->slots_lock);

	dmabuf = dma_buf_get(fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);

	ret = kvm_dmabuf_check(dmabuf, slot, offset);
	if (ret)
		goto err_put;

	binding = kzalloc_obj(*binding, GFP_KERNEL_ACCOUNT);
	if (!binding) {
		ret = -ENOMEM;
		goto err_put;
	}
	binding->kvm = kvm;
	binding->as_id = slot->as_id;
	binding->id = slot->id;

	/*
	 * Fails for exporters without page frame numbers. Notifications that come
	 * before the slot is active find no slot.
	 */
	binding->attach = dma_buf_dynamic_attach(dmabuf, NULL, &kvm_dmabuf_attach_ops,
						 binding);
	if (IS_ERR(binding->attach)) {
		ret = PTR_ERR(binding->attach);
		goto err_free;
	}

	ret = kvm_dmabuf_prime_locks(kvm, dmabuf);
	if (ret)
		goto err_detach;

	/* kvm_dmabuf_unbind() puts the reference to the buffer. */
	slot->dmabuf.binding = binding;
	slot->dmabuf.pgoff = offset >> PAGE_SHIFT;
	return 0;

err_detach:
	dma_buf_detach(dmabuf, binding->attach);
err_free:
	kfree(binding);
err_put:
	dma_buf_put(dmabuf);
	return ret;
}

/**
 * kvm_dmabuf_is_bound() - compare the memory of a memslot
 * @slot: a slot that is backed by a dma-buf
 * @fd: file descriptor of a dma-buf
 * @offset: an offset in it, in bytes
 *
 * Return: whether the slot begins at @offset of this dma-buf.
 */
bool kvm_dmabuf_is_bound(const struct kvm_memory_slot *slot, int fd, u64 offset)
{
	struct dma_buf *dmabuf = dma_buf_get(fd);
	bool same;

	if (IS_ERR(dmabuf))
		return false;

	same = dmabuf == slot->dmabuf.binding->attach->dmabuf &&
	       offset == (u64)slot->dmabuf.pgoff << PAGE_SHIFT;
	dma_buf_put(dmabuf);
	return same;
}

/**
 * kvm_dmabuf_unbind() - detach a memslot from its dma-buf
 * @slot: any memslot. Nothing of it is mapped any more, or it was never active.
 */
void kvm_dmabuf_unbind(struct kvm_memory_slot *slot)
{
	struct kvm_dmabuf_binding *binding = slot->dmabuf.binding;
	struct dma_buf *dmabuf;

	if (!binding)
		return;

	/* Notifications may come until this returns. */
	dmabuf = binding->attach->dmabuf;
	dma_buf_detach(dmabuf, binding->attach);
	dma_buf_put(dmabuf);
	slot->dmabuf.binding = NULL;
	kfree(binding);
}

/**
 * kvm_dmabuf_unbind_all() - detach all memslots of a VM that is destroyed
 * @kvm: the VM, which has no users and no mappings any more
 *
 * After this there are no notifications, and no invalidation is in progress.
 * Therefore it precedes the check of that, and the destruction of what a
 * notification uses: the MMU and the memslots.
 */
void kvm_dmabuf_unbind_all(struct kvm *kvm)
{
	struct kvm_memory_slot *slot;
	int i, bkt;

	for (i = 0; i < kvm_arch_nr_memslot_as_ids(kvm); i++)
		kvm_for_each_memslot(slot, bkt, __kvm_memslots(kvm, i))
			kvm_dmabuf_unbind(slot);
}
