// SPDX-License-Identifier: MIT
/* Subtests of vivid as importer: frames that it captures into buffers */
#include <errno.h>

#include "igt.h"
#include "media.h"
#include "pfn_pci.h"

#define NUM_BOS		2
/* Result of expected(): the buffer moves to TT, and the result depends on its pages there */
#define MOVES		1

/*
 * The result of queueing a buffer, by where its memory is. A kernel mapping must not be of
 * I/O memory. A scatter list for videobuf2-dma-contig has struct pages below 4 GiB, and
 * they are contiguous.
 */
static int expected(enum media_kind kind, const struct media_bo *bo)
{
	uint32_t region = vgem_pfn_bo_region(bo->fd, bo->handle);
	uint32_t type = vgem_pfn_region(bo->fd, region).type;
	uint64_t i, num = bo->size / PFN_PAGE_SIZE, *pfns;
	int ret = 0;

	if (kind != MEDIA_DMA_CONTIG)
		return media_is_bar(bo->fd, region) ? -EOPNOTSUPP : 0;
	/* Static attachments do not reach these, so the buffer moves to system memory. */
	if (type == DRM_VGEM_PFN_REGION_TYPE_RESERVED || type == DRM_VGEM_PFN_REGION_TYPE_BAR)
		return MOVES;

	pfns = media_bo_pfns(bo);
	for (i = 1; i < num; i++)
		if (pfns[i] != pfns[0] + i)
			ret = -EFAULT;
	for (i = 0; i < num; i++)
		if (pfns[i] >= MEDIA_DMA_LIMIT / PFN_PAGE_SIZE)
			ret = -EINVAL;
	free(pfns);
	return ret;
}

struct capture {
	enum media_kind kind;
	int video;
	struct media_queue queue;
	struct media_bo bos[NUM_BOS];
};

static void capture_begin(struct capture *capture, enum media_kind kind, int fd,
			  uint32_t region)
{
	int i;

	capture->kind = kind;
	capture->video = media_open(kind);
	capture->queue = media_queue(capture->video, V4L2_BUF_TYPE_VIDEO_CAPTURE);
	for (i = 0; i < NUM_BOS; i++)
		capture->bos[i] = media_bo_create(fd, region, i + 1);
	igt_assert_eq(__media_request(&capture->queue, NUM_BOS, V4L2_MEMORY_DMABUF), 0);
}

static void capture_end(struct capture *capture)
{
	int i;

	igt_assert_eq(__media_request(&capture->queue, 0, V4L2_MEMORY_DMABUF), 0);
	for (i = 0; i < NUM_BOS; i++) {
		media_bo_assert_unused(&capture->bos[i]);
		media_bo_destroy(&capture->bos[i]);
	}
	close(capture->video);
}

/* Queue the buffers; false if that fails as expected. */
static bool capture_queue(struct capture *capture)
{
	bool ok = true;
	int i, want, ret;

	for (i = 0; i < NUM_BOS; i++) {
		struct media_bo *bo = &capture->bos[i];

		want = expected(capture->kind, bo);
		ret = __media_queue(&capture->queue, i, bo->dmabuf, 0);
		if (want == MOVES) {
			igt_assert_eq_u32(vgem_pfn_bo_region(bo->fd, bo->handle), VGEM_PFN_TT);
			want = expected(capture->kind, bo);
		}
		igt_assert_eq(ret, want);
		ok &= !ret;
		if (!ret)
			media_bo_assert_pinned(bo);
		else
			media_bo_assert_unused(bo);
	}
	return ok;
}

/* Capture frame @n into each buffer. */
static void capture_frame(struct capture *capture, unsigned int n)
{
	unsigned int i, done = 0;

	media_set_frame(capture->video, n);
	for (i = 0; i < NUM_BOS; i++)
		igt_assert_eq(__media_queue(&capture->queue, i, capture->bos[i].dmabuf, 0), 0);
	for (i = 0; i < NUM_BOS; i++)
		done |= 1 << media_dequeue(&capture->queue);
	igt_assert_eq(done, (1 << NUM_BOS) - 1);
	for (i = 0; i < NUM_BOS; i++)
		media_bo_check(&capture->bos[i], media_frame(n), capture->queue.size);
}

static void capture_frames(enum media_kind kind, int fd, uint32_t region)
{
	struct capture capture;
	int i, n, queued = 0;
	bool ok;

	capture_begin(&capture, kind, fd, region);
	media_set_frame(capture.video, 0);
	ok = capture_queue(&capture);
	if (ok) {
		igt_assert_eq(__media_stream(&capture.queue, true), 0);
		for (i = 0; i < NUM_BOS; i++)
			queued |= 1 << media_dequeue(&capture.queue);
		igt_assert_eq(queued, (1 << NUM_BOS) - 1);
		/* videobuf2 keeps the mapping for the next time. */
		for (i = 0; i < NUM_BOS; i++)
			media_bo_assert_pinned(&capture.bos[i]);
		for (n = 1; n < MEDIA_NUM_FRAMES; n++)
			capture_frame(&capture, n);
		igt_assert_eq(__media_stream(&capture.queue, false), 0);
	}
	igt_debug("%s, region %u: %s\n", media_kind_names[kind], region, ok ? "ok" : "refused");
	capture_end(&capture);
}

static enum media_kind test_kind;

static void test_capture(int fd, uint32_t region)
{
	capture_frames(test_kind, fd, region);

	/* Carveouts with ":buddy" have scattered buffers then. */
	vgem_pfn_set_max_block_order(fd, 1);
	capture_frames(test_kind, fd, region);
	vgem_pfn_set_max_block_order(fd, UINT32_MAX);
}

/*
 * A buffer that is longer than an entry of the device's scatter lists can be, and longer
 * than a bounce buffer can be
 */
static void test_large(int fd, uint32_t region)
{
	struct media_bo bo = media_bo_create_size(fd, region, 1 * MiB, 1);
	int video = media_open(MEDIA_DMA_CONTIG), want, ret;
	struct media_queue queue = media_queue(video, V4L2_BUF_TYPE_VIDEO_CAPTURE);

	igt_assert_eq(__media_request(&queue, 2, V4L2_MEMORY_DMABUF), 0);
	want = expected(MEDIA_DMA_CONTIG, &bo);
	ret = __media_queue(&queue, 0, bo.dmabuf, 0);
	if (want == MOVES)
		want = expected(MEDIA_DMA_CONTIG, &bo);
	igt_debug("region %u: %d\n", region, ret);
	igt_assert_eq(ret, want);
	if (!ret) {
		media_set_frame(video, 1);
		igt_assert_eq(__media_stream(&queue, true), 0);
		igt_assert_eq_u32(media_dequeue(&queue), 0);
		media_bo_check(&bo, media_frame(1), queue.size);
	}
	close(video);
	media_bo_assert_unused(&bo);
	media_bo_destroy(&bo);
}

/* Stop, move the buffers to @region, and start again; then the same with one buffer only. */
static void restart(struct capture *capture, uint32_t region, unsigned int n)
{
	int i;

	igt_assert_eq(__media_stream(&capture->queue, false), 0);
	igt_assert_eq(__media_request(&capture->queue, 0, V4L2_MEMORY_DMABUF), 0);
	for (i = 0; i < NUM_BOS; i++)
		vgem_pfn_bo_move(capture->bos[i].fd, capture->bos[i].handle, region);
	igt_assert_eq(__media_request(&capture->queue, NUM_BOS, V4L2_MEMORY_DMABUF), 0);
	igt_assert_eq(__media_stream(&capture->queue, true), 0);
	capture_frame(capture, n);
}

static void test_move(int fd, uint32_t first)
{
	struct drm_vgem_pfn_region region;
	struct capture capture;
	unsigned int n = 0;
	uint32_t id;

	if (media_is_bar(fd, first))
		return;
	capture_begin(&capture, MEDIA_VMALLOC, fd, first);
	igt_assert_eq(__media_stream(&capture.queue, true), 0);
	capture_frame(&capture, n);
	vgem_pfn_for_each_region(fd, region, id)
		restart(&capture, id, ++n % MEDIA_NUM_FRAMES);
	igt_assert_eq(__media_stream(&capture.queue, false), 0);
	capture_end(&capture);
}

/* Another dma-buf with the index of a buffer replaces that one. */
static void test_replace(int fd, uint32_t region)
{
	struct capture capture;
	struct media_bo *bos = capture.bos;

	if (media_is_bar(fd, region))
		return;
	capture_begin(&capture, MEDIA_VMALLOC, fd, region);
	igt_assert_eq(__media_stream(&capture.queue, true), 0);
	media_set_frame(capture.video, 0);
	igt_assert_eq(__media_queue(&capture.queue, 0, bos[0].dmabuf, 0), 0);
	igt_assert_eq_u32(media_dequeue(&capture.queue), 0);
	media_bo_assert_pinned(&bos[0]);

	media_set_frame(capture.video, 1);
	igt_assert_eq(__media_queue(&capture.queue, 0, bos[1].dmabuf, 0), 0);
	media_bo_assert_unused(&bos[0]);
	igt_assert_eq_u32(media_dequeue(&capture.queue), 0);
	media_bo_check(&bos[0], media_frame(0), capture.queue.size);
	media_bo_check(&bos[1], media_frame(1), capture.queue.size);

	/* The same dma-buf twice */
	media_set_frame(capture.video, 2);
	igt_assert_eq(__media_queue(&capture.queue, 1, bos[1].dmabuf, 0), 0);
	igt_assert_eq(__media_queue(&capture.queue, 0, bos[1].dmabuf, 0), 0);
	media_dequeue(&capture.queue);
	media_dequeue(&capture.queue);
	media_bo_check(&bos[1], media_frame(2), capture.queue.size);
	igt_assert_eq(__media_stream(&capture.queue, false), 0);
	capture_end(&capture);
}

/* A copy by an engine that is pending while the buffer is queued must end first. */
static void test_pending(int fd, uint32_t region)
{
	struct capture capture;
	struct media_bo *bo = &capture.bos[0];
	uint32_t to = region == VGEM_PFN_TT ? VGEM_PFN_CARVEOUT : VGEM_PFN_TT;

	if (region == VGEM_PFN_SYSTEM || media_is_bar(fd, region))
		return;
	vgem_pfn_set_knob(fd, "engine_latency_us", 100000);
	capture_begin(&capture, MEDIA_VMALLOC, fd, region);
	media_set_frame(capture.video, 1);
	igt_assert_eq(__media_stream(&capture.queue, true), 0);
	igt_assert_eq(__vgem_pfn_bo_move_async(fd, bo->handle, to, 0), 0);
	igt_assert_eq(__media_queue(&capture.queue, 0, bo->dmabuf, 0), 0);
	igt_assert_eq_u32(media_dequeue(&capture.queue), 0);
	/* Longer than the latency */
	usleep(150000);
	media_bo_check(bo, media_frame(1), capture.queue.size);
	igt_assert_eq(__media_stream(&capture.queue, false), 0);
	capture_end(&capture);
	vgem_pfn_set_knob(fd, "engine_latency_us", 0);
}

/* A thread moves the buffers to and fro while they are queued and released. */
struct race {
	struct capture capture;
	volatile bool stop;
	unsigned int moves;
	unsigned int busy;
	struct pfn_thread thread;
};

static void race_run(void *arg)
{
	struct race *race = arg;
	unsigned int n;

	for (n = 0; !race->stop; n++) {
		struct media_bo *bo = &race->capture.bos[n % NUM_BOS];
		int ret = __vgem_pfn_bo_move(bo->fd, bo->handle, n / NUM_BOS % 2 ?
					     VGEM_PFN_TT : VGEM_PFN_CARVEOUT);

		race->moves += !ret;
		race->busy += ret == -EBUSY;
	}
}

static void test_race(int fd, unsigned int rounds)
{
	struct race race = {};
	struct capture *capture = &race.capture;
	unsigned int n;
	int i;

	capture_begin(capture, MEDIA_VMALLOC, fd, VGEM_PFN_CARVEOUT);
	pfn_thread_start(&race.thread, race_run, &race);
	for (n = 0; n < rounds; n++) {
		igt_assert_eq(__media_stream(&capture->queue, true), 0);
		capture_frame(capture, n % MEDIA_NUM_FRAMES);
		igt_assert_eq(__media_stream(&capture->queue, false), 0);
		igt_assert_eq(__media_request(&capture->queue, 0, V4L2_MEMORY_DMABUF), 0);
		/* Not mapped now: the buffers move. */
		usleep(1000);
		igt_assert_eq(__media_request(&capture->queue, NUM_BOS, V4L2_MEMORY_DMABUF), 0);
	}
	race.stop = true;
	pfn_thread_join(&race.thread);
	igt_info("%u moves, %u refused\n", race.moves, race.busy);
	igt_assert_lt(0, race.moves);
	igt_assert_lt(0, race.busy);
	for (i = 0; i < NUM_BOS; i++)
		media_bo_check(&capture->bos[i], media_frame((n - 1) % MEDIA_NUM_FRAMES),
			       capture->queue.size);
	capture_end(capture);
}

void media_capture_tests(int fd)
{
	enum media_kind kind;

	for (kind = MEDIA_VMALLOC; kind <= MEDIA_DMA_CONTIG; kind++) {
		igt_describe("Frames are captured into buffers in each kind of memory.");
		igt_subtest_f("capture-%s", media_kind_names[kind]) {
			test_kind = kind;
			pfn_each_region(fd, test_capture);
		}
	}

	igt_describe("Buffers that are longer than entries of a scatter list.");
	igt_subtest("capture-large")
		pfn_each_region(fd, test_large);

	igt_describe("Buffers move between captures, and not while they are mapped.");
	igt_subtest("capture-move")
		test_move(fd, VGEM_PFN_CARVEOUT);

	igt_describe("Buffers move from each kind of memory to each other one between captures.");
	igt_subtest("capture-move-long")
		pfn_each_region(fd, test_move);

	igt_describe("A dma-buf that is queued in place of another one releases that one.");
	igt_subtest("capture-replace")
		pfn_each_region(fd, test_replace);

	igt_describe("A pending copy does not overwrite a frame.");
	igt_subtest("capture-pending")
		pfn_each_region(fd, test_pending);

	igt_describe("Buffers move in a loop while they are queued and released.");
	igt_subtest("capture-race")
		test_race(fd, 10);

	igt_describe("Like capture-race, 200 times.");
	igt_subtest("capture-race-long")
		test_race(fd, 200);
}
