/* SPDX-License-Identifier: MIT */
/*
 * Write short texts to files, and numbers to debugfs files, with paths relative to the
 * mount point of debugfs. Needs neither IGT nor a library.
 */
#ifndef PFN_DEBUGFS_H
#define PFN_DEBUGFS_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* 0 or -errno */
static inline int __pfn_write_file(const char *path, const char *text)
{
	ssize_t length = strlen(text);
	int fd, ret = 0;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;

	if (write(fd, text, length) != length)
		ret = -errno;
	close(fd);

	return ret;
}

/* 0 or -errno */
static inline int __pfn_debugfs_set(const char *path, uint64_t value)
{
	char name[128], text[24];

	snprintf(name, sizeof(name), "/sys/kernel/debug/%s", path);
	snprintf(text, sizeof(text), "%llu", (long long)value);
	return __pfn_write_file(name, text);
}

#endif /* PFN_DEBUGFS_H */
