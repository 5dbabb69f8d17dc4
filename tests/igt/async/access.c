// SPDX-License-Identifier: MIT
/*
 * Subtests of access to a buffer whose copy is pending: every access waits for the
 * fence and returns the buffer's contents.
 */
#include <sys/mman.h>
#include <sys/uio.h>

#include "async.h"
#include "dmabuf_sync_file.h"
#include "igt.h"
#include "pfn_importer.h"
#include "sw_sync.h"

#define SIZE	(64 * KiB)

struct moving {
	int fd;
	uint32_t handle;
	uint32_t syncobj;
	int dmabuf;
	uint64_t *map;
	struct pfn_hold hold;
};

static struct moving moving_create(int fd)
{
	struct moving m = { .fd = fd };

	m.handle = vgem_pfn_bo_create(fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vgem_pfn_bo_fill(fd, m.handle, SIZE, 1);
	m.dmabuf = vgem_pfn_export(fd, m.handle);
	m.map = vgem_pfn_bo_mmap(fd, m.handle, SIZE, PROT_READ | PROT_WRITE);
	m.syncobj = syncobj_create(fd, 0);
	return m;
}

/* The copy is pending until pfn_hold_end(). */
static void moving_start(struct moving *m, uint32_t region)
{
	pfn_hold_begin(&m->hold);
	async_move_held(m->fd, m->handle, region, m->syncobj, &m->hold);
	pfn_hold_assert(&m->hold, !async_done(m->fd, m->syncobj));
}

static void moving_destroy(struct moving *m)
{
	async_wait(m->fd, m->syncobj);
	vgem_pfn_bo_check_mem(m->fd, m->handle, SIZE, 1);
	syncobj_destroy(m->fd, m->syncobj);
	munmap(m->map, SIZE);
	close(m->dmabuf);
	vgem_pfn_gem_close(m->fd, m->handle);
}

/* Ways to access a buffer */
enum look {
	LOOK_MMAP,
	LOOK_WRITE,
	LOOK_DMABUF_MMAP,
	LOOK_ACCESS,
	LOOK_CPU_ACCESS,
	LOOK_IMPORT_CPU,
	LOOK_IMPORT_DEV,
	LOOK_PIN,
	LOOK_STATIC,
	NUM_LOOKS,
};

static const char * const look_names[NUM_LOOKS] = {
	[LOOK_MMAP] = "mmap",
	[LOOK_WRITE] = "mmap-write",
	[LOOK_DMABUF_MMAP] = "dmabuf-mmap",
	[LOOK_ACCESS] = "ptrace-access",
	[LOOK_CPU_ACCESS] = "begin-cpu-access",
	[LOOK_IMPORT_CPU] = "import-mmap",
	[LOOK_IMPORT_DEV] = "import-dev",
	[LOOK_PIN] = "import-pinned",
	[LOOK_STATIC] = "import-static",
};

/* /proc/self/mem accesses special mappings through vm_ops->access only. */
static void read_proc_mem(void *data, const void *from, size_t size)
{
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);

	igt_assert_lte(0, fd);
	igt_assert_eq_u64(pread(fd, data, size, (uintptr_t)from), size);
	close(fd);
}

/* Import with @flags and check the contents. */
static void import_once(int importer, int dmabuf, uint32_t flags)
{
	int import = pfn_import_flags(importer, dmabuf, flags);

	pfn_import_dev_check(import, SIZE, 1);
	close(import);
}

static void test_waits(int fd, int importer, enum look look)
{
	static const uint32_t regions[] = { VGEM_PFN_TT, VGEM_PFN_CARVEOUT };
	struct dma_buf_sync sync = {};
	struct moving m = moving_create(fd);
	int import = pfn_import(importer, m.dmabuf);
	void *dmabuf_map, *import_map;
	uint64_t data[512];
	int i;

	dmabuf_map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, m.dmabuf, 0);
	igt_assert(dmabuf_map != MAP_FAILED);
	import_map = pfn_import_mmap(import, SIZE, PROT_READ);

	for (i = 0; i < 2; i++) {
		moving_start(&m, regions[i]);
		pfn_hold_until_asleep(&m.hold);
		switch (look) {
		case LOOK_MMAP:
			pfn_assert_pattern(m.map, 0, PFN_PAGE_SIZE, 1);
			break;
		case LOOK_WRITE:
			/* The copy must not overwrite this. */
			m.map[0] = 42;
			igt_assert(async_done(fd, m.syncobj));
			igt_assert_eq_u64(m.map[0], 42);
			m.map[0] = pfn_pattern_word(1, 0);
			break;
		case LOOK_DMABUF_MMAP:
			pfn_assert_pattern(dmabuf_map, 0, PFN_PAGE_SIZE, 1);
			break;
		case LOOK_ACCESS:
			read_proc_mem(data, m.map, sizeof(data));
			pfn_assert_pattern(data, 0, sizeof(data), 1);
			break;
		case LOOK_CPU_ACCESS:
			sync.flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ;
			igt_assert_eq(ioctl(m.dmabuf, DMA_BUF_IOCTL_SYNC, &sync),
				      0);
			igt_assert(async_done(fd, m.syncobj));
			sync.flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ;
			igt_assert_eq(ioctl(m.dmabuf, DMA_BUF_IOCTL_SYNC, &sync),
				      0);
			break;
		case LOOK_IMPORT_CPU:
			pfn_assert_pattern(import_map, 0, PFN_PAGE_SIZE, 1);
			break;
		case LOOK_IMPORT_DEV:
			pfn_import_dev_check(import, SIZE, 1);
			break;
		case LOOK_PIN:
			import_once(importer, m.dmabuf, DMA_BUF_PFN_IMPORT_PIN);
			break;
		case LOOK_STATIC:
			import_once(importer, m.dmabuf,
				    DMA_BUF_PFN_IMPORT_STATIC);
			break;
		default:
			break;
		}
		igt_assert(async_done(fd, m.syncobj));
		pfn_hold_end(&m.hold);
	}

	munmap(dmabuf_map, SIZE);
	munmap(import_map, SIZE);
	close(import);
	moving_destroy(&m);
}

static void test_sync_file(int fd)
{
	struct moving m = moving_create(fd);
	int to_read, to_write;

	to_read = dmabuf_export_sync_file(m.dmabuf, DMA_BUF_SYNC_READ);
	igt_assert(!sync_file_busy(to_read));
	close(to_read);

	moving_start(&m, VGEM_PFN_TT);
	to_read = dmabuf_export_sync_file(m.dmabuf, DMA_BUF_SYNC_READ);
	to_write = dmabuf_export_sync_file(m.dmabuf, DMA_BUF_SYNC_WRITE);
	pfn_hold_assert(&m.hold, sync_file_busy(to_read));
	pfn_hold_assert(&m.hold, sync_file_busy(to_write));
	/* Polling the dma-buf itself also reports the fence. */
	pfn_hold_assert(&m.hold, dmabuf_busy(m.dmabuf, DMA_BUF_SYNC_READ));

	pfn_hold_end(&m.hold);
	igt_assert_eq(sync_fence_wait(to_read, -1), 0);
	igt_assert_eq(sync_fence_wait(to_write, -1), 0);
	igt_assert(!dmabuf_busy(m.dmabuf, DMA_BUF_SYNC_READ));
	igt_assert(async_done(fd, m.syncobj));
	close(to_read);
	close(to_write);
	moving_destroy(&m);
}

static void test_truth(int fd, int importer)
{
	struct moving m = moving_create(fd);
	uint64_t before, during;

	before = vgem_pfn_bo_pfn(fd, m.handle, 0);
	moving_start(&m, VGEM_PFN_TT);
	during = vgem_pfn_bo_pfn(fd, m.handle, 0);
	pfn_hold_assert(&m.hold, !async_done(fd, m.syncobj));
	igt_assert_neq_u64(before, during);
	pfn_hold_end(&m.hold);
	async_wait(fd, m.syncobj);
	igt_assert_eq_u64(vgem_pfn_bo_pfn(fd, m.handle, 0), during);
	moving_destroy(&m);
}

void async_access_tests(int fd, int importer)
{
	int i = 0;

	for (; i < NUM_LOOKS; i++) {
		igt_describe("Every way to access a buffer with a pending copy waits for it.");
		igt_subtest_f("waits-%s", look_names[i]) {
			async_reset(fd);
			test_waits(fd, importer, i);
		}
	}

	igt_describe("The fence of a move can be exported as a sync file.");
	igt_subtest("sync-file") {
		async_reset(fd);
		test_sync_file(fd);
	}

	igt_describe("During a move the page frame numbers are those of the destination.");
	igt_subtest("truth") {
		async_reset(fd);
		test_truth(fd, importer);
	}
}
