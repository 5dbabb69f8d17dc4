// SPDX-License-Identifier: MIT
/* Subtests of invalid requests: each fails with its errno and leaves nothing behind. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/resource.h>

#include "igt.h"
#include "iommufd.h"
#include "pfn_fault.h"

#define SIZE	(64 * KiB)

static struct iommufd_bo begin(int fd)
{
	return iommufd_bo_create(fd, SIZE, VGEM_PFN_CARVEOUT, 1);
}

/* Assert that nothing is attached, and that the buffer can be mapped. */
static void end(struct iommufd_bo *b)
{
	iommufd_assert_unused(b->fd, b->handle);
	iommufd_map(&b->iommu, b->dmabuf, 0, SIZE);
	iommufd_bo_destroy(b);
}

static void test_range(int fd)
{
	static const struct {
		uint64_t start;
		uint64_t length;
		int ret;
	} bad[] = {
		{ 0, 0, -EINVAL },
		{ SIZE, 0, -EINVAL },
		{ SIZE, PFN_PAGE_SIZE, -EINVAL },
		{ 0, SIZE + PFN_PAGE_SIZE, -EINVAL },
		{ PFN_PAGE_SIZE, SIZE, -EINVAL },
		{ 1ULL << 62, PFN_PAGE_SIZE, -EINVAL },
		{ UINT64_MAX, 2 * PFN_PAGE_SIZE, -EOVERFLOW },
		{ 0, UINT64_MAX, -EOVERFLOW },
		{ 1, PFN_PAGE_SIZE, -EINVAL },
		{ 0, PFN_PAGE_SIZE + 1, -EINVAL },
		{ 0, MOCK_PAGE_SIZE / 2, -EINVAL },
	};
	struct iommufd_bo b = begin(fd);
	uint64_t iova = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		igt_assert_f(__iommufd_map(&b.iommu, b.dmabuf, bad[i].start,
					   bad[i].length, MAP_RW, &iova) ==
			     bad[i].ret, "range %zu\n", i);
	end(&b);
}

static void test_iova(int fd)
{
	const uint32_t fixed = IOMMU_IOAS_MAP_FIXED_IOVA | MAP_RW;
	struct iommufd_bo b = begin(fd);
	uint64_t iova;

	iova = MOCK_APERTURE_START + MOCK_PAGE_SIZE / 2;
	igt_assert_eq(__iommufd_map(&b.iommu, b.dmabuf, 0, SIZE, fixed, &iova),
		      -EINVAL);
	iova = MOCK_APERTURE_START - PFN_PAGE_SIZE;
	igt_assert_eq(__iommufd_map(&b.iommu, b.dmabuf, 0, SIZE, fixed, &iova),
		      -EINVAL);
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, b.handle).pin_count, 0);

	iova = MOCK_APERTURE_START;
	igt_assert_eq(__iommufd_map(&b.iommu, b.dmabuf, 0, SIZE, fixed, &iova), 0);
	iova += SIZE / 2;
	igt_assert_eq(__iommufd_map(&b.iommu, b.dmabuf, 0, SIZE, fixed, &iova),
		      -EEXIST);
	igt_assert_eq(__iommufd_unmap(&b.iommu, iova, SIZE / 2), -ENOENT);
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, b.handle).pin_count, 1);
	iommufd_unmap(&b.iommu, MOCK_APERTURE_START, SIZE);
	igt_assert_eq(__iommufd_unmap(&b.iommu, MOCK_APERTURE_START, SIZE),
		      -ENOENT);
	end(&b);
}

static void test_file(int fd)
{
	int vgem = __drm_open_driver(DRIVER_VGEM), other;
	struct iommufd_bo b = begin(fd);
	uint64_t iova = 0;

	igt_require_f(vgem >= 0, "no vgem\n");
	igt_assert_eq(__iommufd_map(&b.iommu, -1, 0, SIZE, MAP_RW, &iova), -EBADF);
	other = open("/dev/null", O_RDWR | O_CLOEXEC);
	igt_assert_eq(__iommufd_map(&b.iommu, other, 0, SIZE, MAP_RW, &iova),
		      -EINVAL);
	close(other);

	other = pfn_export_dumb(vgem, SIZE);
	igt_assert_eq(__iommufd_map(&b.iommu, other, 0, SIZE, MAP_RW, &iova),
		      -EOPNOTSUPP);
	igt_assert_eq(__iommufd_map(&b.iommu, other, 0, SIZE + MiB, MAP_RW, &iova),
		      -EINVAL);
	close(other);
	close(vgem);
	end(&b);
}

static void test_mode(int fd)
{
	struct iommufd_bo b = begin(fd);
	int dmabuf;
	uint64_t iova = 0;
	uint32_t handle;

	handle = iommufd_buffer(fd, SIZE, VGEM_PFN_CARVEOUT, 2);
	dmabuf = vgem_pfn_export_ro(fd, handle);
	igt_assert_eq(__iommufd_map(&b.iommu, dmabuf, 0, SIZE, MAP_RW, &iova),
		      -EACCES);
	igt_assert_eq(__iommufd_map(&b.iommu, dmabuf, 0, SIZE,
				    IOMMU_IOAS_MAP_WRITEABLE, &iova), -EACCES);
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, handle).num_attachments, 0);
	igt_assert_eq(__iommufd_map(&b.iommu, dmabuf, 0, SIZE, MAP_READ, &iova), 0);
	iommufd_assert_truth(&b.iommu, iova, fd, handle, 0, SIZE);
	iommufd_unmap(&b.iommu, iova, SIZE);
	close(dmabuf);
	vgem_pfn_gem_close(fd, handle);
	end(&b);
}

static void test_flags(int fd)
{
	struct iommufd_bo b = begin(fd);
	uint64_t iova = 0;

	igt_assert_eq(__iommufd_map(&b.iommu, b.dmabuf, 0, SIZE, MAP_RW | 1 << 3,
				    &iova), -EOPNOTSUPP);
	igt_assert_eq(__iommufd_map(&b.iommu, b.dmabuf, 0, SIZE, 0, &iova),
		      -EINVAL);
	b.iommu.ioas += 1000;
	igt_assert_eq(__iommufd_map(&b.iommu, b.dmabuf, 0, SIZE, MAP_RW, &iova),
		      -ENOENT);
	b.iommu.ioas -= 1000;
	end(&b);
}

static void test_limit(int fd)
{
	struct drm_vgem_pfn_region region = vgem_pfn_region(fd, VGEM_PFN_CARVEOUT);
	const struct rlimit limit = { SIZE * 3 / 2, SIZE * 3 / 2 };
	struct iommufd_bo b = begin(fd);

	igt_require_f(region.type != DRM_VGEM_PFN_REGION_TYPE_BAR,
		      "device memory is not limited\n");
	igt_fork(child, 1) {
		struct iommufd iommu = iommufd_open();
		uint64_t iova, other = 0;

		igt_assert_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
		vgem_pfn_drop_cap(CAP_IPC_LOCK);
		iova = iommufd_map(&iommu, b.dmabuf, 0, SIZE);
		igt_assert_eq(__iommufd_map(&iommu, b.dmabuf, 0, SIZE, MAP_RW,
					    &other), -ENOMEM);
		igt_assert_eq_u32(vgem_pfn_bo_query(fd, b.handle).pin_count, 1);
		iommufd_map(&iommu, b.dmabuf, 0, SIZE / 2);
		iommufd_unmap(&iommu, iova, SIZE);
		iommufd_map(&iommu, b.dmabuf, 0, SIZE);
		iommufd_close(&iommu);
	}
	igt_waitchildren();
	end(&b);
}

static void test_step(int fd)
{
	static const struct {
		const char *step;
		int ret;
	} steps[] = {
		{ "attach", -ENOMEM },
		{ "pin", -ENOSPC },
		{ "get_pfn", -EIO },
	};
	struct iommufd_bo b = begin(fd);
	uint64_t iova = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		igt_require_f(__vgem_pfn_fault_arm(fd, steps[i].step, 1, 1) != -ENOENT,
			      "the kernel has no CONFIG_FAULT_INJECTION_DEBUG_FS\n");
		igt_assert_f(__iommufd_map(&b.iommu, b.dmabuf, 0, SIZE, MAP_RW,
					   &iova) == steps[i].ret,
			     "%s\n", steps[i].step);
		igt_assert_eq(__vgem_pfn_fault_disarm(fd, steps[i].step), 0);
		iommufd_assert_unused(fd, b.handle);
	}
	end(&b);
}

void iommufd_bad_tests(int fd)
{
	igt_describe("Ranges that are empty, unaligned, or not inside the buffer fail.");
	igt_subtest("bad-range")
		test_range(fd);

	igt_describe("IOVA that are unaligned, in use, outside or not mapped fail.");
	igt_subtest("bad-iova")
		test_iova(fd);

	igt_describe("Files that are no dma-buf or have no page frame numbers fail.");
	igt_subtest("bad-file")
		test_file(fd);

	igt_describe("A read-only buffer cannot be mapped for writing.");
	igt_subtest("bad-mode")
		test_mode(fd);

	igt_describe("RAM beyond RLIMIT_MEMLOCK is not mapped.");
	igt_subtest("bad-limit")
		test_limit(fd);

	igt_describe("Invalid flags and address spaces fail.");
	igt_subtest("bad-flags")
		test_flags(fd);

	igt_describe("An exporter's failure is returned, and nothing is left.");
	igt_subtest("bad-step")
		test_step(fd);
}
