// SPDX-License-Identifier: MIT
/*
 * Subtests of the interfaces that read the state of buffers and regions: BO_QUERY and
 * REGIONS, and the debugfs files bo_stats and pfns.
 */
#include <linux/capability.h>
#include <sys/mman.h>

#include "basic.h"
#include "igt.h"

#define QUERY	DRM_IOCTL_VGEM_PFN_BO_QUERY
#define REGIONS	DRM_IOCTL_VGEM_PFN_REGIONS

static void test_query_bad_handle(int fd)
{
	uint32_t handle = vgem_pfn_bo_create(fd, 4 * KiB, VGEM_PFN_SYSTEM);
	struct drm_vgem_pfn_bo_query query;

	vgem_pfn_gem_close(fd, handle);

	igt_assert_eq(__vgem_pfn_bo_query(fd, handle, &query), -ENOENT);
	igt_assert_eq(__vgem_pfn_bo_query(fd, 0, &query), -ENOENT);
	igt_assert_eq(__vgem_pfn_bo_query(fd, ~0U, &query), -ENOENT);
}

static void test_query_bad_flags(int fd)
{
	struct drm_vgem_pfn_bo_query query = {
		.handle = vgem_pfn_bo_create(fd, 4 * KiB, VGEM_PFN_SYSTEM),
	};

	basic_assert_mbz_field(fd, QUERY, query, flags);
	vgem_pfn_gem_close(fd, query.handle);
}

static void test_query_any_output(int fd)
{
	uint32_t handle = vgem_pfn_bo_create(fd, 64 * KiB, VGEM_PFN_TT,
					     VGEM_PFN_CARVEOUT);
	struct drm_vgem_pfn_bo_query want, query;
	int i, dmabuf = -1;

	vgem_pfn_bo_move(fd, handle, VGEM_PFN_CARVEOUT);
	/* Without a dma-buf, then with one */
	for (i = 0; i < 2; i++) {
		want = vgem_pfn_bo_query(fd, handle);
		igt_assert_eq_u64(want.size, 64 * KiB);
		igt_assert_eq_u32(want.region, VGEM_PFN_CARVEOUT);
		igt_assert_eq_u64(want.num_moves, 1);
		igt_assert_eq_u32(want.exported, i);

		memset(&query, 0xff, sizeof(query));
		query.handle = handle;
		query.flags = 0;
		igt_assert_eq(__vgem_pfn_ioctl(fd, QUERY, &query), 0);
		igt_assert(!memcmp(&query, &want, sizeof(query)));
		if (!i)
			dmabuf = vgem_pfn_export(fd, handle);
	}
	close(dmabuf);
	vgem_pfn_gem_close(fd, handle);
}

static FILE *open_stats(int fd)
{
	int file = __vgem_pfn_debugfs_open(fd, "bo_stats", O_RDONLY);
	FILE *stream;

	igt_assert_fd(file);
	stream = fdopen(file, "r");
	igt_assert(stream);
	return stream;
}

/* Read all lines of bo_stats; return whether one of them has this id. */
static bool is_listed(FILE *stream, uint64_t id)
{
	bool found = false;
	uint64_t listed;
	char line[256];

	while (fgets(line, sizeof(line), stream)) {
		igt_assert(__vgem_pfn_stat(line, "id=", &listed));
		found |= listed == id;
	}
	return found;
}

static void test_stats(int fd)
{
	struct vgem_pfn_bo_stats moved, other;
	uint32_t handles[2];
	struct stat st;
	FILE *stream;
	uint64_t id;
	int i;

	for (i = 0; i < 2; i++)
		handles[i] = vgem_pfn_bo_create(fd, 64 * KiB, VGEM_PFN_CARVEOUT,
						VGEM_PFN_TT);
	vgem_pfn_bo_move(fd, handles[0], VGEM_PFN_TT);

	moved = vgem_pfn_bo_stats(fd, handles[0]);
	igt_assert_eq_u64(moved.get_pfn, 0);
	igt_assert_eq_u64(moved.max_notify_ns, 0);
	igt_assert_eq_u64(moved.last_copy_bytes, 64 * KiB);
	igt_assert_lt_u64(0, moved.last_copy_ns);
	igt_assert_eq_u64(moved.last_memcpy_ns, 0);
	other = vgem_pfn_bo_stats(fd, handles[1]);
	igt_assert_eq_u64(other.last_copy_bytes, 0);
	igt_assert_eq_u64(other.last_copy_ns, 0);

	id = vgem_pfn_bo_query(fd, handles[0]).id;
	for (i = 0; i < 2; i++)
		vgem_pfn_gem_close(fd, handles[i]);

	stream = open_stats(fd);
	igt_assert_eq(fstat(fileno(stream), &st), 0);
	igt_assert_eq_u32(st.st_mode & 0777, 0400);
	igt_assert(!is_listed(stream, id));
	fclose(stream);
}

static void test_stats_while_moving(int fd)
{
	uint32_t handle = vgem_pfn_bo_create(fd, 64 * KiB, VGEM_PFN_CARVEOUT,
					     VGEM_PFN_TT);
	uint32_t after = vgem_pfn_bo_create(fd, 64 * KiB, VGEM_PFN_TT);
	uint64_t id = vgem_pfn_bo_query(fd, handle).id;
	struct vgem_pfn_mover mover;
	struct pfn_hold hold;
	FILE *stream;

	/* vgem_pfn_bo_stats() queries the id, which waits for the reservation lock. */
	stream = open_stats(fd);

	pfn_hold_begin(&hold);
	vgem_pfn_mover_start_held(&mover, fd, handle, VGEM_PFN_TT, &hold);
	igt_assert(is_listed(stream, id));
	igt_assert(pfn_hold_pending(&hold));
	igt_assert_eq_u64(vgem_pfn_bo_stats(fd, after).last_copy_bytes, 0);
	igt_assert(pfn_hold_pending(&hold));
	pfn_hold_end(&hold);
	vgem_pfn_mover_wait(&mover);
	fclose(stream);

	igt_assert_eq_u64(vgem_pfn_bo_stats(fd, handle).last_copy_bytes, 64 * KiB);
	vgem_pfn_gem_close(fd, after);
	vgem_pfn_gem_close(fd, handle);
}

static void test_pfns(int fd)
{
	static const uint32_t regions[] = {
		VGEM_PFN_CARVEOUT, VGEM_PFN_TT, VGEM_PFN_SYSTEM,
	};
	struct drm_vgem_pfn_region carveout;
	const size_t size = 64 * KiB;
	uint32_t handle;
	uint64_t pfns[16];
	size_t i, n;

	carveout = vgem_pfn_region(fd, VGEM_PFN_CARVEOUT);
	for (i = 0; i < 3; i++) {
		handle = vgem_pfn_bo_create(fd, size, regions[i]);
		vgem_pfn_bo_fill(fd, handle, size, i + 1);
		vgem_pfn_bo_pfns(fd, handle, 0, 16, pfns);
		for (n = 0; n < 16; n++) {
			igt_assert_neq_u64(pfns[n], VGEM_PFN_NO_PFN);
			igt_assert_eq_u64(pfns[n],
					  vgem_pfn_bo_pfn(fd, handle, n));
			if (regions[i] != VGEM_PFN_CARVEOUT)
				continue;
			igt_assert_lte_u64(carveout.base_pfn, pfns[n]);
			igt_assert_lt_u64(pfns[n], carveout.base_pfn +
					  carveout.size / PFN_PAGE_SIZE);
		}
		vgem_pfn_bo_check_mem(fd, handle, size, i + 1);
		vgem_pfn_gem_close(fd, handle);
	}
}

static void test_pfns_no_populate(int fd)
{
	uint32_t handle = vgem_pfn_bo_create(fd, 64 * KiB, VGEM_PFN_SYSTEM);
	int i;

	for (i = 0; i < 16; i++)
		igt_assert_eq_u64(vgem_pfn_bo_pfn(fd, handle, i),
				  VGEM_PFN_NO_PFN);
	vgem_pfn_gem_close(fd, handle);
}

static void test_pfns_bad_range(int fd)
{
	static const uint64_t bad[][2] = {
		{ 0, 0 }, { 15, 0 }, { 16, 1 }, { 0, 17 }, { 15, 2 },
		{ 1ULL << 32, 1 }, { 0, 1ULL << 32 }, { ~0ULL, 1 },
		{ ~0ULL, 2 }, { 1, ~0ULL }, { 8, ~0ULL - 7 }, { 0, 1ULL << 61 },
	};
	uint32_t handle = vgem_pfn_bo_create(fd, 64 * KiB, VGEM_PFN_TT);
	uint64_t pfns[32], canary[32];
	size_t i;
	int ret;

	memset(pfns, 0x5a, sizeof(pfns));
	memset(canary, 0x5a, sizeof(canary));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ret = __vgem_pfn_bo_pfns(fd, handle, bad[i][0], bad[i][1], pfns);
		igt_assert_f(ret == -EINVAL, "first %#llx count %#llx: %d\n",
			     (long long)bad[i][0], (long long)bad[i][1], ret);
		igt_assert(!memcmp(pfns, canary, sizeof(pfns)));
	}

	/* A valid range returns exactly the requested number of pfns. */
	vgem_pfn_bo_pfns(fd, handle, 8, 8, pfns);
	igt_assert(!memcmp(pfns + 8, canary, sizeof(pfns[0]) * 24));
	vgem_pfn_gem_close(fd, handle);
}

static void test_pfns_bad_pointer(int fd)
{
	uint32_t handle = vgem_pfn_bo_create(fd, 4 * KiB, VGEM_PFN_TT);
	void *ro;

	ro = mmap(NULL, 4 * KiB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	igt_assert(ro != MAP_FAILED);

	igt_assert_eq(__vgem_pfn_bo_pfns(fd, handle, 0, 1, NULL), -EFAULT);
	igt_assert_eq(__vgem_pfn_bo_pfns(fd, handle, 0, 1, ro), -EFAULT);
	igt_assert_eq(__vgem_pfn_bo_pfns(fd, handle, 0, 1, (void *)~7UL),
		      -EFAULT);

	munmap(ro, 4 * KiB);
	vgem_pfn_gem_close(fd, handle);
}

static int write_pfns(int file, const char *text)
{
	ssize_t length = strlen(text), n = write(file, text, length);

	if (n < 0)
		return -errno;
	igt_assert_eq(n, length);
	return 0;
}

static int request_pfns(int file, uint64_t id, uint64_t first, uint64_t count)
{
	char text[72];

	snprintf(text, sizeof(text), "%llu %llu %llu\n", (long long)id,
		 (long long)first, (long long)count);
	return write_pfns(file, text);
}

static void test_pfns_bad_id(int fd)
{
	uint32_t handle = vgem_pfn_bo_create(fd, 4 * KiB, VGEM_PFN_TT);
	uint64_t id = vgem_pfn_bo_query(fd, handle).id;
	int file = __vgem_pfn_debugfs_open(fd, "pfns", O_RDWR);

	igt_assert_fd(file);
	igt_assert_eq(request_pfns(file, id, 0, 1), 0);
	igt_assert_eq(request_pfns(file, 0, 0, 1), -ENOENT);
	igt_assert_eq(request_pfns(file, id + 1, 0, 1), -ENOENT);
	igt_assert_eq(request_pfns(file, ~0ULL, 0, 1), -ENOENT);
	vgem_pfn_gem_close(fd, handle);
	igt_assert_eq(request_pfns(file, id, 0, 1), -ENOENT);
	close(file);
}

static void test_pfns_bad_text(int fd)
{
	/* Requests, without the id of the buffer at their beginning */
	static const struct {
		const char *text;
		int ret;
	} bad[] = {
		{ "", -EINVAL },
		{ " 0", -EINVAL },
		{ " 0 1 1", -EINVAL },
		{ " 0 1x", -EINVAL },
		{ "  0 1", -EINVAL },
		{ ",0,1", -EINVAL },
		{ " -1 1", -EINVAL },
		{ " 18446744073709551616 1", -ERANGE },
		{ " 0 00000000000000000000000000000000000000000000000000000000000000000000001",
		  -EINVAL },
	};
	uint32_t handle = vgem_pfn_bo_create(fd, 4 * KiB, VGEM_PFN_TT);
	unsigned long long id = vgem_pfn_bo_query(fd, handle).id;
	int file = __vgem_pfn_debugfs_open(fd, "pfns", O_RDWR);
	char text[128];
	uint64_t pfn;
	size_t i;
	int ret;

	igt_assert_fd(file);
	igt_assert_eq(write_pfns(file, "\n"), -EINVAL);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(text, sizeof(text), "%llu%s", id, bad[i].text);
		ret = write_pfns(file, text);
		igt_assert_f(ret == bad[i].ret, "\"%s\": %d, want %d\n", text, ret,
			     bad[i].ret);
	}
	/* There is no result yet. */
	igt_assert_eq(read(file, &pfn, sizeof(pfn)), 0);
	close(file);
	vgem_pfn_gem_close(fd, handle);
}

static void test_pfns_result(int fd)
{
	uint32_t handle = vgem_pfn_bo_create(fd, 64 * KiB, VGEM_PFN_TT);
	uint64_t id = vgem_pfn_bo_query(fd, handle).id;
	uint64_t want[16], pfns[17];
	int files[2], i;

	vgem_pfn_bo_pfns(fd, handle, 0, 16, want);
	for (i = 0; i < 2; i++) {
		files[i] = __vgem_pfn_debugfs_open(fd, "pfns", O_RDWR);
		igt_assert_fd(files[i]);
		igt_assert_eq(read(files[i], pfns, sizeof(pfns)), 0);
	}

	/* The result ends after the last page; it can be read again, and in parts. */
	igt_assert_eq(request_pfns(files[0], id, 0, 16), 0);
	igt_assert_eq(read(files[1], pfns, sizeof(pfns)), 0);
	igt_assert_eq(read(files[0], pfns, sizeof(pfns)), sizeof(want));
	igt_assert(!memcmp(pfns, want, sizeof(want)));
	igt_assert_eq(read(files[0], pfns, sizeof(pfns)), 0);
	igt_assert_eq(pread(files[0], pfns, 8, 5 * 8), 8);
	igt_assert_eq_u64(pfns[0], want[5]);

	igt_assert_eq(request_pfns(files[1], id, 15, 1), 0);
	igt_assert_eq(request_pfns(files[0], id, 16, 1), -EINVAL);
	igt_assert_eq(pread(files[0], pfns, sizeof(pfns), 0), sizeof(want));
	igt_assert(!memcmp(pfns, want, sizeof(want)));

	igt_assert_eq(request_pfns(files[0], id, 3, 2), 0);
	vgem_pfn_gem_close(fd, handle);
	igt_assert_eq(read(files[0], pfns, sizeof(pfns)), 2 * 8);
	igt_assert(!memcmp(pfns, want + 3, 2 * 8));
	igt_assert_eq(read(files[1], pfns, sizeof(pfns)), 8);
	igt_assert_eq_u64(pfns[0], want[15]);

	for (i = 0; i < 2; i++)
		close(files[i]);
}

static void test_no_permission(int fd)
{
	uint32_t handle = vgem_pfn_bo_create(fd, 4 * KiB, VGEM_PFN_TT);
	struct stat st;
	int file;

	igt_fork(child, 1) {
		uint64_t pfn = 0;

		vgem_pfn_drop_cap(CAP_SYS_ADMIN);
		igt_assert_eq(__vgem_pfn_bo_pfns(fd, handle, 0, 1, &pfn),
			      -EPERM);
		igt_assert_eq_u64(pfn, 0);
		igt_assert_eq_u64(vgem_pfn_region(fd, VGEM_PFN_CARVEOUT).base_pfn,
				  0);
		/* Queries that return no addresses need no capability. */
		igt_assert_eq_u64(vgem_pfn_bo_query(fd, handle).size, 4 * KiB);
	}
	igt_fork(child, 1) {
		uint64_t pfn = 0;

		igt_assert_eq(setresuid(65534, 65534, 65534), 0);
		igt_assert_eq(__vgem_pfn_bo_pfns(fd, handle, 0, 1, &pfn),
			      -EACCES);
		igt_assert_eq_u64(pfn, 0);
		igt_assert_eq_u64(vgem_pfn_bo_query(fd, handle).size, 4 * KiB);
	}
	igt_waitchildren();
	igt_assert_neq_u64(vgem_pfn_region(fd, VGEM_PFN_CARVEOUT).base_pfn, 0);

	file = __vgem_pfn_debugfs_open(fd, "pfns", O_RDWR);
	igt_assert_fd(file);
	igt_assert_eq(fstat(file, &st), 0);
	igt_assert_eq_u32(st.st_mode & 0777, 0600);
	close(file);
	vgem_pfn_gem_close(fd, handle);
}

static void test_regions(int fd)
{
	struct drm_vgem_pfn_region regions[DRM_VGEM_PFN_MAX_REGIONS + 1];
	struct drm_vgem_pfn_region canary;
	uint32_t i, n, num = 0, handle, num_of_type[2] = {};

	memset(&canary, 0x5a, sizeof(canary));

	/* The number of regions can be queried without an array. */
	igt_assert_eq(__vgem_pfn_regions(fd, NULL, &num), 0);
	igt_assert_lte(3, num);
	igt_assert_lte(num, DRM_VGEM_PFN_MAX_REGIONS);

	for (n = 0; n <= DRM_VGEM_PFN_MAX_REGIONS; n++) {
		uint32_t out = n;

		memset(regions, 0x5a, sizeof(regions));
		igt_assert_eq(__vgem_pfn_regions(fd, regions, &out), 0);
		igt_assert_eq_u32(out, num);
		for (i = n < num ? n : num; i <= DRM_VGEM_PFN_MAX_REGIONS; i++)
			igt_assert_f(!memcmp(&regions[i], &canary,
					     sizeof(canary)),
				     "region %u was written, with room for %u\n", i, n);
	}

	for (i = 0; i < num; i++) {
		igt_assert(memchr(regions[i].name, 0, sizeof(regions[i].name)));
		igt_info("region %u type %u %s: %llu of %llu bytes used\n",
			 regions[i].id, regions[i].type, regions[i].name,
			 (long long)regions[i].used, (long long)regions[i].size);
		for (n = 0; n < i; n++)
			igt_assert_neq_u32(regions[n].id, regions[i].id);

		/* The identifier is the one that BO_CREATE and BO_QUERY use. */
		handle = vgem_pfn_bo_create(fd, 4 * KiB, regions[i].id);
		igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), regions[i].id);
		vgem_pfn_gem_close(fd, handle);

		switch (regions[i].type) {
		case DRM_VGEM_PFN_REGION_TYPE_SYSTEM:
		case DRM_VGEM_PFN_REGION_TYPE_TT:
			num_of_type[regions[i].type]++;
			break;
		default:
			igt_assert_neq_u64(regions[i].base_pfn, 0);
			igt_assert_lt_u64(0, regions[i].size);
			igt_assert_lte_u64(regions[i].used, regions[i].size);
		}
	}
	igt_assert_eq_u32(num_of_type[DRM_VGEM_PFN_REGION_TYPE_SYSTEM], 1);
	igt_assert_eq_u32(num_of_type[DRM_VGEM_PFN_REGION_TYPE_TT], 1);
}

static void test_regions_bad(int fd)
{
	struct drm_vgem_pfn_region region;
	struct drm_vgem_pfn_regions arg = {
		.num_regions = 1,
		.regions = (uintptr_t)&region,
	};
	uint32_t num = 1;

	basic_assert_mbz_field(fd, REGIONS, arg, flags);
	igt_assert_eq(__vgem_pfn_regions(fd, NULL, &num), -EFAULT);
	num = 1;
	igt_assert_eq(__vgem_pfn_regions(fd, (void *)~7UL, &num), -EFAULT);
}

void basic_query_tests(int fd)
{
	igt_describe("Invalid handles fail with ENOENT.");
	igt_subtest("query-bad-handle")
		test_query_bad_handle(fd);

	igt_describe("Unknown flags are rejected.");
	igt_subtest("query-bad-flags")
		test_query_bad_flags(fd);

	igt_describe("Output fields are written, whatever their values on input.");
	igt_subtest("query-any-output")
		test_query_any_output(fd);

	igt_describe("bo_stats has the statistics of each buffer.");
	igt_subtest("stats")
		test_stats(fd);

	igt_describe("bo_stats can be read while a buffer moves.");
	igt_subtest("stats-while-moving")
		test_stats_while_moving(fd);

	igt_describe("Page frame numbers are those of the memory with the contents.");
	igt_subtest("pfns")
		test_pfns(fd);

	igt_describe("A query of the pfns does not populate a buffer.");
	igt_subtest("pfns-no-populate")
		test_pfns_no_populate(fd);

	igt_describe("Ranges that are empty, out of bounds or overflow are rejected.");
	igt_subtest("pfns-bad-range")
		test_pfns_bad_range(fd);

	igt_describe("An array that cannot be written fails with EFAULT.");
	igt_subtest("pfns-bad-pointer")
		test_pfns_bad_pointer(fd);

	igt_describe("Ids of no buffer fail with ENOENT.");
	igt_subtest("pfns-bad-id")
		test_pfns_bad_id(fd);

	igt_describe("Anything but three numbers is rejected.");
	igt_subtest("pfns-bad-text")
		test_pfns_bad_text(fd);

	igt_describe("A result stays until the next one, for each open file.");
	igt_subtest("pfns-result")
		test_pfns_result(fd);

	igt_describe("Page frame numbers need CAP_SYS_ADMIN, and only root can open pfns.");
	igt_subtest("pfns-no-permission")
		test_no_permission(fd);

	igt_describe("Regions are returned up to the size of the caller's array.");
	igt_subtest("regions")
		test_regions(fd);

	igt_describe("Unknown flags and bad pointers are rejected.");
	igt_subtest("regions-bad-args")
		test_regions_bad(fd);
}
