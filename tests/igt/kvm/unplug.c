// SPDX-License-Identifier: MIT
/* Subtests of a device that is unplugged while vCPUs access its buffers. */
#include <errno.h>

#include "igt.h"
#include "kvm.h"
#include "vgem_pfn_module.h"

#define SIZE	(64 * KiB)

static void unplug(void)
{
	igt_assert_eq(__vgem_pfn_faux_unplug(0), 0);
}

static void plug(void)
{
	igt_assert_eq(__vgem_pfn_faux_plug(0), 0);
}

/* KVM_RUN of a vCPU that accesses the buffer fails. */
static void test_running(void)
{
	int fd = vgem_pfn_open_faux(0);
	uint32_t value;
	struct vm_bo bo;
	struct vm_cpu *cpu;

	vm_bo_create(&bo, fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	cpu = &bo.vm.cpu[0];
	vm_loop_set(fd, bo.handle, VM_GPA, SIZE, 1024, 7);
	vm_map(&bo.vm, bo.dmabuf, 0, VM_GPA, SIZE);
	vm_loop_start(cpu, VM_GPA, SIZE, 1024, 7);
	vm_loop_wait(cpu, 100);
	unplug();
	pfn_thread_join(&cpu->thread);
	vm_assert_memory_fault(cpu, cpu->ret, vm_regs(cpu).rdi);

	/* Accesses to the slot fail again, by both vCPUs. Other memory can be accessed. */
	igt_assert_eq(__vm_run(cpu), -EFAULT);
	vm_assert_memory_fault(&bo.vm.cpu[1],
			       __vm_peek(&bo.vm.cpu[1], VM_GPA + SIZE - 4, &value),
			       VM_GPA + SIZE - 4);
	igt_assert_eq(__vm_peek(cpu, 0, &value), 0);
	vm_unmap(&bo.vm);
	vm_destroy(&bo.vm);
	close(bo.dmabuf);
	close(fd);
	plug();
}

/* A slot of an unplugged device cannot be created. */
static void test_create(void)
{
	int fd = vgem_pfn_open_faux(0);
	struct pfn_kvm_region region;
	struct vm_bo bo;

	vm_bo_create(&bo, fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	unplug();
	region = vm_region(bo.dmabuf, 0, VM_GPA, SIZE);
	igt_assert_eq(__vm_set_region(&bo.vm, &region), -ENODEV);
	vm_destroy(&bo.vm);
	close(bo.dmabuf);
	close(fd);
	plug();
}

/* Destroy a VM that has a slot with a buffer of an unplugged device. */
static void test_late(void)
{
	int fd = vgem_pfn_open_faux(0);
	struct vm_bo bo;

	vm_bo_create(&bo, fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vm_map(&bo.vm, bo.dmabuf, 0, VM_GPA, SIZE);
	vm_fill(&bo.vm, VM_GPA, SIZE, 8, 1);
	unplug();
	close(bo.dmabuf);
	close(fd);
	plug();
	vm_destroy(&bo.vm);
}

void kvm_unplug_tests(void)
{
	igt_fixture()
		vgem_pfn_plug_on_exit();

	igt_describe("Unplugging the device ends KVM_RUN with EFAULT.");
	igt_subtest("unplug")
		test_running();

	igt_describe("A slot with a buffer of an unplugged device is rejected.");
	igt_subtest("unplug-create")
		test_create();

	igt_describe("A VM is destroyed after the device of its buffer was unplugged.");
	igt_subtest("unplug-late")
		test_late();
}
