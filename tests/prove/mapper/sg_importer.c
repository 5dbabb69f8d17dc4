// SPDX-License-Identifier: GPL-2.0-only
/*
 * Importers of each class that does not look up page frame numbers, for the tests of
 * make prove. Writing the file descriptor of a dma-buf to the parameter "map" imports
 * it for some seconds, as "class" says:
 *
 *	dynamic		maps a scatter list, unmaps it after a notification
 *	pinned		pins and maps, has no invalidate_mappings
 *	revocable	the same, and stops after a notification
 *	held		the same, and stays pinned and mapped until a notification
 *	static		attaches without importer_ops
 *	vmap		maps into the kernel, without an attachment
 *
 * "bug" plants one of the bugs that are listed at sg_bugs[]. The device of sg_target
 * is simulated: jobs of this thread increment a counter in each page through the DMA
 * addresses of the list, which are physical addresses. Only the importer of class
 * "dynamic" publishes the fences of its jobs, because the buffer of others does not
 * move.
 */

#include <linux/delay.h>
#include <linux/dma-buf.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/io.h>
#include <linux/iosys-map.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "sg_target.h"

#define SG_COUNTER	128	/* offset in each page */

static const char * const sg_bugs[] = {
	"none",
	"no-unmap",		/* dynamic, static, revocable: does not unmap */
	"old-addresses",	/* uses addresses of a list that it has unmapped */
	"no-fence",		/* dynamic: does not publish the fences of its jobs */
	"no-wait",		/* dynamic: does not wait for the fences of moves */
	"unpin-twice",
	"no-unpin",
	"early-unpin",		/* pinned: unpins before it uses the list */
	"leak",			/* an error path does not detach, or vunmap */
};

static char class[16] = "dynamic";
module_param_string(class, class, sizeof(class), 0600);
MODULE_PARM_DESC(class, "Class of the importer");

static char bug[16] = "none";
module_param_string(bug, bug, sizeof(bug), 0600);
MODULE_PARM_DESC(bug, "Bug of the importer");

static unsigned int seconds = 4;
module_param(seconds, uint, 0600);
MODULE_PARM_DESC(seconds, "How long it imports");

struct sg_importer {
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
	u64 **counters;		/* of each page, at its address */
	unsigned int num_pages;
	u64 jobs;
	u64 wrong;
	unsigned long end;	/* in jiffies */
	bool notified;		/* since it has mapped; written under the reservation lock */
};

static bool sg_is(const char *name)
{
	return sysfs_streq(class, name);
}

static bool sg_has_bug(const char *name)
{
	return sysfs_streq(bug, name);
}

static const char *sg_fence_name(struct dma_fence *fence)
{
	return "sg_importer";
}

static const struct dma_fence_ops sg_fence_ops = {
	.get_driver_name = sg_fence_name,
	.get_timeline_name = sg_fence_name,
};

static DEFINE_SPINLOCK(sg_fence_lock);

/* An attachment that was leaked has no importer. */
static void sg_invalidate(struct dma_buf_attachment *attach)
{
	struct sg_importer *sg = attach->importer_priv;

	dma_resv_assert_held(attach->dmabuf->resv);

	if (sg)
		WRITE_ONCE(sg->notified, true);
}

static const struct dma_buf_attach_ops sg_notified_ops = {
	.invalidate_mappings = sg_invalidate,
};

static const struct dma_buf_attach_ops sg_pinned_ops = {};

/* --- the device --- */

static void sg_job(struct sg_importer *sg)
{
	unsigned int i;

	for (i = 0; i < sg->num_pages; i++) {
		sg->wrong += READ_ONCE(*sg->counters[i]) != sg->jobs;
		WRITE_ONCE(*sg->counters[i], sg->jobs + 1);
	}
	sg->jobs++;
}

/* A device takes some time. */
static void sg_run(struct sg_importer *sg)
{
	usleep_range(1000, 2000);
	sg_job(sg);
}

static void sg_take_addresses(struct sg_importer *sg)
{
	struct scatterlist *sgl;
	unsigned int i, n = 0;
	dma_addr_t at;

	if (sg_has_bug("old-addresses") && sg->jobs)
		return;
	for_each_sgtable_dma_sg(sg->sgt, sgl, i)
		for (at = sg_dma_address(sgl);
		     at < sg_dma_address(sgl) + sg_dma_len(sgl) && n < sg->num_pages;
		     at += PAGE_SIZE)
			sg->counters[n++] = phys_to_virt(at + SG_COUNTER);
}

static int sg_map(struct sg_importer *sg)
{
	sg->sgt = dma_buf_map_attachment(sg->attach, DMA_BIDIRECTIONAL);
	if (IS_ERR(sg->sgt)) {
		int ret = PTR_ERR(sg->sgt);

		sg->sgt = NULL;
		return ret;
	}
	sg->notified = false;
	sg_take_addresses(sg);
	return 0;
}

static void sg_unmap(struct sg_importer *sg)
{
	if (sg->sgt)
		dma_buf_unmap_attachment(sg->attach, sg->sgt, DMA_BIDIRECTIONAL);
	sg->sgt = NULL;
}

/* --- dynamic --- */

static struct dma_fence *sg_fence(struct sg_importer *sg)
{
	static u64 context, seqno;
	struct dma_fence *fence;
	int ret;

	ret = dma_resv_reserve_fences(sg->dmabuf->resv, 1);
	if (ret)
		return ERR_PTR(ret);
	fence = kzalloc_obj(*fence);
	if (!fence)
		return ERR_PTR(-ENOMEM);
	if (!context)
		context = dma_fence_context_alloc(1);
	dma_fence_init(fence, &sg_fence_ops, &sg_fence_lock, context, ++seqno);
	if (!sg_has_bug("no-fence"))
		dma_resv_add_fence(sg->dmabuf->resv, fence, DMA_RESV_USAGE_WRITE);
	return fence;
}

static int sg_validate(struct sg_importer *sg)
{
	long ret;

	dma_resv_assert_held(sg->dmabuf->resv);

	if (sg->sgt && sg->notified && !sg_has_bug("no-unmap"))
		sg_unmap(sg);
	if (sg->sgt)
		return 0;
	ret = sg_map(sg);
	if (ret || sg_has_bug("no-wait"))
		return ret;
	ret = dma_resv_wait_timeout(sg->dmabuf->resv, DMA_RESV_USAGE_KERNEL, true,
				    MAX_SCHEDULE_TIMEOUT);
	if (ret > 0)
		return 0;
	sg_unmap(sg);
	return ret;
}

static int sg_dynamic_step(struct sg_importer *sg)
{
	struct dma_fence *fence;
	int ret;

	ret = dma_resv_lock_interruptible(sg->dmabuf->resv, NULL);
	if (ret)
		return ret;
	ret = sg_validate(sg);
	fence = ret ? ERR_PTR(ret) : sg_fence(sg);
	dma_resv_unlock(sg->dmabuf->resv);
	if (IS_ERR(fence))
		return PTR_ERR(fence);

	sg_run(sg);
	dma_fence_signal(fence);
	dma_fence_put(fence);
	return 0;
}

/* --- pinned --- */

static int sg_pin(struct sg_importer *sg)
{
	int ret = dma_resv_lock_interruptible(sg->dmabuf->resv, NULL);

	if (ret)
		return ret;
	ret = dma_buf_pin(sg->attach);
	if (!ret) {
		ret = sg_map(sg);
		if (ret || sg_has_bug("early-unpin"))
			dma_buf_unpin(sg->attach);
	}
	dma_resv_unlock(sg->dmabuf->resv);
	return ret;
}

static void sg_unpin(struct sg_importer *sg)
{
	dma_resv_lock(sg->dmabuf->resv, NULL);
	sg_unmap(sg);
	if (!sg_has_bug("early-unpin") && (!sg_has_bug("no-unpin") || sg->jobs > 20))
		dma_buf_unpin(sg->attach);
	if (sg_has_bug("unpin-twice") && sg->jobs < 20)
		dma_buf_unpin(sg->attach);
	dma_resv_unlock(sg->dmabuf->resv);
}

static bool sg_may_go_on(struct sg_importer *sg)
{
	return time_before(jiffies, sg->end) && !signal_pending(current);
}

/* The jobs of a revocable importer end before the memory is removed. */
static int sg_pinned_step(struct sg_importer *sg)
{
	unsigned int i, jobs = sg_is("held") ? UINT_MAX : 10;
	int ret;

	ret = sg_pin(sg);
	if (ret)
		return ret;
	for (i = 0; i < jobs && !READ_ONCE(sg->notified) && sg_may_go_on(sg); i++)
		sg_run(sg);
	if (sg_has_bug("no-unmap"))
		ssleep(seconds);
	sg_unpin(sg);
	usleep_range(1000, 3000);
	return 0;
}

/* --- static --- */

static int sg_static_step(struct sg_importer *sg)
{
	int ret;

	sg->sgt = dma_buf_map_attachment_unlocked(sg->attach, DMA_BIDIRECTIONAL);
	if (IS_ERR(sg->sgt)) {
		ret = PTR_ERR(sg->sgt);
		sg->sgt = NULL;
		return ret;
	}
	sg_take_addresses(sg);
	sg_run(sg);
	if (sg_has_bug("no-unmap"))
		ssleep(seconds);
	else
		dma_buf_unmap_attachment_unlocked(sg->attach, sg->sgt, DMA_BIDIRECTIONAL);
	sg->sgt = NULL;
	usleep_range(1000, 3000);
	if (sg_has_bug("old-addresses"))
		sg_run(sg);
	return 0;
}

/* --- vmap --- */

static int sg_vmap_step(struct sg_importer *sg)
{
	struct iosys_map map;
	unsigned int i;
	int ret;

	ret = dma_buf_vmap_unlocked(sg->dmabuf, &map);
	if (ret)
		return ret;
	for (i = 0; i < sg->num_pages; i++)
		sg->counters[i] = map.vaddr + i * PAGE_SIZE + SG_COUNTER;
	ret = dma_buf_begin_cpu_access(sg->dmabuf, DMA_BIDIRECTIONAL);
	if (!ret) {
		for (i = 0; i < 5; i++)
			sg_run(sg);
		ret = dma_buf_end_cpu_access(sg->dmabuf, DMA_BIDIRECTIONAL);
	}
	if (sg_has_bug("leak")) {
		get_dma_buf(sg->dmabuf);
		return -EINTR;
	}
	dma_buf_vunmap_unlocked(sg->dmabuf, &map);
	usleep_range(1000, 3000);
	/* vgem_pfn has permanent kernel addresses for contiguous carveouts. */
	if (sg_has_bug("old-addresses"))
		sg_run(sg);
	return ret;
}

/* --- the import --- */

static int sg_step(struct sg_importer *sg)
{
	if (sg_is("vmap"))
		return sg_vmap_step(sg);
	if (sg_is("static"))
		return sg_static_step(sg);
	if (sg_is("dynamic"))
		return sg_dynamic_step(sg);
	return sg_pinned_step(sg);
}

/* Errors of the exporter are no bugs of this importer: it tries again. */
static int sg_use(struct sg_importer *sg)
{
	int ret = 0;

	sg->end = jiffies + seconds * HZ;
	while (sg_may_go_on(sg) && ret != -EINTR && ret != -ENODEV) {
		ret = sg_step(sg);
		if (ret)
			usleep_range(1000, 2000);
	}

	if (sg->sgt) {
		dma_resv_lock(sg->dmabuf->resv, NULL);
		sg_unmap(sg);
		dma_resv_unlock(sg->dmabuf->resv);
	}
	pr_info("sg_importer: %s: %llu jobs, %llu times wrong data\n", strim(class), sg->jobs,
		sg->wrong);
	return sg->jobs && !sg->wrong ? 0 : -EBADMSG;
}

static struct dma_buf_attachment *sg_attach(struct sg_importer *sg, void *priv)
{
	const struct dma_buf_attach_ops *ops = &sg_notified_ops;

	if (sg_is("static"))
		return dma_buf_attach(sg->dmabuf, sg_target_device());
	if (sg_is("pinned"))
		ops = &sg_pinned_ops;
	return dma_buf_dynamic_attach(sg->dmabuf, sg_target_device(), ops, priv);
}

static int sg_import(struct sg_importer *sg)
{
	int ret;

	if (sg_is("vmap"))
		return sg_use(sg);
	if (sg_has_bug("leak") && IS_ERR(sg_attach(sg, NULL)))
		return -ENOMEM;

	sg->attach = sg_attach(sg, sg);
	if (IS_ERR(sg->attach))
		return PTR_ERR(sg->attach);
	ret = sg_use(sg);
	dma_buf_detach(sg->dmabuf, sg->attach);
	return ret;
}

static int sg_set(const char *text, const struct kernel_param *param)
{
	struct sg_importer sg = {};
	int fd, ret;

	ret = sysfs_match_string(sg_bugs, bug);
	if (ret < 0)
		return ret;
	ret = kstrtoint(text, 0, &fd);
	if (ret)
		return ret;
	sg.dmabuf = dma_buf_get(fd);
	if (IS_ERR(sg.dmabuf))
		return PTR_ERR(sg.dmabuf);

	sg.num_pages = sg.dmabuf->size >> PAGE_SHIFT;
	sg.counters = kvcalloc(sg.num_pages, sizeof(*sg.counters), GFP_KERNEL);
	ret = sg.counters ? sg_import(&sg) : -ENOMEM;
	kvfree(sg.counters);
	dma_buf_put(sg.dmabuf);
	return ret;
}

static const struct kernel_param_ops sg_map_ops = {
	.set = sg_set,
};
module_param_cb(map, &sg_map_ops, NULL, 0200);
MODULE_PARM_DESC(map, "Descriptor of a dma-buf to import");

MODULE_IMPORT_NS("DMA_BUF");
MODULE_DESCRIPTION("Sample importers of scatter lists");
MODULE_LICENSE("GPL");
