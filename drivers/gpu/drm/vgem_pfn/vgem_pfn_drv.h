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

#include <linux/rwsem.h>
#include <linux/types.h>

#include <drm/drm_device.h>
#include <drm/drm_gem.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_device.h>
#include <drm/ttm/ttm_placement.h>

#include <uapi/drm/vgem_pfn_drm.h>

struct device;
struct dma_buf;
struct drm_file;
struct drm_mode_create_dumb;
struct page;

/* The regions of the uAPI are TTM's memory types. */
static_assert(DRM_VGEM_PFN_REGION_SYSTEM == TTM_PL_SYSTEM);
static_assert(DRM_VGEM_PFN_REGION_TT == TTM_PL_TT);
static_assert(DRM_VGEM_PFN_REGION_CARVEOUT(0) == TTM_PL_VRAM);
static_assert(DRM_VGEM_PFN_MAX_REGIONS <= TTM_NUM_MEM_TYPES);

/* Devices without a bus. */
#define VGEM_PFN_MAX_DEVICES	8

#define VGEM_PFN_MAX_CARVEOUTS \
	(DRM_VGEM_PFN_MAX_REGIONS - DRM_VGEM_PFN_REGION_CARVEOUT(0))

/**
 * struct vgem_pfn_carveout_config - one carveout of the module parameter
 * @num_pages: size in pages
 */
struct vgem_pfn_carveout_config {
	unsigned long num_pages;
};

/**
 * struct vgem_pfn_carveout - VRAM-like memory of a fixed size
 * @pages: the first page of @num_pages contiguous ones
 * @num_pages: size in pages
 *
 * Constant from the device's registration to its release.
 */
struct vgem_pfn_carveout {
	struct page *pages;
	unsigned long num_pages;
};

/**
 * struct vgem_pfn_device - one exporter
 * @drm: the DRM device
 * @bdev: TTM's side of it
 * @validate: keeps those who want room for a buffer object apart from the one
 *	      who could not get any, see vgem_pfn_bo_place()
 * @num_carveouts: how many of @carveouts are in use
 * @carveouts: the memory of TTM_PL_VRAM + index
 * @move_delay_us: debugfs lever, see vgem_pfn_debugfs.c
 */
struct vgem_pfn_device {
	struct drm_device drm;
	struct ttm_device bdev;
	struct rw_semaphore validate;
	unsigned int num_carveouts;
	struct vgem_pfn_carveout carveouts[VGEM_PFN_MAX_CARVEOUTS];
	u32 move_delay_us;
};

/**
 * struct vgem_pfn_bo - a buffer object
 * @tbo: TTM's buffer object, with the GEM object in it
 * @num_placements: length of @placements
 * @placements: regions allowed, most wanted first; constant
 * @evict_placements: what vgem_pfn_bo_evict_placement() answered last
 * @num_moves: changes of region since creation
 * @num_evictions: how many of them were evictions
 * @num_notifies: notifications sent to the attachments of the dma-buf
 * @num_get_pfn: successful get_pfn calls
 * @last_copy_bytes: bytes copied by the last move that copied
 * @last_copy_ns: duration of that copy in nanoseconds
 *
 * Everything that is not constant is protected by the reservation lock.
 */
struct vgem_pfn_bo {
	struct ttm_buffer_object tbo;
	unsigned int num_placements;
	u32 placements[DRM_VGEM_PFN_MAX_REGIONS];
	struct ttm_place evict_placements[DRM_VGEM_PFN_MAX_REGIONS + 1];
	u64 num_moves;
	u64 num_evictions;
	u64 num_notifies;
	u64 num_get_pfn;
	u64 last_copy_bytes;
	u64 last_copy_ns;
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

/* vgem_pfn_bo.c */
bool vgem_pfn_is_bo(struct ttm_buffer_object *tbo);
struct vgem_pfn_bo *vgem_pfn_bo_create(struct vgem_pfn_device *vdev, u64 size,
				       const u32 *placements,
				       unsigned int num_placements);
int vgem_pfn_bo_move(struct vgem_pfn_bo *bo, u32 region);
void vgem_pfn_bo_evict_placement(struct vgem_pfn_bo *bo,
				 struct ttm_placement *placement);

/* vgem_pfn_carveout.c */
int vgem_pfn_carveouts_parse(const char *spec,
			     struct vgem_pfn_carveout_config *configs,
			     unsigned int *num_configs, const char **error);
int vgem_pfn_carveouts_init(struct vgem_pfn_device *vdev,
			    const struct vgem_pfn_carveout_config *configs,
			    unsigned int num_configs);
struct vgem_pfn_carveout *vgem_pfn_carveout_of(struct vgem_pfn_device *vdev,
					       u32 mem_type);

/* vgem_pfn_debugfs.c */
void vgem_pfn_debugfs_init(struct drm_minor *minor);

/* vgem_pfn_dma_buf.c */
struct dma_buf *vgem_pfn_gem_prime_export(struct drm_gem_object *obj, int flags);
struct drm_gem_object *vgem_pfn_gem_prime_import(struct drm_device *drm,
						 struct dma_buf *dmabuf);

/* vgem_pfn_drv.c */
struct vgem_pfn_device *
vgem_pfn_device_create(struct device *parent,
		       const struct vgem_pfn_carveout_config *configs,
		       unsigned int num_configs);

/* vgem_pfn_faux.c */
int vgem_pfn_faux_init(const struct vgem_pfn_carveout_config *configs,
		       unsigned int num_configs);
void vgem_pfn_faux_fini(void);

/* vgem_pfn_ioctl.c */
int vgem_pfn_bo_create_ioctl(struct drm_device *drm, void *data,
			     struct drm_file *file);
int vgem_pfn_bo_mmap_offset_ioctl(struct drm_device *drm, void *data,
				  struct drm_file *file);
int vgem_pfn_bo_query_ioctl(struct drm_device *drm, void *data,
			    struct drm_file *file);
int vgem_pfn_bo_move_ioctl(struct drm_device *drm, void *data,
			   struct drm_file *file);
int vgem_pfn_bo_pfns_ioctl(struct drm_device *drm, void *data,
			   struct drm_file *file);
int vgem_pfn_regions_ioctl(struct drm_device *drm, void *data,
			   struct drm_file *file);
int vgem_pfn_dumb_create(struct drm_file *file, struct drm_device *drm,
			 struct drm_mode_create_dumb *args);

/* vgem_pfn_lookup.c */
u64 vgem_pfn_lookup(struct vgem_pfn_bo *bo, pgoff_t pgoff);
int vgem_pfn_lookup_order(struct vgem_pfn_bo *bo, pgoff_t pgoff);
pgoff_t vgem_pfn_lookup_run(struct vgem_pfn_bo *bo, pgoff_t pgoff);

/* vgem_pfn_move.c */
void vgem_pfn_notify(struct vgem_pfn_bo *bo);
int vgem_pfn_move(struct ttm_buffer_object *tbo, bool evict,
		  struct ttm_operation_ctx *ctx, struct ttm_resource *new_mem,
		  struct ttm_place *hop);

/* vgem_pfn_ttm.c */
int vgem_pfn_ttm_init(struct vgem_pfn_device *vdev);
unsigned long vgem_pfn_region_pages(struct vgem_pfn_device *vdev, u32 region);

#endif /* _VGEM_PFN_DRV_H_ */
