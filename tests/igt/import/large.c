// SPDX-License-Identifier: MIT
/* Subtests of a buffer whose size does not fit into 32 bits */
#include <sys/mman.h>

#include "igt.h"
#include "import.h"
#include "pfn_importer.h"

#define GiB		(1024 * MiB)
#define LARGE_SIZE	(5 * GiB)

/* Where the buffer is written and read, eight bytes each */
static const uint64_t offsets[] = {
	0, 2 * GiB - 8, 2 * GiB, 4 * GiB - 8, 4 * GiB, 4 * GiB + PFN_PAGE_SIZE, LARGE_SIZE - 8,
};

static void test_large(int fd, int other)
{
	struct drm_vgem_pfn_region region;
	struct shared s = { .fd = fd, .other = other, .size = LARGE_SIZE };
	uint64_t word, pfn, i;
	int importer, import;
	char *map;

	igt_require_f(vgem_pfn_find_region(fd, VGEM_PFN_CARVEOUT, &region) &&
		      region.size >= LARGE_SIZE, "no carveout of 5 GiB\n");
	importer = pfn_importer_open();
	s.handle = vgem_pfn_bo_create(fd, s.size, VGEM_PFN_CARVEOUT);
	map = vgem_pfn_bo_mmap(fd, s.handle, s.size, PROT_READ | PROT_WRITE);
	for (i = 0; i < ARRAY_SIZE(offsets); i++)
		*(uint64_t *)(map + offsets[i]) = pfn_pattern_word(1, offsets[i] / 8);

	/* All DMA addresses are compared with the page frame numbers. */
	s.dmabuf = vgem_pfn_export(fd, s.handle);
	s.import = import_handle(other, s.dmabuf);
	igt_assert_eq_u64(vgem_pfn_bo_query(other, s.import).size, s.size);
	shared_map(&s);
	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		pfn = vgem_pfn_bo_pfn(other, s.import, offsets[i] / PFN_PAGE_SIZE);
		igt_assert_eq_u64(pfn, region.base_pfn + offsets[i] / PFN_PAGE_SIZE);
		pfn_mem_read(pfn, offsets[i] % PFN_PAGE_SIZE, &word, sizeof(word));
		igt_assert_eq_u64(word, pfn_pattern_word(1, offsets[i] / 8));
	}

	/* Lookups by page frame number */
	import = pfn_import(importer, s.dmabuf);
	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		pfn_import_read(import, offsets[i], &word, sizeof(word));
		igt_assert_eq_u64(word, pfn_pattern_word(1, offsets[i] / 8));
		word = pfn_pattern_word(2, offsets[i] / 8);
		pfn_import_write(import, offsets[i], &word, sizeof(word));
		igt_assert_eq_u64(*(uint64_t *)(map + offsets[i]), word);
	}
	close(import);
	close(importer);

	vgem_pfn_bo_move(other, s.import, VGEM_PFN_SYSTEM);
	igt_assert_eq_u64(vgem_pfn_bo_pfn(other, s.import, 4 * GiB / PFN_PAGE_SIZE),
			  VGEM_PFN_NO_PFN);
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, s.handle).num_attachments, 1);
	munmap(map, s.size);
	shared_destroy(&s);
	/* TTM frees imports in a worker. */
	for (i = 0; i < 1500 && vgem_pfn_region(fd, VGEM_PFN_CARVEOUT).used; i++)
		usleep(20000);
	igt_assert_eq_u64(vgem_pfn_region(fd, VGEM_PFN_CARVEOUT).used, 0);
}

void import_large_tests(int fd, int other)
{
	igt_describe("A buffer of 5 GiB is mapped as a scatter list and by page frame numbers.");
	igt_subtest("large")
		test_large(fd, other);
}
