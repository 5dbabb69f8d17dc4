/* SPDX-License-Identifier: MIT */
/*
 * Fault injection: the attributes in debugfs, and fail-nth, which makes the Nth fault
 * point of a thread fail. Needs neither IGT nor a library.
 */
#ifndef PFN_FAULT_H
#define PFN_FAULT_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "pfn_debugfs.h"

/* Set a file of the fault attribute @step of the device. Returns 0 or -errno. */
static inline int __vgem_pfn_fault_set(int fd, const char *step,
				       const char *file, uint32_t value)
{
	struct stat st;
	char path[96];

	if (fstat(fd, &st))
		return -errno;

	snprintf(path, sizeof(path), "dri/%u/fault/%s/%s", minor(st.st_rdev),
		 step, file);
	return __pfn_debugfs_set(path, value);
}

/* Make every @interval-th call of the step fail, @times times. */
static inline int __vgem_pfn_fault_arm(int fd, const char *step,
				       uint32_t interval, uint32_t times)
{
	int ret;

	ret = __vgem_pfn_fault_set(fd, step, "verbose", 0);
	if (!ret)
		ret = __vgem_pfn_fault_set(fd, step, "interval", interval);
	if (!ret)
		ret = __vgem_pfn_fault_set(fd, step, "times", times);
	if (!ret)
		ret = __vgem_pfn_fault_set(fd, step, "probability", 100);
	return ret;
}

static inline int __vgem_pfn_fault_disarm(int fd, const char *step)
{
	return __vgem_pfn_fault_set(fd, step, "probability", 0);
}

/*
 * Let allocations that may sleep fail as well, and without a log message. Returns
 * -ENOENT if the kernel has no fault injection.
 */
static inline int __pfn_fail_nth_init(void)
{
	int ret;

	ret = __pfn_debugfs_set("failslab/ignore-gfp-wait", 0);
	if (!ret)
		ret = __pfn_debugfs_set("failslab/verbose", 0);
	if (!ret)
		ret = __pfn_debugfs_set("fail_page_alloc/ignore-gfp-wait", 0);
	if (!ret)
		ret = __pfn_debugfs_set("fail_page_alloc/ignore-gfp-highmem", 0);
	if (!ret)
		ret = __pfn_debugfs_set("fail_page_alloc/min-order", 0);
	if (!ret)
		ret = __pfn_debugfs_set("fail_page_alloc/verbose", 0);
	return ret;
}

/* Open this thread's fail-nth. Keep it open, since opening it allocates. */
static inline int __pfn_fail_nth_open(void)
{
	int fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Make the @n-th fault point fail; 0 disables it. Returns 0 or -errno. */
static inline int __pfn_fail_nth_set(int nth, unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	return pwrite(nth, text, len, 0) == len ? 0 : -errno;
}

/* Number of fault points left until the failure, 0 after the failure, or -errno */
static inline int __pfn_fail_nth_get(int nth)
{
	char text[16] = "";

	return pread(nth, text, sizeof(text) - 1, 0) < 0 ? -errno : atoi(text);
}

#endif /* PFN_FAULT_H */
