/* SPDX-License-Identifier: MIT */
/*
 * Groups of subtests of vgem_pfn_media, one file each, and what they share: queues of V4L2
 * devices whose buffers are dma-bufs of vgem_pfn. The interface is that of the kernel's
 * uAPI headers.
 */
#ifndef MEDIA_H
#define MEDIA_H

#include <linux/videodev2.h>
#include <stdbool.h>
#include <stdint.h>

#include "vgem_pfn.h"

/* Size of a frame of RGB565, the only format that is used */
#define MEDIA_WIDTH	320
#define MEDIA_HEIGHT	180

/* Frames with different contents */
#define MEDIA_NUM_FRAMES	3

/* How a device maps dma-bufs */
enum media_kind {
	MEDIA_VMALLOC,		/* vivid, by kernel mappings, without an attachment */
	MEDIA_DMA_CONTIG,	/* vivid, by scatter lists for 32 bits, with static attachments */
	MEDIA_M2M,		/* vim2m, by kernel mappings, from one buffer to another */
	MEDIA_NUM_KINDS,
};

extern const char * const media_kind_names[MEDIA_NUM_KINDS];

/* Load vivid and vim2m, until the program ends. Skips without them. */
void media_load(void);
int media_open(enum media_kind kind);

/* A device that maps by scatter lists can address memory below this. */
#define MEDIA_DMA_LIMIT	(1ULL << 32)

/* A carveout of which the device maps contiguous buffers. Skips without one. */
uint32_t media_carveout(int fd, enum media_kind kind);

/* A queue of a device */
struct media_queue {
	int video;
	enum v4l2_buf_type type;
	uint32_t size;		/* bytes of a frame */
};

/* Set the format, and the shortest interval between frames. */
struct media_queue media_queue(int video, enum v4l2_buf_type type);
/* These return 0 or -errno. */
int __media_request(struct media_queue *queue, uint32_t count, enum v4l2_memory memory);
int __media_queue(struct media_queue *queue, uint32_t index, int dmabuf, uint32_t length);
int __media_stream(struct media_queue *queue, bool on);
/* Wait for a frame, and return the index of its buffer. */
uint32_t media_dequeue(struct media_queue *queue);

/*
 * Capture all frames into buffers of vivid's own, for comparisons. Its devices all make the
 * same frames.
 */
void media_frames_init(void);
const uint8_t *media_frame(unsigned int n);
/* Let vivid make frame @n from now on. */
void media_set_frame(int video, unsigned int n);

/*
 * A buffer that is a few pages longer than a frame, filled with a pattern. It may move to each
 * region of its device.
 */
struct media_bo {
	int fd;
	uint32_t handle;
	int dmabuf;
	size_t size;
	uint64_t seed;
};

/* Assert that the buffer with this id does not exist any more. */
void media_assert_freed(int fd, uint64_t id);

struct media_bo media_bo_create(int fd, uint32_t region, uint64_t seed);
/* The same with another size */
struct media_bo media_bo_create_size(int fd, uint32_t region, uint64_t size, uint64_t seed);
/* The true page frame numbers of all pages, to be freed */
uint64_t *media_bo_pfns(const struct media_bo *bo);
/* Also asserts that no other reference keeps the buffer. */
void media_bo_destroy(struct media_bo *bo);
/*
 * Assert that the buffer begins with this frame, through a mapping and at its page frame
 * numbers, and that the rest has its pattern.
 */
void media_bo_check(const struct media_bo *bo, const uint8_t *frame, size_t size);
/* Assert that the buffer is pinned, and that it refuses to move. */
void media_bo_assert_pinned(const struct media_bo *bo);
/* Assert that no importer uses the buffer, and that it moves. */
void media_bo_assert_unused(const struct media_bo *bo);

/* Whether a region is in the BAR of a device. For the CPU that is I/O memory. */
bool media_is_bar(int fd, uint32_t region);

void media_capture_tests(int fd);
void media_convert_tests(int fd);
void media_close_tests(int fd);
void media_bad_tests(int fd);

#endif /* MEDIA_H */
