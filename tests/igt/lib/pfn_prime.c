// SPDX-License-Identifier: MIT
/* A buffer that is exported, imported and mapped */
#include <sys/mman.h>

#include "igt.h"
#include "pfn_prime.h"

struct prime prime_create_flags(int fd, int importer, size_t size,
				uint64_t seed, uint32_t flags)
{
	struct prime p = { .fd = fd, .size = size };

	p.handle = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, p.handle), VGEM_PFN_CARVEOUT);
	vgem_pfn_bo_fill(fd, p.handle, size, seed);
	p.dmabuf = vgem_pfn_export(fd, p.handle);
	p.import = pfn_import_flags(importer, p.dmabuf, flags);
	p.map = pfn_import_mmap(p.import, size, PROT_READ | PROT_WRITE);
	return p;
}

struct prime prime_create(int fd, int importer, size_t size, uint64_t seed)
{
	return prime_create_flags(fd, importer, size, seed,
				  DMA_BUF_PFN_IMPORT_P2P);
}

void prime_destroy(struct prime *p)
{
	munmap(p->map, p->size);
	close(p->import);
	close(p->dmabuf);
	vgem_pfn_gem_close(p->fd, p->handle);
}

void prime_touch(struct prime *p, uint64_t seed)
{
	pfn_assert_pattern(p->map, 0, p->size, seed);
	pfn_import_dev_check(p->import, p->size, seed);
	pfn_import_assert_truth(p->import, p->fd, p->handle, p->size,
				DMA_BUF_PFN_ENTRY_DEV | DMA_BUF_PFN_ENTRY_CPU);
}

void prime_check(struct prime *p, uint64_t seed)
{
	prime_touch(p, seed);
	vgem_pfn_bo_check_mem(p->fd, p->handle, p->size, seed);
}
