// SPDX-License-Identifier: MIT
/*
 * Subtests of QEMU's bochs-display, whose driver copies framebuffers to its own memory
 * through a kernel mapping, which exists as long as they are shown. That memory is a BAR, so
 * the picture can be compared.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "igt.h"
#include "igt_kmod.h"
#include "pfn_kms.h"
#include "pfn_pci.h"
#include "prime.h"
#include "vgem_pfn_module.h"

#define BOCHS_PCI	0x1234, 0x1111
#define WIDTH		640
#define HEIGHT		480
#define SIZE		(WIDTH * HEIGHT * 4)

struct screen {
	int fd;
	uint32_t crtc;
	uint32_t connector;
	drmModeModeInfo mode;
	void *memory;
};

static struct screen screen = { .fd = -1 };

static void *map_memory(void)
{
	char name[PFN_PCI_NAME_SIZE], path[96];
	void *map;
	int bar;

	igt_require_f(pfn_pci_find(BOCHS_PCI, 0, name), "no bochs-display\n");
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource0", name);
	bar = open(path, O_RDONLY | O_CLOEXEC);
	igt_assert_fd(bar);
	map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, bar, 0);
	igt_assert(map != MAP_FAILED);
	close(bar);
	return map;
}

static void screen_open(void)
{
	drmModeConnector *connector;
	drmModeRes *res;

	igt_require_f(!system("modprobe -q bochs"), "the kernel needs DRM_BOCHS\n");
	screen.fd = __drm_open_by_name("bochs-drm", "card");
	igt_require_f(screen.fd >= 0, "no device of bochs\n");
	screen.memory = map_memory();

	res = drmModeGetResources(screen.fd);
	igt_assert(res && res->count_crtcs && res->count_connectors);
	screen.crtc = res->crtcs[0];
	screen.connector = res->connectors[0];
	drmModeFreeResources(res);
	connector = drmModeGetConnector(screen.fd, screen.connector);
	igt_assert(connector);
	igt_assert(pfn_kms_find_mode(connector, &screen.mode));
	drmModeFreeConnector(connector);
}

static void screen_close(void)
{
	if (screen.fd < 0)
		return;
	munmap(screen.memory, SIZE);
	close(screen.fd);
	screen.fd = -1;
	igt_kmod_unload("bochs");
}

/* A buffer that is a framebuffer of the screen */
struct picture {
	int fd;
	uint32_t handle;
	int dmabuf;
	uint32_t import;
	uint32_t fb;
};

static struct picture picture_create(int fd, uint32_t region, uint64_t seed)
{
	struct picture p = { .fd = fd };

	p.handle = vgem_pfn_bo_create(fd, SIZE, region, region == VGEM_PFN_TT ?
				      VGEM_PFN_SYSTEM : VGEM_PFN_TT);
	vgem_pfn_bo_fill(fd, p.handle, SIZE, seed);
	p.dmabuf = vgem_pfn_export(fd, p.handle);
	igt_assert_eq(drmPrimeFDToHandle(screen.fd, p.dmabuf, &p.import), 0);
	igt_assert_eq(drmModeAddFB(screen.fd, WIDTH, HEIGHT, 24, 32, WIDTH * 4, p.import,
				   &p.fb), 0);
	return p;
}

static void picture_destroy(struct picture *p)
{
	igt_assert_eq(drmModeRmFB(screen.fd, p->fb), 0);
	vgem_pfn_gem_close(screen.fd, p->import);
	igt_assert_eq_u32(vgem_pfn_bo_query(p->fd, p->handle).num_attachments, 0);
	close(p->dmabuf);
	vgem_pfn_gem_close(p->fd, p->handle);
}

/* 0 or -errno */
static int __show(struct picture *p)
{
	return drmModeSetCrtc(screen.fd, screen.crtc, p->fb, 0, 0, &screen.connector, 1,
			      &screen.mode);
}

/* Copy the whole framebuffer again. 0 or -errno */
static int __update(struct picture *p)
{
	drmModeClip all = { 0, 0, WIDTH, HEIGHT };

	return drmModeDirtyFB(screen.fd, p->fb, &all, 1);
}

/* The picture is on the screen, and its buffer is pinned. */
static void check(struct picture *p, uint64_t seed)
{
	uint32_t region = vgem_pfn_bo_region(p->fd, p->handle);

	pfn_assert_pattern(screen.memory, 0, SIZE, seed);
	igt_assert_lte(1, vgem_pfn_bo_query(p->fd, p->handle).pin_count);
	igt_assert_eq(__vgem_pfn_bo_move(p->fd, p->handle, region == VGEM_PFN_TT ?
					 VGEM_PFN_SYSTEM : VGEM_PFN_TT), -EBUSY);
}

static void assert_hidden(struct picture *p)
{
	igt_assert_eq_u32(vgem_pfn_bo_query(p->fd, p->handle).pin_count, 0);
}

static void test_show(int fd, uint32_t region)
{
	struct picture p = picture_create(fd, region, 1);
	struct picture other = picture_create(fd, region, 3);

	assert_hidden(&p);
	igt_assert_eq(__show(&p), 0);
	check(&p, 1);
	vgem_pfn_bo_fill(fd, p.handle, SIZE, 2);
	pfn_assert_pattern(screen.memory, 0, SIZE, 1);
	igt_assert_eq(__update(&p), 0);
	check(&p, 2);

	/* It moves while another one is shown. */
	igt_assert_eq(__show(&other), 0);
	check(&other, 3);
	assert_hidden(&p);
	vgem_pfn_bo_move(fd, p.handle, region == VGEM_PFN_TT ? VGEM_PFN_SYSTEM : VGEM_PFN_TT);
	igt_assert_eq(__show(&p), 0);
	check(&p, 2);
	assert_hidden(&other);
	picture_destroy(&p);
	picture_destroy(&other);
}

/* The copy to the screen waits for the one to the new placement. */
static void test_pending(int fd)
{
	const uint64_t seed = pfn_new_seed();
	struct picture p = picture_create(fd, VGEM_PFN_CARVEOUT, seed);

	vgem_pfn_set_knob(fd, "engine_latency_us", 200000);
	igt_assert_eq(__vgem_pfn_bo_move_async(fd, p.handle, VGEM_PFN_TT, 0), 0);
	igt_assert_eq(__show(&p), 0);
	check(&p, seed);
	vgem_pfn_set_knob(fd, "engine_latency_us", 0);
	picture_destroy(&p);
}

/*
 * The mapping of a buffer that is shown is used when its exporter is unplugged. A new one
 * cannot be made, and the screen keeps its picture.
 */
static void test_unplug(int fd)
{
	int other = vgem_pfn_open_faux(1);
	struct picture p = picture_create(other, VGEM_PFN_CARVEOUT, 1);
	struct picture next = picture_create(fd, VGEM_PFN_CARVEOUT, 2);

	igt_assert_eq(__show(&p), 0);
	igt_assert_eq(__vgem_pfn_faux_unplug(1), 0);
	igt_assert_eq(__update(&p), 0);
	pfn_assert_pattern(screen.memory, 0, SIZE, 1);
	igt_assert_eq(__show(&next), 0);
	igt_assert_eq(__show(&p), -ENODEV);
	check(&next, 2);
	picture_destroy(&next);
	igt_assert_eq(drmModeRmFB(screen.fd, p.fb), 0);
	vgem_pfn_gem_close(screen.fd, p.import);
	close(p.dmabuf);
	close(other);
	igt_assert_eq(__vgem_pfn_faux_plug(1), 0);
}

void prime_bochs_tests(int fd)
{
	igt_subtest_group() {
		igt_fixture() {
			vgem_pfn_plug_on_exit();
			screen_open();
		}

		igt_describe("A buffer in each kind of memory is shown, and moves in between.");
		igt_subtest("bochs-show")
			pfn_each_region(fd, test_show);

		igt_describe("A pending copy is awaited before the picture is copied.");
		igt_subtest("bochs-pending")
			test_pending(fd);

		igt_describe("The exporter is unplugged while its buffer is shown.");
		igt_subtest("bochs-unplug")
			test_unplug(fd);

		igt_fixture()
			screen_close();
	}
}
