// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stale-use detection: a place in a carveout that was left is filled with a
 * pattern and kept from everybody for a while (&vgem_pfn_device.quarantine_ms).
 * When it is given back the pattern is checked. A difference means that somebody
 * wrote through a page frame number from before.
 *
 * What reads through an old page frame number is not seen, nor what writes after
 * the quarantine, nor what wrote before the pattern: that goes in when the move
 * that leaves the place has been copied, since the copy reads from there. Nor are
 * places in system memory, which go back to the page allocator.
 *
 * &vgem_pfn_stale.lock protects the list of places and is held while a pattern is
 * written or checked, so that who needs room waits for a place that is just being
 * looked at instead of failing. Taken under reservation locks, and outside the
 * manager's lock.
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
#include <drm/drm_print.h>

#include "vgem_pfn_drv.h"
#include "vgem_pfn_mgr.h"
#include "vgem_pfn_trace.h"

/* The longest quarantine: memory in quarantine cannot be allocated */
#define VGEM_PFN_MAX_QUARANTINE_MS	(10 * MSEC_PER_SEC)

/* How often to look whether a copy is finished. */
#define VGEM_PFN_STALE_POLL_MS		2

/* Depends on the address, so that a misplaced copy of the pattern shows. */
static u64 vgem_pfn_stale_word(u64 address)
{
	return address ^ 0x57a1e0ff5ca1ab1eULL;
}

/**
 * vgem_pfn_stale_note() - remember who leaves a place
 * @bo: the buffer object, with its reservation lock held
 * @base: the place it is leaving, or NULL; what is no carveout is ignored
 *
 * For the report: when the place is given up, the importers may be gone.
 */
void vgem_pfn_stale_note(struct vgem_pfn_bo *bo, struct ttm_resource *base)
{
	struct dma_buf *dmabuf = bo->tbo.base.exported_dma_buf;
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

/* One page at @pfn. Counts wrong bytes, and returns the first one's offset. */
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

/* A BAR may be somebody else's once the device is unplugged. */
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

/* End of the quarantine: whether it was the time for it or not. */
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

/* Fill what has been copied, release what has been held long enough. */
static void vgem_pfn_stale_work(struct work_struct *work)
{
	struct vgem_pfn_mgr *mgr = container_of(to_delayed_work(work),
						struct vgem_pfn_mgr, stale.work);
	struct vgem_pfn_resource *res, *next;
	unsigned long delay = MAX_JIFFY_OFFSET;

	mutex_lock(&mgr->stale.lock);
	list_for_each_entry_safe(res, next, &mgr->stale.vacancies, vacancy.link) {
		struct vgem_pfn_vacancy *vacancy = &res->vacancy;

		if (!vacancy->filled && vgem_pfn_stale_copied(res))
			vgem_pfn_stale_fill(mgr, res);

		if (!vgem_pfn_stale_copied(res))
			delay = min(delay, msecs_to_jiffies(VGEM_PFN_STALE_POLL_MS));
		else if (time_after_eq(jiffies, vacancy->until))
			vgem_pfn_stale_release(mgr, res);
		else
			delay = min(delay, vacancy->until - jiffies);
	}
	if (!list_empty(&mgr->stale.vacancies))
		queue_delayed_work(system_dfl_wq, &mgr->stale.work, delay);
	mutex_unlock(&mgr->stale.lock);
}

/**
 * vgem_pfn_stale_hold() - put a place that was left into quarantine
 * @mgr: its manager
 * @res: the place
 *
 * Return: true if the quarantine has @res now, and vgem_pfn_mgr_release() is
 * called for it later; false if there is no quarantine.
 */
bool vgem_pfn_stale_hold(struct vgem_pfn_mgr *mgr, struct vgem_pfn_resource *res)
{
	struct vgem_pfn_vacancy *vacancy = &res->vacancy;
	u32 ms = READ_ONCE(mgr->vdev->quarantine_ms);

	/* A place that nobody moved into may have a copy under way from before. */
	if (!ms || !vacancy->bo_id || vgem_pfn_pm_suspended(mgr->vdev))
		return false;

	ms = min_t(u32, ms, VGEM_PFN_MAX_QUARANTINE_MS);
	vacancy->until = jiffies + msecs_to_jiffies(ms);

	mutex_lock(&mgr->stale.lock);
	if (vgem_pfn_stale_copied(res))
		vgem_pfn_stale_fill(mgr, res);
	list_add_tail(&vacancy->link, &mgr->stale.vacancies);
	mod_delayed_work(system_dfl_wq, &mgr->stale.work, 1);
	mutex_unlock(&mgr->stale.lock);
	return true;
}

/**
 * vgem_pfn_stale_flush() - end every quarantine, because room is needed
 * @mgr: the manager
 *
 * What has not been copied yet is released as well: TTM makes whoever gets it
 * wait for the copy.
 *
 * Return: whether there was any.
 */
bool vgem_pfn_stale_flush(struct vgem_pfn_mgr *mgr)
{
	struct vgem_pfn_resource *res, *next;
	bool any;

	mutex_lock(&mgr->stale.lock);
	any = !list_empty(&mgr->stale.vacancies);
	list_for_each_entry_safe(res, next, &mgr->stale.vacancies, vacancy.link)
		vgem_pfn_stale_release(mgr, res);
	mutex_unlock(&mgr->stale.lock);
	return any;
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
 * @mgr: the manager, whose places have all been left
 */
void vgem_pfn_stale_fini(struct vgem_pfn_mgr *mgr)
{
	vgem_pfn_stale_flush(mgr);
	cancel_delayed_work_sync(&mgr->stale.work);
	mutex_destroy(&mgr->stale.lock);
	free_page((unsigned long)mgr->stale.bounce);
}
