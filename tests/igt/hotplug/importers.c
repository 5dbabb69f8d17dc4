// SPDX-License-Identifier: MIT
/*
 * Subtests of unplug with importers that are not dynamic, and with many concurrent
 * users.
 */
#include <errno.h>
#include <sys/mman.h>

#include "hotplug.h"
#include "igt.h"
#include "pfn_contract.h"
#include "pfn_importer.h"
#include "vgem_pfn_module.h"

#define SIZE	(1 * MiB)

static void unplug(unsigned int index)
{
	igt_assert_eq(__vgem_pfn_faux_unplug(index), 0);
}

static void plug(unsigned int index)
{
	igt_assert_eq(__vgem_pfn_faux_plug(index), 0);
}

static uint32_t create(int fd, uint64_t seed)
{
	uint32_t handle = vgem_pfn_bo_create(fd, SIZE, VGEM_PFN_CARVEOUT,
					     VGEM_PFN_TT);

	vgem_pfn_bo_fill(fd, handle, SIZE, seed);
	return handle;
}

static void check_pfns(const uint64_t *pfns, uint64_t seed)
{
	uint64_t page[PFN_PAGE_SIZE / sizeof(uint64_t)], i;

	for (i = 0; i < SIZE / PFN_PAGE_SIZE; i++) {
		pfn_mem_read(pfns[i], 0, page, sizeof(page));
		pfn_assert_pattern(page, i * PFN_PAGE_SIZE, sizeof(page), seed);
	}
}

static void test_static(uint32_t flags)
{
	int importer = pfn_importer_open(), fd = vgem_pfn_open_faux(0), again;
	int dmabuf, import, i;
	uint64_t pfns[SIZE / PFN_PAGE_SIZE];
	uint32_t handle = create(fd, 8);

	dmabuf = vgem_pfn_export(fd, handle);
	import = pfn_import_flags(importer, dmabuf, flags);
	pfn_import_dev_check(import, SIZE, 8);
	vgem_pfn_bo_pfns(fd, handle, 0, SIZE / PFN_PAGE_SIZE, pfns);

	unplug(0);
	close(fd);
	close(dmabuf);
	check_pfns(pfns, 8);

	for (i = 0; i < 3; i++) {
		plug(0);
		again = vgem_pfn_open_faux(0);
		vgem_pfn_bo_fill(again, vgem_pfn_bo_create(again, 16 * MiB,
							   VGEM_PFN_CARVEOUT),
				 16 * MiB, i);
		close(again);
		check_pfns(pfns, 8);
		unplug(0);
	}
	pfn_import_dev_check(import, SIZE, 8);
	igt_assert_eq_u64(pfn_import_stats(import).invalidations, 0);

	close(import);
	close(importer);
	plug(0);
}

static void test_pinned(void)
{
	int importer = pfn_importer_open(), fd = vgem_pfn_open_faux(0);
	int dmabuf = vgem_pfn_export(fd, create(fd, 9)), import;
	uint64_t word;

	import = pfn_import_flags(importer, dmabuf, DMA_BUF_PFN_IMPORT_PIN |
				  DMA_BUF_PFN_IMPORT_REVOCABLE);
	pfn_import_dev_check(import, SIZE, 9);
	unplug(0);
	igt_assert_eq_u32(pfn_import_entry(import, 0).flags, 0);
	igt_assert_eq(__pfn_import_access(import, 0, &word, sizeof(word),
					  DMA_BUF_PFN_ACCESS_READ), -ENODEV);
	close(fd);
	close(dmabuf);
	close(import);
	close(importer);
	plug(0);
}

static void test_jobs(void)
{
	int importer = pfn_importer_open(), fd = vgem_pfn_open_faux(0);
	int dmabuf = vgem_pfn_export(fd, create(fd, 11)), import;
	unsigned int jobs[DMA_BUF_PFN_NUM_ENGINES], i;
	struct dma_buf_pfn_submit more;
	struct timespec start = {};

	import = pfn_import_flags(importer, dmabuf, DMA_BUF_PFN_IMPORT_P2P);
	/* Each job ends at least this long after the start time. */
	igt_nsec_elapsed(&start);
	pfn_importer_set_knob("job_latency_us", 1000 * 1000);
	for (i = 0; i < DMA_BUF_PFN_NUM_ENGINES; i++)
		jobs[i] = pfn_job_verify(import, i, SIZE, 11, 0);
	pfn_importer_set_knob("job_latency_us", 0);

	unplug(0);
	igt_assert_lte_u64(1000 * 1000 * 1000, igt_nsec_elapsed(&start));
	for (i = 0; i < DMA_BUF_PFN_NUM_ENGINES; i++) {
		struct dma_buf_pfn_result result;

		igt_assert_eq(__pfn_import_result(import, jobs[i],
						  DMA_BUF_PFN_RESULT_NOWAIT, NULL,
						  &result), 0);
		igt_assert_eq_u64(result.wrong, 0);
	}
	more = pfn_job_arg(DMA_BUF_PFN_JOB_VERIFY, SIZE, 11);
	igt_assert_eq(__pfn_import_submit(import, &more), -ENODEV);

	close(fd);
	close(dmabuf);
	close(import);
	close(importer);
	plug(0);
}

static void test_foreign_fence(void)
{
	int vgem = pfn_open_other(DRIVER_VGEM, "vgem"), fd = vgem_pfn_open_faux(1);
	int dmabuf = pfn_export_dumb(vgem, 256 * KiB);
	struct pfn_hold hold;
	uint32_t import;

	igt_assert_eq(__vgem_pfn_fd_to_handle(fd, dmabuf, &import), 0);
	vgem_pfn_bo_move(fd, import, VGEM_PFN_TT);

	pfn_hold_begin(&hold);
	pfn_hold_dmabuf(&hold, dmabuf);
	unplug(1);
	igt_assert(pfn_hold_pending(&hold));
	pfn_hold_end(&hold);

	close(fd);
	close(dmabuf);
	pfn_close_other("vgem", vgem);
	plug(1);
}

struct closer {
	int fd;
	uint32_t handle;
	struct pfn_thread thread;
};

static void closer_run(void *arg)
{
	const struct closer *closer = arg;

	vgem_pfn_gem_close(closer->fd, closer->handle);
}

/* A thread that closes an import waits for the lock, to unmap it. */
static void test_closing(void)
{
	int fd = vgem_pfn_open_faux(0), dmabuf;
	struct timespec start = {};
	struct vgem_pfn_mover mover;
	struct closer closer = { .fd = vgem_pfn_open_faux(1) };
	struct pfn_hold hold;
	uint32_t handle;

	handle = create(fd, 12);
	dmabuf = vgem_pfn_export(fd, handle);
	pfn_contract_mark("import late-unmap");
	igt_assert_eq(__vgem_pfn_fd_to_handle(closer.fd, dmabuf, &closer.handle), 0);
	vgem_pfn_bo_move(closer.fd, closer.handle, VGEM_PFN_TT);
	vgem_pfn_set_knob(closer.fd, "import_unmap_ms", 15000);

	/* The move holds the lock until the fence signals, and for 10 s more. */
	igt_emit_ignore_dmesg_regex("imported buffers are still mapped");
	vgem_pfn_set_move_delay(fd, 10000000);
	pfn_hold_begin(&hold);
	vgem_pfn_mover_start_held(&mover, fd, handle, VGEM_PFN_TT, &hold);
	pfn_thread_start(&closer.thread, closer_run, &closer);
	igt_assert(pfn_thread_asleep(&closer.thread));
	igt_nsec_elapsed(&start);
	unplug(1);
	igt_assert_lte_u64(9900000000, igt_nsec_elapsed(&start));
	pfn_hold_end(&hold);
	vgem_pfn_set_move_delay(fd, 0);
	pfn_thread_join(&closer.thread);
	vgem_pfn_mover_wait(&mover);

	igt_assert_eq_u32(vgem_pfn_bo_query(fd, handle).num_attachments, 0);
	vgem_pfn_bo_check(fd, handle, SIZE, 12);
	close(closer.fd);
	close(dmabuf);
	close(fd);
	plug(1);
}

static void test_between(unsigned int index)
{
	int fds[2] = { vgem_pfn_open_faux(0), vgem_pfn_open_faux(1) };
	struct drm_vgem_pfn_bo_query query;
	uint32_t handle, import;
	int dmabuf;

	handle = create(fds[0], 10);
	dmabuf = vgem_pfn_export(fds[0], handle);
	igt_assert_eq(__vgem_pfn_fd_to_handle(fds[1], dmabuf, &import), 0);
	vgem_pfn_bo_move(fds[1], import, VGEM_PFN_TT);

	unplug(index);
	if (index) {
		vgem_pfn_bo_check(fds[0], handle, SIZE, 10);
		vgem_pfn_bo_move(fds[0], handle, VGEM_PFN_TT);
		vgem_pfn_bo_check(fds[0], handle, SIZE, 10);
		igt_assert_eq(__vgem_pfn_bo_query(fds[1], import, &query),
			      -ENODEV);
	} else {
		igt_assert_eq_u32(vgem_pfn_bo_region(fds[1], import),
				  VGEM_PFN_SYSTEM);
		igt_assert_eq(__vgem_pfn_bo_move(fds[1], import, VGEM_PFN_TT),
			      -ENODEV);
	}
	close(fds[index]);
	close(dmabuf);
	close(fds[!index]);
	plug(index);
}

/*
 * Create, map, export, import, access and move a buffer; -ENODEV may end it anywhere.
 */
static int use(int importer, unsigned int seed)
{
	int fd = __vgem_pfn_open_faux(0, "renderD"), dmabuf = -1, import = -1;
	const uint32_t places[] = { VGEM_PFN_CARVEOUT, VGEM_PFN_TT };
	uint64_t size = SIZE, word = seed;
	uint32_t handle;
	uint64_t *map;
	int ret;

	if (fd < 0)
		return -ENODEV;

	ret = __vgem_pfn_bo_create(fd, &size, places, 2, &handle);
	if (ret)
		goto out;
	map = __vgem_pfn_bo_mmap(fd, handle, size, PROT_READ | PROT_WRITE);
	if (map) {
		map[0] = seed;
		munmap(map, size);
	}
	dmabuf = __vgem_pfn_handle_to_fd(fd, handle, DRM_CLOEXEC | DRM_RDWR);
	ret = dmabuf;
	if (ret < 0)
		goto out;
	import = __pfn_import(importer, dmabuf, NULL);
	ret = import;
	if (ret < 0)
		goto out;
	ret = __pfn_import_access(import, 0, &word, sizeof(word),
				  DMA_BUF_PFN_ACCESS_WRITE) ?:
	      __vgem_pfn_bo_move(fd, handle, VGEM_PFN_TT) ?:
	      __pfn_import_access(import, 0, &word, sizeof(word),
				  DMA_BUF_PFN_ACCESS_READ) ?:
	      __vgem_pfn_bo_move(fd, handle, VGEM_PFN_CARVEOUT);
	igt_assert_eq_u64(word, seed);
out:
	if (import >= 0)
		close(import);
	if (dmabuf >= 0)
		close(dmabuf);
	close(fd);
	return ret;
}

static void test_stress(int rounds)
{
	const uint64_t ns = rounds * 600000000ULL + 1000000000ULL;
	int round;

	igt_fork(child, 4) {
		int importer = pfn_importer_open(), ret;
		struct timespec start = {};
		unsigned int n = 0;

		igt_nsec_elapsed(&start);
		while (igt_nsec_elapsed(&start) < ns || !n) {
			ret = use(importer, n);
			igt_assert_f(!ret || ret == -ENODEV, "%s\n",
				     strerror(-ret));
			n += !ret;
		}
		close(importer);
	}
	for (round = 0; round < rounds; round++) {
		usleep(400000);
		unplug(0);
		usleep(20000);
		plug(0);
	}
	igt_waitchildren();
}

void hotplug_importers_tests(void)
{
	igt_describe("An importer that cannot be notified keeps its memory.");
	igt_subtest("unplug-static") {
		vgem_pfn_want(HOTPLUG_PARAMS);
		test_static(DMA_BUF_PFN_IMPORT_STATIC);
	}

	igt_describe("Like unplug-static, for an importer that pins.");
	igt_subtest("unplug-static-pin") {
		vgem_pfn_want(HOTPLUG_PARAMS);
		test_static(DMA_BUF_PFN_IMPORT_PIN);
	}

	igt_describe("A pin does not protect from revocation.");
	igt_subtest("unplug-pinned") {
		vgem_pfn_want(HOTPLUG_PARAMS);
		test_pinned();
	}

	igt_describe("Unplug waits for running jobs.");
	igt_subtest("unplug-jobs") {
		vgem_pfn_want(HOTPLUG_PARAMS);
		test_jobs();
	}

	igt_describe("Unplug does not wait for foreign fences.");
	igt_subtest("unplug-foreign-fence") {
		vgem_pfn_want(HOTPLUG_PARAMS);
		test_foreign_fence();
	}

	igt_describe("An unplug waits 10 s at most for an import that is being closed.");
	igt_subtest("unplug-closing-long") {
		vgem_pfn_want(HOTPLUG_PARAMS);
		test_closing();
	}

	igt_describe("The importing device survives unplug of the exporter.");
	igt_subtest("unplug-exporter") {
		vgem_pfn_want(HOTPLUG_PARAMS);
		test_between(0);
	}

	igt_describe("The exporter survives unplug of the importing device.");
	igt_subtest("unplug-importer") {
		vgem_pfn_want(HOTPLUG_PARAMS);
		test_between(1);
	}

	igt_describe("Processes use a device while it is unplugged and plugged.");
	igt_subtest("unplug-stress") {
		vgem_pfn_want(HOTPLUG_PARAMS);
		test_stress(3);
	}

	igt_describe("Like unplug-stress, for longer.");
	igt_subtest("unplug-stress-long") {
		vgem_pfn_want(HOTPLUG_PARAMS);
		test_stress(8);
	}
}
