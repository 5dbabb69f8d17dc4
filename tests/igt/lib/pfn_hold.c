// SPDX-License-Identifier: MIT
#include <sys/syscall.h>

#include "dmabuf_sync_file.h"
#include "igt.h"
#include "igt_vgem.h"
#include "pfn_hold.h"
#include "vgem_pfn.h"

static void release(struct pfn_hold *hold)
{
	/* Fails with -ETIMEDOUT if the fence has signaled by itself. */
	__vgem_fence_signal(hold->vgem, hold->fence);
}

void pfn_hold_begin(struct pfn_hold *hold)
{
	struct vgem_bo bo = { .width = 1024, .height = 1, .bpp = 32 };
	int dmabuf;

	*hold = (struct pfn_hold) { .vgem = __drm_open_driver(DRIVER_VGEM) };
	igt_require_f(hold->vgem >= 0, "no vgem\n");
	vgem_create(hold->vgem, &bo);
	hold->fence = vgem_fence_attach(hold->vgem, &bo, VGEM_FENCE_WRITE);

	dmabuf = __vgem_pfn_handle_to_fd(hold->vgem, bo.handle, DRM_CLOEXEC);
	igt_assert_fd(dmabuf);
	hold->sync_file = dmabuf_export_sync_file(dmabuf, DMA_BUF_SYNC_READ);
	close(dmabuf);
	vgem_pfn_gem_close(hold->vgem, bo.handle);
}

void pfn_hold_dmabuf(struct pfn_hold *hold, int dmabuf)
{
	dmabuf_import_sync_file(dmabuf, DMA_BUF_SYNC_READ, hold->sync_file);
}

void pfn_hold_bo(struct pfn_hold *hold, int fd, uint32_t handle)
{
	int dmabuf = vgem_pfn_export(fd, handle);

	pfn_hold_dmabuf(hold, dmabuf);
	close(dmabuf);
}

bool pfn_hold_pending(const struct pfn_hold *hold)
{
	return sync_file_busy(hold->sync_file);
}

void pfn_hold_end(struct pfn_hold *hold)
{
	if (hold->waiter)
		pfn_thread_join(&hold->releaser);
	else
		release(hold);
	close(hold->sync_file);
	close(hold->vgem);
}

static void releaser_run(void *arg)
{
	struct pfn_hold *hold = arg;

	pfn_wait_asleep(hold->waiter);
	release(hold);
}

void pfn_hold_until_asleep(struct pfn_hold *hold)
{
	hold->waiter = syscall(SYS_gettid);
	pfn_thread_start(&hold->releaser, releaser_run, hold);
}
