// SPDX-License-Identifier: MIT
/* Subtests of writeback of vkms into buffers of vgem_pfn. */
#include <errno.h>
#include <sys/mman.h>

#include "dmabuf_sync_file.h"
#include "igt.h"
#include "sw_sync.h"
#include "vkms.h"

/* vkms unmaps the target in a worker, some time after the job is done. */
static void wait_for_unpin(const struct frame *frame)
{
	int i;

	for (i = 0; i < 1200; i++) {
		if (!vgem_pfn_bo_query(frame->fd, frame->handle).pin_count)
			return;
		usleep(50000);
	}
	igt_assert_f(false, "still pinned long after the job\n");
}

/* Assert that @target contains the output: the pattern of @seed, as vkms writes it. */
static void check_target(struct stage *stage, const struct frame *target,
			 uint64_t seed)
{
	uint32_t *map = vgem_pfn_bo_mmap(target->fd, target->handle, stage->size,
					 PROT_READ);

	stage_want_pattern(stage, seed);
	igt_assert(!memcmp(map, stage->want, pfn_kms_pixels(&stage->kms) * 4));
	munmap(map, stage->size);
}

/*
 * Write back, and check that the target is pinned from the commit until it is written.
 */
static void write_back_pinned(struct stage *stage, struct frame *target,
			      uint32_t region)
{
	struct drm_vgem_pfn_bo_query query;
	struct pfn_hold hold;
	int fence, ret;

	pfn_hold_begin(&hold);
	fence = __pfn_kms_write_back_after(&stage->kms, target->fb, hold.sync_file);
	igt_assert_lte(0, fence);
	query = vgem_pfn_bo_query(target->fd, target->handle);
	ret = __vgem_pfn_bo_move(target->fd, target->handle, VGEM_PFN_SYSTEM);
	pfn_hold_assert(&hold, sync_file_busy(fence));
	pfn_hold_assert(&hold, query.pin_count == 1);
	pfn_hold_assert(&hold, query.region == region);
	pfn_hold_assert(&hold, ret == -EBUSY);
	pfn_hold_end(&hold);

	pfn_kms_wait(&stage->kms, fence);
	close(fence);
	wait_for_unpin(target);
}

static void test_into(struct stage *stage, int fd)
{
	struct frame shown = frame_create(stage, fd, 1, VGEM_PFN_CARVEOUT);
	struct frame target = frame_create(stage, fd, 9, VGEM_PFN_CARVEOUT);

	pfn_kms_show(&stage->kms, shown.fb);
	frame_assert(&target, VGEM_PFN_CARVEOUT, 0);

	write_back_pinned(stage, &target, VGEM_PFN_CARVEOUT);
	frame_assert(&target, VGEM_PFN_CARVEOUT, 0);
	check_target(stage, &target, 1);

	vgem_pfn_evict_all();
	frame_assert(&target, VGEM_PFN_TT, 0);
	frame_assert(&shown, VGEM_PFN_CARVEOUT, 1);
	check_target(stage, &target, 1);

	/* Another picture, to the new placement */
	frame_fill(stage, &shown, 2);
	pfn_kms_write_back(&stage->kms, target.fb);
	check_target(stage, &target, 2);
	wait_for_unpin(&target);
	vgem_pfn_bo_move(fd, target.handle, VGEM_PFN_CARVEOUT);
	check_target(stage, &target, 2);

	pfn_kms_hide(&stage->kms);
	frame_destroy(stage, &target);
	frame_destroy(stage, &shown);
}

static void test_shown(struct stage *stage, int fd)
{
	struct frame shown = frame_create(stage, fd, 1, VGEM_PFN_CARVEOUT);
	struct frame target = frame_create(stage, fd, 9, VGEM_PFN_CARVEOUT);

	pfn_kms_show(&stage->kms, shown.fb);
	stage_check(stage, 1);
	pfn_kms_write_back(&stage->kms, target.fb);
	wait_for_unpin(&target);
	vgem_pfn_evict_all();

	pfn_kms_show(&stage->kms, target.fb);
	frame_assert(&shown, VGEM_PFN_CARVEOUT, 0);
	frame_assert(&target, VGEM_PFN_TT, 1);
	/* The target has the picture of the output, not its initial pattern 9. */
	stage_check(stage, 1);

	pfn_kms_hide(&stage->kms);
	frame_destroy(stage, &target);
	frame_destroy(stage, &shown);
}

struct writer {
	struct stage *stage;
	uint32_t fb;
};

static void writer_run(void *arg)
{
	struct writer *writer = arg;

	pfn_kms_write_back(&writer->stage->kms, writer->fb);
}

static void test_async(struct stage *stage, int fd)
{
	struct frame shown = frame_create(stage, fd, 1, VGEM_PFN_CARVEOUT);
	struct frame target = frame_create(stage, fd, 9, VGEM_PFN_CARVEOUT);
	struct writer writer = { stage, target.fb };
	struct pfn_thread thread;
	struct pfn_hold hold;
	int file, i;

	pfn_kms_show(&stage->kms, shown.fb);
	pfn_hold_begin(&hold);
	pfn_hold_dmabuf(&hold, target.dmabuf);
	igt_assert_eq(__vgem_pfn_bo_move_async(fd, target.handle, VGEM_PFN_TT, 0), 0);
	file = dmabuf_export_sync_file(target.dmabuf, DMA_BUF_SYNC_READ);
	pfn_hold_assert(&hold, sync_file_busy(file));

	/* A writeback that does not wait for the copy is usually done after this loop. */
	pfn_thread_start(&thread, writer_run, &writer);
	for (i = 0; i < 30 && !thread.done; i++)
		usleep(20000);
	pfn_hold_end(&hold);
	pfn_thread_join(&thread);
	igt_assert_eq(sync_fence_wait(file, -1), 0);
	check_target(stage, &target, 1);

	close(file);
	wait_for_unpin(&target);
	pfn_kms_hide(&stage->kms);
	frame_destroy(stage, &target);
	frame_destroy(stage, &shown);
}

/* Commit the next job as soon as one is done: vkms still has to clean up that one. */
static void write_back_again(struct stage *stage, struct frame *target)
{
	int i;

	for (i = 0; i < 40; i++)
		pfn_kms_write_back(&stage->kms, target->fb);
}

/* The composer runs for CRCs, too. A job continues when they are no longer read. */
static void write_back_crc(struct stage *stage, struct frame *target)
{
	int i, data, fence;

	for (i = 0; i < 10; i++) {
		data = pfn_kms_open_crc(&stage->kms);
		fence = __pfn_kms_write_back(&stage->kms, target->fb);
		igt_assert_lte(0, fence);
		close(data);
		pfn_kms_wait(&stage->kms, fence);
		close(fence);
	}
	/* CRCs continue when a job is done. */
	data = pfn_kms_open_crc(&stage->kms);
	pfn_kms_write_back(&stage->kms, target->fb);
	wait_for_unpin(target);
	pfn_kms_read_crc(data);
	pfn_kms_read_crc(data);
	close(data);
}

/* The next commit shows another framebuffer, or nothing. */
static void write_back_replaced(struct stage *stage, struct frame *target)
{
	struct frame other = frame_create(stage, target->fd, 2, VGEM_PFN_CARVEOUT);
	int i, fence;

	for (i = 0; i < 10; i++) {
		fence = __pfn_kms_write_back(&stage->kms, target->fb);
		igt_assert_lte(0, fence);
		if (i % 2)
			pfn_kms_hide(&stage->kms);
		else
			pfn_kms_show(&stage->kms, other.fb);
		pfn_kms_wait(&stage->kms, fence);
		close(fence);
		check_target(stage, target, i ? 2 : 1);
		pfn_kms_show(&stage->kms, other.fb);
	}
	pfn_kms_hide(&stage->kms);
	frame_destroy(stage, &other);
}

static void test_jobs(struct stage *stage, int fd,
		      void (*run)(struct stage *stage, struct frame *target))
{
	struct frame shown = frame_create(stage, fd, 1, VGEM_PFN_CARVEOUT);
	struct frame target = frame_create(stage, fd, 9, VGEM_PFN_CARVEOUT);

	pfn_kms_show(&stage->kms, shown.fb);
	run(stage, &target);
	wait_for_unpin(&target);
	pfn_kms_hide(&stage->kms);
	frame_destroy(stage, &target);
	frame_destroy(stage, &shown);
}

void vkms_writeback_tests(int fd)
{
	static const struct {
		const char *name;
		const char *describe;
		void (*run)(struct stage *stage, struct frame *target);
	} jobs[] = {
		{ "write-back-again", "A job that follows another one completes.",
		  write_back_again },
		{ "write-back-crc", "A job completes when CRCs are no longer read.",
		  write_back_crc },
		{ "write-back-replaced", "A job completes when the next commit follows.",
		  write_back_replaced },
	};
	struct stage stage;
	size_t i;

	igt_describe("vkms writes back into a buffer that moves between jobs.");
	igt_subtest("write-back-into") {
		stage_open(&stage);
		test_into(&stage, fd);
		stage_close(&stage);
	}

	igt_describe("A writeback target can be shown.");
	igt_subtest("write-back-shown") {
		stage_open(&stage);
		test_shown(&stage, fd);
		stage_close(&stage);
	}

	igt_describe("A pending copy does not overwrite the writeback.");
	igt_subtest("write-back-async") {
		stage_open(&stage);
		test_async(&stage, fd);
		stage_close(&stage);
	}
	for (i = 0; i < ARRAY_SIZE(jobs); i++) {
		igt_describe(jobs[i].describe);
		igt_subtest(jobs[i].name) {
			stage_open(&stage);
			test_jobs(&stage, fd, jobs[i].run);
			stage_close(&stage);
		}
	}
}
