/* SPDX-License-Identifier: MIT */
/*
 * Trace events, mainly of the dma-buf core, in a separate tracefs instance. Needs
 * neither IGT nor a library.
 */
#ifndef PFN_TRACE_H
#define PFN_TRACE_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
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

/* Use one clock for all CPUs, to keep the order of events. */
static inline int __pfn_trace_dir(void)
{
	if (!mkdir(PFN_TRACE_DIR, 0700))
		return __pfn_trace_write("trace_clock", "mono");
	return errno == EEXIST ? 0 : -errno;
}

/* Record the event @system:@name in addition. Returns 0 or -errno. */
static inline int __pfn_trace_also(const char *system, const char *name)
{
	char file[96];

	snprintf(file, sizeof(file), "events/%s/%s/enable", system, name);
	return __pfn_trace_write(file, "1");
}

/* Record only the event @system:@name. Returns 0 or -errno. */
static inline int __pfn_trace_start(const char *system, const char *name)
{
	int ret = __pfn_trace_dir();

	if (ret)
		return ret;

	__pfn_trace_write("events/enable", "0");
	__pfn_trace_write("trace", "");
	return __pfn_trace_also(system, name);
}

/* Whether @line contains @text, in which "*" matches anything: "a*b" */
static inline bool __pfn_trace_has(const char *line, const char *text)
{
	size_t length;
	char part[96];

	for (; *text; text += length + (text[length] == '*')) {
		length = strcspn(text, "*");
		snprintf(part, sizeof(part), "%.*s", (int)length, text);
		line = strstr(line, part);
		if (!line)
			return false;
		line += length;
	}
	return true;
}

/*
 * Count the recorded events that contain @text. With @before, count only up to the
 * first event that contains @before. Returns -errno on failure.
 */
static inline int __pfn_trace_ordered(const char *text, const char *before)
{
	FILE *file = fopen(PFN_TRACE_DIR "/trace", "re");
	char line[512];
	int n = 0;

	if (!file)
		return -errno;

	while (fgets(line, sizeof(line), file)) {
		if (line[0] == '#')
			continue;
		if (before && __pfn_trace_has(line, before))
			break;
		n += __pfn_trace_has(line, text);
	}
	fclose(file);
	return n;
}

/* Count the recorded events that contain @text, or return -errno. */
static inline int __pfn_trace_count(const char *text)
{
	return __pfn_trace_ordered(text, NULL);
}

/* Start to count the event dma_buf:@name without recording it. Returns 0 or -errno. */
static inline int __pfn_trace_tally(const char *name)
{
	int ret = __pfn_trace_dir();
	char file[96];

	if (ret)
		return ret;

	snprintf(file, sizeof(file), "events/dma_buf/%s/trigger", name);
	return __pfn_trace_write(file, "hist:keys=common_pid");
}

/* Stop counting and return the count, or -errno. */
static inline long long __pfn_trace_tallied(const char *name)
{
	long long n = -ENODATA;
	char line[256], path[96];
	FILE *file;

	snprintf(line, sizeof(line), PFN_TRACE_DIR "/events/dma_buf/%s/hist",
		 name);
	file = fopen(line, "re");
	if (!file)
		return -errno;

	while (n < 0 && fgets(line, sizeof(line), file))
		sscanf(line, " Hits: %lld", &n);
	fclose(file);

	snprintf(path, sizeof(path), "events/dma_buf/%s/trigger", name);
	__pfn_trace_write(path, "");
	return n;
}

static inline void __pfn_trace_end(void)
{
	rmdir(PFN_TRACE_DIR);
}

#endif /* PFN_TRACE_H */
