// SPDX-License-Identifier: MIT
/*
 * Subtests of CPU access bracketed by DMA_BUF_IOCTL_SYNC.
 */
#include <linux/dma-buf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "igt.h"
#include "import.h"

static void dmabuf_sync(int dmabuf, uint64_t flags)
{
	struct dma_buf_sync sync = { .flags = flags };

	igt_assert_eq(ioctl(dmabuf, DMA_BUF_IOCTL_SYNC, &sync), 0);
}

static void test_placement(int fd, int other)
{
	static const uint32_t regions[] = {
		VGEM_PFN_CARVEOUT, VGEM_PFN_TT, VGEM_PFN_SYSTEM,
	};
	struct shared s = shared_create(fd, other, 64 * KiB, 0);
	unsigned int i;
	char *map;

	map = mmap(NULL, s.size, PROT_READ | PROT_WRITE, MAP_SHARED, s.dmabuf, 0);
	igt_assert(map != MAP_FAILED);
	for (i = 0; i < ARRAY_SIZE(regions); i++) {
		vgem_pfn_bo_move(fd, s.handle, regions[i]);
		dmabuf_sync(s.dmabuf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW);
		pfn_assert_pattern(map, 0, s.size, i);
		pfn_pattern_fill(map, 0, s.size, i + 1);
		dmabuf_sync(s.dmabuf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW);
		igt_assert_eq_u32(vgem_pfn_bo_region(fd, s.handle), regions[i]);
		shared_check(&s, i + 1);
	}
	munmap(map, s.size);
	shared_destroy(&s);
}

static void test_waits(int fd, int other)
{
	struct shared s = shared_create(fd, other, 64 * KiB, 0);
	struct vgem_pfn_mover mover;
	struct pfn_hold hold;

	pfn_hold_begin(&hold);
	vgem_pfn_mover_start_held(&mover, fd, s.handle, VGEM_PFN_TT, &hold);
	pfn_hold_until_asleep(&hold);
	dmabuf_sync(s.dmabuf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, s.handle), VGEM_PFN_TT);
	dmabuf_sync(s.dmabuf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ);
	pfn_hold_end(&hold);
	vgem_pfn_mover_wait(&mover);
	shared_destroy(&s);
}

void import_cpu_tests(int fd, int other)
{
	igt_describe("CPU access works in every region and does not move the buffer.");
	igt_subtest("sync-placement")
		test_placement(fd, other);

	igt_describe("CPU access does not begin while a move is under way.");
	igt_subtest("sync-waits-for-move")
		test_waits(fd, other);
}
