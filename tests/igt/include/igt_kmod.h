/* SPDX-License-Identifier: MIT */
/* The part of IGT's igt_kmod.h that our tests use; see igt.h. */
#ifndef IGT_KMOD_H
#define IGT_KMOD_H

/* 0 or -errno. Tries again for 10 s while the module is in use. */
int igt_kmod_unload(const char *mod_name);

#endif /* IGT_KMOD_H */
