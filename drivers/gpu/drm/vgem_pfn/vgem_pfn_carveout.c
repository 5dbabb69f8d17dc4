// SPDX-License-Identifier: GPL-2.0-only
/*
 * Carveouts: the VRAM-like memory that buffer objects are placed in and evicted
 * from. Each carveout is one TTM memory type with its own manager. The kernel
 * maps all of it, for copies.
 *
 *	contig		one contiguous range from the page allocator, with
 *			struct pages; available on any machine
 *	reserved	memory that was reserved at boot: cached memory without
 *			struct pages
 *	bar		the memory BAR of a PCI device: write-combined MMIO
 */

#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/kernel.h>
#include <linux/sizes.h>
#include <linux/topology.h>

#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "vgem_pfn_drv.h"

/**
 * vgem_pfn_carveout_of() - the carveout of a TTM memory type
 * @vdev: the device
 * @mem_type: a TTM memory type, which is also a region of the uAPI
 *
 * Return: the carveout, or NULL for system memory and unknown memory types.
 */
struct vgem_pfn_carveout *vgem_pfn_carveout_of(struct vgem_pfn_device *vdev,
					       u32 mem_type)
{
	if (mem_type < TTM_PL_VRAM || mem_type - TTM_PL_VRAM >= vdev->num_carveouts)
		return NULL;

	return &vdev->carveouts[mem_type - TTM_PL_VRAM];
}

/**
 * vgem_pfn_carveout_map() - kernel address of a page of a carveout
 * @carveout: the carveout
 * @pfn: page frame number of a page in it
 *
 * Return: the address. The mapping is contiguous to the end of the carveout.
 */
struct iosys_map vgem_pfn_carveout_map(const struct vgem_pfn_carveout *carveout,
				       u64 pfn)
{
	return IOSYS_MAP_INIT_OFFSET(&carveout->map, PFN_PHYS(pfn) - carveout->base);
}

static int vgem_pfn_contig_init(struct vgem_pfn_device *vdev,
				struct vgem_pfn_carveout *carveout)
{
	struct page *pages;

	if (carveout->num_pages > totalram_pages() / 2) {
		drm_err(&vdev->drm, "%s: more than half of the machine's memory\n",
			carveout->name);
		return -EINVAL;
	}

	pages = alloc_contig_pages(carveout->num_pages, GFP_KERNEL | __GFP_NOWARN,
				   numa_mem_id(), NULL);
	if (!pages) {
		drm_err(&vdev->drm, "%s: no contiguous memory of that size\n",
			carveout->name);
		return -ENOMEM;
	}

	carveout->base = page_to_phys(pages);
	carveout->caching = ttm_cached;
	carveout->has_pages = true;
	iosys_map_set_vaddr(&carveout->map, page_address(pages));
	return 0;
}

static int vgem_pfn_reserved_init(struct vgem_pfn_device *vdev,
				  struct vgem_pfn_carveout *carveout)
{
	resource_size_t size = PFN_PHYS(carveout->num_pages);
	void *vaddr;

	if (region_intersects(carveout->base, size, IORESOURCE_SYSTEM_RAM,
			      IORES_DESC_NONE) != REGION_DISJOINT) {
		drm_err(&vdev->drm, "%s: the kernel uses memory at %pa: reserve it with memmap=\n",
			carveout->name, &carveout->base);
		return -EINVAL;
	}

	/* A child of the firmware's reserved range, which is not busy. */
	if (!request_mem_region(carveout->base, size, KBUILD_MODNAME)) {
		drm_err(&vdev->drm, "%s: memory at %pa is used by another driver\n",
			carveout->name, &carveout->base);
		return -EBUSY;
	}

	vaddr = memremap(carveout->base, size, MEMREMAP_WB);
	if (!vaddr) {
		drm_err(&vdev->drm, "%s: cannot map memory at %pa\n",
			carveout->name, &carveout->base);
		release_mem_region(carveout->base, size);
		return -ENOMEM;
	}

	carveout->caching = ttm_cached;
	iosys_map_set_vaddr(&carveout->map, vaddr);
	return 0;
}

static int vgem_pfn_bar_init(struct vgem_pfn_device *vdev,
			     struct vgem_pfn_carveout *carveout)
{
	void __iomem *vaddr;

	if (!carveout->num_pages)
		carveout->num_pages = vdev->bar_pages;
	if (!carveout->num_pages || carveout->num_pages > vdev->bar_pages) {
		drm_err(&vdev->drm, "%s: the BAR has %lu KiB left\n", carveout->name,
			vdev->bar_pages << (PAGE_SHIFT - 10));
		return -EINVAL;
	}

	/*
	 * This mapping ends when the driver is unbound. The carveout is kept
	 * until the DRM device is released.
	 */
	vaddr = devm_ioremap_wc(vdev->drm.dev, vdev->bar_base,
				PFN_PHYS(carveout->num_pages));
	if (!vaddr)
		return -ENOMEM;

	carveout->base = vdev->bar_base;
	carveout->caching = ttm_write_combined;
	iosys_map_set_vaddr_iomem(&carveout->map, vaddr);
	vdev->bar_base += PFN_PHYS(carveout->num_pages);
	vdev->bar_pages -= carveout->num_pages;
	return 0;
}

static void vgem_pfn_carveout_fini(struct vgem_pfn_carveout *carveout)
{
	switch (carveout->kind) {
	case VGEM_PFN_CONTIG:
		free_contig_range(PHYS_PFN(carveout->base), carveout->num_pages);
		break;
	case VGEM_PFN_RESERVED:
		memunmap(carveout->map.vaddr);
		release_mem_region(carveout->base, PFN_PHYS(carveout->num_pages));
		break;
	case VGEM_PFN_BAR:
		break;
	}
}

static void vgem_pfn_carveouts_fini(struct drm_device *drm, void *data)
{
	struct vgem_pfn_device *vdev = data;

	while (vdev->num_carveouts) {
		unsigned int i = vdev->num_carveouts - 1;

		vgem_pfn_mgr_fini(vdev, TTM_PL_VRAM + i);
		vdev->num_carveouts--;
		vgem_pfn_carveout_fini(&vdev->carveouts[i]);
	}
}

static int vgem_pfn_carveout_add(struct vgem_pfn_device *vdev,
				 const struct vgem_pfn_carveout_config *config)
{
	unsigned int i = vdev->num_carveouts;
	struct vgem_pfn_carveout *carveout = &vdev->carveouts[i];
	int ret;

	carveout->kind = config->kind;
	carveout->buddy = config->buddy;
	carveout->base = config->base;
	carveout->num_pages = config->num_pages;
	snprintf(carveout->name, sizeof(carveout->name), "%s%u",
		 vgem_pfn_kind_name(config->kind), i);

	switch (config->kind) {
	case VGEM_PFN_CONTIG:
		ret = vgem_pfn_contig_init(vdev, carveout);
		break;
	case VGEM_PFN_RESERVED:
		ret = vgem_pfn_reserved_init(vdev, carveout);
		break;
	case VGEM_PFN_BAR:
		ret = vgem_pfn_bar_init(vdev, carveout);
		break;
	}
	if (ret)
		return ret;

	ret = vgem_pfn_mgr_init(vdev, TTM_PL_VRAM + i, carveout);
	if (ret) {
		vgem_pfn_carveout_fini(carveout);
		return ret;
	}

	vdev->num_carveouts++;
	return 0;
}

/**
 * vgem_pfn_carveouts_init() - create the carveouts and their managers
 * @vdev: the device, with TTM initialised and the BAR of a PCI device requested
 * @config: the carveouts to create
 *
 * Undone when the DRM device is released. Failures are logged.
 *
 * Return: 0; -ENOMEM if there is no contiguous memory of that size, or no
 * address space to map it; -EINVAL for memory that the kernel uses, or for more
 * than the size of the BAR; -EBUSY for memory that another driver uses.
 */
int vgem_pfn_carveouts_init(struct vgem_pfn_device *vdev,
			    const struct vgem_pfn_config *config)
{
	unsigned int i;
	int ret;

	ret = drmm_add_action_or_reset(&vdev->drm, vgem_pfn_carveouts_fini, vdev);
	if (ret)
		return ret;

	for (i = 0; i < config->num_carveouts; i++) {
		ret = vgem_pfn_carveout_add(vdev, &config->carveouts[i]);
		if (ret)
			return ret;
	}
	return 0;
}
