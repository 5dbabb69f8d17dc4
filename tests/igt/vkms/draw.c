// SPDX-License-Identifier: MIT
/*
 * Subtests of changing pictures: writes to the buffer are shown wherever it is placed,
 * and writes to its old memory are not.
 */
#include <sys/mman.h>

#include "igt.h"
#include "vkms.h"

static void test_draw(struct stage *stage, int fd)
{
	struct frame first = frame_create(stage, fd, 1, VGEM_PFN_CARVEOUT);
	struct frame second = frame_create(stage, fd, 2, VGEM_PFN_CARVEOUT);
	void *map = vgem_pfn_bo_mmap(fd, first.handle, stage->size,
				     PROT_READ | PROT_WRITE), *other;

	other = mmap(NULL, stage->size, PROT_READ | PROT_WRITE, MAP_SHARED,
		     first.dmabuf, 0);
	igt_assert(other != MAP_FAILED);
	pfn_kms_show(&stage->kms, first.fb);
	stage_check(stage, 1);

	/* Draw on the screen. */
	pfn_pattern_fill(map, 0, stage->size, 3);
	stage_check(stage, 3);

	/* Draw off the screen, after an eviction. */
	pfn_kms_show(&stage->kms, second.fb);
	vgem_pfn_evict_all();
	frame_assert(&first, VGEM_PFN_TT, 0);
	pfn_assert_pattern(map, 0, stage->size, 3);
	pfn_pattern_fill(map, 0, stage->size, 4);
	stage_check(stage, 2);

	pfn_kms_show(&stage->kms, first.fb);
	stage_check(stage, 4);
	pfn_pattern_fill(other, 0, stage->size, 5);
	stage_check(stage, 5);

	munmap(other, stage->size);
	munmap(map, stage->size);
	pfn_kms_hide(&stage->kms);
	frame_destroy(stage, &second);
	frame_destroy(stage, &first);
}

/* Write a pixel at its page frame number; returns the old value. */
static uint32_t poke(uint64_t pfn, uint32_t i, uint32_t pixel)
{
	size_t offset = i * sizeof(pixel) % PFN_PAGE_SIZE;
	uint32_t was;

	pfn_mem_read(pfn, offset, &was, sizeof(was));
	pfn_mem_write(pfn, offset, &pixel, sizeof(pixel));
	return was;
}

/* Assert that pixel @i of the picture is wrong, and no other one. */
static void check_damage(struct stage *stage, uint32_t i)
{
	uint32_t first;

	stage_write_back(stage);
	igt_assert_eq_u32(stage_compare(stage, &first), 1);
	igt_assert_eq_u32(first, i);
}

static void test_damage(struct stage *stage, int fd)
{
	struct frame first = frame_create(stage, fd, 1, VGEM_PFN_CARVEOUT);
	struct frame second = frame_create(stage, fd, 2, VGEM_PFN_CARVEOUT);
	const uint32_t i = 200 * 640 + 300;
	const uint64_t page = i * 4 / PFN_PAGE_SIZE;
	uint64_t old = vgem_pfn_bo_pfn(fd, first.handle, page), now;
	uint32_t was;

	pfn_kms_show(&stage->kms, first.fb);
	stage_check(stage, 1);
	was = poke(old, i, ~stage->pixels[i]);
	check_damage(stage, i);
	poke(old, i, was);
	stage_check(stage, 1);

	pfn_kms_show(&stage->kms, second.fb);
	vgem_pfn_evict_all();
	pfn_kms_show(&stage->kms, first.fb);
	now = vgem_pfn_bo_pfn(fd, first.handle, page);
	igt_assert_neq_u64(now, old);
	poke(old, i, ~was);
	stage_check(stage, 1);
	igt_assert_eq_u32(poke(now, i, ~was), was);
	check_damage(stage, i);

	/* The wrong pixel is copied by a move. */
	pfn_kms_show(&stage->kms, second.fb);
	vgem_pfn_bo_move(fd, first.handle, VGEM_PFN_CARVEOUT);
	pfn_kms_show(&stage->kms, first.fb);
	check_damage(stage, i);

	pfn_kms_hide(&stage->kms);
	frame_destroy(stage, &second);
	frame_destroy(stage, &first);
}

void vkms_draw_tests(int fd)
{
	struct stage stage;

	igt_describe("Writes to the buffer are shown wherever it is placed.");
	igt_subtest("draw") {
		stage_open(&stage);
		test_draw(&stage, fd);
		stage_close(&stage);
	}

	igt_describe("One wrong pixel is detected.");
	igt_subtest("damage") {
		stage_open(&stage);
		test_damage(&stage, fd);
		stage_close(&stage);
	}
}
