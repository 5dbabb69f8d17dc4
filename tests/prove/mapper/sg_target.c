// SPDX-License-Identifier: GPL-2.0-only
/* A faux device, for which sg_importer maps. */

#include <linux/device/faux.h>
#include <linux/dma-mapping.h>
#include <linux/module.h>

#include "sg_target.h"

static struct faux_device *target;

struct device *sg_target_device(void)
{
	return &target->dev;
}
EXPORT_SYMBOL_GPL(sg_target_device);

static int __init sg_target_init(void)
{
	target = faux_device_create("sg_target", NULL, NULL);
	if (!target)
		return -ENODEV;
	return dma_coerce_mask_and_coherent(&target->dev, DMA_BIT_MASK(64));
}
module_init(sg_target_init);

static void __exit sg_target_exit(void)
{
	faux_device_destroy(target);
}
module_exit(sg_target_exit);

MODULE_DESCRIPTION("Device for sg_importer");
MODULE_LICENSE("GPL");
