// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page frame numbers of dma-bufs: the importers' side of &dma_buf_ops.get_pfn.
 *
 * A page frame number has no reference count. What keeps it true is the
 * reservation lock, and after that either a pin or the promise of the exporter
 * to call dma_buf_invalidate_mappings() before it becomes false. Which of these
 * an attachment has is decided here, for every question anew.
 */

#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/export.h>
#include <linux/sched.h>

#include <trace/events/dma_buf.h>

#include "dma-buf-pfn.h"

/* The same as dma_buf_attach_revocable(), without a call */
static bool dma_buf_pfn_told(struct dma_buf_attachment *attach)
{
	return attach->importer_ops && attach->importer_ops->invalidate_mappings;
}

/**
 * dma_buf_pfn_begin() - check a question, and that the answer will last
 * @attach: attachment to ask for
 * @pgoff: offset in pages
 * @pinned: set if this is the question for which a static attachment was pinned
 *
 * Return: 0, and dma_buf_pfn_end() must follow, or a negative errno.
 */
int dma_buf_pfn_begin(struct dma_buf_attachment *attach, pgoff_t pgoff,
		      bool *pinned)
{
	struct dma_buf *dmabuf = attach->dmabuf;
	int ret;

	dma_resv_assert_held(dmabuf->resv);
	*pinned = false;

	/* KVM and others take any fd from userspace, so no WARN here. */
	if (!dma_buf_has_pfn(dmabuf))
		return -EOPNOTSUPP;

	if (pgoff >= dmabuf->size >> PAGE_SHIFT)
		return -EINVAL;

	/* Will be told; does not move; cannot move until detached. */
	if (dma_buf_pfn_told(attach) || !dma_buf_is_dynamic(dmabuf) ||
	    attach->pfn_pinned)
		return 0;

	/* Cannot move until dma_buf_unpin(), or else nobody would tell. */
	if (attach->importer_ops)
		return attach->pin_count ? 0 : -EOPNOTSUPP;

	ret = dmabuf->ops->pin(attach);
	if (ret)
		return ret;

	attach->pfn_pinned = true;
	*pinned = true;
	return 0;
}

/**
 * dma_buf_pfn_end() - finish what dma_buf_pfn_begin() began
 * @attach: attachment that asked
 * @pinned: from dma_buf_pfn_begin()
 * @ret: what the exporter returned
 *
 * A question that failed leaves nothing pinned.
 *
 * Return: @ret, or the error of waiting for fences.
 */
int dma_buf_pfn_end(struct dma_buf_attachment *attach, bool pinned, int ret)
{
	struct dma_buf *dmabuf = attach->dmabuf;
	long waited;

	dma_resv_assert_held(dmabuf->resv);

	/* Importers with static attachments don't wait for fences. */
	if (!ret && !attach->importer_ops) {
		waited = dma_resv_wait_timeout(dmabuf->resv,
					       DMA_RESV_USAGE_KERNEL, true,
					       MAX_SCHEDULE_TIMEOUT);
		if (waited < 0)
			ret = waited;
	}

	if (ret && pinned) {
		dmabuf->ops->unpin(attach);
		attach->pfn_pinned = false;
	}
	return ret;
}

static int dma_buf_pfn_call(struct dma_buf_attachment *attach, pgoff_t pgoff,
			    u64 *pfn, int *order)
{
	int ret;

	*pfn = 0;
	*order = 0;
	ret = attach->dmabuf->ops->get_pfn(attach, pgoff, pfn, order);
	if (trace_dma_buf_get_pfn_enabled())
		trace_dma_buf_get_pfn(attach, pgoff, *pfn, *order, ret);
	return ret;
}

/**
 * dma_buf_pfn_ask() - ask &dma_buf_ops.get_pfn, and check the answer
 * @attach: attachment to ask for
 * @pgoff: offset in pages, inside the buffer
 * @pfn: returns the page frame number
 * @order: returns the order
 *
 * Return: 0, or what the exporter returned, or -EIO for an answer that breaks
 * the rules if CONFIG_DMABUF_DEBUG looks at them.
 */
int dma_buf_pfn_ask(struct dma_buf_attachment *attach, pgoff_t pgoff,
		    u64 *pfn, int *order)
{
	int ret;

	dma_resv_assert_held(attach->dmabuf->resv);

	ret = dma_buf_pfn_call(attach, pgoff, pfn, order);
	if (ret)
		return ret;

	/* What moved while it was checked is asked for once more. */
	ret = dma_buf_pfn_check(attach, pgoff, *pfn, *order, true);
	if (ret != -EAGAIN)
		return ret;

	ret = dma_buf_pfn_call(attach, pgoff, pfn, order);
	return ret ?: dma_buf_pfn_check(attach, pgoff, *pfn, *order, false);
}

/*
 * What the two forms below do with the lock held. It is done for every page, so they have
 * all of it inlined.
 */
static int dma_buf_pfn_get(struct dma_buf_attachment *attach, pgoff_t pgoff,
			   u64 *pfn, int *max_order)
{
	bool pinned;
	u64 answer;
	int order;
	int ret;

	ret = dma_buf_pfn_begin(attach, pgoff, &pinned);
	if (ret)
		return ret;

	ret = dma_buf_pfn_ask(attach, pgoff, &answer, &order);
	ret = dma_buf_pfn_end(attach, pinned, ret);
	if (ret)
		return ret;

	*pfn = answer;
	if (max_order)
		*max_order = order;
	return 0;
}

/**
 * dma_buf_get_pfn - get the page frame number of one page of a buffer
 * @attach:	[in]	attachment to get it for
 * @pgoff:	[in]	offset in pages of PAGE_SIZE from the start of the buffer
 * @pfn:	[out]	page frame number of the page at @pgoff
 * @max_order:	[out]	may be NULL. The largest order o for which the block of
 *			2^o pages that contains @pgoff, aligned to 2^o both in
 *			page offsets and in page frame numbers, is physically
 *			contiguous, inside the buffer and of one kind of memory.
 *			The importer may map any smaller order.
 *
 * The caller must hold the reservation lock of the buffer, and no lock that its
 * own &dma_buf_attach_ops.invalidate_mappings takes: the exporter may populate
 * or move the buffer to answer, and so notify this very attachment.
 *
 * The answer is valid
 *
 * - until the next &dma_buf_attach_ops.invalidate_mappings on @attach, if the
 *   importer has that callback (a dynamic attachment). With the reservation lock
 *   held that can only be while the exporter answers another question;
 * - until the last dma_buf_unpin(), if it has called dma_buf_pin() (a pinned
 *   one);
 * - until dma_buf_detach(), if it has no &dma_buf_attach_ops at all (a static
 *   one). For it the buffer is pinned by the first call that succeeds;
 * - until detached or invalidated, if the exporter is not dynamic, see
 *   dma_buf_is_dynamic().
 *
 * Any of these ends early when the exporter revokes the memory, of which only an
 * importer with the callback is told.
 *
 * For static attachments this waits until the memory is ready for use. Others
 * get no such wait, and must themselves wait for the fences of
 * DMA_RESV_USAGE_KERNEL before they let anything touch the memory. Importers map
 * for writing only what dma_buf_pfn_writable() allows.
 *
 * Context: may sleep.
 *
 * Returns:
 * 0 on success; -EINVAL if @pgoff is beyond the end; -EOPNOTSUPP if the exporter
 * has no page frame numbers to give, or none that would stay valid for an
 * attachment of this kind; -ENODEV if the memory was revoked; -EIO if
 * CONFIG_DMABUF_DEBUG found the exporter's answer to be wrong; otherwise what
 * the exporter returned, -EINTR and -ERESTARTSYS among it. On failure @pfn and
 * @max_order are left as they were.
 */
int __flatten dma_buf_get_pfn(struct dma_buf_attachment *attach, pgoff_t pgoff,
			      u64 *pfn, int *max_order)
{
	might_sleep();

	if (WARN_ON(!attach) || WARN_ON(!attach->dmabuf) || WARN_ON(!pfn))
		return -EINVAL;

	dma_resv_assert_held(attach->dmabuf->resv);

	return dma_buf_pfn_get(attach, pgoff, pfn, max_order);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_get_pfn, "DMA_BUF");

/**
 * dma_buf_get_pfn_unlocked - get a page frame number without holding the lock
 * @attach:	[in]	attachment to get it for
 * @pgoff:	[in]	offset in pages of PAGE_SIZE from the start of the buffer
 * @pfn:	[out]	page frame number of the page at @pgoff
 * @max_order:	[out]	may be NULL, see dma_buf_get_pfn()
 *
 * Unlocked variant of dma_buf_get_pfn(): takes the reservation lock itself,
 * interruptibly. For a dynamic attachment the answer may be wrong before the
 * caller can use it, so it is worth nothing without dma_buf_pfn_read_retry().
 *
 * Context: may sleep. The caller must not hold the reservation lock.
 *
 * Returns:
 * As dma_buf_get_pfn(), and -EINTR if a signal arrived while waiting.
 */
int __flatten dma_buf_get_pfn_unlocked(struct dma_buf_attachment *attach, pgoff_t pgoff,
				       u64 *pfn, int *max_order)
{
	int ret;

	might_sleep();

	if (WARN_ON(!attach) || WARN_ON(!attach->dmabuf) || WARN_ON(!pfn))
		return -EINVAL;

	ret = dma_resv_lock_interruptible(attach->dmabuf->resv, NULL);
	if (ret)
		return ret;

	ret = dma_buf_pfn_get(attach, pgoff, pfn, max_order);
	dma_resv_unlock(attach->dmabuf->resv);

	return ret;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_get_pfn_unlocked, "DMA_BUF");

/**
 * dma_buf_pfn_read_begin - start an unlocked use of page frame numbers
 * @attach:	[in]	attachment that will ask for them
 *
 * To be called before dma_buf_get_pfn_unlocked(), or before the first question of
 * a walk with dma_buf_get_pfn_run(). After
 * mmu_interval_read_begin(), but it does not wait for an invalidation in
 * progress: the reservation lock does, inside dma_buf_get_pfn_unlocked().
 *
 * Context: any.
 *
 * Returns:
 * The sequence number to give to dma_buf_pfn_read_retry().
 */
unsigned long dma_buf_pfn_read_begin(struct dma_buf_attachment *attach)
{
	/*
	 * Taking the reservation lock afterwards does not keep this load from
	 * moving down into the critical section, where the number is as fresh
	 * as the answer. Releasing the lock keeps it from moving farther.
	 */
	return READ_ONCE(attach->dmabuf->pfn_seq);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pfn_read_begin, "DMA_BUF");

/**
 * dma_buf_pfn_read_retry - whether page frame numbers may be out of date
 * @attach:	[in]	attachment that asked for them
 * @seq:	[in]	what dma_buf_pfn_read_begin() returned
 *
 * To be called under the importer's own page table lock, the one that its
 * &dma_buf_attach_ops.invalidate_mappings takes too, before the page frame
 * number is put into the page table under that same lock. The lock must never
 * be held across an allocation or across dma_buf_get_pfn(). After
 * mmu_interval_read_retry().
 *
 * dma_buf_invalidate_mappings() advances the number before it calls the first
 * importer. If that importer's callback had the page table lock before us, the
 * number was advanced before it took the lock, and we have the lock after it, so
 * we see the new number and retry. If it gets the lock after us, it finds and
 * removes what we installed.
 *
 * Context: any.
 *
 * Returns:
 * True if the caller must drop the lock and start again from
 * dma_buf_pfn_read_begin(), false if it may install.
 */
bool dma_buf_pfn_read_retry(struct dma_buf_attachment *attach,
			    unsigned long seq)
{
	return READ_ONCE(attach->dmabuf->pfn_seq) != seq;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pfn_read_retry, "DMA_BUF");
