/* SPDX-License-Identifier: MIT */
/*
 * Numbers in debugfs files, paths relative to its mount point. No IGT, nothing
 * to link.
 */
#ifndef PFN_DEBUGFS_H
#define PFN_DEBUGFS_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

/* 0 or -errno */
static inline int __pfn_debugfs_set(const char *path, uint32_t value)
{
	char name[128], text[16];
	int fd, len, ret = 0;

	snprintf(name, sizeof(name), "/sys/kernel/debug/%s", path);
	fd = open(name, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;

	len = snprintf(text, sizeof(text), "%u", value);
	if (write(fd, text, len) != len)
		ret = -errno;
	close(fd);

	return ret;
}

#endif /* PFN_DEBUGFS_H */
