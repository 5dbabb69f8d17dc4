// SPDX-License-Identifier: MIT
/*
 * Subtests of moves: while a buffer is mapped it stays in place. The next mapping at the
 * same IOVA leads to the new placement.
 */
#include <errno.h>

#include "dma.h"
#include "igt.h"
#include "pfn_importer.h"
#include "pfn_pci.h"
#include "pfn_stale.h"

#define SIZE	(4 * PFN_PAGE_SIZE)

/* Longer than any test. The quarantine ends earlier if an allocation needs the memory. */
#define QUARANTINE_MS	10000

/*
 * The device writes @length bytes at @offset, which it has read from another part of the
 * same buffer before, so that the contents change.
 */
static void transfer(struct dma_bo *bo, uint64_t offset, size_t length)
{
	dma_copy(bo, offset, bo, (offset + SIZE / 2) % SIZE, length);
}

/* Map, transfer, fail to move, unmap and move, so that the memory is used again. */
static void move_round(struct dma_bo *bo, uint32_t to, uint64_t offset)
{
	dma_bo_map(bo, DMA_IOVA, MAP_RW);
	transfer(bo, offset, 64);
	igt_assert_eq(__vgem_pfn_bo_move(bo->fd, bo->handle, to), -EBUSY);
	dma_bo_check(bo);
	dma_bo_unmap(bo);
	vgem_pfn_bo_move(bo->fd, bo->handle, to);
}

static void move_rounds(int fd, uint32_t region, int rounds)
{
	struct dma_bo bo = dma_bo_create(fd, region, SIZE, 1);
	uint32_t to = iommufd_elsewhere(region);
	struct dma_faults faults = dma_faults_begin();
	int i;

	for (i = 0; i < rounds; i++)
		move_round(&bo, i % 2 ? region : to, i * 136 % (SIZE / 2 - 64));
	igt_info("region %u: %llu moves\n", region,
		 (long long)vgem_pfn_bo_query(fd, bo.handle).num_moves);
	dma_bo_destroy(&bo);
	dma_faults_end(&faults);
}

static void test_move(int fd, uint32_t region)
{
	move_rounds(fd, region, 2);
}

static void test_move_long(int fd, uint32_t region)
{
	move_rounds(fd, region, 20);
}

/* The device does not write to the memory that the buffer has left. */
static void test_old(int fd, uint32_t region)
{
	struct pfn_stale report;
	int log = pfn_stale_open();
	struct dma_bo bo;

	vgem_pfn_set_quarantine(fd, QUARANTINE_MS);
	bo = dma_bo_create(fd, region, SIZE, 1);
	move_round(&bo, VGEM_PFN_SYSTEM, 0);
	dma_bo_map(&bo, DMA_IOVA, MAP_RW);
	transfer(&bo, 0, PFN_PAGE_SIZE);
	dma_bo_check(&bo);
	dma_bo_unmap(&bo);
	dma_bo_destroy(&bo);
	pfn_stale_flush(vgem_pfn_region(fd, region));
	igt_assert(!pfn_stale_next(log, &report));
	vgem_pfn_set_quarantine(fd, 0);
	close(log);
}

/* After the unmapping the device does not reach the buffer, although it did before. */
static void test_unmapped(int fd, uint32_t region)
{
	struct dma_bo bo = dma_bo_create(fd, region, SIZE, 1);
	struct dma_faults faults = dma_faults_begin();

	dma_bo_map(&bo, DMA_IOVA, MAP_RW);
	transfer(&bo, 0, 64);
	dma_bo_unmap(&bo);
	edu_write(bo.iova + 128, 8);
	dma_bo_check(&bo);
	dma_faults_assert(&faults, bo.iova, true);
	dma_faults_end(&faults);
	dma_bo_destroy(&bo);
}

/* Another buffer at the same IOVA: the device reaches that one, and not the first one. */
static void test_replaced(int fd, uint32_t region)
{
	struct dma_bo bo = dma_bo_create(fd, region, SIZE, 1);
	struct dma_bo other = dma_bo_create(fd, region, SIZE, 2);

	dma_bo_map(&bo, DMA_IOVA, MAP_RW);
	transfer(&bo, 0, PFN_PAGE_SIZE);
	dma_bo_unmap(&bo);
	dma_bo_map(&other, DMA_IOVA, MAP_RW);
	transfer(&other, 8, PFN_PAGE_SIZE);
	dma_bo_unmap(&other);
	dma_bo_destroy(&bo);
	dma_bo_destroy(&other);
}

static void test_evict(int fd)
{
	struct dma_bo bo = dma_bo_create(fd, VGEM_PFN_CARVEOUT, SIZE, 1);

	dma_bo_map(&bo, DMA_IOVA, MAP_RW);
	edu_read(bo.iova, 64);
	edu_start(bo.iova + 128, 64, true);
	memcpy(bo.want + 128, bo.want, 64);
	vgem_pfn_evict_all();
	edu_wait();
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, bo.guards[0]), VGEM_PFN_SYSTEM);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, bo.handle), VGEM_PFN_CARVEOUT);
	dma_bo_check(&bo);
	dma_bo_unmap(&bo);
	igt_assert_eq(__vgem_pfn_evict_all_carveouts(fd), 0);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, bo.handle), VGEM_PFN_SYSTEM);
	dma_bo_destroy(&bo);
}

static void assert_notified(int import, uint64_t times)
{
	igt_assert_eq_u64(pfn_import_stats(import).invalidations, times);
}

/* A dynamic importer beside IOMMUFD, whose pin does not move the buffer */
static void test_beside(int fd, uint32_t region)
{
	struct dma_bo bo = dma_bo_create(fd, region, SIZE, 1);
	int importer = pfn_importer_open(), import = pfn_import(importer, bo.dmabuf);
	uint64_t word;

	pfn_import_dev_check(import, SIZE, 1);
	dma_bo_map(&bo, DMA_IOVA, MAP_RW);
	transfer(&bo, 0, 64);
	pfn_import_read(import, 0, &word, sizeof(word));
	igt_assert(!memcmp(&word, bo.want, sizeof(word)));
	igt_assert_eq(__vgem_pfn_bo_move(fd, bo.handle, iommufd_elsewhere(region)), -EBUSY);
	assert_notified(import, 0);
	pfn_import_assert_truth(import, fd, bo.handle, SIZE, DMA_BUF_PFN_ENTRY_DEV);

	/* What the importer writes, the device reads. */
	word = 0x1234567812345678;
	pfn_import_write(import, SIZE / 2, &word, sizeof(word));
	memcpy(bo.want + SIZE / 2, &word, sizeof(word));
	transfer(&bo, 0, 64);
	dma_bo_unmap(&bo);
	assert_notified(import, 0);
	vgem_pfn_bo_move(fd, bo.handle, iommufd_elsewhere(region));
	assert_notified(import, 1);
	pfn_import_read(import, 0, &word, sizeof(word));
	igt_assert(!memcmp(&word, bo.want, sizeof(word)));
	dma_bo_destroy(&bo);
	close(import);
	close(importer);
}

/* The carveout whose memory has no struct pages */
static uint32_t reserved_carveout(int fd)
{
	struct drm_vgem_pfn_region region;
	uint32_t id, found = 0;

	vgem_pfn_for_each_carveout(fd, region, id)
		if (region.type == DRM_VGEM_PFN_REGION_TYPE_RESERVED)
			found = id;
	igt_require_f(found, "no reserved memory\n");
	return found;
}

/*
 * The pin of IOMMUFD moves the buffer to memory that another importer can reach, too, and
 * notifies the importer that has used it.
 */
static void test_pin_moves(int fd)
{
	uint32_t region = reserved_carveout(fd);
	struct dma_bo bo = dma_bo_create(fd, region, SIZE, 1);
	int importer = pfn_importer_open(), import, other;

	import = pfn_import(importer, bo.dmabuf);
	pfn_import_dev_check(import, SIZE, 1);
	other = pfn_import_flags(importer, bo.dmabuf, 0);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, bo.handle), region);
	assert_notified(import, 0);

	dma_bo_map(&bo, DMA_IOVA, MAP_RW);
	igt_assert_neq_u32(vgem_pfn_bo_region(fd, bo.handle), region);
	assert_notified(import, 1);
	assert_notified(other, 1);
	transfer(&bo, 0, 64);
	dma_bo_check(&bo);
	pfn_import_read(import, 0, bo.want, 64);
	assert_notified(import, 1);
	dma_bo_unmap(&bo);
	dma_bo_destroy(&bo);
	close(other);
	close(import);
	close(importer);
}

void dma_move_tests(int fd)
{
	igt_describe("A mapped buffer does not move; the same IOVA leads to its new placement.");
	igt_subtest("move")
		pfn_each_carveout(fd, test_move);

	igt_describe("Like move, 20 times in each kind of memory.");
	igt_subtest("move-long")
		pfn_each_region(fd, test_move_long);

	igt_describe("Nothing is written to memory that a buffer has left.");
	igt_subtest("move-old")
		pfn_each_carveout(fd, test_old);

	igt_describe("Accesses to an IOVA that was unmapped fault.");
	igt_subtest("unmapped") {
		test_unmapped(fd, VGEM_PFN_TT);
		pfn_each_carveout(fd, test_unmapped);
	}

	igt_describe("Another buffer at the same IOVA is accessed in place of the first one.");
	igt_subtest("replaced")
		pfn_each_carveout(fd, test_replaced);

	igt_describe("A transfer goes on while all other buffers are evicted.");
	igt_subtest("evict")
		test_evict(fd);

	igt_describe("A dynamic importer beside IOMMUFD is not notified of its pin.");
	igt_subtest("beside-dynamic")
		pfn_each_carveout(fd, test_beside);

	igt_describe("Importers are notified once if the pin moves the buffer.");
	igt_subtest("pin-moves")
		test_pin_moves(fd);
}
