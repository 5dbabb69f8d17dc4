// SPDX-License-Identifier: MIT
/* Subtests of read-only slots, and of slots whose dirty pages are logged. */
#include <errno.h>
#include <sys/mman.h>

#include "igt.h"
#include "kvm.h"

#define SIZE	(4 * MiB)
#define PAGES	(SIZE / PFN_PAGE_SIZE)

/* The write has not been executed, and its data is in the exit. */
static void assert_exit_write(struct vm_cpu *cpu, uint64_t gpa, uint32_t value)
{
	uint32_t data;

	igt_assert_eq(__vm_poke(cpu, gpa, value), 0);
	igt_assert_eq_u32(cpu->run->exit_reason, KVM_EXIT_MMIO);
	igt_assert_eq_u32(cpu->run->mmio.is_write, 1);
	igt_assert_eq_u64(cpu->run->mmio.phys_addr, gpa);
	igt_assert_eq_u32(cpu->run->mmio.len, sizeof(data));
	memcpy(&data, cpu->run->mmio.data, sizeof(data));
	igt_assert_eq_u32(data, value);
	igt_assert_eq(__vm_run(cpu), 0);
	igt_assert_eq_u32(cpu->run->exit_reason, KVM_EXIT_HLT);
}

static void check_readonly(struct vm_bo *bo, int dmabuf)
{
	static const uint32_t regions[] = { VGEM_PFN_TT, VGEM_PFN_SYSTEM, VGEM_PFN_CARVEOUT };
	struct vm_cpu *cpu = &bo->vm.cpu[0];
	int i;

	vm_map_flags(&bo->vm, dmabuf, SIZE, KVM_MEM_READONLY);
	/* A write to a page that is not mapped, and to one that is mapped for reading */
	assert_exit_write(cpu, VM_GPA + SIZE / 2, 5);
	for (i = 0; i < 6; i++) {
		vm_check(&bo->vm, VM_GPA, SIZE, PFN_PAGE_SIZE, 1);
		assert_exit_write(cpu, VM_GPA + SIZE / 2, i);
		vgem_pfn_bo_move(bo->fd, bo->handle, regions[i % 3]);
	}
	vm_check(&bo->vm, VM_GPA, SIZE, 512, 1);
	vm_unmap(&bo->vm);
}

static void test_readonly(int fd)
{
	struct vm_bo bo;
	int dmabuf;

	vm_bo_create(&bo, fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vm_map(&bo.vm, bo.dmabuf, 0, VM_GPA, SIZE);
	vm_fill(&bo.vm, VM_GPA, SIZE, 512, 1);
	vm_unmap(&bo.vm);
	check_readonly(&bo, bo.dmabuf);
	vm_bo_destroy(&bo);

	/* A file that is open for reading only */
	vm_bo_create(&bo, fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vgem_pfn_bo_fill(fd, bo.handle, SIZE, 1);
	close(bo.dmabuf);
	dmabuf = vgem_pfn_export_ro(fd, bo.handle);
	check_readonly(&bo, dmabuf);
	bo.dmabuf = dmabuf;
	vm_bo_destroy(&bo);
}

/* --- dirty logging ------------------------------------------------------- */

/* Get and clear the log, and assert that it has exactly these pages. */
#define assert_dirty(vm, pages...) \
	__assert_dirty(vm, (const uint64_t []){ pages }, \
		       sizeof((const uint64_t []){ pages }) / sizeof(uint64_t))
static void __assert_dirty(struct vm *vm, const uint64_t *pages, size_t num)
{
	uint64_t bits[PAGES / 64] = {}, want[PAGES / 64] = {};
	struct kvm_dirty_log log = { .slot = VM_SLOT, .dirty_bitmap = bits };
	size_t i;

	igt_assert_eq(__vgem_pfn_ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log), 0);
	for (i = 0; i < num; i++)
		want[pages[i] / 64] |= 1ULL << pages[i] % 64;
	for (i = 0; i < PAGES / 64; i++)
		igt_assert_f(bits[i] == want[i], "pages from %zu on: 0x%lx, expected 0x%lx\n",
			     i * 64, bits[i], want[i]);
}

static void write_page(struct vm *vm, uint64_t page)
{
	igt_assert_eq(__vm_poke(&vm->cpu[0], VM_GPA + page * PFN_PAGE_SIZE + 8, page), 0);
	igt_assert_eq_u32(vm->cpu[0].run->exit_reason, KVM_EXIT_HLT);
}

void vm_test_dirty(int fd)
{
	static const uint32_t regions[] = { VGEM_PFN_TT, VGEM_PFN_SYSTEM, VGEM_PFN_CARVEOUT };
	struct vm_pages levels, before;
	struct vm_bo bo;
	struct vm *vm = &bo.vm;
	int i;

	vm_bo_create(&bo, fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vm_map(vm, bo.dmabuf, 0, VM_GPA, SIZE);
	before = vm_pages_begin(vm);
	vm_fill(vm, VM_GPA, SIZE, PFN_PAGE_SIZE, 1);
	vm_assert_pages(vm_pages_since(vm, before), 0, SIZE / (2 * MiB), 0);

	vm_map_flags(vm, bo.dmabuf, SIZE, KVM_MEM_LOG_DIRTY_PAGES);
	assert_dirty(vm);
	write_page(vm, 3);
	write_page(vm, 700);
	assert_dirty(vm, 3, 700);
	assert_dirty(vm);
	for (i = 0; i < 6; i++) {
		/* A write before the move stays in the log; the move itself is not logged. */
		write_page(vm, 9);
		vgem_pfn_bo_move(fd, bo.handle, regions[i % 3]);
		vm_check(vm, VM_GPA, SIZE, PFN_PAGE_SIZE, 1);
		write_page(vm, PAGES - 1);
		write_page(vm, 64 + i);
		assert_dirty(vm, 9, 64 + i, PAGES - 1);
		vm_assert_pages(vm_pages_since(vm, before), PAGES, 0, 0);
	}

	/* Huge mappings come back, both of pages that have been accessed and of others. */
	vm_map_flags(vm, bo.dmabuf, SIZE, 0);
	vm_check(vm, VM_GPA, SIZE, PFN_PAGE_SIZE, 1);
	levels = vm_bo_levels(&bo, 0, VM_GPA, SIZE);
	igt_assert_lt_u64(0, levels.p2m);
	vm_assert_pages(vm_pages_since(vm, before), levels.p4k, levels.p2m, 0);
	vm_bo_destroy(&bo);
}

/* After logging, pages that are scattered are not mapped as one. */
static void test_scattered(int fd)
{
	struct drm_vgem_pfn_region region;
	struct vm_bo bo;
	struct vm *vm = &bo.vm;
	int i;

	igt_require_f(vgem_pfn_find_region(fd, VGEM_PFN_CARVEOUT + 1, &region) &&
		      region.flags & DRM_VGEM_PFN_REGION_SCATTERED,
		      "no scattered carveout\n");
	vgem_pfn_set_max_block_order(fd, 3);
	vm_bo_create(&bo, fd, SIZE, VGEM_PFN_CARVEOUT + 1, VGEM_PFN_TT);
	igt_assert_eq_u64(vm_bo_levels(&bo, 0, VM_GPA, SIZE).p4k, PAGES);
	vm_map(vm, bo.dmabuf, 0, VM_GPA, SIZE);
	for (i = 0; i < 2; i++) {
		vgem_pfn_bo_move(fd, bo.handle, i % 2 ? VGEM_PFN_TT : VGEM_PFN_CARVEOUT + 1);
		vm_map_flags(vm, bo.dmabuf, SIZE, KVM_MEM_LOG_DIRTY_PAGES);
		vm_fill(vm, VM_GPA, SIZE, 1024, i);
		vm_map_flags(vm, bo.dmabuf, SIZE, 0);
		vm_check(vm, VM_GPA, SIZE, 1024, i);
		vm_fill(vm, VM_GPA, SIZE, 8, i + 1);
		vgem_pfn_bo_check_mem(fd, bo.handle, SIZE, i + 1);
	}
	vgem_pfn_set_max_block_order(fd, UINT32_MAX);
	vm_bo_destroy(&bo);
}

/* The log is switched on, read and off while a vCPU writes and the buffer moves. */
static void test_running(int fd)
{
	uint64_t bits[PAGES / 64];
	struct kvm_dirty_log log = { .slot = VM_SLOT, .dirty_bitmap = bits };
	struct vm_bo bo;
	uint32_t tag;
	int i, logged = 0;

	vm_bo_create(&bo, fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vm_loop_set(fd, bo.handle, VM_GPA, SIZE, 16 * PFN_PAGE_SIZE, 7);
	vm_map(&bo.vm, bo.dmabuf, 0, VM_GPA, SIZE);
	vm_loop_start(&bo.vm.cpu[0], VM_GPA, SIZE, 16 * PFN_PAGE_SIZE, 7);
	for (i = 0; i < 30; i++) {
		vm_map_flags(&bo.vm, bo.dmabuf, SIZE, i % 3 == 2 ? 0 : KVM_MEM_LOG_DIRTY_PAGES);
		vm_loop_wait(&bo.vm.cpu[0], 1);
		vgem_pfn_bo_move(fd, bo.handle, i % 2 ? VGEM_PFN_CARVEOUT : VGEM_PFN_TT);
		vm_loop_wait(&bo.vm.cpu[0], 1);
		memset(bits, 0, sizeof(bits));
		if (i % 3 == 2) {
			igt_assert_eq(__vgem_pfn_ioctl(bo.vm.fd, KVM_GET_DIRTY_LOG, &log),
				      -ENOENT);
			continue;
		}
		igt_assert_eq(__vgem_pfn_ioctl(bo.vm.fd, KVM_GET_DIRTY_LOG, &log), 0);
		logged += !!bits[0];
	}
	igt_assert_lt(0, logged);
	tag = vm_loop_stop(&bo.vm.cpu[0]);
	vm_loop_check(fd, bo.handle, VM_GPA, SIZE, 16 * PFN_PAGE_SIZE, tag);
	vm_bo_destroy(&bo);
}

/* --- dirty ring ---------------------------------------------------------- */

#define RING_ENTRIES	4096
#define RING_SIZE	(RING_ENTRIES * sizeof(struct kvm_dirty_gfn))

struct ring {
	struct kvm_dirty_gfn *entries;
	uint32_t next;
};

/* Take the next entry out of the ring, and assert that it is this page. */
static void assert_ring(struct ring *ring, uint64_t page)
{
	struct kvm_dirty_gfn *entry = &ring->entries[ring->next++ % RING_ENTRIES];

	igt_assert_eq_u32(entry->flags, KVM_DIRTY_GFN_F_DIRTY);
	igt_assert_eq_u32(entry->slot, VM_SLOT);
	igt_assert_eq_u64(entry->offset, page);
	entry->flags = KVM_DIRTY_GFN_F_RESET;
}

static void assert_ring_empty(struct ring *ring)
{
	igt_assert_eq_u32(ring->entries[ring->next % RING_ENTRIES].flags, 0);
}

/* Each vCPU has a ring instead of the log of a slot. */
static void test_ring(int fd)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_DIRTY_LOG_RING_ACQ_REL,
		.args[0] = RING_SIZE,
	};
	uint32_t handle = vgem_pfn_bo_create(fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	int i, dmabuf = vgem_pfn_export(fd, handle);
	struct ring ring = {};
	struct vm vm;

	vm_create_without_cpus(&vm);
	igt_require_f(ioctl(vm.fd, KVM_CHECK_EXTENSION, cap.cap) > 0, "no dirty ring\n");
	igt_assert_eq(__vgem_pfn_ioctl(vm.fd, KVM_ENABLE_CAP, &cap), 0);
	vm_create_cpus(&vm);
	ring.entries = mmap(NULL, RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, vm.cpu[0].fd,
			    KVM_DIRTY_LOG_PAGE_OFFSET * PFN_PAGE_SIZE);
	igt_assert(ring.entries != MAP_FAILED);

	vm_map_flags(&vm, dmabuf, SIZE, KVM_MEM_LOG_DIRTY_PAGES);
	for (i = 0; i < 12; i++) {
		write_page(&vm, 3);
		write_page(&vm, 700 + i);
		/* Logged once until the ring is reset, unless a move has unmapped the page. */
		write_page(&vm, 3);
		vgem_pfn_bo_move(fd, handle, i % 2 ? VGEM_PFN_CARVEOUT : VGEM_PFN_TT);
		write_page(&vm, 3);
		assert_ring(&ring, 3);
		assert_ring(&ring, 700 + i);
		assert_ring(&ring, 3);
		assert_ring_empty(&ring);
		igt_assert_eq(ioctl(vm.fd, KVM_RESET_DIRTY_RINGS), 3);
	}
	munmap(ring.entries, RING_SIZE);
	vm_destroy(&vm);
	close(dmabuf);
	vgem_pfn_gem_close(fd, handle);
}

void kvm_log_tests(int fd)
{
	igt_describe("A write to a read-only slot exits, and a read follows moves.");
	igt_subtest("read-only")
		test_readonly(fd);

	igt_describe("The log has exactly the pages that the guest has written.");
	igt_subtest("dirty")
		vm_test_dirty(fd);

	igt_describe("Scattered pages are not mapped as one after logging.");
	igt_subtest("dirty-scattered")
		test_scattered(fd);

	igt_describe("Logging is switched while a vCPU runs and the buffer moves.");
	igt_subtest("dirty-running")
		test_running(fd);

	igt_describe("The dirty ring has the pages that the guest has written.");
	igt_subtest("dirty-ring")
		test_ring(fd);
}
