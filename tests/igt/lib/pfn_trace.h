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

static inline int __pfn_trace_dir(void)
{
	return mkdir(PFN_TRACE_DIR, 0700) && errno != EEXIST ? -errno : 0;
}

/* Record the event dma_buf:@name, and no other. 0 or -errno */
static inline int __pfn_trace_start(const char *name)
{
	int ret = __pfn_trace_dir();
	char file[96];

	if (ret)
		return ret;

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

/* Count the event dma_buf:@name without recording it. 0 or -errno */
static inline int __pfn_trace_tally(const char *name)
{
	int ret = __pfn_trace_dir();
	char file[96];

	if (ret)
		return ret;

	snprintf(file, sizeof(file), "events/dma_buf/%s/trigger", name);
	return __pfn_trace_write(file, "hist:keys=common_pid");
}

/* How often it came since, or -errno. No longer counts it. */
static inline long long __pfn_trace_tallied(const char *name)
{
	long long n = -ENODATA;
	char line[256];
	FILE *file;

	snprintf(line, sizeof(line), PFN_TRACE_DIR "/events/dma_buf/%s/hist",
		 name);
	file = fopen(line, "re");
	if (!file)
		return -errno;

	while (n < 0 && fgets(line, sizeof(line), file))
		sscanf(line, " Hits: %lld", &n);
	fclose(file);

	snprintf(line, sizeof(line), "events/dma_buf/%s/trigger", name);
	__pfn_trace_write(line, "");
	return n;
}

static inline void __pfn_trace_end(void)
{
	rmdir(PFN_TRACE_DIR);
}

#endif /* PFN_TRACE_H */
