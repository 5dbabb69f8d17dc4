// SPDX-License-Identifier: MIT
/*
 * A buffer of vgem_pfn that moves for as long as a command runs:
 *
 *	vgem_pfn_share [-s KiB] [-p US] [-l US] [-q MS] COMMAND [ARGUMENT...]
 *
 * The command inherits the dma-buf, and finds its descriptor in VGEM_PFN_DMABUF_FD,
 * its size in VGEM_PFN_SIZE, and the inode number that trace events and bufinfo name
 * it by in VGEM_PFN_INO. The buffer goes between the first carveout and system
 * memory, in turn by a copy of the mover and by an engine, which is slow.
 *
 * The exit status is that of the command, or 125 if there was nothing to run it with.
 */
#include <getopt.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "../igt/lib/vgem_pfn_ioctl.h"

static uint32_t size_kib = 1024, pause_us = 2000, latency_us = 3000;
static uint32_t quarantine_ms = 20;

static void fail(const char *what, int ret)
{
	fprintf(stderr, "vgem_pfn_share: %s: %s\n", what, strerror(-ret));
	exit(125);
}

static int check(int ret, const char *what)
{
	if (ret < 0)
		fail(what, ret);
	return ret;
}

static void set_number(const char *name, unsigned long long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", value);
	setenv(name, text, 1);
}

static int move(int fd, uint32_t handle, unsigned int n)
{
	struct drm_vgem_pfn_bo_move arg = {
		.handle = handle,
		.region = n & 1 ? VGEM_PFN_CARVEOUT : VGEM_PFN_TT,
		.flags = n & 2 ? DRM_VGEM_PFN_MOVE_ASYNC : 0,
	};

	return __vgem_pfn_ioctl(fd, DRM_IOCTL_VGEM_PFN_BO_MOVE, &arg);
}

static void parse(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "+s:p:l:q:")) != -1) {
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
		default:
			exit(125);
		}
	}
	if (optind == argc) {
		fputs("vgem_pfn_share [-s KiB] [-p US] [-l US] [-q MS] COMMAND...\n",
		      stderr);
		exit(125);
	}
}

int main(int argc, char **argv)
{
	static const uint32_t placements[] = { VGEM_PFN_CARVEOUT, VGEM_PFN_TT };
	struct drm_vgem_pfn_bo_query query;
	unsigned int n = 0, pinned = 0;
	int fd, dmabuf, ret, status;
	uint32_t handle = 0;
	uint64_t size;
	struct stat st;
	pid_t child;

	parse(argc, argv);
	fd = check(__drm_open_by_name("vgem_pfn", "renderD"), "vgem_pfn");
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

	child = check(fork(), "fork");
	if (!child) {
		execvp(argv[optind], argv + optind);
		fail(argv[optind], -errno);
	}
	close(dmabuf);

	while (!waitpid(child, &status, WNOHANG)) {
		ret = move(fd, handle, n);
		/* Whoever pins keeps it where it is: no error of anybody. */
		if (ret == -EBUSY)
			pinned++;
		else if (ret && ret != -EINTR)
			fail("move", ret);
		n++;
		usleep(pause_us);
	}

	check(__vgem_pfn_bo_query(fd, handle, &query), "query");
	__vgem_pfn_set(fd, "engine_latency_us", 0);
	printf("vgem_pfn_share: %llu moves, %u attempts while pinned,",
	       (unsigned long long)query.num_moves, pinned);
	printf(" %llu notifications, %llu answers, %u attachments left\n",
	       (unsigned long long)query.num_notifies,
	       (unsigned long long)query.num_get_pfn, query.num_attachments);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
