// SPDX-License-Identifier: GPL-2.0-only
/*
 * vgem_pfn: a DRM driver without hardware that exports page frame numbers to
 * dma-buf importers under test. Its buffer objects really move.
 *
 * This file contains the module, the DRM driver, the code that is common to
 * devices on all buses, and instances without a bus: each is a faux device,
 * vgem_pfn.<i>, with its own DRM device. The module creates all of them when it
 * is loaded, or fails to load.
 *
 * The faux bus cannot unbind a driver, so debugfs has knobs that unplug an
 * instance while it is in use, and plug it in again:
 *
 *	dri/vgem_pfn.<i>/unplug		write anything
 *	vgem_pfn/plug			write the index
 *
 * vgem_pfn_faux_lock protects the table of instances.
 */

#include <linux/cc_platform.h>
#include <linux/debugfs.h>
#include <linux/device/faux.h>
#include <linux/dma-mapping.h>
#include <linux/ioport.h>
#include <linux/module.h>
#include <linux/mutex.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_gem_ttm_helper.h>
#include <drm/drm_ioctl.h>
#include <drm/drm_managed.h>

#include "vgem_pfn_drv.h"
#include "vgem_pfn_engine.h"

static unsigned int devices = 1;
module_param(devices, uint, 0444);
MODULE_PARM_DESC(devices, "Number of devices without a bus, 0 to 8 (default 1)");

static unsigned int dma_bits = 64;
module_param(dma_bits, uint, 0444);
MODULE_PARM_DESC(dma_bits, "Address bits of devices without a bus, 32 to 64 (default 64)");

static unsigned int dma_segment = UINT_MAX;
module_param(dma_segment, uint, 0444);
MODULE_PARM_DESC(dma_segment,
		 "Longest entry of a scatter list for devices without a bus, in bytes (default any)");

/**
 * struct vgem_pfn_faux - one instance
 * @faux: its device, NULL if there is none
 * @dma_parms: DMA limits of @faux
 * @vdev: the exporter, valid while @faux is set
 * @serial: distinguishes it from earlier instances with the same index
 */
static struct vgem_pfn_faux {
	struct faux_device *faux;
	struct device_dma_parameters dma_parms;
	struct vgem_pfn_device *vdev;
	unsigned long serial;
} vgem_pfn_faux[VGEM_PFN_MAX_DEVICES];

/* The carveouts of all devices, from the module parameter */
static struct vgem_pfn_params vgem_pfn_params;

static DEFINE_MUTEX(vgem_pfn_faux_lock);
static unsigned long vgem_pfn_faux_serial;
static struct dentry *vgem_pfn_faux_root;

static void vgem_pfn_faux_remove(struct vgem_pfn_faux *instance)
{
	struct faux_device *faux = instance->faux;

	lockdep_assert_held(&vgem_pfn_faux_lock);

	vgem_pfn_device_unplug(instance->vdev);
	instance->vdev = NULL;
	instance->faux = NULL;
	devres_release_group(&faux->dev, NULL);
	faux_device_destroy(faux);
}

static ssize_t vgem_pfn_faux_unplug(struct file *file, const char __user *data,
				    size_t size, loff_t *pos)
{
	unsigned long serial = (unsigned long)file->private_data;
	unsigned int i;

	guard(mutex)(&vgem_pfn_faux_lock);
	for (i = 0; i < VGEM_PFN_MAX_DEVICES; i++) {
		if (!vgem_pfn_faux[i].faux || vgem_pfn_faux[i].serial != serial)
			continue;
		vgem_pfn_faux_remove(&vgem_pfn_faux[i]);
		return size;
	}
	return -ENODEV;
}

/* Needs debugfs_create_file_unsafe(), since a write removes the file. */
static const struct file_operations vgem_pfn_faux_unplug_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = vgem_pfn_faux_unplug,
};

/*
 * The faux bus does not return the error of a failed probe, so there is no
 * probe function. A devres group holds the resources of a bound driver.
 */
static int vgem_pfn_faux_add(unsigned int index)
{
	struct vgem_pfn_faux *instance = &vgem_pfn_faux[index];
	struct vgem_pfn_device *vdev;
	struct faux_device *faux;
	char name[24];
	int ret;

	lockdep_assert_held(&vgem_pfn_faux_lock);

	snprintf(name, sizeof(name), "vgem_pfn.%u", index);
	faux = faux_device_create(name, NULL, NULL);
	if (!faux)
		return -ENODEV;

	if (!devres_open_group(&faux->dev, NULL, GFP_KERNEL)) {
		ret = -ENOMEM;
		goto err_faux;
	}

	ret = -EINVAL;
	if (dma_bits < 32 || dma_bits > 64 || dma_segment < PAGE_SIZE) {
		dev_err(&faux->dev, "dma_bits must be 32 to 64, dma_segment at least a page\n");
		goto err_devres;
	}
	ret = dma_coerce_mask_and_coherent(&faux->dev, DMA_BIT_MASK(dma_bits));
	if (ret)
		goto err_devres;
	faux->dev.dma_parms = &instance->dma_parms;
	dma_set_max_seg_size(&faux->dev, dma_segment);

	vdev = vgem_pfn_device_create(&faux->dev,
				      vgem_pfn_param_faux(&vgem_pfn_params, index),
				      NULL, NULL);
	if (IS_ERR(vdev)) {
		ret = PTR_ERR(vdev);
		goto err_devres;
	}

	instance->faux = faux;
	instance->vdev = vdev;
	instance->serial = ++vgem_pfn_faux_serial;
	debugfs_create_file_unsafe("unplug", 0200, vdev->drm.debugfs_root,
				   (void *)instance->serial,
				   &vgem_pfn_faux_unplug_fops);
	return 0;

err_devres:
	devres_release_group(&faux->dev, NULL);
err_faux:
	faux_device_destroy(faux);
	return ret;
}

static ssize_t vgem_pfn_faux_plug(struct file *file, const char __user *data,
				  size_t size, loff_t *pos)
{
	unsigned int index;
	int ret;

	ret = kstrtouint_from_user(data, size, 0, &index);
	if (ret)
		return ret;
	if (index >= devices)
		return -EINVAL;

	guard(mutex)(&vgem_pfn_faux_lock);
	if (vgem_pfn_faux[index].faux)
		return -EBUSY;

	return vgem_pfn_faux_add(index) ?: size;
}

static const struct file_operations vgem_pfn_faux_plug_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = vgem_pfn_faux_plug,
};

/* Remove all devices of vgem_pfn_faux_init(). */
static void vgem_pfn_faux_fini(void)
{
	unsigned int i = VGEM_PFN_MAX_DEVICES;

	debugfs_remove(vgem_pfn_faux_root);

	guard(mutex)(&vgem_pfn_faux_lock);
	while (i--)
		if (vgem_pfn_faux[i].faux)
			vgem_pfn_faux_remove(&vgem_pfn_faux[i]);
}

/**
 * vgem_pfn_faux_init() - create all devices, see parameter "devices"
 *
 * Return: 0, -EINVAL if the parameter is invalid, or another negative errno,
 * with no device left.
 */
static int vgem_pfn_faux_init(void)
{
	unsigned int i;
	int ret = 0;

	if (devices > VGEM_PFN_MAX_DEVICES) {
		pr_err("vgem_pfn: devices=%u: at most %u\n", devices,
		       VGEM_PFN_MAX_DEVICES);
		return -EINVAL;
	}

	mutex_lock(&vgem_pfn_faux_lock);
	for (i = 0; i < devices && !ret; i++)
		ret = vgem_pfn_faux_add(i);
	mutex_unlock(&vgem_pfn_faux_lock);
	if (ret) {
		vgem_pfn_faux_fini();
		return ret;
	}

	vgem_pfn_faux_root = debugfs_create_dir("vgem_pfn", NULL);
	debugfs_create_file("plug", 0200, vgem_pfn_faux_root, NULL,
			    &vgem_pfn_faux_plug_fops);
	return 0;
}

#define DRIVER_NAME	"vgem_pfn"
#define DRIVER_DESC	"Virtual GEM exporter of page frame numbers"
#define DRIVER_MAJOR	1
#define DRIVER_MINOR	0

static char *carveouts = "contig:64M";
module_param(carveouts, charp, 0444);
MODULE_PARM_DESC(carveouts,
		 "VRAM-like memory, KIND:SIZE[,KIND:SIZE]...[;next device] (default contig:64M)");

static const struct drm_ioctl_desc vgem_pfn_ioctls[] = {
	DRM_IOCTL_DEF_DRV(VGEM_PFN_BO_CREATE, vgem_pfn_bo_create_ioctl,
			  DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(VGEM_PFN_BO_MMAP_OFFSET, vgem_pfn_bo_mmap_offset_ioctl,
			  DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(VGEM_PFN_BO_QUERY, vgem_pfn_bo_query_ioctl,
			  DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(VGEM_PFN_BO_MOVE, vgem_pfn_bo_move_ioctl,
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

/*
 * What the driver needs before the DRM device is registered. Undone when the DRM device is
 * released, and vgem_pfn_pm_init() by devres of the parent device, also after an error. Not
 * inlined: vgem_pfn_hotplug@nth-plug makes each allocation below this function fail.
 */
static noinline int vgem_pfn_device_init(struct vgem_pfn_device *vdev,
					 const struct vgem_pfn_config *config)
{
	int ret;

	ret = vgem_pfn_ttm_init(vdev);
	if (ret)
		return ret;

	ret = vgem_pfn_carveouts_init(vdev, config);
	if (!ret)
		ret = vgem_pfn_engines_init(vdev);
	if (ret) {
		vgem_pfn_ttm_stop(&vdev->drm, vdev);
		return ret;
	}

	/* Comes first when the device is released. */
	ret = drmm_add_action_or_reset(&vdev->drm, vgem_pfn_ttm_stop, vdev);
	if (ret)
		return ret;

	return vgem_pfn_pm_init(vdev);
}

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
	init_waitqueue_head(&vdev->unmapped);
	vdev->max_block_order = U32_MAX;
	vgem_pfn_fault_init(vdev);
	spin_lock_init(&vdev->bos_lock);
	INIT_LIST_HEAD(&vdev->bos);
	if (bar) {
		vdev->bar_base = bar->start;
		vdev->bar_pages = resource_size(bar) >> PAGE_SHIFT;
		vdev->p2pdma = p2pdma;
	}

	ret = vgem_pfn_device_init(vdev, config);
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

	ret = vgem_pfn_faux_init();
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

MODULE_IMPORT_NS("DMA_BUF");
MODULE_DESCRIPTION(DRIVER_DESC);
MODULE_LICENSE("GPL");
