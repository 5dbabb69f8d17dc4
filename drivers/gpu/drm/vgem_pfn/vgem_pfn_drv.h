/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The driver's structures, and the functions that its files share.
 *
 * Locks, outermost first:
 *
 *	&vgem_pfn_device.validate	held for reading while a buffer object
 *					is placed or moved on behalf of
 *					userspace, for writing to retry after
 *					there was no space
 *	&drm_gem_object.resv		the buffer object, see
 *					&struct vgem_pfn_bo
 *	&vgem_pfn_stale.lock		resources in quarantine, and their
 *					contents
 *	&vgem_pfn_mgr.lock		the allocator of a carveout
 *	&vgem_pfn_device.bos_lock	the list of buffer objects
 *
 * The lock of the table of devices in vgem_pfn_drv.c is outside all of them.
 *
 * Code that reads or writes a carveout must be between drm_dev_enter() and
 * drm_dev_exit(), see vgem_pfn_pm.c.
 */

#ifndef _VGEM_PFN_DRV_H_
#define _VGEM_PFN_DRV_H_

#include <linux/dma-resv.h>
#include <linux/list.h>
#include <linux/notifier.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <drm/drm_device.h>
#include <drm/drm_gem.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_device.h>
#include <drm/ttm/ttm_placement.h>
#include <drm/ttm/ttm_tt.h>

#include <uapi/drm/vgem_pfn_drm.h>

#include "vgem_pfn_carveout.h"
#include "vgem_pfn_fault.h"
#include "vgem_pfn_mgr.h"

struct device;
struct dma_buf;
struct dma_fence;
struct drm_file;
struct drm_mode_create_dumb;
struct drm_printer;
struct p2pdma_provider;
struct resource;
struct vm_operations_struct;
struct vgem_pfn_engines;

/*
 * A region's identifier in the uAPI is its TTM memory type: TTM_PL_SYSTEM,
 * TTM_PL_TT, and TTM_PL_VRAM + index for carveouts. This is internal to the
 * driver: userspace gets identifiers from DRM_IOCTL_VGEM_PFN_REGIONS.
 */
static_assert(DRM_VGEM_PFN_MAX_REGIONS <= TTM_NUM_MEM_TYPES);

/* Instead of the page frame number of a page that has no memory */
#define VGEM_PFN_NO_PFN		(~0ULL)

/**
 * struct vgem_pfn_device - one exporter
 * @drm: the DRM device
 * @bdev: the TTM device
 * @validate: held for reading to place a buffer object, for writing to retry
 *	      without concurrent placements, see vgem_pfn_bo_place()
 * @num_carveouts: number of elements of @carveouts in use
 * @carveouts: the memory of TTM_PL_VRAM + index
 * @bar_base: physical address of the unused rest of a PCI device's BAR, valid
 *	      until its carveouts are created
 * @bar_pages: size of the unused rest in pages
 * @p2pdma: p2pdma provider of the BAR, or NULL; valid until the driver is
 *	    unbound
 * @unmapped: wait queue of an unplug for importers to unmap buffer objects in the
 *	BAR, and for this device to unmap the objects that it imported
 * @num_import_maps: number of imported objects that are mapped; the last unmapping
 *	wakes @unmapped
 * @engines: copy engines
 * @frees_begun: number of carveout resources whose release has begun
 * @frees_done: number of these that are free or in quarantine
 * @freed: wait queue for changes of @frees_done
 * @releases: number of objects in carveouts whose reference count became zero
 * @bos_lock: protects @bos, see vgem_pfn_bo.c; innermost
 * @bos: all buffer objects
 * @pm_notifier: notifier for suspend and hibernation, see vgem_pfn_pm.c
 * @suspended: whether carveouts must stay empty, see vgem_pfn_pm_suspend()
 * @resumed: wait queue for the end of @suspended
 * @move_delay_us: debugfs knob, see vgem_pfn_debugfs.c
 * @max_block_order: debugfs knob, see vgem_pfn_debugfs.c
 * @quarantine_ms: debugfs knob, see vgem_pfn_debugfs.c
 * @num_stale: number of stale writes detected, in all carveouts
 * @import_peer2peer: debugfs knob, see vgem_pfn_debugfs.c
 * @pin_notifies: debugfs knob, see vgem_pfn_debugfs.c
 * @import_unmap_ms: debugfs knob, see vgem_pfn_debugfs.c
 * @faults: debugfs knobs, see vgem_pfn_fault.c
 * @compare_memcpy: debugfs knob, see vgem_pfn_debugfs.c
 */
struct vgem_pfn_device {
	struct drm_device drm;
	struct ttm_device bdev;
	struct rw_semaphore validate;
	atomic_t frees_begun;
	atomic_t frees_done;
	wait_queue_head_t freed;
	atomic_t releases;
	spinlock_t bos_lock; /* bos */
	struct list_head bos;
	struct notifier_block pm_notifier;
	bool suspended;
	wait_queue_head_t resumed;
	unsigned int num_carveouts;
	struct vgem_pfn_carveout carveouts[VGEM_PFN_MAX_CARVEOUTS];
	phys_addr_t bar_base;
	unsigned long bar_pages;
	struct p2pdma_provider *p2pdma;
	wait_queue_head_t unmapped;
	atomic_t num_import_maps;
	struct vgem_pfn_engines *engines;
	u32 move_delay_us;
	u32 max_block_order;
	u32 quarantine_ms;
	atomic_t num_stale;
	bool import_peer2peer;
	bool pin_notifies;
	u32 import_unmap_ms;
	struct vgem_pfn_faults faults;
	bool compare_memcpy;
};

/**
 * struct vgem_pfn_bo - a buffer object
 * @tbo: TTM's buffer object, with the GEM object in it
 * @id: identifier in trace events, log messages and debugfs; constant
 * @contiguous: whether it must not be scattered in a carveout; constant
 * @num_placements: length of @placements
 * @placements: allowed regions in order of preference; constant
 * @evict_placements: last result of vgem_pfn_bo_evict_placement()
 * @imported: dma-buf that this object was imported from, with a reference, or
 *	      NULL; constant
 * @moving: fence of the last copy that was queued on an engine, or NULL
 * @async: the current move is asynchronous
 * @evicting: the current move counts as an eviction, even if TTM does not start
 *	      it as one
 * @link: of &vgem_pfn_device.bos, protected by its lock
 * @place_traced: whether the current placement has been traced
 * @revoked: an unplug has notified the importers, see vgem_pfn_pm.c
 * @next_run: index of the run after the last one that get_pfn returned
 * @resume_region: region to restore after suspend, or TTM_PL_SYSTEM for none
 * @num_bar_maps: number of scatter lists of a BAR that importers have mapped;
 *		  unmapping the last one wakes &vgem_pfn_device.unmapped
 * @late_unmap: unmaps an imported object some time after a notification
 * @late: an imported object is still mapped after a notification
 * @unmap_time: the earliest time at which @late_unmap unmaps it, by ktime
 * @num_moves: number of changes of region since creation
 * @num_evictions: number of these that were evictions
 * @num_notifies: number of notifications of the dma-buf's attachments
 * @max_notify_ns: longest duration of a notification
 * @num_get_pfn: number of successful get_pfn calls, including those that
 *		 CONFIG_DMABUF_DEBUG makes to check results
 * @num_maps: number of scatter lists that importers have mapped
 * @last_copy_bytes: size of the last completed copy
 * @last_copy_ns: duration of that copy in nanoseconds
 * @last_memcpy_ns: duration of the same copy by memcpy(), if compare_memcpy is
 *		    set
 *
 * Everything that is not constant is protected by the reservation lock, with
 * three exceptions. Without the lock, an engine writes @last_copy_bytes and
 * @last_copy_ns before @moving signals, debugfs reads @max_notify_ns and all
 * fields after it, and an unplug reads @num_bar_maps.
 */
struct vgem_pfn_bo {
	struct ttm_buffer_object tbo;
	u64 id;
	bool contiguous;
	unsigned int num_placements;
	u32 placements[DRM_VGEM_PFN_MAX_REGIONS];
	struct ttm_place evict_placements[DRM_VGEM_PFN_MAX_REGIONS + 1];
	struct dma_buf *imported;
	struct dma_fence *moving;
	bool async;
	bool evicting;
	bool place_traced;
	bool revoked;
	struct list_head link;
	unsigned int next_run;
	u32 resume_region;
	unsigned int num_bar_maps;
	struct delayed_work late_unmap;
	bool late;
	ktime_t unmap_time;
	u64 num_moves;
	u64 num_evictions;
	u64 num_notifies;
	u64 max_notify_ns;
	u64 num_get_pfn;
	u64 num_maps;
	u64 last_copy_bytes;
	u64 last_copy_ns;
	u64 last_memcpy_ns;
};

static inline struct vgem_pfn_device *to_vgem_pfn_device(struct drm_device *drm)
{
	return container_of(drm, struct vgem_pfn_device, drm);
}

static inline struct vgem_pfn_bo *to_vgem_pfn_bo(struct ttm_buffer_object *tbo)
{
	return container_of(tbo, struct vgem_pfn_bo, tbo);
}

static inline struct vgem_pfn_bo *gem_to_vgem_pfn_bo(struct drm_gem_object *obj)
{
	return container_of(obj, struct vgem_pfn_bo, tbo.base);
}

static inline struct vgem_pfn_device *vgem_pfn_bo_device(struct vgem_pfn_bo *bo)
{
	return to_vgem_pfn_device(bo->tbo.base.dev);
}

/**
 * vgem_pfn_num_regions() - number of regions of a device
 * @vdev: the device
 *
 * Return: the number, which is also the end of the region identifiers.
 */
static inline u32 vgem_pfn_num_regions(struct vgem_pfn_device *vdev)
{
	return TTM_PL_VRAM + vdev->num_carveouts;
}

/**
 * vgem_pfn_region_has_pages() - whether the memory of a region has struct pages
 * @vdev: the device
 * @region: one of its TTM memory types
 *
 * Return: true if so. Importers need no peer2peer to access it then.
 */
static inline bool vgem_pfn_region_has_pages(struct vgem_pfn_device *vdev, u32 region)
{
	return region < TTM_PL_VRAM || vdev->carveouts[region - TTM_PL_VRAM].has_pages;
}

/**
 * vgem_pfn_region_is_bar() - whether a region is in the BAR of a PCI device
 * @vdev: the device
 * @region: one of its TTM memory types
 *
 * Return: true if the memory of @region is MMIO.
 */
static inline bool vgem_pfn_region_is_bar(struct vgem_pfn_device *vdev, u32 region)
{
	return region >= TTM_PL_VRAM &&
	       vdev->carveouts[region - TTM_PL_VRAM].kind == VGEM_PFN_BAR;
}

/**
 * vgem_pfn_bo_runs() - run table of a buffer object's current memory
 * @bo: the buffer object, with its reservation lock held
 *
 * Return: the run table, valid until the lock is released, or NULL if @bo has
 * no memory: it was never populated, or is swapped out.
 */
static inline const struct vgem_pfn_runs *vgem_pfn_bo_runs(struct vgem_pfn_bo *bo)
{
	struct ttm_resource *res = bo->tbo.resource;
	struct ttm_tt *tt;

	dma_resv_assert_held(bo->tbo.base.resv);

	if (likely(res->mem_type >= TTM_PL_VRAM))
		return to_vgem_pfn_resource(res)->runs;

	tt = bo->tbo.ttm;
	return tt && ttm_tt_is_populated(tt) ? to_vgem_pfn_tt(tt)->runs : NULL;
}

/* vgem_pfn_bo.c */
struct vgem_pfn_bo *vgem_pfn_bo_alloc(void);
void vgem_pfn_bo_destroy(struct ttm_buffer_object *tbo);
void vgem_pfn_bo_free(struct drm_gem_object *obj);
bool vgem_pfn_is_bo(struct ttm_buffer_object *tbo);
u32 vgem_pfn_bo_region(struct vgem_pfn_bo *bo);
u64 vgem_pfn_lookup(struct vgem_pfn_bo *bo, pgoff_t pgoff);
bool vgem_pfn_bo_fits(struct vgem_pfn_bo *bo, u32 region);
struct ttm_place vgem_pfn_bo_ttm_place(struct vgem_pfn_bo *bo, u32 region);
struct vgem_pfn_bo *vgem_pfn_bo_create(struct vgem_pfn_device *vdev, u64 size,
				       const u32 *placements,
				       unsigned int num_placements,
				       bool contiguous);
int vgem_pfn_bo_move(struct vgem_pfn_bo *bo, u32 region, bool async,
		     struct dma_fence **fence);
bool vgem_pfn_bo_allows(struct vgem_pfn_bo *bo, u32 region);
void vgem_pfn_bo_evict_placement(struct vgem_pfn_bo *bo,
				 struct ttm_placement *placement);
int vgem_pfn_bo_evict(struct vgem_pfn_bo *bo);
void vgem_pfn_bos_add(struct vgem_pfn_bo *bo);
struct vgem_pfn_bo *vgem_pfn_bos_next(struct vgem_pfn_device *vdev,
				      struct vgem_pfn_bo *prev);

/* vgem_pfn_debugfs.c */
void vgem_pfn_debugfs_init(struct drm_minor *minor);
void vgem_pfn_show_fdinfo(struct drm_printer *p, struct drm_file *file);

/* vgem_pfn_dma_buf.c */
struct dma_buf *vgem_pfn_gem_prime_export(struct drm_gem_object *obj, int flags);
struct drm_gem_object *vgem_pfn_dma_buf_own(struct drm_device *drm,
					    struct dma_buf *dmabuf);

/* vgem_pfn_drv.c */
struct vgem_pfn_device *
vgem_pfn_device_create(struct device *parent,
		       const struct vgem_pfn_config *config,
		       const struct resource *bar,
		       struct p2pdma_provider *p2pdma);

/* vgem_pfn_gem.c */
extern const struct vm_operations_struct vgem_pfn_vm_ops;
int vgem_pfn_gem_vmap(struct drm_gem_object *obj, struct iosys_map *map);
void vgem_pfn_gem_vunmap(struct drm_gem_object *obj, struct iosys_map *map);

/* vgem_pfn_import.c */
int vgem_pfn_import_check_list(struct sg_table *sg, u64 size, unsigned int max_seg);
int vgem_pfn_import_check_size(u64 size);
void vgem_pfn_import_unplug(struct vgem_pfn_bo *bo);
bool vgem_pfn_import_is_mapped(struct vgem_pfn_bo *bo);
u64 vgem_pfn_import_lookup(struct vgem_pfn_bo *bo, pgoff_t pgoff);
int vgem_pfn_import_move(struct vgem_pfn_bo *bo, u32 region);
void vgem_pfn_import_release(struct vgem_pfn_bo *bo);
struct drm_gem_object *vgem_pfn_gem_prime_import(struct drm_device *drm,
						 struct dma_buf *dmabuf);

/* vgem_pfn_ioctl.c */
int vgem_pfn_bo_create_ioctl(struct drm_device *drm, void *data,
			     struct drm_file *file);
int vgem_pfn_bo_mmap_offset_ioctl(struct drm_device *drm, void *data,
				  struct drm_file *file);
int vgem_pfn_bo_query_ioctl(struct drm_device *drm, void *data,
			    struct drm_file *file);
int vgem_pfn_regions_ioctl(struct drm_device *drm, void *data,
			   struct drm_file *file);
int vgem_pfn_dumb_create(struct drm_file *file, struct drm_device *drm,
			 struct drm_mode_create_dumb *args);
int vgem_pfn_bo_move_ioctl(struct drm_device *drm, void *data,
			   struct drm_file *file);

/* vgem_pfn_move.c */
void vgem_pfn_notify(struct vgem_pfn_bo *bo);
int vgem_pfn_move(struct ttm_buffer_object *tbo, bool evict,
		  struct ttm_operation_ctx *ctx, struct ttm_resource *new_mem,
		  struct ttm_place *hop);

/* vgem_pfn_pci.c */
#ifdef CONFIG_PCI
int vgem_pfn_pci_init(const struct vgem_pfn_params *params);
void vgem_pfn_pci_fini(void);
#else
static inline int vgem_pfn_pci_init(const struct vgem_pfn_params *params)
{
	return 0;
}

static inline void vgem_pfn_pci_fini(void) { }
#endif

/* vgem_pfn_pm.c */
int vgem_pfn_pm_init(struct vgem_pfn_device *vdev);
int vgem_pfn_pm_wait(struct vgem_pfn_device *vdev);
void vgem_pfn_device_unplug(struct vgem_pfn_device *vdev);

static inline bool vgem_pfn_pm_suspended(struct vgem_pfn_device *vdev)
{
	return READ_ONCE(vdev->suspended);
}

/* vgem_pfn_stale.c */
void vgem_pfn_stale_note(struct vgem_pfn_bo *bo, struct ttm_resource *base);

/* vgem_pfn_ttm.c */
int vgem_pfn_ttm_init(struct vgem_pfn_device *vdev);
void vgem_pfn_ttm_stop(struct drm_device *drm, void *data);
unsigned long vgem_pfn_region_pages(struct vgem_pfn_device *vdev, u32 region);
const char *vgem_pfn_region_name(struct vgem_pfn_device *vdev, u32 region);

#endif /* _VGEM_PFN_DRV_H_ */
