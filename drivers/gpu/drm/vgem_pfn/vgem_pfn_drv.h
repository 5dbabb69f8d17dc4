/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The driver's objects and what its files offer each other.
 *
 * Locks, outermost first:
 *
 *	&vgem_pfn_device.validate	held for reading while a buffer object is
 *					placed or moved on behalf of userspace, for
 *					writing by the one that could not get room
 *	&drm_gem_object.resv		the buffer object, see &struct vgem_pfn_bo
 */

#ifndef _VGEM_PFN_DRV_H_
#define _VGEM_PFN_DRV_H_

#include <linux/dma-direction.h>
#include <linux/iosys-map.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/notifier.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include <drm/drm_device.h>
#include <drm/drm_gem.h>
#include <drm/drm_mm.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_device.h>
#include <drm/ttm/ttm_placement.h>
#include <drm/ttm/ttm_tt.h>

#include <uapi/drm/vgem_pfn_drm.h>

#include "vgem_pfn_fault.h"

struct device;
struct dma_buf;
struct dma_buf_attachment;
struct dma_fence;
struct drm_file;
struct drm_mode_create_dumb;
struct drm_printer;
struct page;
struct resource;
struct sg_table;
struct vm_operations_struct;
struct vgem_pfn_engines;

/* The regions of the uAPI are TTM's memory types. */
static_assert(DRM_VGEM_PFN_REGION_SYSTEM == TTM_PL_SYSTEM);
static_assert(DRM_VGEM_PFN_REGION_TT == TTM_PL_TT);
static_assert(DRM_VGEM_PFN_REGION_CARVEOUT(0) == TTM_PL_VRAM);
static_assert(DRM_VGEM_PFN_MAX_REGIONS <= TTM_NUM_MEM_TYPES);

/* Devices without a bus. */
#define VGEM_PFN_MAX_DEVICES	8

#define VGEM_PFN_MAX_CARVEOUTS \
	(DRM_VGEM_PFN_MAX_REGIONS - DRM_VGEM_PFN_REGION_CARVEOUT(0))

/* Where the memory of a carveout comes from, see vgem_pfn_carveout.c. */
enum vgem_pfn_carveout_kind {
	VGEM_PFN_CONTIG,
	VGEM_PFN_RESERVED,
	VGEM_PFN_BAR,
};

/**
 * struct vgem_pfn_carveout_config - one carveout of the module parameter
 * @kind: where its memory comes from
 * @buddy: whether buffer objects may be scattered in it
 * @num_pages: size in pages; 0 is what is left of the BAR
 * @base: physical address, if @kind is VGEM_PFN_RESERVED
 */
struct vgem_pfn_carveout_config {
	enum vgem_pfn_carveout_kind kind;
	bool buddy;
	unsigned long num_pages;
	phys_addr_t base;
};

/**
 * struct vgem_pfn_config - the carveouts of one device
 * @num_carveouts: how many of @carveouts are in use, at least one
 * @carveouts: the carveouts
 */
struct vgem_pfn_config {
	unsigned int num_carveouts;
	struct vgem_pfn_carveout_config carveouts[VGEM_PFN_MAX_CARVEOUTS];
};

/**
 * struct vgem_pfn_params - the "carveouts" module parameter
 * @num_faux: how many of @faux are in use, at least one
 * @faux: for faux devices, by index; see vgem_pfn_param_faux()
 * @pci: for PCI devices
 */
struct vgem_pfn_params {
	unsigned int num_faux;
	struct vgem_pfn_config faux[VGEM_PFN_MAX_DEVICES];
	struct vgem_pfn_config pci;
};

/**
 * struct vgem_pfn_carveout - VRAM-like memory of a fixed size
 * @name: its name, of its kind and its index
 * @kind: where its memory comes from
 * @buddy: whether buffer objects may be scattered in it
 * @has_pages: whether its page frame numbers have a struct page
 * @caching: how it is to be mapped
 * @base: physical address
 * @num_pages: size in pages
 * @map: all of it, in the kernel's address space
 *
 * Constant from the device's registration to its release.
 */
struct vgem_pfn_carveout {
	char name[16];
	enum vgem_pfn_carveout_kind kind;
	bool buddy;
	bool has_pages;
	enum ttm_caching caching;
	phys_addr_t base;
	unsigned long num_pages;
	struct iosys_map map;
};

/**
 * struct vgem_pfn_run - contiguous memory
 * @first: page that it begins with, counted from the start of the buffer
 * @pfn: page frame number of that page
 */
struct vgem_pfn_run {
	pgoff_t first;
	u64 pfn;
};

/**
 * struct vgem_pfn_runs - run table, see vgem_pfn_runs.c
 * @num_pages: size of all runs together, in pages
 * @num: length of @run
 * @run: the runs, in ascending order of &vgem_pfn_run.first
 */
struct vgem_pfn_runs {
	pgoff_t num_pages;
	unsigned int num;
	struct vgem_pfn_run run[] __counted_by(num);
};

/**
 * struct vgem_pfn_vacancy - a place in a carveout after it was left
 * @link: in the list of such places, oldest first
 * @bo_id: &vgem_pfn_bo.id of who left
 * @left: when
 * @until: end of the quarantine, in jiffies
 * @filled: whether the pattern is in it
 * @importers: names of the importers at that time
 *
 * See vgem_pfn_stale.c.
 */
struct vgem_pfn_vacancy {
	struct list_head link;
	u64 bo_id;
	ktime_t left;
	unsigned long until;
	bool filled;
	char importers[96];
};

/**
 * struct vgem_pfn_resource - a place in a carveout
 * @base: TTM's side of it
 * @node: the memory, in a carveout of ranges
 * @blocks: the memory, in a carveout of blocks
 * @runs: the same as a run table, constant
 * @vacated: fence of the move that left this place, if that is asynchronous
 * @vacancy: what is known about who left it
 */
struct vgem_pfn_resource {
	struct ttm_resource base;
	struct drm_mm_node node;
	struct list_head blocks;
	struct vgem_pfn_runs *runs;
	struct dma_fence *vacated;
	struct vgem_pfn_vacancy vacancy;
};

/**
 * struct vgem_pfn_tt - pages of system memory
 * @base: TTM's side of them
 * @runs: the same as a run table, while they are populated
 */
struct vgem_pfn_tt {
	struct ttm_tt base;
	struct vgem_pfn_runs *runs;
};

/**
 * struct vgem_pfn_device - one exporter
 * @drm: the DRM device
 * @bdev: TTM's side of it
 * @validate: keeps those who want room for a buffer object apart from the one
 *	      who could not get any, see vgem_pfn_bo_place()
 * @num_carveouts: how many of @carveouts are in use
 * @carveouts: the memory of TTM_PL_VRAM + index
 * @bar_base: physical address of what is left of the BAR, for a PCI device
 *	      until its carveouts are made
 * @bar_pages: size of that in pages
 * @engines: copy engines
 * @bos_lock: protects @bos, see vgem_pfn_bos.c; innermost
 * @bos: all buffer objects
 * @pm_notifier: tells of suspend and hibernation, see vgem_pfn_pm.c
 * @suspended: whether carveouts are being kept empty; set, and @validate taken,
 *	       before they are emptied
 * @resumed: where to wait for the end of @suspended
 * @move_delay_us: debugfs lever, see vgem_pfn_debugfs.c
 * @max_block_order: debugfs lever, see vgem_pfn_debugfs.c
 * @quarantine_ms: debugfs lever, see vgem_pfn_debugfs.c
 * @num_stale: stale writes found
 * @import_peer2peer: debugfs lever, see vgem_pfn_debugfs.c
 * @faults: debugfs levers, see vgem_pfn_fault.c
 * @compare_memcpy: debugfs lever, see vgem_pfn_debugfs.c
 */
struct vgem_pfn_device {
	struct drm_device drm;
	struct ttm_device bdev;
	struct rw_semaphore validate;
	spinlock_t bos_lock; /* bos */
	struct list_head bos;
	struct notifier_block pm_notifier;
	bool suspended;
	wait_queue_head_t resumed;
	unsigned int num_carveouts;
	struct vgem_pfn_carveout carveouts[VGEM_PFN_MAX_CARVEOUTS];
	phys_addr_t bar_base;
	unsigned long bar_pages;
	struct vgem_pfn_engines *engines;
	u32 move_delay_us;
	u32 max_block_order;
	u32 quarantine_ms;
	u32 num_stale;
	bool import_peer2peer;
	struct vgem_pfn_faults faults;
	bool compare_memcpy;
};

/**
 * struct vgem_pfn_bo - a buffer object
 * @tbo: TTM's buffer object, with the GEM object in it
 * @id: for people and trace events; constant
 * @contiguous: whether it must not be scattered in a carveout; constant
 * @num_placements: length of @placements
 * @placements: regions allowed, most wanted first; constant
 * @evict_placements: what vgem_pfn_bo_evict_placement() answered last
 * @imported: what this object was imported from, with a reference, or NULL;
 *	      constant
 * @moving: fence of the last copy that an engine did or does, or NULL
 * @async: this move shall be pipelined
 * @link: of &vgem_pfn_device.bos, protected by its lock
 * @resume_region: where to go after suspend, or TTM_PL_SYSTEM for nowhere
 * @num_moves: changes of region since creation
 * @num_evictions: how many of them were evictions
 * @num_notifies: notifications sent to the attachments of the dma-buf
 * @num_get_pfn: successful get_pfn calls
 * @last_copy_bytes: bytes copied by the last copy that was done
 * @last_copy_ns: duration of that copy in nanoseconds
 * @last_memcpy_ns: what memcpy() needed for the same, if it was asked
 *
 * Everything that is not constant is protected by the reservation lock. An engine
 * writes @last_copy_bytes and @last_copy_ns without it, before @moving signals.
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
	struct list_head link;
	u32 resume_region;
	u64 num_moves;
	u64 num_evictions;
	u64 num_notifies;
	u64 num_get_pfn;
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

static inline struct vgem_pfn_resource *
to_vgem_pfn_resource(struct ttm_resource *res)
{
	return container_of(res, struct vgem_pfn_resource, base);
}

static inline struct vgem_pfn_tt *to_vgem_pfn_tt(struct ttm_tt *tt)
{
	return container_of(tt, struct vgem_pfn_tt, base);
}

static inline struct vgem_pfn_device *vgem_pfn_bo_device(struct vgem_pfn_bo *bo)
{
	return to_vgem_pfn_device(bo->tbo.base.dev);
}

/* vgem_pfn_bo.c */
void vgem_pfn_bo_destroy(struct ttm_buffer_object *tbo);
bool vgem_pfn_is_bo(struct ttm_buffer_object *tbo);
u32 vgem_pfn_bo_region(struct vgem_pfn_bo *bo);
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

/* vgem_pfn_bos.c */
void vgem_pfn_bos_add(struct vgem_pfn_bo *bo);
void vgem_pfn_bos_remove(struct vgem_pfn_bo *bo);
struct vgem_pfn_bo *vgem_pfn_bos_next(struct vgem_pfn_device *vdev,
				      struct vgem_pfn_bo *prev);

/* vgem_pfn_carveout.c */
int vgem_pfn_carveouts_init(struct vgem_pfn_device *vdev,
			    const struct vgem_pfn_config *config);
struct vgem_pfn_carveout *vgem_pfn_carveout_of(struct vgem_pfn_device *vdev,
					       u32 mem_type);
struct iosys_map vgem_pfn_carveout_map(const struct vgem_pfn_carveout *carveout,
				       u64 pfn);

/* vgem_pfn_debugfs.c */
void vgem_pfn_debugfs_init(struct drm_minor *minor);

/* vgem_pfn_dma_buf.c */
struct dma_buf *vgem_pfn_gem_prime_export(struct drm_gem_object *obj, int flags);
struct drm_gem_object *vgem_pfn_dma_buf_own(struct drm_device *drm,
					    struct dma_buf *dmabuf);

/* vgem_pfn_drv.c */
struct vgem_pfn_device *
vgem_pfn_device_create(struct device *parent,
		       const struct vgem_pfn_config *config,
		       const struct resource *bar);

/* vgem_pfn_faux.c */
int vgem_pfn_faux_init(const struct vgem_pfn_params *params);
void vgem_pfn_faux_fini(void);

/* vgem_pfn_fdinfo.c */
void vgem_pfn_show_fdinfo(struct drm_printer *p, struct drm_file *file);

/* vgem_pfn_import.c */
void vgem_pfn_import_unplug(struct vgem_pfn_bo *bo);
bool vgem_pfn_import_is_mapped(struct vgem_pfn_bo *bo);
u64 vgem_pfn_import_lookup(struct vgem_pfn_bo *bo, pgoff_t pgoff);
int vgem_pfn_import_move(struct vgem_pfn_bo *bo, u32 region);
void vgem_pfn_import_fini(struct vgem_pfn_bo *bo);
struct drm_gem_object *vgem_pfn_gem_prime_import(struct drm_device *drm,
						 struct dma_buf *dmabuf);

/* vgem_pfn_ioctl.c */
int vgem_pfn_bo_create_ioctl(struct drm_device *drm, void *data,
			     struct drm_file *file);
int vgem_pfn_bo_mmap_offset_ioctl(struct drm_device *drm, void *data,
				  struct drm_file *file);
int vgem_pfn_bo_query_ioctl(struct drm_device *drm, void *data,
			    struct drm_file *file);
int vgem_pfn_bo_pfns_ioctl(struct drm_device *drm, void *data,
			   struct drm_file *file);
int vgem_pfn_regions_ioctl(struct drm_device *drm, void *data,
			   struct drm_file *file);
int vgem_pfn_dumb_create(struct drm_file *file, struct drm_device *drm,
			 struct drm_mode_create_dumb *args);

/* vgem_pfn_lookup.c */
const struct vgem_pfn_runs *vgem_pfn_bo_runs(struct vgem_pfn_bo *bo);
u64 vgem_pfn_lookup(struct vgem_pfn_bo *bo, pgoff_t pgoff);

/* vgem_pfn_mgr.c */
int vgem_pfn_mgr_init(struct vgem_pfn_device *vdev, u32 mem_type,
		      struct vgem_pfn_carveout *carveout);
void vgem_pfn_mgr_fini(struct vgem_pfn_device *vdev, u32 mem_type);

/* vgem_pfn_move.c */
void vgem_pfn_notify(struct vgem_pfn_bo *bo);
int vgem_pfn_move(struct ttm_buffer_object *tbo, bool evict,
		  struct ttm_operation_ctx *ctx, struct ttm_resource *new_mem,
		  struct ttm_place *hop);

/* vgem_pfn_move_ioctl.c */
int vgem_pfn_bo_move_ioctl(struct drm_device *drm, void *data,
			   struct drm_file *file);

/* vgem_pfn_param.c */
const char *vgem_pfn_kind_name(enum vgem_pfn_carveout_kind kind);
int vgem_pfn_param_parse(const char *spec, struct vgem_pfn_params *params,
			 const char **error);
const struct vgem_pfn_config *
vgem_pfn_param_faux(const struct vgem_pfn_params *params, unsigned int index);

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

static inline bool vgem_pfn_pm_suspended(struct vgem_pfn_device *vdev)
{
	return READ_ONCE(vdev->suspended);
}

/* vgem_pfn_reach.c */
int vgem_pfn_reach_attach(struct vgem_pfn_bo *bo, struct dma_buf_attachment *attach);
int vgem_pfn_reach(struct vgem_pfn_bo *bo, bool peer2peer);
int vgem_pfn_reach_all(struct vgem_pfn_bo *bo, struct dma_buf *dmabuf);

/* vgem_pfn_runs.c */
struct vgem_pfn_runs *vgem_pfn_runs_alloc(unsigned int max);
void vgem_pfn_runs_add(struct vgem_pfn_runs *runs, u64 pfn, pgoff_t num_pages);
struct vgem_pfn_runs *vgem_pfn_runs_from_pages(struct page **pages,
					       pgoff_t num_pages);
u64 vgem_pfn_runs_pfn(const struct vgem_pfn_runs *runs, pgoff_t pgoff,
		      pgoff_t *num_pages);
int vgem_pfn_runs_order(const struct vgem_pfn_runs *runs, pgoff_t pgoff, u64 *pfn);

/* vgem_pfn_sg.c */
struct sg_table *vgem_pfn_sg_map(struct vgem_pfn_bo *bo, struct device *dev,
				 enum dma_data_direction dir);
void vgem_pfn_sg_unmap(struct device *dev, struct sg_table *sgt,
		       enum dma_data_direction dir);

/* vgem_pfn_stale.c */
void vgem_pfn_stale_note(struct vgem_pfn_bo *bo, struct ttm_resource *base);

/* vgem_pfn_ttm.c */
int vgem_pfn_ttm_init(struct vgem_pfn_device *vdev);
unsigned long vgem_pfn_region_pages(struct vgem_pfn_device *vdev, u32 region);

/* vgem_pfn_unplug.c */
void vgem_pfn_device_unplug(struct vgem_pfn_device *vdev);

/* vgem_pfn_vm.c */
extern const struct vm_operations_struct vgem_pfn_vm_ops;

/* vgem_pfn_vmap.c */
int vgem_pfn_gem_vmap(struct drm_gem_object *obj, struct iosys_map *map);
void vgem_pfn_gem_vunmap(struct drm_gem_object *obj, struct iosys_map *map);

#endif /* _VGEM_PFN_DRV_H_ */
