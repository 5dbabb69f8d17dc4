// SPDX-License-Identifier: MIT
/*
 * Subtests of room that is made by an importer, or for one: it brings a buffer to
 * memory that it reaches, and others want room at the same time.
 */
#include <pthread.h>

#include "igt.h"
#include "import.h"
#include "pfn_importer.h"

#define SIZE	(64 * KiB)

/*
 * SUBTEST: reach-contended
 * Description: an importer gets memory that it reaches although all that could be
 *		evicted from there is locked
 */
static void test_contended(int fd, uint32_t far, uint32_t near)
{
	uint32_t list[] = { far, near }, handle, full;
	int importer = pfn_importer_open(), dmabuf, import;
	struct vgem_pfn_mover mover;

	full = vgem_pfn_bo_create(fd, vgem_pfn_region(fd, near).size, near,
				  VGEM_PFN_TT);
	handle = __vgem_pfn_bo_create_list(fd, SIZE, list, 2);
	vgem_pfn_bo_fill(fd, handle, SIZE, 1);
	dmabuf = vgem_pfn_export(fd, handle);
	import = pfn_import_flags(importer, dmabuf, 0);

	/* On its way out, with its lock held, and still where it was. */
	vgem_pfn_set_move_delay(fd, 2000 * 1000);
	vgem_pfn_mover_start(&mover, fd, full, VGEM_PFN_TT);
	usleep(500 * 1000);
	vgem_pfn_set_move_delay(fd, 0);
	pfn_import_dev_check(import, SIZE, 1);
	igt_assert_f(!mover.done, "too slow\n");
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), VGEM_PFN_SYSTEM);
	vgem_pfn_mover_wait(&mover);

	/* With nobody in the way it is where the list says. */
	vgem_pfn_bo_move(fd, handle, far);
	pfn_import_dev_check(import, SIZE, 1);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), near);

	close(import);
	close(dmabuf);
	close(importer);
	vgem_pfn_gem_close(fd, full);
	vgem_pfn_gem_close(fd, handle);
}

struct leaver {
	pthread_t thread;
	uint32_t handle;
	int dmabuf;
	int import;
	int ret;
};

static void *leaver_thread(void *arg)
{
	struct leaver *leaver = arg;
	uint64_t word;

	leaver->ret = __pfn_import_access(leaver->import, 0, &word, sizeof(word),
					  DMA_BUF_PFN_ACCESS_READ);
	return NULL;
}

/* A buffer that begins to leave @far for TT, and is there in @seconds. */
static void leaver_start(struct leaver *leaver, int fd, int importer,
			 uint32_t far, uint64_t size, unsigned int seconds)
{
	leaver->handle = vgem_pfn_bo_create(fd, size, far, VGEM_PFN_TT);
	leaver->dmabuf = vgem_pfn_export(fd, leaver->handle);
	leaver->import = pfn_import_flags(importer, leaver->dmabuf, 0);

	vgem_pfn_set_move_delay(fd, seconds * 1000 * 1000);
	igt_assert_eq(pthread_create(&leaver->thread, NULL, leaver_thread,
				     leaver), 0);
	usleep(500 * 1000);
	vgem_pfn_set_move_delay(fd, 0);
}

static void leaver_wait(struct leaver *leaver, int fd)
{
	igt_assert_eq(pthread_join(leaver->thread, NULL), 0);
	igt_assert_eq(leaver->ret, 0);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, leaver->handle), VGEM_PFN_TT);
	close(leaver->import);
	close(leaver->dmabuf);
	vgem_pfn_gem_close(fd, leaver->handle);
}

/*
 * SUBTEST: reach-freed
 * Description: who wants the room of buffers that importers are just bringing
 *		elsewhere gets it when the last one is gone
 */
static void test_freed(int fd, uint32_t far)
{
	uint64_t size = vgem_pfn_region(fd, far).size;
	struct leaver first = {}, second = {};
	int importer = pfn_importer_open();
	uint32_t handle;

	/* Locked by those who wait for nobody: they cannot be evicted, only awaited. */
	leaver_start(&first, fd, importer, far, size / 2, 2);
	leaver_start(&second, fd, importer, far, size / 2, 4);
	igt_assert_eq(__vgem_pfn_bo_create(fd, &size, &far, 1, &handle), 0);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), far);

	leaver_wait(&first, fd);
	leaver_wait(&second, fd);
	close(importer);
	vgem_pfn_gem_close(fd, handle);
}

void import_room_tests(int fd)
{
	igt_describe("Importers get memory although others are at it.");
	igt_subtest("reach-contended") {
		int exporter = import_open_exporter(fd);

		test_contended(exporter, import_find_carveout(exporter, false),
			       import_find_carveout(exporter, true));
		close(exporter);
	}

	igt_describe("Room that an importer is making is waited for.");
	igt_subtest("reach-freed") {
		int exporter = import_open_exporter(fd);

		test_freed(exporter, import_find_carveout(exporter, false));
		close(exporter);
	}
}
