/* SPDX-License-Identifier: MIT */
/*
 * The dma-buf core's trace events, in a tracefs instance of our own. No IGT,
 * nothing to link.
 */
#ifndef PFN_TRACE_H
#define PFN_TRACE_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PFN_TRACE_DIR	"/sys/kernel/tracing/instances/pfn_trace"

static inline int __pfn_trace_write(const char *file, const char *text)
{
	char name[160];
	int fd, ret = 0;

	snprintf(name, sizeof(name), PFN_TRACE_DIR "/%s", file);
	fd = open(name, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;

	if (*text && write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

/* Record the event dma_buf:@name, and no other. 0 or -errno */
static inline int __pfn_trace_start(const char *name)
{
	char file[96];

	if (mkdir(PFN_TRACE_DIR, 0700) && errno != EEXIST)
		return -errno;

	snprintf(file, sizeof(file), "events/dma_buf/%s/enable", name);
	__pfn_trace_write("events/enable", "0");
	__pfn_trace_write("trace", "");
	return __pfn_trace_write(file, "1");
}

/* How many of the recorded events have @text in them, or -errno */
static inline int __pfn_trace_count(const char *text)
{
	FILE *file = fopen(PFN_TRACE_DIR "/trace", "re");
	char line[512];
	int n = 0;

	if (!file)
		return -errno;

	while (fgets(line, sizeof(line), file))
		n += line[0] != '#' && strstr(line, text);
	fclose(file);
	return n;
}

static inline void __pfn_trace_end(void)
{
	rmdir(PFN_TRACE_DIR);
}

#endif /* PFN_TRACE_H */
