// SPDX-License-Identifier: MIT
/* Subtests of the import's ioctls for device access and snapshots. */
#include <linux/capability.h>
#include <sys/mman.h>

#include "igt.h"
#include "prime.h"

static void test_unaligned(int fd, int importer)
{
	static const struct {
		uint64_t offset, length;
	} ranges[] = {
		{ 0, 1 }, { 4095, 1 }, { 4095, 2 }, { 4090, 4100 },
		{ 1, 16 * 4096 - 1 }, { 16 * 4096 - 1, 1 }, { 5000, 30000 },
	};
	const size_t size = 64 * KiB;
	struct prime p = prime_create(fd, importer, size, 1);
	uint8_t shadow[64 * 1024], data[64 * 1024];
	size_t i;

	pfn_pattern_fill(shadow, 0, size, 1);
	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		uint64_t offset = ranges[i].offset, length = ranges[i].length;

		memset(data, 0xee, sizeof(data));
		pfn_import_read(p.import, offset, data, length);
		igt_assert(!memcmp(data, shadow + offset, length));
		if (length < sizeof(data))
			igt_assert_eq(data[length], 0xee);

		memset(data, i + 1, length);
		pfn_import_write(p.import, offset, data, length);
		memset(shadow + offset, i + 1, length);
		igt_assert(!memcmp(p.map, shadow, size));
	}
	prime_destroy(&p);
}

/* Count the kernel's ioremap() mappings. */
static int count_ioremaps(void)
{
	FILE *file = fopen("/proc/vmallocinfo", "re");
	char line[512];
	int n = 0;

	igt_assert(file);
	while (fgets(line, sizeof(line), file))
		n += !!strstr(line, " ioremap");
	fclose(file);
	return n;
}

static void test_windows(int fd, int importer)
{
	const size_t size = 5 * MiB + 12 * KiB, pages = size / PFN_PAGE_SIZE;
	struct prime p = prime_create(fd, importer, size, 1);
	bool has_pages;
	uint64_t i, word;
	int before, used;

	has_pages = !strncmp((char *)vgem_pfn_region(fd, VGEM_PFN_CARVEOUT).name,
			     "contig", strlen("contig"));
	before = count_ioremaps();
	for (i = 0; i < pages; i++) {
		uint64_t offset = i * 7919 % pages * PFN_PAGE_SIZE;

		pfn_import_read(p.import, offset, &word, sizeof(word));
		igt_assert_eq_u64(word, pfn_pattern_word(1, offset / 8));
	}
	used = count_ioremaps() - before;
	igt_info("%d windows\n", used);
	if (has_pages)
		igt_assert_eq(used, 0);
	else
		igt_assert_lte(1, used);
	igt_assert_lte(used, pages / 8);
	igt_assert_eq_u64(pfn_import_stats(p.import).dev_mapped, pages);

	pfn_import_dev_fill(p.import, size, 2);
	prime_check(&p, 2);

	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_TT);
	igt_assert_eq(count_ioremaps(), before);
	pfn_import_dev_check(p.import, size, 2);
	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_CARVEOUT);
	pfn_import_dev_check(p.import, size, 2);
	prime_check(&p, 2);

	prime_destroy(&p);
	igt_assert_eq(count_ioremaps(), before);
}

static void test_bad_range(int fd, int importer)
{
	static const uint64_t bad[][2] = {
		{ 0, 0 }, { 4096, 0 }, { 8192, 0 }, { 8192, 1 }, { 0, 8193 },
		{ 8191, 2 }, { 4096, 4097 }, { ~0ULL, 1 }, { ~0ULL, 2 },
		{ 1, ~0ULL }, { 4096, ~0ULL - 4095 }, { 1ULL << 44, 1 },
	};
	struct prime p = prime_create(fd, importer, 8 * KiB, 1);
	uint8_t data[16 * 1024] = {}, canary[16 * 1024] = {};
	size_t i, write;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		for (write = 0; write < 2; write++) {
			int ret = __pfn_import_access(p.import, bad[i][0], data,
						      bad[i][1], write);

			igt_assert_f(ret == -EINVAL,
				     "offset %#llx length %#llx: %d\n",
				     (long long)bad[i][0],
				     (long long)bad[i][1], ret);
		}
	}
	igt_assert(!memcmp(data, canary, sizeof(data)));
	igt_assert_eq_u64(pfn_import_stats(p.import).dev_lookups, 0);
	prime_check(&p, 1);
	prime_destroy(&p);
}

static void test_bad_args(int fd, int importer)
{
	struct prime p = prime_create(fd, importer, 8 * KiB, 1);
	uint8_t data[8];
	struct dma_buf_pfn_access arg;
	int bit;

	for (bit = 0; bit < 32; bit++) {
		arg = (struct dma_buf_pfn_access) {
			.data = (uintptr_t)data,
			.length = sizeof(data),
			.pad = 1U << bit,
		};
		igt_assert_eq(__pfn_ioctl(p.import, DMA_BUF_PFN_ACCESS, &arg),
			      -EINVAL);
		if (1U << bit & DMA_BUF_PFN_ACCESS_FLAGS)
			continue;
		arg.pad = 0;
		arg.flags = 1U << bit;
		igt_assert_eq(__pfn_ioctl(p.import, DMA_BUF_PFN_ACCESS, &arg),
			      -EINVAL);
	}
	igt_assert_eq(__pfn_ioctl(p.import, DMA_BUF_PFN_ACCESS, NULL), -EFAULT);
	igt_assert_eq(__pfn_import_access(p.import, 0, NULL, 8, 0), -EFAULT);
	igt_assert_eq(__pfn_import_access(p.import, 0, NULL, 8,
					  DMA_BUF_PFN_ACCESS_WRITE), -EFAULT);
	igt_assert_eq(__pfn_ioctl(p.import, DMA_BUF_PFN_STATS, NULL), -EFAULT);
	prime_check(&p, 1);
	prime_destroy(&p);
}

static void test_own_mapping(int fd, int importer)
{
	struct prime p = prime_create(fd, importer, 64 * KiB, 1);

	/* The user copy faults on the import: it would deadlock with a lock held. */
	pfn_import_read(p.import, 0, p.map + 32 * KiB, 32 * KiB);
	pfn_assert_pattern(p.map + 32 * KiB, 0, 32 * KiB, 1);
	pfn_pattern_fill(p.map, 0, 16 * KiB, 2);
	pfn_import_write(p.import, 16 * KiB, p.map, 16 * KiB);
	pfn_assert_pattern(p.map + 16 * KiB, 0, 16 * KiB, 2);

	/* The same for a snapshot into the buffer that it describes */
	igt_assert_eq(__pfn_import_snapshot(p.import, 0, 16,
					    (void *)p.map), 0);
	prime_destroy(&p);
}

static void test_read_only(int fd, int importer)
{
	const size_t size = 16 * KiB;
	uint32_t handle = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT,
					     VGEM_PFN_TT);
	int dmabuf, import;
	uint64_t word = 0;
	void *map;

	vgem_pfn_bo_fill(fd, handle, size, 1);
	dmabuf = vgem_pfn_export_ro(fd, handle);
	import = pfn_import(importer, dmabuf);

	igt_assert(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, import,
			0) == MAP_FAILED);
	igt_assert_eq(errno, EACCES);
	igt_assert(mmap(NULL, size, PROT_WRITE, MAP_SHARED, import, 0) ==
		   MAP_FAILED);
	igt_assert_eq(errno, EACCES);
	igt_assert(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, dmabuf,
			0) == MAP_FAILED);
	igt_assert_eq(errno, EACCES);

	map = pfn_import_mmap(import, size, PROT_READ);
	pfn_assert_pattern(map, 0, size, 1);
	igt_assert_eq(mprotect(map, size, PROT_READ | PROT_WRITE), -1);
	igt_assert_eq(errno, EACCES);

	igt_assert_eq(__pfn_import_access(import, 0, &word, sizeof(word),
					  DMA_BUF_PFN_ACCESS_WRITE), -EACCES);
	pfn_import_dev_check(import, size, 1);
	igt_assert_eq_u32(pfn_import_entry(import, 0).flags,
			  ENTRY_DEV | ENTRY_CPU);

	/* The import follows a move like any other. */
	vgem_pfn_bo_move(fd, handle, VGEM_PFN_TT);
	pfn_assert_pattern(map, 0, size, 1);
	pfn_import_dev_check(import, size, 1);
	pfn_import_assert_truth(import, fd, handle, size,
				ENTRY_DEV | ENTRY_CPU);

	munmap(map, size);
	close(import);
	close(dmabuf);
	vgem_pfn_gem_close(fd, handle);
}

static void test_snapshot_bad_args(int fd, int importer)
{
	static const uint64_t bad[][2] = {
		{ 0, 0 }, { 15, 0 }, { 16, 1 }, { 0, 17 }, { 15, 2 },
		{ ~0ULL, 1 }, { ~0ULL, 2 }, { 1, ~0ULL }, { 0, 1ULL << 60 },
	};
	struct prime p = prime_create(fd, importer, 64 * KiB, 1);
	struct dma_buf_pfn_entry entries[17];
	struct dma_buf_pfn_snapshot arg;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		igt_assert_eq(__pfn_import_snapshot(p.import, bad[i][0],
						    bad[i][1], entries),
			      -EINVAL);
	for (i = 0; i < 32; i++) {
		arg = (struct dma_buf_pfn_snapshot) {
			.count = 1,
			.entries = (uintptr_t)entries,
			.flags = 1U << i,
		};
		igt_assert_eq(__pfn_ioctl(p.import, DMA_BUF_PFN_SNAPSHOT, &arg),
			      -EINVAL);
		arg.flags = 0;
		arg.pad = 1U << i;
		igt_assert_eq(__pfn_ioctl(p.import, DMA_BUF_PFN_SNAPSHOT, &arg),
			      -EINVAL);
		arg.pad = 0;
		arg.generation = 1ULL << i;
		igt_assert_eq(__pfn_ioctl(p.import, DMA_BUF_PFN_SNAPSHOT, &arg),
			      -EINVAL);
	}
	igt_assert_eq(__pfn_import_snapshot(p.import, 0, 1, NULL), -EFAULT);
	igt_assert_eq(__pfn_ioctl(p.import, DMA_BUF_PFN_SNAPSHOT, NULL),
		      -EFAULT);
	prime_destroy(&p);
}

static void test_snapshot_no_permission(int fd, int importer)
{
	struct prime p = prime_create(fd, importer, 64 * KiB, 1);

	prime_touch(&p, 1);
	igt_fork(child, 1) {
		struct dma_buf_pfn_entry entry = {};
		uint64_t word;

		vgem_pfn_drop_cap(CAP_SYS_ADMIN);
		igt_assert_eq(__pfn_import_snapshot(p.import, 0, 1, &entry),
			      -EPERM);
		igt_assert_eq_u64(entry.cpu_pfn, 0);
		/* Operations that return no addresses need no capability. */
		pfn_import_read(p.import, 0, &word, sizeof(word));
		pfn_import_stats(p.import);
		close(pfn_import(importer, p.dmabuf));
	}
	igt_waitchildren();
	prime_destroy(&p);
}

void prime_access_tests(int fd, int importer)
{
	igt_describe("Device accesses need no alignment.");
	igt_subtest("access-unaligned")
		test_unaligned(fd, importer);

	igt_describe("Memory without pages is mapped while it is needed.");
	igt_subtest("access-windows")
		test_windows(fd, importer);

	igt_describe("Device accesses out of bounds are rejected.");
	igt_subtest("access-bad-range")
		test_bad_range(fd, importer);

	igt_describe("Unknown flags, padding and bad pointers are rejected.");
	igt_subtest("access-bad-args")
		test_bad_args(fd, importer);

	igt_describe("The user buffer may be a mapping of the same import.");
	igt_subtest("access-own-mapping")
		test_own_mapping(fd, importer);

	igt_describe("A read-only dma-buf gives a read-only import.");
	igt_subtest("access-read-only")
		test_read_only(fd, importer);

	igt_describe("Bad ranges, flags, padding and pointers are rejected.");
	igt_subtest("snapshot-bad-args")
		test_snapshot_bad_args(fd, importer);

	igt_describe("Physical addresses need CAP_SYS_ADMIN.");
	igt_subtest("snapshot-no-permission")
		test_snapshot_no_permission(fd, importer);
}
