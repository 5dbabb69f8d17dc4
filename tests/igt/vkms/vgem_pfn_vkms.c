// SPDX-License-Identifier: MIT
/**
 * TEST: vgem pfn vkms
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: PRIME
 * Description: Buffers of vgem_pfn as framebuffers of vkms, which reads them through
 *		kernel mappings and writes its output back.
 *
 * SUBTEST: import-pins-not
 * Description: An import that is not shown does not pin the buffer, and shows it
 *		correctly after moves.
 *
 * SUBTEST: pinned-across-flips
 * Description: Two framebuffers of the same buffer share one kernel mapping, from the
 *		first flip to the last.
 *
 * SUBTEST: evict-off-screen
 * Description: A framebuffer is evicted while another one is shown, and its memory is
 *		reused. When it is shown again it has the same picture, at another
 *		placement.
 *
 * SUBTEST: evict-in-turn
 * Description: Two framebuffers take turns, and the hidden one is moved out of the
 *		carveout and back.
 *
 * SUBTEST: evict-async
 * Description: A framebuffer that is shown while its copy is pending is not read before
 *		the copy is done.
 *
 * SUBTEST: evict-scattered
 * Description: A framebuffer of single pages that are not adjacent is evicted and shown
 *		again. The kernel mapping joins the pages.
 *
 * SUBTEST: draw
 * Description: Writes through a mapping are shown, whether they are made on or off the
 *		screen, before or after an eviction.
 *
 * SUBTEST: damage
 * Description: One wrong pixel at the buffer's page frame number is detected, and one
 *		in its old memory is not shown.
 *
 * SUBTEST: write-back-into
 * Description: The target of a writeback is pinned until the job is done. Afterwards it
 *		can be moved and written to again.
 *
 * SUBTEST: write-back-shown
 * Description: A writeback target can be shown, with the same picture.
 *
 * SUBTEST: write-back-async
 * Description: A pending copy of the target does not overwrite the writeback.
 *
 * SUBTEST: write-back-again
 * Description: A writeback job completes that is committed before vkms has cleaned up the
 *		previous one.
 *
 * SUBTEST: write-back-crc
 * Description: A writeback job completes when CRCs are no longer read, and CRCs continue
 *		after a writeback job.
 *
 * SUBTEST: write-back-replaced
 * Description: A writeback job completes, with its own picture, when the next commit shows
 *		another framebuffer or turns the display off.
 *
 * SUBTEST: crc
 * Description: vkms's own CRC of a framebuffer is correct, and unchanged after an
 *		eviction.
 *
 * SUBTEST: close-on-screen
 * Description: In any order of closing everything else, the picture stays on the screen
 *		and its buffer in place. The buffer is freed with the framebuffer.
 *
 * SUBTEST: close-display
 * Description: Closing the display without disabling it unpins the buffer.
 *
 * SUBTEST: unplug-on-screen
 * Description: The picture stays on the screen when its device is unplugged, and cannot
 *		be shown again once it was replaced.
 *
 * SUBTEST: picture
 * Description: A drawing is unchanged after an eviction. The option --picture saves it,
 *		with a line that was drawn afterwards.
 */

/**
 * SUBTEST: pinned-in-%s
 * Description: A buffer in arg[1] that is shown can neither be evicted nor moved, until
 *		it is no longer shown.
 *
 * arg[1]:
 *
 * @carveout: the carveout
 * @tt: TT
 * @system: SYSTEM
 */

/*
 * Each other file of this directory has a group of subtests of one subject.
 *
 * Option:
 *	--picture DIR	the subtest "picture" writes vkms.png and vkms.txt to DIR
 */
#include <errno.h>
#include <getopt.h>
#include <sys/mman.h>

#include "igt.h"
#include "vkms.h"

IGT_TEST_DESCRIPTION("Memory that moves while it is not scanned out");

void stage_want(struct stage *stage, const void *contents)
{
	const uint32_t *pixels = contents;
	uint32_t i;

	/* vkms sets the unused byte of XRGB8888. */
	for (i = 0; i < pfn_kms_pixels(&stage->kms); i++)
		stage->want[i] = pixels[i] | 0xff000000;
}

void stage_want_pattern(struct stage *stage, uint64_t seed)
{
	pfn_pattern_fill(stage->want, 0, stage->size, seed);
	stage_want(stage, stage->want);
}

uint32_t stage_compare(const struct stage *stage, uint32_t *first)
{
	uint32_t i, n = 0;

	for (i = 0; i < pfn_kms_pixels(&stage->kms); i++)
		if (stage->pixels[i] != stage->want[i] && !n++)
			*first = i;
	return n;
}

void stage_write_back(struct stage *stage)
{
	/* Clear the pixels, so that an old picture is detected. */
	memset(stage->pixels, 0xa5, stage->size);
	pfn_kms_write_back(&stage->kms, stage->fb);
}

void stage_check(struct stage *stage, uint64_t seed)
{
	uint32_t first = 0, bad;

	stage_write_back(stage);
	stage_want_pattern(stage, seed);
	bad = stage_compare(stage, &first);
	igt_assert_f(!bad, "%u wrong pixels, of which pixel %u is %#x, want %#x\n",
		     bad, first, stage->pixels[first], stage->want[first]);
}

void stage_open(struct stage *stage)
{
	uint32_t pitch;
	uint64_t size, offset;
	struct pfn_kms *kms = &stage->kms;

	pfn_kms_open(kms);
	igt_assert_eq(drmModeCreateDumbBuffer(kms->fd, kms->mode.hdisplay,
					      kms->mode.vdisplay, 32, 0,
					      &stage->dumb, &pitch, &size), 0);
	igt_assert_eq_u32(pitch, kms->mode.hdisplay * 4);
	stage->size = pfn_kms_size(kms);
	igt_assert_lte_u64(stage->size, size);

	stage->fb = pfn_kms_add_fb(kms, stage->dumb);
	igt_assert_eq(drmModeMapDumbBuffer(kms->fd, stage->dumb, &offset), 0);
	stage->pixels = mmap(NULL, stage->size, PROT_READ | PROT_WRITE,
			     MAP_SHARED, kms->fd, offset);
	igt_assert(stage->pixels != MAP_FAILED);
	stage->want = malloc(stage->size);
	igt_assert(stage->want);
}

void stage_close(struct stage *stage)
{
	pfn_kms_hide(&stage->kms);
	free(stage->want);
	munmap(stage->pixels, stage->size);
	pfn_kms_rm_fb(&stage->kms, stage->fb);
	igt_assert_eq(drmModeDestroyDumbBuffer(stage->kms.fd, stage->dumb), 0);
	pfn_kms_close(&stage->kms);
}

void stage_abandon(struct stage *stage)
{
	/* A mapping keeps the file open. */
	munmap(stage->pixels, stage->size);
	free(stage->want);
	pfn_close_other("vkms", stage->kms.fd);
}

struct frame frame_create_list(struct stage *stage, int fd, uint64_t seed,
			       const uint32_t *placements, uint32_t num)
{
	struct frame frame = { .fd = fd };

	frame.handle = __vgem_pfn_bo_create_list(fd, stage->size, placements,
						 num);
	frame_fill(stage, &frame, seed);
	frame.dmabuf = vgem_pfn_export(fd, frame.handle);
	igt_assert_eq(drmPrimeFDToHandle(stage->kms.fd, frame.dmabuf,
					 &frame.import), 0);
	frame.fb = pfn_kms_add_fb(&stage->kms, frame.import);
	frame_assert(&frame, placements[0], 0);
	return frame;
}

struct frame frame_create(struct stage *stage, int fd, uint64_t seed,
			  uint32_t region)
{
	const uint32_t placements[] = { region, VGEM_PFN_TT };

	return frame_create_list(stage, fd, seed, placements,
				 region == VGEM_PFN_TT ? 1 : 2);
}

void frame_destroy(struct stage *stage, struct frame *frame)
{
	pfn_kms_rm_fb(&stage->kms, frame->fb);
	vgem_pfn_gem_close(stage->kms.fd, frame->import);
	close(frame->dmabuf);
	vgem_pfn_gem_close(frame->fd, frame->handle);
}

void frame_fill(struct stage *stage, struct frame *frame, uint64_t seed)
{
	vgem_pfn_bo_fill(frame->fd, frame->handle, stage->size, seed);
}

void frame_assert(const struct frame *frame, uint32_t region, uint32_t pins)
{
	struct drm_vgem_pfn_bo_query query;

	query = vgem_pfn_bo_query(frame->fd, frame->handle);
	igt_assert_eq_u32(query.region, region);
	igt_assert_eq_u32(query.pin_count, pins);
}

void frame_assert_stays(const struct frame *frame)
{
	uint64_t pfn = vgem_pfn_bo_pfn(frame->fd, frame->handle, 0);
	struct drm_vgem_pfn_bo_query before, after;
	uint32_t elsewhere;

	before = vgem_pfn_bo_query(frame->fd, frame->handle);
	igt_assert_lte(1, before.pin_count);

	vgem_pfn_evict_all();
	igt_assert_eq(__vgem_pfn_evict_all_carveouts(frame->fd), 0);
	elsewhere = before.region == VGEM_PFN_SYSTEM ? VGEM_PFN_CARVEOUT :
						       VGEM_PFN_SYSTEM;
	igt_assert_eq(__vgem_pfn_bo_move(frame->fd, frame->handle, elsewhere),
		      -EBUSY);
	/* A move to the current region succeeds. */
	vgem_pfn_bo_move(frame->fd, frame->handle, before.region);

	after = vgem_pfn_bo_query(frame->fd, frame->handle);
	igt_assert_eq_u32(after.region, before.region);
	igt_assert_eq_u32(after.pin_count, before.pin_count);
	igt_assert_eq_u64(after.num_moves, before.num_moves);
	igt_assert_eq_u64(vgem_pfn_bo_pfn(frame->fd, frame->handle, 0), pfn);
}

static const char *picture_dir;

static int take(int opt, int index, void *data)
{
	if (opt != 'p')
		return IGT_OPT_HANDLER_ERROR;
	picture_dir = optarg;
	return IGT_OPT_HANDLER_SUCCESS;
}

static const struct option long_options[] = {
	{ "picture", required_argument, NULL, 'p' },
	{}
};

static const char help[] =
	"  --picture DIR\tWrite vkms.png and vkms.txt to DIR\n";

int igt_main_args(NULL, long_options, help, take, NULL)
{
	static int fd = -1;

	igt_fixture() {
		fd = vgem_pfn_open();
		vgem_pfn_reset_on_exit();
	}

	vkms_pin_tests(fd);
	vkms_evict_tests(fd);
	vkms_draw_tests(fd);
	vkms_writeback_tests(fd);
	vkms_crc_tests(fd);
	vkms_close_tests(fd);
	vkms_picture_tests(fd, picture_dir);

	igt_fixture()
		close(fd);
}
