// SPDX-License-Identifier: MIT
/*
 * Subtests of buffers that must stay, since somebody uses them who cannot be
 * told of a move: vkms, which shows a buffer by its kernel address (vmap).
 */
#include <sys/mman.h>

#include "evict.h"
#include "igt.h"
#include "vgem_pfn.h"

/* One lit display of vkms, driven with the ioctls that KMS had first */
struct display {
	int fd;
	uint32_t crtc;
	uint32_t connector;
	struct drm_mode_modeinfo mode;
	uint32_t fb;
};

static void display_open(struct display *d)
{
	struct drm_mode_get_connector connector = {};
	struct drm_mode_modeinfo modes[64];
	struct drm_mode_card_res res = {};
	uint32_t crtcs[8], connectors[8];

	/* vkms as of Linux 7.3 warns of itself when it is loaded. */
	igt_emit_ignore_dmesg_regex("pixel format with alpha exposed");
	d->fd = pfn_open_other("vkms");
	res.crtc_id_ptr = (uintptr_t)crtcs;
	res.count_crtcs = ARRAY_SIZE(crtcs);
	res.connector_id_ptr = (uintptr_t)connectors;
	res.count_connectors = ARRAY_SIZE(connectors);
	igt_assert_eq(__vgem_pfn_ioctl(d->fd, DRM_IOCTL_MODE_GETRESOURCES,
				       &res), 0);
	igt_require(res.count_crtcs && res.count_connectors);
	d->crtc = crtcs[0];
	d->connector = connectors[0];

	/* Without room for modes the kernel probes the connector. */
	connector.connector_id = d->connector;
	igt_assert_eq(__vgem_pfn_ioctl(d->fd, DRM_IOCTL_MODE_GETCONNECTOR,
				       &connector), 0);
	igt_require(connector.count_modes);
	connector.modes_ptr = (uintptr_t)modes;
	connector.count_modes = connector.count_modes < ARRAY_SIZE(modes) ?
				connector.count_modes : ARRAY_SIZE(modes);
	connector.count_props = 0;
	connector.count_encoders = 0;
	igt_assert_eq(__vgem_pfn_ioctl(d->fd, DRM_IOCTL_MODE_GETCONNECTOR,
				       &connector), 0);
	d->mode = modes[0];
}

static int display_show(struct display *d, uint32_t handle)
{
	struct drm_mode_fb_cmd fb = {
		.width = d->mode.hdisplay,
		.height = d->mode.vdisplay,
		.pitch = d->mode.hdisplay * 4,
		.bpp = 32,
		.depth = 24,
		.handle = handle,
	};
	struct drm_mode_crtc crtc = {
		.crtc_id = d->crtc,
		.set_connectors_ptr = (uintptr_t)&d->connector,
		.count_connectors = 1,
		.mode = d->mode,
		.mode_valid = 1,
	};

	igt_assert_eq(__vgem_pfn_ioctl(d->fd, DRM_IOCTL_MODE_ADDFB, &fb), 0);
	d->fb = fb.fb_id;
	crtc.fb_id = fb.fb_id;
	return __vgem_pfn_ioctl(d->fd, DRM_IOCTL_MODE_SETCRTC, &crtc);
}

static void display_hide(struct display *d)
{
	struct drm_mode_crtc crtc = { .crtc_id = d->crtc };

	igt_assert_eq(__vgem_pfn_ioctl(d->fd, DRM_IOCTL_MODE_SETCRTC, &crtc),
		      0);
	igt_assert_eq(__vgem_pfn_ioctl(d->fd, DRM_IOCTL_MODE_RMFB, &d->fb), 0);
}

/*
 * SUBTEST: pinned
 * Description: what is pinned stays, for evictions and for moves, and no longer
 *		than it is pinned
 */
static void test_pinned(int fd, uint32_t region)
{
	uint32_t placements[] = { region, VGEM_PFN_SYSTEM };
	struct drm_vgem_pfn_bo_query query;
	struct display display = {};
	uint32_t handle, imported;
	uint64_t pfn;
	size_t size;
	int dmabuf;

	display_open(&display);
	size = display.mode.hdisplay * display.mode.vdisplay * 4;
	size = (size + PFN_PAGE_SIZE - 1) & ~(PFN_PAGE_SIZE - 1);

	handle = __vgem_pfn_bo_create_list(fd, size, placements, 2);
	vgem_pfn_bo_fill(fd, handle, size, 5);
	pfn = vgem_pfn_bo_pfn(fd, handle, 0);
	dmabuf = vgem_pfn_export(fd, handle);
	igt_assert_eq(__vgem_pfn_fd_to_handle(display.fd, dmabuf, &imported),
		      0);
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, handle).pin_count, 0);

	igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), region);
	igt_assert_eq(display_show(&display, imported), 0);
	igt_assert_lte(1, vgem_pfn_bo_query(fd, handle).pin_count);

	vgem_pfn_evict_all();
	igt_assert_eq(__vgem_pfn_evict_all_carveouts(fd), 0);
	igt_assert_eq(__vgem_pfn_bo_move(fd, handle, VGEM_PFN_SYSTEM), -EBUSY);
	query = vgem_pfn_bo_query(fd, handle);
	igt_assert_eq_u32(query.region, region);
	igt_assert_eq_u64(query.num_moves, 0);
	igt_assert_eq_u64(vgem_pfn_bo_pfn(fd, handle, 0), pfn);
	vgem_pfn_bo_check(fd, handle, size, 5);
	/* To where it is pinned is no move. */
	vgem_pfn_bo_move(fd, handle, region);

	display_hide(&display);
	vgem_pfn_gem_close(display.fd, imported);
	close(dmabuf);
	pfn_close_other("vkms", display.fd);

	igt_assert_eq_u32(vgem_pfn_bo_query(fd, handle).pin_count, 0);
	igt_assert_eq(__vgem_pfn_evict_all_carveouts(fd), 0);
	if (region != VGEM_PFN_TT)
		igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), VGEM_PFN_SYSTEM);
	vgem_pfn_bo_move(fd, handle, VGEM_PFN_SYSTEM);
	vgem_pfn_bo_check(fd, handle, size, 5);
	vgem_pfn_gem_close(fd, handle);
}

/* In every carveout, and where it can be scattered put together from ranges */
static void test_pinned_scattered(int fd)
{
	struct drm_vgem_pfn_region region;
	uint32_t id;

	vgem_pfn_set_max_block_order(fd, 2);
	vgem_pfn_for_each_carveout(fd, region, id)
		test_pinned(fd, id);
	vgem_pfn_set_max_block_order(fd, UINT32_MAX);
}

void evict_pinned_tests(int fd)
{
	igt_describe("What somebody has pinned stays, as long as it is pinned.");
	igt_subtest("pinned")
		test_pinned(fd, VGEM_PFN_CARVEOUT);

	igt_describe("The same in system memory.");
	igt_subtest("pinned-tt")
		test_pinned(fd, VGEM_PFN_TT);

	igt_describe("The same in all carveouts, scattered where that is possible.");
	igt_subtest("pinned-scattered")
		test_pinned_scattered(fd);
}
