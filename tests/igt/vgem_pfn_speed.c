// SPDX-License-Identifier: MIT
/*
 * TEST: vgem pfn speed
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: Memory management
 * Description: How fast a move is, compared with memcpy() of the same pages right
 *		afterwards. Has a pass of its own, with a large carveout.
 */
#include "igt.h"
#include "vgem_pfn.h"

IGT_TEST_DESCRIPTION("The speed of moves");

#define SIZE	(256 * MiB)
#define ROUNDS	9
/* Where the host takes its memory away, a round takes half a minute: then fewer do. */
#define ENOUGH_ROUNDS	3
#define ENOUGH_NS	60000000000ULL

/* What a move takes, and in @memcpy_ns what memcpy() takes for the same pages */
static uint64_t timed(int fd, uint32_t handle, uint32_t region, size_t size,
		      uint64_t *memcpy_ns)
{
	struct drm_vgem_pfn_bo_query query;
	struct timespec start = {};
	uint64_t took;

	igt_nsec_elapsed(&start);
	vgem_pfn_bo_move(fd, handle, region);
	took = igt_nsec_elapsed(&start);

	query = vgem_pfn_bo_query(fd, handle);
	igt_assert_eq_u64(query.last_copy_bytes, size);
	igt_assert_lt_u64(0, query.last_memcpy_ns);
	igt_assert_lt_u64(query.last_memcpy_ns, took);
	*memcpy_ns = query.last_memcpy_ns;
	return took - query.last_memcpy_ns;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/*
 * SUBTEST: evict-restore
 * Description: evicting and restoring a large buffer, with all that is part of it,
 *		is nearly as fast as memcpy() of the same pages
 */
static void test_speed(int fd, size_t size)
{
	uint64_t evict, restore, evict_memcpy, restore_memcpy;
	struct timespec start = {};
	double ratio[ROUNDS];
	uint32_t handle;
	int i;

	handle = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vgem_pfn_bo_fill(fd, handle, MiB, 1);
	vgem_pfn_set_lever(fd, "compare_memcpy", 1);

	igt_nsec_elapsed(&start);
	for (i = 0; i < ROUNDS; i++) {
		if (i >= ENOUGH_ROUNDS && igt_nsec_elapsed(&start) >= ENOUGH_NS)
			break;
		evict = timed(fd, handle, VGEM_PFN_TT, size, &evict_memcpy);
		restore = timed(fd, handle, VGEM_PFN_CARVEOUT, size,
				&restore_memcpy);
		ratio[i] = (double)(evict_memcpy + restore_memcpy) /
			   (evict + restore);
		igt_info("%llu MiB evicted in %llu ms (memcpy %llu), restored in %llu ms (memcpy %llu): %.2f\n",
			 (long long)(size / MiB), (long long)evict / 1000000,
			 (long long)evict_memcpy / 1000000,
			 (long long)restore / 1000000,
			 (long long)restore_memcpy / 1000000, ratio[i]);
	}
	vgem_pfn_bo_check(fd, handle, MiB, 1);
	vgem_pfn_set_lever(fd, "compare_memcpy", 0);
	vgem_pfn_gem_close(fd, handle);

	qsort(ratio, i, sizeof(*ratio), compare);
	igt_info("median of %d: %.2f times the bandwidth of memcpy\n", i, ratio[i / 2]);
	igt_assert_f(ratio[i / 2] >= 0.8, "%.2f is less than 0.8\n", ratio[i / 2]);
}

int igt_main()
{
	static int fd = -1;

	igt_fixture() {
		fd = vgem_pfn_open();
		vgem_pfn_reset_on_exit();
		igt_require_f(vgem_pfn_carveout_size(fd) >= SIZE,
			      "the carveout is too small\n");
	}

	igt_describe("A large buffer moves nearly as fast as memcpy.");
	igt_subtest("evict-restore") {
		igt_require_f(!pfn_kernel_has_kasan(),
			      "KASAN slows the driver down, and not memcpy()\n");
		test_speed(fd, SIZE);
	}

	igt_fixture()
		close(fd);
}
