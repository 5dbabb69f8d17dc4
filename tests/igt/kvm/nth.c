// SPDX-License-Identifier: MIT
/* Subtests in which each allocation of an operation fails once. */
#include <errno.h>

#include "igt.h"
#include "kvm.h"
#include "pfn_nth.h"

#define SIZE	(64 * KiB)
/* There are fewer allocations. */
#define MAX_NTH	1000

static int begin(void)
{
	int nth = pfn_nth_begin();

	/* vmalloc() logs a stack trace and statistics. A WARN panics nevertheless. */
	igt_emit_ignore_dmesg_regex(".");
	return nth;
}

static void test_slot(int fd)
{
	struct pfn_kvm_region region;
	struct vm_bo bo;
	int nth, n, ret, failed = 0;

	vm_bo_create(&bo, fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	region = vm_region(bo.dmabuf, 0, VM_GPA, SIZE);
	nth = begin();
	for (n = 1; n < MAX_NTH; n++) {
		pfn_nth_arm(nth, n);
		ret = __vm_set_region(&bo.vm, &region);
		if (pfn_nth_disarm(nth))
			break;
		if (ret) {
			igt_assert_eq(ret, -ENOMEM);
			igt_assert_eq_u32(vgem_pfn_bo_query(fd, bo.handle).num_attachments, 0);
			failed++;
		} else {
			vm_unmap(&bo.vm);
		}
	}
	pfn_nth_end(nth);
	igt_assert_eq(ret, 0);
	igt_info("%d allocations, %d failures\n", n - 1, failed);
	igt_assert_lt(2, failed);
	vm_fill(&bo.vm, VM_GPA, SIZE, 8, 1);
	vm_bo_destroy(&bo);
}

/*
 * The first fault of a vCPU, which allocates page tables and caches. Code and data of the
 * guest are in the buffer, so that nothing else is mapped before. The next KVM_RUN
 * succeeds.
 */
static bool fault(int fd, int nth, int n, int *failed)
{
	struct kvm_regs regs = { .rdi = VM_GPA + SIZE - 8, .rax = n };
	struct vm_cpu *cpu;
	struct vm_bo bo;
	bool last;
	int ret;

	vm_bo_create(&bo, fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	cpu = &bo.vm.cpu[0];
	pfn_mem_write(vgem_pfn_bo_pfn(fd, bo.handle, 0), 0, vm_code, vm_code_end - vm_code);
	vm_map(&bo.vm, bo.dmabuf, 0, VM_GPA, SIZE);
	vm_start(cpu, VM_POKE, &regs);
	regs = vm_regs(cpu);
	regs.rip += VM_GPA;
	igt_assert_eq(__vgem_pfn_ioctl(cpu->fd, KVM_SET_REGS, &regs), 0);

	pfn_nth_arm(nth, n);
	ret = __vm_run(cpu);
	last = pfn_nth_disarm(nth);
	if (ret) {
		igt_assert_eq(ret, -ENOMEM);
		(*failed)++;
		igt_assert_eq(__vm_run(cpu), 0);
	}
	igt_assert_eq_u32(cpu->run->exit_reason, KVM_EXIT_HLT);
	vgem_pfn_bo_move(fd, bo.handle, VGEM_PFN_TT);
	igt_assert_eq(__vm_peek(cpu, VM_GPA + SIZE - 8, (uint32_t *)&ret), 0);
	igt_assert_eq(ret, n);
	vm_bo_destroy(&bo);
	return last;
}

static void test_fault(int fd)
{
	int nth = begin(), n = 1, failed = 0;

	/* After the first ones, allocations fill caches, and most may fail. */
	while (n < MAX_NTH && !fault(fd, nth, n, &failed))
		n += n < 8 ? 1 : 64;
	pfn_nth_end(nth);
	igt_assert_lt(n, MAX_NTH);
	igt_info("up to %d allocations, %d failures\n", n - 1, failed);
	igt_assert_lt(2, failed);
}

void kvm_nth_tests(int fd)
{
	igt_describe("If an allocation fails, no slot is created, and nothing is left behind.");
	igt_subtest("nth-slot")
		test_slot(fd);

	igt_describe("If an allocation fails in a fault, KVM_RUN fails and can be repeated.");
	igt_subtest("nth-fault")
		test_fault(fd);
}
