// SPDX-License-Identifier: MIT
/* Devices of V4L2, their queues, and the buffers in them */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "igt.h"
#include "igt_kmod.h"
#include "media.h"

#define MEDIA_FORMAT	V4L2_PIX_FMT_RGB565

/* How long a device may take for a frame, on a busy machine */
#define FRAME_TIMEOUT_MS	30000

/* vivid's and vim2m's devices, in the order of their numbers: two of vivid, one of vim2m */
#define VIVID_PARAMS	"n_devs=2 node_types=1,1 num_inputs=1,1 input_types=0,0 allocators=0,1"

static const struct {
	const char *driver;
	unsigned int index;
} media_devices[MEDIA_NUM_KINDS] = {
	[MEDIA_VMALLOC] = { "vivid", 0 },
	[MEDIA_DMA_CONTIG] = { "vivid", 1 },
	[MEDIA_M2M] = { "vim2m", 0 },
};

const char * const media_kind_names[MEDIA_NUM_KINDS] = {
	[MEDIA_VMALLOC] = "vmalloc",
	[MEDIA_DMA_CONTIG] = "dma-contig",
	[MEDIA_M2M] = "m2m",
};

static int media_ioctl(int video, unsigned long request, void *arg)
{
	return ioctl(video, request, arg) ? -errno : 0;
}

static void unload(int sig)
{
	igt_kmod_unload("vim2m");
	igt_kmod_unload("vivid");
}

void media_load(void)
{
	igt_install_exit_handler(unload);
	unload(0);
	igt_require_f(!system("modprobe vivid " VIVID_PARAMS) && !system("modprobe vim2m"),
		      "the kernel needs VIDEO_VIVID and VIDEO_VIM2M\n");
}

int media_open(enum media_kind kind)
{
	struct v4l2_capability cap;
	unsigned int i, left = media_devices[kind].index;
	char path[32];
	int video;

	/* What videobuf2-dma-contig logs when it refuses a buffer */
	if (kind == MEDIA_DMA_CONTIG)
		igt_emit_ignore_dmesg_regex("Error getting dmabuf|too small|failed to attach");
	for (i = 0; i < 64; i++) {
		snprintf(path, sizeof(path), "/dev/video%u", i);
		video = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (video < 0)
			continue;
		if (!media_ioctl(video, VIDIOC_QUERYCAP, &cap) &&
		    !strcmp((const char *)cap.driver, media_devices[kind].driver) &&
		    !left--)
			return video;
		close(video);
	}
	igt_assert_f(false, "no device of %s\n", media_devices[kind].driver);
	return -1;
}

struct media_queue media_queue(int video, enum v4l2_buf_type type)
{
	struct v4l2_format format = {
		.type = type,
		.fmt.pix = {
			.width = MEDIA_WIDTH,
			.height = MEDIA_HEIGHT,
			.pixelformat = MEDIA_FORMAT,
			.field = V4L2_FIELD_NONE,
		},
	};
	/* vim2m has no intervals. */
	struct v4l2_streamparm param = {
		.type = type,
		.parm.capture.timeperframe = { 1, 120 },
	};

	igt_assert_eq(media_ioctl(video, VIDIOC_S_FMT, &format), 0);
	igt_assert_eq_u32(format.fmt.pix.pixelformat, MEDIA_FORMAT);
	igt_assert_eq_u32(format.fmt.pix.sizeimage, MEDIA_WIDTH * MEDIA_HEIGHT * 2);
	media_ioctl(video, VIDIOC_S_PARM, &param);
	return (struct media_queue){ video, type, format.fmt.pix.sizeimage };
}

int __media_request(struct media_queue *queue, uint32_t count, enum v4l2_memory memory)
{
	struct v4l2_requestbuffers arg = {
		.count = count,
		.type = queue->type,
		.memory = memory,
	};

	return media_ioctl(queue->video, VIDIOC_REQBUFS, &arg);
}

int __media_queue(struct media_queue *queue, uint32_t index, int dmabuf, uint32_t length)
{
	struct v4l2_buffer arg = {
		.index = index,
		.type = queue->type,
		.memory = V4L2_MEMORY_DMABUF,
		.m.fd = dmabuf,
		.bytesused = queue->size,
		.length = length,
	};

	return media_ioctl(queue->video, VIDIOC_QBUF, &arg);
}

int __media_stream(struct media_queue *queue, bool on)
{
	int type = queue->type;

	return media_ioctl(queue->video, on ? VIDIOC_STREAMON : VIDIOC_STREAMOFF, &type);
}

static struct v4l2_buffer dequeue(struct media_queue *queue, enum v4l2_memory memory)
{
	bool output = queue->type == V4L2_BUF_TYPE_VIDEO_OUTPUT;
	struct pollfd pollfd = {
		.fd = queue->video,
		.events = output ? POLLOUT : POLLIN,
	};
	struct v4l2_buffer arg = { .type = queue->type, .memory = memory };

	igt_assert_eq(poll(&pollfd, 1, FRAME_TIMEOUT_MS), 1);
	igt_assert_eq(media_ioctl(queue->video, VIDIOC_DQBUF, &arg), 0);
	igt_assert_eq_u32(arg.flags & V4L2_BUF_FLAG_ERROR, 0);
	igt_assert_eq_u32(arg.bytesused, queue->size);
	return arg;
}

uint32_t media_dequeue(struct media_queue *queue)
{
	return dequeue(queue, V4L2_MEMORY_DMABUF).index;
}

/* Frames of vivid */

static uint8_t *frames[MEDIA_NUM_FRAMES];

static uint32_t control_by_name(int video, const char *name)
{
	struct v4l2_queryctrl query = { .id = V4L2_CTRL_FLAG_NEXT_CTRL };

	while (!media_ioctl(video, VIDIOC_QUERYCTRL, &query)) {
		if (!strcmp((const char *)query.name, name))
			return query.id;
		query.id |= V4L2_CTRL_FLAG_NEXT_CTRL;
	}
	igt_assert_f(false, "no control \"%s\"\n", name);
	return 0;
}

static void set_control(int video, uint32_t id, int32_t value)
{
	struct v4l2_control control = { .id = id, .value = value };

	igt_assert_eq(media_ioctl(video, VIDIOC_S_CTRL, &control), 0);
}

void media_set_frame(int video, unsigned int n)
{
	/* Test patterns that differ in every line, and do not move */
	static const int32_t patterns[MEDIA_NUM_FRAMES] = {
		0,	/* 75% colour bars */
		4,	/* 100% colour squares */
		20,	/* grey ramp */
	};

	/* "None": text would have the time. */
	set_control(video, control_by_name(video, "OSD Text Mode"), 2);
	set_control(video, control_by_name(video, "Test Pattern"), patterns[n]);
}

static uint8_t *capture_frame(struct media_queue *queue)
{
	struct v4l2_buffer buffer = {
		.type = queue->type,
		.memory = V4L2_MEMORY_MMAP,
	};
	uint8_t *frame = malloc(queue->size);
	void *map;

	igt_assert(frame);
	igt_assert_eq(__media_request(queue, 2, V4L2_MEMORY_MMAP), 0);
	igt_assert_eq(media_ioctl(queue->video, VIDIOC_QUERYBUF, &buffer), 0);
	map = mmap(NULL, buffer.length, PROT_READ, MAP_SHARED, queue->video, buffer.m.offset);
	igt_assert(map != MAP_FAILED);

	igt_assert_eq(media_ioctl(queue->video, VIDIOC_QBUF, &buffer), 0);
	igt_assert_eq(__media_stream(queue, true), 0);
	dequeue(queue, V4L2_MEMORY_MMAP);
	memcpy(frame, map, queue->size);
	igt_assert_eq(__media_stream(queue, false), 0);
	munmap(map, buffer.length);
	igt_assert_eq(__media_request(queue, 0, V4L2_MEMORY_MMAP), 0);
	return frame;
}

void media_frames_init(void)
{
	int video = media_open(MEDIA_VMALLOC);
	struct media_queue queue = media_queue(video, V4L2_BUF_TYPE_VIDEO_CAPTURE);
	unsigned int i;

	for (i = 0; i < MEDIA_NUM_FRAMES; i++) {
		media_set_frame(video, i);
		frames[i] = capture_frame(&queue);
		igt_assert(!i || memcmp(frames[i], frames[i - 1], queue.size));
	}
	close(video);
}

const uint8_t *media_frame(unsigned int n)
{
	return frames[n];
}

/* Buffers */

uint32_t media_carveout(int fd, enum media_kind kind)
{
	struct drm_vgem_pfn_region region;
	uint32_t id;

	vgem_pfn_for_each_carveout(fd, region, id)
		if (kind != MEDIA_DMA_CONTIG ||
		    (region.type == DRM_VGEM_PFN_REGION_TYPE_CONTIG &&
		     region.base_pfn * PFN_PAGE_SIZE + region.size <= MEDIA_DMA_LIMIT))
			return id;
	igt_skip("no carveout below 4 GiB\n");
}

bool media_is_bar(int fd, uint32_t region)
{
	return vgem_pfn_region(fd, region).type == DRM_VGEM_PFN_REGION_TYPE_BAR;
}

struct media_bo media_bo_create_size(int fd, uint32_t region, uint64_t size, uint64_t seed)
{
	struct media_bo bo = { .fd = fd, .size = size, .seed = seed };

	bo.handle = vgem_pfn_bo_create_movable(fd, size, region);
	vgem_pfn_bo_fill(fd, bo.handle, bo.size, seed);
	bo.dmabuf = vgem_pfn_export(fd, bo.handle);
	return bo;
}

struct media_bo media_bo_create(int fd, uint32_t region, uint64_t seed)
{
	/* A power of two, so that it is one block if the carveout is not fragmented */
	const uint64_t size = 32 * PFN_PAGE_SIZE;

	igt_assert_lt_u64(MEDIA_WIDTH * MEDIA_HEIGHT * 2, size);
	return media_bo_create_size(fd, region, size, seed);
}

uint64_t *media_bo_pfns(const struct media_bo *bo)
{
	return vgem_pfn_bo_pfn_list(bo->fd, bo->handle, 0, bo->size / PFN_PAGE_SIZE);
}

/* Whether the device of @fd has a buffer with this id, also without a handle */
static bool bo_exists(int fd, uint64_t id)
{
	char line[256], want[32];
	bool found = false;
	FILE *stats;

	snprintf(want, sizeof(want), "id=%llu ", (unsigned long long)id);
	stats = fdopen(__vgem_pfn_debugfs_open(fd, "bo_stats", O_RDONLY), "r");
	igt_assert(stats);
	while (fgets(line, sizeof(line), stats))
		if (strstr(line, want))
			found = true;
	fclose(stats);
	return found;
}

void media_assert_freed(int fd, uint64_t id)
{
	igt_assert_f(!bo_exists(fd, id), "a device has a reference to the buffer\n");
}

void media_bo_destroy(struct media_bo *bo)
{
	uint64_t id = vgem_pfn_bo_query(bo->fd, bo->handle).id;

	igt_assert(bo_exists(bo->fd, id));
	close(bo->dmabuf);
	vgem_pfn_gem_close(bo->fd, bo->handle);
	media_assert_freed(bo->fd, id);
}

static void assert_contents(const struct media_bo *bo, const uint8_t *got,
			    const uint8_t *frame, size_t size, const char *what)
{
	uint8_t *want = malloc(bo->size);
	size_t i;

	igt_assert(want);
	pfn_pattern_fill(want, 0, bo->size, bo->seed);
	memcpy(want, frame, size);
	for (i = 0; i < bo->size && got[i] == want[i]; i++)
		;
	igt_assert_f(i == bo->size, "%s: byte %#zx is %#x, not %#x\n", what, i, got[i],
		     want[i]);
	free(want);
}

void media_bo_check(const struct media_bo *bo, const uint8_t *frame, size_t size)
{
	uint64_t i, num = bo->size / PFN_PAGE_SIZE;
	uint8_t *map, *memory = malloc(bo->size);
	uint64_t *pfns = media_bo_pfns(bo);

	igt_assert(memory);
	map = vgem_pfn_bo_mmap(bo->fd, bo->handle, bo->size, PROT_READ);
	assert_contents(bo, map, frame, size, "mapping");
	munmap(map, bo->size);

	for (i = 0; i < num; i++)
		pfn_mem_read(pfns[i], 0, memory + i * PFN_PAGE_SIZE, PFN_PAGE_SIZE);
	assert_contents(bo, memory, frame, size, "memory");
	free(memory);
	free(pfns);
}

static uint32_t other_region(uint32_t region)
{
	return region == VGEM_PFN_SYSTEM ? VGEM_PFN_TT : VGEM_PFN_SYSTEM;
}

void media_bo_assert_pinned(const struct media_bo *bo)
{
	struct drm_vgem_pfn_bo_query query = vgem_pfn_bo_query(bo->fd, bo->handle);
	uint64_t pfn = vgem_pfn_bo_pfn(bo->fd, bo->handle, 0);

	igt_assert_lte(1, query.pin_count);
	igt_assert_eq(__vgem_pfn_bo_move(bo->fd, bo->handle, other_region(query.region)),
		      -EBUSY);
	igt_assert_eq(__vgem_pfn_evict_all_carveouts(bo->fd), 0);
	igt_assert_eq_u32(vgem_pfn_bo_region(bo->fd, bo->handle), query.region);
	igt_assert_eq_u64(vgem_pfn_bo_pfn(bo->fd, bo->handle, 0), pfn);
}

void media_bo_assert_unused(const struct media_bo *bo)
{
	struct drm_vgem_pfn_bo_query query = vgem_pfn_bo_query(bo->fd, bo->handle);

	igt_assert_eq_u32(query.pin_count, 0);
	igt_assert_eq_u32(query.num_attachments, 0);
	vgem_pfn_bo_move(bo->fd, bo->handle, other_region(query.region));
	vgem_pfn_bo_move(bo->fd, bo->handle, query.region);
}
