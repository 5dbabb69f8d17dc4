/* SPDX-License-Identifier: MIT */
/*
 * Groups of subtests of vgem_pfn_virtgpu, one file each, and what they share: buffers of
 * vgem_pfn that virtio-gpu imports (vgem_pfn_virtgpu.c), and what QEMU shows of them
 * (screen.c).
 */
#ifndef VIRTGPU_H
#define VIRTGPU_H

#include <stddef.h>
#include <stdint.h>

#include "pfn_kms.h"
#include "vgem_pfn.h"

/* Commands of the virtio specification, "GPU Device" */
#define CMD_ATTACH_BACKING		0x0106
#define CMD_DETACH_BACKING		0x0107
#define CMD_RESOURCE_CREATE_BLOB	0x010c

/* A buffer of vgem_pfn and its import */
struct virtgpu {
	int fd;		/* of vgem_pfn */
	int gpu;
	uint32_t handle;
	uint32_t import;
	int dmabuf;
	size_t size;
};

/* In the carveout, then TT, filled with the pattern of @seed, and imported */
struct virtgpu virtgpu_create(int fd, int gpu, size_t size, uint64_t seed);
void virtgpu_destroy(struct virtgpu *v);

/* Trace the commands of virtio-gpu and the host's responses. */
void virtgpu_trace(void);
/* Number of commands of this type that were queued since virtgpu_trace() */
int virtgpu_sent(unsigned int command);
/*
 * Wait for the responses to all commands in the trace, and assert that the host has
 * accepted them. Must not be called right after an import: virtio-gpu queues the command
 * of an import without notifying the host, which finds it with the next command.
 */
void virtgpu_assert_accepted(void);

/* --- the screen --- */

struct screen {
	int gpu;
	uint32_t crtc;
	uint32_t connector;
	drmModeModeInfo mode;
	size_t size;	/* of a frame, XRGB8888 */
};

struct screen screen_open(int gpu);
uint32_t screen_add_fb(struct screen *s, uint32_t handle);
void screen_rm_fb(struct screen *s, uint32_t fb);
/* @fb: 0 for none */
void screen_show(struct screen *s, uint32_t fb);

/* Whether QEMU shows the pattern of @seed. Prints the first difference. */
bool screen_shows(struct screen *s, uint64_t seed);

void virtgpu_import_tests(int fd, int gpu);
void virtgpu_error_tests(int fd, int gpu);
void virtgpu_scanout_tests(int fd, int gpu);
void virtgpu_suspend_tests(int fd, int gpu);
/* Opens virtio-gpu itself: must be called after all other files of it are closed. */
void virtgpu_unbind_tests(int fd);

#endif /* VIRTGPU_H */
