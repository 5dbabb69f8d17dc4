// SPDX-License-Identifier: MIT
/**
 * TEST: vgem pfn carveout
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: Memory management tests
 * Description: Memory of carveouts, for each type of memory and each allocator.
 *
 * SUBTEST: within-bounds
 * Description: Buffers that fill a carveout lie within its bounds and do not overlap.
 *
 * SUBTEST: scattered
 * Description: A buffer of pages that are not adjacent has correct contents in each
 *		kind of access, also after moves.
 *
 * SUBTEST: contiguous
 * Description: Contiguous memory can be allocated in a carveout that is fragmented into
 *		512 KiB pieces, by evicting other buffers.
 *
 * SUBTEST: contiguous-long
 * Description: Like contiguous, in a carveout that is fragmented into 128 KiB pieces.
 *
 * SUBTEST: large-blocks
 * Description: A large buffer in an empty carveout is aligned for huge mappings.
 *
 * SUBTEST: debugfs
 * Description: debugfs shows the state of each carveout's manager.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include "igt.h"
#include "pfn_importer.h"
#include "vgem_pfn.h"

IGT_TEST_DESCRIPTION("Memory of carveouts: within bounds, scattered, contiguous");

#define MAX_BUFFERS	512

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Number of contiguous ranges of a buffer */
static uint64_t count_runs(int fd, uint32_t handle, uint64_t num_pages)
{
	uint64_t *pfns = vgem_pfn_bo_pfn_list(fd, handle, 0, num_pages);
	uint64_t i, num = 1;

	for (i = 1; i < num_pages; i++)
		num += pfns[i] != pfns[i - 1] + 1;
	free(pfns);
	return num;
}

static uint32_t create_flags(int fd, uint64_t size, uint32_t region,
			     uint32_t flags)
{
	uint32_t handle;

	igt_assert_eq(__vgem_pfn_bo_create_flags(fd, &size, &region, 1, flags,
						 &handle), 0);
	return handle;
}

static void test_within_bounds(struct drm_vgem_pfn_region region)
{
	uint64_t num = region.size / PFN_PAGE_SIZE, have = 0, state = 1, i;
	uint64_t *pfns = calloc(num, sizeof(*pfns));
	uint32_t handles[MAX_BUFFERS];
	int fd = vgem_pfn_open(), n = 0;

	igt_assert(pfns);
	while (n < MAX_BUFFERS) {
		uint64_t size = (1 + pfn_random(&state) % (num / 64)) *
				PFN_PAGE_SIZE;
		struct drm_vgem_pfn_bo_query query;

		handles[n] = vgem_pfn_bo_create(fd, size, region.id);
		query = vgem_pfn_bo_query(fd, handles[0]);
		n++;
		/* The first buffer was evicted: the carveout is full. */
		if (query.region != region.id)
			break;
	}

	for (i = 0; i < (uint64_t)n; i++) {
		struct drm_vgem_pfn_bo_query query;

		query = vgem_pfn_bo_query(fd, handles[i]);
		if (query.region != region.id)
			continue;
		igt_assert_lte_u64(have + query.size / PFN_PAGE_SIZE, num);
		vgem_pfn_bo_pfns(fd, handles[i], 0, query.size / PFN_PAGE_SIZE,
				 pfns + have);
		have += query.size / PFN_PAGE_SIZE;
	}
	igt_assert_lt_u64(num / 2, have);

	qsort(pfns, have, sizeof(*pfns), compare);
	igt_assert_lte_u64(region.base_pfn, pfns[0]);
	igt_assert_lt_u64(pfns[have - 1], region.base_pfn + num);
	for (i = 1; i < have; i++)
		igt_assert_lt_u64(pfns[i - 1], pfns[i]);
	free(pfns);
	close(fd);
}

static void test_scattered(int fd, struct drm_vgem_pfn_region region)
{
	static const uint32_t orders[] = { 0, 1, 3 };
	const size_t size = 96 * PFN_PAGE_SIZE;
	int importer = pfn_importer_open();
	uint64_t i, num_runs;

	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		uint32_t placements[] = { region.id, VGEM_PFN_TT };
		int dmabuf, import, mem;
		uint32_t handle;
		char *map, *copy;

		num_runs = region.flags & DRM_VGEM_PFN_REGION_SCATTERED ?
			   96 >> orders[i] : 1;
		vgem_pfn_set_max_block_order(fd, orders[i]);
		handle = __vgem_pfn_bo_create_list(fd, size, placements, 2);
		igt_assert_eq_u64(count_runs(fd, handle, 96), num_runs);

		vgem_pfn_bo_fill(fd, handle, size, 7);
		vgem_pfn_bo_check_mem(fd, handle, size, 7);
		dmabuf = vgem_pfn_export(fd, handle);
		import = pfn_import(importer, dmabuf);
		map = pfn_import_mmap(import, size, PROT_READ | PROT_WRITE);
		pfn_assert_pattern(map, 0, size, 7);
		pfn_import_dev_check(import, size, 7);

		vgem_pfn_bo_move(fd, handle, VGEM_PFN_TT);
		pfn_assert_pattern(map, 0, size, 7);
		pfn_pattern_fill(map, 0, size, 8);
		vgem_pfn_bo_move(fd, handle, region.id);
		igt_assert_eq_u64(count_runs(fd, handle, 96), num_runs);
		vgem_pfn_bo_check_mem(fd, handle, size, 8);
		pfn_import_dev_check(import, size, 8);

		/* Access through /proc/self/mem, across range boundaries */
		munmap(map, size);
		map = vgem_pfn_bo_mmap(fd, handle, size, PROT_READ | PROT_WRITE);
		copy = malloc(size);
		mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
		igt_assert_lte(0, mem);
		igt_assert_eq_u64(pread(mem, copy, size, (uintptr_t)map), size);
		pfn_assert_pattern(copy, 0, size, 8);
		pfn_pattern_fill(copy, 0, size, 9);
		igt_assert_eq_u64(pwrite(mem, copy, size, (uintptr_t)map), size);
		pfn_assert_pattern(map, 0, size, 9);
		close(mem);
		free(copy);

		munmap(map, size);
		close(import);
		close(dmabuf);
		vgem_pfn_gem_close(fd, handle);
	}
	vgem_pfn_set_max_block_order(fd, UINT32_MAX);
	close(importer);
}

static void test_contiguous(int fd, struct drm_vgem_pfn_region region, uint64_t piece)
{
	uint64_t num = region.size / PFN_PAGE_SIZE, size, i;
	int filler = vgem_pfn_open();
	uint32_t *handles, handle;

	/* Buffers of the filler, with a hole between any two */
	handles = calloc(num / piece, sizeof(*handles));
	igt_assert(handles);
	for (i = 0; i < num / piece; i++)
		handles[i] = vgem_pfn_bo_create(filler, piece * PFN_PAGE_SIZE,
						region.id);
	for (i = 0; i < num / piece; i += 2)
		vgem_pfn_gem_close(filler, handles[i]);
	free(handles);

	size = region.size / 4;
	handle = create_flags(fd, size, region.id, 0);
	if (region.flags & DRM_VGEM_PFN_REGION_SCATTERED)
		igt_assert_lt_u64(1, count_runs(fd, handle, num / 4));
	else
		igt_assert_eq_u64(count_runs(fd, handle, num / 4), 1);
	vgem_pfn_gem_close(fd, handle);

	handle = create_flags(fd, size, region.id, DRM_VGEM_PFN_BO_CONTIGUOUS);
	igt_assert_eq_u64(count_runs(fd, handle, num / 4), 1);
	vgem_pfn_bo_move(fd, handle, VGEM_PFN_SYSTEM);
	vgem_pfn_bo_move(fd, handle, region.id);
	igt_assert_eq_u64(count_runs(fd, handle, num / 4), 1);

	/* The flag has no effect in system memory. */
	vgem_pfn_bo_move(fd, handle, VGEM_PFN_SYSTEM);
	i = vgem_pfn_bo_query(fd, handle).num_moves;
	vgem_pfn_bo_move(fd, handle, VGEM_PFN_SYSTEM);
	igt_assert_eq_u64(vgem_pfn_bo_query(fd, handle).num_moves, i);
	vgem_pfn_gem_close(fd, handle);
	close(filler);
}

static void test_large_blocks(int fd, struct drm_vgem_pfn_region region)
{
	const uint64_t block = 2 * MiB / PFN_PAGE_SIZE;
	uint32_t small, handle;

	/* Make the next free page unaligned. */
	small = vgem_pfn_bo_create(fd, PFN_PAGE_SIZE, region.id);
	handle = vgem_pfn_bo_create(fd, 4 * MiB, region.id);
	igt_assert_eq_u64(count_runs(fd, handle, 2 * block), 1);
	igt_assert_eq_u64(vgem_pfn_bo_pfn(fd, handle, 0) % block,
			  region.base_pfn % block);
	vgem_pfn_gem_close(fd, handle);
	vgem_pfn_gem_close(fd, small);
}

static void test_debugfs(int fd, struct drm_vgem_pfn_region region)
{
	char path[128], text[4096];
	struct stat st;
	ssize_t n;
	int file;

	igt_assert_eq(fstat(fd, &st), 0);
	snprintf(path, sizeof(path), "/sys/kernel/debug/dri/%u/%s_mm",
		 minor(st.st_rdev), (char *)region.name);
	file = open(path, O_RDONLY | O_CLOEXEC);
	igt_require_f(file >= 0, "no %s\n", path);
	n = read(file, text, sizeof(text) - 1);
	close(file);
	igt_assert_lt(0, n);
	text[n] = '\0';
	/* Output of drm_buddy or drm_mm */
	igt_assert(strstr(text, region.flags & DRM_VGEM_PFN_REGION_SCATTERED ?
			  "chunk_size" : "free"));
}

int igt_main()
{
	static struct drm_vgem_pfn_region region;
	static int fd = -1;
	static uint32_t id;

	igt_fixture() {
		fd = vgem_pfn_open();
		vgem_pfn_reset_on_exit();
	}

	igt_describe("Buffers lie within the bounds of their carveout and do not overlap.");
	igt_subtest("within-bounds")
		vgem_pfn_for_each_carveout(fd, region, id)
			test_within_bounds(region);

	igt_describe("A buffer with many ranges has correct contents.");
	igt_subtest("scattered")
		vgem_pfn_for_each_carveout(fd, region, id)
			test_scattered(fd, region);

	igt_describe("Contiguous memory can be allocated in a fragmented carveout.");
	igt_subtest("contiguous")
		vgem_pfn_for_each_carveout(fd, region, id)
			test_contiguous(fd, region, 128);

	igt_describe("Like contiguous, with smaller fragments.");
	igt_subtest("contiguous-long")
		vgem_pfn_for_each_carveout(fd, region, id)
			test_contiguous(fd, region, 32);

	igt_describe("Large buffers are aligned.");
	igt_subtest("large-blocks")
		vgem_pfn_for_each_carveout(fd, region, id)
			test_large_blocks(fd, region);

	igt_describe("debugfs shows the state of each manager.");
	igt_subtest("debugfs")
		vgem_pfn_for_each_carveout(fd, region, id)
			test_debugfs(fd, region);

	igt_fixture()
		close(fd);
}
