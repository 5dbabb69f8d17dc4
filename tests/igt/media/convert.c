// SPDX-License-Identifier: MIT
/* Subtests of vim2m as importer: it copies a picture from one buffer to another. */
#include <errno.h>

#include "igt.h"
#include "media.h"
#include "pfn_pci.h"

struct convert {
	int video;
	struct media_queue from;
	struct media_queue to;
};

static void convert_begin(struct convert *convert)
{
	convert->video = media_open(MEDIA_M2M);
	convert->from = media_queue(convert->video, V4L2_BUF_TYPE_VIDEO_OUTPUT);
	convert->to = media_queue(convert->video, V4L2_BUF_TYPE_VIDEO_CAPTURE);
	igt_assert_eq(__media_request(&convert->from, 1, V4L2_MEMORY_DMABUF), 0);
	igt_assert_eq(__media_request(&convert->to, 1, V4L2_MEMORY_DMABUF), 0);
	igt_assert_eq(__media_stream(&convert->from, true), 0);
	igt_assert_eq(__media_stream(&convert->to, true), 0);
}

static void convert_stop(struct convert *convert)
{
	igt_assert_eq(__media_stream(&convert->from, false), 0);
	igt_assert_eq(__media_stream(&convert->to, false), 0);
	igt_assert_eq(__media_request(&convert->from, 0, V4L2_MEMORY_DMABUF), 0);
	igt_assert_eq(__media_request(&convert->to, 0, V4L2_MEMORY_DMABUF), 0);
}

/* Copy @from, which has its pattern, to @to. */
static void convert_run(struct convert *convert, struct media_bo *from, struct media_bo *to)
{
	uint8_t *picture = malloc(from->size);

	igt_assert(picture);
	pfn_pattern_fill(picture, 0, from->size, from->seed);
	igt_assert_eq(__media_queue(&convert->from, 0, from->dmabuf, 0), 0);
	igt_assert_eq(__media_queue(&convert->to, 0, to->dmabuf, 0), 0);
	media_bo_assert_pinned(from);
	media_bo_assert_pinned(to);
	igt_assert_eq_u32(media_dequeue(&convert->to), 0);
	igt_assert_eq_u32(media_dequeue(&convert->from), 0);
	media_bo_check(from, picture, from->size);
	media_bo_check(to, picture, convert->to.size);
	free(picture);
}

static int test_fd;
static uint32_t test_from;
static int test_fd_from;

static void convert_to(int fd, uint32_t region)
{
	struct media_bo from, to;
	struct convert convert;

	if (media_is_bar(fd, region))
		return;
	from = media_bo_create(test_fd_from, test_from, 3);
	to = media_bo_create(fd, region, 4);
	convert_begin(&convert);
	convert_run(&convert, &from, &to);
	convert_stop(&convert);
	close(convert.video);
	media_bo_assert_unused(&from);
	media_bo_assert_unused(&to);
	media_bo_destroy(&to);
	media_bo_destroy(&from);
}

/* From each region to a few others */
static void test_convert(int fd, uint32_t region)
{
	if (media_is_bar(fd, region))
		return;
	test_from = region;
	test_fd_from = fd;
	convert_to(test_fd, VGEM_PFN_TT);
	convert_to(test_fd, VGEM_PFN_CARVEOUT);
}

static void test_convert_all(int fd, uint32_t region)
{
	if (media_is_bar(fd, region))
		return;
	test_from = region;
	test_fd_from = fd;
	pfn_each_region(test_fd, convert_to);
}

/* A buffer in a BAR as source or as target is refused, and the other buffer is not used. */
static void test_bar(int fd, uint32_t region)
{
	struct media_bo bar, other;
	struct convert convert;

	if (!media_is_bar(fd, region))
		return;
	bar = media_bo_create(fd, region, 1);
	other = media_bo_create(test_fd, VGEM_PFN_CARVEOUT, 2);
	convert_begin(&convert);
	igt_assert_eq(__media_queue(&convert.from, 0, bar.dmabuf, 0), -EOPNOTSUPP);
	igt_assert_eq(__media_queue(&convert.to, 0, bar.dmabuf, 0), -EOPNOTSUPP);
	media_bo_assert_unused(&bar);
	/* videobuf2 takes no output of this index before the next REQBUFS. */
	convert_stop(&convert);
	close(convert.video);
	convert_begin(&convert);
	convert_run(&convert, &other, &other);
	convert_stop(&convert);
	close(convert.video);
	media_bo_assert_unused(&other);
	media_bo_destroy(&other);
	media_bo_destroy(&bar);
}

/* The buffers change their places between pictures, also their roles. */
static void test_convert_move(int fd)
{
	struct media_bo bos[2] = {
		media_bo_create(fd, VGEM_PFN_CARVEOUT, 5),
		media_bo_create(fd, VGEM_PFN_TT, 6),
	};
	struct drm_vgem_pfn_region region;
	struct convert convert;
	uint32_t id;
	int n = 0;

	vgem_pfn_for_each_region(fd, region, id) {
		struct media_bo *from = &bos[n % 2], *to = &bos[(n + 1) % 2];

		vgem_pfn_bo_move(fd, from->handle, id);
		from->seed = 10 + n;
		vgem_pfn_bo_fill(fd, from->handle, from->size, from->seed);
		convert_begin(&convert);
		convert_run(&convert, from, to);
		convert_stop(&convert);
		close(convert.video);
		n++;
	}
	media_bo_destroy(&bos[0]);
	media_bo_destroy(&bos[1]);
}

void media_convert_tests(int fd)
{
	test_fd = fd;

	igt_describe("A picture is copied from each kind of memory.");
	igt_subtest("convert")
		pfn_each_region(fd, test_convert);

	igt_describe("A picture is copied from each kind of memory to each other one.");
	igt_subtest("convert-long")
		pfn_each_region(fd, test_convert_all);

	igt_describe("Buffers move between pictures.");
	igt_subtest("convert-move")
		test_convert_move(fd);

	igt_describe("A buffer in I/O memory is refused.");
	igt_subtest("convert-bar") {
		int bar = pfn_pci_open_bar();

		igt_require_f(bar >= 0, "no device with a BAR\n");
		close(bar);
		pfn_each_region(fd, test_bar);
	}
}
