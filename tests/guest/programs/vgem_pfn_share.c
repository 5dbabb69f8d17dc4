// SPDX-License-Identifier: MIT
/*
 * Moves a buffer of vgem_pfn while a command runs:
 *
 *	vgem_pfn_share [OPTION...] COMMAND...
 *
 * The command inherits the dma-buf. Its environment has the descriptor in
 * VGEM_PFN_DMABUF_FD, the size in VGEM_PFN_SIZE, and in VGEM_PFN_INO the inode
 * number that identifies the dma-buf in trace events and bufinfo. The buffer moves
 * between two carveouts, so that all moves can be checked for stale writes, or
 * between a carveout and system memory. Synchronous moves and moves by a slow copy
 * engine take turns.
 *
 * Without -p, the pace adapts to the importer: a move comes after the importer has
 * looked up or mapped again, except each fourth one, which does not wait.
 *
 * The command's output goes through a terminal: with a pipe, the C library would
 * buffer it, and it would be lost if the command is killed. Messages of this
 * program go to standard error.
 *
 * An importer in a loop may emit trace events faster than pfn-contract reads them. While a
 * trace buffer is a quarter full, the command gets 1 % of a CPU, by a cgroup. Its time limit
 * includes these pauses. SIGSTOP would interrupt system calls of the command with EINTR.
 *
 * The exit status is that of the command, 128 plus the signal number if it was
 * killed, 124 if it was ended after the time limit, or 125 if it could not be run.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

#include "../../igt/lib/pfn_contract.h"
#include "../../igt/lib/pfn_fault.h"
#include "../../igt/lib/vgem_pfn_ioctl.h"

#define PAGE		4096
#define POLL_MS		50
#define TERM_MS		2000	/* between SIGTERM and SIGKILL */
#define TRACE		"/sys/kernel/tracing/instances/pfn_contract"
#define CGROUPS		"/sys/fs/cgroup"
/* CPU time in us, of how many. A lock may be held for 0.1 s per ms that its holder needs. */
#define CPU_SLOW	"1000 100000"
#define CPU_FULL	"max"
#define STATUS_TIME	124
#define STATUS_NOTHING	125

/* Between a step of the importer and the next move, without -p */
#define PAUSE_US	2000

/* The longest wait for a step of the importer */
#define STEP_MS		100
#define STEP_POLL_US	500

static uint32_t size_kib = 1024, pause_us = UINT32_MAX, latency_us = 3000;
static uint32_t quarantine_ms = 20, limit_s, bandwidth, fail_nth, pin_notifies;
static uint32_t unplug_ms;
static bool to_system;

static int fd, dmabuf;
static uint32_t handle;
static uint64_t size;
static atomic_bool stop, unplugged;
static unsigned int pinned, pauses;
static uint32_t second = VGEM_PFN_TT;
static uint32_t sync_us;	/* duration of the last synchronous move */

static void fail(const char *what, int ret)
{
	fprintf(stderr, "vgem_pfn_share: %s: %s\n", what, strerror(-ret));
	exit(STATUS_NOTHING);
}

static int check(int ret, const char *what)
{
	if (ret < 0)
		fail(what, ret);
	return ret;
}

static const char usage[] =
	"vgem_pfn_share [OPTION...] COMMAND...\n"
	"\n"
	"  -s KiB      size of the buffer (1024)\n"
	"  -m WHERE    move to and from carveout or system (carveout)\n"
	"  -p US       pause between two moves (adapts to the importer)\n"
	"  -l US       how long an engine sleeps before it copies (3000)\n"
	"  -b MIB      an engine copies this many MiB each second (0: at full speed)\n"
	"  -q MS       quarantine of memory that the buffer has left (20)\n"
	"  -n 1        notify importers while one pins\n"
	"  -f N        each Nth pin, map and lookup of importers fails\n"
	"  -u MS       unplug the device after this time, which revokes the buffer\n"
	"  -t SECONDS  time limit of the command\n";

static void parse(int argc, char **argv)
{
	static const struct {
		char option;
		uint32_t *value;
	} numbers[] = {
		{ 's', &size_kib }, { 'p', &pause_us }, { 'l', &latency_us },
		{ 'b', &bandwidth }, { 'q', &quarantine_ms }, { 'n', &pin_notifies },
		{ 'f', &fail_nth }, { 'u', &unplug_ms }, { 't', &limit_s },
	};
	size_t i, n = sizeof(numbers) / sizeof(*numbers);
	int c;

	while ((c = getopt(argc, argv, "+s:m:p:l:b:q:n:f:u:t:")) != -1) {
		for (i = 0; i < n && numbers[i].option != c; i++)
			;
		if (i < n) {
			*numbers[i].value = strtoul(optarg, NULL, 0);
		} else if (c == 'm' && (!strcmp(optarg, "system") ||
					!strcmp(optarg, "carveout"))) {
			to_system = *optarg == 's';
		} else {
			fputs(usage, stderr);
			exit(STATUS_NOTHING);
		}
	}
	if (optind == argc) {
		fputs(usage, stderr);
		exit(STATUS_NOTHING);
	}
}

/* --- the buffer --- */

static void set_number(const char *name, unsigned long long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", value);
	setenv(name, text, 1);
}

/* The second carveout, or system memory if there is none or the buffer is too large */
static void choose_second(void)
{
	struct drm_vgem_pfn_region regions[DRM_VGEM_PFN_MAX_REGIONS];
	uint32_t num = DRM_VGEM_PFN_MAX_REGIONS;

	check(__vgem_pfn_regions(fd, regions, &num), "regions");
	if (to_system)
		return;
	if (num > VGEM_PFN_CARVEOUT + 1 && regions[VGEM_PFN_CARVEOUT + 1].size >= size)
		second = VGEM_PFN_CARVEOUT + 1;
	else
		fputs("vgem_pfn_share: no second carveout of this size: as with -m system\n",
		      stderr);
}

static const char * const steps[] = { "pin", "map", "get_pfn" };
#define NUM_STEPS	(sizeof(steps) / sizeof(*steps))

static void set_knobs(void)
{
	size_t i;

	check(__vgem_pfn_set(fd, "engine_latency_us", latency_us), "debugfs");
	check(__vgem_pfn_set(fd, "engine_bandwidth_mibps", bandwidth), "debugfs");
	check(__vgem_pfn_set(fd, "pin_notifies", pin_notifies), "debugfs");
	check(__vgem_pfn_set_quarantine(fd, quarantine_ms), "debugfs");
	for (i = 0; fail_nth && i < NUM_STEPS; i++)
		check(__vgem_pfn_fault_arm(fd, steps[i], fail_nth, UINT32_MAX >> 1),
		      "fault injection");
}

static void share_buffer(void)
{
	uint32_t placements[] = { VGEM_PFN_CARVEOUT, VGEM_PFN_TT, VGEM_PFN_TT };
	struct stat st;
	char mark[64], why[256];
	int ret;

	fd = check(__drm_open_by_name("vgem_pfn", "renderD"), "vgem_pfn");
	ret = __vgem_pfn_check_regions(fd, why, sizeof(why));
	if (ret)
		fail(why, ret);
	size = size_kib * 1024ULL;
	choose_second();
	placements[1] = second;
	check(__vgem_pfn_bo_create(fd, &size, placements, second == VGEM_PFN_TT ? 2 : 3,
				   &handle), "create");
	dmabuf = check(__vgem_pfn_handle_to_fd(fd, handle, DRM_RDWR), "export");
	if (fstat(dmabuf, &st))
		fail("fstat", -errno);
	set_knobs();
	set_number("VGEM_PFN_DMABUF_FD", dmabuf);
	set_number("VGEM_PFN_SIZE", size);
	set_number("VGEM_PFN_INO", st.st_ino);
	snprintf(mark, sizeof(mark), "quarantine ms=%u", quarantine_ms);
	pfn_contract_mark(mark);
}

/* A new buffer is zeroed. Tell pfn-contract how many pages have other contents. */
static void count_written(void)
{
	const char *map = __vgem_pfn_bo_mmap(fd, handle, size, PROT_READ);
	static const char zero[PAGE];
	unsigned int pages = 0;
	char mark[64];
	uint64_t at;

	if (!map)
		fail("mmap", -errno);
	for (at = 0; at < size; at += PAGE)
		pages += memcmp(map + at, zero, PAGE) != 0;
	snprintf(mark, sizeof(mark), "written pages=%u", pages);
	pfn_contract_mark(mark);
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000ULL + ts.tv_nsec / 1000;
}

/* Lookups and maps of all importers so far */
static uint64_t count_steps(void)
{
	struct vgem_pfn_bo_stats stats;

	check(__vgem_pfn_bo_stats(fd, handle, &stats), "bo_stats");
	return stats.get_pfn + stats.maps;
}

/* Let the importer use the buffer: after the copy, until some time after its next step. */
static void wait_for_step(bool async)
{
	uint64_t start = now_us(), steps = count_steps();

	if (async)
		usleep(latency_us + sync_us +
		       (bandwidth ? size * 1000000 / bandwidth >> 20 : 0));
	while (!stop && now_us() - start < STEP_MS * 1000 && count_steps() == steps)
		usleep(STEP_POLL_US);
	usleep(rand() % (2 * PAUSE_US));
}

static int move(unsigned int n, bool async)
{
	struct drm_vgem_pfn_bo_move arg = {
		.handle = handle,
		.region = n & 1 ? VGEM_PFN_CARVEOUT : second,
		.flags = async ? DRM_VGEM_PFN_MOVE_ASYNC : 0,
	};
	uint64_t start = now_us();
	int ret;

	ret = __vgem_pfn_ioctl(fd, DRM_IOCTL_VGEM_PFN_BO_MOVE, &arg);
	if (!ret && !async)
		sync_us = now_us() - start;
	return ret;
}

static void unplug(void)
{
	/* No counter of the driver can be read afterwards. */
	unplugged = true;
	check(__vgem_pfn_set(fd, "unplug", 1), "unplug");
}

static void *move_until_stop(void *arg)
{
	uint64_t end = unplug_ms ? now_us() + unplug_ms * 1000ULL : UINT64_MAX;
	unsigned int n;
	int ret;

	for (n = 0; !stop; n++) {
		bool async = n & 2;

		if (now_us() >= end) {
			unplug();
			break;
		}
		ret = move(n, async);
		/* An importer has pinned the buffer: not an error. */
		if (ret == -EBUSY)
			pinned++;
		else if (ret && ret != -EINTR)
			fail("move", ret);
		if (pause_us != UINT32_MAX)
			usleep(pause_us);
		else if (ret)
			usleep(PAUSE_US);
		else if (n % 4 != 3)
			wait_for_step(async);
	}
	return arg;
}

/* --- the command's cgroup --- */

static char cgroup[64];

static bool cgroup_write(const char *dir, const char *name, const char *text)
{
	char path[128];
	int file;
	bool ok;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = open(path, O_WRONLY | O_CLOEXEC);
	if (file < 0)
		return false;
	ok = write(file, text, strlen(text)) == (ssize_t)strlen(text);
	close(file);
	return ok;
}

/* A process that is still in the cgroup prevents this. */
static void cgroup_remove(void)
{
	if (cgroup[0])
		rmdir(cgroup);
}

/* Without cgroups the command is not slowed down, and pfn-contract reports lost events. */
static void cgroup_create(void)
{
	atexit(cgroup_remove);
	cgroup_write(CGROUPS, "cgroup.subtree_control", "+cpu");
	snprintf(cgroup, sizeof(cgroup), CGROUPS "/vgem_pfn_share.%d", getpid());
	if (mkdir(cgroup, 0755) || !cgroup_write(cgroup, "cpu.max", CPU_FULL)) {
		rmdir(cgroup);
		cgroup[0] = 0;
	}
}

static bool cgroup_cpu(const char *max)
{
	return cgroup[0] && cgroup_write(cgroup, "cpu.max", max);
}

/* --- the command --- */

static pid_t start_command(char **argv, int *output)
{
	struct termios raw;
	int master, slave;
	pid_t child;

	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0 || grantpt(master) || unlockpt(master))
		fail("terminal", -errno);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0 || tcgetattr(slave, &raw))
		fail("terminal", -errno);
	cfmakeraw(&raw);
	tcsetattr(slave, TCSANOW, &raw);

	child = check(fork(), "fork");
	if (!child) {
		setsid();
		if (cgroup[0])
			cgroup_write(cgroup, "cgroup.procs", "0");
		dup2(open("/dev/null", O_RDONLY), 0);
		dup2(slave, 1);
		dup2(slave, 2);
		execvp(argv[0], argv);
		fail(argv[0], -errno);
	}
	close(slave);
	fcntl(master, F_SETFL, O_NONBLOCK);
	*output = master;
	return child;
}

static void pass_on(int output)
{
	char text[4096];
	ssize_t n;

	while ((n = read(output, text, sizeof(text))) > 0)
		if (write(1, text, n) != n)
			return;
}

/* The number after @name in a file of pfn-contract's trace instance, 0 if there is none */
static unsigned long long trace_number(const char *path, const char *name)
{
	unsigned long long value = 0;
	char line[64];
	FILE *file;

	file = fopen(path, "re");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			value = strtoull(line + strlen(name), NULL, 10);
	fclose(file);
	return value;
}

/* Bytes that pfn-contract has not read, of the CPU that has most */
static unsigned long long trace_unread(void)
{
	unsigned long long most = 0, bytes;
	long i, cpus = sysconf(_SC_NPROCESSORS_CONF);
	char path[96];

	for (i = 0; i < cpus; i++) {
		snprintf(path, sizeof(path), TRACE "/per_cpu/cpu%ld/stats", i);
		bytes = trace_number(path, "bytes: ");
		if (bytes > most)
			most = bytes;
	}
	return most;
}

/* Slow the command down, or not. Returns whether it is slow. */
static bool pace_command(bool slow)
{
	static unsigned long long limit;
	unsigned long long unread;

	if (!limit)
		limit = trace_number(TRACE "/buffer_size_kb", "") * 1024 / 4;
	if (!limit)
		return false;
	unread = trace_unread();
	if (!slow && unread > limit && cgroup_cpu(CPU_SLOW)) {
		pauses++;
		return true;
	}
	if (slow && unread < limit / 4)
		return !cgroup_cpu(CPU_FULL);
	return slow;
}

/*
 * Sets @status as wait() does. Returns true if the command exceeded the time limit
 * and was killed with its process group.
 */
static bool wait_command(pid_t child, int output, int *status)
{
	uint64_t start = now_us(), limit = limit_s * 1000ULL, ms;
	struct pollfd poll_output = { .fd = output, .events = POLLIN };
	bool ended = false, slow = false;

	while (!waitpid(child, status, WNOHANG)) {
		/* poll() returns at once when the terminal has no writer. */
		if (poll(&poll_output, 1, POLL_MS) > 0 &&
		    !(poll_output.revents & POLLIN))
			usleep(POLL_MS * 1000);
		pass_on(output);
		if (!ended)
			slow = pace_command(slow);
		ms = (now_us() - start) / 1000;
		if (!limit || ms < limit)
			continue;
		cgroup_cpu(CPU_FULL);
		kill(-child, ms < limit + TERM_MS ? SIGTERM : SIGKILL);
		ended = true;
	}
	if (ended)
		kill(-child, SIGKILL);
	pass_on(output);
	return ended;
}

/* Shells report a signal as an exit status above 128. */
static int report(int status, bool ended)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) :
				       128 + WTERMSIG(status);
	const char *name = code > 128 ? sigabbrev_np(code - 128) : NULL;

	fputs("vgem_pfn_share: the command ", stderr);
	if (ended) {
		fprintf(stderr, "was not done after %u s (TIMEOUT) and was ended\n",
			limit_s);
		return STATUS_TIME;
	}
	if (name)
		fprintf(stderr, "was killed by SIG%s\n", name);
	else
		fprintf(stderr, "ended with exit status %d\n", code);
	return code;
}

static void interrupt(int signal)
{
	(void)signal;
}

static void reset_knobs(void)
{
	size_t i;

	__vgem_pfn_set(fd, "engine_latency_us", 0);
	__vgem_pfn_set(fd, "engine_bandwidth_mibps", 0);
	__vgem_pfn_set(fd, "pin_notifies", 0);
	for (i = 0; fail_nth && i < NUM_STEPS; i++)
		__vgem_pfn_fault_disarm(fd, steps[i]);
}

static void say_counts(void)
{
	struct drm_vgem_pfn_bo_query query;
	struct vgem_pfn_bo_stats stats;

	reset_knobs();
	check(__vgem_pfn_bo_query(fd, handle, &query), "query");
	check(__vgem_pfn_bo_stats(fd, handle, &stats), "bo_stats");
	count_written();
	fprintf(stderr, "vgem_pfn_share: %llu moves, %u attempts while pinned,",
		(unsigned long long)query.num_moves, pinned);
	fprintf(stderr, " %llu notifications, %llu lookups, %llu maps, %u attachments left\n",
		(unsigned long long)query.num_notifies,
		(unsigned long long)stats.get_pfn, (unsigned long long)stats.maps,
		query.num_attachments);
	if (pauses)
		fprintf(stderr, "vgem_pfn_share: slowed down %u times, to read the events\n",
			pauses);
}

int main(int argc, char **argv)
{
	/* Without SA_RESTART, a move that waits for an importer is interrupted. */
	struct sigaction action = { .sa_handler = interrupt };
	int output, ret, status;
	pthread_t mover;
	pid_t child;
	bool ended;

	parse(argc, argv);
	share_buffer();
	cgroup_create();
	child = start_command(argv + optind, &output);
	close(dmabuf);
	sigaction(SIGUSR1, &action, NULL);
	ret = pthread_create(&mover, NULL, move_until_stop, NULL);
	if (ret) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		fail("thread", -ret);
	}

	ended = wait_command(child, output, &status);
	stop = true;
	pthread_kill(mover, SIGUSR1);
	pthread_join(mover, NULL);

	if (unplugged)
		fprintf(stderr, "vgem_pfn_share: the device was unplugged\n");
	else
		say_counts();
	return report(status, ended);
}
