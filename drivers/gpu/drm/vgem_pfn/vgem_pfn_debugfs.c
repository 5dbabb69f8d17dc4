// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs, in the DRM device's own directory:
 *
 *	system_mm, tt_mm, <carveout>_mm	state of each region's manager
 *	bo_stats		statistics of each buffer object, see
 *				vgem_pfn_bo_stats_show()
 *	pfns			page frame numbers of a buffer object, see
 *				vgem_pfn_pfns_write()
 *	async_moves		make every move asynchronous: an engine copies
 *	compare_memcpy		repeat each synchronous copy with a plain
 *				memcpy(), to compare the durations
 *	engine_latency_us,	simulated duration of an engine's copy
 *	engine_bandwidth_mibps
 *	evict_all		a write evicts all buffer objects that are in a
 *				carveout and not pinned
 *	import_peer2peer	buffers that this device imports from now on are
 *				attached with peer2peer
 *	import_unmap_ms		delay between a notification and the unmapping
 *				of an imported buffer; 0 unmaps immediately
 *	pin_notifies		an importer that pins a buffer is notified
 *				meanwhile, as if the buffer had to move first
 *	move_delay_us		sleep between the copy of a synchronous move and
 *				the change of placement, under the reservation
 *				lock: makes races with moves certain
 *	max_block_order		carveouts that use gpu_buddy allocate blocks of
 *				at most this order (of pages), spread out:
 *				scatters buffers that are placed from now on
 *	quarantine_ms		how long freed carveout memory is kept in
 *				quarantine to detect stale writes; 0 disables
 *				the quarantine
 *	stale_writes		number of stale writes detected
 *	fault/			fault injection, see vgem_pfn_fault.c
 *
 * This file also reports the memory usage of a client by region, in
 * /proc/<pid>/fdinfo/<fd> and in the format of
 * Documentation/gpu/drm-usage-stats.rst. A buffer object counts as total or
 * shared in the first region of its placement list, and as resident and active
 * in its current region.
 */

#include <linux/capability.h>
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/dma-resv.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/kstrtox.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <drm/drm_file.h>
#include <drm/drm_print.h>
#include <drm/ttm/ttm_resource.h>

#include "vgem_pfn_drv.h"
#include "vgem_pfn_engine.h"

static void vgem_pfn_fdinfo_add(struct vgem_pfn_bo *bo,
				struct drm_memory_stats *stats)
{
	struct drm_gem_object *obj = &bo->tbo.base;
	struct drm_memory_stats *wanted, *used;

	dma_resv_assert_held(obj->resv);

	wanted = &stats[bo->placements[0]];
	used = &stats[bo->tbo.resource->mem_type];

	if (drm_gem_object_is_shared_for_memory_stats(obj))
		wanted->shared += obj->size;
	else
		wanted->private += obj->size;

	if (!vgem_pfn_bo_runs(bo))
		return;

	used->resident += obj->size;
	if (!dma_resv_test_signaled(obj->resv, DMA_RESV_USAGE_BOOKKEEP))
		used->active += obj->size;
}

static struct drm_gem_object *vgem_pfn_fdinfo_next(struct drm_file *file, int *id)
{
	struct drm_gem_object *obj;

	spin_lock(&file->table_lock);
	obj = idr_get_next(&file->object_idr, id);
	if (obj)
		drm_gem_object_get(obj);
	spin_unlock(&file->table_lock);
	return obj;
}

/**
 * vgem_pfn_show_fdinfo() - &drm_driver.show_fdinfo
 * @p: where to print
 * @file: the client
 */
void vgem_pfn_show_fdinfo(struct drm_printer *p, struct drm_file *file)
{
	struct vgem_pfn_device *vdev = to_vgem_pfn_device(file->minor->dev);
	u32 num_regions = vgem_pfn_num_regions(vdev);
	struct drm_memory_stats stats[DRM_VGEM_PFN_MAX_REGIONS] = {};
	struct drm_gem_object *obj;
	u32 region;
	int id;

	for (id = 0; (obj = vgem_pfn_fdinfo_next(file, &id)); id++) {
		if (!dma_resv_lock_interruptible(obj->resv, NULL)) {
			vgem_pfn_fdinfo_add(gem_to_vgem_pfn_bo(obj), stats);
			dma_resv_unlock(obj->resv);
		}
		drm_gem_object_put(obj);
	}

	for (region = 0; region < num_regions; region++)
		drm_print_memory_stats(p, &stats[region],
				       DRM_GEM_OBJECT_RESIDENT | DRM_GEM_OBJECT_ACTIVE,
				       vgem_pfn_region_name(vdev, region));
}

/*
 * Evict as TTM does, to the next regions of the placement list, until the
 * object is in no carveout. This takes one step per carveout at most, since a
 * placement list contains each region once.
 */
static int vgem_pfn_evict(struct vgem_pfn_bo *bo)
{
	struct vgem_pfn_device *vdev = vgem_pfn_bo_device(bo);
	unsigned int i;
	int ret;

	if (bo->imported)
		return 0;

	ret = down_read_interruptible(&vdev->validate);
	if (ret)
		return ret;
	ret = dma_resv_lock_interruptible(bo->tbo.base.resv, NULL);
	if (ret)
		goto out;

	for (i = 0; i < vdev->num_carveouts && !ret; i++) {
		if (bo->tbo.pin_count || bo->tbo.resource->mem_type < TTM_PL_VRAM)
			break;
		ret = vgem_pfn_bo_evict(bo);
	}
	dma_resv_unlock(bo->tbo.base.resv);
out:
	up_read(&vdev->validate);
	return ret;
}

/* Visit each object once: userspace may move objects back meanwhile. */
static int vgem_pfn_evict_all_set(void *data, u64 val)
{
	struct vgem_pfn_device *vdev = data;
	struct vgem_pfn_bo *bo = NULL;
	int ret = 0;

	while ((bo = vgem_pfn_bos_next(vdev, bo))) {
		ret = vgem_pfn_engines_wait(vdev) ?: vgem_pfn_evict(bo);
		if (ret) {
			drm_gem_object_put(&bo->tbo.base);
			break;
		}
	}
	return ret;
}

DEFINE_DEBUGFS_ATTRIBUTE(vgem_pfn_evict_all_fops, NULL, vgem_pfn_evict_all_set,
			 "%llu\n");

/*
 * One line per buffer object, with its id in DRM_IOCTL_VGEM_PFN_BO_QUERY:
 *
 *	get_pfn		number of successful get_pfn calls of importers,
 *			including those of CONFIG_DMABUF_DEBUG
 *	maps		number of scatter lists that importers have mapped
 *	max_notify_ns	longest time that all importers together have taken to
 *			handle a notification
 *	last_copy_bytes	size of the last completed copy
 *	last_copy_ns	duration of that copy
 *	last_memcpy_ns	duration of a memcpy() of the same pages after the last
 *			synchronous copy, or 0 unless compare_memcpy is set
 *
 * Reads the fields without the reservation lock, since waiting for it would
 * take as long as a move of any buffer object. Each value is read in one piece,
 * since the driver is 64-bit only, but two values may be of different moves.
 */
static int vgem_pfn_bo_stats_show(struct seq_file *m, void *data)
{
	struct vgem_pfn_device *vdev = m->private;
	struct vgem_pfn_bo *bo = NULL;

	while ((bo = vgem_pfn_bos_next(vdev, bo)))
		seq_printf(m, "id=%llu get_pfn=%llu maps=%llu max_notify_ns=%llu last_copy_bytes=%llu last_copy_ns=%llu last_memcpy_ns=%llu\n",
			   bo->id, READ_ONCE(bo->num_get_pfn),
			   READ_ONCE(bo->num_maps),
			   READ_ONCE(bo->max_notify_ns),
			   READ_ONCE(bo->last_copy_bytes),
			   READ_ONCE(bo->last_copy_ns),
			   READ_ONCE(bo->last_memcpy_ns));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(vgem_pfn_bo_stats);

/* The page frame numbers that an open file of "pfns" returns */
struct vgem_pfn_pfns {
	struct vgem_pfn_device *vdev;
	struct mutex lock; /* pfns, size */
	u64 *pfns;
	size_t size;
};

static struct vgem_pfn_bo *vgem_pfn_bos_find(struct vgem_pfn_device *vdev, u64 id)
{
	struct vgem_pfn_bo *bo = NULL;

	while ((bo = vgem_pfn_bos_next(vdev, bo)))
		if (bo->id == id)
			break;
	return bo;
}

static u64 *vgem_pfn_pfns_get(struct vgem_pfn_bo *bo, u64 first, u64 count)
{
	u64 num_pages = bo->tbo.base.size >> PAGE_SHIFT, *pfns, i;
	int ret;

	if (!count || first >= num_pages || count > num_pages - first)
		return ERR_PTR(-EINVAL);

	pfns = kvmalloc_array(count, sizeof(*pfns), GFP_KERNEL);
	if (!pfns)
		return ERR_PTR(-ENOMEM);

	ret = dma_resv_lock_interruptible(bo->tbo.base.resv, NULL);
	if (ret) {
		kvfree(pfns);
		return ERR_PTR(ret);
	}
	for (i = 0; i < count; i++) {
		pfns[i] = vgem_pfn_lookup(bo, first + i);
		cond_resched();
	}
	dma_resv_unlock(bo->tbo.base.resv);
	return pfns;
}

/*
 * Page frame numbers tell where in the machine's memory a buffer is, so opening
 * needs the capability that base_pfn of DRM_IOCTL_VGEM_PFN_REGIONS needs, too.
 */
static int vgem_pfn_pfns_open(struct inode *inode, struct file *file)
{
	struct vgem_pfn_pfns *state;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;

	state = kzalloc_obj(*state);
	if (!state)
		return -ENOMEM;

	state->vdev = inode->i_private;
	mutex_init(&state->lock);
	file->private_data = state;
	return 0;
}

static int vgem_pfn_pfns_release(struct inode *inode, struct file *file)
{
	struct vgem_pfn_pfns *state = file->private_data;

	kvfree(state->pfns);
	mutex_destroy(&state->lock);
	kfree(state);
	return 0;
}

/*
 * A write of "<id> <first> <count>" looks up count pages of the buffer object,
 * from page first on, all at the same time. Reads of the same open file return
 * the result from its start, a u64 for each page: the page frame number, or
 * VGEM_PFN_NO_PFN. For an imported object it is the DMA address divided by the
 * page size.
 *
 * Unlike get_pfn this never populates the object, moves it, or waits for its
 * copy. The result may be stale by the time it is read. A write fails with
 * -ENOENT if there is no such object, and with -EINVAL if the range is empty or
 * not inside the object. A failed write keeps the previous result.
 */
static ssize_t vgem_pfn_pfns_write(struct file *file, const char __user *data,
				   size_t size, loff_t *pos)
{
	struct vgem_pfn_pfns *state = file->private_data;
	u64 args[3], *pfns; /* id, first, count */
	struct vgem_pfn_bo *bo;
	char text[72], *word;
	unsigned int i;
	int ret;

	if (size >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, data, size))
		return -EFAULT;
	text[size] = '\0';

	word = strim(text);
	for (i = 0; i < ARRAY_SIZE(args); i++) {
		char *arg = strsep(&word, " ");

		if (!arg)
			return -EINVAL;
		ret = kstrtou64(arg, 0, &args[i]);
		if (ret)
			return ret;
	}
	if (word)
		return -EINVAL;

	bo = vgem_pfn_bos_find(state->vdev, args[0]);
	if (!bo)
		return -ENOENT;
	pfns = vgem_pfn_pfns_get(bo, args[1], args[2]);
	drm_gem_object_put(&bo->tbo.base);
	if (IS_ERR(pfns))
		return PTR_ERR(pfns);

	guard(mutex)(&state->lock);
	kvfree(state->pfns);
	state->pfns = pfns;
	state->size = args[2] * sizeof(*pfns);
	*pos = 0;
	return size;
}

static ssize_t vgem_pfn_pfns_read(struct file *file, char __user *data,
				  size_t size, loff_t *pos)
{
	struct vgem_pfn_pfns *state = file->private_data;

	guard(mutex)(&state->lock);
	return simple_read_from_buffer(data, size, pos, state->pfns, state->size);
}

static const struct file_operations vgem_pfn_pfns_fops = {
	.owner = THIS_MODULE,
	.open = vgem_pfn_pfns_open,
	.release = vgem_pfn_pfns_release,
	.write = vgem_pfn_pfns_write,
	.read = vgem_pfn_pfns_read,
	.llseek = default_llseek,
};

/**
 * vgem_pfn_debugfs_init() - &drm_driver.debugfs_init
 * @minor: the minor
 */
void vgem_pfn_debugfs_init(struct drm_minor *minor)
{
	struct vgem_pfn_device *vdev = to_vgem_pfn_device(minor->dev);
	struct dentry *root = minor->debugfs_root;
	char name[20];
	u32 region;

	for (region = 0; region < vgem_pfn_num_regions(vdev); region++) {
		snprintf(name, sizeof(name), "%s_mm",
			 vgem_pfn_region_name(vdev, region));
		ttm_resource_manager_create_debugfs(ttm_manager_type(&vdev->bdev, region),
						    root, name);
	}

	debugfs_create_file("bo_stats", 0400, root, vdev, &vgem_pfn_bo_stats_fops);
	debugfs_create_file("pfns", 0600, root, vdev, &vgem_pfn_pfns_fops);
	debugfs_create_file("evict_all", 0200, root, vdev, &vgem_pfn_evict_all_fops);
	debugfs_create_bool("import_peer2peer", 0600, root,
			    &vdev->import_peer2peer);
	debugfs_create_u32("import_unmap_ms", 0600, root, &vdev->import_unmap_ms);
	debugfs_create_bool("pin_notifies", 0600, root, &vdev->pin_notifies);
	debugfs_create_u32("move_delay_us", 0600, root, &vdev->move_delay_us);
	debugfs_create_u32("max_block_order", 0600, root, &vdev->max_block_order);
	debugfs_create_u32("quarantine_ms", 0600, root, &vdev->quarantine_ms);
	debugfs_create_atomic_t("stale_writes", 0400, root, &vdev->num_stale);
	vgem_pfn_fault_debugfs_init(vdev, root);
	debugfs_create_bool("compare_memcpy", 0600, root, &vdev->compare_memcpy);
	vgem_pfn_engines_debugfs_init(vdev, root);
}
