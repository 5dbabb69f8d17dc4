// SPDX-License-Identifier: MIT
/*
 * Subtests of memory pressure during imports: an importer moves a buffer to memory that
 * it reaches, while others allocate.
 */
#include "igt.h"
#include "import.h"
#include "pfn_fault.h"
#include "pfn_importer.h"

#define SIZE	(64 * KiB)

/*
 * A worker may not have freed older imports yet. Their buffers occupy @region: then a new
 * buffer is placed in TT, and moving it evicts them.
 */
static uint32_t create_in(int fd, uint64_t size, uint32_t region)
{
	uint32_t handle = vgem_pfn_bo_create(fd, size, region, VGEM_PFN_TT);

	vgem_pfn_bo_move(fd, handle, region);
	return handle;
}

static void test_contended(int fd, uint32_t far, uint32_t near)
{
	uint32_t list[] = { far, near }, handle, full;
	int importer = pfn_importer_open(), dmabuf, import;
	struct vgem_pfn_mover mover;
	struct pfn_hold hold;

	full = create_in(fd, vgem_pfn_region(fd, near).size, near);
	handle = __vgem_pfn_bo_create_list(fd, SIZE, list, 2);
	vgem_pfn_bo_fill(fd, handle, SIZE, 1);
	dmabuf = vgem_pfn_export(fd, handle);
	import = pfn_import_flags(importer, dmabuf, 0);

	/* The mover holds the lock, and the buffer still occupies @near. */
	pfn_hold_begin(&hold);
	vgem_pfn_mover_start_held(&mover, fd, full, VGEM_PFN_TT, &hold);
	pfn_import_dev_check(import, SIZE, 1);
	/* The access did not wait for the move. */
	igt_assert(pfn_hold_pending(&hold));
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), VGEM_PFN_SYSTEM);
	pfn_hold_end(&hold);
	vgem_pfn_mover_wait(&mover);

	/* Without contention the buffer is placed as its list specifies. */
	vgem_pfn_bo_move(fd, handle, far);
	pfn_import_dev_check(import, SIZE, 1);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), near);

	close(import);
	close(dmabuf);
	close(importer);
	vgem_pfn_gem_close(fd, full);
	vgem_pfn_gem_close(fd, handle);
}

/* An importer's access that moves a buffer to memory that it reaches */
struct leaver {
	uint32_t handle;
	int dmabuf;
	int import;
	int ret;
	struct pfn_hold hold;
	struct pfn_thread thread;
};

static void leaver_run(void *arg)
{
	struct leaver *leaver = arg;
	uint64_t word;

	leaver->ret = __pfn_import_access(leaver->import, 0, &word, sizeof(word),
					  DMA_BUF_PFN_ACCESS_READ);
}

/*
 * Start an access that moves the buffer from @far to TT; it is locked until the hold
 * ends.
 */
static void leaver_start(struct leaver *leaver, int fd, int importer,
			 uint32_t far, uint64_t size)
{
	leaver->handle = create_in(fd, size, far);
	leaver->dmabuf = vgem_pfn_export(fd, leaver->handle);
	leaver->import = pfn_import_flags(importer, leaver->dmabuf, 0);

	pfn_hold_begin(&leaver->hold);
	pfn_hold_dmabuf(&leaver->hold, leaver->dmabuf);
	pfn_thread_start(&leaver->thread, leaver_run, leaver);
	pfn_hold_assert(&leaver->hold, pfn_thread_asleep(&leaver->thread));
}

static void leaver_end(struct leaver *leaver, int fd)
{
	pfn_hold_end(&leaver->hold);
	pfn_thread_join(&leaver->thread);
	igt_assert_eq(leaver->ret, 0);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, leaver->handle), VGEM_PFN_TT);
	close(leaver->import);
	close(leaver->dmabuf);
	vgem_pfn_gem_close(fd, leaver->handle);
}

struct creator {
	int fd;
	uint32_t region;
	uint32_t handle;
	int ret;
	struct pfn_thread thread;
};

static void creator_run(void *arg)
{
	struct creator *creator = arg;
	uint64_t size = vgem_pfn_region(creator->fd, creator->region).size;

	creator->ret = __vgem_pfn_bo_create(creator->fd, &size, &creator->region, 1,
					    &creator->handle);
}

static void creator_end(struct creator *creator)
{
	pfn_thread_join(&creator->thread);
	igt_assert_eq(creator->ret, 0);
	igt_assert_eq_u32(vgem_pfn_bo_region(creator->fd, creator->handle),
			  creator->region);
	vgem_pfn_gem_close(creator->fd, creator->handle);
}

static void test_freed(int fd, uint32_t far)
{
	uint64_t size = vgem_pfn_region(fd, far).size;
	struct creator creator = { .fd = fd, .region = far };
	struct leaver first = {}, second = {};
	int importer = pfn_importer_open();

	/*
	 * The buffers are locked by accesses: they cannot be evicted, only waited for.
	 */
	leaver_start(&first, fd, importer, far, size / 2);
	leaver_start(&second, fd, importer, far, size / 2);
	pfn_thread_start(&creator.thread, creator_run, &creator);
	pfn_thread_asleep(&creator.thread);
	leaver_end(&first, fd);
	pfn_hold_assert(&second.hold, pfn_thread_asleep(&creator.thread));
	leaver_end(&second, fd);

	creator_end(&creator);
	close(importer);
}

/*
 * Start a creation that has to evict a buffer. Another device maps this buffer: @hold
 * holds that map operation, which has locked the buffer with a ww ticket. A later ticket
 * that waits for the lock gets -EDEADLK, and TTM then fails with -ENOSPC.
 */
static void creator_start(struct creator *creator, struct pfn_hold *hold)
{
	pfn_thread_start(&creator->thread, creator_run, creator);
	pfn_hold_assert(hold, pfn_thread_asleep(&creator->thread));
}

/* How the creation of a buffer ends, which has to evict a locked one */
enum locked {
	LOCKED_EVICTED,
	LOCKED_SIGNAL,
	LOCKED_FAULT,
};

static void test_locked(int fd, int other, enum locked end)
{
	struct creator creator = { .fd = fd, .region = VGEM_PFN_CARVEOUT };
	uint64_t size = vgem_pfn_region(fd, VGEM_PFN_CARVEOUT).size / 2;
	struct shared s = shared_create(fd, other, size, 1);
	struct vgem_pfn_mover mapper;
	struct pfn_hold hold;

	/* The map operation waits for the copy, which waits for the fence. */
	vgem_pfn_bo_move(fd, s.handle, VGEM_PFN_TT);
	pfn_hold_begin(&hold);
	pfn_hold_bo(&hold, fd, s.handle);
	igt_assert_eq(__vgem_pfn_bo_move_async(fd, s.handle, VGEM_PFN_CARVEOUT, 0), 0);
	vgem_pfn_mover_start(&mapper, other, s.import, VGEM_PFN_TT);
	pfn_hold_assert(&hold, pfn_thread_asleep(&mapper.thread));
	creator_start(&creator, &hold);

	if (end == LOCKED_SIGNAL) {
		pfn_thread_signal(&creator.thread);
		pfn_thread_join(&creator.thread);
		pfn_hold_assert(&hold, creator.ret == -EINTR);
	} else if (end == LOCKED_FAULT) {
		igt_assert_eq(__vgem_pfn_fault_arm(fd, "copy", 1, 1), 0);
	}
	pfn_hold_end(&hold);
	vgem_pfn_mover_wait(&mapper);

	if (end == LOCKED_EVICTED) {
		creator_end(&creator);
	} else if (end == LOCKED_FAULT) {
		pfn_thread_join(&creator.thread);
		igt_assert_eq(creator.ret, -EIO);
		__vgem_pfn_fault_disarm(fd, "copy");
	}

	igt_assert_eq_u32(vgem_pfn_bo_region(fd, s.handle), end == LOCKED_EVICTED ?
			  VGEM_PFN_TT : VGEM_PFN_CARVEOUT);
	if (end == LOCKED_SIGNAL)
		igt_assert_eq_u32(vgem_pfn_bo_region(other, s.import), VGEM_PFN_TT);
	else if (end == LOCKED_EVICTED)
		shared_assert_unmapped(&s);
	shared_check(&s, 1);
	shared_destroy(&s);
}

/* The buffer is not evicted: mapping it moves it to TT. */
static void test_leaves(int fd, int other, uint32_t far)
{
	struct creator creator = { .fd = fd, .region = far };
	struct vgem_pfn_mover mapper;
	uint32_t handle, import;
	struct pfn_hold hold;
	int dmabuf;

	handle = create_in(fd, vgem_pfn_region(fd, far).size / 2, far);
	dmabuf = vgem_pfn_export(fd, handle);
	import_set_peer2peer(other, false);
	import = import_handle(other, dmabuf);
	import_set_peer2peer(other, true);

	pfn_hold_begin(&hold);
	vgem_pfn_mover_start_held(&mapper, other, import, VGEM_PFN_TT, &hold);
	creator_start(&creator, &hold);
	pfn_hold_end(&hold);
	vgem_pfn_mover_wait(&mapper);
	creator_end(&creator);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), VGEM_PFN_TT);

	vgem_pfn_gem_close(other, import);
	close(dmabuf);
	vgem_pfn_gem_close(fd, handle);
}

void import_room_tests(int fd, int other)
{
	igt_describe("Importers get memory under contention.");
	igt_subtest("reach-contended") {
		int exporter = import_open_exporter(fd);

		test_contended(exporter, import_find_carveout(exporter, false),
			       import_find_carveout(exporter, true));
		close(exporter);
	}

	igt_describe("Allocations wait for memory that an importer is freeing.");
	igt_subtest("reach-freed") {
		int exporter = import_open_exporter(fd);

		test_freed(exporter, import_find_carveout(exporter, false));
		close(exporter);
	}

	igt_describe("An allocation waits for a buffer that another driver has locked.");
	igt_subtest("evict-locked")
		test_locked(fd, other, LOCKED_EVICTED);

	igt_describe("A signal ends the wait for a locked buffer.");
	igt_subtest("evict-locked-signal")
		test_locked(fd, other, LOCKED_SIGNAL);

	igt_describe("An allocation fails if the eviction of a locked buffer fails.");
	igt_subtest("evict-locked-fault") {
		igt_require_f(__vgem_pfn_fault_disarm(fd, "copy") != -ENOENT,
			      "no fault injection\n");
		test_locked(fd, other, LOCKED_FAULT);
	}

	igt_describe("An allocation succeeds after a locked buffer has left by itself.");
	igt_subtest("reach-locked") {
		int exporter = import_open_exporter(fd);

		test_leaves(exporter, other, import_find_carveout(exporter, false));
		close(exporter);
	}
}
