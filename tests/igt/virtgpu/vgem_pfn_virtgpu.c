// SPDX-License-Identifier: MIT
/**
 * TEST: vgem pfn virtgpu
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: PRIME
 * Description: virtio-gpu as an importer, which is dynamic if the device has blob
 *		resources and no virgl: make test-nested.
 *
 * SUBTEST: import
 * Description: An import creates a resource of the host, and does not pin.
 *
 * SUBTEST: move
 * Description: virtio-gpu is notified of a move, and detaches the memory from the
 *		host's resource before it is copied.
 *
 * SUBTEST: evict
 * Description: virtio-gpu is notified of an eviction, and detaches the memory from the
 *		host's resource before it is copied.
 *
 * SUBTEST: close-exporter
 * Description: An import is notified of moves, and keeps the buffer, when the
 *		exporter's handle and the dma-buf's file descriptor are closed.
 *
 * SUBTEST: nth-move
 * Description: If any allocation of a move fails, the host does not keep the memory if
 *		virtio-gpu was notified.
 *
 * SUBTEST: nth-import
 * Description: An import in which any one allocation fails is rejected or works, and
 *		leaves no attachment behind.
 *
 * SUBTEST: move-while-attaching
 * Description: virtio-gpu can be notified of a move as soon as it is attached, before
 *		the import is complete.
 *
 * SUBTEST: scanout
 * Description: A buffer whose contents QEMU shows can neither be moved nor evicted.
 *
 * SUBTEST: flip
 * Description: A buffer that was moved and written to while another one was on the
 *		screen is shown with its new contents.
 *
 * SUBTEST: hibernate
 * Description: After a hibernation the host has all resources again: an import that was
 *		evicted, an import that was pinned for the screen, and a buffer of
 *		virtio-gpu.
 *
 * SUBTEST: unbind
 * Description: After virtio-gpu is unbound from its device, the buffer can move and the
 *		import can be closed.
 */

/*
 * Each other file of this directory has a group of subtests of one subject.
 */
#include <virtgpu_drm.h>

#include "igt.h"
#include "pfn_trace.h"
#include "virtgpu.h"

/* Since Linux 5.10; missing in libdrm 2.4.114 */
#ifndef VIRTGPU_PARAM_RESOURCE_BLOB
#define VIRTGPU_PARAM_RESOURCE_BLOB	3
#endif

/* Maximum number of commands in a trace */
#define MAX_COMMANDS	4096
/* Time limit for the host's responses, in a guest of a guest under emulation */
#define ACCEPT_NS	(120ULL * 1000 * 1000 * 1000)

IGT_TEST_DESCRIPTION("Memory that moves under a virtual GPU");

struct virtgpu virtgpu_create(int fd, int gpu, size_t size, uint64_t seed)
{
	struct virtgpu v = { .fd = fd, .gpu = gpu, .size = size };

	v.handle = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vgem_pfn_bo_fill(fd, v.handle, size, seed);
	v.dmabuf = vgem_pfn_export(fd, v.handle);
	igt_assert_eq(__vgem_pfn_fd_to_handle(gpu, v.dmabuf, &v.import), 0);
	return v;
}

void virtgpu_destroy(struct virtgpu *v)
{
	vgem_pfn_gem_close(v->gpu, v->import);
	close(v->dmabuf);
	vgem_pfn_gem_close(v->fd, v->handle);
}

void virtgpu_trace(void)
{
	igt_assert_eq(__pfn_trace_start("virtio_gpu", "virtio_gpu_cmd_queue"),
		      0);
	igt_assert_eq(__pfn_trace_also("virtio_gpu", "virtio_gpu_cmd_response"),
		      0);
}

int virtgpu_sent(unsigned int command)
{
	char text[64];
	int n;

	snprintf(text, sizeof(text), "cmd_queue: * type=%#x ", command);
	n = __pfn_trace_count(text);
	igt_assert_lte(0, n);
	return n;
}

/* Commands in the trace that have no response yet. Each command has a seqno of its own. */
static unsigned int num_pending(void)
{
	static bool pending[MAX_COMMANDS];
	FILE *file = fopen(PFN_TRACE_DIR "/trace", "re");
	unsigned int seqno, i, n = 0;
	char line[512], *field;

	igt_assert(file);
	memset(pending, 0, sizeof(pending));
	while (fgets(line, sizeof(line), file)) {
		field = strstr(line, " vq=0 ") ? strstr(line, " seqno=") : NULL;
		if (!field || sscanf(field, " seqno=%u", &seqno) != 1)
			continue;
		pending[seqno % MAX_COMMANDS] = !!strstr(line, "cmd_queue: ");
	}
	fclose(file);

	for (i = 0; i < MAX_COMMANDS; i++)
		n += pending[i];
	return n;
}

void virtgpu_assert_accepted(void)
{
	struct timespec start = {};
	unsigned int n;

	igt_nsec_elapsed(&start);
	while ((n = num_pending()) && igt_nsec_elapsed(&start) < ACCEPT_NS)
		usleep(20000);
	igt_assert_f(!n, "%u commands without a response\n", n);
	/* VIRTIO_GPU_RESP_ERR_* */
	igt_assert_eq(__pfn_trace_count("cmd_response: * type=0x12"), 0);
}

static bool has(int gpu, uint64_t param)
{
	int value = 0;
	struct drm_virtgpu_getparam get = {
		.param = param,
		.value = (uintptr_t)&value,
	};

	return !__vgem_pfn_ioctl(gpu, DRM_IOCTL_VIRTGPU_GETPARAM, &get) && value;
}

static void end_trace(int sig)
{
	__pfn_trace_end();
}

int igt_main()
{
	static int fd = -1, gpu = -1;

	igt_fixture() {
		fd = vgem_pfn_open();
		vgem_pfn_reset_on_exit();
		gpu = pfn_open_other(DRIVER_VIRTIO, "virtio_gpu");
		igt_require_f(has(gpu, VIRTGPU_PARAM_RESOURCE_BLOB) &&
			      !has(gpu, VIRTGPU_PARAM_3D_FEATURES),
			      "virtio-gpu without blob resources: make test-nested\n");
		igt_install_exit_handler(end_trace);
	}

	virtgpu_import_tests(fd, gpu);
	virtgpu_error_tests(fd, gpu);
	virtgpu_scanout_tests(fd, gpu);
	virtgpu_suspend_tests(fd, gpu);

	igt_fixture()
		close(gpu);

	virtgpu_unbind_tests(fd);

	igt_fixture()
		close(fd);
}
