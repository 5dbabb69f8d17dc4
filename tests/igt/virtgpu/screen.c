// SPDX-License-Identifier: MIT
/*
 * A screen of virtio-gpu, and what QEMU shows on it: tests/guest/screen.sh on the host
 * sends a picture of the screen through a virtio port.
 */
#include <dirent.h>

#include <drm_fourcc.h>

#include "igt.h"
#include "pfn_pattern.h"
#include "virtgpu.h"

struct screen screen_open(int gpu)
{
	struct screen s = { .gpu = gpu };
	drmModeRes *res = drmModeGetResources(gpu);
	drmModeConnector *connector;

	igt_assert(res && res->count_crtcs && res->count_connectors);
	s.crtc = res->crtcs[0];
	s.connector = res->connectors[0];
	drmModeFreeResources(res);

	connector = drmModeGetConnector(gpu, s.connector);
	igt_assert(connector);
	igt_assert_f(pfn_kms_find_mode(connector, &s.mode), "none of %d modes\n",
		     connector->count_modes);
	drmModeFreeConnector(connector);
	s.size = s.mode.hdisplay * s.mode.vdisplay * 4;
	return s;
}

uint32_t screen_add_fb(struct screen *s, uint32_t handle)
{
	uint32_t handles[4] = { handle }, pitches[4] = { s->mode.hdisplay * 4 };
	uint32_t offsets[4] = {}, fb;

	igt_assert_eq(drmModeAddFB2(s->gpu, s->mode.hdisplay, s->mode.vdisplay,
				    DRM_FORMAT_XRGB8888, handles, pitches,
				    offsets, &fb, 0), 0);
	return fb;
}

void screen_rm_fb(struct screen *s, uint32_t fb)
{
	igt_assert_eq(drmModeRmFB(s->gpu, fb), 0);
}

void screen_show(struct screen *s, uint32_t fb)
{
	igt_assert_eq(drmModeSetCrtc(s->gpu, s->crtc, fb, 0, 0, &s->connector,
				     !!fb, fb ? &s->mode : NULL), 0);
}

/* The port with this name */
static int open_port(const char *name)
{
	static const char dir[] = "/sys/class/virtio-ports";
	struct dirent *entry;
	DIR *ports = opendir(dir);
	int fd = -1;

	while (fd < 0 && ports && (entry = readdir(ports))) {
		char path[300], is[32] = "";
		FILE *file;

		snprintf(path, sizeof(path), "%s/%s/name", dir, entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (fgets(is, sizeof(is), file)) {
			is[strcspn(is, "\n")] = '\0';
			snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
			if (!strcmp(is, name))
				fd = open(path, O_RDWR | O_CLOEXEC);
		}
		fclose(file);
	}
	if (ports)
		closedir(ports);
	igt_assert_f(fd >= 0, "no port %s\n", name);
	return fd;
}

/* A picture, in the format PPM, and its size */
static uint8_t *take_picture(size_t *size)
{
	int fd = open_port("screen");
	FILE *port = fdopen(fd, "r+");
	uint8_t *picture;
	char line[32];

	igt_assert(port);
	igt_assert_eq(write(fd, "\n", 1), 1);
	igt_assert(fgets(line, sizeof(line), port));
	*size = strtoul(line, NULL, 10);
	igt_assert_f(*size, "QEMU gives no picture\n");
	picture = malloc(*size);
	igt_assert(picture);
	igt_assert(fread(picture, *size, 1, port) == 1);
	fclose(port);
	return picture;
}

/* PPM has red, green and blue; our bytes are blue, green, red and none. */
bool screen_shows(struct screen *s, uint64_t seed)
{
	const unsigned int width = s->mode.hdisplay;
	const size_t pixels = s->size / 4;
	uint8_t *is, *picture, *should = malloc(s->size);
	size_t size, i, wrong = 0, first = 0;
	char header[32];
	int length;

	igt_assert(should);
	pfn_pattern_fill(should, 0, s->size, seed);
	picture = take_picture(&size);
	length = snprintf(header, sizeof(header), "P6\n%u %u\n255\n", width,
			  s->mode.vdisplay);
	igt_assert_eq_u64(size, length + pixels * 3);
	igt_assert(!memcmp(picture, header, length));
	is = picture + length;
	for (i = 0; i < pixels; i++) {
		if (is[3 * i] == should[4 * i + 2] &&
		    is[3 * i + 1] == should[4 * i + 1] &&
		    is[3 * i + 2] == should[4 * i])
			continue;
		if (!wrong++)
			first = i;
	}
	if (wrong)
		igt_info("seed %llu: %zu of %zu pixels are wrong, the first at %zu,%zu\n",
			 (long long)seed, wrong, pixels, first % width,
			 first / width);
	free(picture);
	free(should);
	return !wrong;
}
