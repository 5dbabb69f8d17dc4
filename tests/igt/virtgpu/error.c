// SPDX-License-Identifier: MIT
/*
 * Subtests of errors in virtio-gpu's import: allocations that fail, a move before an
 * import is complete, and an unbind.
 */
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "igt.h"
#include "pfn_nth.h"
#include "pfn_trace.h"
#include "virtgpu.h"

#define SIZE	(64 * KiB)

static void test_nth_move(int fd, int gpu)
{
	struct drm_vgem_pfn_bo_query query;
	int nth, n, ret, left, moved = 0;

	nth = pfn_nth_begin();
	for (n = 1, left = 0; !left; n++) {
		struct virtgpu v = virtgpu_create(fd, gpu, SIZE, n);

		virtgpu_trace();
		pfn_nth_arm(nth, n);
		ret = __vgem_pfn_bo_move(fd, v.handle, VGEM_PFN_TT);
		left = pfn_nth_disarm(nth);

		query = vgem_pfn_bo_query(fd, v.handle);
		igt_assert_f(!ret || !left, "N=%d: %d, and nothing had failed\n",
			     n, ret);
		igt_assert_f(!!query.num_notifies ==
			     virtgpu_sent(CMD_DETACH_BACKING),
			     "N=%d: %d, %llu notifications, and %d detach commands\n",
			     n, ret, (long long)query.num_notifies,
			     virtgpu_sent(CMD_DETACH_BACKING));
		moved += !ret;
		vgem_pfn_bo_check(fd, v.handle, SIZE, n);
		virtgpu_destroy(&v);
	}
	igt_info("%d points, %d moves\n", n - 2, moved);
	igt_assert_lt(10, n);
	pfn_nth_end(nth);
}

static void test_nth_import(int fd, int gpu)
{
	uint32_t handle = vgem_pfn_bo_create(fd, SIZE, VGEM_PFN_CARVEOUT,
					     VGEM_PFN_TT), import;
	int dmabuf = vgem_pfn_export(fd, handle);
	struct drm_vgem_pfn_bo_query query;
	int nth, n, ret, left, failed = 0;

	vgem_pfn_bo_fill(fd, handle, SIZE, 1);
	nth = pfn_nth_begin();
	for (n = 1, left = 0; !left; n++) {
		pfn_nth_arm(nth, n);
		ret = __vgem_pfn_fd_to_handle(gpu, dmabuf, &import);
		left = pfn_nth_disarm(nth);

		igt_assert_f(!ret || !left, "N=%d: %d, and nothing had failed\n",
			     n, ret);
		query = vgem_pfn_bo_query(fd, handle);
		igt_assert_eq_u32(query.num_attachments, !ret);
		igt_assert_eq_u32(query.pin_count, 0);
		failed += !!ret;
		if (!ret)
			vgem_pfn_gem_close(gpu, import);
		vgem_pfn_bo_check(fd, handle, SIZE, 1);
	}
	igt_info("%d points, %d imports refused\n", n - 2, failed);
	igt_assert_lt(5, n);
	pfn_nth_end(nth);
	close(dmabuf);
	vgem_pfn_gem_close(fd, handle);
}

/* --- a move between the attachment and the rest of an import --- */

#define RACE_MS		20000
#define RACE_HITS	3

static atomic_bool racing;

struct racer {
	int fd;
	uint32_t handle;
	int moves;
};

/*
 * With real-time priority on the CPU of the importing thread, which runs while this one
 * sleeps.
 */
static void *race_move(void *data)
{
	struct sched_param first = { .sched_priority = 1 };
	struct racer *racer = data;
	uint64_t random = 0x5eed;

	igt_assert_eq(sched_setscheduler(0, SCHED_FIFO, &first), 0);
	while (racing) {
		usleep(pfn_random(&random) % 2000);
		if (!__vgem_pfn_bo_move(racer->fd, racer->handle,
					racer->moves & 1 ? VGEM_PFN_CARVEOUT :
							   VGEM_PFN_TT))
			racer->moves++;
	}
	return NULL;
}

/* Notifications between the attachment and the creation of a resource */
static int count_hits(void)
{
	FILE *file = fopen(PFN_TRACE_DIR "/trace", "re");
	bool attached = false;
	char line[512];
	int n = 0;

	igt_assert(file);
	while (fgets(line, sizeof(line), file)) {
		if (strstr(line, " dma_buf_dynamic_attach: "))
			attached = true;
		else if (strstr(line, " virtio_gpu_cmd_queue: "))
			attached = false;
		else if (strstr(line, " dma_buf_invalidate_begin: "))
			n += attached;
	}
	fclose(file);
	return n;
}

static void test_move_while_attaching(int fd, int gpu)
{
	struct racer racer = { .fd = fd };
	struct timespec start = {};
	int dmabuf, imports = 0;
	cpu_set_t one, all;
	pthread_t thread;
	uint32_t import;

	racer.handle = vgem_pfn_bo_create(fd, SIZE, VGEM_PFN_CARVEOUT,
					  VGEM_PFN_TT);
	dmabuf = vgem_pfn_export(fd, racer.handle);
	vgem_pfn_bo_fill(fd, racer.handle, SIZE, 1);
	igt_assert_eq(__pfn_trace_start("dma_buf", "dma_buf_dynamic_attach"), 0);
	igt_assert_eq(__pfn_trace_also("dma_buf", "dma_buf_invalidate_begin"), 0);
	igt_assert_eq(__pfn_trace_also("virtio_gpu", "virtio_gpu_cmd_queue"), 0);
	igt_assert_eq(__pfn_trace_write("events/dma_buf/dma_buf_dynamic_attach/trigger",
					"stacktrace"), 0);

	sched_getaffinity(0, sizeof(all), &all);
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	igt_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	racing = true;
	igt_assert_eq(pthread_create(&thread, NULL, race_move, &racer), 0);
	do {
		int i;

		for (i = 0; i < 50; i++, imports++) {
			igt_assert_eq(__vgem_pfn_fd_to_handle(gpu, dmabuf,
							      &import), 0);
			vgem_pfn_gem_close(gpu, import);
		}
	} while (count_hits() < RACE_HITS &&
		 igt_nsec_elapsed(&start) < RACE_MS * 1000000ULL);
	racing = false;
	pthread_join(thread, NULL);
	sched_setaffinity(0, sizeof(all), &all);

	igt_info("%d imports, %d moves, %d of them while attaching\n", imports,
		 racer.moves, count_hits());
	igt_assert_lt(0, count_hits());
	vgem_pfn_bo_check(fd, racer.handle, SIZE, 1);
	close(dmabuf);
	vgem_pfn_gem_close(fd, racer.handle);
}

/* --- the device is unbound --- */

static void set_bound(const char *device, bool yes)
{
	igt_assert_eq(__pfn_write_file(yes ?
				       "/sys/bus/virtio/drivers/virtio_gpu/bind" :
				       "/sys/bus/virtio/drivers/virtio_gpu/unbind",
				       device), 0);
}

/* The name of the device on the virtio bus, which is below the DRM device's parent */
static void virtio_name(int gpu, char *name, size_t size)
{
	struct dirent *entry;
	struct stat st;
	char path[80];
	DIR *dir;

	igt_assert_eq(fstat(gpu, &st), 0);
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/device",
		 major(st.st_rdev), minor(st.st_rdev));
	dir = opendir(path);
	igt_assert(dir);
	*name = '\0';
	while (!*name && (entry = readdir(dir)))
		if (!strncmp(entry->d_name, "virtio", 6))
			snprintf(name, size, "%s", entry->d_name);
	closedir(dir);
	igt_assert_f(*name, "no virtio device in %s\n", path);
}

static void test_unbind(int fd)
{
	int gpu = pfn_open_other(DRIVER_VIRTIO, "virtio_gpu"), ms;
	struct vgem_pfn_mover mover;
	struct virtgpu v;
	char name[256];

	virtio_name(gpu, name, sizeof(name));
	v = virtgpu_create(fd, gpu, SIZE, 1);
	set_bound(name, false);

	vgem_pfn_mover_start(&mover, fd, v.handle, VGEM_PFN_TT);
	for (ms = 0; !mover.thread.done && ms < 60000; ms += 10)
		usleep(10000);
	igt_assert_f(mover.thread.done, "a move hangs\n");
	vgem_pfn_mover_wait(&mover);
	vgem_pfn_bo_check_mem(fd, v.handle, SIZE, 1);

	close(v.dmabuf);
	close(gpu);
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, v.handle).num_attachments, 0);
	vgem_pfn_gem_close(fd, v.handle);
	set_bound(name, true);
}

void virtgpu_error_tests(int fd, int gpu)
{
	igt_describe("Whichever allocation fails, the host keeps no memory of a moved buffer.");
	igt_subtest("nth-move")
		test_nth_move(fd, gpu);

	igt_describe("An import that fails leaves nothing behind.");
	igt_subtest("nth-import")
		test_nth_import(fd, gpu);

	igt_describe("A notification may come before the import is complete.");
	igt_subtest("move-while-attaching")
		test_move_while_attaching(fd, gpu);
}

void virtgpu_unbind_tests(int fd)
{
	igt_describe("No move waits for an unbound device.");
	igt_subtest("unbind")
		test_unbind(fd);
}
