// SPDX-License-Identifier: MIT
/* Subtests of creating and deleting memslots, also while a vCPU runs. */
#include <errno.h>

#include "igt.h"
#include "kvm.h"

#define SIZE	(64 * KiB)

/* The slot is deleted and created again, with another buffer. */
static void test_replace(int fd)
{
	struct vm_bo bo;
	uint32_t other;
	int i, dmabuf;

	vm_bo_create(&bo, fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	other = vgem_pfn_bo_create(fd, SIZE, VGEM_PFN_TT, VGEM_PFN_CARVEOUT);
	dmabuf = vgem_pfn_export(fd, other);
	for (i = 0; i < 12; i++) {
		int which = i % 2 ? dmabuf : bo.dmabuf;
		uint32_t handle = i % 2 ? other : bo.handle;

		vm_map(&bo.vm, which, 0, VM_GPA, SIZE);
		if (i >= 2)
			vm_check(&bo.vm, VM_GPA, SIZE, 8, i - 2);
		vm_fill(&bo.vm, VM_GPA, SIZE, 8, i);
		igt_assert_eq_u32(vgem_pfn_bo_query(fd, handle).num_attachments, 1);
		vgem_pfn_bo_move(fd, handle, i % 4 < 2 ? VGEM_PFN_SYSTEM : VGEM_PFN_CARVEOUT);
		vm_check(&bo.vm, VM_GPA, SIZE, 8, i);
		vm_unmap(&bo.vm);
		igt_assert_eq_u32(vgem_pfn_bo_query(fd, handle).num_attachments, 0);
		vgem_pfn_bo_move(fd, handle, i % 4 < 2 ? VGEM_PFN_CARVEOUT : VGEM_PFN_TT);
	}
	close(dmabuf);
	vgem_pfn_gem_close(fd, other);
	vm_bo_destroy(&bo);
}

/* A running vCPU finds that its memory has been deleted: the access exits as MMIO. */
static void test_delete(int fd)
{
	struct vm_bo bo;
	struct vm_cpu *cpu;
	int i;

	vm_bo_create(&bo, fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	cpu = &bo.vm.cpu[0];
	for (i = 0; i < 12; i++) {
		vm_map(&bo.vm, bo.dmabuf, 0, VM_GPA, SIZE);
		vm_loop_set(fd, bo.handle, VM_GPA, SIZE, 1024, i);
		vm_loop_start(cpu, VM_GPA, SIZE, 1024, i);
		vm_loop_wait(cpu, 100);
		if (i % 2)
			vgem_pfn_bo_move(fd, bo.handle, VGEM_PFN_TT);
		vm_unmap(&bo.vm);
		vgem_pfn_bo_move(fd, bo.handle, VGEM_PFN_CARVEOUT);
		pfn_thread_join(&cpu->thread);
		igt_assert_eq(cpu->ret, 0);
		igt_assert_eq_u32(cpu->run->exit_reason, KVM_EXIT_MMIO);
		igt_assert_lte_u64(VM_GPA, cpu->run->mmio.phys_addr);
		igt_assert_lt_u64(cpu->run->mmio.phys_addr, VM_GPA + SIZE);
		/* The instruction is completed before the registers can be set. */
		cpu->run->immediate_exit = 1;
		igt_assert_eq(__vm_run(cpu), -EINTR);
		cpu->run->immediate_exit = 0;
	}
	vm_bo_destroy(&bo);
}

/* One buffer in several slots, as a whole and in part, and in two VMs */
static void test_many(int fd)
{
	struct pfn_kvm_region region;
	struct vm other;
	struct vm_bo bo;
	uint32_t regions[] = { VGEM_PFN_TT, VGEM_PFN_SYSTEM, VGEM_PFN_CARVEOUT };
	int i, j;

	vm_bo_create(&bo, fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vm_create(&other);
	for (i = 0; i < 4; i++) {
		region = vm_region(bo.dmabuf, i * PFN_PAGE_SIZE, VM_GPA + i * MiB,
				   SIZE - i * PFN_PAGE_SIZE);
		region.slot = VM_SLOT + i;
		igt_assert_eq(__vm_set_region(&bo.vm, &region), 0);
	}
	vm_map(&other, bo.dmabuf, 0, VM_GPA, SIZE);
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, bo.handle).num_attachments, 5);

	for (i = 0; i < 12; i++) {
		vm_fill(&bo.vm, VM_GPA, SIZE, 8, i);
		vgem_pfn_bo_move(fd, bo.handle, regions[i % 3]);
		for (j = 1; j < 4; j++) {
			uint64_t skip = j * PFN_PAGE_SIZE;

			/* The pattern of the page at which the slot begins */
			vm_check(&bo.vm, VM_GPA + j * MiB, SIZE - skip, 8,
				 pfn_pattern_word(i, skip / 8) ^ pfn_pattern_word(0, 0));
		}
		vm_check(&other, VM_GPA, SIZE, 8, i);
	}
	vm_destroy(&other);
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, bo.handle).num_attachments, 4);
	vgem_pfn_bo_move(fd, bo.handle, VGEM_PFN_TT);
	vm_check(&bo.vm, VM_GPA, SIZE, 8, 11);
	vm_bo_destroy(&bo);
}

/* A thread that moves a buffer back and forth */
struct shaker {
	int fd;
	uint32_t handle;
	volatile bool stop;
	int moves;
	struct pfn_thread thread;
};

static void shake(void *arg)
{
	struct shaker *s = arg;

	while (!s->stop) {
		__vgem_pfn_bo_move(s->fd, s->handle,
				   s->moves % 2 ? VGEM_PFN_CARVEOUT : VGEM_PFN_TT);
		s->moves++;
	}
}

/* Slots are created and deleted while their buffer moves, and a vCPU uses them. */
static void test_race(int fd, int rounds)
{
	struct shaker s = { .fd = fd };
	struct vm_bo bo;
	int i;

	vm_bo_create(&bo, fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	s.handle = bo.handle;
	pfn_thread_start(&s.thread, shake, &s);
	for (i = 0; i < rounds; i++) {
		vm_map(&bo.vm, bo.dmabuf, 0, VM_GPA, SIZE);
		if (i)
			vm_check(&bo.vm, VM_GPA, SIZE, 512, i - 1);
		vm_fill(&bo.vm, VM_GPA, SIZE, 512, i);
		vm_unmap(&bo.vm);
	}
	s.stop = true;
	pfn_thread_join(&s.thread);
	igt_info("%d slots, %d moves\n", rounds, s.moves);
	igt_assert_lt(rounds / 10, s.moves);
	vm_bo_destroy(&bo);
}

void kvm_slot_tests(int fd)
{
	igt_describe("A slot is deleted, and its id used for another buffer.");
	igt_subtest("slot-replace")
		test_replace(fd);

	igt_describe("A slot is deleted while a vCPU uses it.");
	igt_subtest("slot-delete")
		test_delete(fd);

	igt_describe("A buffer is in several slots and in two VMs.");
	igt_subtest("slot-many")
		test_many(fd);

	igt_describe("Slots are created and deleted while the buffer moves.");
	igt_subtest("slot-race")
		test_race(fd, 10);

	igt_describe("Like slot-race, with 300 slots.");
	igt_subtest("slot-race-long")
		test_race(fd, 300);
}
