/* SPDX-License-Identifier: MIT */
/*
 * A vkms display, driven by atomic KMS: it shows framebuffers, and its output is
 * written back into a framebuffer or returned as the driver's CRC. The wrappers assert;
 * __foo() returns -errno.
 */
#ifndef PFN_KMS_H
#define PFN_KMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

/* Time limit of a job, under emulation on a busy machine */
#define PFN_KMS_PATIENCE_MS	20000

enum pfn_kms_property {
	PFN_KMS_CRTC_ACTIVE,
	PFN_KMS_CRTC_MODE,
	PFN_KMS_CONNECTOR_CRTC,
	PFN_KMS_WRITEBACK_CRTC,
	PFN_KMS_WRITEBACK_FB,
	PFN_KMS_WRITEBACK_FENCE,
	PFN_KMS_PLANE_FB,
	PFN_KMS_PLANE_CRTC,
	PFN_KMS_PLANE_FENCE,
	PFN_KMS_PLANE_SRC_X,
	PFN_KMS_PLANE_SRC_Y,
	PFN_KMS_PLANE_SRC_W,
	PFN_KMS_PLANE_SRC_H,
	PFN_KMS_PLANE_CRTC_X,
	PFN_KMS_PLANE_CRTC_Y,
	PFN_KMS_PLANE_CRTC_W,
	PFN_KMS_PLANE_CRTC_H,
	PFN_KMS_NUM_PROPERTIES,
};

struct pfn_kms {
	int fd;
	uint32_t crtc;
	uint32_t plane;		/* primary plane */
	uint32_t connector;
	uint32_t writeback;	/* writeback connector */
	uint32_t properties[PFN_KMS_NUM_PROPERTIES];
	drmModeModeInfo mode;
	uint32_t mode_blob;
};

/* Find the connector's 640x480 mode; false if there is none. */
bool pfn_kms_find_mode(const drmModeConnector *connector, drmModeModeInfo *mode);

/* Open with 640x480 pixels at 20 Hz. Skips without vkms. */
void pfn_kms_open(struct pfn_kms *kms);
/* Disables the display. */
void pfn_kms_close(struct pfn_kms *kms);

/* Size of an XRGB8888 framebuffer without padding, rounded up to pages */
size_t pfn_kms_size(const struct pfn_kms *kms);
uint32_t pfn_kms_pixels(const struct pfn_kms *kms);

uint32_t pfn_kms_add_fb(struct pfn_kms *kms, uint32_t handle);
/* Removing the framebuffer that is shown disables the plane. */
void pfn_kms_rm_fb(struct pfn_kms *kms, uint32_t fb);

/* On return the previous framebuffer is no longer used. */
int __pfn_kms_show(struct pfn_kms *kms, uint32_t fb);
void pfn_kms_show(struct pfn_kms *kms, uint32_t fb);
void pfn_kms_hide(struct pfn_kms *kms);

/*
 * Write the display's output back into @fb. Returns a sync file that signals when this
 * is done.
 */
int __pfn_kms_write_back(struct pfn_kms *kms, uint32_t fb);
/* The same, after the fence of @sync_file has signaled */
int __pfn_kms_write_back_after(struct pfn_kms *kms, uint32_t fb, int sync_file);
/* Asserts that it signals within PFN_KMS_PATIENCE_MS. */
void pfn_kms_wait(struct pfn_kms *kms, int fence);
void pfn_kms_write_back(struct pfn_kms *kms, uint32_t fb);

/* vkms computes a CRC of its output at every vblank until this file is closed. */
int pfn_kms_open_crc(struct pfn_kms *kms);
/* The next CRC of the file */
uint32_t pfn_kms_read_crc(int data);
/* The CRC that vkms computes of its output, without writeback */
uint32_t pfn_kms_crc(struct pfn_kms *kms);

#endif /* PFN_KMS_H */
