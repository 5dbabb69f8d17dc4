// SPDX-License-Identifier: MIT
/*
 * Subtests without nested paging: KVM makes shadow page tables from those of the guest.
 * kvm_amd is reloaded, so nothing else may use it meanwhile.
 */
#include <errno.h>

#include "igt.h"
#include "igt_kmod.h"
#include "kvm.h"

#define SIZE	(64 * KiB)

/* "Y" or "N", or nothing if the module is not loaded */
static char npt(void)
{
	FILE *file = fopen("/sys/module/kvm_amd/parameters/npt", "re");
	int value;

	if (!file)
		return 0;
	value = fgetc(file);
	fclose(file);
	return value;
}

static int reload(const char *command)
{
	int ret = igt_kmod_unload("kvm_amd");

	return ret ? ret : system(command);
}

static void restore(int sig)
{
	if (npt() == 'N')
		reload("modprobe -q kvm_amd");
}

/*
 * The guest's page directory is in the buffer, where KVM cannot read it. The guest gets a
 * page fault and has no handler for it.
 */
static void test_tables(int fd)
{
	uint32_t directory[1024], i, value;
	struct vm_bo bo;

	vm_bo_create(&bo, fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	for (i = 0; i < ARRAY_SIZE(directory); i++)
		directory[i] = vm_directory_entry(i);
	pfn_mem_write(vgem_pfn_bo_pfn(fd, bo.handle, 0), 0, directory, sizeof(directory));
	vm_map(&bo.vm, bo.dmabuf, 0, VM_GPA, SIZE);
	vm_enable_paging(&bo.vm.cpu[0], VM_GPA);
	igt_assert_eq(__vm_peek(&bo.vm.cpu[0], VM_GPA, &value), 0);
	igt_assert_eq_u32(bo.vm.cpu[0].run->exit_reason, KVM_EXIT_SHUTDOWN);
	for (i = 0; i < 2; i++)
		vgem_pfn_bo_move(fd, bo.handle, i ? VGEM_PFN_CARVEOUT : VGEM_PFN_TT);
	vm_bo_destroy(&bo);
}

void kvm_shadow_tests(int fd)
{
	igt_subtest_group() {
		igt_fixture() {
			igt_require_f(npt() == 'Y', "kvm_amd does not use nested paging\n");
			igt_install_exit_handler(restore);
			igt_assert_eq(reload("modprobe -q kvm_amd npt=0"), 0);
			igt_assert_eq(npt(), 'N');
		}

		igt_describe("Like move, with shadow page tables of a guest without paging.");
		igt_subtest("shadow-move")
			vm_test_move(fd, 60, false);

		igt_describe("Like move, with shadow page tables of a guest with paging.");
		igt_subtest("shadow-paging")
			vm_test_move(fd, 60, true);

		igt_describe("Like levels, with shadow page tables.");
		igt_subtest("shadow-levels")
			vm_test_levels(fd);

		igt_describe("Like dirty, with shadow page tables.");
		igt_subtest("shadow-dirty")
			vm_test_dirty(fd);

		igt_describe("Page tables in a buffer, which KVM cannot shadow, end the VM.");
		igt_subtest("shadow-tables")
			test_tables(fd);

		igt_fixture()
			igt_assert_eq(reload("modprobe -q kvm_amd"), 0);
	}
}
