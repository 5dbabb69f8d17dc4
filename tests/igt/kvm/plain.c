// SPDX-License-Identifier: MIT
/*
 * Subtests of a buffer that is mapped by this process, with a memslot over the mapping:
 * what is possible without KVM as importer. KVM follows the page table of the process.
 */
#include <errno.h>
#include <sys/mman.h>

#include "igt.h"
#include "kvm.h"

#define SIZE	(256 * KiB)
#define STRIDE	1024

static char *start(struct vm_bo *bo, int fd)
{
	char *map;

	vm_bo_create(bo, fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vm_loop_set(fd, bo->handle, VM_GPA, SIZE, STRIDE, 7);
	map = vgem_pfn_bo_mmap(fd, bo->handle, SIZE, PROT_READ | PROT_WRITE);
	vm_map_address(&bo->vm, map, SIZE);
	return map;
}

static void end(struct vm_bo *bo, char *map)
{
	vm_unmap(&bo->vm);
	munmap(map, SIZE);
	vm_bo_destroy(bo);
}

/* With @signals, the vCPU gets a signal after each move. */
static void test_move(int fd, int moves, bool signals)
{
	static const uint32_t regions[] = { VGEM_PFN_TT, VGEM_PFN_SYSTEM, VGEM_PFN_CARVEOUT };
	struct vm_bo bo;
	struct vm_cpu *cpu;
	uint32_t tag;
	char *map;
	int i;

	map = start(&bo, fd);
	cpu = &bo.vm.cpu[0];
	cpu->restart = signals;
	vm_loop_start(cpu, VM_GPA, SIZE, STRIDE, 7);
	vm_loop_wait(cpu, 1);
	for (i = 0; i < moves; i++) {
		vgem_pfn_bo_move(fd, bo.handle, regions[i % 3]);
		if (signals)
			pfn_thread_signal(&cpu->thread);
		vm_loop_wait(cpu, 1);
	}
	tag = vm_loop_stop(cpu);
	vm_loop_check(fd, bo.handle, VM_GPA, SIZE, STRIDE, tag);
	igt_info("%d moves, %u words changed, %lu signals\n", moves, cpu->mailbox->progress,
		 cpu->signals);
	end(&bo, map);
}

/* A signal ends the wait of a fault handler, and KVM_RUN, while a copy is pending. */
static void test_signal(int fd)
{
	const struct kvm_regs regs = { .rdi = VM_GPA };
	struct pfn_hold hold;
	struct vm_cpu *cpu;
	struct vm_bo bo;
	char *map;

	map = start(&bo, fd);
	cpu = &bo.vm.cpu[0];
	pfn_hold_begin(&hold);
	pfn_hold_dmabuf(&hold, bo.dmabuf);
	igt_assert_eq(__vgem_pfn_bo_move_async(fd, bo.handle, VGEM_PFN_TT, 0), 0);
	vm_start(cpu, VM_PEEK, &regs);
	vm_run_thread(cpu);
	pfn_hold_assert(&hold, pfn_thread_asleep(&cpu->thread));
	pfn_thread_signal(&cpu->thread);
	pfn_thread_join(&cpu->thread);
	pfn_hold_assert(&hold, cpu->ret == -EINTR);
	igt_assert(pfn_hold_pending(&hold));
	pfn_hold_end(&hold);
	igt_assert_eq(__vm_run(cpu), 0);
	igt_assert_eq_u32(vm_regs(cpu).rax, 7 + (uint32_t)VM_GPA);
	end(&bo, map);
}

/* The time of a pass of the guest over the buffer, one word per page */
static uint64_t pass_ns(struct vm_bo *bo)
{
	uint64_t start = pfn_now_ns();

	vm_check(&bo->vm, VM_GPA, bo->size, PFN_PAGE_SIZE, 1);
	return pfn_now_ns() - start;
}

/*
 * Mappings after a move, and the time of the faults, without that of the accesses: with
 * ACCEL=icount one nanosecond is one instruction.
 */
static void compare_one(struct vm_bo *bo, struct vm_pages before, const char *name,
			uint64_t n4k, uint64_t n2m)
{
	enum { ROUNDS = 5 };
	uint64_t faults = n4k + n2m, best = UINT64_MAX, first, second;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		vgem_pfn_bo_move(bo->fd, bo->handle, VGEM_PFN_TT);
		vgem_pfn_bo_move(bo->fd, bo->handle, VGEM_PFN_CARVEOUT);
		vm_assert_pages(vm_pages_since(&bo->vm, before), 0, 0, 0);
		first = pass_ns(bo);
		vm_assert_pages(vm_pages_since(&bo->vm, before), n4k, n2m, 0);
		second = pass_ns(bo);
		if (first > second && first - second < best)
			best = first - second;
	}
	igt_info("%s: %lu faults of 4 KiB, %lu of 2 MiB, %lu ns each\n", name, n4k, n2m,
		 best / faults);
}

static void test_compare(int fd)
{
	static const uint64_t sizes[] = { 64 * KiB, 4 * MiB };
	struct vm_pages before;
	struct vm_bo bo;
	size_t i;
	char *map;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		const uint64_t size = sizes[i], huge = size / (2 * MiB);
		const uint64_t small = size / PFN_PAGE_SIZE - 512 * huge;

		vm_bo_create(&bo, fd, size, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
		vm_map(&bo.vm, bo.dmabuf, 0, VM_GPA, size);
		vm_fill(&bo.vm, VM_GPA, size, PFN_PAGE_SIZE, 1);
		vm_unmap(&bo.vm);

		vm_map(&bo.vm, bo.dmabuf, 0, VM_GPA, size);
		before = vm_pages_begin(&bo.vm);
		compare_one(&bo, before, "dma-buf", small, huge);
		vm_unmap(&bo.vm);

		map = vgem_pfn_bo_mmap(fd, bo.handle, size, PROT_READ | PROT_WRITE);
		vm_map_address(&bo.vm, map, size);
		before = vm_pages_begin(&bo.vm);
		compare_one(&bo, before, "mapping", size / PFN_PAGE_SIZE, 0);
		vm_unmap(&bo.vm);
		munmap(map, size);
		vm_bo_destroy(&bo);
	}
}

void kvm_plain_tests(int fd)
{
	igt_describe("A memslot over a mapping of the process follows moves.");
	igt_subtest("plain-move")
		test_move(fd, 100, false);

	igt_describe("Like plain-move, with signals to the vCPU.");
	igt_subtest("plain-signals")
		test_move(fd, 40, true);

	igt_describe("After a move fewer faults are needed than with a mapping.");
	igt_subtest("plain-compare")
		test_compare(fd);

	igt_describe("A signal ends a wait of the process's fault handler.");
	igt_subtest("plain-signal")
		test_signal(fd);
}
