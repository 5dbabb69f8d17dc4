// SPDX-License-Identifier: MIT
/*
 * Subtests of the second address space, which a vCPU uses in system management mode. The
 * upper half of a memslot's id is the number of the address space.
 */
#include <errno.h>

#include "igt.h"
#include "kvm.h"

#define SIZE		(256 * KiB)
#define STRIDE		1024
#define SMM_SLOT(slot)	(1 << 16 | (slot))

static void set_smm(struct vm_cpu *cpu, bool smm)
{
	struct kvm_vcpu_events events;

	igt_assert_eq(__vgem_pfn_ioctl(cpu->fd, KVM_GET_VCPU_EVENTS, &events), 0);
	events.flags = KVM_VCPUEVENT_VALID_SMM;
	events.smi.smm = smm;
	igt_assert_eq(__vgem_pfn_ioctl(cpu->fd, KVM_SET_VCPU_EVENTS, &events), 0);
}

/* The RAM in both address spaces, the buffer in the second one only */
static void begin(struct vm_bo *bo, int fd)
{
	struct pfn_kvm_region region;

	vm_bo_create(bo, fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	igt_require_f(ioctl(bo->vm.fd, KVM_CHECK_EXTENSION, KVM_CAP_MULTI_ADDRESS_SPACE) > 1,
		      "the kernel has no CONFIG_KVM_SMM\n");
	region = (struct pfn_kvm_region) {
		.slot = SMM_SLOT(0),
		.memory_size = VM_RAM_SIZE,
		.userspace_addr = (uintptr_t)bo->vm.ram,
	};
	igt_assert_eq(__vm_set_region(&bo->vm, &region), 0);
	region = vm_region(bo->dmabuf, 0, VM_GPA, SIZE);
	region.slot = SMM_SLOT(VM_SLOT);
	igt_assert_eq(__vm_set_region(&bo->vm, &region), 0);
}

static void test_move(int fd)
{
	struct vm_cpu *cpu;
	struct vm_bo bo;
	uint32_t tag;
	int i;

	begin(&bo, fd);
	cpu = &bo.vm.cpu[0];
	vm_loop_set(fd, bo.handle, VM_GPA, SIZE, STRIDE, 7);
	set_smm(cpu, true);
	vm_loop_start(cpu, VM_GPA, SIZE, STRIDE, 7);
	for (i = 0; i < 40; i++) {
		vm_loop_wait(cpu, 1);
		vgem_pfn_bo_move(fd, bo.handle, i % 2 ? VGEM_PFN_CARVEOUT : VGEM_PFN_TT);
	}
	vm_loop_wait(cpu, 1);
	tag = vm_loop_stop(cpu);
	vm_loop_check(fd, bo.handle, VM_GPA, SIZE, STRIDE, tag);
	vm_bo_destroy(&bo);
}

/* Outside system management mode there is no memory, or that of another slot. */
static void test_spaces(int fd)
{
	struct vm_cpu *cpu;
	uint32_t handle, value;
	struct vm_bo bo;
	int i, dmabuf;

	begin(&bo, fd);
	cpu = &bo.vm.cpu[0];
	set_smm(cpu, true);
	vm_fill(&bo.vm, VM_GPA, SIZE, 8, 0);
	set_smm(cpu, false);
	igt_assert_eq(__vm_peek(cpu, VM_GPA, &value), 0);
	igt_assert_eq_u32(cpu->run->exit_reason, KVM_EXIT_MMIO);
	igt_assert_eq(__vm_run(cpu), 0);

	handle = vgem_pfn_bo_create(fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	dmabuf = vgem_pfn_export(fd, handle);
	vm_map(&bo.vm, dmabuf, 0, VM_GPA, SIZE);
	vm_fill(&bo.vm, VM_GPA, SIZE, STRIDE, 100);
	for (i = 0; i < 8; i++) {
		vgem_pfn_bo_move(fd, i % 2 ? handle : bo.handle,
				 i / 2 % 2 ? VGEM_PFN_CARVEOUT : VGEM_PFN_TT);
		vm_check(&bo.vm, VM_GPA, SIZE, STRIDE, 100);
		set_smm(cpu, true);
		vm_check(&bo.vm, VM_GPA, SIZE, STRIDE, i);
		vm_fill(&bo.vm, VM_GPA, SIZE, 8, i + 1);
		vgem_pfn_bo_check_mem(fd, bo.handle, SIZE, i + 1);
		set_smm(cpu, false);
	}
	vm_unmap(&bo.vm);
	set_smm(cpu, true);
	vm_check(&bo.vm, VM_GPA, SIZE, STRIDE, i);
	vm_bo_destroy(&bo);
	close(dmabuf);
	vgem_pfn_gem_close(fd, handle);
}

void kvm_smm_tests(int fd)
{
	igt_describe("A vCPU in system management mode loses no write while the buffer moves.");
	igt_subtest("smm-move")
		test_move(fd);

	igt_describe("Each address space has its own buffer at one address.");
	igt_subtest("smm-spaces")
		test_spaces(fd);
}
