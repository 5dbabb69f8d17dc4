// SPDX-License-Identifier: MIT
#include <sys/syscall.h>

#include "igt.h"
#include "pfn_hold.h"
#include "pfn_syncobj.h"
#include "vgem_pfn.h"

/* From the kernel's vgem_drm.h, which no distribution packages */
struct vgem_attach {
	uint32_t handle;
	uint32_t flags;
	uint32_t out_fence;
	uint32_t pad;
};

struct vgem_signal {
	uint32_t fence;
	uint32_t flags;
};

#define VGEM_ATTACH	DRM_IOWR(DRM_COMMAND_BASE + 1, struct vgem_attach)
#define VGEM_SIGNAL	DRM_IOW(DRM_COMMAND_BASE + 2, struct vgem_signal)
#define VGEM_WRITE	0x1

static void release(struct pfn_hold *hold)
{
	struct vgem_signal signal = { .fence = hold->fence };

	/* Fails with -ETIMEDOUT if the fence has signaled by itself. */
	ioctl(hold->vgem, VGEM_SIGNAL, &signal);
}

void pfn_hold_begin(struct pfn_hold *hold)
{
	struct drm_mode_create_dumb dumb = { .width = 1024, .height = 1, .bpp = 32 };
	struct vgem_attach attach = { .flags = VGEM_WRITE };
	int dmabuf;

	*hold = (struct pfn_hold) { .vgem = pfn_open_driver("vgem", "card") };
	igt_assert_eq(ioctl(hold->vgem, DRM_IOCTL_MODE_CREATE_DUMB, &dumb), 0);
	attach.handle = dumb.handle;
	igt_assert_eq(ioctl(hold->vgem, VGEM_ATTACH, &attach), 0);
	hold->fence = attach.out_fence;

	dmabuf = __vgem_pfn_handle_to_fd(hold->vgem, dumb.handle, DRM_CLOEXEC);
	igt_assert_fd(dmabuf);
	hold->sync_file = __dmabuf_sync_file(dmabuf, DMA_BUF_SYNC_READ);
	igt_assert_fd(hold->sync_file);
	close(dmabuf);
	vgem_pfn_gem_close(hold->vgem, dumb.handle);
}

void pfn_hold_dmabuf(struct pfn_hold *hold, int dmabuf)
{
	igt_assert_eq(__dmabuf_add_sync_file(dmabuf, hold->sync_file,
					     DMA_BUF_SYNC_READ), 0);
}

void pfn_hold_bo(struct pfn_hold *hold, int fd, uint32_t handle)
{
	int dmabuf = vgem_pfn_export(fd, handle);

	pfn_hold_dmabuf(hold, dmabuf);
	close(dmabuf);
}

bool pfn_hold_pending(const struct pfn_hold *hold)
{
	return !__sync_file_wait(hold->sync_file, 0);
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
