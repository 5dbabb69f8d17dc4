// SPDX-License-Identifier: MIT
/*
 * Subtests of a guest of the guest (SVM only). The guest executes VMRUN and nothing else.
 * Its own guest has the same addresses, by nested page tables with pages of 4 MiB in the
 * RAM of the VM, which are the guest's page tables, too. It runs VM_LOOP on the buffer.
 * KVM combines these tables with the memslots to shadow page tables.
 */
#include <errno.h>
#include <stddef.h>

#include "igt.h"
#include "kvm.h"

#define SIZE		(256 * KiB)
#define STRIDE		1024

/* Addresses in the RAM: the control block, KVM's save area */
#define VMCB		0x4000
#define HSAVE		0x5000

/* Exit codes of a VMCB */
#define EXIT_HLT	0x078
#define EXIT_NPF	0x400

#define EFER_SVME	0x1000
#define MSR_VM_HSAVE_PA	0xc0010117

/* The fields of a VMCB that are not zero, by offset */
static void put16(char *vmcb, size_t offset, uint16_t value)
{
	memcpy(vmcb + offset, &value, sizeof(value));
}

static void put32(char *vmcb, size_t offset, uint32_t value)
{
	memcpy(vmcb + offset, &value, sizeof(value));
}

static void put64(char *vmcb, size_t offset, uint64_t value)
{
	memcpy(vmcb + offset, &value, sizeof(value));
}

/* Limit and attributes of a flat segment of 32 bits */
static void put_segment(char *vmcb, size_t offset, uint16_t selector, uint16_t attributes)
{
	put16(vmcb, offset, selector);
	put16(vmcb, offset + 2, attributes);
	put32(vmcb, offset + 4, 0xffffffff);
}

/* @tables: guest physical address of the nested page directory */
static void make_vmcb(char *vmcb, enum vm_entry entry, uint64_t tables)
{
	size_t segment;

	memset(vmcb, 0, PFN_PAGE_SIZE);
	put32(vmcb, 0x00c, 1 << 24 | 1U << 31);	/* intercept HLT and SHUTDOWN */
	put32(vmcb, 0x010, 1 << 0);		/* and VMRUN */
	put32(vmcb, 0x058, 1);			/* ASID */
	put64(vmcb, 0x090, 1);			/* nested paging */
	put64(vmcb, 0x0b0, tables);
	for (segment = 0x400; segment <= 0x450; segment += 0x10)
		put_segment(vmcb, segment, 16, 0xc93);
	put_segment(vmcb, 0x410, 8, 0xc9b);
	put64(vmcb, 0x4d0, EFER_SVME);
	put64(vmcb, 0x558, 0x11);		/* CR0: protected mode */
	put64(vmcb, 0x560, 0x400);		/* DR7 and DR6 */
	put64(vmcb, 0x568, 0xffff0ff0);
	put64(vmcb, 0x570, 2);			/* RFLAGS */
	put64(vmcb, 0x578, vm_entry_offset(entry));
	put64(vmcb, 0x668, 0x0007040600070406);	/* PAT */
}

/* Skips if the guest cannot have guests. */
static void enable_svm(struct vm *vm)
{
	struct kvm_msrs *msrs = calloc(1, sizeof(*msrs) + sizeof(struct kvm_msr_entry));
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) +
					  256 * sizeof(struct kvm_cpuid_entry2));
	int cpu = vm->cpu[0].fd;
	struct kvm_sregs sregs;
	bool svm = false;
	uint32_t i;

	igt_assert(cpuid && msrs);
	cpuid->nent = 256;
	igt_assert_eq(__vgem_pfn_ioctl(vm->kvm, KVM_GET_SUPPORTED_CPUID, cpuid), 0);
	for (i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == 0x80000001)
			svm = cpuid->entries[i].ecx & 1 << 2;
	igt_require_f(svm, "no nested SVM\n");
	igt_assert_eq(__vgem_pfn_ioctl(cpu, KVM_SET_CPUID2, cpuid), 0);

	igt_assert_eq(__vgem_pfn_ioctl(cpu, KVM_GET_SREGS, &sregs), 0);
	sregs.efer |= EFER_SVME;
	igt_assert_eq(__vgem_pfn_ioctl(cpu, KVM_SET_SREGS, &sregs), 0);
	/* VMRUN needs paging. */
	vm_make_directory(vm);
	vm_enable_paging(&vm->cpu[0], VM_DIRECTORY);
	msrs->nmsrs = 1;
	msrs->entries[0] = (struct kvm_msr_entry) { .index = MSR_VM_HSAVE_PA, .data = HSAVE };
	igt_assert_eq(ioctl(cpu, KVM_SET_MSRS, msrs), 1);
	free(msrs);
	free(cpuid);
}

/* The guest has returned from VMRUN, which had this exit. */
static void assert_exit_code(struct vm *vm, uint64_t want)
{
	uint64_t code;

	igt_assert_eq_u32(vm->cpu[0].run->exit_reason, KVM_EXIT_HLT);
	memcpy(&code, vm->ram + VMCB + 0x070, sizeof(code));
	igt_assert_eq_u64(code, want);
}

static void test_move(int fd, int moves)
{
	static const uint32_t regions[] = { VGEM_PFN_TT, VGEM_PFN_SYSTEM, VGEM_PFN_CARVEOUT };
	struct vm_cpu *cpu;
	struct kvm_regs regs = {
		.rsi = VM_GPA,
		.rbp = VM_GPA + SIZE,
		.rbx = STRIDE,
		.rdx = 7,
		.rax = VMCB,
	};
	struct vm_bo bo;
	uint32_t tag;
	int i;

	vm_bo_create(&bo, fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	cpu = &bo.vm.cpu[0];
	enable_svm(&bo.vm);
	make_vmcb(bo.vm.ram + VMCB, VM_LOOP, VM_DIRECTORY);
	vm_loop_set(fd, bo.handle, VM_GPA, SIZE, STRIDE, 7);
	vm_map(&bo.vm, bo.dmabuf, 0, VM_GPA, SIZE);

	regs.rcx = cpu->mailbox_gpa;
	*cpu->mailbox = (struct vm_mailbox) {};
	vm_start(cpu, VM_VMRUN, &regs);
	vm_run_thread(cpu);
	for (i = 0; i < moves; i++) {
		vm_loop_wait(cpu, 1);
		vgem_pfn_bo_move(fd, bo.handle, regions[i % 3]);
	}
	vm_loop_wait(cpu, 1);
	tag = vm_loop_stop(cpu);
	assert_exit_code(&bo.vm, EXIT_HLT);
	vm_loop_check(fd, bo.handle, VM_GPA, SIZE, STRIDE, tag);
	igt_info("%d moves, %u words changed\n", moves, cpu->mailbox->progress);
	vm_bo_destroy(&bo);
}

/*
 * KVM reads a control block and nested page tables itself. In a buffer it cannot: KVM_RUN
 * reports that VMRUN cannot be emulated, or VMRUN exits with a nested page fault.
 */
static void test_control(int fd)
{
	struct kvm_regs regs = { .rax = VM_GPA };
	char vmcb[PFN_PAGE_SIZE];
	struct vm_bo bo;
	int i;

	vm_bo_create(&bo, fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	enable_svm(&bo.vm);
	make_vmcb(vmcb, VM_PEEK, VM_DIRECTORY);
	pfn_mem_write(vgem_pfn_bo_pfn(fd, bo.handle, 0), 0, vmcb, sizeof(vmcb));
	vm_map(&bo.vm, bo.dmabuf, 0, VM_GPA, SIZE);
	vm_start(&bo.vm.cpu[0], VM_VMRUN, &regs);
	igt_assert_eq(__vm_run(&bo.vm.cpu[0]), 0);
	igt_assert_eq_u32(bo.vm.cpu[0].run->exit_reason, KVM_EXIT_INTERNAL_ERROR);
	for (i = 0; i < 2; i++)
		vgem_pfn_bo_move(fd, bo.handle, i ? VGEM_PFN_CARVEOUT : VGEM_PFN_TT);
	vm_bo_destroy(&bo);
}

static void test_tables(int fd)
{
	struct kvm_regs regs = { .rax = VMCB };
	uint32_t directory[1024], i;
	struct vm_bo bo;

	vm_bo_create(&bo, fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	enable_svm(&bo.vm);
	make_vmcb(bo.vm.ram + VMCB, VM_PEEK, VM_GPA);
	for (i = 0; i < ARRAY_SIZE(directory); i++)
		directory[i] = vm_directory_entry(i);
	pfn_mem_write(vgem_pfn_bo_pfn(fd, bo.handle, 0), 0, directory, sizeof(directory));
	vm_map(&bo.vm, bo.dmabuf, 0, VM_GPA, SIZE);
	for (i = 0; i < 4; i++) {
		vm_call(&bo.vm.cpu[0], VM_VMRUN, &regs);
		assert_exit_code(&bo.vm, EXIT_NPF);
		vgem_pfn_bo_move(fd, bo.handle, i % 2 ? VGEM_PFN_CARVEOUT : VGEM_PFN_TT);
	}
	vm_bo_destroy(&bo);
}

void kvm_nested_tests(int fd)
{
	igt_describe("A guest of the guest loses no write while the buffer moves.");
	igt_subtest("nested-move")
		test_move(fd, 50);

	igt_describe("VMRUN of a control block in a buffer ends KVM_RUN with an error.");
	igt_subtest("nested-control")
		test_control(fd);

	igt_describe("Nested page tables in a buffer cause a nested page fault.");
	igt_subtest("nested-tables")
		test_tables(fd);
}
