// SPDX-License-Identifier: MIT
/* Subtests of jobs and fences: what a job waits for, and what waits for a job. */
#include <sys/mman.h>

#include "dmabuf_sync_file.h"
#include "igt.h"
#include "prime.h"

#define MS		1000		/* us */
#define SIZE		(64 * KiB)
#define NUM		DMA_BUF_PFN_NUM_ENGINES
#define EXPLICIT	DMA_BUF_PFN_SUBMIT_EXPLICIT

/*
 * Duration of jobs where a fence cannot delay them without delaying others as well.
 * Starts at SLOW and increases up to SLOWEST if a job has ended before it was checked.
 */
#define SLOW		(300 * MS)
#define SLOWEST		(10000 * MS)

static void slow_jobs(uint32_t us)
{
	pfn_importer_set_knob("job_latency_us", us);
}

static void slow_copies(int fd, uint32_t us)
{
	vgem_pfn_set_knob(fd, "engine_latency_us", us);
	vgem_pfn_set_knob(fd, "async_moves", us ? 1 : 0);
}

static void test_engines(int fd, int importer)
{
	struct prime held = prime_create(fd, importer, SIZE, 1);
	struct prime p = prime_create(fd, importer, SIZE, 1);
	struct dma_buf_pfn_result result[NUM];
	struct pfn_hold hold;
	uint32_t first, job[NUM];
	int i;

	pfn_hold_begin(&hold);
	pfn_hold_dmabuf(&hold, held.dmabuf);
	first = pfn_job_fill(held.import, 0, SIZE, 2, 0);
	for (i = 0; i < NUM; i++)
		job[i] = pfn_job_verify(p.import, i, SIZE, 1, 0);
	for (i = 1; i < NUM; i++)
		pfn_job_assert_right(p.import, job[i]);
	/* These jobs did not wait for the first engine. */
	igt_assert(pfn_hold_pending(&hold));
	pfn_hold_assert(&hold, !pfn_job_done(p.import, job[0]));
	pfn_hold_end(&hold);
	pfn_job_assert_right(p.import, job[0]);
	pfn_job_result(held.import, first);
	prime_destroy(&held);

	slow_jobs(20 * MS);
	for (i = 0; i < NUM; i++)
		job[i] = pfn_job_verify(p.import, 2, SIZE, 1, EXPLICIT);
	for (i = 0; i < NUM; i++) {
		result[i] = pfn_job_assert_right(p.import, job[i]);
		if (i)
			igt_assert_lte_u64(result[i - 1].end_ns,
					   result[i].start_ns);
	}
	slow_jobs(0);
	prime_destroy(&p);
}

static bool try_holds_move(int fd, int importer, uint32_t op, uint32_t flags,
			   uint32_t latency_us)
{
	struct dma_buf_pfn_submit arg = pfn_job_arg(op, SIZE, 2);
	struct prime p = prime_create(fd, importer, SIZE, 2);
	uint64_t old = vgem_pfn_bo_pfn(fd, p.handle, 0);
	struct drm_vgem_pfn_bo_query query;
	struct dma_buf_pfn_result result;
	struct vgem_pfn_mover mover;
	uint64_t begin, waiting;
	bool asleep;

	prime_touch(&p, 2);
	if (op == DMA_BUF_PFN_JOB_FILL)
		arg = pfn_job_arg(op, SIZE, 3);
	arg.flags = flags;
	slow_jobs(latency_us);
	pfn_job_submit(p.import, &arg);
	slow_jobs(0);
	begin = pfn_now_ns();
	vgem_pfn_mover_start(&mover, fd, p.handle, VGEM_PFN_TT);
	asleep = pfn_thread_asleep(&mover.thread);
	waiting = pfn_now_ns();
	if (pfn_job_done(p.import, arg.job)) {
		vgem_pfn_mover_wait(&mover);
		prime_destroy(&p);
		return false;
	}
	igt_assert(asleep);
	vgem_pfn_mover_wait(&mover);
	result = pfn_job_assert_right(p.import, arg.job);

	query = vgem_pfn_bo_query(fd, p.handle);
	igt_assert_eq_u64(query.num_notifies, 1);
	igt_assert_eq_u64(pfn_import_stats(p.import).invalidations, 1);
	/*
	 * The notification was over when the mover slept; a notification that waits
	 * would last until the end of the job. The test can distinguish them only if
	 * the rest of the job took longer than the mover took to fall asleep.
	 */
	if (result.end_ns - waiting <= waiting - begin) {
		prime_destroy(&p);
		return false;
	}
	igt_assert_lt_u64(vgem_pfn_bo_stats(fd, p.handle).max_notify_ns,
			  result.end_ns - waiting);
	igt_assert_neq_u64(vgem_pfn_bo_pfn(fd, p.handle, 0), old);
	prime_check(&p, op == DMA_BUF_PFN_JOB_FILL ? 3 : 2);
	prime_destroy(&p);
	return true;
}

static void test_holds_move(int fd, int importer, uint32_t op, uint32_t flags)
{
	uint32_t us = SLOW;

	while (!try_holds_move(fd, importer, op, flags, us)) {
		us *= 2;
		igt_require_f(us <= SLOWEST, "jobs end before they can be checked\n");
	}
}

static void test_holds_copy(int fd, int importer)
{
	struct prime p = prime_create(fd, importer, SIZE, 1);
	struct dma_buf_pfn_result first, second, third;
	struct pfn_hold hold;
	uint32_t job[3];

	/* If the copy did not wait for the job it would run first. */
	pfn_hold_begin(&hold);
	pfn_hold_dmabuf(&hold, p.dmabuf);
	slow_jobs(SLOW);
	job[0] = pfn_job_fill(p.import, 0, SIZE, 2, 0);
	slow_jobs(0);
	slow_copies(fd, 10 * MS);
	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_TT);
	slow_copies(fd, 0);
	pfn_hold_assert(&hold, !pfn_job_done(p.import, job[0]));

	/* These jobs use the new memory, which has no contents yet. */
	job[1] = pfn_job_verify(p.import, 1, SIZE, 2, 0);
	job[2] = pfn_job_verify(p.import, 2, SIZE, 2, EXPLICIT);
	pfn_hold_end(&hold);
	first = pfn_job_result(p.import, job[0]);
	second = pfn_job_assert_right(p.import, job[1]);
	third = pfn_job_assert_right(p.import, job[2]);
	igt_assert_lte_u64(first.end_ns, second.access_ns);
	igt_assert_lte_u64(first.end_ns, third.access_ns);
	prime_check(&p, 2);
	prime_destroy(&p);
}

struct usage {
	uint32_t op, flags;
	bool holds_readers, holds_writers;
};

static bool try_usage(int fd, int importer, const struct usage *usage,
		      uint32_t latency_us)
{
	struct dma_buf_pfn_submit arg = pfn_job_arg(usage->op, SIZE, 1);
	struct prime p = prime_create(fd, importer, SIZE, 1);
	bool readers, writers, pending;

	igt_assert(!dmabuf_sync_file_busy(p.dmabuf, DMA_BUF_SYNC_RW));
	arg.flags = usage->flags;
	slow_jobs(latency_us);
	pfn_job_submit(p.import, &arg);
	slow_jobs(0);
	readers = dmabuf_sync_file_busy(p.dmabuf, DMA_BUF_SYNC_READ);
	writers = dmabuf_sync_file_busy(p.dmabuf, DMA_BUF_SYNC_RW);
	pending = !pfn_job_done(p.import, arg.job);
	if (pending) {
		igt_assert_eq(readers, usage->holds_readers);
		igt_assert_eq(writers, usage->holds_writers);
		pfn_job_assert_right(p.import, arg.job);
	}
	prime_destroy(&p);
	return pending;
}

static void test_usage(int fd, int importer)
{
	static const struct usage usages[] = {
		{ DMA_BUF_PFN_JOB_FILL, 0, true, true },
		{ DMA_BUF_PFN_JOB_VERIFY, 0, false, true },
		{ DMA_BUF_PFN_JOB_FILL, EXPLICIT, false, false },
		{ DMA_BUF_PFN_JOB_VERIFY, EXPLICIT, false, false },
	};
	uint32_t us = SLOW;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(usages); i++) {
		while (!try_usage(fd, importer, &usages[i], us)) {
			us *= 2;
			igt_require_f(us <= SLOWEST,
				      "jobs end before they can be checked\n");
		}
	}
}

static void test_order(int fd, int importer)
{
	struct prime p = prime_create(fd, importer, SIZE, 1);
	int other = pfn_import_flags(importer, p.dmabuf, 0);
	uint32_t fill, verify, again, explicit;
	struct pfn_hold hold;

	/* Stay in a region that both reach, for the import without P2P. */
	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_TT);
	pfn_hold_begin(&hold);
	pfn_hold_dmabuf(&hold, p.dmabuf);
	slow_jobs(SLOW);
	fill = pfn_job_fill(p.import, 0, SIZE, 2, 0);
	slow_jobs(0);
	explicit = pfn_job_verify(other, 2, SIZE, 1, EXPLICIT);
	verify = pfn_job_verify(other, 1, SIZE, 2, 0);
	again = pfn_job_fill(other, 3, SIZE, 3, 0);

	/* An explicit job does not wait for earlier jobs. */
	pfn_job_assert_right(other, explicit);
	pfn_hold_assert(&hold, !pfn_job_done(p.import, fill));
	pfn_hold_end(&hold);
	pfn_job_assert_right(other, verify);
	pfn_job_result(p.import, fill);
	pfn_job_result(other, again);
	close(other);
	prime_check(&p, 3);
	prime_destroy(&p);
}

static void test_close(int fd, int importer)
{
	struct dma_buf_pfn_submit arg = pfn_job_arg(DMA_BUF_PFN_JOB_FILL, SIZE, 2);
	struct prime p = prime_create(fd, importer, SIZE, 1);
	struct pfn_hold hold;
	int i;

	/* A move that waits only for the held fence would come before the job. */
	pfn_hold_begin(&hold);
	pfn_hold_dmabuf(&hold, p.dmabuf);
	slow_jobs(SLOW);
	arg.flags = DMA_BUF_PFN_SUBMIT_FENCE_FD;
	pfn_job_submit(p.import, &arg);
	slow_jobs(20 * MS);
	for (i = 0; i < 20; i++)
		pfn_job_fill(p.import, i % NUM, SIZE, 2, EXPLICIT);
	slow_jobs(0);
	munmap(p.map, SIZE);
	close(p.import);
	pfn_hold_assert(&hold, sync_file_busy(arg.fence_fd));
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, p.handle).num_attachments, 0);

	pfn_hold_until_asleep(&hold);
	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_TT);
	pfn_hold_end(&hold);
	igt_assert(!sync_file_busy(arg.fence_fd));
	vgem_pfn_bo_check(fd, p.handle, SIZE, 2);
	close(arg.fence_fd);
	close(p.dmabuf);
	vgem_pfn_gem_close(fd, p.handle);
}

void prime_engines_tests(int fd, int importer)
{
	igt_describe("Engines run in parallel, and each in order.");
	igt_subtest("engines")
		test_engines(fd, importer);

	igt_describe("A move waits for a job that writes.");
	igt_subtest("job-holds-move-write")
		test_holds_move(fd, importer, DMA_BUF_PFN_JOB_FILL, 0);

	igt_describe("A move waits for a job that reads.");
	igt_subtest("job-holds-move-read")
		test_holds_move(fd, importer, DMA_BUF_PFN_JOB_VERIFY, 0);

	igt_describe("A move waits for an explicit job.");
	igt_subtest("job-holds-move-explicit")
		test_holds_move(fd, importer, DMA_BUF_PFN_JOB_FILL, EXPLICIT);

	igt_describe("A copy waits for jobs, and jobs wait for a copy.");
	igt_subtest("job-holds-copy")
		test_holds_copy(fd, importer);

	igt_describe("Readers and writers wait for a job according to its fence's usage.");
	igt_subtest("job-usage")
		test_usage(fd, importer);

	igt_describe("Jobs of all engines and imports run in order.");
	igt_subtest("job-order")
		test_order(fd, importer);

	igt_describe("Jobs outlive their import.");
	igt_subtest("job-close")
		test_close(fd, importer);
}
