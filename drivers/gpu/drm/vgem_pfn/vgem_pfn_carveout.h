/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory of buffer objects: carveouts and their configuration, resources in
 * carveouts, pages of system memory, and the run tables of both.
 */

#ifndef _VGEM_PFN_CARVEOUT_H_
#define _VGEM_PFN_CARVEOUT_H_

#include <linux/container_of.h>
#include <linux/dma-buf-pfn.h>
#include <linux/iosys-map.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/types.h>

#include <drm/drm_mm.h>
#include <drm/ttm/ttm_caching.h>
#include <drm/ttm/ttm_resource.h>
#include <drm/ttm/ttm_tt.h>

#include <uapi/drm/vgem_pfn_drm.h>

struct dma_fence;
struct page;
struct vgem_pfn_device;

/* Maximum number of devices without a bus */
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
 * @num_pages: size in pages, or 0 for the rest of the BAR
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
 * @num_carveouts: number of elements of @carveouts in use, at least one
 * @carveouts: the carveouts
 */
struct vgem_pfn_config {
	unsigned int num_carveouts;
	struct vgem_pfn_carveout_config carveouts[VGEM_PFN_MAX_CARVEOUTS];
};

/**
 * struct vgem_pfn_params - the "carveouts" module parameter
 * @num_faux: number of elements of @faux in use, at least one
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
 * @name: name, made of kind and index
 * @kind: where its memory comes from
 * @buddy: whether buffer objects may be scattered in it
 * @has_pages: whether its page frame numbers have a struct page
 * @caching: caching mode of CPU mappings
 * @base: physical address
 * @num_pages: size in pages
 * @map: kernel mapping of all of it
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
 * struct vgem_pfn_run - one piece of contiguous memory
 * @first: first page, counted from the start of the buffer
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
 * struct vgem_pfn_vacancy - a resource after its buffer object has left it
 * @link: of &vgem_pfn_stale.vacancies
 * @bo_id: &vgem_pfn_bo.id of that object, or 0 if there was none
 * @left: time at which it left
 * @until: end of the quarantine, in jiffies
 * @filled: whether the memory has been filled with the pattern
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
 * struct vgem_pfn_resource - memory of a buffer object in a carveout
 * @base: TTM's resource
 * @node: the memory, if the carveout uses drm_mm
 * @blocks: the memory, if the carveout uses gpu_buddy
 * @runs: run table of the memory, constant
 * @vacated: fence of the move out of this memory, if that is asynchronous
 * @vacancy: quarantine state
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
 * @base: TTM's page array
 * @runs: run table of the pages, while they are populated
 */
struct vgem_pfn_tt {
	struct ttm_tt base;
	struct vgem_pfn_runs *runs;
};

static inline struct vgem_pfn_resource *
to_vgem_pfn_resource(struct ttm_resource *res)
{
	return container_of(res, struct vgem_pfn_resource, base);
}

static inline struct vgem_pfn_tt *to_vgem_pfn_tt(struct ttm_tt *tt)
{
	return container_of(tt, struct vgem_pfn_tt, base);
}

/* vgem_pfn_carveout.c */
int vgem_pfn_carveouts_init(struct vgem_pfn_device *vdev,
			    const struct vgem_pfn_config *config);
struct vgem_pfn_carveout *vgem_pfn_carveout_of(struct vgem_pfn_device *vdev,
					       u32 mem_type);
struct iosys_map vgem_pfn_carveout_map(const struct vgem_pfn_carveout *carveout,
				       u64 pfn);

/* vgem_pfn_mgr.c */
int vgem_pfn_mgr_init(struct vgem_pfn_device *vdev, u32 mem_type,
		      struct vgem_pfn_carveout *carveout);
int vgem_pfn_mgr_frees(struct vgem_pfn_device *vdev);
bool vgem_pfn_mgr_wait_frees(struct vgem_pfn_device *vdev, int before);
void vgem_pfn_mgr_flush(struct vgem_pfn_device *vdev);
void vgem_pfn_mgr_fini(struct vgem_pfn_device *vdev, u32 mem_type);

/* vgem_pfn_param.c */
const char *vgem_pfn_kind_name(enum vgem_pfn_carveout_kind kind);
int vgem_pfn_param_parse(const char *spec, struct vgem_pfn_params *params,
			 const char **error);
const struct vgem_pfn_config *
vgem_pfn_param_faux(const struct vgem_pfn_params *params, unsigned int index);

/* vgem_pfn_runs.c */
struct vgem_pfn_runs *vgem_pfn_runs_alloc(unsigned int max);
void vgem_pfn_runs_add(struct vgem_pfn_runs *runs, u64 pfn, pgoff_t num_pages);
struct vgem_pfn_runs *vgem_pfn_runs_from_pages(struct page **pages,
					       pgoff_t num_pages);
void vgem_pfn_runs_get(const struct vgem_pfn_runs *runs, pgoff_t pgoff,
		       struct dma_buf_pfn_run *out);
u64 vgem_pfn_runs_pfn(const struct vgem_pfn_runs *runs, pgoff_t pgoff,
		      pgoff_t *num_pages);

#endif /* _VGEM_PFN_CARVEOUT_H_ */
