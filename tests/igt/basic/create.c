// SPDX-License-Identifier: MIT
/* Subtests of BO_CREATE: valid and invalid arguments. */
#include <sys/mman.h>

#include "basic.h"
#include "igt.h"

#define CREATE	DRM_IOCTL_VGEM_PFN_BO_CREATE

static const uint32_t system_only = VGEM_PFN_SYSTEM;

static struct drm_vgem_pfn_bo_create good(void)
{
	return (struct drm_vgem_pfn_bo_create) {
		.size = 4 * KiB,
		.placements = (uintptr_t)&system_only,
		.num_placements = 1,
	};
}

static void test_create_region(int fd, uint32_t region)
{
	uint64_t used = vgem_pfn_region(fd, region).used;
	struct drm_vgem_pfn_bo_query query;
	uint32_t handle;

	handle = vgem_pfn_bo_create(fd, MiB, region);
	query = vgem_pfn_bo_query(fd, handle);
	igt_assert_eq_u64(query.size, MiB);
	igt_assert_eq_u32(query.region, region);
	igt_assert_eq_u32(query.pin_count, 0);
	igt_assert_eq_u64(query.num_moves, 0);
	igt_assert_eq_u64(query.num_evictions, 0);
	igt_assert_eq_u64(query.num_notifies, 0);
	igt_assert_eq_u64(vgem_pfn_bo_stats(fd, handle).get_pfn, 0);
	igt_assert_eq_u32(query.num_attachments, 0);
	igt_assert_eq_u32(query.exported, 0);
	igt_assert_eq_u64(vgem_pfn_region(fd, region).used, used + MiB);

	vgem_pfn_gem_close(fd, handle);
	igt_assert_eq_u64(vgem_pfn_region(fd, region).used, used);
}

static void test_create_before_system(int fd)
{
	uint64_t size = vgem_pfn_carveout_size(fd);
	uint32_t first, second, third;

	first = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT, VGEM_PFN_SYSTEM);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, first), VGEM_PFN_CARVEOUT);
	second = vgem_pfn_bo_create(fd, MiB, VGEM_PFN_CARVEOUT, VGEM_PFN_SYSTEM,
				    VGEM_PFN_TT);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, second), VGEM_PFN_SYSTEM);
	third = vgem_pfn_bo_create(fd, MiB, VGEM_PFN_SYSTEM, VGEM_PFN_TT);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, third), VGEM_PFN_SYSTEM);
	igt_assert_eq_u64(vgem_pfn_bo_query(fd, first).num_moves, 0);
	vgem_pfn_gem_close(fd, third);
	vgem_pfn_gem_close(fd, second);
	vgem_pfn_gem_close(fd, first);
}

static void test_create_zeroed(int fd, uint32_t region)
{
	const size_t size = 2 * MiB;
	uint32_t handle;
	uint64_t *map;
	size_t i;
	int round;

	for (round = 0; round < 2; round++) {
		handle = vgem_pfn_bo_create(fd, size, region);
		map = vgem_pfn_bo_mmap(fd, handle, size,
				       PROT_READ | PROT_WRITE);
		for (i = 0; i < size / sizeof(*map); i++)
			igt_assert_f(!map[i], "%#llx at %#zx in round %d\n",
				     (long long)map[i], i * sizeof(*map),
				     round);
		memset(map, 0xa5, size);
		munmap(map, size);
		vgem_pfn_gem_close(fd, handle);
	}
}

static void test_create_size_rounded(int fd)
{
	static const uint64_t sizes[][2] = {
		{ 1, 4 * KiB },
		{ 4 * KiB - 1, 4 * KiB },
		{ 4 * KiB, 4 * KiB },
		{ 4 * KiB + 1, 8 * KiB },
		{ MiB + 5, MiB + 4 * KiB },
	};
	uint32_t handle;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint64_t size = sizes[i][0];

		igt_assert_eq(__vgem_pfn_bo_create(fd, &size, &system_only, 1,
						   &handle), 0);
		igt_assert_eq_u64(size, sizes[i][1]);
		igt_assert_eq_u64(vgem_pfn_bo_query(fd, handle).size, size);
		vgem_pfn_gem_close(fd, handle);
	}
}

static void test_create_bad_size(int fd)
{
	uint64_t carveout = vgem_pfn_carveout_size(fd);
	const uint64_t huge[] = {
		carveout + 1,
		1ULL << 40,
		1ULL << 63,
		~0ULL - 4 * KiB,
		~0ULL,
	};
	struct basic_state before = basic_state(fd);
	struct drm_vgem_pfn_bo_create arg = good();
	uint32_t region = VGEM_PFN_CARVEOUT;
	size_t i;
	int ret;

	arg.size = 0;
	igt_assert_eq(__vgem_pfn_ioctl(fd, CREATE, &arg), -EINVAL);

	for (i = 0; i < ARRAY_SIZE(huge); i++) {
		arg = good();
		arg.size = huge[i];
		arg.placements = (uintptr_t)&region;
		ret = __vgem_pfn_ioctl(fd, CREATE, &arg);
		igt_assert_f(ret == -E2BIG, "size %#llx: %d\n",
			     (long long)huge[i], ret);
	}

	/* A size that overflows to a small value is too large for SYSTEM, too. */
	arg = good();
	arg.size = ~0ULL;
	igt_assert_eq(__vgem_pfn_ioctl(fd, CREATE, &arg), -E2BIG);

	basic_assert_unchanged(fd, before);
}

static void test_create_bad_placements(int fd)
{
	static const struct {
		const char *what;
		uint32_t num;
		uint32_t list[DRM_VGEM_PFN_MAX_REGIONS + 1];
	} bad[] = {
		{ "none", 0, {} },
		{ "more than the maximum", DRM_VGEM_PFN_MAX_REGIONS + 1, {} },
		{ "a number that overflows", 0x40000001, {} },
		{ "the largest number", ~0U, {} },
		{ "an unknown region", 1, { DRM_VGEM_PFN_MAX_REGIONS } },
		{ "the largest id", 1, { ~0U } },
		{ "an unknown region after a valid one", 2,
		  { VGEM_PFN_SYSTEM, VGEM_PFN_CARVEOUT + 5 } },
		{ "one twice", 2, { VGEM_PFN_TT, VGEM_PFN_TT } },
		{ "a duplicate that is not adjacent", 3,
		  { VGEM_PFN_TT, VGEM_PFN_CARVEOUT, VGEM_PFN_TT } },
	};
	struct basic_state before = basic_state(fd);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct drm_vgem_pfn_bo_create arg = good();
		int ret;

		arg.num_placements = bad[i].num;
		arg.placements = (uintptr_t)bad[i].list;
		ret = __vgem_pfn_ioctl(fd, CREATE, &arg);
		igt_assert_f(ret == -EINVAL, "%s: %d, want %d\n", bad[i].what,
			     ret, -EINVAL);
	}
	basic_assert_unchanged(fd, before);
}

static void test_create_bad_pointer(int fd)
{
	struct basic_state before = basic_state(fd);
	struct drm_vgem_pfn_bo_create arg = good();
	uint32_t *edge;
	char *page;

	arg.placements = 0;
	igt_assert_eq(__vgem_pfn_ioctl(fd, CREATE, &arg), -EFAULT);
	arg.placements = ~0ULL;
	igt_assert_eq(__vgem_pfn_ioctl(fd, CREATE, &arg), -EFAULT);

	/* A list that runs from a mapped page into an unmapped one */
	page = mmap(NULL, 8 * KiB, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	igt_assert(page != MAP_FAILED);
	igt_assert_eq(munmap(page + 4 * KiB, 4 * KiB), 0);
	edge = (uint32_t *)(page + 4 * KiB) - 1;
	*edge = VGEM_PFN_SYSTEM;
	arg.placements = (uintptr_t)edge;
	arg.num_placements = 2;
	igt_assert_eq(__vgem_pfn_ioctl(fd, CREATE, &arg), -EFAULT);
	munmap(page, 4 * KiB);

	basic_assert_unchanged(fd, before);
}

#define test_create_mbz(fd, field) \
	do { \
		struct basic_state before = basic_state(fd); \
		struct drm_vgem_pfn_bo_create arg = good(); \
		basic_assert_mbz_field(fd, CREATE, arg, field); \
		basic_assert_unchanged(fd, before); \
	} while (0)

static void test_create_bad_flags(int fd)
{
	struct basic_state before = basic_state(fd);
	struct drm_vgem_pfn_bo_create arg = good();

	basic_assert_bad_flags(fd, DRM_IOCTL_VGEM_PFN_BO_CREATE, &arg,
			       sizeof(arg), offsetof(typeof(arg), flags),
			       DRM_VGEM_PFN_BO_CREATE_FLAGS);
	basic_assert_unchanged(fd, before);
}

static void test_create_any_handle(int fd)
{
	uint32_t used = vgem_pfn_bo_create(fd, 4 * KiB, VGEM_PFN_SYSTEM);
	const uint32_t handles[] = { 1, used, ~0U };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(handles); i++) {
		struct basic_state before = basic_state(fd);
		struct drm_vgem_pfn_bo_create arg = good();

		arg.size = 8 * KiB;
		arg.handle = handles[i];
		igt_assert_eq(__vgem_pfn_ioctl(fd, CREATE, &arg), 0);
		igt_assert_eq_u32(arg.handle, before.next_handle);
		igt_assert_eq_u64(vgem_pfn_bo_query(fd, arg.handle).size, 8 * KiB);
		vgem_pfn_gem_close(fd, arg.handle);
		basic_assert_unchanged(fd, before);
	}
	igt_assert_eq_u64(vgem_pfn_bo_query(fd, used).size, 4 * KiB);
	vgem_pfn_gem_close(fd, used);
}

void basic_create_tests(int fd)
{
	static const struct {
		const char *name;
		uint32_t id;
	} regions[] = {
		{ "system", VGEM_PFN_SYSTEM },
		{ "tt", VGEM_PFN_TT },
		{ "carveout", VGEM_PFN_CARVEOUT },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(regions); i++) {
		igt_describe("A new buffer is placed in the requested region and accounted there.");
		igt_subtest_f("create-%s", regions[i].name)
			test_create_region(fd, regions[i].id);

		igt_describe("The memory of a new buffer is zeroed.");
		igt_subtest_f("create-zeroed-%s", regions[i].name)
			test_create_zeroed(fd, regions[i].id);
	}

	igt_describe("The regions before SYSTEM in the list are tried first.");
	igt_subtest("create-before-system")
		test_create_before_system(fd);

	igt_describe("Sizes are rounded up to pages, and the new size is returned.");
	igt_subtest("create-size-rounded")
		test_create_size_rounded(fd);

	igt_describe("Empty buffers, and buffers larger than their regions, are rejected.");
	igt_subtest("create-bad-size")
		test_create_bad_size(fd);

	igt_describe("Invalid placement lists are rejected.");
	igt_subtest("create-bad-placements")
		test_create_bad_placements(fd);

	igt_describe("A placement list that cannot be read fails with EFAULT.");
	igt_subtest("create-bad-pointer")
		test_create_bad_pointer(fd);

	igt_describe("Unknown flags are rejected.");
	igt_subtest("create-bad-flags")
		test_create_bad_flags(fd);

	igt_describe("Padding must be zero.");
	igt_subtest("create-bad-pad")
		test_create_mbz(fd, pad);

	igt_describe("The handle's value on input has no effect.");
	igt_subtest("create-any-handle")
		test_create_any_handle(fd);
}
