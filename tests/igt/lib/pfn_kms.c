// SPDX-License-Identifier: MIT
/* A vkms display, through libdrm. */
#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "igt.h"
#include "sw_sync.h"
#include "pfn_kms.h"
#include "vgem_pfn.h"

#define WIDTH	640
#define HEIGHT	480

/*
 * In vkms as of Linux 7.3 a writeback job is visible to the composer some microseconds
 * before it is complete. To avoid this race the refresh rate is low and a job is queued
 * right after a vblank, far from the next one, at which the composer runs.
 */
#define REFRESH	20

static const struct {
	const char *name;
	uint32_t type;
} properties[] = {
	[PFN_KMS_CRTC_ACTIVE] = { "ACTIVE", DRM_MODE_OBJECT_CRTC },
	[PFN_KMS_CRTC_MODE] = { "MODE_ID", DRM_MODE_OBJECT_CRTC },
	[PFN_KMS_CONNECTOR_CRTC] = { "CRTC_ID", DRM_MODE_OBJECT_CONNECTOR },
	[PFN_KMS_WRITEBACK_CRTC] = { "CRTC_ID", DRM_MODE_OBJECT_CONNECTOR },
	[PFN_KMS_WRITEBACK_FB] = { "WRITEBACK_FB_ID", DRM_MODE_OBJECT_CONNECTOR },
	[PFN_KMS_WRITEBACK_FENCE] = { "WRITEBACK_OUT_FENCE_PTR",
				      DRM_MODE_OBJECT_CONNECTOR },
	[PFN_KMS_PLANE_FB] = { "FB_ID", DRM_MODE_OBJECT_PLANE },
	[PFN_KMS_PLANE_CRTC] = { "CRTC_ID", DRM_MODE_OBJECT_PLANE },
	[PFN_KMS_PLANE_FENCE] = { "IN_FENCE_FD", DRM_MODE_OBJECT_PLANE },
	[PFN_KMS_PLANE_SRC_X] = { "SRC_X", DRM_MODE_OBJECT_PLANE },
	[PFN_KMS_PLANE_SRC_Y] = { "SRC_Y", DRM_MODE_OBJECT_PLANE },
	[PFN_KMS_PLANE_SRC_W] = { "SRC_W", DRM_MODE_OBJECT_PLANE },
	[PFN_KMS_PLANE_SRC_H] = { "SRC_H", DRM_MODE_OBJECT_PLANE },
	[PFN_KMS_PLANE_CRTC_X] = { "CRTC_X", DRM_MODE_OBJECT_PLANE },
	[PFN_KMS_PLANE_CRTC_Y] = { "CRTC_Y", DRM_MODE_OBJECT_PLANE },
	[PFN_KMS_PLANE_CRTC_W] = { "CRTC_W", DRM_MODE_OBJECT_PLANE },
	[PFN_KMS_PLANE_CRTC_H] = { "CRTC_H", DRM_MODE_OBJECT_PLANE },
};

static uint32_t object_of(const struct pfn_kms *kms, enum pfn_kms_property p)
{
	switch (properties[p].type) {
	case DRM_MODE_OBJECT_CRTC:
		return kms->crtc;
	case DRM_MODE_OBJECT_PLANE:
		return kms->plane;
	default:
		return p == PFN_KMS_CONNECTOR_CRTC ? kms->connector :
						     kms->writeback;
	}
}

/* Return a property's id, or zero without such a property. @value may be NULL. */
static uint32_t find_property(int fd, uint32_t object, uint32_t type,
			      const char *name, uint64_t *value)
{
	drmModeObjectProperties *props;
	uint32_t i, id = 0;

	props = drmModeObjectGetProperties(fd, object, type);
	igt_assert(props);
	for (i = 0; i < props->count_props && !id; i++) {
		drmModePropertyRes *prop;

		prop = drmModeGetProperty(fd, props->props[i]);
		igt_assert(prop);
		if (!strcmp(prop->name, name)) {
			id = prop->prop_id;
			if (value)
				*value = props->prop_values[i];
		}
		drmModeFreeProperty(prop);
	}
	drmModeFreeObjectProperties(props);
	return id;
}

bool pfn_kms_find_mode(const drmModeConnector *connector, drmModeModeInfo *mode)
{
	int i;

	for (i = 0; i < connector->count_modes; i++) {
		*mode = connector->modes[i];
		if (mode->hdisplay == WIDTH && mode->vdisplay == HEIGHT)
			return true;
	}
	return false;
}

static void take_mode(struct pfn_kms *kms, const drmModeConnector *connector)
{
	igt_require_f(pfn_kms_find_mode(connector, &kms->mode),
		      "no mode of %dx%d\n", WIDTH, HEIGHT);

	kms->mode.clock = kms->mode.htotal * kms->mode.vtotal * REFRESH / 1000;
	kms->mode.vrefresh = REFRESH;
}

static void find_connectors(struct pfn_kms *kms, const drmModeRes *res)
{
	int i;

	for (i = 0; i < res->count_connectors; i++) {
		drmModeConnector *connector;

		connector = drmModeGetConnector(kms->fd, res->connectors[i]);
		igt_assert(connector);
		if (connector->connector_type == DRM_MODE_CONNECTOR_WRITEBACK) {
			kms->writeback = connector->connector_id;
		} else if (!kms->connector) {
			kms->connector = connector->connector_id;
			take_mode(kms, connector);
		}
		drmModeFreeConnector(connector);
	}
	igt_require_f(kms->connector && kms->writeback,
		      "no connector, or none that writes back\n");
}

static void find_plane(struct pfn_kms *kms)
{
	drmModePlaneRes *res = drmModeGetPlaneResources(kms->fd);
	uint64_t type;
	uint32_t i;

	igt_assert(res);
	for (i = 0; i < res->count_planes && !kms->plane; i++) {
		igt_assert(find_property(kms->fd, res->planes[i],
					 DRM_MODE_OBJECT_PLANE, "type", &type));
		if (type == DRM_PLANE_TYPE_PRIMARY)
			kms->plane = res->planes[i];
	}
	drmModeFreePlaneResources(res);
	igt_assert(kms->plane);
}

void pfn_kms_open(struct pfn_kms *kms)
{
	drmModeRes *res;
	int i;

	*kms = (struct pfn_kms){};
	/*
	 * vkms as of Linux 7.3 triggers the first when it is loaded. Its vblank timer may be
	 * a frame late under emulation. igt_runner uses only the last expression of a subtest.
	 */
	igt_emit_ignore_dmesg_regex("format with alpha exposed|vkms failure on handling vblank");
	kms->fd = pfn_open_other(DRIVER_VKMS, "vkms");
	igt_assert_eq(drmSetClientCap(kms->fd, DRM_CLIENT_CAP_ATOMIC, 1), 0);
	igt_assert_eq(drmSetClientCap(kms->fd,
				      DRM_CLIENT_CAP_WRITEBACK_CONNECTORS, 1), 0);

	res = drmModeGetResources(kms->fd);
	igt_assert(res);
	igt_require(res->count_crtcs);
	kms->crtc = res->crtcs[0];
	find_connectors(kms, res);
	drmModeFreeResources(res);
	find_plane(kms);

	for (i = 0; i < PFN_KMS_NUM_PROPERTIES; i++) {
		kms->properties[i] = find_property(kms->fd, object_of(kms, i),
						   properties[i].type,
						   properties[i].name, NULL);
		igt_assert_f(kms->properties[i], "no property %s\n",
			     properties[i].name);
	}
	igt_assert_eq(drmModeCreatePropertyBlob(kms->fd, &kms->mode,
						sizeof(kms->mode),
						&kms->mode_blob), 0);
}

void pfn_kms_close(struct pfn_kms *kms)
{
	pfn_kms_hide(kms);
	igt_assert_eq(drmModeDestroyPropertyBlob(kms->fd, kms->mode_blob), 0);
	pfn_close_other("vkms", kms->fd);
}

uint32_t pfn_kms_pixels(const struct pfn_kms *kms)
{
	return kms->mode.hdisplay * kms->mode.vdisplay;
}

size_t pfn_kms_size(const struct pfn_kms *kms)
{
	return (pfn_kms_pixels(kms) * 4 + PFN_PAGE_SIZE - 1) & ~(PFN_PAGE_SIZE - 1);
}

uint32_t pfn_kms_add_fb(struct pfn_kms *kms, uint32_t handle)
{
	uint32_t fb;

	igt_assert_eq(drmModeAddFB(kms->fd, kms->mode.hdisplay,
				   kms->mode.vdisplay, 24, 32,
				   kms->mode.hdisplay * 4, handle, &fb), 0);
	return fb;
}

void pfn_kms_rm_fb(struct pfn_kms *kms, uint32_t fb)
{
	igt_assert_eq(drmModeRmFB(kms->fd, fb), 0);
}

struct change {
	enum pfn_kms_property property;
	uint64_t value;
};

static int __commit(struct pfn_kms *kms, uint32_t flags,
		    const struct change *changes, size_t num)
{
	drmModeAtomicReq *req = drmModeAtomicAlloc();
	size_t i;
	int ret;

	igt_assert(req);
	for (i = 0; i < num; i++) {
		enum pfn_kms_property p = changes[i].property;

		igt_assert_lte(0, drmModeAtomicAddProperty(req, object_of(kms, p),
							   kms->properties[p],
							   changes[i].value));
	}
	ret = drmModeAtomicCommit(kms->fd, req, flags, NULL);
	drmModeAtomicFree(req);
	return ret;
}

int __pfn_kms_show(struct pfn_kms *kms, uint32_t fb)
{
	const uint64_t width = kms->mode.hdisplay, height = kms->mode.vdisplay;
	const struct change changes[] = {
		{ PFN_KMS_CRTC_ACTIVE, 1 },
		{ PFN_KMS_CRTC_MODE, kms->mode_blob },
		{ PFN_KMS_CONNECTOR_CRTC, kms->crtc },
		/* Adding the writeback connector later would be a modeset. */
		{ PFN_KMS_WRITEBACK_CRTC, kms->crtc },
		{ PFN_KMS_PLANE_FB, fb },
		{ PFN_KMS_PLANE_CRTC, kms->crtc },
		{ PFN_KMS_PLANE_SRC_X, 0 },
		{ PFN_KMS_PLANE_SRC_Y, 0 },
		{ PFN_KMS_PLANE_SRC_W, width << 16 },
		{ PFN_KMS_PLANE_SRC_H, height << 16 },
		{ PFN_KMS_PLANE_CRTC_X, 0 },
		{ PFN_KMS_PLANE_CRTC_Y, 0 },
		{ PFN_KMS_PLANE_CRTC_W, width },
		{ PFN_KMS_PLANE_CRTC_H, height },
	};

	return __commit(kms, DRM_MODE_ATOMIC_ALLOW_MODESET, changes,
			ARRAY_SIZE(changes));
}

void pfn_kms_show(struct pfn_kms *kms, uint32_t fb)
{
	igt_assert_eq(__pfn_kms_show(kms, fb), 0);
}

void pfn_kms_hide(struct pfn_kms *kms)
{
	static const struct change changes[] = {
		{ PFN_KMS_CRTC_ACTIVE, 0 },
		{ PFN_KMS_CRTC_MODE, 0 },
		{ PFN_KMS_CONNECTOR_CRTC, 0 },
		{ PFN_KMS_WRITEBACK_CRTC, 0 },
		{ PFN_KMS_PLANE_FB, 0 },
		{ PFN_KMS_PLANE_CRTC, 0 },
	};

	igt_assert_eq(__commit(kms, DRM_MODE_ATOMIC_ALLOW_MODESET, changes,
			       ARRAY_SIZE(changes)), 0);
}

int __pfn_kms_write_back(struct pfn_kms *kms, uint32_t fb)
{
	return __pfn_kms_write_back_after(kms, fb, -1);
}

int __pfn_kms_write_back_after(struct pfn_kms *kms, uint32_t fb, int sync_file)
{
	int32_t fence = -1;
	const struct change changes[] = {
		{ PFN_KMS_WRITEBACK_FB, fb },
		{ PFN_KMS_WRITEBACK_FENCE, (uintptr_t)&fence },
		{ PFN_KMS_PLANE_FENCE, sync_file },
	};
	size_t num = ARRAY_SIZE(changes) - (sync_file < 0);
	int ret = __commit(kms, DRM_MODE_ATOMIC_NONBLOCK, changes, num);

	return ret ?: fence;
}

static void crc_path(struct pfn_kms *kms, const char *file, char *path, size_t size)
{
	struct stat st;

	igt_assert_eq(fstat(kms->fd, &st), 0);
	snprintf(path, size, "/sys/kernel/debug/dri/%u/crtc-0/crc/%s",
		 minor(st.st_rdev), file);
}

int pfn_kms_open_crc(struct pfn_kms *kms)
{
	char path[96];
	int data;

	crc_path(kms, "control", path, sizeof(path));
	igt_assert_eq(__pfn_write_file(path, "auto"), 0);
	crc_path(kms, "data", path, sizeof(path));
	data = open(path, O_RDONLY | O_CLOEXEC);
	igt_assert_fd(data);
	return data;
}

void pfn_kms_wait(struct pfn_kms *kms, int fence)
{
	igt_assert_f(!sync_fence_wait(fence, PFN_KMS_PATIENCE_MS), "vkms does not write back\n");
}

void pfn_kms_write_back(struct pfn_kms *kms, uint32_t fb)
{
	int fence = __pfn_kms_write_back(kms, fb);

	igt_assert_lte(0, fence);
	pfn_kms_wait(kms, fence);
	close(fence);
}

/* Line format: "0x00000001 0x12345678", the frame's number and its CRC */
static bool read_crc(int data, uint32_t *crc)
{
	struct pollfd pollfd = { .fd = data, .events = POLLIN };
	char line[64] = "";
	uint32_t frame;

	if (poll(&pollfd, 1, PFN_KMS_PATIENCE_MS) <= 0)
		return false;
	return read(data, line, sizeof(line) - 1) > 0 &&
	       sscanf(line, "%x %x", &frame, crc) == 2;
}

uint32_t pfn_kms_read_crc(int data)
{
	uint32_t crc;

	igt_assert_f(read_crc(data, &crc), "no CRC of vkms\n");
	return crc;
}

uint32_t pfn_kms_crc(struct pfn_kms *kms)
{
	int data = pfn_kms_open_crc(kms);
	uint32_t crc = pfn_kms_read_crc(data);

	close(data);
	return crc;
}
