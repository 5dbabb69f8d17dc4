// SPDX-License-Identifier: MIT
/*
 * Subtests of buffers whose contents are still being copied when they are mapped: the
 * call returns when the copy is complete, or when a signal arrives. vgem_pfn itself
 * waits when it pins; exporters that do not are in the kernel's own selftest of IOMMUFD.
 */
#include <errno.h>
#include <signal.h>

#include "igt.h"
#include "iommufd.h"

#define SIZE	(64 * KiB)

/* A thread that maps a buffer whose copy to system memory does not begin */
struct mapper {
	struct iommufd iommu;
	int fd;
	uint32_t handle;
	int dmabuf;
	uint64_t iova;
	int ret;
	struct pfn_hold hold;
	struct pfn_thread thread;
};

static void mapper_run(void *arg)
{
	struct mapper *m = arg;

	m->ret = __iommufd_map(&m->iommu, m->dmabuf, 0, SIZE, MAP_RW, &m->iova);
}

static void mapper_start(struct mapper *m, int fd)
{
	struct drm_vgem_pfn_bo_move move = {
		.flags = DRM_VGEM_PFN_MOVE_ASYNC,
		.region = VGEM_PFN_SYSTEM,
	};

	*m = (struct mapper) { .iommu = iommufd_open(), .fd = fd };
	m->handle = iommufd_buffer(fd, SIZE, VGEM_PFN_CARVEOUT, 1);
	m->dmabuf = vgem_pfn_export(fd, m->handle);
	move.handle = m->handle;
	pfn_hold_begin(&m->hold);
	pfn_hold_dmabuf(&m->hold, m->dmabuf);
	igt_assert_eq(__vgem_pfn_ioctl(fd, DRM_IOCTL_VGEM_PFN_BO_MOVE, &move), 0);
	pfn_thread_start(&m->thread, mapper_run, m);
	pfn_hold_assert(&m->hold, pfn_thread_asleep(&m->thread));
}

static void mapper_end(struct mapper *m)
{
	close(m->dmabuf);
	vgem_pfn_gem_close(m->fd, m->handle);
	iommufd_close(&m->iommu);
}

/*
 * SUBTEST: fence
 * Description: a buffer that is being moved is mapped when its contents are in place
 */
static void test_fence(int fd)
{
	struct mapper m;

	mapper_start(&m, fd);
	pfn_hold_end(&m.hold);
	pfn_thread_join(&m.thread);
	igt_assert_eq(m.ret, 0);
	iommufd_check(&m.iommu, m.iova, SIZE, 1);
	iommufd_assert_truth(&m.iommu, m.iova, fd, m.handle, 0, SIZE);
	mapper_end(&m);
}

static void handler(int sig)
{
}

/*
 * SUBTEST: fence-interrupted
 * Description: a signal ends the wait, and the buffer is not pinned then
 */
static void test_interrupted(int fd)
{
	struct sigaction act = { .sa_handler = handler };
	struct mapper m;

	igt_assert_eq(sigaction(SIGUSR1, &act, NULL), 0);
	mapper_start(&m, fd);
	igt_assert_eq(pthread_kill(m.thread.thread, SIGUSR1), 0);
	pfn_thread_join(&m.thread);
	pfn_hold_assert(&m.hold, m.ret == -EINTR);
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, m.handle).pin_count, 0);
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, m.handle).num_attachments, 0);
	pfn_hold_end(&m.hold);

	/* Nothing is left in the way of another attempt. */
	mapper_run(&m);
	igt_assert_eq(m.ret, 0);
	iommufd_check(&m.iommu, m.iova, SIZE, 1);
	mapper_end(&m);
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
