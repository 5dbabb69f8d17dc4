// SPDX-License-Identifier: GPL-2.0-only
/*
 * vgem_pfn: a DRM driver without hardware that exports page frame numbers to
 * dma-buf importers under test. Its buffer objects really move.
 *
 * This file contains the module, the DRM driver and the code that is common to
 * devices on all buses.
 */

#include <linux/cc_platform.h>
#include <linux/ioport.h>
#include <linux/module.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_gem_ttm_helper.h>
#include <drm/drm_ioctl.h>

#include "vgem_pfn_drv.h"
#include "vgem_pfn_engine.h"

#define DRIVER_NAME	"vgem_pfn"
#define DRIVER_DESC	"Virtual GEM exporter of page frame numbers"
#define DRIVER_MAJOR	1
#define DRIVER_MINOR	0

static char *carveouts = "contig:64M";
module_param(carveouts, charp, 0444);
MODULE_PARM_DESC(carveouts,
		 "VRAM-like memory, KIND:SIZE[,KIND:SIZE]...[;next device] (default contig:64M)");

static struct vgem_pfn_params vgem_pfn_params;

static const struct drm_ioctl_desc vgem_pfn_ioctls[] = {
	DRM_IOCTL_DEF_DRV(VGEM_PFN_BO_CREATE, vgem_pfn_bo_create_ioctl,
			  DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(VGEM_PFN_BO_MMAP_OFFSET, vgem_pfn_bo_mmap_offset_ioctl,
			  DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(VGEM_PFN_BO_QUERY, vgem_pfn_bo_query_ioctl,
			  DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(VGEM_PFN_BO_MOVE, vgem_pfn_bo_move_ioctl,
			  DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(VGEM_PFN_BO_PFNS, vgem_pfn_bo_pfns_ioctl,
			  DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(VGEM_PFN_REGIONS, vgem_pfn_regions_ioctl,
			  DRM_RENDER_ALLOW),
};

static const struct file_operations vgem_pfn_fops = {
	.owner = THIS_MODULE,
	DRM_GEM_FOPS,
	.show_fdinfo = drm_show_fdinfo,
};

static const struct drm_driver vgem_pfn_driver = {
	.driver_features = DRIVER_GEM | DRIVER_RENDER | DRIVER_SYNCOBJ |
			   DRIVER_SYNCOBJ_TIMELINE,
	.ioctls = vgem_pfn_ioctls,
	.num_ioctls = ARRAY_SIZE(vgem_pfn_ioctls),
	.fops = &vgem_pfn_fops,
	.show_fdinfo = vgem_pfn_show_fdinfo,
	.gem_prime_import = vgem_pfn_gem_prime_import,
	.dumb_create = vgem_pfn_dumb_create,
	.dumb_map_offset = drm_gem_ttm_dumb_map_offset,
#ifdef CONFIG_DEBUG_FS
	.debugfs_init = vgem_pfn_debugfs_init,
#endif
	.name = DRIVER_NAME,
	.desc = DRIVER_DESC,
	.major = DRIVER_MAJOR,
	.minor = DRIVER_MINOR,
};

/**
 * vgem_pfn_device_create() - create and register a DRM device
 * @parent: the parent device, with its DMA mask set
 * @config: its carveouts
 * @bar: the BAR for carveouts, or NULL
 * @p2pdma: provider of @bar for peers, or NULL if peers cannot reach it
 *
 * @parent's devres holds a reference to the device and drops it when the driver
 * is unbound. vgem_pfn_device_unplug() must be called before that.
 *
 * Return: the device, or a negative errno as an error pointer.
 */
struct vgem_pfn_device *
vgem_pfn_device_create(struct device *parent,
		       const struct vgem_pfn_config *config,
		       const struct resource *bar,
		       struct p2pdma_provider *p2pdma)
{
	struct vgem_pfn_device *vdev;
	int ret;

	vdev = devm_drm_dev_alloc(parent, &vgem_pfn_driver,
				  struct vgem_pfn_device, drm);
	if (IS_ERR(vdev))
		return vdev;
	init_rwsem(&vdev->validate);
	init_waitqueue_head(&vdev->freed);
	init_waitqueue_head(&vdev->bar_unmapped);
	vdev->max_block_order = U32_MAX;
	vgem_pfn_fault_init(vdev);
	spin_lock_init(&vdev->bos_lock);
	INIT_LIST_HEAD(&vdev->bos);
	if (bar) {
		vdev->bar_base = bar->start;
		vdev->bar_pages = resource_size(bar) >> PAGE_SHIFT;
		vdev->p2pdma = p2pdma;
	}

	ret = vgem_pfn_ttm_init(vdev);
	if (ret)
		return ERR_PTR(ret);

	ret = vgem_pfn_carveouts_init(vdev, config);
	if (ret)
		return ERR_PTR(ret);

	ret = vgem_pfn_engines_init(vdev);
	if (ret)
		return ERR_PTR(ret);

	ret = vgem_pfn_pm_init(vdev);
	if (ret)
		return ERR_PTR(ret);

	ret = drm_dev_register(&vdev->drm, 0);
	if (ret)
		return ERR_PTR(ret);

	return vdev;
}

static int __init vgem_pfn_init(void)
{
	const char *error;
	int ret;

	ret = vgem_pfn_param_parse(carveouts, &vgem_pfn_params, &error);
	if (ret) {
		pr_err(DRIVER_NAME ": carveouts=%s: %s\n", carveouts, error);
		return ret;
	}

	/*
	 * TTM maps is_iomem memory decrypted, but the kernel maps these pages
	 * encrypted.
	 */
	if (cc_platform_has(CC_ATTR_MEM_ENCRYPT)) {
		pr_err(DRIVER_NAME ": carveouts are not supported with memory encryption\n");
		return -EOPNOTSUPP;
	}

	ret = vgem_pfn_faux_init(&vgem_pfn_params);
	if (ret)
		return ret;

	ret = vgem_pfn_pci_init(&vgem_pfn_params);
	if (ret)
		vgem_pfn_faux_fini();
	return ret;
}

static void __exit vgem_pfn_exit(void)
{
	vgem_pfn_pci_fini();
	vgem_pfn_faux_fini();
}

module_init(vgem_pfn_init);
module_exit(vgem_pfn_exit);

MODULE_DESCRIPTION(DRIVER_DESC);
MODULE_LICENSE("GPL");
