// SPDX-License-Identifier: GPL-2.0-only
/*
 * Detection of stale writes: carveout memory that a buffer object has left is
 * filled with a pattern and kept in quarantine for
 * &vgem_pfn_device.quarantine_ms. When the quarantine ends the pattern is
 * checked. A difference means that there was a write through an outdated page
 * frame number.
 *
 * Reads, writes after the quarantine, writes before the memory is filled, and
 * accesses to system memory, which is freed to the page allocator, are not
 * detected. The memory is filled after the copy of the move, which reads it.
 *
 * &vgem_pfn_stale.lock protects the list of resources. It is held while a
 * pattern is written or checked, so that an allocation waits for a resource
 * that is being checked instead of failing. It is taken under reservation
 * locks, and outside &vgem_pfn_mgr.lock.
 */

#include <linux/dma-buf.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/seq_buf.h>

#include <drm/drm_drv.h>
#include <drm/drm_prime.h>
#include <drm/drm_print.h>

#include "vgem_pfn_drv.h"
#include "vgem_pfn_trace.h"

/* Limit of quarantine_ms */
#define VGEM_PFN_MAX_QUARANTINE_MS	(10 * MSEC_PER_SEC)

/* Interval of checks whether a copy is done */
#define VGEM_PFN_STALE_POLL_MS		2

/* Depends on the address, to detect copies of the pattern itself. */
static u64 vgem_pfn_stale_word(u64 address)
{
	return address ^ 0x57a1e0ff5ca1ab1eULL;
}

/**
 * vgem_pfn_stale_note() - record that a buffer object leaves a resource
 * @bo: the buffer object, with its reservation lock held
 * @base: the resource, or NULL; ignored unless in a carveout
 *
 * Recorded for the report, since the importers may have detached when the
 * resource is freed.
 */
void vgem_pfn_stale_note(struct vgem_pfn_bo *bo, struct ttm_resource *base)
{
	struct dma_buf *dmabuf = drm_gem_dmabuf_exported(&bo->tbo.base);
	struct vgem_pfn_vacancy *vacancy;
	struct dma_buf_attachment *attach;
	struct seq_buf importers;

	dma_resv_assert_held(bo->tbo.base.resv);

	if (!base || base->mem_type < TTM_PL_VRAM)
		return;

	vacancy = &to_vgem_pfn_resource(base)->vacancy;
	vacancy->bo_id = bo->id;
	vacancy->left = ktime_get();

	seq_buf_init(&importers, vacancy->importers, sizeof(vacancy->importers));
	if (dmabuf)
		list_for_each_entry(attach, &dmabuf->attachments, node)
			seq_buf_printf(&importers, " %s%s",
				       attach->importer_ops ? "" : "static:",
				       attach->dev ? dev_name(attach->dev) : "pfn");
	seq_buf_str(&importers);
}

static void vgem_pfn_stale_report(struct vgem_pfn_mgr *mgr,
				  struct vgem_pfn_resource *res, u64 offset,
				  u64 num_bytes)
{
	struct vgem_pfn_vacancy *vacancy = &res->vacancy;
	u64 age_us = ktime_us_delta(ktime_get(), vacancy->left);

	atomic_inc(&mgr->vdev->num_stale);
	trace_vgem_pfn_stale(vacancy->bo_id, mgr->carveout->name, offset, num_bytes,
			     age_us, vacancy->importers);
	drm_err(&mgr->vdev->drm,
		"stale write: buffer %llu, offset 0x%llx, %llu bytes, within %llu us after it left %s, importers:%s\n",
		vacancy->bo_id, offset, num_bytes, age_us, mgr->carveout->name,
		vacancy->importers[0] ? vacancy->importers : " none");
}

/* Count wrong bytes in the page at @pfn. Returns the first one's offset. */
static unsigned int vgem_pfn_stale_check_page(struct vgem_pfn_mgr *mgr, u64 pfn,
					      u64 *num_bytes)
{
	struct iosys_map map = vgem_pfn_carveout_map(mgr->carveout, pfn);
	unsigned int i, byte, first = PAGE_SIZE;
	const u64 *words = map.vaddr;

	if (map.is_iomem) {
		iosys_map_memcpy_from(mgr->stale.bounce, &map, 0, PAGE_SIZE);
		words = mgr->stale.bounce;
	}

	for (i = 0; i < PAGE_SIZE / sizeof(*words); i++) {
		u64 wrong = READ_ONCE(words[i]) ^
			    vgem_pfn_stale_word(PFN_PHYS(pfn) + i * sizeof(*words));

		for (byte = 0; wrong; byte++, wrong >>= BITS_PER_BYTE) {
			if (!(wrong & 0xff))
				continue;
			first = min(first, i * (unsigned int)sizeof(*words) + byte);
			(*num_bytes)++;
		}
	}
	return first;
}

static void vgem_pfn_stale_fill_page(struct vgem_pfn_mgr *mgr, u64 pfn)
{
	struct iosys_map map = vgem_pfn_carveout_map(mgr->carveout, pfn);
	u64 *words = map.is_iomem ? mgr->stale.bounce : map.vaddr;
	unsigned int i;

	for (i = 0; i < PAGE_SIZE / sizeof(*words); i++)
		words[i] = vgem_pfn_stale_word(PFN_PHYS(pfn) + i * sizeof(*words));
	if (map.is_iomem)
		iosys_map_memcpy_to(&map, 0, words, PAGE_SIZE);
}

/* After an unplug another driver may use the BAR. */
static bool vgem_pfn_stale_enter(struct vgem_pfn_mgr *mgr, int *idx)
{
	lockdep_assert_held(&mgr->stale.lock);

	return drm_dev_enter(&mgr->vdev->drm, idx);
}

static void vgem_pfn_stale_fill(struct vgem_pfn_mgr *mgr,
				struct vgem_pfn_resource *res)
{
	pgoff_t pgoff;
	int idx;

	if (!vgem_pfn_stale_enter(mgr, &idx))
		return;

	for (pgoff = 0; pgoff < res->runs->num_pages; pgoff++) {
		vgem_pfn_stale_fill_page(mgr, vgem_pfn_runs_pfn(res->runs, pgoff, NULL));
		cond_resched();
	}
	res->vacancy.filled = true;
	drm_dev_exit(idx);
}

static void vgem_pfn_stale_check(struct vgem_pfn_mgr *mgr,
				 struct vgem_pfn_resource *res)
{
	u64 num_bytes = 0, first = U64_MAX;
	pgoff_t pgoff;
	int idx;

	if (!vgem_pfn_stale_enter(mgr, &idx))
		return;

	for (pgoff = 0; pgoff < res->runs->num_pages; pgoff++) {
		unsigned int byte;
		u64 pfn;

		pfn = vgem_pfn_runs_pfn(res->runs, pgoff, NULL);
		byte = vgem_pfn_stale_check_page(mgr, pfn, &num_bytes);
		if (byte < PAGE_SIZE && first == U64_MAX)
			first = PFN_PHYS(pgoff) + byte;
		cond_resched();
	}
	drm_dev_exit(idx);

	if (num_bytes)
		vgem_pfn_stale_report(mgr, res, first, num_bytes);
}

/* End a quarantine, possibly early. */
static void vgem_pfn_stale_release(struct vgem_pfn_mgr *mgr,
				   struct vgem_pfn_resource *res)
{
	lockdep_assert_held(&mgr->stale.lock);

	list_del(&res->vacancy.link);
	if (res->vacancy.filled)
		vgem_pfn_stale_check(mgr, res);
	vgem_pfn_mgr_release(mgr, res);
}

static bool vgem_pfn_stale_copied(struct vgem_pfn_resource *res)
{
	return !res->vacated || dma_fence_is_signaled(res->vacated);
}

/* Fill resources whose copy is done, release those whose time is over. */
static void vgem_pfn_stale_work(struct work_struct *work)
{
	struct vgem_pfn_mgr *mgr = container_of(to_delayed_work(work),
						struct vgem_pfn_mgr, stale.work);
	struct vgem_pfn_resource *res, *next;
	unsigned long delay = MAX_JIFFY_OFFSET;

	mutex_lock(&mgr->stale.lock);
	list_for_each_entry_safe(res, next, &mgr->stale.vacancies, vacancy.link) {
		struct vgem_pfn_vacancy *vacancy = &res->vacancy;
		unsigned long now;

		if (!vacancy->filled && vgem_pfn_stale_copied(res))
			vgem_pfn_stale_fill(mgr, res);

		/* With two reads of jiffies the difference below could be negative. */
		now = jiffies;
		if (!vgem_pfn_stale_copied(res))
			delay = min(delay, msecs_to_jiffies(VGEM_PFN_STALE_POLL_MS));
		else if (time_after_eq(now, vacancy->until))
			vgem_pfn_stale_release(mgr, res);
		else
			delay = min(delay, vacancy->until - now);
	}
	if (!list_empty(&mgr->stale.vacancies))
		queue_delayed_work(system_dfl_wq, &mgr->stale.work, delay);
	mutex_unlock(&mgr->stale.lock);
}

/**
 * vgem_pfn_stale_hold() - put a freed resource into quarantine
 * @mgr: its manager
 * @res: the resource
 *
 * Return: true if @res is in quarantine, which calls vgem_pfn_mgr_release() for
 * it later; false if it is not.
 */
bool vgem_pfn_stale_hold(struct vgem_pfn_mgr *mgr, struct vgem_pfn_resource *res)
{
	struct vgem_pfn_vacancy *vacancy = &res->vacancy;
	u32 ms = READ_ONCE(mgr->vdev->quarantine_ms);

	/* The previous user's copy may still read from an unused resource. */
	if (!ms || !vacancy->bo_id)
		return false;

	ms = min_t(u32, ms, VGEM_PFN_MAX_QUARANTINE_MS);
	vacancy->until = jiffies + msecs_to_jiffies(ms);

	mutex_lock(&mgr->stale.lock);
	/* A suspend sets this flag first, and then ends all quarantines under the lock. */
	if (vgem_pfn_pm_suspended(mgr->vdev)) {
		mutex_unlock(&mgr->stale.lock);
		return false;
	}
	if (vgem_pfn_stale_copied(res))
		vgem_pfn_stale_fill(mgr, res);
	list_add_tail(&vacancy->link, &mgr->stale.vacancies);
	mod_delayed_work(system_dfl_wq, &mgr->stale.work, 1);
	mutex_unlock(&mgr->stale.lock);
	return true;
}

/**
 * vgem_pfn_stale_flush() - end all quarantines, to free memory
 * @mgr: the manager
 *
 * Resources whose copy is not done are released as well: TTM makes the next
 * user wait for the copy.
 *
 * Context: may sleep. Waits for a quarantine that ends at the same time.
 */
void vgem_pfn_stale_flush(struct vgem_pfn_mgr *mgr)
{
	struct vgem_pfn_resource *res, *next;

	mutex_lock(&mgr->stale.lock);
	list_for_each_entry_safe(res, next, &mgr->stale.vacancies, vacancy.link)
		vgem_pfn_stale_release(mgr, res);
	mutex_unlock(&mgr->stale.lock);
}

/**
 * vgem_pfn_stale_init() - make a manager ready for quarantines
 * @mgr: the manager
 *
 * Return: 0 or -ENOMEM.
 */
int vgem_pfn_stale_init(struct vgem_pfn_mgr *mgr)
{
	mgr->stale.bounce = (void *)__get_free_page(GFP_KERNEL);
	if (!mgr->stale.bounce)
		return -ENOMEM;

	mutex_init(&mgr->stale.lock);
	INIT_LIST_HEAD(&mgr->stale.vacancies);
	INIT_DELAYED_WORK(&mgr->stale.work, vgem_pfn_stale_work);
	return 0;
}

/**
 * vgem_pfn_stale_fini() - undo vgem_pfn_stale_init()
 * @mgr: the manager, with all resources freed
 */
void vgem_pfn_stale_fini(struct vgem_pfn_mgr *mgr)
{
	vgem_pfn_stale_flush(mgr);
	cancel_delayed_work_sync(&mgr->stale.work);
	mutex_destroy(&mgr->stale.lock);
	free_page((unsigned long)mgr->stale.bounce);
}
