// SPDX-License-Identifier: GPL-2.0-only
/*
 * The instances without any bus: each is a faux device, vgem_pfn.<i>, with a DRM
 * device of its own. The module makes them all when it is loaded, or none.
 */

#include <linux/device/faux.h>
#include <linux/dma-mapping.h>
#include <linux/module.h>

#include <drm/drm_drv.h>

#include "vgem_pfn_drv.h"

static unsigned int devices = 1;
module_param(devices, uint, 0444);
MODULE_PARM_DESC(devices, "Number of devices without a bus, 0 to 8 (default 1)");

/**
 * struct vgem_pfn_faux - one instance
 * @faux: its device, NULL if there is none
 * @vdev: the exporter, valid as long as @faux is
 */
static struct vgem_pfn_faux {
	struct faux_device *faux;
	struct vgem_pfn_device *vdev;
} vgem_pfn_faux[VGEM_PFN_MAX_DEVICES];

/*
 * Devices outlive the module's init, but their resources are in a group: the
 * faux bus reports no errno from a probe, so there is none.
 */
static int vgem_pfn_faux_add(unsigned int index,
			     const struct vgem_pfn_config *config)
{
	struct vgem_pfn_faux *instance = &vgem_pfn_faux[index];
	struct vgem_pfn_device *vdev;
	struct faux_device *faux;
	char name[24];
	int ret;

	snprintf(name, sizeof(name), "vgem_pfn.%u", index);
	faux = faux_device_create(name, NULL, NULL);
	if (!faux)
		return -ENODEV;

	if (!devres_open_group(&faux->dev, NULL, GFP_KERNEL)) {
		ret = -ENOMEM;
		goto err_faux;
	}

	ret = dma_coerce_mask_and_coherent(&faux->dev, DMA_BIT_MASK(64));
	if (ret)
		goto err_devres;

	vdev = vgem_pfn_device_create(&faux->dev, config);
	if (IS_ERR(vdev)) {
		ret = PTR_ERR(vdev);
		goto err_devres;
	}

	instance->faux = faux;
	instance->vdev = vdev;
	return 0;

err_devres:
	devres_release_group(&faux->dev, NULL);
err_faux:
	faux_device_destroy(faux);
	return ret;
}

static void vgem_pfn_faux_remove(struct vgem_pfn_faux *instance)
{
	struct faux_device *faux = instance->faux;

	if (!faux)
		return;

	drm_dev_unregister(&instance->vdev->drm);
	instance->vdev = NULL;
	instance->faux = NULL;
	devres_release_group(&faux->dev, NULL);
	faux_device_destroy(faux);
}

/**
 * vgem_pfn_faux_init() - make as many devices as the parameter "devices" says
 * @params: the carveouts of each
 *
 * Return: 0, -EINVAL if the parameter is wrong, or another negative errno with
 * no device left.
 */
int vgem_pfn_faux_init(const struct vgem_pfn_params *params)
{
	unsigned int i;
	int ret;

	if (devices > VGEM_PFN_MAX_DEVICES) {
		pr_err("vgem_pfn: devices=%u: at most %u\n", devices,
		       VGEM_PFN_MAX_DEVICES);
		return -EINVAL;
	}

	for (i = 0; i < devices; i++) {
		ret = vgem_pfn_faux_add(i, vgem_pfn_param_faux(params, i));
		if (ret) {
			vgem_pfn_faux_fini();
			return ret;
		}
	}
	return 0;
}

/**
 * vgem_pfn_faux_fini() - remove all devices that vgem_pfn_faux_init() made
 */
void vgem_pfn_faux_fini(void)
{
	unsigned int i = VGEM_PFN_MAX_DEVICES;

	while (i--)
		vgem_pfn_faux_remove(&vgem_pfn_faux[i]);
}
