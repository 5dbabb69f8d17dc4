// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instances on PCI: the memory BAR of any device is used as VRAM, and nothing
 * else of the device. QEMU's ivshmem-plain is suitable.
 *
 * There is no table of device IDs. Userspace selects devices with
 * driver_override or new_id in sysfs.
 */

#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/pci-p2pdma.h>
#include <linux/pci.h>

#include "vgem_pfn_drv.h"

/* The carveouts of each PCI device, from the module parameter */
static const struct vgem_pfn_config *vgem_pfn_pci_config;

/* Find the largest prefetchable 64-bit memory BAR. */
static int vgem_pfn_pci_find_bar(struct pci_dev *pdev)
{
	const unsigned long wanted = IORESOURCE_MEM | IORESOURCE_PREFETCH |
				     IORESOURCE_MEM_64;
	resource_size_t size = 0;
	int bar = -ENODEV;
	int i;

	for (i = 0; i < PCI_STD_NUM_BARS; i++) {
		if ((pci_resource_flags(pdev, i) & wanted) != wanted ||
		    pci_resource_len(pdev, i) <= size)
			continue;
		size = pci_resource_len(pdev, i);
		bar = i;
	}
	return bar;
}

static int vgem_pfn_pci_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct vgem_pfn_device *vdev;
	int ret, bar;

	bar = vgem_pfn_pci_find_bar(pdev);
	if (bar < 0) {
		dev_err(&pdev->dev, "no prefetchable 64-bit memory BAR\n");
		return bar;
	}

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;

	ret = pcim_request_region(pdev, bar, KBUILD_MODNAME);
	if (ret)
		return ret;

	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (ret)
		return ret;

	dma_set_max_seg_size(&pdev->dev, UINT_MAX);

	/* Without CONFIG_PCI_P2PDMA there are no peers. */
	ret = pcim_p2pdma_init(pdev);
	if (ret && ret != -EOPNOTSUPP)
		return ret;

	vdev = vgem_pfn_device_create(&pdev->dev, vgem_pfn_pci_config,
				      &pdev->resource[bar],
				      ret ? NULL : pcim_p2pdma_provider(pdev, bar));
	if (IS_ERR(vdev))
		return PTR_ERR(vdev);

	pci_set_drvdata(pdev, vdev);
	return 0;
}

/* devres releases the BAR and the kernel's mapping of it afterwards. */
static void vgem_pfn_pci_remove(struct pci_dev *pdev)
{
	vgem_pfn_device_unplug(pci_get_drvdata(pdev));
}

static struct pci_driver vgem_pfn_pci_driver = {
	.name = KBUILD_MODNAME,
	.probe = vgem_pfn_pci_probe,
	.remove = vgem_pfn_pci_remove,
};

/**
 * vgem_pfn_pci_init() - register the PCI driver
 * @params: the carveouts of each device; must stay valid
 *
 * Return: 0 or a negative errno.
 */
int vgem_pfn_pci_init(const struct vgem_pfn_params *params)
{
	vgem_pfn_pci_config = &params->pci;
	return pci_register_driver(&vgem_pfn_pci_driver);
}

/**
 * vgem_pfn_pci_fini() - unregister the PCI driver
 */
void vgem_pfn_pci_fini(void)
{
	pci_unregister_driver(&vgem_pfn_pci_driver);
}
