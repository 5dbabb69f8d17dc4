// SPDX-License-Identifier: MIT
/*
 * Subtests of what is mapped: the guest reads and writes the memory of the buffer, and
 * each mapping has the largest size that the memory and the alignment allow.
 */
#include <errno.h>
#include <sys/mman.h>

#include "igt.h"
#include "kvm.h"

#define HUGE	(2 * MiB)
#define GIANT	(1024 * MiB)

/* The guest reads what the host has written, and the host what the guest has written. */
static void check_part(struct vm_bo *bo, uint64_t offset, uint64_t gpa, uint64_t size)
{
	struct vm_pages before, levels = vm_bo_levels(bo, offset, gpa, size);
	uint64_t page[PFN_PAGE_SIZE / sizeof(uint64_t)], at;
	uint64_t *pfns = vgem_pfn_bo_pfn_list(bo->fd, bo->handle, offset / PFN_PAGE_SIZE,
					      size / PFN_PAGE_SIZE);

	vm_map(&bo->vm, bo->dmabuf, offset, gpa, size);
	before = vm_pages_begin(&bo->vm);
	vm_check(&bo->vm, gpa, size, PFN_PAGE_SIZE, 1);
	vm_fill(&bo->vm, gpa, size, 8, 2);
	vm_assert_pages(vm_pages_since(&bo->vm, before), levels.p4k, levels.p2m, levels.p1g);
	vm_check(&bo->vm, gpa, size, 8, 2);
	for (at = 0; at < size; at += PFN_PAGE_SIZE) {
		pfn_mem_read(pfns[at / PFN_PAGE_SIZE], 0, page, sizeof(page));
		pfn_assert_pattern(page, at, sizeof(page), 2);
	}
	free(pfns);
	vm_unmap(&bo->vm);
	levels = vm_pages_begin(&bo->vm);
	vm_assert_pages(levels, before.p4k, before.p2m, before.p1g);
	igt_assert_eq_u32(vgem_pfn_bo_query(bo->fd, bo->handle).num_attachments, 0);
}

/* A buffer of this size in each region that has all of @flags */
static void check_regions(struct vm_bo *bo, uint64_t size, uint32_t flags)
{
	struct drm_vgem_pfn_region region;
	uint32_t id;

	vgem_pfn_for_each_region(bo->fd, region, id) {
		if ((region.flags & flags) != flags)
			continue;
		vm_bo_replace(bo, size, id);
		vgem_pfn_bo_fill(bo->fd, bo->handle, size, 1);
		check_part(bo, 0, VM_GPA, size);
	}
}

static void test_map(int fd, int huge)
{
	struct vm_bo bo;

	vm_bo_create(&bo, fd, PFN_PAGE_SIZE, VGEM_PFN_TT);
	check_regions(&bo, PFN_PAGE_SIZE, 0);
	check_regions(&bo, 64 * KiB + PFN_PAGE_SIZE, 0);
	check_regions(&bo, huge * HUGE + PFN_PAGE_SIZE, 0);
	vm_bo_destroy(&bo);
}

/*
 * @size for blocks of 1, 2 and 8 pages; @large for blocks of 1 MiB, which must not be mapped
 * as one, in regions with @flags
 */
static void test_scattered(int fd, uint64_t size, uint64_t large, uint32_t flags)
{
	static const uint32_t orders[] = { 0, 1, 3 };
	struct vm_bo bo;
	size_t i;

	vm_bo_create(&bo, fd, PFN_PAGE_SIZE, VGEM_PFN_TT);
	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		vgem_pfn_set_max_block_order(fd, orders[i]);
		check_regions(&bo, size, 0);
	}
	vgem_pfn_set_max_block_order(fd, 8);
	check_regions(&bo, large, flags);
	vgem_pfn_set_max_block_order(fd, UINT32_MAX);
	vm_bo_destroy(&bo);
}

/*
 * Slots that do not begin at a huge page, or do not contain all of it, or have another
 * alignment than the buffer
 */
static void test_part(int fd)
{
	static const struct {
		uint64_t offset;
		uint64_t gpa;
		uint64_t size;
		uint64_t huge;
	} parts[] = {
		{ 0, VM_GPA, 4 * HUGE, 4 },
		{ HUGE, VM_GPA + HUGE, 2 * HUGE, 2 },
		{ HUGE, VM_GPA, 2 * HUGE, 2 },
		{ HUGE / 2, VM_GPA + HUGE / 2, 3 * HUGE, 2 },
		{ HUGE - PFN_PAGE_SIZE, VM_GPA - PFN_PAGE_SIZE, HUGE, 0 },
		{ 0, VM_GPA, 2 * HUGE - PFN_PAGE_SIZE, 1 },
		{ 0, VM_GPA + PFN_PAGE_SIZE, 2 * HUGE, 0 },
		{ PFN_PAGE_SIZE, VM_GPA, 2 * HUGE, 0 },
		{ HUGE / 2, VM_GPA, 2 * HUGE, 0 },
	};
	struct vm_pages before;
	struct vm_bo bo;
	size_t i;

	vm_bo_create(&bo, fd, 4 * HUGE, VGEM_PFN_CARVEOUT);
	vm_map(&bo.vm, bo.dmabuf, 0, VM_GPA, bo.size);
	vm_fill(&bo.vm, VM_GPA, bo.size, PFN_PAGE_SIZE, 1);
	vm_unmap(&bo.vm);
	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		const uint64_t gpa = parts[i].gpa, size = parts[i].size, huge = parts[i].huge;

		before = vm_pages_begin(&bo.vm);
		vm_map(&bo.vm, bo.dmabuf, parts[i].offset, gpa, size);
		vm_fill(&bo.vm, gpa, size, PFN_PAGE_SIZE, i);
		vm_assert_pages(vm_pages_since(&bo.vm, before),
				(size - huge * HUGE) / PFN_PAGE_SIZE, huge, 0);
		vm_check(&bo.vm, gpa, size, PFN_PAGE_SIZE, i);
		vm_unmap(&bo.vm);
	}
	vm_bo_destroy(&bo);
}

static void test_giant(int fd)
{
	const uint64_t stride = 4099 * PFN_PAGE_SIZE;
	struct vm_pages before;
	struct vm_bo bo;

	igt_require_f(vgem_pfn_carveout_size(fd) >= 2 * GIANT,
		      "the carveout is too small\n");
	vm_bo_create(&bo, fd, 2 * GIANT, VGEM_PFN_CARVEOUT);
	vm_map(&bo.vm, bo.dmabuf, 0, VM_GPA, bo.size);
	before = vm_pages_begin(&bo.vm);
	vm_fill(&bo.vm, VM_GPA, bo.size, stride, 1);
	vm_assert_pages(vm_pages_since(&bo.vm, before), 0, 0, 2);
	vm_check(&bo.vm, VM_GPA, bo.size, stride, 1);
	vm_unmap(&bo.vm);

	/* A slot that begins in the middle of the first one */
	before = vm_pages_begin(&bo.vm);
	vm_map(&bo.vm, bo.dmabuf, GIANT / 2, VM_GPA + GIANT / 2, GIANT + GIANT / 2);
	vm_fill(&bo.vm, VM_GPA + GIANT / 2, GIANT + GIANT / 2, HUGE / 2, 2);
	vm_assert_pages(vm_pages_since(&bo.vm, before), 0, 256, 1);
	vm_check(&bo.vm, VM_GPA + GIANT / 2, GIANT + GIANT / 2, HUGE / 2, 2);
	vm_bo_destroy(&bo);
}

/* The slot has no userspace address, not even 0. */
static void test_address(int fd)
{
	const uint64_t size = 1 * MiB;
	struct vm_pages before;
	struct vm_bo bo;
	char *low;

	vm_bo_create(&bo, fd, size, VGEM_PFN_CARVEOUT);
	vm_map(&bo.vm, bo.dmabuf, 0, VM_GPA, size);
	before = vm_pages_begin(&bo.vm);
	vm_fill(&bo.vm, VM_GPA, size, PFN_PAGE_SIZE, 1);
	vm_assert_pages(vm_pages_since(&bo.vm, before), size / PFN_PAGE_SIZE, 0, 0);

	low = mmap((void *)(size / 2), size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	igt_assert(low != MAP_FAILED);
	memset(low, 1, size);
	munmap(low, size);
	vm_assert_pages(vm_pages_since(&bo.vm, before), size / PFN_PAGE_SIZE, 0, 0);
	vm_check(&bo.vm, VM_GPA, size, PFN_PAGE_SIZE, 1);
	vm_bo_destroy(&bo);
}

/* KVM_PRE_FAULT_MEMORY maps a page, or reports that there is none. */
static void test_prefault(int fd)
{
	struct pfn_kvm_prefault range = { .gpa = VM_GPA, .size = 2 * HUGE };
	struct vm_pages before;
	struct vm_bo bo;
	int cpu;

	vm_bo_create(&bo, fd, 2 * HUGE, VGEM_PFN_CARVEOUT);
	cpu = bo.vm.cpu[0].fd;
	vm_map(&bo.vm, bo.dmabuf, 0, VM_GPA, bo.size);
	before = vm_pages_begin(&bo.vm);
	igt_assert_eq(__vgem_pfn_ioctl(cpu, PFN_KVM_PREFAULT, &range), 0);
	igt_assert_eq_u64(range.size, 0);
	vm_assert_pages(vm_pages_since(&bo.vm, before), 0, 2, 0);
	vgem_pfn_bo_move(fd, bo.handle, VGEM_PFN_SYSTEM);
	vm_assert_pages(vm_pages_since(&bo.vm, before), 0, 0, 0);
	vm_unmap(&bo.vm);
	range = (struct pfn_kvm_prefault) { .gpa = VM_GPA, .size = PFN_PAGE_SIZE };
	igt_assert_eq(__vgem_pfn_ioctl(cpu, PFN_KVM_PREFAULT, &range), -ENOENT);
	vm_bo_destroy(&bo);
}

void kvm_map_tests(int fd)
{
	igt_describe("A buffer in each kind of memory is accessed by the guest.");
	igt_subtest("map")
		test_map(fd, 1);

	igt_describe("Like map, with more huge pages.");
	igt_subtest("map-long")
		test_map(fd, 4);

	igt_describe("Like map, with many ranges.");
	igt_subtest("map-scattered")
		test_scattered(fd, 64 * KiB, HUGE, DRM_VGEM_PFN_REGION_SCATTERED);

	igt_describe("Like map-scattered, with larger buffers.");
	igt_subtest("map-scattered-long")
		test_scattered(fd, 512 * KiB, 8 * HUGE, 0);

	igt_describe("Slots of parts of a buffer are mapped by huge pages where possible.");
	igt_subtest("map-part")
		test_part(fd);

	igt_describe("A change of the process's address space unmaps nothing.");
	igt_subtest("map-address")
		test_address(fd);

	igt_describe("2 GiB in a carveout are mapped by two entries of 1 GiB.");
	igt_subtest("giant")
		test_giant(fd);

	igt_describe("Pages are mapped before the guest accesses them.");
	igt_subtest("prefault")
		test_prefault(fd);
}
