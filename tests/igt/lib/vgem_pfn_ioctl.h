/* SPDX-License-Identifier: MIT */
/*
 * The ioctls of vgem_pfn and the DRM ioctls used with it, for the tests' asserting
 * wrappers (vgem_pfn.h) and for other programs. Needs neither IGT nor a library.
 *
 * Every function returns 0 or a file descriptor on success and -errno on failure. None
 * restarts an interrupted call.
 */
#ifndef VGEM_PFN_IOCTL_H
#define VGEM_PFN_IOCTL_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <drm/vgem_pfn_drm.h>

#include "pfn_debugfs.h"

/*
 * Identifiers of SYSTEM, TT and the first carveout; other carveouts have the next ones.
 * The uAPI does not define them. The tests do, for constant tables, and
 * __vgem_pfn_check_regions() checks them for each device that a test opens.
 */
#define VGEM_PFN_SYSTEM		0
#define VGEM_PFN_TT		1
#define VGEM_PFN_CARVEOUT	2

static inline int __vgem_pfn_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

static inline int __drm_is_driver(int fd, const char *driver)
{
	char name[32] = "";
	struct drm_version version = {
		.name = name,
		.name_len = sizeof(name) - 1,
	};

	return !__vgem_pfn_ioctl(fd, DRM_IOCTL_VERSION, &version) &&
	       !strcmp(name, driver);
}

/*
 * Open the first device in /dev/dri whose driver has this name. @node is the kind of
 * node, "card" or "renderD". Returns -ENODEV if there is none.
 */
static inline int __drm_open_by_name(const char *driver, const char *node)
{
	struct dirent **entries;
	int i, n, fd = -ENODEV;

	n = scandir("/dev/dri", &entries, NULL, alphasort);
	if (n < 0)
		return -ENODEV;

	for (i = 0; i < n; i++) {
		char path[300];

		snprintf(path, sizeof(path), "/dev/dri/%s", entries[i]->d_name);
		if (fd < 0 &&
		    !strncmp(entries[i]->d_name, node, strlen(node))) {
			fd = open(path, O_RDWR | O_CLOEXEC);
			if (fd >= 0 && !__drm_is_driver(fd, driver)) {
				close(fd);
				fd = -ENODEV;
			} else if (fd < 0) {
				fd = -ENODEV;
			}
		}
		free(entries[i]);
	}
	free(entries);

	return fd;
}

static inline int __vgem_pfn_bo_create_flags(int fd, uint64_t *size,
					     const uint32_t *placements,
					     uint32_t num_placements,
					     uint32_t flags, uint32_t *handle)
{
	struct drm_vgem_pfn_bo_create arg = {
		.size = *size,
		.placements = (uintptr_t)placements,
		.num_placements = num_placements,
		.flags = flags,
	};
	int ret;

	ret = __vgem_pfn_ioctl(fd, DRM_IOCTL_VGEM_PFN_BO_CREATE, &arg);
	if (ret)
		return ret;

	*size = arg.size;
	*handle = arg.handle;
	return 0;
}

static inline int __vgem_pfn_bo_create(int fd, uint64_t *size,
				       const uint32_t *placements,
				       uint32_t num_placements,
				       uint32_t *handle)
{
	return __vgem_pfn_bo_create_flags(fd, size, placements, num_placements,
					  0, handle);
}

static inline int __vgem_pfn_bo_mmap_offset(int fd, uint32_t handle,
					    uint64_t *offset)
{
	struct drm_vgem_pfn_bo_mmap_offset arg = { .handle = handle };
	int ret;

	ret = __vgem_pfn_ioctl(fd, DRM_IOCTL_VGEM_PFN_BO_MMAP_OFFSET, &arg);
	*offset = arg.offset;
	return ret;
}

static inline int __vgem_pfn_bo_query(int fd, uint32_t handle,
				      struct drm_vgem_pfn_bo_query *query)
{
	memset(query, 0, sizeof(*query));
	query->handle = handle;
	return __vgem_pfn_ioctl(fd, DRM_IOCTL_VGEM_PFN_BO_QUERY, query);
}

static inline int __vgem_pfn_bo_move(int fd, uint32_t handle, uint32_t region)
{
	struct drm_vgem_pfn_bo_move arg = {
		.handle = handle,
		.region = region,
	};

	return __vgem_pfn_ioctl(fd, DRM_IOCTL_VGEM_PFN_BO_MOVE, &arg);
}

/*
 * Move without waiting for the copy. @out_syncobj receives the fence of the copy, and may
 * be zero.
 */
static inline int __vgem_pfn_bo_move_async(int fd, uint32_t handle, uint32_t region,
					   uint32_t out_syncobj)
{
	struct drm_vgem_pfn_bo_move arg = {
		.handle = handle,
		.flags = DRM_VGEM_PFN_MOVE_ASYNC,
		.region = region,
		.out_syncobj = out_syncobj,
	};

	return __vgem_pfn_ioctl(fd, DRM_IOCTL_VGEM_PFN_BO_MOVE, &arg);
}

/* In: *@num is the size of @regions. Out: the device's number of regions. */
static inline int __vgem_pfn_regions(int fd,
				     struct drm_vgem_pfn_region *regions,
				     uint32_t *num)
{
	struct drm_vgem_pfn_regions arg = {
		.num_regions = *num,
		.regions = (uintptr_t)regions,
	};
	int ret;

	ret = __vgem_pfn_ioctl(fd, DRM_IOCTL_VGEM_PFN_REGIONS, &arg);
	*num = arg.num_regions;
	return ret;
}

/* Returns -EPROTO if identifiers differ from the constants above. @why: the reason */
static inline int __vgem_pfn_check_regions(int fd, char *why, size_t size)
{
	struct drm_vgem_pfn_region regions[DRM_VGEM_PFN_MAX_REGIONS];
	uint32_t i, num = DRM_VGEM_PFN_MAX_REGIONS;
	int ret;

	ret = __vgem_pfn_regions(fd, regions, &num);
	if (ret) {
		snprintf(why, size, "REGIONS: %s", strerror(-ret));
		return ret;
	}

	for (i = 0; i < num; i++) {
		uint32_t type = regions[i].type;
		bool right = i == VGEM_PFN_SYSTEM ? type == DRM_VGEM_PFN_REGION_TYPE_SYSTEM :
			     i == VGEM_PFN_TT ? type == DRM_VGEM_PFN_REGION_TYPE_TT :
						type >= DRM_VGEM_PFN_REGION_TYPE_CONTIG;

		if (right && regions[i].id == i)
			continue;
		snprintf(why, size,
			 "region \"%s\" has id %u, type %u; want SYSTEM %u, TT %u, carveouts from %u",
			 regions[i].name, regions[i].id, type, VGEM_PFN_SYSTEM,
			 VGEM_PFN_TT, VGEM_PFN_CARVEOUT);
		return -EPROTO;
	}
	if (num > VGEM_PFN_CARVEOUT)
		return 0;
	snprintf(why, size, "%u regions: there is no carveout", num);
	return -EPROTO;
}

static inline int __vgem_pfn_gem_close(int fd, uint32_t handle)
{
	struct drm_gem_close arg = { .handle = handle };

	return __vgem_pfn_ioctl(fd, DRM_IOCTL_GEM_CLOSE, &arg);
}

static inline int __vgem_pfn_handle_to_fd(int fd, uint32_t handle,
					  uint32_t flags)
{
	struct drm_prime_handle arg = {
		.handle = handle,
		.flags = flags,
		.fd = -1,
	};

	return __vgem_pfn_ioctl(fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &arg) ?:
	       arg.fd;
}

static inline int __vgem_pfn_fd_to_handle(int fd, int dmabuf,
					  uint32_t *handle)
{
	struct drm_prime_handle arg = { .fd = dmabuf };
	int ret;

	ret = __vgem_pfn_ioctl(fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &arg);
	*handle = arg.handle;
	return ret;
}

/* Map a buffer through the DRM fd. Returns NULL on failure, with errno set. */
static inline void *__vgem_pfn_bo_mmap(int fd, uint32_t handle, size_t size,
				       int prot)
{
	uint64_t offset;
	void *map;
	int ret;

	ret = __vgem_pfn_bo_mmap_offset(fd, handle, &offset);
	if (ret) {
		errno = -ret;
		return NULL;
	}

	map = mmap(NULL, size, prot, MAP_SHARED, fd, offset);
	return map == MAP_FAILED ? NULL : map;
}

/* Set a knob in the debugfs directory of @fd's device. */
static inline int __vgem_pfn_set(int fd, const char *knob, uint32_t value)
{
	struct stat st;
	char path[64];

	if (fstat(fd, &st))
		return -errno;

	snprintf(path, sizeof(path), "dri/%u/%s", minor(st.st_rdev), knob);
	return __pfn_debugfs_set(path, value);
}

/* Open a file in the debugfs directory of @fd's device. */
static inline int __vgem_pfn_debugfs_open(int fd, const char *name, int flags)
{
	struct stat st;
	char path[64];
	int file;

	if (fstat(fd, &st))
		return -errno;

	snprintf(path, sizeof(path), "/sys/kernel/debug/dri/%u/%s",
		 minor(st.st_rdev), name);
	file = open(path, flags | O_CLOEXEC);
	return file < 0 ? -errno : file;
}

/* In the debugfs file pfns: instead of the page frame number of a page without memory */
#define VGEM_PFN_NO_PFN		(~0ULL)

/*
 * The true page frame numbers of @count pages of a buffer from @first on, by the debugfs
 * file pfns. -ENOENT for a bad handle, -EINVAL for a bad range, and -EPERM without
 * CAP_SYS_ADMIN.
 */
static inline int __vgem_pfn_bo_pfns(int fd, uint32_t handle, uint64_t first,
				     uint64_t count, uint64_t *pfns)
{
	struct drm_vgem_pfn_bo_query query;
	size_t length, done;
	int file, ret;
	char text[72];
	ssize_t n;

	ret = __vgem_pfn_bo_query(fd, handle, &query);
	if (ret)
		return ret;
	file = __vgem_pfn_debugfs_open(fd, "pfns", O_RDWR);
	if (file < 0)
		return file;

	length = snprintf(text, sizeof(text), "%llu %llu %llu",
			  (unsigned long long)query.id, (unsigned long long)first,
			  (unsigned long long)count);
	if (write(file, text, length) != (ssize_t)length)
		ret = -errno;
	for (done = 0; !ret && done < count * sizeof(*pfns); done += n) {
		n = read(file, (char *)pfns + done, count * sizeof(*pfns) - done);
		if (n <= 0)
			ret = n ? -errno : -ENODATA;
	}
	close(file);
	return ret;
}

/* What the debugfs file bo_stats has about a buffer; see vgem_pfn_debugfs.c */
struct vgem_pfn_bo_stats {
	uint64_t get_pfn;
	uint64_t maps;
	uint64_t max_notify_ns;
	uint64_t last_copy_bytes;
	uint64_t last_copy_ns;
	uint64_t last_memcpy_ns;
};

/* Read the number after @name, like "id=", in a line of bo_stats; false without @name. */
static inline bool __vgem_pfn_stat(const char *line, const char *name, uint64_t *value)
{
	const char *at = strstr(line, name);

	if (at)
		*value = strtoull(at + strlen(name), NULL, 10);
	return at;
}

/* Reads a line for each buffer: loops should use BO_QUERY if its fields are enough. */
static inline int __vgem_pfn_bo_stats(int fd, uint32_t handle,
				      struct vgem_pfn_bo_stats *stats)
{
	struct drm_vgem_pfn_bo_query query;
	char line[256];
	int file, ret;
	FILE *stream;
	uint64_t id;

	memset(stats, 0, sizeof(*stats));
	ret = __vgem_pfn_bo_query(fd, handle, &query);
	if (ret)
		return ret;
	file = __vgem_pfn_debugfs_open(fd, "bo_stats", O_RDONLY);
	if (file < 0)
		return file;
	stream = fdopen(file, "r");
	if (!stream) {
		close(file);
		return -ENOMEM;
	}

	ret = -ENOENT;
	while (ret == -ENOENT && fgets(line, sizeof(line), stream)) {
		if (!__vgem_pfn_stat(line, "id=", &id))
			ret = -EBADMSG;
		else if (id == query.id)
			ret = __vgem_pfn_stat(line, "get_pfn=", &stats->get_pfn) &&
			      __vgem_pfn_stat(line, "maps=", &stats->maps) &&
			      __vgem_pfn_stat(line, "max_notify_ns=",
					      &stats->max_notify_ns) &&
			      __vgem_pfn_stat(line, "last_copy_bytes=",
					      &stats->last_copy_bytes) &&
			      __vgem_pfn_stat(line, "last_copy_ns=",
					      &stats->last_copy_ns) &&
			      __vgem_pfn_stat(line, "last_memcpy_ns=",
					      &stats->last_memcpy_ns) ? 0 : -EBADMSG;
	}
	if (ret == -ENOENT && ferror(stream))
		ret = -errno;
	fclose(stream);
	return ret;
}

/*
 * debugfs: delay of synchronous moves of @fd's device after the copy, with the
 * reservation lock held and before the buffer's placement changes
 */
static inline int __vgem_pfn_set_move_delay(int fd, uint32_t us)
{
	return __vgem_pfn_set(fd, "move_delay_us", us);
}

/*
 * debugfs: maximum order of blocks in carveouts with scattered memory, UINT32_MAX for
 * no limit. With a limit, no two blocks of a buffer are adjacent.
 */
static inline int __vgem_pfn_set_max_block_order(int fd, uint32_t order)
{
	return __vgem_pfn_set(fd, "max_block_order", order);
}

/* debugfs: how long memory of a carveout is quarantined after a buffer has left it */
static inline int __vgem_pfn_set_quarantine(int fd, uint32_t ms)
{
	return __vgem_pfn_set(fd, "quarantine_ms", ms);
}

/* debugfs: evict all buffers from the carveouts of @fd's device */
static inline int __vgem_pfn_evict_all_carveouts(int fd)
{
	return __vgem_pfn_set(fd, "evict_all", 1);
}

/* debugfs: whether new imports of @fd's device allow P2P */
static inline int __vgem_pfn_set_import_peer2peer(int fd, bool yes)
{
	return __vgem_pfn_set(fd, "import_peer2peer", yes);
}

#endif /* VGEM_PFN_IOCTL_H */
