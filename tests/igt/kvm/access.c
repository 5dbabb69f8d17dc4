// SPDX-License-Identifier: MIT
/*
 * Subtests of accesses that KVM itself makes on behalf of the guest. A buffer has no
 * userspace address, so they fail in it as where there is no memory. Accesses by the CPU,
 * including those to page tables, work.
 */
#include <errno.h>

#include "igt.h"
#include "kvm.h"

#define SIZE	(64 * KiB)
#define PORT	0x80

/* The exits of an emulated access: that to memory, and that to the port */
static void test_emulated(int fd)
{
	const struct kvm_regs out = { .rsi = VM_GPA + 16, .rdx = PORT };
	const struct kvm_regs in = { .rdi = VM_GPA + 16, .rdx = PORT };
	struct vm_cpu *cpu;
	struct kvm_run *run;
	struct vm_bo bo;
	char *data;

	vm_bo_create(&bo, fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	cpu = &bo.vm.cpu[0];
	run = cpu->run;
	vm_map(&bo.vm, bo.dmabuf, 0, VM_GPA, SIZE);
	vm_fill(&bo.vm, VM_GPA, SIZE, 8, 1);

	vm_start(cpu, VM_OUTS, &out);
	igt_assert_eq(__vm_run(cpu), 0);
	igt_assert_eq_u32(run->exit_reason, KVM_EXIT_MMIO);
	igt_assert_eq_u32(run->mmio.is_write, 0);
	igt_assert_eq_u64(run->mmio.phys_addr, out.rsi);
	run->mmio.data[0] = 0x5a;
	igt_assert_eq(__vm_run(cpu), 0);
	igt_assert_eq_u32(run->exit_reason, KVM_EXIT_IO);
	data = (char *)run + run->io.data_offset;
	igt_assert_eq_u32(*data, 0x5a);
	igt_assert_eq(__vm_run(cpu), 0);
	igt_assert_eq_u32(run->exit_reason, KVM_EXIT_HLT);

	vm_start(cpu, VM_INS, &in);
	igt_assert_eq(__vm_run(cpu), 0);
	igt_assert_eq_u32(run->exit_reason, KVM_EXIT_IO);
	data = (char *)run + run->io.data_offset;
	*data = 0x5b;
	igt_assert_eq(__vm_run(cpu), 0);
	igt_assert_eq_u32(run->exit_reason, KVM_EXIT_MMIO);
	igt_assert_eq_u32(run->mmio.is_write, 1);
	igt_assert_eq_u64(run->mmio.phys_addr, in.rdi);
	igt_assert_eq_u32(run->mmio.data[0], 0x5b);
	igt_assert_eq(__vm_run(cpu), 0);
	igt_assert_eq_u32(run->exit_reason, KVM_EXIT_HLT);

	vm_check(&bo.vm, VM_GPA, SIZE, 8, 1);
	vm_bo_destroy(&bo);
}

/* Structures that KVM and the guest share. KVM_SET_MSRS returns the number of MSRs set. */
static void test_shared(int fd)
{
	static const struct {
		uint32_t msr;
		uint64_t value;
	} shared[] = {
		{ 0x4b564d00, 0 },		/* wall clock */
		{ 0x4b564d01, 1 },		/* system time */
		{ 0x4b564d03, 1 },		/* steal time */
		{ 0x4b564d02, 1 },		/* asynchronous page faults */
		{ 0x4b564d04, 1 },		/* end of interrupt */
	};
	struct {
		struct kvm_msrs header;
		struct kvm_msr_entry entry;
	} msrs = { .header.nmsrs = 1 };
	struct vm_bo bo;
	size_t i;
	int ret;

	vm_bo_create(&bo, fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vm_map(&bo.vm, bo.dmabuf, 0, VM_GPA, SIZE);
	vm_fill(&bo.vm, VM_GPA, SIZE, 8, 1);
	for (i = 0; i < ARRAY_SIZE(shared); i++) {
		msrs.entry.index = shared[i].msr;
		msrs.entry.data = (VM_GPA + i * 1024) | shared[i].value;
		ret = ioctl(bo.vm.cpu[0].fd, KVM_SET_MSRS, &msrs);
		igt_info("MSR 0x%x: %s\n", shared[i].msr, ret == 1 ? "accepted" : "rejected");
		igt_assert_lte(0, ret);
	}
	for (i = 0; i < 6; i++) {
		vm_check(&bo.vm, VM_GPA, SIZE, 8, 1);
		vgem_pfn_bo_move(fd, bo.handle, i % 2 ? VGEM_PFN_CARVEOUT : VGEM_PFN_TT);
	}
	vm_bo_destroy(&bo);
}

/*
 * The page directory of the guest is in the buffer, with pages of 4 MiB. The CPU reads it
 * and writes its accessed bits. KVM cannot read it.
 */
static void test_tables(int fd)
{
	struct kvm_translation translation = { .linear_address = VM_GPA };
	struct vm_bo bo;
	uint32_t i, tag;

	vm_bo_create(&bo, fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vm_loop_set(fd, bo.handle, VM_GPA, SIZE, 1024, 7);
	vm_map(&bo.vm, bo.dmabuf, 0, VM_GPA, SIZE);
	for (i = 0; i < 1024; i++)
		igt_assert_eq(__vm_poke(&bo.vm.cpu[0], VM_GPA + 4 * i, vm_directory_entry(i)),
			      0);

	vm_enable_paging(&bo.vm.cpu[0], VM_GPA);
	vm_loop_start(&bo.vm.cpu[0], VM_GPA + PFN_PAGE_SIZE, SIZE - PFN_PAGE_SIZE, 1024, 7);
	for (i = 0; i < 60; i++) {
		vgem_pfn_bo_move(fd, bo.handle, i % 2 ? VGEM_PFN_CARVEOUT : VGEM_PFN_TT);
		vm_loop_wait(&bo.vm.cpu[0], 1);
	}
	tag = vm_loop_stop(&bo.vm.cpu[0]);
	vm_loop_check(fd, bo.handle, VM_GPA + PFN_PAGE_SIZE, SIZE - PFN_PAGE_SIZE, 1024, tag);

	igt_assert_eq(__vgem_pfn_ioctl(bo.vm.cpu[0].fd, KVM_TRANSLATE, &translation), 0);
	igt_assert_eq_u32(translation.valid, 0);
	vm_bo_destroy(&bo);
}

/* The guest's code is in the buffer. */
static void test_code(int fd)
{
	const size_t length = (vm_code_end - vm_code + 7) & ~7;
	struct kvm_regs regs = { .rflags = 2 };
	uint64_t code[32] = {};
	struct vm_cpu *cpu;
	struct vm_bo bo;
	size_t i;

	igt_assert_lte_u64(length, sizeof(code));
	memcpy(code, vm_code, vm_code_end - vm_code);
	vm_bo_create(&bo, fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	cpu = &bo.vm.cpu[0];
	pfn_mem_write(vgem_pfn_bo_pfn(fd, bo.handle, 0), 0, code, length);
	vm_map(&bo.vm, bo.dmabuf, 0, VM_GPA, SIZE);
	for (i = 0; i < 20; i++) {
		regs.rip = VM_GPA + vm_entry_offset(VM_POKE);
		regs.rdi = VM_GPA + SIZE - 4;
		regs.rax = i;
		igt_assert_eq(__vgem_pfn_ioctl(cpu->fd, KVM_SET_REGS, &regs), 0);
		igt_assert_eq(__vm_run(cpu), 0);
		igt_assert_eq_u32(cpu->run->exit_reason, KVM_EXIT_HLT);
		vgem_pfn_bo_move(fd, bo.handle, i % 2 ? VGEM_PFN_CARVEOUT : VGEM_PFN_TT);
		regs.rip = VM_GPA + vm_entry_offset(VM_PEEK);
		regs.rax = 0;
		igt_assert_eq(__vgem_pfn_ioctl(cpu->fd, KVM_SET_REGS, &regs), 0);
		igt_assert_eq(__vm_run(cpu), 0);
		igt_assert_eq_u64(vm_regs(cpu).rax, i);
	}
	vm_bo_destroy(&bo);
}

void kvm_access_tests(int fd)
{
	igt_describe("Emulated accesses to a buffer exit as MMIO.");
	igt_subtest("access-emulated")
		test_emulated(fd);

	igt_describe("KVM does not write to structures in a buffer.");
	igt_subtest("access-shared")
		test_shared(fd);

	igt_describe("Page tables in a buffer that moves are used by the CPU.");
	igt_subtest("access-tables")
		test_tables(fd);

	igt_describe("Code in a buffer that moves is executed.");
	igt_subtest("access-code")
		test_code(fd);
}
