// SPDX-License-Identifier: MIT
/* Subtests of imports: valid and invalid dma-bufs, and the number of lookups. */
#include <dirent.h>
#include <fcntl.h>
#include <linux/dma-heap.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "igt.h"
#include "prime.h"

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	igt_assert(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void test_import(int fd, int importer)
{
	const size_t size = MiB, pages = size / PFN_PAGE_SIZE;
	struct drm_vgem_pfn_bo_query query;
	struct dma_buf_pfn_stats stats;
	uint64_t imported_size = 0;
	struct prime p;
	int again;

	p = prime_create(fd, importer, size, 1);

	/* Importing and mapping do not look up any pfn. */
	pfn_import_assert_truth(p.import, fd, p.handle, size, 0);
	query = vgem_pfn_bo_query(fd, p.handle);
	igt_assert_eq_u32(query.exported, 1);
	igt_assert_eq_u32(query.num_attachments, 1);
	igt_assert_eq_u64(vgem_pfn_bo_stats(fd, p.handle).get_pfn, 0);

	pfn_assert_pattern(p.map, 0, size, 1);
	pfn_import_assert_truth(p.import, fd, p.handle, size, ENTRY_CPU);
	stats = pfn_import_stats(p.import);
	igt_assert_eq_u64(stats.faults, pages);
	igt_assert_eq_u64(stats.faults_at[DMA_BUF_PFN_LEVEL_PTE], pages);
	igt_assert_eq_u64(stats.cpu_mapped, pages);
	igt_assert_eq_u64(stats.dev_mapped, 0);

	prime_check(&p, 1);
	stats = pfn_import_stats(p.import);
	igt_assert_eq_u64(stats.faults, pages);
	igt_assert_eq_u64(stats.dev_lookups, pages);
	igt_assert_eq_u64(stats.dev_mapped, pages);
	igt_assert_eq_u64(stats.dev_retries, 0);
	igt_assert_eq_u64(stats.invalidations, 0);
	/* CONFIG_DMABUF_DEBUG repeats lookups. */
	igt_assert_lte_u64(2 * pages,
			   vgem_pfn_bo_stats(fd, p.handle).get_pfn);
	igt_assert_eq_u32(pfn_import_entry(p.import, 0).flags,
			  ENTRY_DEV | ENTRY_CPU | DMA_BUF_PFN_ENTRY_DEV_WRITE |
			  DMA_BUF_PFN_ENTRY_CPU_WRITE);

	/* Writes by CPU, by device and by the exporter are visible to all others. */
	pfn_pattern_fill(p.map, 0, size, 2);
	prime_check(&p, 2);
	vgem_pfn_bo_check(fd, p.handle, size, 2);
	pfn_import_dev_fill(p.import, size, 3);
	prime_check(&p, 3);
	vgem_pfn_bo_check(fd, p.handle, size, 3);
	vgem_pfn_bo_fill(fd, p.handle, size, 4);
	prime_check(&p, 4);

	again = __pfn_import(importer, p.dmabuf, &imported_size);
	igt_assert_lte(0, again);
	igt_assert_eq(fcntl(again, F_GETFD), FD_CLOEXEC);
	igt_assert_eq_u64(imported_size, size);
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, p.handle).num_attachments, 2);
	close(again);
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, p.handle).num_attachments, 1);

	prime_destroy(&p);
}

static void test_import_populates(int fd, int importer)
{
	uint32_t handle = vgem_pfn_bo_create(fd, 64 * KiB, VGEM_PFN_SYSTEM);
	int dmabuf = vgem_pfn_export(fd, handle);
	int import = pfn_import(importer, dmabuf);
	uint64_t data[512];
	char *map;
	int i;

	igt_assert_eq_u64(vgem_pfn_bo_pfn(fd, handle, 0), VGEM_PFN_NO_PFN);
	pfn_import_read(import, 0, data, sizeof(data));
	for (i = 0; i < 512; i++)
		igt_assert_eq_u64(data[i], 0);
	map = pfn_import_mmap(import, 64 * KiB, PROT_READ);
	for (i = 0; i < 64 * (int)KiB; i++)
		igt_assert_eq(map[i], 0);
	igt_assert_neq_u64(vgem_pfn_bo_pfn(fd, handle, 15),
			   VGEM_PFN_NO_PFN);

	munmap(map, 64 * KiB);
	close(import);
	close(dmabuf);
	vgem_pfn_gem_close(fd, handle);
}

static void test_self_import(int fd)
{
	uint32_t handle = vgem_pfn_bo_create(fd, 64 * KiB, VGEM_PFN_CARVEOUT);
	int other = vgem_pfn_open(), dmabuf = vgem_pfn_export(fd, handle);
	uint32_t same, twin;

	vgem_pfn_bo_fill(fd, handle, 64 * KiB, 1);
	igt_assert_eq(__vgem_pfn_fd_to_handle(fd, dmabuf, &same), 0);
	igt_assert_eq_u32(same, handle);

	igt_assert_eq(__vgem_pfn_fd_to_handle(other, dmabuf, &twin), 0);
	igt_assert_eq_u64(vgem_pfn_bo_pfn(other, twin, 3),
			  vgem_pfn_bo_pfn(fd, handle, 3));
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, handle).num_attachments, 0);

	/* A move through one handle is a move for both. */
	vgem_pfn_bo_move(other, twin, VGEM_PFN_SYSTEM);
	igt_assert_eq_u64(vgem_pfn_bo_query(fd, handle).num_moves, 1);
	vgem_pfn_bo_check(other, twin, 64 * KiB, 1);

	/* Closing the last handle frees the buffer. */
	close(dmabuf);
	vgem_pfn_gem_close(fd, handle);
	vgem_pfn_bo_check(other, twin, 64 * KiB, 1);
	close(other);
}

static void test_import_bad_fd(int importer)
{
	int ends[2], n = count_fds();
	int file = open("/proc/self/exe", O_RDONLY);

	igt_assert_eq(pipe(ends), 0);
	igt_assert_eq(__pfn_import(importer, -1, NULL), -EBADF);
	igt_assert_eq(__pfn_import(importer, 12345, NULL), -EBADF);
	igt_assert_eq(__pfn_import(importer, file, NULL), -EINVAL);
	igt_assert_eq(__pfn_import(importer, ends[0], NULL), -EINVAL);
	igt_assert_eq(__pfn_import(importer, importer, NULL), -EINVAL);
	close(ends[0]);
	close(ends[1]);
	close(file);
	igt_assert_eq(count_fds(), n);
}

static void test_import_of_import(int fd, int importer)
{
	struct prime p = prime_create(fd, importer, 4 * KiB, 1);

	igt_assert_eq(__pfn_import(importer, p.import, NULL), -EINVAL);
	prime_destroy(&p);
}

static void test_import_no_pfn_heap(int importer)
{
	struct dma_heap_allocation_data arg = {
		.len = 64 * KiB,
		.fd_flags = O_RDWR | O_CLOEXEC,
	};
	int heap = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);

	igt_require_f(heap >= 0, "no system heap\n");
	igt_assert_eq(ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &arg), 0);
	igt_assert_eq(__pfn_import(importer, arg.fd, NULL), -EOPNOTSUPP);
	close(arg.fd);
	close(heap);
}

static void test_import_no_pfn_vgem(int importer)
{
	int vgem = pfn_open_other(DRIVER_VGEM, "vgem"), dmabuf = pfn_export_dumb(vgem, 16 * KiB);

	igt_assert_eq(__pfn_import(importer, dmabuf, NULL), -EOPNOTSUPP);
	close(dmabuf);
	pfn_close_other("vgem", vgem);
}

static void test_import_bad_args(int fd, int importer)
{
	struct prime p = prime_create(fd, importer, 4 * KiB, 1);
	struct dma_buf_pfn_import arg, *ro;
	int bit, n = count_fds();

	for (bit = 0; bit < 32; bit++) {
		arg = (struct dma_buf_pfn_import) {
			.dma_buf_fd = p.dmabuf,
			.flags = 1U << bit,
		};
		if (!(arg.flags & DMA_BUF_PFN_IMPORT_FLAGS))
			igt_assert_eq(__pfn_ioctl(importer, DMA_BUF_PFN_IMPORT,
						  &arg), -EINVAL);
		arg.flags = 0;
		arg.pad = 1U << bit;
		igt_assert_eq(__pfn_ioctl(importer, DMA_BUF_PFN_IMPORT, &arg),
			      -EINVAL);
	}

	/* The new fd cannot be returned, so none may be left open. */
	ro = mmap(NULL, 4 * KiB, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	igt_assert(ro != MAP_FAILED);
	ro->dma_buf_fd = p.dmabuf;
	igt_assert_eq(mprotect(ro, 4 * KiB, PROT_READ), 0);
	igt_assert_eq(__pfn_ioctl(importer, DMA_BUF_PFN_IMPORT, ro), -EFAULT);
	igt_assert_eq(__pfn_ioctl(importer, DMA_BUF_PFN_IMPORT, NULL), -EFAULT);
	munmap(ro, 4 * KiB);

	/* Importer and import have different ioctls. */
	igt_assert_eq(__pfn_import(p.import, p.dmabuf, NULL), -ENOTTY);
	igt_assert_eq(__pfn_ioctl(importer, DMA_BUF_PFN_STATS, &arg), -ENOTTY);
	igt_assert_eq(__pfn_ioctl(importer, DMA_BUF_PFN_STATS + 77, &arg),
		      -ENOTTY);

	igt_assert_eq(count_fds(), n);
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, p.handle).num_attachments, 1);
	prime_destroy(&p);
}

void prime_import_tests(int fd, int importer)
{
	igt_describe("An import accesses the buffer at the exporter's pfns.");
	igt_subtest("import")
		test_import(fd, importer);

	igt_describe("The first access to a buffer can be an importer's.");
	igt_subtest("import-populates")
		test_import_populates(fd, importer);

	igt_describe("A device imports its own dma-buf as the buffer itself.");
	igt_subtest("self-import")
		test_self_import(fd);

	igt_describe("File descriptors that are no dma-bufs are rejected.");
	igt_subtest("import-bad-fd")
		test_import_bad_fd(importer);

	igt_describe("An import is not a dma-buf.");
	igt_subtest("import-of-import")
		test_import_of_import(fd, importer);

	igt_describe("An exporter without get_pfn is rejected.");
	igt_subtest("import-no-pfn-heap")
		test_import_no_pfn_heap(importer);

	igt_describe("An exporter without get_pfn is rejected.");
	igt_subtest("import-no-pfn-vgem")
		test_import_no_pfn_vgem(importer);

	igt_describe("Failed imports leave nothing behind.");
	igt_subtest("import-bad-args")
		test_import_bad_args(fd, importer);
}
