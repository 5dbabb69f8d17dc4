/* SPDX-License-Identifier: MIT */
/*
 * DRM sync objects, and sync files of dma-bufs. Needs neither IGT nor a library.
 *
 * Every function returns 0 or a file descriptor on success and -errno on failure.
 */
#ifndef PFN_SYNCOBJ_H
#define PFN_SYNCOBJ_H

#include <errno.h>
#include <linux/dma-buf.h>
#include <poll.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <time.h>

#include <drm.h>

static inline int __syncobj_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

static inline int __syncobj_create(int fd, uint32_t *handle)
{
	struct drm_syncobj_create arg = {};
	int ret = __syncobj_ioctl(fd, DRM_IOCTL_SYNCOBJ_CREATE, &arg);

	*handle = arg.handle;
	return ret;
}

static inline int __syncobj_destroy(int fd, uint32_t handle)
{
	struct drm_syncobj_destroy arg = { .handle = handle };

	return __syncobj_ioctl(fd, DRM_IOCTL_SYNCOBJ_DESTROY, &arg);
}

/*
 * Wait for @point of a sync object, or for its fence if @point is zero. A negative @ms
 * means no timeout. Returns -ETIME on timeout, -EINVAL without a fence.
 */
static inline int __syncobj_wait(int fd, uint32_t handle, uint64_t point, int ms)
{
	struct drm_syncobj_timeline_wait arg = {
		.handles = (uintptr_t)&handle,
		.points = (uintptr_t)&point,
		.count_handles = 1,
		.timeout_nsec = INT64_MAX,
	};
	struct timespec now;

	if (ms >= 0) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		arg.timeout_nsec = now.tv_sec * 1000000000LL + now.tv_nsec +
				   ms * 1000000LL;
	}
	return __syncobj_ioctl(fd, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &arg);
}

/* Return a sync file with the fences that a reader (or a writer) has to wait for. */
static inline int __dmabuf_sync_file(int dmabuf, uint32_t flags)
{
	struct dma_buf_export_sync_file arg = { .flags = flags, .fd = -1 };
	int ret;

	ret = __syncobj_ioctl(dmabuf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &arg);
	return ret ?: arg.fd;
}

/* Make writers to the dma-buf (or readers) wait for a sync file's fence. */
static inline int __dmabuf_add_sync_file(int dmabuf, int sync_file, uint32_t flags)
{
	struct dma_buf_import_sync_file arg = { .flags = flags, .fd = sync_file };

	return __syncobj_ioctl(dmabuf, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &arg);
}

/* Returns 1 if the fence has signaled, 0 on timeout. */
static inline int __sync_file_wait(int sync_file, int ms)
{
	struct pollfd pollfd = { .fd = sync_file, .events = POLLIN };
	int ret = poll(&pollfd, 1, ms);

	return ret < 0 ? -errno : ret;
}

#endif /* PFN_SYNCOBJ_H */
