/* SPDX-License-Identifier: MIT */
/*
 * The ioctls of the pfn importer, for the tests' asserting wrappers (pfn_importer.h)
 * and for other programs. Needs neither IGT nor a library.
 *
 * Every function returns 0 or a file descriptor on success and -errno on failure. None
 * restarts an interrupted call.
 */
#ifndef PFN_IMPORTER_IOCTL_H
#define PFN_IMPORTER_IOCTL_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include "../../../drivers/dma-buf/dma-buf-pfn-importer_uapi.h"

#include "pfn_contract.h"
#include "pfn_debugfs.h"

static inline int __pfn_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

static inline int __pfn_importer_open(void)
{
	int fd = open("/dev/dma_buf_pfn_importer", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Set a knob in the importer's debugfs directory. */
static inline int __pfn_importer_set(const char *knob, uint32_t value)
{
	char path[64];

	snprintf(path, sizeof(path), "dma_buf_pfn_importer/%s", knob);
	return __pfn_debugfs_set(path, value);
}

/*
 * One for the program: held for writing while "broken" in debugfs is set, which affects
 * all imports.
 */
__attribute__((weak)) pthread_rwlock_t __pfn_import_lock = PTHREAD_RWLOCK_INITIALIZER;

static inline int __pfn_import_broken_locked(int importer, struct dma_buf_pfn_import *arg,
					     uint32_t broken)
{
	int ret;

	ret = __pfn_importer_set("broken", broken / PFN_BROKEN_NO_ZAP);
	if (ret)
		return ret;
	ret = __pfn_ioctl(importer, DMA_BUF_PFN_IMPORT, arg);
	__pfn_importer_set("broken", 0);
	return ret;
}

/*
 * DMA_BUF_PFN_IMPORT, with the defects @broken, a mask of PFN_BROKEN_*. Other processes
 * must not import meanwhile.
 */
static inline int __pfn_import_broken(int importer, struct dma_buf_pfn_import *arg,
				      uint32_t broken)
{
	int ret;

	if (broken) {
		pthread_rwlock_wrlock(&__pfn_import_lock);
		ret = __pfn_import_broken_locked(importer, arg, broken);
	} else {
		pthread_rwlock_rdlock(&__pfn_import_lock);
		ret = __pfn_ioctl(importer, DMA_BUF_PFN_IMPORT, arg);
	}
	pthread_rwlock_unlock(&__pfn_import_lock);
	return ret;
}

/* The same, and announces the expected contract violations to pfn-contract. */
static inline int __pfn_import_arg(int importer, struct dma_buf_pfn_import *arg,
				   uint32_t broken)
{
	int ret;

	if (broken)
		pfn_contract_import(broken);
	ret = __pfn_import_broken(importer, arg, broken);
	if (ret && broken)
		pfn_contract_mark("failed");
	return ret;
}

/*
 * Return the import's fd. @size may be NULL. @flags: DMA_BUF_PFN_IMPORT_* and
 * PFN_BROKEN_*
 */
static inline int __pfn_import_flags(int importer, int dmabuf, uint32_t flags,
				     uint64_t *size)
{
	struct dma_buf_pfn_import arg = {
		.dma_buf_fd = dmabuf,
		.flags = flags & ~PFN_BROKEN,
	};
	int ret = __pfn_import_arg(importer, &arg, flags & PFN_BROKEN);

	if (ret)
		return ret;

	if (size)
		*size = arg.size;
	return arg.import_fd;
}

static inline int __pfn_import(int importer, int dmabuf, uint64_t *size)
{
	return __pfn_import_flags(importer, dmabuf, 0, size);
}

static inline int __pfn_import_access(int import, uint64_t offset, void *data,
				      uint64_t length, uint32_t flags)
{
	struct dma_buf_pfn_access arg = {
		.offset = offset,
		.length = length,
		.data = (uintptr_t)data,
		.flags = flags,
	};

	return __pfn_ioctl(import, DMA_BUF_PFN_ACCESS, &arg);
}

static inline int __pfn_import_stats(int import,
				     struct dma_buf_pfn_stats *stats)
{
	return __pfn_ioctl(import, DMA_BUF_PFN_STATS, stats);
}

/* @generation: number of notifications at the end of the snapshot; may be NULL */
static inline int __pfn_import_snapshot_at(int import, uint64_t first,
					   uint64_t count,
					   struct dma_buf_pfn_entry *entries,
					   uint64_t *generation)
{
	struct dma_buf_pfn_snapshot arg = {
		.first = first,
		.count = count,
		.entries = (uintptr_t)entries,
	};
	int ret;

	ret = __pfn_ioctl(import, DMA_BUF_PFN_SNAPSHOT, &arg);
	if (!ret && generation)
		*generation = arg.generation;
	return ret;
}

static inline int __pfn_import_snapshot(int import, uint64_t first,
					uint64_t count,
					struct dma_buf_pfn_entry *entries)
{
	return __pfn_import_snapshot_at(import, first, count, entries, NULL);
}

/* On success the job's number is in @arg. */
static inline int __pfn_import_submit(int import, struct dma_buf_pfn_submit *arg)
{
	return __pfn_ioctl(import, DMA_BUF_PFN_SUBMIT, arg);
}

/* @data is needed only for jobs that read. @flags: DMA_BUF_PFN_RESULT_* */
static inline int __pfn_import_result(int import, uint32_t job, uint32_t flags,
				      void *data,
				      struct dma_buf_pfn_result *result)
{
	*result = (struct dma_buf_pfn_result) {
		.job = job,
		.flags = flags,
		.data = (uintptr_t)data,
	};
	return __pfn_ioctl(import, DMA_BUF_PFN_RESULT, result);
}

/*
 * debugfs: delay of the device path between the lookup of a page frame number and its
 * installation in the device page table
 */
static inline int __pfn_importer_set_install_delay(uint32_t us)
{
	return __pfn_importer_set("install_delay_us", us);
}

#endif /* PFN_IMPORTER_IOCTL_H */
