/* SPDX-License-Identifier: MIT */
/* The part of IGT's drmtest.h that our tests use; see igt.h. */
#ifndef DRMTEST_H
#define DRMTEST_H

/* The drivers that our tests open. IGT itself does not have the last one yet. */
#define DRIVER_VGEM	(1 << 2)
#define DRIVER_VKMS	(1 << 9)
#define DRIVER_VIRTIO	(1 << 10)
#define DRIVER_VGEM_PFN	(1 << 12)

/*
 * Open the first primary or render node of such a driver, after loading its module if
 * necessary. Returns -1 if there is none. IGT's functions without underscores keep a
 * file open for an exit handler, so that the module could not be unloaded.
 *
 * libigt has no DRIVER_VGEM_PFN, so these are in compat/drmtest.c.
 */
int __drm_open_driver(int chipset);
int __drm_open_driver_render(int chipset);

#endif /* DRMTEST_H */
