/* SPDX-License-Identifier: MIT */
/* The part of IGT's igt_vgem.h that our tests use; see igt.h. */
#ifndef IGT_VGEM_H
#define IGT_VGEM_H

#include <stdint.h>

/* From the kernel's vgem_drm.h, which no distribution packages */
#define VGEM_FENCE_WRITE	0x1

struct vgem_bo {
	uint32_t handle;
	uint32_t width, height;
	uint32_t bpp, pitch;
	uint64_t size;
};

/* Both assert success. */
void vgem_create(int fd, struct vgem_bo *bo);
uint32_t vgem_fence_attach(int fd, struct vgem_bo *bo, unsigned int flags);
/* 0 or -errno */
int __vgem_fence_signal(int fd, uint32_t fence);

#endif /* IGT_VGEM_H */
