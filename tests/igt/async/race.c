// SPDX-License-Identifier: MIT
/* Subtests of importers that access buffers which move all the time. */
#include <sys/mman.h>
#include <time.h>

#include "async.h"
#include "igt.h"
#include "pfn_importer.h"

#define NUM	8

static void test_correct(int fd, int importer, int moves)
{
	uint64_t random = 0x5eed, seeds[NUM], reads = 0;
	uint32_t handles[NUM];
	size_t sizes[NUM];
	int imports[NUM];
	char *maps[NUM];
	int i, move;

	for (i = 0; i < NUM; i++) {
		int dmabuf;

		sizes[i] = (1 + i % 4) * PFN_PAGE_SIZE;
		seeds[i] = 100 + i;
		handles[i] = vgem_pfn_bo_create(fd, sizes[i], VGEM_PFN_CARVEOUT,
						VGEM_PFN_TT);
		vgem_pfn_bo_fill(fd, handles[i], sizes[i], seeds[i]);
		dmabuf = vgem_pfn_export(fd, handles[i]);
		imports[i] = pfn_import(importer, dmabuf);
		close(dmabuf);
		maps[i] = pfn_import_mmap(imports[i], sizes[i],
					  PROT_READ | PROT_WRITE);
	}

	for (move = 0; move < moves; move++) {
		uint64_t dice = pfn_random(&random);
		uint32_t region = dice >> 8 & 1 ? VGEM_PFN_TT : VGEM_PFN_CARVEOUT;

		i = dice % NUM;
		if (move % 100 == 0)
			async_latency(fd, (move / 100 % 4) * 100);
		igt_assert_eq(__vgem_pfn_bo_move_async(fd, handles[i], region, 0), 0);

		/* Access a buffer now and then, by CPU or by device. */
		i = (dice >> 16) % NUM;
		switch (dice >> 24 & 15) {
		case 0:
			pfn_assert_pattern(maps[i], 0, sizes[i], seeds[i]);
			reads++;
			break;
		case 1:
			pfn_import_dev_check(imports[i], sizes[i], seeds[i]);
			reads++;
			break;
		case 2:
			seeds[i]++;
			pfn_import_dev_fill(imports[i], sizes[i], seeds[i]);
			break;
		case 3:
			seeds[i]++;
			pfn_pattern_fill(maps[i], 0, sizes[i], seeds[i]);
			break;
		}
	}

	for (i = 0; i < NUM; i++) {
		pfn_assert_pattern(maps[i], 0, sizes[i], seeds[i]);
		pfn_import_dev_check(imports[i], sizes[i], seeds[i]);
		vgem_pfn_bo_check_mem(fd, handles[i], sizes[i], seeds[i]);
		munmap(maps[i], sizes[i]);
		close(imports[i]);
		vgem_pfn_gem_close(fd, handles[i]);
	}
	igt_info("%d moves, %llu reads\n", moves, (long long)reads);
}

static void test_wrong(int fd, int importer)
{
	const size_t size = 16 * PFN_PAGE_SIZE;
	int dmabuf, wrong, correct, wrong_cpu = 0, wrong_dev = 0, i;
	uint64_t seed = time(NULL);
	uint32_t handle, syncobj;
	uint64_t *data, *map;
	struct pfn_hold hold;
	size_t page;

	handle = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	dmabuf = vgem_pfn_export(fd, handle);
	correct = pfn_import(importer, dmabuf);
	wrong = pfn_import_flags(importer, dmabuf,
				 PFN_BROKEN_NO_FENCE_WAIT |
				 DMA_BUF_PFN_IMPORT_P2P);
	map = pfn_import_mmap(wrong, size, PROT_READ);
	data = calloc(1, size);
	igt_assert(data);
	syncobj = syncobj_create(fd, 0);

	for (i = 0; i < 2; i++) {
		/*
		 * New contents each time: the memory that the buffer moves to may still
		 * have contents of the last move, or of an earlier subtest.
		 */
		vgem_pfn_bo_fill(fd, handle, size, ++seed);
		pfn_hold_begin(&hold);
		async_move_held(fd, handle, i ? VGEM_PFN_CARVEOUT : VGEM_PFN_TT,
				syncobj, &hold);
		pfn_import_read(wrong, 0, data, size);
		for (page = 0; page < size / 8; page += PFN_PAGE_SIZE / 8) {
			wrong_dev += data[page] != pfn_pattern_word(seed, page);
			wrong_cpu += map[page] != pfn_pattern_word(seed, page);
		}
		pfn_hold_assert(&hold, !async_done(fd, syncobj));

		/* The correct importer reads correct data at any time. */
		pfn_hold_until_asleep(&hold);
		pfn_import_dev_check(correct, size, seed);
		igt_assert(async_done(fd, syncobj));
		pfn_hold_end(&hold);
		pfn_assert_pattern(map, 0, size, seed);
	}
	igt_info("of 32 pages each, %d by device and %d by CPU were wrong\n",
		 wrong_dev, wrong_cpu);
	igt_assert_lt(0, wrong_dev);
	igt_assert_lt(0, wrong_cpu);

	free(data);
	munmap(map, size);
	close(wrong);
	close(correct);
	close(dmabuf);
	syncobj_destroy(fd, syncobj);
	vgem_pfn_gem_close(fd, handle);
}

void async_race_tests(int fd, int importer)
{
	igt_describe("An importer that waits for fences never reads wrong data.");
	igt_subtest("correct-importer") {
		async_reset(fd);
		test_correct(fd, importer, 400);
	}

	igt_describe("Like correct-importer, with more moves.");
	igt_subtest("correct-importer-long") {
		async_reset(fd);
		test_correct(fd, importer, 10000);
	}

	igt_describe("An importer that does not wait for fences is detected.");
	igt_subtest("wrong-importer") {
		async_reset(fd);
		test_wrong(fd, importer);
	}
}
