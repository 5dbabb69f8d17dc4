// SPDX-License-Identifier: MIT
/*
 * Asserting wrappers around the pfn importer's ioctls.
 */
#include <errno.h>
#include <sys/mman.h>

#include "igt.h"
#include "pfn_importer.h"
#include "vgem_pfn.h"

int pfn_importer_open(void)
{
	int fd = __pfn_importer_open();

	if (fd < 0 && !system("modprobe -q dma-buf-pfn-importer"))
		fd = __pfn_importer_open();
	igt_require_f(fd >= 0, "no /dev/dma_buf_pfn_importer\n");
	return fd;
}

int pfn_import_flags(int importer, int dmabuf, uint32_t flags)
{
	int import = __pfn_import_flags(importer, dmabuf, flags, NULL);

	igt_assert_lte(0, import);
	return import;
}

int pfn_import(int importer, int dmabuf)
{
	return pfn_import_flags(importer, dmabuf, DMA_BUF_PFN_IMPORT_P2P);
}

void *pfn_import_mmap(int import, size_t size, int prot)
{
	void *map = mmap(NULL, size, prot, MAP_SHARED, import, 0);

	igt_assert_f(map != MAP_FAILED, "mmap: %s\n", strerror(errno));
	return map;
}

struct dma_buf_pfn_stats pfn_import_stats(int import)
{
	struct dma_buf_pfn_stats stats;

	igt_assert_eq(__pfn_import_stats(import, &stats), 0);
	return stats;
}

struct dma_buf_pfn_entry pfn_import_entry(int import, uint64_t page)
{
	struct dma_buf_pfn_entry entry;

	igt_assert_eq(__pfn_import_snapshot(import, page, 1, &entry), 0);
	igt_assert_eq_u32(entry.pad, 0);
	return entry;
}

void pfn_import_read(int import, uint64_t offset, void *data, uint64_t length)
{
	igt_assert_eq(__pfn_import_access(import, offset, data, length,
					  DMA_BUF_PFN_ACCESS_READ), 0);
}

void pfn_import_write(int import, uint64_t offset, const void *data,
		      uint64_t length)
{
	igt_assert_eq(__pfn_import_access(import, offset, (void *)data, length,
					  DMA_BUF_PFN_ACCESS_WRITE), 0);
}

void pfn_import_dev_fill(int import, size_t size, uint64_t seed)
{
	void *data = malloc(size);

	igt_assert(data);
	pfn_pattern_fill(data, 0, size, seed);
	pfn_import_write(import, 0, data, size);
	free(data);
}

void pfn_import_dev_check(int import, size_t size, uint64_t seed)
{
	void *data = calloc(1, size);

	igt_assert(data);
	pfn_import_read(import, 0, data, size);
	pfn_assert_pattern(data, 0, size, seed);
	free(data);
}

void pfn_import_assert_truth(int import, int fd, uint32_t handle, size_t size,
			     uint32_t which)
{
	const uint32_t both = DMA_BUF_PFN_ENTRY_DEV | DMA_BUF_PFN_ENTRY_CPU;
	uint64_t i, pages = size / PFN_PAGE_SIZE;
	struct dma_buf_pfn_entry *entries;
	uint64_t *pfns;

	entries = calloc(pages, sizeof(*entries));
	pfns = calloc(pages, sizeof(*pfns));
	igt_assert(entries && pfns);

	vgem_pfn_bo_pfns(fd, handle, 0, pages, pfns);
	igt_assert_eq(__pfn_import_snapshot(import, 0, pages, entries), 0);

	for (i = 0; i < pages; i++) {
		uint32_t flags = entries[i].flags & both;

		igt_assert_f(flags == which,
			     "page %llu: translations %#x, want %#x\n",
			     (long long)i, flags, which);
		if (flags & DMA_BUF_PFN_ENTRY_DEV)
			igt_assert_eq_u64(entries[i].dev_pfn, pfns[i]);
		if (flags & DMA_BUF_PFN_ENTRY_CPU)
			igt_assert_eq_u64(entries[i].cpu_pfn, pfns[i]);
	}

	free(pfns);
	free(entries);
}

void pfn_importer_set_install_delay(uint32_t us)
{
	igt_assert_eq(__pfn_importer_set_install_delay(us), 0);
}
