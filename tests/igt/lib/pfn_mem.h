/* SPDX-License-Identifier: MIT */
/*
 * Access to memory by page frame number, through /dev/mem: independent of the driver
 * that owns the buffer. Needs neither IGT nor a library.
 *
 * Needs root and a kernel without STRICT_DEVMEM.
 */
#ifndef PFN_MEM_H
#define PFN_MEM_H

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PFN_PAGE_SIZE	4096UL

static inline int __pfn_mem_fd(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open("/dev/mem", O_RDWR | O_CLOEXEC);
	return fd;
}

/* Memory that is not RAM cannot be read from /dev/mem, only mapped. */
static inline void *__pfn_mem_map(uint64_t pfn, int prot)
{
	return mmap(NULL, PFN_PAGE_SIZE, prot, MAP_SHARED, __pfn_mem_fd(),
		    pfn * PFN_PAGE_SIZE);
}

/* 0 or -errno. The range must lie inside the page. */
static inline int __pfn_mem_read(uint64_t pfn, size_t offset, void *data,
				 size_t length)
{
	ssize_t ret;
	char *map;

	ret = pread(__pfn_mem_fd(), data, length, pfn * PFN_PAGE_SIZE + offset);
	if (ret >= 0)
		return (size_t)ret == length ? 0 : -EIO;
	if (errno != EFAULT)
		return -errno;

	map = __pfn_mem_map(pfn, PROT_READ);
	if (map == MAP_FAILED)
		return -errno;
	memcpy(data, map + offset, length);
	munmap(map, PFN_PAGE_SIZE);
	return 0;
}

static inline int __pfn_mem_write(uint64_t pfn, size_t offset,
				  const void *data, size_t length)
{
	ssize_t ret;
	char *map;

	ret = pwrite(__pfn_mem_fd(), data, length, pfn * PFN_PAGE_SIZE + offset);
	if (ret >= 0)
		return (size_t)ret == length ? 0 : -EIO;
	if (errno != EFAULT)
		return -errno;

	map = __pfn_mem_map(pfn, PROT_READ | PROT_WRITE);
	if (map == MAP_FAILED)
		return -errno;
	memcpy(map + offset, data, length);
	munmap(map, PFN_PAGE_SIZE);
	return 0;
}

#endif /* PFN_MEM_H */
