/* SPDX-License-Identifier: MIT */
/*
 * A display of vkms, driven by atomic KMS: framebuffers are shown on it, and what
 * it shows is written back into a framebuffer or summed up by the driver. The
 * wrappers assert; __foo() returns -errno.
 */
#ifndef PFN_KMS_H
#define PFN_KMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

/* How long a job may take, under emulation on a machine that has other things to do */
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
	uint32_t plane;		/* the primary one */
	uint32_t connector;
	uint32_t writeback;	/* the connector that writes back */
	uint32_t properties[PFN_KMS_NUM_PROPERTIES];
	drmModeModeInfo mode;
	uint32_t mode_blob;
};

/* The connector's mode of 640x480 pixels. False without one */
bool pfn_kms_find_mode(const drmModeConnector *connector, drmModeModeInfo *mode);

/* 640x480 pixels, 20 times a second. Skips without vkms. */
void pfn_kms_open(struct pfn_kms *kms);
/* Nothing is shown any more. */
void pfn_kms_close(struct pfn_kms *kms);

/* Of a framebuffer, XRGB8888 without gaps, in whole pages */
size_t pfn_kms_size(const struct pfn_kms *kms);
uint32_t pfn_kms_pixels(const struct pfn_kms *kms);

uint32_t pfn_kms_add_fb(struct pfn_kms *kms, uint32_t handle);
/* If it is being shown, then nothing is afterwards. */
void pfn_kms_rm_fb(struct pfn_kms *kms, uint32_t fb);

/* On return the framebuffer that was shown before is not used any more. */
int __pfn_kms_show(struct pfn_kms *kms, uint32_t fb);
void pfn_kms_show(struct pfn_kms *kms, uint32_t fb);
void pfn_kms_hide(struct pfn_kms *kms);

/*
 * Have what is shown written into @fb. Returns a sync file which signals when that
 * is done.
 */
int __pfn_kms_write_back(struct pfn_kms *kms, uint32_t fb);
/* The same, not before the fence of a sync file has signaled */
int __pfn_kms_write_back_after(struct pfn_kms *kms, uint32_t fb, int sync_file);
void pfn_kms_wait(struct pfn_kms *kms, int fence);
void pfn_kms_write_back(struct pfn_kms *kms, uint32_t fb);

/* What vkms itself makes of the pixels, without writing them back */
uint32_t pfn_kms_crc(struct pfn_kms *kms);

#endif /* PFN_KMS_H */
