/* SPDX-License-Identifier: GPL-2.0-only */
/* vgem_pfn_drm.h includes "drm.h" from its own directory. */
#include_next <uapi/drm/drm.h>
