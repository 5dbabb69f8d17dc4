/* SPDX-License-Identifier: MIT */
/*
 * Loading and unloading vgem_pfn with other parameters, and its other devices.
 */
#ifndef VGEM_PFN_MODULE_H
#define VGEM_PFN_MODULE_H

#include "vgem_pfn.h"

#define VGEM_PFN_SYS_MODULE	"/sys/module/" VGEM_PFN_MODULE

/* Skips if the driver cannot be unloaded: it is built into the kernel. */
void vgem_pfn_require_module(void);

/* A parameter as it is now; false if there is no such module */
bool vgem_pfn_module_param(const char *name, char *value, size_t size);

/* 0 or -errno; does not wait for users of the module to go. */
int __vgem_pfn_unload(void);
/* modprobe's wait status. NULL: with the parameters of the first module seen */
int __vgem_pfn_load(const char *params);

/* Unload if loaded, then load. Whoever does must hold nothing of the module. */
void vgem_pfn_reload(const char *params);
/* The same, but nothing if these parameters are those of the last load. */
void vgem_pfn_want(const char *params);
/*
 * Once per test, in the first fixture: at exit all devices and the first parameters are
 * back, whatever this process still has open or mapped of them.
 */
void vgem_pfn_reload_on_exit(void);
/* Once per test that unplugs devices: at exit they are back. */
void vgem_pfn_plug_on_exit(void);

/* A node of the device whose sysfs directory "drm" this is; -ENODEV without one */
int __vgem_pfn_open_below(const char *dir, const char *node);
/*
 * The render node ("renderD") or primary node ("card") of the faux device with
 * this index; -ENODEV without one.
 */
int __vgem_pfn_open_faux(unsigned int index, const char *node);
/* Skips unless the module has been loaded with as many devices. */
int vgem_pfn_open_faux(unsigned int index);

/* debugfs: take the faux device with this index away, and bring it back */
int __vgem_pfn_faux_unplug(unsigned int index);
int __vgem_pfn_faux_plug(unsigned int index);

#endif /* VGEM_PFN_MODULE_H */
