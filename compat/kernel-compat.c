// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions of newer kernels for older ones, see kernel-compat.h. Part of the
 * module dma-buf-pfn-compat.
 */

#include <linux/device.h>
#include <linux/device/faux.h>
#include <linux/dma-fence.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

/* A source file can create the events of one header only. */
#define CREATE_TRACE_POINTS
#include "dma-buf-pfn-compat-trace.h"

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)

/* Below a device of the name that the faux bus has, so paths in sysfs are the same */
static struct device *compat_faux_root;

int compat_init(void)
{
	compat_faux_root = root_device_register("faux");
	return PTR_ERR_OR_ZERO(compat_faux_root);
}

void compat_exit(void)
{
	root_device_unregister(compat_faux_root);
}

static void compat_faux_release(struct device *dev)
{
	kfree(container_of(dev, struct faux_device, dev));
}

struct faux_device *faux_device_create(const char *name, struct device *parent,
				       const struct faux_device_ops *ops)
{
	struct faux_device *faux = kzalloc_obj(*faux);

	if (!faux)
		return NULL;

	device_initialize(&faux->dev);
	faux->dev.release = compat_faux_release;
	faux->dev.parent = parent ?: compat_faux_root;
	if (dev_set_name(&faux->dev, "%s", name) || device_add(&faux->dev)) {
		put_device(&faux->dev);
		return NULL;
	}
	return faux;
}
EXPORT_SYMBOL_GPL(faux_device_create);

void faux_device_destroy(struct faux_device *faux)
{
	device_unregister(&faux->dev);
}
EXPORT_SYMBOL_GPL(faux_device_destroy);

#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)

static spinlock_t compat_fence_locks[] = {
	[0 ... 63] = __SPIN_LOCK_UNLOCKED(compat_fence_locks),
};

spinlock_t *compat_fence_lock(u64 context)
{
	return &compat_fence_locks[context % ARRAY_SIZE(compat_fence_locks)];
}
EXPORT_SYMBOL_GPL(compat_fence_lock);

/*
 * A fence may outlive the module that created it, so it has these operations. They
 * are never freed, and this module stays loaded once there is a fence.
 */
static struct compat_fence_class {
	struct dma_fence_ops ops;
	char driver[MODULE_NAME_LEN];
	char timeline[16];
} compat_fence_classes[4]; /* only two of our modules create fences */

static DEFINE_SPINLOCK(compat_fence_classes_lock);

static struct compat_fence_class *compat_fence_class(struct dma_fence *fence)
{
	return container_of(fence->ops, struct compat_fence_class, ops);
}

static const char *compat_fence_driver(struct dma_fence *fence)
{
	return compat_fence_class(fence)->driver;
}

static const char *compat_fence_timeline(struct dma_fence *fence)
{
	return compat_fence_class(fence)->timeline;
}

static bool compat_fence_enable_signaling(struct dma_fence *fence)
{
	return true;
}

static void compat_fence_class_init(struct compat_fence_class *class,
				    const struct dma_fence_ops *ops)
{
	strscpy(class->driver, ops->get_driver_name(NULL));
	strscpy(class->timeline, ops->get_timeline_name(NULL));
	if (ops->enable_signaling)
		class->ops.enable_signaling = compat_fence_enable_signaling;
	class->ops.get_timeline_name = compat_fence_timeline;
	class->ops.get_driver_name = compat_fence_driver;
}

/*
 * Return operations with the names of @ops. Its callbacks must not use the fence.
 * .enable_signaling must return true; other operations are not supported.
 */
const struct dma_fence_ops *compat_fence_ops(const struct dma_fence_ops *ops)
{
	const struct dma_fence_ops *ret = NULL;
	unsigned long flags;
	size_t i;

	spin_lock_irqsave(&compat_fence_classes_lock, flags);
	for (i = 0; i < ARRAY_SIZE(compat_fence_classes) && !ret; i++) {
		struct compat_fence_class *class = &compat_fence_classes[i];

		if (!class->driver[0]) {
			compat_fence_class_init(class, ops);
			if (!i)
				__module_get(THIS_MODULE);
		}
		if (!strcmp(class->driver, ops->get_driver_name(NULL)))
			ret = &class->ops;
	}
	spin_unlock_irqrestore(&compat_fence_classes_lock, flags);

	return WARN_ON_ONCE(!ret) ? ops : ret;
}
EXPORT_SYMBOL_GPL(compat_fence_ops);

/* Skip ranges in which alloc_contig_range() cannot succeed. */
static bool compat_range_may_be_free(struct zone *zone, unsigned long pfn,
				     unsigned long nr_pages)
{
	unsigned long i;

	for (i = 0; i < nr_pages; i++) {
		struct page *page = pfn_to_online_page(pfn + i);

		if (!page || page_zone(page) != zone || PageReserved(page))
			return false;
	}
	return true;
}

static struct page *compat_alloc_contig_zone(struct zone *zone, unsigned long nr_pages,
					     gfp_t gfp)
{
	/* Aligned like the original for powers of two, so that huge entries fit. */
	unsigned long align = rounddown_pow_of_two(nr_pages);
	unsigned long pfn;

	for (pfn = ALIGN(zone->zone_start_pfn, align);
	     pfn + nr_pages <= zone_end_pfn(zone); pfn += align) {
		if (compat_range_may_be_free(zone, pfn, nr_pages) &&
		    !alloc_contig_range(pfn, pfn + nr_pages, MIGRATE_MOVABLE, gfp))
			return pfn_to_page(pfn);
		cond_resched();
	}
	return NULL;
}

struct page *compat_alloc_contig_pages(unsigned long nr_pages, gfp_t gfp)
{
	struct page *page = NULL;
	int nid, i;

	for_each_online_node(nid) {
		for (i = ZONE_NORMAL; i >= 0 && !page; i--)
			page = compat_alloc_contig_zone(&NODE_DATA(nid)->node_zones[i],
							nr_pages, gfp);
		if (page)
			break;
	}
	return page;
}
EXPORT_SYMBOL_GPL(compat_alloc_contig_pages);

#endif
