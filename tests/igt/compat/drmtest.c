// SPDX-License-Identifier: MIT
/*
 * Open DRM devices by driver, as lib/drmtest.c of IGT does. The packaged libigt has no
 * DRIVER_VGEM_PFN, so these functions replace those of libigt in our programs.
 */
#include "igt.h"
#include "vgem_pfn.h"

static const struct {
	int chipset;
	const char *module;
} modules[] = {
	{ DRIVER_VGEM, "vgem" },
	{ DRIVER_VGEM_PFN, VGEM_PFN_MODULE },
	{ DRIVER_VIRTIO, "virtio_gpu" },
	{ DRIVER_VKMS, "vkms" },
};

static int open_node(int chipset, const char *node)
{
	char command[64];
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(modules); i++)
		if (modules[i].chipset == chipset)
			break;
	igt_assert_lt_u64(i, ARRAY_SIZE(modules));

	fd = __drm_open_by_name(modules[i].module, node);
	if (fd < 0) {
		snprintf(command, sizeof(command), "modprobe -q %s", modules[i].module);
		if (!system(command))
			fd = __drm_open_by_name(modules[i].module, node);
	}
	return fd < 0 ? -1 : fd;
}

int __drm_open_driver(int chipset)
{
	return open_node(chipset, "card");
}

int __drm_open_driver_render(int chipset)
{
	return open_node(chipset, "renderD");
}
