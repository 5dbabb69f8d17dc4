/* SPDX-License-Identifier: MIT */
/* The part of IGT's drmtest.h that our tests use; see igt.h. */
#ifndef DRMTEST_H
#define DRMTEST_H

#define DRIVER_VGEM	(1 << 2)
#define DRIVER_VKMS	(1 << 9)
#define DRIVER_VIRTIO	(1 << 10)

/*
 * Open the first primary or render node of the driver @chipset, after loading its module
 * if necessary. Returns -1 if there is none. IGT's functions without underscores keep a
 * file open for an exit handler, so that the module could not be unloaded.
 *
 * libigt does not know our driver, so these functions are in compat/drmtest.c.
 */
int __drm_open_driver(int chipset);
int __drm_open_driver_render(int chipset);

#endif /* DRMTEST_H */
