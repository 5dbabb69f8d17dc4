// SPDX-License-Identifier: MIT
/* Subtests of imports that must fail, and of failures of the exporter */
#include <errno.h>
#include <fcntl.h>

#include "igt.h"
#include "pfn_fault.h"
#include "pfn_pci.h"
#include "umem.h"

static void test_bad(int fd)
{
	struct umem_bo bo = umem_bo_create(fd, VGEM_PFN_CARVEOUT);
	int file = open("/dev/null", O_RDWR | O_CLOEXEC);
	const struct {
		int dmabuf;
		uint64_t offset;
		uint64_t length;
		int error;
	} bad[] = {
		{ bo.dmabuf, 0, 0, -EINVAL },
		{ bo.dmabuf, 0, UMEM_SIZE + 1, -EINVAL },
		{ bo.dmabuf, 1, UMEM_SIZE, -EINVAL },
		{ bo.dmabuf, UMEM_SIZE, 0, -EINVAL },
		{ bo.dmabuf, UMEM_SIZE, 1, -EINVAL },
		{ bo.dmabuf, UINT64_MAX, 1, -EINVAL },
		{ bo.dmabuf, UINT64_MAX - 10, UMEM_SIZE, -EINVAL },
		{ bo.dmabuf, PFN_PAGE_SIZE, UINT64_MAX, -EINVAL },
		{ file, 0, PFN_PAGE_SIZE, -EINVAL },
		{ -1, 0, PFN_PAGE_SIZE, -EBADF },
	};
	uint32_t mode;
	unsigned int i;

	for (mode = 0; mode < NUM_MODES; mode++)
		for (i = 0; i < ARRAY_SIZE(bad); i++)
			igt_assert_eq(__umem_import(bad[i].dmabuf, mode, bad[i].offset,
						    bad[i].length), bad[i].error);
	igt_assert_eq(__umem_import(bo.dmabuf, NUM_MODES, 0, PFN_PAGE_SIZE), -EINVAL);
	close(file);
	umem_bo_destroy(&bo);
}

static void test_faults(int fd)
{
	static const struct {
		const char *step;
		int error;
	} steps[] = {
		{ "attach", -ENOMEM },
		{ "pin", -ENOSPC },
		{ "map", -EIO },
	};
	struct umem_bo bo = umem_bo_create(fd, VGEM_PFN_CARVEOUT);
	uint32_t mode;
	unsigned int i;

	for (mode = DMA_BUF_UMEM_PINNED; mode < NUM_MODES; mode++) {
		for (i = 0; i < ARRAY_SIZE(steps); i++) {
			igt_require_f(!__vgem_pfn_fault_arm(fd, steps[i].step, 1, 1),
				      "the kernel needs fault injection\n");
			igt_assert_eq(__umem_import(bo.dmabuf, mode, 0, UMEM_SIZE),
				      steps[i].error);
			igt_assert_eq(__vgem_pfn_fault_disarm(fd, steps[i].step), 0);
			igt_assert_eq_u32(vgem_pfn_bo_query(fd, bo.handle).pin_count, 0);
			igt_assert_eq_u32(vgem_pfn_bo_query(fd, bo.handle).num_attachments, 0);
		}
	}
	umem_bo_destroy(&bo);
}

/* A device that needs bounce buffers */
static void test_swiotlb(int fd, uint32_t region)
{
	struct umem_bo bo = umem_bo_create(fd, region);
	uint32_t mode;
	int umem;

	for (mode = 0; mode < NUM_MODES; mode++) {
		umem = __umem_import(bo.dmabuf, mode, 0, UMEM_SIZE);
		if (mode == DMA_BUF_UMEM_DYNAMIC) {
			igt_assert_fd(umem);
			igt_assert_eq(__umem_map(umem), -EIO);
			umem_assert_unmapped(umem);
			close(umem);
		} else {
			igt_assert_eq(umem, -EIO);
		}
		igt_assert_eq_u32(vgem_pfn_bo_query(fd, bo.handle).pin_count, 0);
	}
	umem_bo_destroy(&bo);
}

void umem_bad_tests(int fd)
{
	igt_describe("Parts that are not inside the buffer, and other files, are refused.");
	igt_subtest("bad")
		test_bad(fd);

	igt_describe("A failure of the exporter leaves nothing behind.");
	igt_subtest("faults")
		test_faults(fd);

	igt_describe("A device that needs bounce buffers cannot map a buffer.");
	igt_subtest("swiotlb") {
		pfn_require_kernel_param("swiotlb=force");
		pfn_each_carveout(fd, test_swiotlb);
	}
}
