// SPDX-License-Identifier: MIT
/*
 * Traces this system in a tracefs instance, and judges the events while they are
 * emitted. Other processes write commands to the instance's trace_marker, so that
 * their order relative to the events is known, and read the reply from a file:
 *
 *	sync		all earlier events were read
 *	unloaded	the exporter was unloaded: enable its events for the next load
 *	stop		end the recording
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "contract.h"

#define REPLY		"/run/pfn_contract"
#define POLL_MS		100
#define REPLY_POLL_MS	20
#define REPLY_MS	60000

unsigned long record_buffer_mib = 8;

static const char * const events[] = {
	"dma_buf/dma_buf_invalidate_mappings",
	"dma_buf/dma_buf_invalidate_begin", "dma_buf/dma_buf_invalidate_end",
	"dma_buf/dma_buf_get_pfn", "dma_buf/dma_buf_get_pfn_run",
	"dma_buf/dma_buf_pfn_entry",
	"dma_fence/dma_fence_signaled", "dma_fence/dma_fence_wait_start",
	"dma_fence/dma_fence_enable_signal",
	"module/module_free",
};

/* Needed to judge importers that map, pin or vmap */
static const char * const mapping_events[] = {
	"dma_buf/dma_buf_map_attachment", "dma_buf/dma_buf_unmap_attachment",
	"dma_buf/dma_buf_pin", "dma_buf/dma_buf_unpin",
	"dma_buf/dma_buf_vmap", "dma_buf/dma_buf_vunmap",
};

/* Events of the exporter, which may not be loaded yet */
static const char * const exporter_events[] = {
	"export", "release", "place", "move_begin", "move_end", "notify",
	"waited", "queue", "copy_begin", "copy_end", "swap", "pin", "unpin",
	"refused", "stale",
};

static void sleep_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

static int put(const char *file, const char *text, int flags)
{
	char name[256];
	int fd, ret;

	snprintf(name, sizeof(name), RECORD_DIR "/%s", file);
	fd = open(name, O_WRONLY | O_CLOEXEC | flags);
	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/* Enables the exporter's events now, or when its module is loaded. */
static int put_exporter_events(void)
{
	char text[160];
	size_t i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(exporter_events); i++) {
		snprintf(text, sizeof(text), "%s:%s_%s:mod:%s", model.exporter,
			 model.exporter, exporter_events[i], model.exporter);
		ret = put("set_event", text, O_APPEND);
		if (!ret)
			continue;
		/* The exporter is built in. */
		snprintf(text, sizeof(text), "events/%s/%s_%s/enable",
			 model.exporter, model.exporter, exporter_events[i]);
		ret = put(text, "1", 0);
		if (ret)
			return ret;
	}
	return 0;
}

static int enable(const char *event)
{
	char file[128];
	int ret;

	snprintf(file, sizeof(file), "events/%s/enable", event);
	ret = put(file, "1", 0);
	if (ret)
		fprintf(stderr, "pfn-contract: no event %s\n", event);
	return ret;
}

static int start(void)
{
	char file[128], filter[128], size[32];
	size_t i;
	int ret;

	if (mkdir(RECORD_DIR, 0700))
		return -errno;

	/*
	 * The kernel saves only a few task names by default. All CPUs use the same
	 * clock.
	 */
	put("../../saved_cmdlines_size", "8192", 0);
	ret = put("trace_clock", "mono", 0);
	snprintf(size, sizeof(size), "%lu", record_buffer_mib * 1024);
	if (!ret)
		ret = put("buffer_size_kb", size, 0);
	snprintf(filter, sizeof(filter), "driver == \"%s\"", model.exporter);
	/* Only kernels with the modules of compat/ have the first two. */
	if (!ret && (put("events/dma_buf/dma_buf_pfn_attach/enable", "1", 0) ||
		     put("events/dma_buf/dma_buf_pfn_detach/enable", "1", 0)))
		ret = put("events/dma_buf/dma_buf_dynamic_attach/enable", "1", 0) ?:
		      put("events/dma_buf/dma_buf_detach/enable", "1", 0);
	for (i = 0; i < ARRAY_SIZE(events) && !ret; i++) {
		snprintf(file, sizeof(file), "events/%s/filter", events[i]);
		if (!strncmp(events[i], "dma_fence/", 10))
			ret = put(file, filter, 0);
		if (!ret)
			ret = enable(events[i]);
	}
	for (i = 0; i < ARRAY_SIZE(mapping_events); i++)
		enable(mapping_events[i]);
	return ret ?: put_exporter_events();
}

static void reply(const char *token)
{
	FILE *file = fopen(REPLY ".new", "we");

	if (!file)
		return;
	fprintf(file, "%s\n", token);
	fclose(file);
	rename(REPLY ".new", REPLY);
}

static char command[64];
static bool stopping;

/* Store a command. The reply is written after all earlier events were read. */
static void look(const char *line)
{
	static const char prefix[] = "pfn_contract: ";
	const char *at = strstr(line, prefix);

	if (!at)
		return;
	at += sizeof(prefix) - 1;
	if (strncmp(at, "sync ", 5) && strncmp(at, "unloaded ", 9) &&
	    strncmp(at, "stop ", 5))
		return;
	snprintf(command, sizeof(command), "%.*s", (int)strcspn(at, "\n"), at);
	stopping |= !strncmp(at, "stop ", 5);
}

/* Read all available events. Returns 0 or -errno. */
static int drain(int fd)
{
	static char buffer[65536];
	static size_t used;
	ssize_t n;

	for (;;) {
		char *line = buffer, *end;

		n = read(fd, buffer + used, sizeof(buffer) - 1 - used);
		if (n == 0 || (n < 0 && errno == EAGAIN))
			return 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		used += n;
		buffer[used] = '\0';
		while ((end = strchr(line, '\n'))) {
			*end = '\0';
			look(line);
			take_line(line);
			line = end + 1;
		}
		used -= line - buffer;
		memmove(buffer, line, used);
		if (used == sizeof(buffer) - 1)
			used = 0;
	}
}

/* Check the kernel's per-CPU counts of lost events. */
static void check_stats(void)
{
	char name[128], line[128];
	unsigned long long n;
	FILE *file;
	int cpu;

	for (cpu = 0; cpu < 4096; cpu++) {
		snprintf(name, sizeof(name), RECORD_DIR "/per_cpu/cpu%d/stats",
			 cpu);
		file = fopen(name, "re");
		if (!file)
			return;
		while (fgets(line, sizeof(line), file))
			if ((sscanf(line, "overrun: %llu", &n) == 1 ||
			     sscanf(line, "dropped events: %llu", &n) == 1) && n)
				cannot_judge("%llu events of CPU %d were lost",
					     n, cpu);
		fclose(file);
	}
}

/* Trace and judge until a stop command. Returns 0 or -errno. */
int record(void)
{
	int fd, ret;

	ret = start();
	if (ret) {
		fprintf(stderr, "pfn-contract: cannot trace: %s\n",
			strerror(-ret));
		goto out;
	}
	fd = open(RECORD_DIR "/trace_pipe", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		ret = -errno;
		goto out;
	}

	reply("ready");
	for (;;) {
		ret = drain(fd);
		/* Read again, since a CPU may have added earlier events late. */
		if (!ret && command[0])
			ret = drain(fd);
		if (ret || stopping)
			break;
		if (command[0]) {
			if (!strncmp(command, "unloaded", 8))
				put_exporter_events();
			reply(command);
			command[0] = '\0';
		}
		sleep_ms(POLL_MS);
	}
	put("events/enable", "0", 0);
	if (!ret)
		ret = drain(fd);
	check_stats();
	close(fd);
	reply(command);
out:
	rmdir(RECORD_DIR);
	return ret;
}

static bool replied(const char *token)
{
	char line[64] = "";
	FILE *file = fopen(REPLY, "re");

	if (!file)
		return false;
	if (fgets(line, sizeof(line), file))
		line[strcspn(line, "\n")] = '\0';
	fclose(file);
	return !strcmp(line, token);
}

/*
 * Sends a command to the recording process and waits for the reply. "ready" only
 * waits. Returns 0 on success, and also if nothing is recorded.
 */
int record_command(const char *word)
{
	char token[64] = "ready", mark[96];
	int ms, ret = 0;

	if (strcmp(word, "ready")) {
		snprintf(token, sizeof(token), "%s %d", word, getpid());
		snprintf(mark, sizeof(mark), "pfn_contract: %s\n", token);
		ret = put("trace_marker", mark, 0);
		if (ret == -ENOENT)
			return 0;
	}
	for (ms = 0; !ret && !replied(token); ms += REPLY_POLL_MS) {
		if (ms >= REPLY_MS)
			return -ETIMEDOUT;
		sleep_ms(REPLY_POLL_MS);
	}
	return ret;
}
