/* SPDX-License-Identifier: MIT */
/*
 * The groups of subtests that vgem_pfn_vkms is made of, one file each, and what
 * they are about: buffers of vgem_pfn that are framebuffers of vkms.
 */
#ifndef VKMS_H
#define VKMS_H

#include "pfn_kms.h"
#include "vgem_pfn.h"

/* A display, and a framebuffer of vkms's own that it is written back into */
struct stage {
	struct pfn_kms kms;
	size_t size;
	uint32_t dumb;
	uint32_t fb;
	uint32_t *pixels;	/* what was written back */
	uint32_t *want;		/* what should have been */
};

void stage_open(struct stage *stage);
void stage_close(struct stage *stage);
/* Close the display as it is: with a picture, framebuffers and handles. */
void stage_abandon(struct stage *stage);

/* Write back what is shown; its CRC-32. The pixels are there until the next time. */
uint32_t stage_crc(struct stage *stage);
/* Put into @want what a picture with these contents is written back as. */
void stage_want(struct stage *stage, const void *contents);
void stage_want_pattern(struct stage *stage, uint64_t seed);
/* How many of the pixels written back are not as wanted, and the first of them */
uint32_t stage_compare(const struct stage *stage, uint32_t *first);
/* What is shown is the pattern of @seed, pixel by pixel. Returns its CRC-32. */
uint32_t stage_check(struct stage *stage, uint64_t seed);
/* The CRC-32 of @pixels of this size, by zlib */
uint32_t stage_sum(const struct stage *stage, const uint32_t *pixels);

/* A buffer of vgem_pfn, imported into vkms as a framebuffer */
struct frame {
	int fd;
	uint32_t handle;
	int dmabuf;
	uint32_t import;
	uint32_t fb;
};

/* Filled with the pattern of @seed */
struct frame frame_create_list(struct stage *stage, int fd, uint64_t seed,
			       const uint32_t *placements, uint32_t num);
/* In @region, then TT */
struct frame frame_create(struct stage *stage, int fd, uint64_t seed,
			  uint32_t region);
/* Must not be shown. */
void frame_destroy(struct stage *stage, struct frame *frame);
void frame_fill(struct stage *stage, struct frame *frame, uint64_t seed);
/* It is in @region, with so many pins. */
void frame_assert(const struct frame *frame, uint32_t region, uint32_t pins);
/* Neither evicted nor moved, whoever wants it. It may be in the carveout. */
void frame_assert_stays(const struct frame *frame);

void vkms_close_tests(int fd);
void vkms_crc_tests(int fd);
void vkms_draw_tests(int fd);
void vkms_evict_tests(int fd);
void vkms_picture_tests(int fd, const char *dir);
void vkms_pin_tests(int fd);
void vkms_writeback_tests(int fd);

#endif /* VKMS_H */
