// SPDX-License-Identifier: MIT
/* Subtests of buffers that V4L2 devices must refuse, and of failures of the exporter */
#include <errno.h>
#include <fcntl.h>

#include "igt.h"
#include "media.h"
#include "pfn_fault.h"

struct bad {
	int video;
	struct media_queue queue;
	struct media_bo bo;
};

static void bad_begin(struct bad *bad, int fd, enum media_kind kind)
{
	bad->video = media_open(kind);
	bad->queue = media_queue(bad->video, kind == MEDIA_M2M ?
				 V4L2_BUF_TYPE_VIDEO_OUTPUT : V4L2_BUF_TYPE_VIDEO_CAPTURE);
	bad->bo = media_bo_create(fd, media_carveout(fd, kind), 1);
	igt_assert_eq(__media_request(&bad->queue, 2, V4L2_MEMORY_DMABUF), 0);
}

/* The device works, and has no reference to the buffer afterwards. */
static void bad_end(struct bad *bad)
{
	media_bo_assert_unused(&bad->bo);
	igt_assert_eq(__media_request(&bad->queue, 0, V4L2_MEMORY_DMABUF), 0);
	igt_assert_eq(__media_request(&bad->queue, 2, V4L2_MEMORY_DMABUF), 0);
	igt_assert_eq(__media_queue(&bad->queue, 0, bad->bo.dmabuf, 0), 0);
	media_bo_assert_pinned(&bad->bo);
	close(bad->video);
	media_bo_assert_unused(&bad->bo);
	media_bo_destroy(&bad->bo);
}

static void test_length(struct bad *bad)
{
	int n;

	/* Shorter than a frame, and longer than the buffer */
	igt_assert_eq(__media_queue(&bad->queue, 0, bad->bo.dmabuf, 1), -EINVAL);
	for (n = 0; n < 10; n++)
		igt_assert_eq(__media_queue(&bad->queue, 0, bad->bo.dmabuf,
					    bad->bo.size + 1), -EFAULT);
	igt_assert_eq(__media_queue(&bad->queue, 0, bad->bo.dmabuf, UINT32_MAX), -EFAULT);
}

static void test_fd(struct bad *bad)
{
	int file = open("/dev/null", O_RDWR | O_CLOEXEC);
	uint32_t handle = vgem_pfn_bo_create(bad->bo.fd, PFN_PAGE_SIZE, VGEM_PFN_CARVEOUT);
	int small = vgem_pfn_export(bad->bo.fd, handle);
	uint64_t id = vgem_pfn_bo_query(bad->bo.fd, handle).id;

	igt_assert_eq(__media_queue(&bad->queue, 0, -1, 0), -EINVAL);
	igt_assert_eq(__media_queue(&bad->queue, 0, file, 0), -EINVAL);
	igt_assert_eq(__media_queue(&bad->queue, 0, bad->video, 0), -EINVAL);
	igt_assert_eq(__media_queue(&bad->queue, 0, small, 0), -EINVAL);
	igt_assert_eq(__media_queue(&bad->queue, 2, bad->bo.dmabuf, 0), -EINVAL);

	/* A buffer that was queued before is released. */
	igt_assert_eq(__media_queue(&bad->queue, 0, bad->bo.dmabuf, 0), 0);
	igt_assert_eq(__media_queue(&bad->queue, 0, small, 0), -EINVAL);
	igt_assert_eq(__media_stream(&bad->queue, false), 0);
	igt_assert_eq(__media_queue(&bad->queue, 0, small, 0), -EINVAL);
	close(small);
	vgem_pfn_gem_close(bad->bo.fd, handle);
	media_assert_freed(bad->bo.fd, id);
	close(file);
}

static void test_faults(struct bad *bad)
{
	/* The steps of a static attachment, and what videobuf2 makes of their errors */
	static const struct {
		const char *step;
		int error;
	} steps[] = {
		{ "attach", -ENOMEM },
		{ "pin", -EINVAL },
		{ "map", -EINVAL },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		igt_require_f(!__vgem_pfn_fault_arm(bad->bo.fd, steps[i].step, 1, 1),
			      "the kernel needs fault injection\n");
		igt_assert_eq(__media_queue(&bad->queue, 0, bad->bo.dmabuf, 0),
			      steps[i].error);
		igt_assert_eq(__vgem_pfn_fault_disarm(bad->bo.fd, steps[i].step), 0);
		media_bo_assert_unused(&bad->bo);
	}
}

/*
 * Bounce buffers: a scatter list that needs them is refused. A kernel mapping is of the
 * buffer itself.
 */
static void test_swiotlb(int fd)
{
	struct bad bad;

	pfn_require_kernel_param("swiotlb=force");
	bad_begin(&bad, fd, MEDIA_DMA_CONTIG);
	igt_assert_eq(__media_queue(&bad.queue, 0, bad.bo.dmabuf, 0), -EINVAL);
	media_bo_assert_unused(&bad.bo);
	close(bad.video);
	media_bo_destroy(&bad.bo);

	bad_begin(&bad, fd, MEDIA_VMALLOC);
	media_set_frame(bad.video, 1);
	igt_assert_eq(__media_queue(&bad.queue, 0, bad.bo.dmabuf, 0), 0);
	igt_assert_eq(__media_stream(&bad.queue, true), 0);
	igt_assert_eq_u32(media_dequeue(&bad.queue), 0);
	media_bo_check(&bad.bo, media_frame(1), bad.queue.size);
	close(bad.video);
	media_bo_destroy(&bad.bo);
}

void media_bad_tests(int fd)
{
	enum media_kind kind;
	struct bad bad;

	for (kind = MEDIA_VMALLOC; kind < MEDIA_NUM_KINDS; kind++) {
		igt_describe("Lengths that do not match the buffer are refused.");
		igt_subtest_f("bad-length-%s", media_kind_names[kind]) {
			bad_begin(&bad, fd, kind);
			test_length(&bad);
			bad_end(&bad);
		}

		igt_describe("Files that are no dma-buf of the right size are refused.");
		igt_subtest_f("bad-fd-%s", media_kind_names[kind]) {
			bad_begin(&bad, fd, kind);
			test_fd(&bad);
			bad_end(&bad);
		}
	}

	igt_describe("A failure of the exporter leaves nothing behind.");
	igt_subtest("faults") {
		bad_begin(&bad, fd, MEDIA_DMA_CONTIG);
		test_faults(&bad);
		bad_end(&bad);
	}

	igt_describe("A device that needs bounce buffers cannot map a buffer.");
	igt_subtest("swiotlb")
		test_swiotlb(fd);
}
