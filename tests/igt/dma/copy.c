// SPDX-License-Identifier: MIT
/* Subtests of transfers: each byte goes where the buffer is, and no other byte changes. */
#include "dma.h"
#include "igt.h"
#include "pfn_pci.h"

#define SIZE	(8 * PFN_PAGE_SIZE)
#define HALF	(PFN_PAGE_SIZE / 2)

/* A buffer in TT, which the device copies to or from */
static struct dma_bo other_create(int fd)
{
	struct dma_bo bo = dma_bo_create(fd, VGEM_PFN_TT, SIZE, 2);

	dma_bo_map(&bo, DMA_IOVA2, MAP_RW);
	return bo;
}

static void other_destroy(struct dma_bo *bo)
{
	dma_bo_unmap(bo);
	dma_bo_destroy(bo);
}

/* The device reads the first page, and writes to the last one. */
static void test_copy(int fd, uint32_t region)
{
	struct dma_bo bo = dma_bo_create(fd, region, SIZE, 1);

	dma_bo_map(&bo, DMA_IOVA, MAP_RW);
	dma_copy(&bo, SIZE - PFN_PAGE_SIZE, &bo, 0, PFN_PAGE_SIZE);
	dma_bo_check(&bo);
	dma_bo_unmap(&bo);
	dma_bo_destroy(&bo);
}

/* From each page of a buffer to another buffer, and from that to the first one */
static void test_copy_pages(int fd, uint32_t region)
{
	struct dma_bo bo = dma_bo_create(fd, region, SIZE, 1), other = other_create(fd);
	uint64_t at, num = 0;

	dma_bo_map(&bo, DMA_IOVA, MAP_RW);
	for (at = 0; at < SIZE; at += PFN_PAGE_SIZE) {
		dma_copy(&bo, SIZE - PFN_PAGE_SIZE - at, &other, at, PFN_PAGE_SIZE);
		dma_copy(&other, at, &bo, at, PFN_PAGE_SIZE);
		num += 4;
	}
	igt_info("%llu KiB\n", (long long)(num * PFN_PAGE_SIZE / KiB));
	dma_bo_unmap(&bo);
	dma_bo_destroy(&bo);
	other_destroy(&other);
}

static bool is_scattered(int fd, uint32_t region)
{
	return vgem_pfn_region(fd, region).flags & DRM_VGEM_PFN_REGION_SCATTERED;
}

static unsigned int num_runs(const struct dma_bo *bo)
{
	struct dma_memory memory = dma_memory_of(bo);
	unsigned int runs = 1;
	uint64_t i;

	for (i = 1; i < memory.num; i++)
		runs += memory.pfns[i] != memory.pfns[i - 1] + 1;
	dma_memory_free(&memory);
	return runs;
}

/* Transfers from the middle of each page to the middle of the next one */
static void test_runs(int fd, uint32_t region)
{
	struct dma_bo bo;
	uint64_t at;

	if (region >= VGEM_PFN_CARVEOUT && !is_scattered(fd, region))
		return;

	vgem_pfn_set_max_block_order(fd, 0);
	bo = dma_bo_create(fd, region, SIZE, 1);
	vgem_pfn_set_max_block_order(fd, UINT32_MAX);
	igt_info("region %u: %u runs\n", region, num_runs(&bo));
	if (is_scattered(fd, region))
		igt_assert_eq(num_runs(&bo), SIZE / PFN_PAGE_SIZE);

	dma_bo_map(&bo, DMA_IOVA, MAP_RW);
	for (at = HALF; at < SIZE - PFN_PAGE_SIZE; at += 5 * PFN_PAGE_SIZE)
		dma_copy(&bo, at, &bo, SIZE - PFN_PAGE_SIZE - at, PFN_PAGE_SIZE);
	dma_bo_unmap(&bo);
	dma_bo_destroy(&bo);
}

/* The device accesses the last byte of the buffer, and not the byte after it. */
static void test_end(int fd, uint32_t region)
{
	struct dma_bo bo = dma_bo_create(fd, region, SIZE, 1), other = other_create(fd);
	struct dma_faults faults = dma_faults_begin();

	dma_bo_map(&bo, DMA_IOVA, MAP_RW);
	dma_copy(&bo, SIZE - 1, &other, 0, 1);
	dma_copy(&other, SIZE - 1, &bo, SIZE - 1, 1);
	dma_bo_check(&bo);

	/* Of eight bytes four fit into the buffer. */
	edu_read(other.iova, 8);
	edu_write(bo.iova + SIZE - 4, 8);
	memcpy(bo.want + SIZE - 4, other.want, 4);
	dma_faults_assert(&faults, bo.iova + SIZE, true);
	dma_faults_end(&faults);
	dma_bo_unmap(&bo);
	dma_bo_destroy(&bo);
	other_destroy(&other);
}

/* Only the third and the fourth page are mapped. */
static void test_part(int fd, uint32_t region)
{
	struct dma_bo bo = dma_bo_create(fd, region, SIZE, 1), other = other_create(fd);
	const uint64_t start = 2 * PFN_PAGE_SIZE, length = 2 * PFN_PAGE_SIZE;
	uint64_t iova = DMA_IOVA + start;
	struct dma_faults faults = dma_faults_begin();

	igt_assert_eq(__iommufd_map(&dma.iommu, bo.dmabuf, start, length,
				    MAP_RW | IOMMU_IOAS_MAP_FIXED_IOVA, &iova), 0);
	bo.iova = DMA_IOVA;
	dma_copy(&bo, start + HALF, &other, 0, PFN_PAGE_SIZE);
	edu_write(bo.iova + start - 8, 8);
	dma_faults_assert(&faults, bo.iova + start - 8, true);
	edu_write(bo.iova + start + length, 8);
	dma_faults_assert(&faults, bo.iova + start + length, true);
	dma_faults_end(&faults);
	iommufd_unmap(&dma.iommu, iova, length);
	dma_bo_destroy(&bo);
	other_destroy(&other);
}

/* A mapping for reading only */
static void test_read_only(int fd, uint32_t region)
{
	struct dma_bo bo = dma_bo_create(fd, region, SIZE, 1), other = other_create(fd);
	struct dma_faults faults = dma_faults_begin();

	dma_bo_map(&bo, DMA_IOVA, MAP_READ);
	edu_write(bo.iova, 8);
	dma_faults_assert(&faults, bo.iova, true);
	dma_copy(&other, 0, &bo, 0, PFN_PAGE_SIZE);
	/* QEMU reports no fault if it finds the translation in its IOTLB. */
	edu_write(bo.iova, 8);
	dma_bo_check(&bo);
	dma_faults_end(&faults);
	dma_bo_unmap(&bo);
	dma_bo_destroy(&bo);
	other_destroy(&other);
}

/* Accesses without any mapping. Returns how many of the two the kernel has logged. */
static unsigned int fault_twice(void)
{
	struct dma_faults faults = dma_faults_begin();

	edu_write(DMA_IOVA, 8);
	dma_faults_assert(&faults, DMA_IOVA, true);
	edu_read(DMA_IOVA2 + 2 * PFN_PAGE_SIZE, 8);
	dma_faults_assert(&faults, DMA_IOVA2 + 2 * PFN_PAGE_SIZE, false);
	dma_faults_end(&faults);
	return faults.logged;
}

/* The kernel logs at most three faults in five seconds, those of other tests included. */
static void test_fault(void)
{
	unsigned int logged = fault_twice();

	if (logged < 2) {
		sleep(6);
		logged = fault_twice();
	}
	igt_assert_eq_u32(logged, 2);
}

void dma_copy_tests(int fd)
{
	igt_describe("Accesses fault where nothing is mapped, and are reported.");
	igt_subtest("fault")
		test_fault();

	igt_describe("A device reads and writes a page in each kind of memory.");
	igt_subtest("copy")
		pfn_each_region(fd, test_copy);

	igt_describe("Like copy, with all pages, between two buffers.");
	igt_subtest("copy-long")
		pfn_each_region(fd, test_copy_pages);

	igt_describe("Transfers across the ends of runs of scattered memory");
	igt_subtest("copy-runs")
		pfn_each_region(fd, test_runs);

	igt_describe("The last byte can be accessed, but not the next one.");
	igt_subtest("copy-end") {
		test_end(fd, VGEM_PFN_TT);
		test_end(fd, VGEM_PFN_CARVEOUT);
	}

	igt_describe("Like copy-end, in all carveouts.");
	igt_subtest("copy-end-long")
		pfn_each_carveout(fd, test_end);

	igt_describe("Of a buffer only the mapped part can be accessed.");
	igt_subtest("copy-part")
		test_part(fd, VGEM_PFN_CARVEOUT);

	igt_describe("A device cannot write through a mapping for reading.");
	igt_subtest("copy-read-only")
		test_read_only(fd, VGEM_PFN_CARVEOUT);
}
