// SPDX-License-Identifier: MIT
/*
 * Moves a buffer of vgem_pfn while a command runs:
 *
 *	vgem_pfn_share [-s KiB] [-p US] [-l US] [-q MS] [-t SECONDS] COMMAND...
 *
 * The command inherits the dma-buf. Its environment has the descriptor in
 * VGEM_PFN_DMABUF_FD, the size in VGEM_PFN_SIZE, and in VGEM_PFN_INO the inode
 * number that identifies the dma-buf in trace events and bufinfo. The buffer moves
 * between the first carveout and system memory; synchronous moves and moves by a
 * slow copy engine take turns.
 *
 * The command's output goes through a terminal: with a pipe, the C library would
 * buffer it, and it would be lost if the command is killed. Messages of this
 * program go to standard error.
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
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

#include "../../igt/lib/pfn_contract.h"
#include "../../igt/lib/vgem_pfn_ioctl.h"

#define PAGE		4096
#define POLL_MS		50
#define TERM_MS		2000	/* between SIGTERM and SIGKILL */
#define STATUS_TIME	124
#define STATUS_NOTHING	125

static uint32_t size_kib = 1024, pause_us = 2000, latency_us = 3000;
static uint32_t quarantine_ms = 20, limit_s;

static int fd, dmabuf;
static uint32_t handle;
static uint64_t size;
static atomic_bool stop;
static unsigned int pinned;

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

static void parse(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "+s:p:l:q:t:")) != -1) {
		uint32_t value = optarg ? strtoul(optarg, NULL, 0) : 0;

		switch (c) {
		case 's':
			size_kib = value;
			break;
		case 'p':
			pause_us = value;
			break;
		case 'l':
			latency_us = value;
			break;
		case 'q':
			quarantine_ms = value;
			break;
		case 't':
			limit_s = value;
			break;
		default:
			exit(STATUS_NOTHING);
		}
	}
	if (optind == argc) {
		fputs("vgem_pfn_share [-s KiB] [-p US] [-l US] [-q MS] [-t SECONDS] COMMAND...\n",
		      stderr);
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

static void share_buffer(void)
{
	static const uint32_t placements[] = { VGEM_PFN_CARVEOUT, VGEM_PFN_TT };
	struct stat st;
	char mark[64], why[256];
	int ret;

	fd = check(__drm_open_by_name("vgem_pfn", "renderD"), "vgem_pfn");
	ret = __vgem_pfn_check_regions(fd, why, sizeof(why));
	if (ret)
		fail(why, ret);
	size = size_kib * 1024ULL;
	check(__vgem_pfn_bo_create(fd, &size, placements, 2, &handle), "create");
	dmabuf = check(__vgem_pfn_handle_to_fd(fd, handle, DRM_RDWR), "export");
	if (fstat(dmabuf, &st))
		fail("fstat", -errno);
	check(__vgem_pfn_set(fd, "engine_latency_us", latency_us), "debugfs");
	check(__vgem_pfn_set_quarantine(fd, quarantine_ms), "debugfs");
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

static int move(unsigned int n)
{
	struct drm_vgem_pfn_bo_move arg = {
		.handle = handle,
		.region = n & 1 ? VGEM_PFN_CARVEOUT : VGEM_PFN_TT,
		.flags = n & 2 ? DRM_VGEM_PFN_MOVE_ASYNC : 0,
	};

	return __vgem_pfn_ioctl(fd, DRM_IOCTL_VGEM_PFN_BO_MOVE, &arg);
}

static void *move_until_stop(void *arg)
{
	unsigned int n;
	int ret;

	for (n = 0; !stop; n++) {
		ret = move(n);
		/* An importer has pinned the buffer: not an error. */
		if (ret == -EBUSY)
			pinned++;
		else if (ret && ret != -EINTR)
			fail("move", ret);
		usleep(pause_us);
	}
	return arg;
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

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

/*
 * Sets @status as wait() does. Returns true if the command exceeded the time limit
 * and was killed with its process group.
 */
static bool wait_command(pid_t child, int output, int *status)
{
	uint64_t start = now_ms(), limit = limit_s * 1000ULL, ms;
	struct pollfd poll_output = { .fd = output, .events = POLLIN };
	bool ended = false;

	while (!waitpid(child, status, WNOHANG)) {
		/* poll() returns at once when the terminal has no writer. */
		if (poll(&poll_output, 1, POLL_MS) > 0 &&
		    !(poll_output.revents & POLLIN))
			usleep(POLL_MS * 1000);
		pass_on(output);
		ms = now_ms() - start;
		if (!limit || ms < limit)
			continue;
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

int main(int argc, char **argv)
{
	/* Without SA_RESTART, a move that waits for an importer is interrupted. */
	struct sigaction action = { .sa_handler = interrupt };
	struct drm_vgem_pfn_bo_query query;
	struct vgem_pfn_bo_stats stats;
	int output, ret, status;
	pthread_t mover;
	pid_t child;
	bool ended;

	parse(argc, argv);
	share_buffer();
	child = start_command(argv + optind, &output);
	close(dmabuf);
	sigaction(SIGUSR1, &action, NULL);
	ret = pthread_create(&mover, NULL, move_until_stop, NULL);
	if (ret)
		fail("thread", -ret);

	ended = wait_command(child, output, &status);
	stop = true;
	pthread_kill(mover, SIGUSR1);
	pthread_join(mover, NULL);

	check(__vgem_pfn_bo_query(fd, handle, &query), "query");
	check(__vgem_pfn_bo_stats(fd, handle, &stats), "bo_stats");
	__vgem_pfn_set(fd, "engine_latency_us", 0);
	count_written();
	fprintf(stderr, "vgem_pfn_share: %llu moves, %u attempts while pinned,",
		(unsigned long long)query.num_moves, pinned);
	fprintf(stderr, " %llu notifications, %llu lookups, %u attachments left\n",
		(unsigned long long)query.num_notifies,
		(unsigned long long)stats.get_pfn, query.num_attachments);
	return report(status, ended);
}
