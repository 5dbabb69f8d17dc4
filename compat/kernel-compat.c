// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions of newer kernels for older ones, see kernel-compat.h. Part of the
 * module dma-buf-pfn-compat.
 */

#include <linux/device.h>
#include <linux/device/faux.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

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
