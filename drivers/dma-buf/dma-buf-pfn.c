// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page frame numbers of dma-bufs: the importers' side of
 * &dma_buf_ops.get_pfn_run and &dma_buf_ops.get_pfn.
 *
 * A page frame number has no reference count. It is valid while the reservation
 * lock is held. After that, a pin keeps it valid, or an exporter that never
 * moves its buffers, or the exporter's promise to call
 * dma_buf_invalidate_mappings() before the number becomes invalid, together
 * with the importer's promise to have removed all translations when that call
 * returns. Each lookup checks that one of these applies to the attachment.
 */

#include <linux/bug.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/export.h>
#include <linux/memory_hotplug.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/pfn.h>
#include <linux/sched.h>

#define CREATE_TRACE_POINTS
#include <trace/events/dma_buf_pfn.h>

#include "dma-buf-pfn-state.h"

EXPORT_TRACEPOINT_SYMBOL_GPL(dma_buf_pfn_entry);

/* --- the exporter -------------------------------------------------------- */

/*
 * An importer that maps memory outside the buffer exposes other users' memory,
 * so an invalid run is not passed on. CONFIG_DMABUF_DEBUG reports the exporter.
 */
static int dma_buf_pfn_invalid(struct dma_buf_attachment *attach, pgoff_t pgoff,
			       const char *what)
{
	WARN(IS_ENABLED(CONFIG_DMABUF_DEBUG), "exporter %s, page %lu: %s\n",
	     attach->dmabuf->exp_name, pgoff, what);
	return -EIO;
}

/*
 * The struct page of system RAM, or NULL if @pfn has no struct page, is offline,
 * or is ZONE_DEVICE memory.
 */
static struct page *dma_buf_pfn_to_page(u64 pfn)
{
	struct page *page = NULL;

	if (pfn == (unsigned long)pfn)
		page = pfn_to_online_page(pfn);

	return page && !is_zone_device_page(page) ? page : NULL;
}

/*
 * Look up a block in an exporter without get_pfn_run, and convert it to a run.
 * Only memory that the kernel manages is RAM.
 */
static int dma_buf_pfn_lookup_block(struct dma_buf_attachment *attach,
				    pgoff_t pgoff, struct dma_buf_pfn_run *run)
{
	const struct dma_buf_ops *ops = dma_buf_pfn_ops(attach->dmabuf);
	int order = 0, ret;
	struct page *page;
	pgoff_t mask;
	u64 pfn = 0;

	/* KVM and others take any fd from userspace, so no WARN here. */
	if (!ops->get_pfn)
		return -EOPNOTSUPP;

	ret = ops->get_pfn(attach, pgoff, &pfn, &order);
	if (ret)
		return ret;

	if (order < 0 || order >= BITS_PER_LONG)
		return dma_buf_pfn_invalid(attach, pgoff, "the order is out of range");

	mask = (1UL << order) - 1;
	if ((pfn ^ pgoff) & mask)
		return dma_buf_pfn_invalid(attach, pgoff, "the block is not aligned");

	run->first = pgoff & ~mask;
	run->nr_pages = 1UL << order;
	run->pfn = pfn - (pgoff - run->first);
	page = dma_buf_pfn_to_page(pfn);
	if (page && !PageReserved(page)) {
		run->type = DMA_BUF_PFN_RAM;
		run->caching = DMA_BUF_PFN_CACHED;
	} else {
		run->type = DMA_BUF_PFN_MMIO;
		run->caching = DMA_BUF_PFN_UNCACHED;
	}
	return 0;
}

/* Returns a description of what is wrong with a run for @pgoff, or NULL. */
static const char *dma_buf_pfn_bounds(struct dma_buf *dmabuf, pgoff_t pgoff,
				      const struct dma_buf_pfn_run *run)
{
	pgoff_t num_pages = dmabuf->size >> PAGE_SHIFT;

	if (pgoff < run->first || pgoff - run->first >= run->nr_pages)
		return "the run does not contain it";
	if (run->nr_pages > num_pages - run->first)
		return "the run ends outside the buffer";
	/* A buffer has at most as many pages as the physical address space. */
	if (run->pfn > PHYS_PFN(PHYS_ADDR_MAX) - (run->nr_pages - 1))
		return "the run ends outside the physical address space";
	return NULL;
}

/*
 * Look up the run that contains a page of the buffer. Returns 0, -EIO if the
 * run is invalid, or what the exporter returned. This function and its callers
 * are inlined: two calls would cost a sixth of a lookup.
 */
static __always_inline int dma_buf_pfn_lookup(struct dma_buf_attachment *attach,
					      pgoff_t pgoff,
					      struct dma_buf_pfn_run *run)
{
	struct dma_buf *dmabuf = attach->dmabuf;
	const struct dma_buf_ops *ops = dma_buf_pfn_ops(dmabuf);
	const char *wrong;
	int ret;

	dma_resv_assert_held(dmabuf->resv);

	*run = (struct dma_buf_pfn_run) {};
	if (ops->get_pfn_run)
		ret = ops->get_pfn_run(attach, pgoff, run);
	else
		ret = dma_buf_pfn_lookup_block(attach, pgoff, run);
	if (ret)
		return ret;

	wrong = dma_buf_pfn_bounds(dmabuf, pgoff, run);
	return wrong ? dma_buf_pfn_invalid(attach, pgoff, wrong) : 0;
}

/* --- CONFIG_DMABUF_DEBUG ------------------------------------------------- */

/* Device memory and memory without struct page is for peers only. */
static int dma_buf_pfn_check_type(struct dma_buf_attachment *attach, pgoff_t pgoff,
				  const struct dma_buf_pfn_run *run)
{
	if (attach->peer2peer ||
	    (run->type == DMA_BUF_PFN_RAM && dma_buf_pfn_to_page(run->pfn)))
		return 0;

	return dma_buf_pfn_invalid(attach, pgoff, "not RAM, but the importer needs RAM");
}

/*
 * Check contiguity at the end of the run that is farther from @pgoff, by a
 * second lookup there. Returns 0, -EIO, or -EAGAIN if the exporter moved the
 * buffer during the second lookup, so that @run is out of date.
 */
static int dma_buf_pfn_check_contiguous(struct dma_buf_attachment *attach,
					pgoff_t pgoff,
					const struct dma_buf_pfn_run *run)
{
	pgoff_t last = run->first + run->nr_pages - 1;
	pgoff_t far = last - pgoff > pgoff - run->first ? last : run->first;
	unsigned long seq = dma_buf_pfn_read_begin(attach);
	struct dma_buf_pfn_run other;
	int ret;

	if (far == pgoff)
		return 0;

	ret = dma_buf_pfn_lookup(attach, far, &other);
	if (dma_buf_pfn_read_retry(attach, seq))
		return -EAGAIN;
	/* If the second lookup fails, contiguity cannot be checked. */
	if (ret || dma_buf_pfn_at(&other, far) == dma_buf_pfn_at(run, far))
		return 0;

	return dma_buf_pfn_invalid(attach, pgoff, "the run is not contiguous");
}

/* If the buffer moves during the check, look up again, once. */
static __always_inline int dma_buf_pfn_lookup_checked(struct dma_buf_attachment *attach,
						      pgoff_t pgoff,
						      struct dma_buf_pfn_run *run)
{
	int ret;

	ret = dma_buf_pfn_lookup(attach, pgoff, run);
	if (ret || !IS_ENABLED(CONFIG_DMABUF_DEBUG))
		return ret;

	ret = dma_buf_pfn_check_type(attach, pgoff, run) ?:
	      dma_buf_pfn_check_contiguous(attach, pgoff, run);
	if (ret != -EAGAIN)
		return ret;

	return dma_buf_pfn_lookup(attach, pgoff, run) ?:
	       dma_buf_pfn_check_type(attach, pgoff, run);
}

/* --- static attachments -------------------------------------------------- */

/*
 * An importer without &dma_buf_attach_ops is not notified and does not pin. The
 * core pins the buffer for it, from the first lookup until it detaches, and
 * waits until the memory is ready for use.
 */
static int dma_buf_pfn_pin_static(struct dma_buf_attachment *attach)
{
	const struct dma_buf_ops *ops = dma_buf_pfn_ops(attach->dmabuf);
	bool *pinned = dma_buf_pfn_pinned(attach);
	int ret;

	if (*pinned || ops->never_moves)
		return 0;
	if (!dma_buf_has_pfn(attach->dmabuf) || !ops->pin)
		return -EOPNOTSUPP;

	ret = ops->pin(attach);
	*pinned = !ret;
	return ret;
}

static int dma_buf_pfn_wait_static(struct dma_buf_attachment *attach)
{
	long ret = dma_resv_wait_timeout(attach->dmabuf->resv, DMA_RESV_USAGE_KERNEL,
					 true, MAX_SCHEDULE_TIMEOUT);

	return ret < 0 ? ret : 0;
}

/* --- importers ----------------------------------------------------------- */

/**
 * dma_buf_has_pfn - whether an exporter provides page frame numbers
 * @dmabuf:	[in]	the buffer
 *
 * Return: true if dma_buf_get_pfn() can work on attachments to @dmabuf.
 */
bool dma_buf_has_pfn(struct dma_buf *dmabuf)
{
	const struct dma_buf_ops *ops = dma_buf_pfn_ops(dmabuf);

	return ops->get_pfn_run || ops->get_pfn;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_has_pfn, "DMA_BUF");

/*
 * Whether a translation stays valid after the reservation lock is released, for
 * an importer with &dma_buf_attach_ops. dma_buf_dynamic_attach() has checked
 * that an importer with invalidate_unmaps can be notified.
 */
static bool dma_buf_pfn_stays_valid(struct dma_buf_attachment *attach)
{
	return dma_buf_pfn_importer_ops(attach)->invalidate_unmaps ||
	       dma_buf_pfn_pin_count(attach) ||
	       dma_buf_pfn_ops(attach->dmabuf)->never_moves;
}

/* On failure the contents of @run are undefined. */
static __always_inline int dma_buf_pfn_get(struct dma_buf_attachment *attach,
					   pgoff_t pgoff,
					   struct dma_buf_pfn_run *run)
{
	struct dma_buf *dmabuf = attach->dmabuf;
	bool is_static = !dma_buf_pfn_importer_ops(attach);
	int ret;

	dma_resv_assert_held(dmabuf->resv);

	if (pgoff >= dmabuf->size >> PAGE_SHIFT)
		return -EINVAL;

	if (is_static)
		ret = dma_buf_pfn_pin_static(attach);
	else
		ret = dma_buf_pfn_stays_valid(attach) ? 0 : -EOPNOTSUPP;
	if (ret)
		return ret;

	ret = dma_buf_pfn_lookup_checked(attach, pgoff, run);
	if (!ret && is_static)
		ret = dma_buf_pfn_wait_static(attach);
	return ret;
}

static int dma_buf_pfn_get_block(struct dma_buf_attachment *attach, pgoff_t pgoff,
				 u64 *pfn, int *max_order)
{
	struct dma_buf_pfn_run run;
	int ret, order = 0;
	u64 result = 0;

	ret = dma_buf_pfn_get(attach, pgoff, &run);
	if (!ret) {
		result = dma_buf_pfn_at(&run, pgoff);
		order = dma_buf_pfn_order(&run, pgoff);
		*pfn = result;
		if (max_order)
			*max_order = order;
	}
	if (trace_dma_buf_get_pfn_enabled())
		trace_dma_buf_get_pfn(attach, pgoff, result, order, ret);
	return ret;
}

/* On failure the contents of @run are zero. */
static int dma_buf_pfn_get_run(struct dma_buf_attachment *attach, pgoff_t pgoff,
			       struct dma_buf_pfn_run *run)
{
	int ret;

	ret = dma_buf_pfn_get(attach, pgoff, run);
	if (ret)
		*run = (struct dma_buf_pfn_run) {};
	if (trace_dma_buf_get_pfn_run_enabled())
		trace_dma_buf_get_pfn_run(attach, pgoff, run, ret);
	return ret;
}

/**
 * dma_buf_get_pfn - get the page frame number of one page of a buffer
 * @attach:	[in]	attachment to get it for
 * @pgoff:	[in]	offset in PAGE_SIZE units from the start of the buffer
 * @pfn:	[out]	page frame number of the page at @pgoff
 * @max_order:	[out]	may be NULL. The largest order o for which the block of
 *			2^o pages that contains @pgoff, aligned to 2^o both in
 *			page offsets and in page frame numbers, is physically
 *			contiguous, inside the buffer and of one kind of memory.
 *			The importer may map any smaller order.
 *
 * The caller must hold the reservation lock of the buffer, and no lock that its
 * own &dma_buf_attach_ops.invalidate_mappings takes: the exporter may populate
 * or move the buffer during the lookup, and then notifies this attachment, too.
 *
 * The translation is valid
 *
 * - until the next &dma_buf_attach_ops.invalidate_mappings on @attach, if the
 *   importer has that callback and &dma_buf_attach_ops.invalidate_unmaps (a
 *   dynamic attachment). With the reservation lock held that can only happen
 *   during another lookup;
 * - until the last dma_buf_unpin(), if it has called dma_buf_pin() (a pinned
 *   one);
 * - until dma_buf_detach(), if it has no &dma_buf_attach_ops at all (a static
 *   one). The first call pins the buffer for it;
 * - until dma_buf_detach(), if the exporter has &dma_buf_ops.never_moves.
 *
 * Revocation by the exporter ends all of these early. Only importers with the
 * callback are notified of it.
 *
 * For static attachments this waits until the memory is ready for use. Others
 * must themselves wait for the fences of DMA_RESV_USAGE_KERNEL before they let
 * anything touch the memory. Importers map for writing only what
 * dma_buf_pfn_writable() allows.
 *
 * Context: may sleep.
 *
 * Return: 0 on success; -EINVAL if @pgoff is beyond the end; -EOPNOTSUPP if the
 * exporter does not provide page frame numbers, or they would not stay valid
 * for an attachment of this kind; -ENODEV if the buffer has no memory now,
 * which may be temporary; -EIO if the exporter returned an invalid run;
 * otherwise what the exporter returned, including -EINTR and -ERESTARTSYS. On
 * failure @pfn and @max_order are left as they were.
 */
int dma_buf_get_pfn(struct dma_buf_attachment *attach, pgoff_t pgoff,
		    u64 *pfn, int *max_order)
{
	might_sleep();

	if (WARN_ON(!attach || !pfn))
		return -EINVAL;

	return dma_buf_pfn_get_block(attach, pgoff, pfn, max_order);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_get_pfn, "DMA_BUF");

/**
 * dma_buf_get_pfn_unlocked - get a page frame number without holding the lock
 * @attach:	[in]	attachment to get it for
 * @pgoff:	[in]	offset in PAGE_SIZE units from the start of the buffer
 * @pfn:	[out]	page frame number of the page at @pgoff
 * @max_order:	[out]	may be NULL, see dma_buf_get_pfn()
 *
 * Unlocked variant of dma_buf_get_pfn(): takes the reservation lock itself,
 * interruptibly. For a dynamic attachment the result may be invalid before the
 * caller can use it. The caller must check it with dma_buf_pfn_read_retry(), or
 * with a counter of its own.
 *
 * Context: may sleep. The caller must not hold the reservation lock.
 *
 * Return: as dma_buf_get_pfn(), and -EINTR if a signal arrived while waiting.
 */
int dma_buf_get_pfn_unlocked(struct dma_buf_attachment *attach, pgoff_t pgoff,
			     u64 *pfn, int *max_order)
{
	int ret;

	might_sleep();

	if (WARN_ON(!attach || !pfn))
		return -EINVAL;

	ret = dma_resv_lock_interruptible(attach->dmabuf->resv, NULL);
	if (ret)
		return ret;

	ret = dma_buf_pfn_get_block(attach, pgoff, pfn, max_order);
	dma_resv_unlock(attach->dmabuf->resv);

	return ret;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_get_pfn_unlocked, "DMA_BUF");

/**
 * dma_buf_get_pfn_run - get a contiguous run of a buffer and its attributes
 * @attach:	[in]	attachment to get it for
 * @pgoff:	[in]	offset in PAGE_SIZE units from the start of the buffer
 * @run:	[out]	a physically contiguous run of pages of one kind that
 *			contains @pgoff and is inside the buffer
 *
 * For importers that map large ranges, or need to know the kind of memory.
 * dma_buf_pfn_order() computes the largest page table entry for a page of the
 * run. Neighbouring runs may be contiguous with it: dma_buf_pfn_walk() merges
 * them.
 *
 * The exporter may move the buffer during the lookup, as in dma_buf_get_pfn().
 * An importer that collects several runs before it maps them must therefore
 * call dma_buf_pfn_read_begin() after the first lookup and
 * dma_buf_pfn_read_retry() after the last.
 *
 * If the exporter has no &dma_buf_ops.get_pfn_run, the run is the block that
 * dma_buf_get_pfn() returns. Its type and caching are derived from the page at
 * @pgoff: DMA_BUF_PFN_RAM and DMA_BUF_PFN_CACHED for online memory that the
 * kernel manages, DMA_BUF_PFN_MMIO and DMA_BUF_PFN_UNCACHED for everything
 * else.
 *
 * Locks, fences and lifetime: as with dma_buf_get_pfn().
 *
 * Context: may sleep.
 *
 * Return: as dma_buf_get_pfn(). On failure @run is left as it was.
 */
int dma_buf_get_pfn_run(struct dma_buf_attachment *attach, pgoff_t pgoff,
			struct dma_buf_pfn_run *run)
{
	struct dma_buf_pfn_run result;
	int ret;

	might_sleep();

	if (WARN_ON(!attach || !run))
		return -EINVAL;

	ret = dma_buf_pfn_get_run(attach, pgoff, &result);
	if (!ret)
		*run = result;
	return ret;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_get_pfn_run, "DMA_BUF");

/* --- a range ------------------------------------------------------------- */

/* Merge @next into @run if they are contiguous and of one kind */
static bool dma_buf_pfn_join(struct dma_buf_pfn_run *run,
			     const struct dma_buf_pfn_run *next)
{
	if (run->pfn + run->nr_pages != next->pfn || run->type != next->type ||
	    run->caching != next->caching || run->provider != next->provider)
		return false;

	run->nr_pages += next->nr_pages;
	return true;
}

/**
 * dma_buf_pfn_walk - go through a range of a buffer, run by run
 * @attach:	[in]	attachment to get page frame numbers for
 * @first:	[in]	first page, as offset from the start of the buffer
 * @nr_pages:	[in]	number of pages, more than zero
 * @fn:		[in]	called for each run, in ascending order. The runs cover
 *			the range exactly. Contiguous neighbours of the same
 *			kind are merged. A return value other than 0 ends the
 *			walk. Must not look up pages, nor make the exporter move
 *			the buffer.
 * @arg:	[in]	for @fn
 *
 * The caller must hold the reservation lock, as for dma_buf_get_pfn_run().
 *
 * The exporter may move the buffer during a lookup. All runs that @fn was
 * called with are then invalid, and &dma_buf_attach_ops.invalidate_mappings has
 * been called for @attach. The walk ends with -EAGAIN and the caller must start
 * again.
 *
 * Context: may sleep.
 *
 * Return: 0 after the last page; -EAGAIN if the buffer was moved; -EINVAL for a
 * range that is empty or ends outside the buffer; otherwise what
 * dma_buf_get_pfn_run() or @fn returned.
 */
int dma_buf_pfn_walk(struct dma_buf_attachment *attach, pgoff_t first,
		     pgoff_t nr_pages,
		     int (*fn)(const struct dma_buf_pfn_run *run, void *arg),
		     void *arg)
{
	struct dma_buf_pfn_run runs[2], *run = &runs[0], *next = &runs[1];
	unsigned long seq;
	pgoff_t end;
	int ret;

	might_sleep();

	if (WARN_ON(!attach || !fn))
		return -EINVAL;

	if (!nr_pages || check_add_overflow(first, nr_pages, &end) ||
	    end > attach->dmabuf->size >> PAGE_SHIFT)
		return -EINVAL;

	ret = dma_buf_pfn_get_run(attach, first, run);
	if (ret)
		return ret;
	dma_buf_pfn_clip(run, first, end);

	/* With the lock held, the sequence advances only during a lookup. */
	seq = dma_buf_pfn_read_begin(attach);
	while (run->first + run->nr_pages < end) {
		ret = dma_buf_pfn_get_run(attach, run->first + run->nr_pages, next);
		if (ret)
			return ret;
		if (dma_buf_pfn_read_retry(attach, seq))
			return -EAGAIN;

		dma_buf_pfn_clip(next, run->first + run->nr_pages, end);
		if (dma_buf_pfn_join(run, next))
			continue;

		ret = fn(run, arg);
		if (ret)
			return ret;
		swap(run, next);
	}
	return fn(run, arg);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pfn_walk, "DMA_BUF");

/* --- the sequence -------------------------------------------------------- */

/**
 * dma_buf_pfn_read_begin - start an unlocked use of page frame numbers
 * @attach:	[in]	attachment for which pages will be looked up
 *
 * Call this before dma_buf_get_pfn_unlocked(). Modelled on
 * mmu_interval_read_begin(), but does not wait for an invalidation in progress:
 * dma_buf_get_pfn_unlocked() waits for the reservation lock.
 *
 * Context: any.
 *
 * Return: the sequence number for dma_buf_pfn_read_retry().
 */
unsigned long dma_buf_pfn_read_begin(struct dma_buf_attachment *attach)
{
	/*
	 * The load may be reordered into the following critical section of the
	 * reservation lock, where the number is as recent as the lookup, but
	 * not past the release of the lock.
	 */
	return READ_ONCE(*dma_buf_pfn_seq(attach->dmabuf));
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pfn_read_begin, "DMA_BUF");

/**
 * dma_buf_pfn_read_retry - whether page frame numbers may be out of date
 * @attach:	[in]	attachment for which pages were looked up
 * @seq:	[in]	what dma_buf_pfn_read_begin() returned
 *
 * Call this with the importer's own page table lock held, which its
 * &dma_buf_attach_ops.invalidate_mappings takes, too, and install the page
 * frame number under that same lock. The lock must never be held across an
 * allocation or across dma_buf_get_pfn(). Modelled on
 * mmu_interval_read_retry().
 *
 * dma_buf_invalidate_mappings() advances the number before it calls the first
 * importer. If the importer's callback takes the page table lock first, the
 * caller of this function sees the new number and retries. If the caller takes
 * it first, the callback removes what the caller has installed.
 *
 * An importer can use a counter of its own instead: increment it in the
 * callback, read it before the lookup, and compare it before installing, all
 * under the page table lock.
 *
 * Context: any.
 *
 * Return: true if the caller must drop the lock and start again from
 * dma_buf_pfn_read_begin(), false if it may install.
 */
bool dma_buf_pfn_read_retry(struct dma_buf_attachment *attach,
			    unsigned long seq)
{
	return READ_ONCE(*dma_buf_pfn_seq(attach->dmabuf)) != seq;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pfn_read_retry, "DMA_BUF");
