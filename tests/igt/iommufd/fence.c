// SPDX-License-Identifier: MIT
/*
 * Subtests of buffers whose contents are still being copied when they are mapped: the
 * call returns when the copy is complete, or when a signal arrives. vgem_pfn waits when
 * it pins; the kernel's selftest of IOMMUFD tests exporters that do not wait.
 */
#include <errno.h>

#include "igt.h"
#include "iommufd.h"

#define SIZE	(64 * KiB)

/* A thread that maps a buffer whose copy to system memory does not begin before @hold ends */
struct mapper {
	struct iommufd_bo bo;
	uint64_t iova;
	int ret;
	struct pfn_hold hold;
	struct pfn_thread thread;
};

static void mapper_run(void *arg)
{
	struct mapper *m = arg;

	m->ret = __iommufd_map(&m->bo.iommu, m->bo.dmabuf, 0, SIZE, MAP_RW, &m->iova);
}

static void mapper_start(struct mapper *m, int fd)
{
	*m = (struct mapper) {
		.bo = iommufd_bo_create(fd, SIZE, VGEM_PFN_CARVEOUT, 1),
	};
	pfn_hold_begin(&m->hold);
	pfn_hold_dmabuf(&m->hold, m->bo.dmabuf);
	igt_assert_eq(__vgem_pfn_bo_move_async(fd, m->bo.handle, VGEM_PFN_SYSTEM, 0), 0);
	pfn_thread_start(&m->thread, mapper_run, m);
	pfn_hold_assert(&m->hold, pfn_thread_asleep(&m->thread));
}

static void test_fence(int fd)
{
	struct mapper m;

	mapper_start(&m, fd);
	pfn_hold_end(&m.hold);
	pfn_thread_join(&m.thread);
	igt_assert_eq(m.ret, 0);
	iommufd_check(&m.bo.iommu, m.iova, SIZE, 1);
	iommufd_assert_truth(&m.bo.iommu, m.iova, fd, m.bo.handle, 0, SIZE);
	iommufd_bo_destroy(&m.bo);
}

static void test_interrupted(int fd)
{
	struct mapper m;

	mapper_start(&m, fd);
	pfn_thread_signal(&m.thread);
	pfn_thread_join(&m.thread);
	pfn_hold_assert(&m.hold, m.ret == -EINTR);
	iommufd_assert_unused(fd, m.bo.handle);
	pfn_hold_end(&m.hold);

	/* Another attempt succeeds. */
	mapper_run(&m);
	igt_assert_eq(m.ret, 0);
	iommufd_check(&m.bo.iommu, m.iova, SIZE, 1);
	iommufd_bo_destroy(&m.bo);
}

void iommufd_fence_tests(int fd)
{
	igt_describe("A buffer is mapped when its contents are in place.");
	igt_subtest("fence")
		test_fence(fd);

	igt_describe("A signal ends the wait, and nothing stays pinned.");
	igt_subtest("fence-interrupted")
		test_interrupted(fd);
}
