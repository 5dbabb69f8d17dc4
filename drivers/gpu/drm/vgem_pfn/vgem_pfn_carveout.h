/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Carveouts and their configuration, the module parameter "carveouts".
 */

#ifndef _VGEM_PFN_CARVEOUT_H_
#define _VGEM_PFN_CARVEOUT_H_

#include <linux/iosys-map.h>
#include <linux/types.h>

#include <drm/ttm/ttm_caching.h>
#include <drm/ttm/ttm_placement.h>

#include <uapi/drm/vgem_pfn_drm.h>

struct vgem_pfn_device;

/* Maximum number of devices without a bus */
#define VGEM_PFN_MAX_DEVICES	8

#define VGEM_PFN_MAX_CARVEOUTS \
	(DRM_VGEM_PFN_MAX_REGIONS - TTM_PL_VRAM)

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
 * @faux: carveouts of faux devices, by index; see vgem_pfn_param_faux()
 * @pci: carveouts of each PCI device
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

/* vgem_pfn_carveout.c */
int vgem_pfn_carveouts_init(struct vgem_pfn_device *vdev,
			    const struct vgem_pfn_config *config);
struct vgem_pfn_carveout *vgem_pfn_carveout_of(struct vgem_pfn_device *vdev,
					       u32 mem_type);
struct iosys_map vgem_pfn_carveout_map(const struct vgem_pfn_carveout *carveout,
				       u64 pfn);

/* vgem_pfn_param.c */
const char *vgem_pfn_kind_name(enum vgem_pfn_carveout_kind kind);
int vgem_pfn_param_parse(const char *spec, struct vgem_pfn_params *params,
			 const char **error);
const struct vgem_pfn_config *
vgem_pfn_param_faux(const struct vgem_pfn_params *params, unsigned int index);

#endif /* _VGEM_PFN_CARVEOUT_H_ */
