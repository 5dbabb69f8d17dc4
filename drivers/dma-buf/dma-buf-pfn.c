// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page frame numbers of dma-bufs: the importers' side of &dma_buf_ops.get_pfn.
 *
 * A page frame number has no reference count. What keeps it true is the
 * reservation lock, and after that the promise of the exporter to call
 * dma_buf_invalidate_mappings() before it becomes false.
 */

#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-resv.h>
#include <linux/export.h>

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
 * The answer is valid until the reservation lock is released, and after that
 * until the next &dma_buf_attach_ops.invalidate_mappings on @attach. The importer
 * must have that callback if the exporter is a dynamic one, see
 * dma_buf_is_dynamic(). Others do not move the buffer, but may revoke it, of which
 * an importer without that callback is not told.
 *
 * This does not wait for fences: the importer waits for those of
 * DMA_RESV_USAGE_KERNEL before it lets anything touch the memory. It maps for
 * writing only what dma_buf_pfn_writable() allows.
 *
 * Context: may sleep.
 *
 * Returns:
 * 0 on success; -EINVAL if @pgoff is beyond the end; -EOPNOTSUPP if the exporter
 * has no page frame numbers to give, or none that would stay valid for an
 * attachment of this kind; -ENODEV if the memory was revoked; otherwise what the
 * exporter returned, -EINTR and -ERESTARTSYS among it.
 */
int dma_buf_get_pfn(struct dma_buf_attachment *attach, pgoff_t pgoff,
		    u64 *pfn, int *max_order)
{
	struct dma_buf *dmabuf;
	int ret, order;

	might_sleep();

	if (WARN_ON(!attach || !attach->dmabuf || !pfn))
		return -EINVAL;

	dmabuf = attach->dmabuf;
	dma_resv_assert_held(dmabuf->resv);

	if (!dma_buf_has_pfn(dmabuf))
		return -EOPNOTSUPP;

	/* Who cannot be told of a move must not depend on the place. */
	if (dma_buf_is_dynamic(dmabuf) && !dma_buf_attach_revocable(attach))
		return -EOPNOTSUPP;

	if (pgoff >= dmabuf->size >> PAGE_SHIFT)
		return -EINVAL;

	ret = dmabuf->ops->get_pfn(attach, pgoff, pfn, &order);
	if (!ret && max_order)
		*max_order = order;

	return ret;
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
 * interruptibly. The answer may be wrong before the caller can use it, so it is
 * worth nothing without dma_buf_pfn_read_retry().
 *
 * Context: may sleep. The caller must not hold the reservation lock.
 *
 * Returns:
 * As dma_buf_get_pfn(), and -EINTR if a signal arrived while waiting.
 */
int dma_buf_get_pfn_unlocked(struct dma_buf_attachment *attach, pgoff_t pgoff,
			     u64 *pfn, int *max_order)
{
	int ret;

	might_sleep();

	if (WARN_ON(!attach || !attach->dmabuf))
		return -EINVAL;

	ret = dma_resv_lock_interruptible(attach->dmabuf->resv, NULL);
	if (ret)
		return ret;

	ret = dma_buf_get_pfn(attach, pgoff, pfn, max_order);
	dma_resv_unlock(attach->dmabuf->resv);

	return ret;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_get_pfn_unlocked, "DMA_BUF");

/**
 * dma_buf_pfn_read_begin - start an unlocked use of page frame numbers
 * @attach:	[in]	attachment that will ask for them
 *
 * To be called before dma_buf_get_pfn_unlocked(). After
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
