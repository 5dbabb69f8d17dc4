// SPDX-License-Identifier: MIT
/*
 * Actions that do not access contents: moves, imports, mappings, snapshots, unplug.
 * Each returns 0, or -errno if it was rejected for a reason that concurrent actions can
 * cause; any other error fails the scenario.
 */
#include <errno.h>
#include <sys/mman.h>

#include "igt.h"
#include "race.h"
#include "vgem_pfn_module.h"

/* Errors caused by other threads' pins, moves and signals */
static bool is_busy(int ret)
{
	return ret == -EBUSY || ret == -ENOSPC || ret == -ENOMEM || ret == -EINTR;
}

static int refused(struct race_thread *thread, const char *what, int ret)
{
	if (ret && !is_busy(ret))
		race_fail(thread->world, "%s by thread %u: %s", what,
			  thread->index, strerror(-ret));
	return ret;
}

static unsigned int buffer_of(const struct race_action *action)
{
	return action->import % RACE_BUFFERS;
}

static int do_move(struct race_thread *thread, const struct race_action *action)
{
	static const uint32_t regions[] = {
		VGEM_PFN_CARVEOUT, VGEM_PFN_CARVEOUT, VGEM_PFN_TT, VGEM_PFN_SYSTEM,
	};
	struct drm_vgem_pfn_bo_move arg = {
		.handle = race_handle(thread, buffer_of(action)),
		.region = regions[action->arg % 4],
		.flags = action->kind == RACE_MOVE_ASYNC ?
			 DRM_VGEM_PFN_MOVE_ASYNC : 0,
	};

	return refused(thread, race_kind_names[action->kind],
		       __vgem_pfn_ioctl(thread->fd, DRM_IOCTL_VGEM_PFN_BO_MOVE,
					&arg));
}

static int do_evict(struct race_thread *thread)
{
	return refused(thread, "evict",
		       __vgem_pfn_evict_all_carveouts(thread->fd));
}

static int do_overcommit(struct race_thread *thread,
			 const struct race_action *action)
{
	const uint32_t list = VGEM_PFN_CARVEOUT;
	uint64_t size = (64 + action->arg % 256) * KiB;
	uint32_t handle;
	int ret;

	ret = __vgem_pfn_bo_create(thread->fd, &size, &list, 1, &handle);
	if (!ret)
		ret = __vgem_pfn_gem_close(thread->fd, handle);
	return refused(thread, "overcommit", ret);
}

/* Open the slot's import, or a temporary one if it is open. */
static int do_attach(struct race_thread *thread, const struct race_action *action)
{
	struct race_import *import = &thread->world->imports[action->import];
	int fd;

	if (race_import_open(thread->world, import) != -EEXIST)
		return 0;

	fd = __pfn_import_flags(thread->world->setup->importer,
				import->buffer->dmabuf, import->flags, NULL);
	if (fd < 0)
		return refused(thread, "attach", fd);
	close(fd);
	return 0;
}

static int do_detach(struct race_thread *thread, const struct race_action *action)
{
	race_import_close(&thread->world->imports[action->import]);
	return 0;
}

/*
 * Import, read a word by device, and keep the import for a while. -EOPNOTSUPP is valid
 * if the buffer is pinned in memory that not all importers reach.
 */
static int hold(struct race_thread *thread, const struct race_action *action,
		uint32_t flags)
{
	struct race_world *world = thread->world;
	struct race_buffer *buffer = &world->buffers[buffer_of(action)];
	int fd, ret;

	fd = __pfn_import_flags(world->setup->importer, buffer->dmabuf, flags,
				NULL);
	if (fd == -EOPNOTSUPP)
		return fd;
	if (fd < 0)
		return refused(thread, race_kind_names[action->kind], fd);

	ret = race_check(thread, buffer, action->page % buffer->pages,
			 thread->index, race_dev_word, (void *)(intptr_t)fd,
			 flags & DMA_BUF_PFN_IMPORT_STATIC ?
			 "read of a static import" : "read of a pinned import");
	usleep(action->arg >> 2 & 511);
	close(fd);
	return ret == -EOPNOTSUPP ? ret :
	       refused(thread, race_kind_names[action->kind], ret);
}

static int do_pin(struct race_thread *thread, const struct race_action *action)
{
	uint32_t flags = DMA_BUF_PFN_IMPORT_PIN;

	/* Only revocable imports can use P2P with a BAR. */
	if (action->arg & 1)
		flags |= DMA_BUF_PFN_IMPORT_REVOCABLE;
	if (action->arg & 2)
		flags |= DMA_BUF_PFN_IMPORT_P2P;
	return hold(thread, action, flags);
}

static int do_close(struct race_thread *thread, const struct race_action *action)
{
	unsigned int i = buffer_of(action);
	uint32_t handle = race_handle(thread, i);

	thread->handles[i] = 0;
	return refused(thread, "close", __vgem_pfn_gem_close(thread->fd, handle));
}

static int do_mmap(struct race_thread *thread, const struct race_action *action)
{
	return race_import_map(&thread->world->imports[action->import]);
}

static int do_munmap(struct race_thread *thread, const struct race_action *action)
{
	race_import_unmap(&thread->world->imports[action->import]);
	return 0;
}

/* madvise() rejects PFN mappings. */
static int do_madvise(struct race_thread *thread, const struct race_action *action)
{
	struct race_import *import = &thread->world->imports[action->import];
	int ret = madvise(import->map, import->buffer->pages * PFN_PAGE_SIZE,
			  MADV_DONTNEED);

	if (ret && errno != EINVAL)
		race_fail(thread->world, "madvise: %s", strerror(errno));
	return ret ? -errno : 0;
}

int race_snapshot(struct race_thread *thread, const struct race_action *action,
		  unsigned int first, unsigned int count)
{
	struct race_import *import = &thread->world->imports[action->import];
	struct dma_buf_pfn_entry entries[RACE_MAX_PAGES];
	uint32_t handle = race_handle(thread, buffer_of(action));
	struct drm_vgem_pfn_bo_query before, after;
	uint64_t pfns[RACE_MAX_PAGES];
	unsigned int i;
	int fd, ret;

	fd = race_import_get(import);
	if (fd < 0)
		return -ENXIO;
	ret = __vgem_pfn_bo_query(thread->fd, handle, &before) ?:
	      __vgem_pfn_bo_pfns(thread->fd, handle, first, count, pfns) ?:
	      __pfn_import_snapshot(fd, first, count, entries) ?:
	      __vgem_pfn_bo_query(thread->fd, handle, &after);
	close(fd);
	if (ret)
		return refused(thread, "snapshot", ret);
	if (before.num_moves != after.num_moves ||
	    before.num_notifies != after.num_notifies)
		return -EAGAIN;

	for (i = 0; i < count; i++) {
		uint32_t flags = entries[i].flags;

		if ((flags & DMA_BUF_PFN_ENTRY_DEV && entries[i].dev_pfn != pfns[i]) ||
		    (flags & DMA_BUF_PFN_ENTRY_CPU && entries[i].cpu_pfn != pfns[i]))
			race_fail_buffer(thread->world, import->buffer,
					 "snapshot by thread %u: page %u of import %u is %#llx by device, %#llx by CPU (flags %u), want %#llx",
					 thread->index, first + i, action->import,
					 (long long)entries[i].dev_pfn,
					 (long long)entries[i].cpu_pfn, flags,
					 (long long)pfns[i]);
	}
	return 0;
}

/* Create and import a buffer of the second device, and read back what was written. */
static int peer_own(struct race_thread *thread, int fd, uint64_t want)
{
	const uint32_t list[] = { VGEM_PFN_CARVEOUT, VGEM_PFN_TT };
	uint64_t size = 8 * KiB, word = 0;
	int dmabuf, import, ret;
	uint32_t handle;

	ret = __vgem_pfn_bo_create(fd, &size, list, 2, &handle);
	if (ret)
		return ret;
	dmabuf = __vgem_pfn_handle_to_fd(fd, handle, DRM_CLOEXEC | DRM_RDWR);
	if (dmabuf < 0)
		return dmabuf;
	import = __pfn_import_flags(thread->world->setup->importer, dmabuf,
				    DMA_BUF_PFN_IMPORT_P2P, NULL);
	close(dmabuf);
	if (import < 0)
		return import;

	ret = __pfn_import_access(import, PFN_PAGE_SIZE, &want, sizeof(want),
				  DMA_BUF_PFN_ACCESS_WRITE) ?:
	      __pfn_import_access(import, PFN_PAGE_SIZE, &word, sizeof(word),
				  DMA_BUF_PFN_ACCESS_READ);
	close(import);
	if (!ret && word != want)
		race_fail(thread->world,
			  "the second device has %#llx, want %#llx",
			  (long long)word, (long long)want);
	return ret;
}

/*
 * Use the second device: with a buffer of its own, or with an import of the first
 * device's buffer, mapped as a scatter list. It may be unplugged at any time.
 */
static int do_peer(struct race_thread *thread, const struct race_action *action)
{
	struct race_buffer *buffer = &thread->world->buffers[buffer_of(action)];
	int fd = __vgem_pfn_open_faux(1, "renderD"), ret;
	uint32_t handle;

	if (fd < 0)
		return -ENODEV;
	if (action->arg & 1) {
		ret = __vgem_pfn_fd_to_handle(fd, buffer->dmabuf, &handle) ?:
		      __vgem_pfn_bo_move(fd, handle, VGEM_PFN_TT);
		/* Mapping has to be retried if the exporter notifies meanwhile. */
		if (ret == -EAGAIN)
			ret = -EBUSY;
	} else {
		ret = peer_own(thread, fd, race_value(thread->world, buffer, 0,
						      thread->index,
						      action->arg));
	}
	close(fd);
	/* As in hold(), or the second device was unplugged */
	if (ret == -EOPNOTSUPP || ret == -ENODEV || ret == -ENOENT)
		return ret;
	return refused(thread, "peer", ret);
}

static int do_unplug(struct race_thread *thread, const struct race_action *action)
{
	int ret;

	ret = __vgem_pfn_faux_unplug(1);
	usleep(action->arg & 1023);
	/* Other threads may have plugged it already. */
	__vgem_pfn_faux_plug(1);
	return ret == -ENOENT || ret == -ENODEV || ret == -EIO ?
	       ret : refused(thread, "unplug", ret);
}

int race_do(struct race_thread *thread, const struct race_action *action)
{
	struct race_buffer *buffer = &thread->world->buffers[buffer_of(action)];

	switch ((enum race_kind)action->kind) {
	case RACE_MOVE:
	case RACE_MOVE_ASYNC:
		return do_move(thread, action);
	case RACE_EVICT:
		return do_evict(thread);
	case RACE_OVERCOMMIT:
		return do_overcommit(thread, action);
	case RACE_ATTACH:
		return do_attach(thread, action);
	case RACE_DETACH:
		return do_detach(thread, action);
	case RACE_PIN:
		return do_pin(thread, action);
	case RACE_STATIC:
		return hold(thread, action, DMA_BUF_PFN_IMPORT_STATIC);
	case RACE_CPU_READ:
		return race_cpu_read(thread, action);
	case RACE_CPU_WRITE:
		return race_cpu_write(thread, action);
	case RACE_DEV_READ:
		return race_dev_read(thread, action);
	case RACE_DEV_WRITE:
		return race_dev_write(thread, action);
	case RACE_CLOSE:
		return do_close(thread, action);
	case RACE_FORK:
		return race_fork(thread, action);
	case RACE_MMAP:
		return do_mmap(thread, action);
	case RACE_MUNMAP:
		return do_munmap(thread, action);
	case RACE_MADVISE:
		return do_madvise(thread, action);
	case RACE_SNAPSHOT:
		return race_snapshot(thread, action, 0,
				     buffer->pages);
	case RACE_JOB_READ:
		return race_job_read(thread, action);
	case RACE_JOB_WRITE:
		return race_job_write(thread, action);
	case RACE_PEER:
		return do_peer(thread, action);
	case RACE_UNPLUG:
		return do_unplug(thread, action);
	case RACE_NUM_KINDS:
		break;
	}
	return 0;
}
