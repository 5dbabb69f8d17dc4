// SPDX-License-Identifier: MIT
/*
 * Subtests of unplug of a device in use, one for each kind of use. They continue after
 * the unplug, and end with a new device plugged.
 */
#include <errno.h>
#include <sys/mman.h>

#include "dmabuf_sync_file.h"
#include "hotplug.h"
#include "igt.h"
#include "pfn_importer.h"
#include "pfn_stale.h"
#include "pfn_ttm.h"
#include "vgem_pfn_module.h"

#define SIZE		(1 * MiB)
#define SWAP_SIZE	(16 * MiB)

static void unplug(void)
{
	igt_assert_eq(__vgem_pfn_faux_unplug(0), 0);
	igt_assert_eq(__vgem_pfn_open_faux(0, "card"), -ENODEV);
}

static void plug(void)
{
	igt_assert_eq(__vgem_pfn_faux_plug(0), 0);
	hotplug_assert_works();
}

static uint32_t create(int fd, uint64_t seed)
{
	uint32_t handle = vgem_pfn_bo_create(fd, SIZE, VGEM_PFN_CARVEOUT,
					     VGEM_PFN_TT);

	vgem_pfn_bo_fill(fd, handle, SIZE, seed);
	return handle;
}

static void test_fd(void)
{
	const uint32_t placement = VGEM_PFN_TT;
	struct drm_vgem_pfn_region regions[DRM_VGEM_PFN_MAX_REGIONS];
	uint32_t num = DRM_VGEM_PFN_MAX_REGIONS, handle, other;
	struct drm_vgem_pfn_bo_query query;
	uint64_t size = SIZE, pfn;
	int fd = vgem_pfn_open_faux(0), file;
	char text[72];

	handle = create(fd, 1);
	igt_assert_eq(__vgem_pfn_bo_query(fd, handle, &query), 0);
	snprintf(text, sizeof(text), "%llu 0 1", (long long)query.id);
	file = __vgem_pfn_debugfs_open(fd, "pfns", O_RDWR);
	igt_assert_fd(file);
	igt_assert_eq(write(file, text, strlen(text)), (ssize_t)strlen(text));
	unplug();

	igt_assert_eq(__vgem_pfn_bo_create(fd, &size, &placement, 1, &other),
		      -ENODEV);
	igt_assert_eq(__vgem_pfn_bo_query(fd, handle, &query), -ENODEV);
	igt_assert_eq(__vgem_pfn_bo_move(fd, handle, VGEM_PFN_TT), -ENODEV);
	igt_assert_eq(__vgem_pfn_bo_pfns(fd, handle, 0, 1, &pfn), -ENODEV);
	igt_assert_eq(__vgem_pfn_regions(fd, regions, &num), -ENODEV);
	igt_assert_eq(__vgem_pfn_handle_to_fd(fd, handle, DRM_CLOEXEC), -ENODEV);
	igt_assert_eq(__vgem_pfn_gem_close(fd, handle), -ENODEV);

	/* debugfs fails with this error once a file is removed. */
	igt_assert_eq(read(file, &pfn, sizeof(pfn)), -1);
	igt_assert_eq(errno, EIO);
	igt_assert_eq(write(file, text, strlen(text)), -1);
	igt_assert_eq(errno, EIO);
	igt_assert_eq(__vgem_pfn_debugfs_open(fd, "pfns", O_RDWR), -ENOENT);

	plug();
	/* The old file does not refer to the new device. */
	igt_assert_eq(__vgem_pfn_bo_query(fd, handle, &query), -ENODEV);
	close(file);
	close(fd);
}

static void check_dummy(volatile uint64_t *map)
{
	size_t words = SIZE / sizeof(*map), i;

	for (i = 0; i < words; i += PFN_PAGE_SIZE / sizeof(*map) / 2)
		igt_assert_eq_u64(map[i], 0);
	map[1] = 1;
	map[words - 1] = 2;
	igt_assert_eq_u64(map[1], 1);
	igt_assert_eq_u64(map[words - 1], 2);
}

static void test_mmap(void)
{
	int fd = vgem_pfn_open_faux(0), dmabuf;
	uint64_t *maps[4], pfn[2], before[2], after;
	uint32_t handle[2];
	size_t i;

	/*
	 * In the carveout and in system memory, each through the DRM fd and the dma-buf
	 */
	for (i = 0; i < 2; i++) {
		handle[i] = create(fd, i);
		maps[2 * i] = vgem_pfn_bo_mmap(fd, handle[i], SIZE,
					       PROT_READ | PROT_WRITE);
		dmabuf = vgem_pfn_export(fd, handle[i]);
		maps[2 * i + 1] = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
				       MAP_SHARED, dmabuf, 0);
		igt_assert(maps[2 * i + 1] != MAP_FAILED);
		close(dmabuf);
	}
	vgem_pfn_bo_move(fd, handle[1], VGEM_PFN_TT);
	for (i = 0; i < ARRAY_SIZE(maps); i++)
		pfn_assert_pattern(maps[i], 0, SIZE, i / 2);
	for (i = 0; i < 2; i++) {
		pfn[i] = vgem_pfn_bo_pfn(fd, handle[i], 0);
		pfn_mem_read(pfn[i], 8, &before[i], sizeof(before[i]));
	}

	unplug();
	for (i = 0; i < ARRAY_SIZE(maps); i++)
		check_dummy(maps[i]);

	/*
	 * The memory of the buffers is still allocated. check_dummy() has written to
	 * this word of each mapping, and not to the memory.
	 */
	for (i = 0; i < 2; i++) {
		pfn_mem_read(pfn[i], 8, &after, sizeof(after));
		igt_assert_eq_u64(after, before[i]);
	}

	close(fd);
	for (i = 0; i < ARRAY_SIZE(maps); i++)
		igt_assert_eq_u64(maps[i][1], 1);
	plug();
	for (i = 0; i < ARRAY_SIZE(maps); i++) {
		igt_assert_eq_u64(maps[i][1], 1);
		munmap(maps[i], SIZE);
	}
}

/* Access a page from the kernel: -EFAULT instead of SIGBUS. */
static int try_access(void *page)
{
	int fds[2], ret;

	igt_assert_eq(pipe(fds), 0);
	ret = write(fds[1], page, 1) == 1 ? 0 : -errno;
	close(fds[0]);
	close(fds[1]);
	return ret;
}

static void test_import(void)
{
	int importer = pfn_importer_open(), fd = vgem_pfn_open_faux(0);
	uint32_t handle = create(fd, 3);
	int dmabuf = vgem_pfn_export(fd, handle), import;
	struct dma_buf_pfn_stats before, after;
	struct dma_buf_pfn_entry entry;
	uint64_t word, i;
	char *map;

	import = pfn_import(importer, dmabuf);
	map = pfn_import_mmap(import, SIZE, PROT_READ | PROT_WRITE);
	pfn_assert_pattern(map, 0, SIZE, 3);
	pfn_import_dev_check(import, SIZE, 3);
	pfn_import_assert_truth(import, fd, handle, SIZE,
				DMA_BUF_PFN_ENTRY_CPU | DMA_BUF_PFN_ENTRY_DEV);
	before = pfn_import_stats(import);

	unplug();

	after = pfn_import_stats(import);
	igt_assert_eq_u64(after.invalidations, before.invalidations + 1);
	for (i = 0; i < SIZE / PFN_PAGE_SIZE; i++) {
		entry = pfn_import_entry(import, i);
		igt_assert_eq_u32(entry.flags & (DMA_BUF_PFN_ENTRY_CPU |
						 DMA_BUF_PFN_ENTRY_DEV), 0);
	}
	igt_assert_eq(__pfn_import_access(import, 0, &word, sizeof(word),
					  DMA_BUF_PFN_ACCESS_READ), -ENODEV);
	igt_assert_eq(__pfn_import_access(import, 0, &word, sizeof(word),
					  DMA_BUF_PFN_ACCESS_WRITE), -ENODEV);
	igt_assert_eq(try_access(map), -EFAULT);
	igt_assert_eq(__pfn_import(importer, dmabuf, NULL), -ENODEV);

	/* Release in another order than created. */
	close(fd);
	close(dmabuf);
	igt_assert_eq(try_access(map + SIZE - PFN_PAGE_SIZE), -EFAULT);
	plug();
	igt_assert_eq(try_access(map), -EFAULT);
	close(import);
	munmap(map, SIZE);
	close(importer);
}

static void test_dmabuf(void)
{
	int importer = pfn_importer_open(), fd = vgem_pfn_open_faux(0);
	int dmabuf = vgem_pfn_export(fd, create(fd, 4));
	uint32_t handle;
	uint64_t *map;

	close(fd);
	unplug();
	igt_assert_eq(__pfn_import(importer, dmabuf, NULL), -ENODEV);
	igt_assert_eq_u64(lseek(dmabuf, 0, SEEK_END), SIZE);
	/* A mapping created after the unplug behaves like an older one, as in test_mmap(). */
	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, dmabuf, 0);
	igt_assert(map != MAP_FAILED);
	check_dummy(map);
	munmap(map, SIZE);

	/* The new device does not recognize the old dma-buf as its own. */
	plug();
	fd = vgem_pfn_open_faux(0);
	igt_assert_eq(__vgem_pfn_fd_to_handle(fd, dmabuf, &handle), -ENODEV);
	close(fd);
	close(dmabuf);
	close(importer);
}

static void test_move(void)
{
	int fd = vgem_pfn_open_faux(0);
	struct vgem_pfn_mover mover;
	uint32_t handle = create(fd, 5);
	struct timespec start = {};

	/* The move sleeps this long after its copy, starting later than @start. */
	vgem_pfn_set_move_delay(fd, 500000);
	igt_nsec_elapsed(&start);
	vgem_pfn_mover_start(&mover, fd, handle, VGEM_PFN_TT);
	pfn_thread_asleep(&mover.thread);
	unplug();
	igt_assert_lte_u64(500000000, igt_nsec_elapsed(&start));
	vgem_pfn_mover_wait(&mover);

	igt_assert_eq(__vgem_pfn_bo_move(fd, handle, VGEM_PFN_CARVEOUT), -ENODEV);
	close(fd);
	plug();
}

/* Write to memory in quarantine, which is reported if it is checked. */
static void write_stale(int fd)
{
	uint32_t handle = create(fd, 6);
	uint64_t pfn = vgem_pfn_bo_pfn(fd, handle, 0), word;

	vgem_pfn_set_quarantine(fd, 10000);
	vgem_pfn_bo_move(fd, handle, VGEM_PFN_TT);
	pfn_mem_read(pfn, 0, &word, sizeof(word));
	word = ~word;
	pfn_mem_write(pfn, 0, &word, sizeof(word));
}

static void test_async(void)
{
	int fd = vgem_pfn_open_faux(0), importer, dmabuf[6], fence[6], import, i;
	int log = pfn_stale_open(), pending = 0;
	struct pfn_stale report;
	uint32_t handles[6];

	importer = pfn_importer_open();
	for (i = 0; i < 6; i++) {
		handles[i] = create(fd, i);
		dmabuf[i] = vgem_pfn_export(fd, handles[i]);
	}
	import = pfn_import(importer, dmabuf[0]);
	pfn_import_dev_check(import, SIZE, 0);
	write_stale(fd);

	vgem_pfn_set_quarantine(fd, 400);
	vgem_pfn_set_knob(fd, "engine_latency_us", 200000);
	vgem_pfn_set_knob(fd, "async_moves", 1);
	for (i = 0; i < 6; i++)
		igt_assert_eq(__vgem_pfn_bo_move(fd, handles[i], i & 1 ?
						 VGEM_PFN_SYSTEM : VGEM_PFN_TT), 0);
	igt_assert_eq(__vgem_pfn_bo_move(fd, handles[0], VGEM_PFN_CARVEOUT), 0);
	for (i = 0; i < 6; i++) {
		fence[i] = dmabuf_export_sync_file(dmabuf[i], DMA_BUF_SYNC_READ);
		pending += sync_file_busy(fence[i]);
	}
	unplug();

	igt_info("%d of 6 copies were pending\n", pending);
	for (i = 0; i < 6; i++) {
		igt_assert(!sync_file_busy(fence[i]));
		close(fence[i]);
		close(dmabuf[i]);
	}
	igt_assert_eq(__vgem_pfn_bo_move(fd, handles[0], VGEM_PFN_TT), -ENODEV);
	close(import);
	close(importer);
	close(fd);
	/* The quarantine has ended with the device, without a check. */
	plug();
	igt_assert(!pfn_stale_next(log, &report));
	close(log);
	igt_require_f(pending, "all copies ended before the unplug\n");
}

static void test_unload(void)
{
	int fd = vgem_pfn_open_faux(0), dmabuf;
	uint64_t *map;

	dmabuf = vgem_pfn_export(fd, create(fd, 6));
	map = vgem_pfn_bo_mmap(fd, create(fd, 7), SIZE, PROT_READ | PROT_WRITE);
	unplug();

	igt_assert_eq(__vgem_pfn_unload(), -EWOULDBLOCK);
	close(fd);
	igt_assert_eq(__vgem_pfn_unload(), -EWOULDBLOCK);
	check_dummy(map);
	munmap(map, SIZE);
	igt_assert_eq(__vgem_pfn_unload(), -EWOULDBLOCK);
	close(dmabuf);
	igt_assert_eq(__vgem_pfn_unload(), 0);
}

struct swapper {
	long pages;
	struct pfn_thread thread;
};

static void swapper_run(void *arg)
{
	struct swapper *swapper = arg;

	swapper->pages = __pfn_ttm_shrink();
}

/* TTM has a reference to the buffer that it swaps out, and none to the device. */
static void test_swap(void)
{
	int round, fd, hits = 0;

	pfn_ttm_shrink();
	for (round = 0; round < 5; round++) {
		struct swapper swapper = {};
		uint32_t handle;
		bool done;

		fd = vgem_pfn_open_faux(0);
		handle = vgem_pfn_bo_create(fd, SWAP_SIZE, VGEM_PFN_TT);
		/* One access allocates all pages. */
		vgem_pfn_bo_fill(fd, handle, PFN_PAGE_SIZE, 1);
		unplug();
		pfn_thread_start(&swapper.thread, swapper_run, &swapper);
		usleep(round * 2000);
		done = swapper.thread.done;
		close(fd);
		pfn_thread_join(&swapper.thread);
		igt_assert_lte(0, swapper.pages);
		hits += !done && swapper.pages;
		plug();
	}
	igt_info("the device was released %d times while TTM swapped out its buffer\n", hits);
	igt_require_f(hits, "TTM never swapped out the buffer at that time\n");
}

static void test_plug(void)
{
	int i, fd[5];

	igt_assert_eq(__vgem_pfn_faux_plug(0), -EBUSY);
	igt_assert_eq(__vgem_pfn_faux_plug(2), -EINVAL);
	for (i = 0; i < 5; i++) {
		fd[i] = vgem_pfn_open_faux(0);
		vgem_pfn_bo_create(fd[i], SIZE, VGEM_PFN_CARVEOUT);
		unplug();
		igt_assert_eq(__vgem_pfn_faux_unplug(0), -ENOENT);
		/* The other device is not affected. */
		close(vgem_pfn_open_faux(1));
		plug();
	}
	for (i = 0; i < 5; i++)
		close(fd[i]);
}

void hotplug_unplug_tests(void)
{
	static const struct {
		const char *name;
		const char *describe;
		void (*run)(void);
	} tests[] = {
		{ "plug", "plug and unplug return errors for invalid requests.", test_plug },
		{ "unplug-fd", "An open file of an unplugged device fails ioctls.", test_fd },
		{ "unplug-mmap", "Mappings read zeroes, and writes reach no buffer.",
		  test_mmap },
		{ "unplug-import", "Dynamic importers lose their translations and get no new ones.",
		  test_import },
		{ "unplug-dmabuf", "A dma-buf outlives its device.", test_dmabuf },
		{ "unplug-move", "Unplug waits for a move that is under way.",
		  test_move },
		{ "unplug-async", "Pending copies end with the device.",
		  test_async },
		{ "unplug-unload", "An unplugged device with users keeps the module loaded.",
		  test_unload },
		{ "unplug-swap", "An unplugged device is released while TTM swaps out its buffer.",
		  test_swap },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		igt_describe(tests[i].describe);
		igt_subtest(tests[i].name) {
			vgem_pfn_want(HOTPLUG_PARAMS);
			tests[i].run();
		}
	}
}
