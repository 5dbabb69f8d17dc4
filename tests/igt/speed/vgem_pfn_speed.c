// SPDX-License-Identifier: MIT
/**
 * TEST: vgem pfn speed
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: Memory management
 * Description: A move is not many times slower than a memcpy() of the same pages right
 *		after it. Runs in its own pass, with a large carveout. Exact figures
 *		come from make bench, on an otherwise idle machine.
 *
 * SUBTEST: evict-restore
 * Description: Evicting and restoring a large buffer reaches a quarter of memcpy()'s
 *		bandwidth on the same pages.
 *
 * SUBTEST: evict-restore-long
 * Description: Like evict-restore, with a buffer of 256 MiB instead of 48 MiB, and 9
 *		rounds instead of 3.
 */
#include "igt.h"
#include "vgem_pfn.h"

IGT_TEST_DESCRIPTION("The speed of moves");

#define SIZE		(48 * MiB)
#define SIZE_LONG	(256 * MiB)
/*
 * Typical values are 0.5 to 1, since a move also allocates pages. A copy with string
 * instructions under emulation measured 0.02.
 */
#define ENOUGH		0.25
/*
 * Minimum number of rounds, and maximum while the median is too low, since load on the
 * machine slows down single rounds. If the host reclaims the guest's memory, a round
 * takes half a minute: ENOUGH_NS limits the total time.
 */
#define ROUNDS		3
#define MOST_ROUNDS	31
#define ENOUGH_NS	60000000000ULL

/*
 * Return the duration of a move, and in @memcpy_ns that of memcpy() of the same pages.
 */
static uint64_t timed(int fd, uint32_t handle, uint32_t region, size_t size,
		      uint64_t *memcpy_ns)
{
	struct vgem_pfn_bo_stats stats;
	struct timespec start = {};
	uint64_t took;

	igt_nsec_elapsed(&start);
	vgem_pfn_bo_move(fd, handle, region);
	took = igt_nsec_elapsed(&start);

	stats = vgem_pfn_bo_stats(fd, handle);
	igt_assert_eq_u64(stats.last_copy_bytes, size);
	igt_assert_lt_u64(0, stats.last_memcpy_ns);
	igt_assert_lt_u64(stats.last_memcpy_ns, took);
	*memcpy_ns = stats.last_memcpy_ns;
	return took - stats.last_memcpy_ns;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(const double *ratio, int num)
{
	double sorted[MOST_ROUNDS];

	memcpy(sorted, ratio, num * sizeof(*ratio));
	qsort(sorted, num, sizeof(*sorted), compare);
	return sorted[num / 2];
}

static void test_speed(int fd, size_t size, int rounds)
{
	uint64_t evict, restore, evict_memcpy, restore_memcpy;
	struct timespec start = {};
	double ratio[MOST_ROUNDS];
	uint32_t handle;
	int i;

	handle = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vgem_pfn_bo_fill(fd, handle, MiB, 1);
	vgem_pfn_set_knob(fd, "compare_memcpy", 1);

	igt_nsec_elapsed(&start);
	for (i = 0; i < MOST_ROUNDS; i++) {
		if (i >= rounds && median(ratio, i) >= ENOUGH)
			break;
		if (i >= ROUNDS && igt_nsec_elapsed(&start) >= ENOUGH_NS)
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
	vgem_pfn_set_knob(fd, "compare_memcpy", 0);
	vgem_pfn_gem_close(fd, handle);

	igt_info("median of %d: %.2f times the bandwidth of memcpy\n", i,
		 median(ratio, i));
	igt_assert_f(median(ratio, i) >= ENOUGH, "%.2f is less than %.2f\n",
		     median(ratio, i), ENOUGH);
}

static void require_speed(int fd, size_t size)
{
	igt_require_f(vgem_pfn_carveout_size(fd) >= size,
		      "the carveout is too small\n");
	igt_require_f(!pfn_kernel_has_kasan(),
		      "KASAN slows down the driver, but not memcpy()\n");
}

int igt_main()
{
	static int fd = -1;

	igt_fixture() {
		fd = vgem_pfn_open();
		vgem_pfn_reset_on_exit();
	}

	igt_describe("A large buffer moves with a quarter of memcpy's bandwidth.");
	igt_subtest("evict-restore") {
		require_speed(fd, SIZE);
		test_speed(fd, SIZE, ROUNDS);
	}

	igt_describe("A very large buffer moves with a quarter of memcpy's bandwidth.");
	igt_subtest("evict-restore-long") {
		require_speed(fd, SIZE_LONG);
		test_speed(fd, SIZE_LONG, 9);
	}

	igt_fixture()
		close(fd);
}
