// SPDX-License-Identifier: MIT
/*
 * Subtests of jobs and fences: what a job waits for, and who waits for it.
 */
#include <sys/mman.h>

#include "igt.h"
#include "pfn_syncobj.h"
#include "prime.h"

#define MS		1000		/* us */
#define SIZE		(64 * KiB)
#define NUM		DMA_BUF_PFN_NUM_ENGINES
#define EXPLICIT	DMA_BUF_PFN_SUBMIT_EXPLICIT

/* Jobs take so long that what must not happen meanwhile can be looked for. */
#define SLOW		(2000 * MS)

static void slow_jobs(uint32_t us)
{
	pfn_importer_set_lever("job_latency_us", us);
}

static void slow_copies(int fd, uint32_t us)
{
	vgem_pfn_set_lever(fd, "engine_latency_us", us);
	vgem_pfn_set_lever(fd, "async_moves", us ? 1 : 0);
}

/*
 * SUBTEST: engines
 * Description: jobs of several engines are under way at a time, those of one are
 *		not
 */
static void test_engines(int fd, int importer)
{
	struct prime p = prime_create(fd, importer, SIZE, 1);
	struct dma_buf_pfn_result result[NUM];
	uint64_t begin = 0, end = UINT64_MAX;
	uint32_t job[NUM];
	int i;

	slow_jobs(SLOW);
	for (i = 0; i < NUM; i++)
		job[i] = pfn_job_verify(p.import, i, SIZE, 1, 0);
	for (i = 0; i < NUM; i++) {
		result[i] = pfn_job_assert_right(p.import, job[i]);
		begin = result[i].start_ns > begin ? result[i].start_ns : begin;
		end = result[i].end_ns < end ? result[i].end_ns : end;
	}
	igt_info("all at work for %lld ms\n", (long long)(end - begin) / 1000000);
	igt_assert_lt_u64(begin, end);

	slow_jobs(50 * MS);
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

/*
 * SUBTEST: job-holds-move
 * Description: the exporter does not move memory that a job is about to use. The
 *		notification is not what waits.
 */
static void test_holds_move(int fd, int importer, uint32_t op, uint32_t flags)
{
	struct dma_buf_pfn_submit arg = pfn_job_arg(op, SIZE, 2);
	struct prime p = prime_create(fd, importer, SIZE, 2);
	uint64_t old = vgem_pfn_bo_pfn(fd, p.handle, 0);
	struct drm_vgem_pfn_bo_query query;
	struct vgem_pfn_mover mover;

	prime_touch(&p, 2);
	if (op == DMA_BUF_PFN_JOB_FILL)
		arg = pfn_job_arg(op, SIZE, 3);
	arg.flags = flags;
	slow_jobs(SLOW);
	pfn_job_submit(p.import, &arg);
	slow_jobs(0);
	vgem_pfn_mover_start(&mover, fd, p.handle, VGEM_PFN_TT);
	usleep(300 * MS);
	igt_assert(!mover.done);
	igt_assert_f(!pfn_job_done(p.import, arg.job), "too slow\n");
	vgem_pfn_mover_wait(&mover);
	pfn_job_assert_right(p.import, arg.job);

	query = vgem_pfn_bo_query(fd, p.handle);
	igt_assert_eq_u64(query.num_notifies, 1);
	igt_assert_lt_u64(query.max_notify_ns, SLOW / 2 * 1000ULL);
	igt_assert_eq_u64(pfn_import_stats(p.import).invalidations, 1);
	igt_assert_neq_u64(vgem_pfn_bo_pfn(fd, p.handle, 0), old);
	prime_check(&p, op == DMA_BUF_PFN_JOB_FILL ? 3 : 2);
	prime_destroy(&p);
}

/*
 * SUBTEST: job-holds-copy
 * Description: a copy that an engine of the exporter makes waits for jobs, too, and
 *		jobs that are submitted meanwhile wait for the copy
 */
static void test_holds_copy(int fd, int importer)
{
	struct prime p = prime_create(fd, importer, SIZE, 1);
	struct dma_buf_pfn_result first, second, third;
	uint32_t job[3];

	slow_jobs(SLOW);
	job[0] = pfn_job_fill(p.import, 0, SIZE, 2, 0);
	slow_jobs(0);
	slow_copies(fd, 100 * MS);
	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_TT);
	slow_copies(fd, 0);
	igt_assert(!pfn_job_done(p.import, job[0]));

	/* In the new place, where nothing is yet */
	job[1] = pfn_job_verify(p.import, 1, SIZE, 2, 0);
	job[2] = pfn_job_verify(p.import, 2, SIZE, 2, EXPLICIT);
	first = pfn_job_result(p.import, job[0]);
	second = pfn_job_assert_right(p.import, job[1]);
	third = pfn_job_assert_right(p.import, job[2]);
	igt_assert_lte_u64(first.end_ns, second.access_ns);
	igt_assert_lte_u64(first.end_ns, third.access_ns);
	prime_check(&p, 2);
	prime_destroy(&p);
}

/* Whether who wants to read, or write, has to wait */
static bool must_wait(int dmabuf, uint32_t flags)
{
	int sync_file = __dmabuf_sync_file(dmabuf, flags), ret;

	igt_assert_lte(0, sync_file);
	ret = __sync_file_wait(sync_file, 0);
	close(sync_file);
	igt_assert_lte(0, ret);
	return !ret;
}

/*
 * SUBTEST: job-usage
 * Description: others wait for what they must: readers for jobs that write, writers
 *		for all, and only the kernel for jobs that are explicit
 */
static void test_usage(int fd, int importer)
{
	static const struct {
		uint32_t op, flags;
		bool holds_readers, holds_writers;
	} jobs[] = {
		{ DMA_BUF_PFN_JOB_FILL, 0, true, true },
		{ DMA_BUF_PFN_JOB_VERIFY, 0, false, true },
		{ DMA_BUF_PFN_JOB_FILL, EXPLICIT, false, false },
		{ DMA_BUF_PFN_JOB_VERIFY, EXPLICIT, false, false },
	};
	struct dma_buf_pfn_submit arg;
	struct prime p;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(jobs); i++) {
		p = prime_create(fd, importer, SIZE, 1);
		igt_assert(!must_wait(p.dmabuf, DMA_BUF_SYNC_RW));
		arg = pfn_job_arg(jobs[i].op, SIZE, 1);
		arg.flags = jobs[i].flags;
		slow_jobs(SLOW);
		pfn_job_submit(p.import, &arg);
		slow_jobs(0);
		igt_assert_eq(must_wait(p.dmabuf, DMA_BUF_SYNC_READ),
			      jobs[i].holds_readers);
		igt_assert_eq(must_wait(p.dmabuf, DMA_BUF_SYNC_RW),
			      jobs[i].holds_writers);
		igt_assert(!pfn_job_done(p.import, arg.job));
		pfn_job_assert_right(p.import, arg.job);
		prime_destroy(&p);
	}
}

/*
 * SUBTEST: job-order
 * Description: jobs see what those before them have written, whichever engine does
 *		them and whoever has imported the buffer
 */
static void test_order(int fd, int importer)
{
	struct prime p = prime_create(fd, importer, SIZE, 1);
	int other = pfn_import_flags(importer, p.dmabuf, 0);
	uint32_t fill, verify, again, explicit;

	/* A static region that both reach, for the import that is no peer */
	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_TT);
	slow_jobs(SLOW);
	fill = pfn_job_fill(p.import, 0, SIZE, 2, 0);
	slow_jobs(0);
	explicit = pfn_job_verify(other, 2, SIZE, 1, EXPLICIT);
	verify = pfn_job_verify(other, 1, SIZE, 2, 0);
	again = pfn_job_fill(other, 3, SIZE, 3, 0);

	/* Who does not care about order has none. */
	pfn_job_assert_right(other, explicit);
	igt_assert(!pfn_job_done(p.import, fill));
	pfn_job_assert_right(other, verify);
	pfn_job_result(p.import, fill);
	pfn_job_result(other, again);
	close(other);
	prime_check(&p, 3);
	prime_destroy(&p);
}

/*
 * SUBTEST: job-close
 * Description: an import can go while its jobs are under way: they finish, and hold
 *		up a move as before
 */
static void test_close(int fd, int importer)
{
	struct dma_buf_pfn_submit arg = pfn_job_arg(DMA_BUF_PFN_JOB_FILL, SIZE, 2);
	struct prime p = prime_create(fd, importer, SIZE, 1);
	int i;

	slow_jobs(SLOW);
	arg.flags = DMA_BUF_PFN_SUBMIT_FENCE_FD;
	pfn_job_submit(p.import, &arg);
	slow_jobs(100 * MS);
	for (i = 0; i < 20; i++)
		pfn_job_fill(p.import, i % NUM, SIZE, 2, EXPLICIT);
	slow_jobs(0);
	munmap(p.map, SIZE);
	close(p.import);
	igt_assert_eq(__sync_file_wait(arg.fence_fd, 0), 0);
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, p.handle).num_attachments, 0);

	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_TT);
	igt_assert_eq(__sync_file_wait(arg.fence_fd, 0), 1);
	vgem_pfn_bo_check(fd, p.handle, SIZE, 2);
	close(arg.fence_fd);
	close(p.dmabuf);
	vgem_pfn_gem_close(fd, p.handle);
}

void prime_engines_tests(int fd, int importer)
{
	igt_describe("Engines work in parallel, and each in order.");
	igt_subtest("engines")
		test_engines(fd, importer);

	igt_describe("A move waits for a job that writes.");
	igt_subtest("job-holds-move-write")
		test_holds_move(fd, importer, DMA_BUF_PFN_JOB_FILL, 0);

	igt_describe("A move waits for a job that reads.");
	igt_subtest("job-holds-move-read")
		test_holds_move(fd, importer, DMA_BUF_PFN_JOB_VERIFY, 0);

	igt_describe("A move waits for a job that nobody else waits for.");
	igt_subtest("job-holds-move-explicit")
		test_holds_move(fd, importer, DMA_BUF_PFN_JOB_FILL, EXPLICIT);

	igt_describe("A copy waits for jobs, and jobs wait for a copy.");
	igt_subtest("job-holds-copy")
		test_holds_copy(fd, importer);

	igt_describe("Others wait for a job as its fence says.");
	igt_subtest("job-usage")
		test_usage(fd, importer);

	igt_describe("Jobs of all engines and imports keep their order.");
	igt_subtest("job-order")
		test_order(fd, importer);

	igt_describe("Jobs outlive their import.");
	igt_subtest("job-close")
		test_close(fd, importer);
}
