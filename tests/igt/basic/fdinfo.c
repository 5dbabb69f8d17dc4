// SPDX-License-Identifier: MIT
/*
 * Subtests of the memory statistics in a client's fdinfo, in the format of
 * Documentation/gpu/drm-usage-stats.rst.
 */
#include "basic.h"
#include "igt.h"

#define SIZE	(2 * MiB)

/* Find the line "key:\tvalue" and return its value; false if there is none. */
static bool fdinfo(int fd, const char *key, char *value, size_t size)
{
	char path[64], line[256];
	size_t len = strlen(key);
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	igt_assert(file);
	while (!found && fgets(line, sizeof(line), file)) {
		found = !strncmp(line, key, len) && line[len] == ':';
		if (found)
			snprintf(value, size, "%s",
				 line + len + 1 + strspn(line + len + 1, " \t"));
	}
	fclose(file);
	value[strcspn(value, "\n")] = '\0';
	return found;
}

/* drm-<what>-<region> in bytes */
static uint64_t memory(int fd, const char *what, uint32_t region)
{
	struct drm_vgem_pfn_region info = vgem_pfn_region(fd, region);
	char key[64], value[64], unit[8] = "";
	unsigned long long number;

	snprintf(key, sizeof(key), "drm-%s-%s", what, info.name);
	igt_assert_f(fdinfo(fd, key, value, sizeof(value)), "no %s\n", key);
	igt_assert_f(sscanf(value, "%llu %7s", &number, unit) >= 1,
		     "%s: %s\n", key, value);
	if (!strcmp(unit, "KiB"))
		number *= KiB;
	else if (!strcmp(unit, "MiB"))
		number *= MiB;
	else
		igt_assert_f(!unit[0], "%s: unit %s\n", key, unit);
	return number;
}

static void assert_memory(int fd, uint32_t region, uint64_t total,
			  uint64_t shared, uint64_t resident)
{
	igt_assert_eq_u64(memory(fd, "total", region), total);
	igt_assert_eq_u64(memory(fd, "shared", region), shared);
	igt_assert_eq_u64(memory(fd, "resident", region), resident);
	igt_assert_eq_u64(memory(fd, "active", region), 0);
}

static void test_fdinfo(void)
{
	int fd = vgem_pfn_open(), other = vgem_pfn_open(), dmabuf;
	char value[64];
	uint32_t handle;

	igt_assert(fdinfo(fd, "drm-driver", value, sizeof(value)));
	igt_assert(!strcmp(value, VGEM_PFN_MODULE));
	igt_assert(fdinfo(fd, "drm-client-id", value, sizeof(value)));

	assert_memory(fd, VGEM_PFN_SYSTEM, 0, 0, 0);
	assert_memory(fd, VGEM_PFN_TT, 0, 0, 0);
	assert_memory(fd, VGEM_PFN_CARVEOUT, 0, 0, 0);

	handle = vgem_pfn_bo_create(fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	assert_memory(fd, VGEM_PFN_CARVEOUT, SIZE, 0, SIZE);
	assert_memory(fd, VGEM_PFN_TT, 0, 0, 0);

	vgem_pfn_evict_all();
	assert_memory(fd, VGEM_PFN_CARVEOUT, SIZE, 0, 0);
	assert_memory(fd, VGEM_PFN_TT, 0, 0, SIZE);

	vgem_pfn_bo_move(fd, handle, VGEM_PFN_CARVEOUT);
	assert_memory(fd, VGEM_PFN_CARVEOUT, SIZE, 0, SIZE);
	assert_memory(fd, VGEM_PFN_TT, 0, 0, 0);

	/* System memory is resident once it has been populated. */
	vgem_pfn_bo_create(fd, 4 * KiB, VGEM_PFN_SYSTEM);
	assert_memory(fd, VGEM_PFN_SYSTEM, 4 * KiB, 0, 0);
	handle = vgem_pfn_bo_create(fd, 4 * KiB, VGEM_PFN_SYSTEM);
	vgem_pfn_bo_fill(fd, handle, 4 * KiB, 1);
	assert_memory(fd, VGEM_PFN_SYSTEM, 8 * KiB, 0, 4 * KiB);

	/* Each client is accounted separately, shared buffers included. */
	assert_memory(other, VGEM_PFN_SYSTEM, 0, 0, 0);
	dmabuf = vgem_pfn_export(fd, handle);
	igt_assert_eq(__vgem_pfn_fd_to_handle(other, dmabuf, &handle), 0);
	assert_memory(fd, VGEM_PFN_SYSTEM, 8 * KiB, 4 * KiB, 4 * KiB);
	assert_memory(other, VGEM_PFN_SYSTEM, 4 * KiB, 4 * KiB, 4 * KiB);
	close(dmabuf);
	vgem_pfn_gem_close(other, handle);
	assert_memory(other, VGEM_PFN_SYSTEM, 0, 0, 0);

	close(other);
	close(fd);
}

void basic_fdinfo_tests(void)
{
	igt_describe("fdinfo reports a client's memory in each region.");
	igt_subtest("fdinfo")
		test_fdinfo();
}
