// SPDX-License-Identifier: MIT
/*
 * Subtests of the import's device: its TLB, and the ioctls that submit jobs and read
 * their results.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include "dmabuf_sync_file.h"
#include "igt.h"
#include "prime.h"
#include "sw_sync.h"

#define MS		1000		/* us */
#define SIZE		(64 * KiB)

#define FENCE_FD	DMA_BUF_PFN_SUBMIT_FENCE_FD

static void test_tlb(int fd, int importer)
{
	struct prime p = prime_create(fd, importer, SIZE, 1);
	struct dma_buf_pfn_stats stats;

	pfn_import_dev_check(p.import, SIZE, 1);
	stats = pfn_import_stats(p.import);
	igt_assert_eq_u64(stats.tlb_hits, 0);
	igt_assert_eq_u64(stats.tlb_flushes, 0);

	pfn_import_dev_check(p.import, SIZE, 1);
	igt_assert_eq_u64(pfn_import_stats(p.import).tlb_hits,
			  SIZE / PFN_PAGE_SIZE);
	igt_assert_eq_u64(pfn_import_stats(p.import).dev_lookups,
			  stats.dev_lookups);

	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_TT);
	vgem_pfn_bo_fill(fd, p.handle, SIZE, 2);
	pfn_import_dev_check(p.import, SIZE, 2);
	stats = pfn_import_stats(p.import);
	igt_assert_eq_u64(stats.tlb_flushes, stats.invalidations);
	igt_assert_eq_u64(stats.tlb_hits, SIZE / PFN_PAGE_SIZE);
	prime_check(&p, 2);
	prime_destroy(&p);
}

/* Write some bytes with a job, and read them back with another. */
static void write_and_read(struct prime *p, uint64_t offset, uint64_t length)
{
	uint8_t *out = malloc(length + 1), *in = malloc(length + 1);
	struct dma_buf_pfn_result result;
	struct dma_buf_pfn_submit arg;
	uint64_t i;

	igt_assert(out && in);
	for (i = 0; i <= length; i++)
		out[i] = i * 7 + offset;

	arg = pfn_job_arg(DMA_BUF_PFN_JOB_WRITE, length, 0);
	arg.offset = offset;
	arg.data = (uintptr_t)out;
	pfn_job_submit(p->import, &arg);
	pfn_job_result(p->import, arg.job);
	igt_assert(!memcmp(p->map + offset, out, length));

	in[length] = 0xee;
	arg = pfn_job_arg(DMA_BUF_PFN_JOB_READ, length, 0);
	arg.offset = offset;
	pfn_job_submit(p->import, &arg);
	igt_assert_eq(__pfn_import_result(p->import, arg.job, 0, in, &result), 0);
	igt_assert(!memcmp(in, out, length));
	igt_assert_eq(in[length], 0xee);
	free(out);
	free(in);
}

static void test_operations(int fd, int importer, size_t size)
{
	static const uint32_t regions[] = { VGEM_PFN_CARVEOUT, VGEM_PFN_TT };
	struct prime p = prime_create(fd, importer, size, 1);
	struct dma_buf_pfn_result result;
	struct dma_buf_pfn_submit arg;
	uint64_t word;
	int i;

	for (i = 0; i < 2; i++) {
		vgem_pfn_bo_move(fd, p.handle, regions[i]);
		pfn_job_result(p.import, pfn_job_fill(p.import, i, size, 2, 0));
		prime_check(&p, 2);
		pfn_job_assert_right(p.import,
				     pfn_job_verify(p.import, 3, size, 2, 0));

		/* Corrupt three words, and check the offset of the first. */
		word = 0;
		pfn_import_write(p.import, size / 2 + 8, &word, 8);
		pfn_import_write(p.import, size / 2 + 24, &word, 8);
		pfn_import_write(p.import, size - 8, &word, 8);
		result = pfn_job_result(p.import, pfn_job_verify(p.import, 0,
								 size, 2, 0));
		igt_assert_eq_u64(result.wrong, 3);
		igt_assert_eq_u64(result.first_wrong, size / 2 + 8);

		/* Fill a part that does not start at a page boundary. */
		arg = pfn_job_arg(DMA_BUF_PFN_JOB_FILL, size / 2 - 16, 2);
		arg.offset = size / 2 + 8;
		pfn_job_submit(p.import, &arg);
		pfn_job_result(p.import, arg.job);
		result = pfn_job_result(p.import, pfn_job_verify(p.import, 0,
								 size, 2, 0));
		igt_assert_eq_u64(result.wrong, 1);
		igt_assert_eq_u64(result.first_wrong, size - 8);

		write_and_read(&p, 0, 1);
		write_and_read(&p, 4095, 2);
		write_and_read(&p, 5001, 20000);
		write_and_read(&p, size - 3, 3);
	}
	igt_assert_eq_u64(pfn_import_stats(p.import).jobs, 2 * (5 + 8));
	prime_destroy(&p);
}

static void test_result(int fd, int importer)
{
	struct dma_buf_pfn_submit arg = pfn_job_arg(DMA_BUF_PFN_JOB_FILL, SIZE, 2);
	struct prime p = prime_create(fd, importer, SIZE, 1);
	int other = pfn_import(importer, p.dmabuf);
	struct dma_buf_pfn_result result;

	pfn_importer_set_knob("job_latency_us", 1500 * MS);
	arg.flags = FENCE_FD;
	pfn_job_submit(p.import, &arg);
	igt_assert_eq(fcntl(arg.fence_fd, F_GETFD), FD_CLOEXEC);
	igt_assert(sync_file_busy(arg.fence_fd));
	igt_assert(!pfn_job_done(p.import, arg.job));
	igt_assert_eq(__pfn_import_result(other, arg.job, 0, NULL, &result),
		      -ENOENT);

	igt_assert_eq(sync_fence_wait(arg.fence_fd, -1), 0);
	result = pfn_job_result(p.import, arg.job);
	igt_assert_lte_u64(1500 * MS * 1000ULL, result.access_ns - result.start_ns);
	igt_assert_eq(__pfn_import_result(p.import, arg.job, 0, NULL, &result),
		      -ENOENT);
	close(arg.fence_fd);

	/* A job without a fence fd */
	arg.flags = 0;
	pfn_job_submit(p.import, &arg);
	igt_assert_eq(arg.fence_fd, -1);
	igt_assert(!pfn_job_done(p.import, arg.job));
	pfn_job_result(p.import, arg.job);
	pfn_importer_set_knob("job_latency_us", 0);
	prime_check(&p, 2);
	close(other);
	prime_destroy(&p);
}

static void assert_refused(struct prime *p, struct dma_buf_pfn_submit arg,
			   int error)
{
	igt_assert_f(__pfn_import_submit(p->import, &arg) == error,
		     "offset %#llx length %#llx op %u flags %#x engine %u: not %d\n",
		     (long long)arg.offset, (long long)arg.length, arg.op,
		     arg.flags, arg.engine, error);
}

static void test_bad_args(int fd, int importer)
{
	static const uint64_t ranges[][2] = {
		{ 0, 0 }, { 8192, 8 }, { 8184, 16 }, { 0, 8200 }, { ~7ULL, 8 },
		{ 8, ~7ULL }, { 4, 8 }, { 0, 12 }, { 8, 1 },
	};
	const struct dma_buf_pfn_submit fill =
		pfn_job_arg(DMA_BUF_PFN_JOB_FILL, 8 * KiB, 2);
	struct prime p = prime_create(fd, importer, 8 * KiB, 1);
	struct dma_buf_pfn_submit arg, *ro;
	struct dma_buf_pfn_result result;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		arg = fill;
		arg.offset = ranges[i][0];
		arg.length = ranges[i][1];
		assert_refused(&p, arg, -EINVAL);
	}
	for (i = 0; i < 32; i++) {
		arg = fill;
		arg.pad = 1U << i;
		assert_refused(&p, arg, -EINVAL);
		arg = fill;
		arg.flags = 1U << i;
		if (!(arg.flags & DMA_BUF_PFN_SUBMIT_FLAGS))
			assert_refused(&p, arg, -EINVAL);
		arg = fill;
		arg.engine = DMA_BUF_PFN_NUM_ENGINES << i;
		if (arg.engine)
			assert_refused(&p, arg, -EINVAL);
		arg = fill;
		arg.op = (DMA_BUF_PFN_JOB_VERIFY + 1) << i;
		if (arg.op)
			assert_refused(&p, arg, -EINVAL);
		result = (struct dma_buf_pfn_result) { .flags = 1U << i };
		igt_assert_eq(__pfn_ioctl(p.import, DMA_BUF_PFN_RESULT, &result),
			      result.flags & DMA_BUF_PFN_RESULT_FLAGS ?
			      -ENOENT : -EINVAL);
	}

	/* Fields that an operation does not use must be zero. */
	arg = fill;
	arg.data = (uintptr_t)&result;
	assert_refused(&p, arg, -EINVAL);
	arg = pfn_job_arg(DMA_BUF_PFN_JOB_READ, 8, 0);
	arg.value = 1;
	assert_refused(&p, arg, -EINVAL);
	arg.value = 0;
	arg.step = 1;
	assert_refused(&p, arg, -EINVAL);

	/* Bad pointers, and a result that cannot be written */
	arg = pfn_job_arg(DMA_BUF_PFN_JOB_WRITE, 8, 0);
	assert_refused(&p, arg, -EFAULT);
	igt_assert_eq(__pfn_ioctl(p.import, DMA_BUF_PFN_SUBMIT, NULL), -EFAULT);
	igt_assert_eq(__pfn_ioctl(p.import, DMA_BUF_PFN_RESULT, NULL), -EFAULT);
	ro = mmap(NULL, 4 * KiB, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	igt_assert(ro != MAP_FAILED);
	*ro = fill;
	ro->flags = FENCE_FD;
	igt_assert_eq(mprotect(ro, 4 * KiB, PROT_READ), 0);
	igt_assert_eq(__pfn_ioctl(p.import, DMA_BUF_PFN_SUBMIT, ro), -EFAULT);
	munmap(ro, 4 * KiB);

	igt_assert_eq_u64(pfn_import_stats(p.import).jobs, 0);
	igt_assert_eq(__pfn_import_result(p.import, 0, 0, NULL, &result), -ENOENT);
	prime_check(&p, 1);

	/* A result that could not be written can be read again. */
	arg = pfn_job_arg(DMA_BUF_PFN_JOB_READ, 8, 0);
	pfn_job_submit(p.import, &arg);
	igt_assert_eq(__pfn_import_result(p.import, arg.job, 0, NULL, &result),
		      -EFAULT);
	igt_assert_eq(__pfn_import_result(p.import, arg.job, 0, p.map, &result),
		      0);
	prime_check(&p, 1);
	prime_destroy(&p);
}

static void test_limits(int fd, int importer)
{
	struct prime p = prime_create(fd, importer, 2 * MiB, 1);
	struct dma_buf_pfn_submit arg;
	int i;

	arg = pfn_job_arg(DMA_BUF_PFN_JOB_READ, DMA_BUF_PFN_MAX_DATA + 1, 0);
	assert_refused(&p, arg, -EINVAL);
	write_and_read(&p, 4097, DMA_BUF_PFN_MAX_DATA);

	arg = pfn_job_arg(DMA_BUF_PFN_JOB_VERIFY, 8, 1);
	for (i = 0; i < DMA_BUF_PFN_MAX_JOBS; i++)
		pfn_job_submit(p.import, &arg);
	assert_refused(&p, arg, -EBUSY);
	pfn_job_assert_right(p.import, 77);
	pfn_job_submit(p.import, &arg);
	igt_assert_eq_u32(arg.job, 77);
	assert_refused(&p, arg, -EBUSY);

	/* The remaining results are freed with the import. */
	prime_destroy(&p);
}

static void test_read_only(int fd, int importer)
{
	uint32_t handle = vgem_pfn_bo_create(fd, SIZE, VGEM_PFN_CARVEOUT,
					     VGEM_PFN_TT);
	struct prime p = { .fd = fd, .handle = handle, .size = SIZE };
	struct dma_buf_pfn_submit arg;
	uint64_t word = 0;

	vgem_pfn_bo_fill(fd, handle, SIZE, 1);
	p.dmabuf = vgem_pfn_export_ro(fd, handle);
	p.import = pfn_import(importer, p.dmabuf);

	assert_refused(&p, pfn_job_arg(DMA_BUF_PFN_JOB_FILL, SIZE, 2), -EACCES);
	arg = pfn_job_arg(DMA_BUF_PFN_JOB_WRITE, sizeof(word), 0);
	arg.data = (uintptr_t)&word;
	assert_refused(&p, arg, -EACCES);
	pfn_job_assert_right(p.import,
			     pfn_job_verify(p.import, 0, SIZE, 1, 0));
	close(p.import);
	close(p.dmabuf);
	vgem_pfn_gem_close(fd, handle);
}

void prime_jobs_tests(int fd, int importer)
{
	igt_describe("Accesses hit the device's TLB, until a move flushes it.");
	igt_subtest("tlb")
		test_tlb(fd, importer);

	igt_describe("Jobs read, write, fill and verify.");
	igt_subtest("job-operations")
		test_operations(fd, importer, SIZE);

	igt_describe("Like job-operations, in a buffer of more than one window.");
	igt_subtest("job-operations-large")
		test_operations(fd, importer, 5 * MiB + 12 * KiB);

	igt_describe("Results can be waited for, and are read once.");
	igt_subtest("job-result")
		test_result(fd, importer);

	igt_describe("Invalid jobs are rejected.");
	igt_subtest("job-bad-args")
		test_bad_args(fd, importer);

	igt_describe("Jobs and their data are limited.");
	igt_subtest("job-limits")
		test_limits(fd, importer);

	igt_describe("Jobs do not write to a read-only dma-buf.");
	igt_subtest("job-read-only")
		test_read_only(fd, importer);
}
