// SPDX-License-Identifier: MIT
/* Buffers with guards, whose contents are known byte for byte */
#include <sys/mman.h>

#include "dma.h"
#include "igt.h"

#define GUARD_SIZE	PFN_PAGE_SIZE
#define GUARD_SEED	0x9a4d

struct dma_bo dma_bo_create(int fd, uint32_t region, size_t size, uint64_t seed)
{
	struct dma_bo bo = { .fd = fd, .size = size };

	bo.guards[0] = iommufd_buffer(fd, GUARD_SIZE, region, GUARD_SEED);
	bo.handle = iommufd_buffer(fd, size, region, seed);
	bo.guards[1] = iommufd_buffer(fd, GUARD_SIZE, region, GUARD_SEED + 1);
	bo.dmabuf = vgem_pfn_export(fd, bo.handle);
	bo.want = malloc(size);
	igt_assert(bo.want);
	pfn_pattern_fill(bo.want, 0, size, seed);
	return bo;
}

void dma_bo_destroy(struct dma_bo *bo)
{
	int i;

	dma_bo_check(bo);
	close(bo->dmabuf);
	vgem_pfn_gem_close(bo->fd, bo->handle);
	for (i = 0; i < 2; i++)
		vgem_pfn_gem_close(bo->fd, bo->guards[i]);
	free(bo->want);
}

void dma_bo_map(struct dma_bo *bo, uint64_t iova, uint32_t flags)
{
	bo->iova = iova;
	igt_assert_eq(__iommufd_map(&dma.iommu, bo->dmabuf, 0, bo->size,
				    flags | IOMMU_IOAS_MAP_FIXED_IOVA, &bo->iova), 0);
}

void dma_bo_unmap(struct dma_bo *bo)
{
	iommufd_unmap(&dma.iommu, bo->iova, bo->size);
}

static void assert_same(const uint8_t *got, const uint8_t *want, size_t size,
			const char *what)
{
	size_t i;

	for (i = 0; i < size && got[i] == want[i]; i++)
		;
	igt_assert_f(i == size, "%s: byte %#zx is %#x, not %#x\n", what, i, got[i], want[i]);
}

struct dma_memory dma_memory_of(const struct dma_bo *bo)
{
	struct dma_memory memory = { .num = bo->size / PFN_PAGE_SIZE };
	uint64_t i;

	memory.pfns = vgem_pfn_bo_pfn_list(bo->fd, bo->handle, 0, memory.num);
	memory.contents = malloc(bo->size);
	igt_assert(memory.contents);
	for (i = 0; i < memory.num; i++)
		pfn_mem_read(memory.pfns[i], 0, memory.contents + i * PFN_PAGE_SIZE,
			     PFN_PAGE_SIZE);
	return memory;
}

void dma_memory_check(const struct dma_memory *memory)
{
	uint8_t page[PFN_PAGE_SIZE];
	uint64_t i;

	for (i = 0; i < memory->num; i++) {
		pfn_mem_read(memory->pfns[i], 0, page, sizeof(page));
		assert_same(page, memory->contents + i * PFN_PAGE_SIZE, sizeof(page),
			    "memory");
	}
}

void dma_memory_free(struct dma_memory *memory)
{
	free(memory->pfns);
	free(memory->contents);
}

void dma_bo_check(const struct dma_bo *bo)
{
	struct dma_memory memory = dma_memory_of(bo);
	uint8_t *map = vgem_pfn_bo_mmap(bo->fd, bo->handle, bo->size, PROT_READ);
	int i;

	assert_same(map, bo->want, bo->size, "mapping");
	assert_same(memory.contents, bo->want, bo->size, "memory");
	munmap(map, bo->size);
	dma_memory_free(&memory);
	for (i = 0; i < 2; i++)
		vgem_pfn_bo_check_mem(bo->fd, bo->guards[i], GUARD_SIZE, GUARD_SEED + i);
}

void dma_copy(struct dma_bo *to, uint64_t to_offset, const struct dma_bo *from,
	      uint64_t from_offset, size_t length)
{
	edu_read(from->iova + from_offset, length);
	edu_write(to->iova + to_offset, length);
	memcpy(to->want + to_offset, from->want + from_offset, length);
}
