// SPDX-License-Identifier: MIT
/* Subtests of the module parameters: number of devices, carveouts, DMA limits. */
#include "hotplug.h"
#include "igt.h"
#include "pfn_debugfs.h"
#include "vgem_pfn_module.h"

#define MAX_DEVICES	8
#define SIZE		(2 * MiB)	/* size of each carveout */

static void test_devices(unsigned int num)
{
	struct drm_vgem_pfn_region region[MAX_DEVICES];
	uint32_t handle[MAX_DEVICES];
	int fd[MAX_DEVICES];
	char params[64];
	unsigned int i, j;

	snprintf(params, sizeof(params), "devices=%u carveouts=contig:2M", num);
	vgem_pfn_reload(params);

	for (i = 0; i < num; i++)
		fd[i] = vgem_pfn_open_faux(i);
	igt_assert_eq(__vgem_pfn_open_faux(num, "renderD"), -ENODEV);

	/* Fill all carveouts: overlapping ones would overwrite each other. */
	for (i = 0; i < num; i++) {
		handle[i] = vgem_pfn_bo_create(fd[i], SIZE, VGEM_PFN_CARVEOUT);
		vgem_pfn_bo_fill(fd[i], handle[i], SIZE, i);
	}
	for (i = 0; i < num; i++) {
		region[i] = vgem_pfn_region(fd[i], VGEM_PFN_CARVEOUT);
		igt_assert_eq_u64(region[i].used, SIZE);
		igt_assert_eq_u32(vgem_pfn_bo_region(fd[i], handle[i]),
				  VGEM_PFN_CARVEOUT);
		vgem_pfn_bo_check_mem(fd[i], handle[i], 64 * KiB, i);
		vgem_pfn_bo_check(fd[i], handle[i], SIZE, i);
		for (j = 0; j < i; j++)
			igt_assert(region[i].base_pfn + region[i].size / PFN_PAGE_SIZE <=
				   region[j].base_pfn ||
				   region[j].base_pfn + region[j].size / PFN_PAGE_SIZE <=
				   region[i].base_pfn);
	}

	/* A move on one device does not affect the others. */
	vgem_pfn_bo_move(fd[0], handle[0], VGEM_PFN_SYSTEM);
	for (i = 1; i < num; i++)
		igt_assert_eq_u64(vgem_pfn_bo_query(fd[i], handle[i]).num_moves,
				  0);
	for (i = 0; i < num; i++)
		close(fd[i]);
}

static void test_none(void)
{
	vgem_pfn_reload("devices=0");
	igt_assert_eq(__drm_open_by_name(VGEM_PFN_MODULE, "card"), -ENODEV);
	igt_assert_eq(__vgem_pfn_open_faux(0, "card"), -ENODEV);
}

static uint64_t mem_free(void)
{
	unsigned long long kib = 0;
	FILE *file = fopen("/proc/meminfo", "re");
	char line[128];

	igt_assert(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "MemFree: %llu kB", &kib) == 1)
			break;
	fclose(file);
	return kib * KiB;
}

static void test_no_memory(void)
{
	uint64_t before, after;
	char params[64];
	unsigned int i;

	igt_emit_ignore_dmesg_regex("no contiguous memory of that size");
	igt_assert_eq(__vgem_pfn_unload(), 0);
	before = mem_free();

	/* Each device needs a third of the free memory: at most three fit. */
	snprintf(params, sizeof(params), "devices=8 carveouts=contig:%lluM",
		 (long long)(before / MiB / 3));
	for (i = 0; i < 3; i++) {
		igt_assert_neq(__vgem_pfn_load(params), 0);
		igt_assert_neq(access(VGEM_PFN_SYS_MODULE, F_OK), 0);
		igt_assert_eq(access("/sys/devices/faux/" VGEM_PFN_MODULE ".0",
				     F_OK), -1);
	}

	/* Other caches may have grown, but by less than one device's share. */
	after = mem_free();
	igt_assert_f(after + before / 6 > before,
		     "%llu MiB were free, now %llu MiB\n",
		     (long long)(before / MiB), (long long)(after / MiB));
	vgem_pfn_reload(NULL);
}

static void test_carveouts_bad(void)
{
	static const char * const params[] = {
		"carveouts=vram:64M",
		"carveouts=contig:64M@1G",
		"carveouts=bar:64M",
		/* More than half of the memory, and memory that is in use */
		"carveouts=contig:512G",
		"carveouts=reserved:4M@16M",
		/* The second device fails: the first one is removed as well. */
		"devices=2 'carveouts=contig:4M;reserved:4M@16M'",
	};
	size_t i;

	igt_emit_ignore_dmesg_regex("vgem_pfn: carveouts=|more than half|kernel uses memory");
	igt_assert_eq(__vgem_pfn_unload(), 0);
	for (i = 0; i < ARRAY_SIZE(params); i++) {
		igt_assert_neq(__vgem_pfn_load(params[i]), 0);
		igt_assert_neq(access(VGEM_PFN_SYS_MODULE, F_OK), 0);
	}
	vgem_pfn_reload(NULL);
}

/* The second device's import of a buffer in the first device's system memory */
struct between {
	int fds[2];
	uint32_t handle;
	uint32_t import;
};

static struct between between_create(size_t size)
{
	struct between b = {
		.fds = { vgem_pfn_open_faux(0), vgem_pfn_open_faux(1) },
	};
	int dmabuf;

	b.handle = vgem_pfn_bo_create(b.fds[0], size, VGEM_PFN_TT);
	vgem_pfn_bo_fill(b.fds[0], b.handle, size, 1);
	dmabuf = vgem_pfn_export(b.fds[0], b.handle);
	igt_assert_eq(__vgem_pfn_fd_to_handle(b.fds[1], dmabuf, &b.import), 0);
	close(dmabuf);
	return b;
}

static void between_destroy(struct between *b)
{
	close(b->fds[0]);
	close(b->fds[1]);
}

static void test_dma_bits(void)
{
	/*
	 * Two blocks for TTM, of two pages and one. The kernel allocates such small blocks
	 * above 4 GiB if memory is free there, but larger ones below it if the free memory
	 * above is fragmented.
	 */
	const size_t size = 3 * PFN_PAGE_SIZE;
	uint64_t pfns[3], top = 0, i;
	struct between b;

	vgem_pfn_reload("devices=2 dma_bits=32");
	/* Free cached pages above 4 GiB, if any. */
	igt_assert_eq(__pfn_write_file("/proc/sys/vm/drop_caches", "3"), 0);
	b = between_create(size);
	vgem_pfn_bo_pfns(b.fds[0], b.handle, 0, ARRAY_SIZE(pfns), pfns);
	for (i = 0; i < ARRAY_SIZE(pfns); i++)
		top = pfns[i] > top ? pfns[i] : top;
	igt_info("highest page: pfn 0x%llx\n", (long long)top);

	if (top < 1ULL << (32 - 12)) {
		vgem_pfn_bo_move(b.fds[1], b.import, VGEM_PFN_TT);
		vgem_pfn_bo_check_mem(b.fds[1], b.import, size, 1);
		between_destroy(&b);
		igt_skip("no memory above 4 GiB is free\n");
	}
	igt_assert_eq(__vgem_pfn_bo_move(b.fds[1], b.import, VGEM_PFN_TT),
		      -EOPNOTSUPP);
	igt_assert_eq_u32(vgem_pfn_bo_region(b.fds[1], b.import), VGEM_PFN_SYSTEM);
	between_destroy(&b);
}

static void test_dma_segment(void)
{
	const size_t size = 2 * MiB;
	struct between b;

	vgem_pfn_reload("devices=2 dma_segment=20000");
	b = between_create(size);
	vgem_pfn_bo_move(b.fds[1], b.import, VGEM_PFN_TT);
	vgem_pfn_bo_check_mem(b.fds[1], b.import, size, 1);
	between_destroy(&b);
}

static void test_dma_bad(void)
{
	static const char * const params[] = {
		"dma_bits=31", "dma_bits=65", "dma_segment=4095",
	};
	size_t i;

	igt_emit_ignore_dmesg_regex("dma_bits must be");
	igt_assert_eq(__vgem_pfn_unload(), 0);
	for (i = 0; i < ARRAY_SIZE(params); i++)
		igt_assert_neq(__vgem_pfn_load(params[i]), 0);
}

void hotplug_devices_tests(void)
{
	igt_describe("Each device has its own memory and objects.");
	igt_subtest("devices")
		test_devices(3);

	igt_describe("Like devices, with the maximum number of devices.");
	igt_subtest("devices-max")
		test_devices(MAX_DEVICES);

	igt_describe("The module can be loaded without devices.");
	igt_subtest("devices-none")
		test_none();

	igt_describe("Invalid numbers of devices are rejected.");
	igt_subtest("devices-bad") {
		igt_emit_ignore_dmesg_regex("devices=9: at most 8|invalid for parameter .devices");
		igt_assert_eq(__vgem_pfn_unload(), 0);
		igt_assert_neq(__vgem_pfn_load("devices=9"), 0);
		igt_assert_neq(__vgem_pfn_load("devices=-1"), 0);
		igt_assert_neq(__vgem_pfn_load("devices=x"), 0);
		igt_assert_neq(access(VGEM_PFN_SYS_MODULE, F_OK), 0);
		vgem_pfn_reload(NULL);
	}

	igt_describe("Loading creates all devices or none.");
	igt_subtest("devices-no-memory")
		test_no_memory();

	igt_describe("Invalid carveouts are rejected.");
	igt_subtest("carveouts-bad")
		test_carveouts_bad();

	igt_describe("A device does not map pages that it cannot address.");
	igt_subtest("dma-bits") {
		test_dma_bits();
		vgem_pfn_reload(NULL);
	}

	igt_describe("Entries respect the importing device's segment size.");
	igt_subtest("dma-segment") {
		test_dma_segment();
		vgem_pfn_reload(NULL);
	}

	igt_describe("Invalid DMA limits are rejected.");
	igt_subtest("dma-bad") {
		test_dma_bad();
		vgem_pfn_reload(NULL);
	}
}
