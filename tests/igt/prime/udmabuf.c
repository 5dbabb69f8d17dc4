// SPDX-License-Identifier: MIT
/*
 * Subtests of imports from udmabuf, an exporter that never moves. Userspace provides
 * its pages, so the expected pfns are those of this process's page tables.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/udmabuf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "dmabuf_sync_file.h"
#include "igt.h"
#include "pfn_fault.h"
#include "pfn_nth.h"
#include "pfn_trace.h"
#include "prime.h"
#include "sw_sync.h"

#define HUGE	(2 * MiB)

/* A memfd, filled, sealed for udmabuf, and mapped */
struct memory {
	int fd;
	size_t size;
	char *map;
};

static struct memory memory_create(size_t size, unsigned int flags,
				   uint64_t seed)
{
	struct memory m = { .size = size };

	m.fd = memfd_create("udmabuf", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags);
	igt_assert_lte(0, m.fd);
	igt_assert_eq(ftruncate(m.fd, size), 0);
	igt_assert_eq(fcntl(m.fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	m.map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, m.fd, 0);
	igt_assert(m.map != MAP_FAILED);
	pfn_pattern_fill(m.map, 0, size, seed);
	return m;
}

static void memory_destroy(struct memory *m)
{
	munmap(m->map, m->size);
	close(m->fd);
}

/* Read a pfn from this process's page tables. */
static uint64_t memory_pfn(struct memory *m, uint64_t page)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uintptr_t vpn = (uintptr_t)m->map / PFN_PAGE_SIZE + page;
	uint64_t entry = 0;

	igt_assert_lte(0, fd);
	igt_assert_eq(pread(fd, &entry, 8, vpn * 8), 8);
	close(fd);
	igt_assert(entry >> 63);
	return entry & ((1ULL << 55) - 1);
}

/* Create a udmabuf of these pages of @m, in this order. */
static int udmabuf_create(struct memory *m, const uint32_t *pages, int count)
{
	int dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC), fd, i;
	struct udmabuf_create_list *list;

	igt_require_f(dev >= 0, "no /dev/udmabuf\n");
	list = calloc(1, sizeof(*list) + count * sizeof(list->list[0]));
	igt_assert(list);
	list->flags = UDMABUF_FLAGS_CLOEXEC;
	list->count = count;
	for (i = 0; i < count; i++) {
		list->list[i].memfd = m->fd;
		list->list[i].offset = pages[i] * PFN_PAGE_SIZE;
		list->list[i].size = PFN_PAGE_SIZE;
	}
	fd = ioctl(dev, UDMABUF_CREATE_LIST, list);
	igt_assert_lte(0, fd);
	free(list);
	close(dev);
	return fd;
}

static int udmabuf_create_whole(struct memory *m)
{
	int dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC), fd;
	struct udmabuf_create arg = {
		.memfd = m->fd,
		.flags = UDMABUF_FLAGS_CLOEXEC,
		.size = m->size,
	};

	igt_require_f(dev >= 0, "no /dev/udmabuf\n");
	fd = ioctl(dev, UDMABUF_CREATE, &arg);
	igt_assert_lte(0, fd);
	close(dev);
	return fd;
}

static void test_udmabuf_import(int importer)
{
	struct memory m = memory_create(MiB, 0, 1);
	struct dma_buf_pfn_entry entry;
	struct dma_buf_pfn_stats stats;
	int dmabuf, import;
	uint64_t i;
	char *map;

	dmabuf = udmabuf_create_whole(&m);
	import = pfn_import(importer, dmabuf);
	map = pfn_import_mmap(import, MiB, PROT_READ | PROT_WRITE);

	pfn_assert_pattern(map, 0, MiB, 1);
	pfn_import_dev_check(import, MiB, 1);
	for (i = 0; i < MiB / PFN_PAGE_SIZE; i++) {
		entry = pfn_import_entry(import, i);
		igt_assert_eq_u64(entry.cpu_pfn, memory_pfn(&m, i));
		igt_assert_eq_u64(entry.dev_pfn, memory_pfn(&m, i));
	}

	pfn_import_dev_fill(import, MiB, 2);
	pfn_assert_pattern(m.map, 0, MiB, 2);
	pfn_pattern_fill(map, 0, MiB, 3);
	pfn_assert_pattern(m.map, 0, MiB, 3);

	/* The import alone keeps the pages. */
	memory_destroy(&m);
	close(dmabuf);
	pfn_assert_pattern(map, 0, MiB, 3);
	pfn_import_dev_check(import, MiB, 3);
	stats = pfn_import_stats(import);
	igt_assert_eq_u64(stats.invalidations, 0);

	munmap(map, MiB);
	close(import);
}

static void test_udmabuf_classes(int importer)
{
	static const uint32_t ways[] = {
		0, DMA_BUF_PFN_IMPORT_DEVICE, DMA_BUF_PFN_IMPORT_P2P,
		DMA_BUF_PFN_IMPORT_DEVICE | DMA_BUF_PFN_IMPORT_P2P,
	};
	struct memory m = memory_create(64 * KiB, 0, 1);
	int dmabuf = udmabuf_create_whole(&m), import;
	const struct prime_class *class;
	uint64_t seed = 1;
	size_t i;

	for (class = prime_classes; class->name; class++) {
		for (i = 0; i < ARRAY_SIZE(ways); i++) {
			if (class->flags & DMA_BUF_PFN_IMPORT_STATIC &&
			    ways[i] & DMA_BUF_PFN_IMPORT_P2P) {
				igt_assert_eq(__pfn_import_flags(importer, dmabuf,
								 class->flags | ways[i],
								 NULL), -EINVAL);
				continue;
			}
			import = pfn_import_flags(importer, dmabuf,
						  class->flags | ways[i]);
			pfn_import_dev_check(import, 64 * KiB, seed++);
			pfn_job_result(import, pfn_job_fill(import, 0, 64 * KiB,
							    seed, 0));
			pfn_assert_pattern(m.map, 0, 64 * KiB, seed);
			igt_assert_eq_u64(pfn_import_entry(import, 7).dev_pfn,
					  memory_pfn(&m, 7));
			close(import);
		}
	}
	close(dmabuf);
	memory_destroy(&m);
}

static void test_udmabuf_job_close(int importer)
{
	struct dma_buf_pfn_submit arg = pfn_job_arg(DMA_BUF_PFN_JOB_FILL, MiB, 2);
	struct memory m = memory_create(MiB, 0, 1);
	int dmabuf = udmabuf_create_whole(&m);
	int import = pfn_import(importer, dmabuf);

	pfn_importer_set_knob("job_latency_us", 1000000);
	arg.flags = DMA_BUF_PFN_SUBMIT_FENCE_FD;
	pfn_job_submit(import, &arg);
	pfn_importer_set_knob("job_latency_us", 0);
	close(import);
	close(dmabuf);
	igt_assert(sync_file_busy(arg.fence_fd));
	pfn_assert_pattern(m.map, 0, MiB, 1);
	igt_assert_eq(sync_fence_wait(arg.fence_fd, -1), 0);
	pfn_assert_pattern(m.map, 0, MiB, 2);
	close(arg.fence_fd);
	memory_destroy(&m);
}

/* Check the data and the pfns of every page of an import of @pages. */
static void check_list(int importer, struct memory *m, const uint32_t *pages,
		       int count)
{
	int dmabuf = udmabuf_create(m, pages, count), i;
	int import = pfn_import(importer, dmabuf);
	uint64_t data[512], word;
	volatile char *map;

	map = pfn_import_mmap(import, count * PFN_PAGE_SIZE, PROT_READ);
	for (i = 0; i < count; i++) {
		word = pages[i] * PFN_PAGE_SIZE;
		pfn_import_read(import, i * PFN_PAGE_SIZE, data, sizeof(data));
		pfn_assert_pattern(data, word, sizeof(data), 1);
		(void)map[i * PFN_PAGE_SIZE];
		igt_assert_eq_u64(pfn_import_entry(import, i).cpu_pfn,
				  memory_pfn(m, pages[i]));
		igt_assert_eq_u64(pfn_import_entry(import, i).dev_pfn,
				  memory_pfn(m, pages[i]));
	}
	munmap((void *)map, count * PFN_PAGE_SIZE);
	close(import);
	close(dmabuf);
}

/*
 * With CONFIG_DMABUF_DEBUG a block or run that is not contiguous would be
 * reported, too.
 */
static void test_udmabuf_list(int importer, size_t size, unsigned int flags)
{
	static const uint32_t lists[][8] = {
		{ 0, 1, 2, 3, 4, 5, 6, 7 },
		{ 7, 6, 5, 4, 3, 2, 1, 0 },
		{ 0, 2, 1, 3, 4, 6, 5, 7 },
		{ 0, 1, 2, 3, 0, 1, 2, 3 },
		{ 0, 0, 2, 3, 4, 5, 5, 7 },
		{ 1, 2, 3, 4, 5, 6, 7, 8 },
	};
	struct memory m = memory_create(size, flags, 1);
	unsigned int i;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		check_list(importer, &m, lists[i], 8);

	memory_destroy(&m);
}

static void test_udmabuf_nth(int importer)
{
	struct memory m = memory_create(64 * KiB, 0, 1);
	int nth = pfn_nth_begin(), failed = 0, left, n, dmabuf, import, ret;
	uint64_t word;

	for (n = 1, left = 0; !left; n++) {
		igt_assert_lt(n, 100);
		dmabuf = udmabuf_create_whole(&m);
		import = pfn_import(importer, dmabuf);
		word = 0;
		pfn_nth_arm(nth, n);
		ret = __pfn_import_access(import, 0, &word, sizeof(word), 0);
		left = pfn_nth_disarm(nth);

		if (ret) {
			igt_assert_eq(ret, -ENOMEM);
			failed++;
			pfn_import_read(import, 0, &word, sizeof(word));
		}
		igt_assert_eq_u64(word, pfn_pattern_word(1, 0));
		close(import);
		close(dmabuf);
	}
	pfn_nth_end(nth);
	igt_info("%d fault points, %d failures\n", n - 2, failed);
	igt_assert_lt(0, failed);
	memory_destroy(&m);
}

/* Make sure that @wanted 2 MiB pages exist, allocating them if necessary. */
static bool huge_pages(int wanted)
{
	FILE *file = fopen("/proc/sys/vm/nr_hugepages", "r+e");
	int got = 0;

	if (!file)
		return false;
	fprintf(file, "%d", wanted);
	rewind(file);
	if (fscanf(file, "%d", &got) != 1)
		got = 0;
	fclose(file);
	return got >= wanted;
}

static void test_udmabuf_orders(int importer)
{
	struct memory m = memory_create(HUGE, MFD_HUGETLB | MFD_HUGE_2MB, 1);
	int dmabuf = udmabuf_create_whole(&m);
	int import = pfn_import(importer, dmabuf);
	volatile char *map = pfn_import_mmap(import, HUGE, PROT_READ);
	volatile char *part = pfn_import_mmap(import, HUGE / 2, PROT_READ);
	uint64_t data;

	igt_assert_eq(__pfn_trace_start("dma_buf", "dma_buf_get_pfn"), 0);
	pfn_import_read(import, 77 * PFN_PAGE_SIZE, &data, 8);
	igt_assert_eq(__pfn_trace_count("dma_buf_get_pfn: exp_name=udmabuf"), 1);
	igt_assert_eq(__pfn_trace_count("pgoff=77 "), 1);
	igt_assert_eq(__pfn_trace_count("order=9 ret=0"), 1);

	/* One fault with a huge entry, one in a mapping that is too small for it */
	igt_assert_eq(__pfn_trace_start("dma_buf", "dma_buf_get_pfn_run"), 0);
	(void)map[77 * PFN_PAGE_SIZE];
	igt_assert_eq(__pfn_trace_count("asked=0 pgoff=0 "), 1);
	igt_assert_eq(__pfn_trace_count("pages=512 ret=0"), 1);
	(void)part[77 * PFN_PAGE_SIZE];
	igt_assert_eq(__pfn_trace_count("asked=77 pgoff=0 "), 1);
	igt_assert_eq(__pfn_trace_count("pages=512 ret=0"), 2);

	munmap((void *)part, HUGE / 2);
	munmap((void *)map, HUGE);
	close(import);
	close(dmabuf);
	memory_destroy(&m);
}

void prime_udmabuf_tests(int importer)
{
	igt_describe("An import of a udmabuf accesses the memfd, and keeps its pages.");
	igt_subtest("udmabuf-import")
		test_udmabuf_import(importer);

	igt_describe("Every class of import works, with a device and without.");
	igt_subtest("udmabuf-classes")
		test_udmabuf_classes(importer);

	igt_describe("Pages are kept while a job is pending.");
	igt_subtest("udmabuf-job-close")
		test_udmabuf_job_close(importer);

	igt_describe("Pages of a memfd can be listed in any order.");
	igt_subtest("udmabuf-list")
		test_udmabuf_list(importer, 64 * KiB, 0);

	igt_describe("A lookup whose allocations fail can be repeated.");
	igt_subtest("udmabuf-nth")
		test_udmabuf_nth(importer);

	igt_subtest_group() {
		igt_fixture() {
			igt_require_f(huge_pages(2), "no free 2 MiB pages\n");
		}

		igt_describe("Pages of one folio can be listed in any order.");
		igt_subtest("udmabuf-list-huge")
			test_udmabuf_list(importer, HUGE,
					  MFD_HUGETLB | MFD_HUGE_2MB);

		igt_describe("Lookups of blocks and runs report whole huge pages.");
		igt_subtest("udmabuf-orders")
			test_udmabuf_orders(importer);

		igt_fixture() {
			__pfn_trace_end();
			huge_pages(0);
		}
	}
}
