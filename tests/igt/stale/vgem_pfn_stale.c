// SPDX-License-Identifier: MIT
/**
 * TEST: vgem pfn stale
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: dma-buf
 * Description: Writes through stale page frame numbers are reported, and correct
 *		importers are not.
 *
 * SUBTEST: write-after-move
 * Description: An importer that keeps its translations writes one byte, and the report
 *		has the offset, the buffer and the importers.
 *
 * SUBTEST: write-after-free
 * Description: A write to a freed buffer is reported when its quarantine expires.
 *
 * SUBTEST: write-after-move-scattered
 * Description: A write to memory of single pages that are not adjacent is reported with
 *		its offset in the buffer.
 *
 * SUBTEST: correct
 * Description: 400 moves with correct importers, some with a quarantine that ends
 *		early, are not reported.
 *
 * SUBTEST: correct-long
 * Description: Like correct, with 10,000 moves.
 *
 * SUBTEST: correct-async
 * Description: 150 asynchronous moves from and to each carveout are not reported: the
 *		quarantine pattern is not written before the copy is done.
 *
 * SUBTEST: correct-async-long
 * Description: Like correct-async, with 500 moves.
 *
 * SUBTEST: innocent
 * Description: If a failed allocation frees its memory unused, no quarantine pattern is
 *		written to it, since the copy of the evicted buffer may be pending.
 *
 * SUBTEST: room
 * Description: Memory in quarantine is freed early when an allocation needs it.
 *
 * SUBTEST: room-long
 * Description: Like room, eight times.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include "igt.h"
#include "pfn_importer.h"
#include "pfn_nth.h"
#include "pfn_stale.h"
#include "vgem_pfn.h"

IGT_TEST_DESCRIPTION("Stale-use detection");

#define NUM_PAGES	24
#define SIZE		(NUM_PAGES * PFN_PAGE_SIZE)
#define SEED		0x5eed

/* Longer than any test, where an allocation ends the quarantine early */
#define LONG_MS		10000

static void test_write_after_move(int fd, struct drm_vgem_pfn_region region,
				  uint64_t *seed)
{
	uint32_t placements[] = { region.id, VGEM_PFN_TT };
	int importer = pfn_importer_open(), log = pfn_stale_open();
	uint64_t offset = pfn_random(seed) % SIZE;
	struct timespec before_move = {};
	int dmabuf, import;
	struct pfn_stale report;
	uint32_t handle;
	uint8_t byte;

	vgem_pfn_set_quarantine(fd, LONG_MS);
	handle = __vgem_pfn_bo_create_list(fd, SIZE, placements, 2);
	vgem_pfn_bo_fill(fd, handle, SIZE, 1);
	dmabuf = vgem_pfn_export(fd, handle);
	import = pfn_import_flags(importer, dmabuf, PFN_BROKEN_NO_ZAP |
				  DMA_BUF_PFN_IMPORT_P2P);
	pfn_import_dev_check(import, SIZE, 1);
	igt_nsec_elapsed(&before_move);
	vgem_pfn_bo_move(fd, handle, VGEM_PFN_TT);

	/* xor, so that the byte differs from the previous one */
	pfn_import_read(import, offset, &byte, 1);
	byte ^= 0x10;
	pfn_import_write(import, offset, &byte, 1);
	vgem_pfn_bo_check(fd, handle, SIZE, 1);
	igt_assert(!pfn_stale_next(log, &report));

	pfn_stale_flush(region);
	igt_assert_f(pfn_stale_next(log, &report), "offset %#llx of %s: no report\n",
		     (long long)offset, region.name);
	igt_assert_eq_u64(report.id, vgem_pfn_bo_query(fd, handle).id);
	igt_assert_eq_u64(report.offset, offset);
	igt_assert_eq_u64(report.bytes, 1);
	igt_assert_lt_u64(0, report.age_us);
	igt_assert_lte_u64(report.age_us, igt_nsec_elapsed(&before_move) / 1000);
	igt_assert_f(!strcmp(report.carveout, (char *)region.name), "%s\n",
		     report.carveout);
	igt_assert_f(!strcmp(report.importers, "pfn"), "%s\n", report.importers);
	igt_assert(!pfn_stale_next(log, &report));

	close(import);
	close(dmabuf);
	vgem_pfn_gem_close(fd, handle);
	close(log);
	close(importer);
}

static void test_write_after_free(int fd, struct drm_vgem_pfn_region region,
				  uint64_t *seed)
{
	uint64_t offset = pfn_random(seed) % (SIZE - 3), id, pfns[NUM_PAGES];
	static const uint8_t bytes[3] = { 0xee, 0xee, 0xee };
	struct pfn_stale report;
	int log = pfn_stale_open(), i;
	uint32_t handle;

	vgem_pfn_set_quarantine(fd, 700);
	handle = vgem_pfn_bo_create(fd, SIZE, region.id);
	id = vgem_pfn_bo_query(fd, handle).id;
	vgem_pfn_bo_pfns(fd, handle, 0, NUM_PAGES, pfns);
	vgem_pfn_gem_close(fd, handle);
	for (i = 0; i < 3; i++)
		pfn_mem_write(pfns[(offset + i) / PFN_PAGE_SIZE],
			      (offset + i) % PFN_PAGE_SIZE, &bytes[i], 1);

	for (i = 0; i < 1200 && !pfn_stale_next(log, &report); i++)
		usleep(50000);
	igt_assert_lt(i, 1200);
	igt_assert_eq_u64(report.id, id);
	igt_assert_lte_u64(offset, report.offset);
	igt_assert_lt_u64(report.offset, offset + 3);
	igt_assert_lte_u64(report.bytes, 3);
	igt_assert_f(!strcmp(report.importers, "none"), "%s\n",
		     report.importers);
	close(log);
}

static void test_correct(int fd, struct drm_vgem_pfn_region region, int rounds,
			 int check_every)
{
	uint32_t placements[] = { region.id, VGEM_PFN_TT };
	int importer = pfn_importer_open(), log = pfn_stale_open();
	int dmabuf, import, i;
	struct pfn_stale report;
	uint32_t handle;
	uint64_t word;
	char *map;

	vgem_pfn_set_quarantine(fd, 1);
	handle = __vgem_pfn_bo_create_list(fd, 4 * PFN_PAGE_SIZE, placements, 2);
	dmabuf = vgem_pfn_export(fd, handle);
	import = pfn_import_flags(importer, dmabuf, DMA_BUF_PFN_IMPORT_P2P);
	map = pfn_import_mmap(import, 4 * PFN_PAGE_SIZE, PROT_READ | PROT_WRITE);

	for (i = 0; i < rounds; i++) {
		word = i;
		/* Also check words written some moves ago. */
		pfn_import_write(import, i % 1024 * 8, &word, 8);
		if (i % check_every == check_every - 1) {
			pfn_import_read(import, (i - check_every + 1) % 1024 * 8,
					&word, 8);
			igt_assert_eq_u64(word, i - check_every + 1);
		}
		map[i % PFN_PAGE_SIZE + 3 * PFN_PAGE_SIZE] = i;
		igt_assert_eq(__vgem_pfn_bo_move(fd, handle, i & 1 ? region.id :
						 VGEM_PFN_TT), 0);
		if (i % 256 == 0)
			pfn_stale_flush(region);
	}
	pfn_stale_flush(region);
	igt_assert(!pfn_stale_next(log, &report));

	munmap(map, 4 * PFN_PAGE_SIZE);
	close(import);
	close(dmabuf);
	vgem_pfn_gem_close(fd, handle);
	close(log);
	close(importer);
}

/* The same total number of moves for any number of carveouts */
static void test_correct_everywhere(int fd, int moves)
{
	struct drm_vgem_pfn_region region;
	int id, num = 0;

	vgem_pfn_for_each_carveout(fd, region, id)
		num++;
	vgem_pfn_for_each_carveout(fd, region, id)
		test_correct(fd, region, moves / num + 1, 64);
}

static void test_correct_async(int fd, int moves)
{
	struct drm_vgem_pfn_region region;
	int id;

	vgem_pfn_set_knob(fd, "engine_latency_us", 2000);
	vgem_pfn_set_knob(fd, "async_moves", 1);
	vgem_pfn_for_each_carveout(fd, region, id)
		test_correct(fd, region, moves, 2);
	vgem_pfn_set_knob(fd, "async_moves", 0);
	vgem_pfn_set_knob(fd, "engine_latency_us", 0);
}

static void test_innocent(int fd, struct drm_vgem_pfn_region region)
{
	uint32_t placements[] = { region.id, VGEM_PFN_TT }, handle, other;
	uint64_t size = region.size, wanted = region.size;

	/* Workers may still be freeing memory of other subtests. */
	pfn_stale_flush(region);
	handle = __vgem_pfn_bo_create_list(fd, size, placements, 2);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), region.id);
	vgem_pfn_bo_fill(fd, handle, MiB, 3);

	vgem_pfn_set_quarantine(fd, LONG_MS);
	vgem_pfn_set_knob(fd, "engine_latency_us", 500000);
	vgem_pfn_set_knob(fd, "async_moves", 1);
	/* The first copy, of the eviction, succeeds; the second one fails. */
	igt_assert_eq(__vgem_pfn_fault_set(fd, "copy", "space", 2), 0);
	igt_assert_eq(__vgem_pfn_fault_arm(fd, "copy", 1, 1), 0);
	igt_assert_eq(__vgem_pfn_bo_create(fd, &wanted, placements, 1, &other),
		      -EIO);
	igt_assert_eq(__vgem_pfn_fault_disarm(fd, "copy"), 0);
	vgem_pfn_set_knob(fd, "async_moves", 0);
	vgem_pfn_set_knob(fd, "engine_latency_us", 0);

	igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), VGEM_PFN_TT);
	vgem_pfn_bo_check(fd, handle, MiB, 3);
	vgem_pfn_gem_close(fd, handle);
}

static void test_room(int fd, struct drm_vgem_pfn_region region, int rounds)
{
	uint32_t handle;
	int i;

	vgem_pfn_set_quarantine(fd, LONG_MS);
	for (i = 0; i < rounds; i++) {
		handle = vgem_pfn_bo_create(fd, region.size, region.id);
		igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), region.id);
		vgem_pfn_bo_move(fd, handle, VGEM_PFN_SYSTEM);
		vgem_pfn_bo_move(fd, handle, region.id);
		vgem_pfn_gem_close(fd, handle);
	}
}

int igt_main()
{
	static struct drm_vgem_pfn_region region;
	static uint64_t seed;
	static int fd = -1;
	static uint32_t id;

	igt_fixture() {
		fd = vgem_pfn_open();
		vgem_pfn_reset_on_exit();
		pfn_fault_disarm_on_exit();
		seed = SEED;
	}

	igt_describe("One byte written through a stale pfn is reported.");
	igt_subtest("write-after-move") {
		igt_emit_ignore_dmesg_regex(PFN_STALE_REPORT);
		vgem_pfn_for_each_carveout(fd, region, id)
			test_write_after_move(fd, region, &seed);
	}

	igt_describe("Like write-after-move, after the buffer has been freed.");
	igt_subtest("write-after-free") {
		igt_emit_ignore_dmesg_regex(PFN_STALE_REPORT);
		vgem_pfn_for_each_carveout(fd, region, id)
			test_write_after_free(fd, region, &seed);
	}

	igt_describe("With scattered memory, the reported offset is that in the buffer.");
	igt_subtest("write-after-move-scattered") {
		igt_emit_ignore_dmesg_regex(PFN_STALE_REPORT);
		vgem_pfn_set_max_block_order(fd, 0);
		vgem_pfn_for_each_carveout(fd, region, id)
			test_write_after_move(fd, region, &seed);
		vgem_pfn_set_max_block_order(fd, UINT32_MAX);
	}

	igt_describe("Correct importers are not reported.");
	igt_subtest("correct")
		test_correct_everywhere(fd, 400);

	igt_describe("Like correct, with more moves.");
	igt_subtest("correct-long")
		test_correct_everywhere(fd, 10000);

	igt_describe("The pattern is not written before the copy is done.");
	igt_subtest("correct-async")
		test_correct_async(fd, 150);

	igt_describe("Like correct-async, with more moves.");
	igt_subtest("correct-async-long")
		test_correct_async(fd, 500);

	igt_describe("Unused memory of a failed allocation is not filled.");
	igt_subtest("innocent")
		vgem_pfn_for_each_carveout(fd, region, id)
			test_innocent(fd, region);

	igt_describe("An allocation does not fail because of quarantined memory.");
	igt_subtest("room")
		vgem_pfn_for_each_carveout(fd, region, id)
			test_room(fd, region, 1);

	igt_describe("Like room, several times.");
	igt_subtest("room-long")
		vgem_pfn_for_each_carveout(fd, region, id)
			test_room(fd, region, 8);

	igt_fixture() {
		vgem_pfn_set_quarantine(fd, 0);
		close(fd);
	}
}
