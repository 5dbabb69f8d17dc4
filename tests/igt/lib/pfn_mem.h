/* SPDX-License-Identifier: MIT */
/*
 * Memory by page frame number, through /dev/mem: a path to a buffer's contents
 * that shares nothing with the driver that owns the buffer. No IGT, nothing to
 * link.
 *
 * Needs root and a kernel without STRICT_DEVMEM.
 */
#ifndef PFN_MEM_H
#define PFN_MEM_H

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#define PFN_PAGE_SIZE	4096UL

static inline int __pfn_mem_fd(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open("/dev/mem", O_RDWR | O_CLOEXEC);
	return fd;
}

/* 0 or -errno. The range must lie inside the page. */
static inline int __pfn_mem_read(uint64_t pfn, size_t offset, void *data,
				 size_t length)
{
	ssize_t ret;

	ret = pread(__pfn_mem_fd(), data, length, pfn * PFN_PAGE_SIZE + offset);
	if (ret < 0)
		return -errno;
	return (size_t)ret == length ? 0 : -EIO;
}

static inline int __pfn_mem_write(uint64_t pfn, size_t offset,
				  const void *data, size_t length)
{
	ssize_t ret;

	ret = pwrite(__pfn_mem_fd(), data, length, pfn * PFN_PAGE_SIZE + offset);
	if (ret < 0)
		return -errno;
	return (size_t)ret == length ? 0 : -EIO;
}

#endif /* PFN_MEM_H */
