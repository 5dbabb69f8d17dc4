// SPDX-License-Identifier: MIT
/*
 * Subtests of the module's lifetime: it cannot be unloaded while it is in use, can be
 * unloaded when idle, and can be loaded again.
 */
#include <sys/mman.h>

#include "basic.h"
#include "igt.h"
#include "pfn_importer.h"
#include "vgem_pfn_module.h"

/* References to a buffer, and thereby to the module */
enum holder {
	HOLD_FD,
	HOLD_MAP,
	HOLD_DMABUF,
	HOLD_DMABUF_MAP,
	HOLD_IMPORT,
	HOLD_IMPORT_MAP,
	NUM_HOLDERS,
};

static const char * const holder_names[NUM_HOLDERS] = {
	[HOLD_FD] = "fd",
	[HOLD_MAP] = "mmap",
	[HOLD_DMABUF] = "dmabuf",
	[HOLD_DMABUF_MAP] = "dmabuf-mmap",
	[HOLD_IMPORT] = "import",
	[HOLD_IMPORT_MAP] = "import-mmap",
};

static void test_unload_busy(enum holder holder)
{
	const size_t size = 64 * KiB;
	int fd, dmabuf, importer, import;
	void *maps[NUM_HOLDERS] = {};
	uint32_t handle;
	int i;

	importer = pfn_importer_open();
	fd = vgem_pfn_open();
	handle = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vgem_pfn_bo_fill(fd, handle, size, 13);

	dmabuf = vgem_pfn_export(fd, handle);
	import = pfn_import(importer, dmabuf);
	maps[HOLD_MAP] = vgem_pfn_bo_mmap(fd, handle, size, PROT_READ);
	maps[HOLD_DMABUF_MAP] = mmap(NULL, size, PROT_READ, MAP_SHARED, dmabuf,
				     0);
	igt_assert(maps[HOLD_DMABUF_MAP] != MAP_FAILED);
	maps[HOLD_IMPORT_MAP] = pfn_import_mmap(import, size, PROT_READ);

	for (i = 0; i < NUM_HOLDERS; i++)
		if (maps[i] && i != (int)holder)
			munmap(maps[i], size);
	if (holder != HOLD_IMPORT)
		close(import);
	if (holder != HOLD_DMABUF)
		close(dmabuf);
	if (holder != HOLD_FD)
		close(fd);

	for (i = 0; i < 3; i++) {
		igt_assert_eq(__vgem_pfn_unload(), -EWOULDBLOCK);
		if (maps[holder])
			pfn_assert_pattern(maps[holder], 0, size, 13);
		else if (holder == HOLD_IMPORT)
			pfn_import_dev_check(import, size, 13);
		else if (holder == HOLD_FD)
			vgem_pfn_bo_check(fd, handle, size, 13);
	}
	if (holder == HOLD_DMABUF) {
		import = pfn_import(importer, dmabuf);
		pfn_import_dev_check(import, size, 13);
		close(import);
	}

	if (maps[holder])
		munmap(maps[holder], size);
	if (holder == HOLD_IMPORT)
		close(import);
	if (holder == HOLD_DMABUF)
		close(dmabuf);
	if (holder == HOLD_FD)
		close(fd);
	close(importer);

	igt_assert_eq(__vgem_pfn_unload(), 0);
	vgem_pfn_reload(NULL);
}

static void test_unload(void)
{
	uint32_t num = DRM_VGEM_PFN_MAX_REGIONS;
	int round, fd;
	uint32_t i;

	for (round = 0; round < 3; round++) {
		struct drm_vgem_pfn_region regions[DRM_VGEM_PFN_MAX_REGIONS];

		igt_assert_eq(__vgem_pfn_unload(), 0);
		igt_assert_neq(access(VGEM_PFN_SYS_MODULE, F_OK), 0);
		igt_assert_eq(__drm_open_by_name(VGEM_PFN_MODULE, "renderD"),
			      -ENODEV);
		vgem_pfn_reload(NULL);

		fd = vgem_pfn_open();
		igt_assert_eq(__vgem_pfn_regions(fd, regions, &num), 0);
		for (i = 0; i < num; i++)
			igt_assert_eq_u64(regions[i].used, 0);
		/* Leave buffers behind for the close and the unload. */
		vgem_pfn_bo_fill(fd, vgem_pfn_bo_create(fd, MiB,
							VGEM_PFN_CARVEOUT),
				 MiB, round);
		vgem_pfn_bo_fill(fd, vgem_pfn_bo_create(fd, MiB, VGEM_PFN_TT),
				 MiB, round);
		close(fd);
	}
}

void basic_unload_tests(void)
{
	int i = 0;

	igt_subtest_group() {
		igt_fixture()
			vgem_pfn_require_module();

		for (; i < NUM_HOLDERS; i++) {
			igt_describe("The module cannot be unloaded while an object exists.");
			igt_subtest_f("unload-busy-%s", holder_names[i])
				test_unload_busy(i);
		}

		igt_describe("An idle module can be unloaded and loaded again.");
		igt_subtest("unload")
			test_unload();
	}
}
