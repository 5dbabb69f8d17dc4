// SPDX-License-Identifier: MIT
/* Subtests of invalid requests: each fails with its errno and leaves nothing behind. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>

#include "igt.h"
#include "kvm.h"
#include "pfn_fault.h"

#define SIZE	(64 * KiB)

static void begin(struct vm_bo *bo, int fd)
{
	vm_bo_create(bo, fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
}

static int try(struct vm_bo *bo, struct pfn_kvm_region region)
{
	int ret = __vm_set_region(&bo->vm, &region);

	igt_assert_eq_u32(vgem_pfn_bo_query(bo->fd, bo->handle).num_attachments, 0);
	return ret;
}

/* A valid request succeeds nevertheless. */
static void end(struct vm_bo *bo)
{
	vm_map(&bo->vm, bo->dmabuf, 0, VM_GPA, SIZE);
	vm_fill(&bo->vm, VM_GPA, SIZE, 8, 1);
	vm_bo_destroy(bo);
}

static void test_range(int fd)
{
	static const struct {
		uint64_t offset;
		uint64_t gpa;
		uint64_t size;
	} bad[] = {
		{ 0, VM_GPA, SIZE + PFN_PAGE_SIZE },
		{ PFN_PAGE_SIZE, VM_GPA, SIZE },
		{ SIZE, VM_GPA, PFN_PAGE_SIZE },
		{ 1, VM_GPA, PFN_PAGE_SIZE },
		{ PFN_PAGE_SIZE / 2, VM_GPA, PFN_PAGE_SIZE },
		{ -PFN_PAGE_SIZE, VM_GPA, PFN_PAGE_SIZE },
		{ -PFN_PAGE_SIZE, VM_GPA, 2 * PFN_PAGE_SIZE },
		{ 1ULL << 62, VM_GPA, PFN_PAGE_SIZE },
		{ 0, VM_GPA + 1, PFN_PAGE_SIZE },
		{ 0, VM_GPA, PFN_PAGE_SIZE + 1 },
		{ 0, -PFN_PAGE_SIZE, 2 * PFN_PAGE_SIZE },
	};
	struct vm_bo bo;
	size_t i;

	begin(&bo, fd);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		igt_assert_f(try(&bo, vm_region(bo.dmabuf, bad[i].offset, bad[i].gpa,
						bad[i].size)) == -EINVAL, "range %zu\n", i);
	/* The RAM of the virtual machine */
	igt_assert_eq(try(&bo, vm_region(bo.dmabuf, 0, VM_RAM_SIZE / 2, SIZE)), -EEXIST);
	/* Nothing to delete */
	igt_assert_eq(try(&bo, vm_region(bo.dmabuf, 0, VM_GPA, 0)), -EINVAL);
	end(&bo);
}

static void test_fields(int fd)
{
	static const uint32_t flags[] = {
		KVM_MEM_DMABUF | KVM_MEM_GUEST_MEMFD,
		KVM_MEM_DMABUF | 1 << 4,
		KVM_MEM_DMABUF | 1 << 16,
		KVM_MEM_DMABUF | 1U << 31,
	};
	struct kvm_userspace_memory_region old;
	struct pfn_kvm_region region;
	struct vm_bo bo;
	size_t i;

	begin(&bo, fd);
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		region = vm_region(bo.dmabuf, 0, VM_GPA, SIZE);
		region.flags = flags[i];
		igt_assert_f(try(&bo, region) == -EINVAL, "flags 0x%x\n", flags[i]);
	}

	region = vm_region(bo.dmabuf, 0, VM_GPA, SIZE);
	region.userspace_addr = (uintptr_t)bo.vm.ram;
	igt_assert_eq(try(&bo, region), -EINVAL);

	region = vm_region(bo.dmabuf, 0, VM_GPA, SIZE);
	region.pad1 = 1;
	igt_assert_eq(try(&bo, region), -EINVAL);
	for (i = 0; i < ARRAY_SIZE(region.pad2); i++) {
		region = vm_region(bo.dmabuf, 0, VM_GPA, SIZE);
		region.pad2[i] = 1;
		igt_assert_eq(try(&bo, region), -EINVAL);
	}

	region = vm_region(bo.dmabuf, 0, VM_GPA, SIZE);
	region.slot = 0xffff;
	igt_assert_eq(try(&bo, region), -EINVAL);
	region.slot = 0xf0000;
	igt_assert_eq(try(&bo, region), -EINVAL);

	/* The old ioctl has no file descriptor. */
	region = vm_region(bo.dmabuf, 0, VM_GPA, SIZE);
	memcpy(&old, &region, sizeof(old));
	igt_assert_eq(__vgem_pfn_ioctl(bo.vm.fd, KVM_SET_USER_MEMORY_REGION, &old), -EINVAL);
	end(&bo);
}

static void test_file(int fd)
{
	int vgem = __drm_open_driver(DRIVER_VGEM), other;
	struct vm_bo bo;

	igt_require_f(vgem >= 0, "no vgem\n");
	begin(&bo, fd);
	igt_assert_eq(try(&bo, vm_region(-1, 0, VM_GPA, SIZE)), -EBADF);
	other = open("/dev/null", O_RDWR | O_CLOEXEC);
	igt_assert_eq(try(&bo, vm_region(other, 0, VM_GPA, SIZE)), -EINVAL);
	close(other);
	other = pfn_export_dumb(vgem, SIZE);
	igt_assert_eq(try(&bo, vm_region(other, 0, VM_GPA, SIZE)), -EOPNOTSUPP);
	close(other);
	close(vgem);
	end(&bo);
}

static void test_mode(int fd)
{
	uint32_t handle;
	struct vm_bo bo;
	int dmabuf;

	begin(&bo, fd);
	handle = vgem_pfn_bo_create(fd, SIZE, VGEM_PFN_CARVEOUT);
	dmabuf = vgem_pfn_export_ro(fd, handle);
	igt_assert_eq(try(&bo, vm_region(dmabuf, 0, VM_GPA, SIZE)), -EACCES);
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, handle).num_attachments, 0);
	close(dmabuf);
	vgem_pfn_gem_close(fd, handle);
	end(&bo);
}

/* Only logging can be switched on and off, with the same buffer. */
static void test_change(int fd)
{
	uint32_t handle = vgem_pfn_bo_create(fd, SIZE, VGEM_PFN_CARVEOUT);
	int other = vgem_pfn_export(fd, handle);
	struct pfn_kvm_region region, changed;
	struct vm_bo bo;

	begin(&bo, fd);
	region = vm_region(bo.dmabuf, 0, VM_GPA, SIZE / 2);
	igt_assert_eq(__vm_set_region(&bo.vm, &region), 0);
	vm_fill(&bo.vm, VM_GPA, SIZE / 2, 8, 1);

	changed = region;
	changed.guest_phys_addr += SIZE;
	igt_assert_eq(__vm_set_region(&bo.vm, &changed), -EINVAL);
	changed = region;
	changed.memory_size += PFN_PAGE_SIZE;
	igt_assert_eq(__vm_set_region(&bo.vm, &changed), -EINVAL);
	changed = region;
	changed.dmabuf_offset = PFN_PAGE_SIZE;
	igt_assert_eq(__vm_set_region(&bo.vm, &changed), -EINVAL);
	changed = region;
	changed.dmabuf_fd = other;
	igt_assert_eq(__vm_set_region(&bo.vm, &changed), -EINVAL);
	changed.flags |= KVM_MEM_LOG_DIRTY_PAGES;
	igt_assert_eq(__vm_set_region(&bo.vm, &changed), -EINVAL);
	changed.dmabuf_fd = -1;
	igt_assert_eq(__vm_set_region(&bo.vm, &changed), -EINVAL);
	changed = region;
	changed.flags |= KVM_MEM_READONLY;
	igt_assert_eq(__vm_set_region(&bo.vm, &changed), -EINVAL);
	changed = region;
	changed.flags = 0;
	igt_assert_eq(__vm_set_region(&bo.vm, &changed), -EINVAL);
	changed.userspace_addr = (uintptr_t)bo.vm.ram;
	igt_assert_eq(__vm_set_region(&bo.vm, &changed), -EINVAL);

	/* Nothing changes. */
	igt_assert_eq(__vm_set_region(&bo.vm, &region), 0);

	/* A slot of RAM cannot become one of a buffer. */
	changed = vm_region(bo.dmabuf, 0, 0, VM_RAM_SIZE);
	changed.slot = 0;
	igt_assert_eq(__vm_set_region(&bo.vm, &changed), -EINVAL);
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, bo.handle).num_attachments, 1);
	vm_check(&bo.vm, VM_GPA, SIZE / 2, 8, 1);
	vm_unmap(&bo.vm);
	close(other);
	vgem_pfn_gem_close(fd, handle);
	end(&bo);
}

/* The exporter fails in a step. */
static void test_step(int fd)
{
	struct vm_bo bo;
	uint32_t value;
	int ret;

	begin(&bo, fd);
	igt_require_f(__vgem_pfn_fault_arm(fd, "attach", 1, 1) != -ENOENT,
		      "the kernel has no CONFIG_FAULT_INJECTION_DEBUG_FS\n");
	igt_assert_eq(try(&bo, vm_region(bo.dmabuf, 0, VM_GPA, SIZE)), -ENOMEM);
	igt_assert_eq(__vgem_pfn_fault_disarm(fd, "attach"), 0);

	vm_map(&bo.vm, bo.dmabuf, 0, VM_GPA, SIZE);
	vm_fill(&bo.vm, VM_GPA, SIZE, 8, 1);
	vgem_pfn_bo_move(fd, bo.handle, VGEM_PFN_TT);
	igt_assert_eq(__vgem_pfn_fault_arm(fd, "get_pfn", 1, 1), 0);
	ret = __vm_peek(&bo.vm.cpu[0], VM_GPA + SIZE / 2 + 8, &value);
	igt_assert_eq(__vgem_pfn_fault_disarm(fd, "get_pfn"), 0);
	vm_assert_memory_fault(&bo.vm.cpu[0], ret, VM_GPA + SIZE / 2);

	/* The access succeeds when it is repeated. */
	igt_assert_eq(__vm_run(&bo.vm.cpu[0]), 0);
	igt_assert_eq_u32(bo.vm.cpu[0].run->exit_reason, KVM_EXIT_HLT);
	vm_check(&bo.vm, VM_GPA, SIZE, 8, 1);
	vm_unmap(&bo.vm);
	end(&bo);
}

void kvm_bad_tests(int fd)
{
	igt_describe("Ranges that are unaligned, in use, or not inside the buffer fail.");
	igt_subtest("bad-range")
		test_range(fd);

	igt_describe("Invalid flags, addresses, slots and padding fail.");
	igt_subtest("bad-fields")
		test_fields(fd);

	igt_describe("Files that are no dma-buf or have no page frame numbers fail.");
	igt_subtest("bad-file")
		test_file(fd);

	igt_describe("A buffer that was exported read-only fails.");
	igt_subtest("bad-mode")
		test_mode(fd);

	igt_describe("A slot cannot be changed, except that logging is switched.");
	igt_subtest("bad-change")
		test_change(fd);

	igt_describe("A failure of the exporter is reported. The request can be repeated.");
	igt_subtest("bad-step")
		test_step(fd);
}
