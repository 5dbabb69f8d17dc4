// SPDX-License-Identifier: GPL-2.0-only
/*
 * Carveouts: the VRAM-like memory that buffer objects are placed in and evicted
 * from. Each is one TTM memory type with a manager of its own.
 *
 * A carveout is made of pages of the page allocator, allocated as one contiguous
 * range, so it works on any machine and its pages have a struct page.
 */

#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include <drm/drm_managed.h>
#include <drm/drm_print.h>
#include <drm/ttm/ttm_range_manager.h>

#include "vgem_pfn_drv.h"

#define VGEM_PFN_CONTIG	"contig:"

/**
 * vgem_pfn_carveouts_parse() - understand the "carveouts" module parameter
 * @spec: "contig:SIZE[,contig:SIZE]...", SIZE as memparse() takes it
 * @configs: [out] room for VGEM_PFN_MAX_CARVEOUTS
 * @num_configs: [out] how many were described
 * @error: [out] what is wrong, for a person to read
 *
 * Return: 0, or -EINVAL with @error set.
 */
int vgem_pfn_carveouts_parse(const char *spec,
			     struct vgem_pfn_carveout_config *configs,
			     unsigned int *num_configs, const char **error)
{
	unsigned int n = 0;

	for (;;) {
		unsigned long long size;
		char *end;

		if (n == VGEM_PFN_MAX_CARVEOUTS) {
			*error = "too many carveouts";
			return -EINVAL;
		}
		if (!str_has_prefix(spec, VGEM_PFN_CONTIG)) {
			*error = "a carveout is written contig:SIZE";
			return -EINVAL;
		}
		spec += strlen(VGEM_PFN_CONTIG);

		size = memparse(spec, &end);
		if (end == spec || (*end && *end != ',')) {
			*error = "the size is not a number with K, M, G or nothing after it";
			return -EINVAL;
		}
		if (!size || !PAGE_ALIGNED(size)) {
			*error = "the size is not a positive multiple of the page size";
			return -EINVAL;
		}
		if (size >> PAGE_SHIFT > totalram_pages() / 2) {
			*error = "the size is more than half of the machine's memory";
			return -EINVAL;
		}

		configs[n++].num_pages = size >> PAGE_SHIFT;
		if (!*end)
			break;
		spec = end + 1;
	}

	*num_configs = n;
	return 0;
}

/**
 * vgem_pfn_carveout_of() - the carveout behind a TTM memory type
 * @vdev: the device
 * @mem_type: a TTM memory type, which is also a region of the uAPI
 *
 * Return: the carveout, or NULL for system memory and for what does not exist.
 */
struct vgem_pfn_carveout *vgem_pfn_carveout_of(struct vgem_pfn_device *vdev,
					       u32 mem_type)
{
	if (mem_type < TTM_PL_VRAM || mem_type - TTM_PL_VRAM >= vdev->num_carveouts)
		return NULL;

	return &vdev->carveouts[mem_type - TTM_PL_VRAM];
}

static void vgem_pfn_carveouts_fini(struct drm_device *drm, void *data)
{
	struct vgem_pfn_device *vdev = data;

	while (vdev->num_carveouts) {
		unsigned int i = vdev->num_carveouts - 1;
		struct vgem_pfn_carveout *carveout = &vdev->carveouts[i];

		ttm_range_man_fini(&vdev->bdev, TTM_PL_VRAM + i);
		vdev->num_carveouts--;
		free_contig_range(page_to_pfn(carveout->pages),
				  carveout->num_pages);
	}
}

static int vgem_pfn_carveout_add(struct vgem_pfn_device *vdev,
				 const struct vgem_pfn_carveout_config *config)
{
	unsigned int i = vdev->num_carveouts;
	struct page *pages;
	int ret;

	pages = alloc_contig_pages(config->num_pages, GFP_KERNEL | __GFP_NOWARN,
				   NUMA_NO_NODE, NULL);
	if (!pages) {
		drm_err(&vdev->drm, "no %lu MiB of contiguous memory for carveout %u\n",
			config->num_pages >> (20 - PAGE_SHIFT), i);
		return -ENOMEM;
	}

	ret = ttm_range_man_init(&vdev->bdev, TTM_PL_VRAM + i, false,
				 config->num_pages);
	if (ret) {
		free_contig_range(page_to_pfn(pages), config->num_pages);
		return ret;
	}

	vdev->carveouts[i].pages = pages;
	vdev->carveouts[i].num_pages = config->num_pages;
	vdev->num_carveouts++;
	return 0;
}

/**
 * vgem_pfn_carveouts_init() - allocate the carveouts and their managers
 * @vdev: the device, with TTM initialised
 * @configs: what to allocate
 * @num_configs: number of @configs
 *
 * Undone when the DRM device is released.
 *
 * Return: 0, -ENOMEM if there is no contiguous memory of that size, or another
 * negative errno.
 */
int vgem_pfn_carveouts_init(struct vgem_pfn_device *vdev,
			    const struct vgem_pfn_carveout_config *configs,
			    unsigned int num_configs)
{
	unsigned int i;
	int ret;

	ret = drmm_add_action_or_reset(&vdev->drm, vgem_pfn_carveouts_fini, vdev);
	if (ret)
		return ret;

	for (i = 0; i < num_configs; i++) {
		ret = vgem_pfn_carveout_add(vdev, &configs[i]);
		if (ret)
			return ret;
	}
	return 0;
}
