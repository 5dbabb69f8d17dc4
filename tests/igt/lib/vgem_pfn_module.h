/* SPDX-License-Identifier: MIT */
/* Load and unload vgem_pfn with other parameters, and access its other devices. */
#ifndef VGEM_PFN_MODULE_H
#define VGEM_PFN_MODULE_H

#include "vgem_pfn.h"

#define VGEM_PFN_SYS_MODULE	"/sys/module/" VGEM_PFN_MODULE

/* Skips if the driver is built into the kernel and cannot be unloaded. */
void vgem_pfn_require_module(void);

/* Read a module parameter; false if the module is not loaded. */
bool vgem_pfn_module_param(const char *name, char *value, size_t size);

/* Returns 0 or -errno; does not wait for users of the module. */
int __vgem_pfn_unload(void);
/* Returns modprobe's wait status. NULL: with the parameters found at the start */
int __vgem_pfn_load(const char *params);

/* Unload if loaded, then load. The caller must hold no reference to the module. */
void vgem_pfn_reload(const char *params);
/* The same, unless the last load had the same parameters */
void vgem_pfn_want(const char *params);
/*
 * Once per test, in the first fixture: at exit the module is reloaded with the initial
 * parameters, after closing all its files and mappings in this process.
 */
void vgem_pfn_reload_on_exit(void);
/* Once per test that unplugs devices: at exit all are plugged again. */
void vgem_pfn_plug_on_exit(void);

/*
 * Open the file in @dev that has the name of the first entry in the sysfs directory @dir
 * that begins with @prefix; -ENODEV without such an entry.
 */
int __vgem_pfn_open_below(const char *dir, const char *prefix, const char *dev);
/*
 * Open the render node ("renderD") or primary node ("card") of the faux device with
 * this index; -ENODEV without one.
 */
int __vgem_pfn_open_faux(unsigned int index, const char *node);
/* Skips unless the module has created that many devices. */
int vgem_pfn_open_faux(unsigned int index);

/* debugfs: unplug and plug the faux device with this index */
int __vgem_pfn_faux_unplug(unsigned int index);
int __vgem_pfn_faux_plug(unsigned int index);

#endif /* VGEM_PFN_MODULE_H */
