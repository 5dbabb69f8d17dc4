/* SPDX-License-Identifier: MIT */
/*
 * Groups of subtests of vgem_pfn_vkms, one file each, and their objects: buffers of
 * vgem_pfn as framebuffers of vkms.
 */
#ifndef VKMS_H
#define VKMS_H

#include "pfn_kms.h"
#include "vgem_pfn.h"

/* A display, and a dumb framebuffer of vkms for its writeback */
struct stage {
	struct pfn_kms kms;
	size_t size;
	uint32_t dumb;
	uint32_t fb;
	uint32_t *pixels;	/* written back */
	uint32_t *want;		/* expected */
};

void stage_open(struct stage *stage);
void stage_close(struct stage *stage);
/* Close the display without disabling it or removing framebuffers and handles. */
void stage_abandon(struct stage *stage);

/* Write back the output to @pixels, which are valid until the next call. */
void stage_write_back(struct stage *stage);
/* Set @want to the expected output of a framebuffer with these contents. */
void stage_want(struct stage *stage, const void *contents);
void stage_want_pattern(struct stage *stage, uint64_t seed);
/*
 * Return the number of wrong pixels in @pixels, and the index of the first in @first.
 */
uint32_t stage_compare(const struct stage *stage, uint32_t *first);
/* Assert that each pixel of the output is that of the pattern of @seed. */
void stage_check(struct stage *stage, uint64_t seed);

/* A buffer of vgem_pfn that is imported into vkms as a framebuffer */
struct frame {
	int fd;
	uint32_t handle;
	int dmabuf;
	uint32_t import;
	uint32_t fb;
};

/* Create a framebuffer with the pattern of @seed. */
struct frame frame_create_list(struct stage *stage, int fd, uint64_t seed,
			       const uint32_t *placements, uint32_t num);
/* The same in @region, then TT */
struct frame frame_create(struct stage *stage, int fd, uint64_t seed,
			  uint32_t region);
/* The framebuffer must not be shown. */
void frame_destroy(struct stage *stage, struct frame *frame);
void frame_fill(struct stage *stage, struct frame *frame, uint64_t seed);
/* Assert the buffer's region and pin count. */
void frame_assert(const struct frame *frame, uint32_t region, uint32_t pins);
/* Assert that the buffer can neither be evicted nor moved. */
void frame_assert_stays(const struct frame *frame);

void vkms_close_tests(int fd);
void vkms_crc_tests(int fd);
void vkms_draw_tests(int fd);
void vkms_evict_tests(int fd);
void vkms_picture_tests(int fd, const char *dir);
void vkms_pin_tests(int fd);
void vkms_writeback_tests(int fd);

#endif /* VKMS_H */
