// SPDX-License-Identifier: MIT
/*
 * Subtests of the sync objects of a move.
 */
#include <sys/mman.h>

#include "async.h"
#include "igt.h"

#define MOVE	DRM_IOCTL_VGEM_PFN_BO_MOVE

static uint32_t create(int fd, uint64_t seed)
{
	uint32_t handle = vgem_pfn_bo_create(fd, 64 * KiB, VGEM_PFN_CARVEOUT,
					     VGEM_PFN_TT);

	vgem_pfn_bo_fill(fd, handle, 64 * KiB, seed);
	return handle;
}

static void destroy(int fd, uint32_t handle, uint32_t syncobj)
{
	if (syncobj)
		syncobj_destroy(fd, syncobj);
	vgem_pfn_gem_close(fd, handle);
}

static void test_out(int fd, uint64_t point)
{
	const uint64_t seed = pfn_new_seed();
	struct drm_vgem_pfn_bo_move arg = {
		.handle = create(fd, seed),
		.flags = DRM_VGEM_PFN_MOVE_ASYNC,
		.region = VGEM_PFN_TT,
		.out_syncobj = syncobj_create(fd, 0),
		.out_point = point,
	};
	struct pfn_hold hold;
	uint64_t word;

	/* With this latency, a fence that signals before the copy is 300 ms early. */
	async_latency(fd, 300 * MS);
	pfn_hold_begin(&hold);
	pfn_hold_bo(&hold, fd, arg.handle);
	igt_assert_eq(__vgem_pfn_ioctl(fd, MOVE, &arg), 0);
	pfn_hold_assert(&hold, async_syncobj_wait(fd, arg.out_syncobj, point, 0) == -ETIME);
	pfn_hold_end(&hold);
	igt_assert_eq(async_syncobj_wait(fd, arg.out_syncobj, point, -1), 0);
	pfn_mem_read(vgem_pfn_bo_pfn(fd, arg.handle, 0), 0, &word, 8);
	igt_assert_eq_u64(word, pfn_pattern_word(seed, 0));

	/* Add a second point to the timeline. */
	if (point) {
		arg.region = VGEM_PFN_CARVEOUT;
		arg.out_point = point + 5;
		pfn_hold_begin(&hold);
		pfn_hold_bo(&hold, fd, arg.handle);
		igt_assert_eq(__vgem_pfn_ioctl(fd, MOVE, &arg), 0);
		igt_assert_eq(async_syncobj_wait(fd, arg.out_syncobj, point, 0), 0);
		pfn_hold_assert(&hold, async_syncobj_wait(fd, arg.out_syncobj, point + 5,
							  0) == -ETIME);
		pfn_hold_end(&hold);
		igt_assert_eq(async_syncobj_wait(fd, arg.out_syncobj, point + 5, -1), 0);
	}
	vgem_pfn_bo_check_mem(fd, arg.handle, 64 * KiB, seed);
	destroy(fd, arg.handle, arg.out_syncobj);
}

static void test_out_no_copy(int fd)
{
	struct drm_vgem_pfn_bo_move arg = {
		.handle = create(fd, 1),
		.region = VGEM_PFN_CARVEOUT,
	};
	int i;

	for (i = 0; i < 4; i++) {
		arg.flags = i % 2 ? DRM_VGEM_PFN_MOVE_ASYNC : 0;
		if (i == 2)
			arg.region = VGEM_PFN_TT;
		arg.out_syncobj = syncobj_create(fd, 0);
		igt_assert_eq(async_syncobj_wait(fd, arg.out_syncobj, 0, 0), -EINVAL);
		igt_assert_eq(__vgem_pfn_ioctl(fd, MOVE, &arg), 0);
		igt_assert_eq(async_syncobj_wait(fd, arg.out_syncobj, 0, 0), 0);
		syncobj_destroy(fd, arg.out_syncobj);
	}
	igt_assert_eq_u64(vgem_pfn_bo_query(fd, arg.handle).num_moves, 1);
	destroy(fd, arg.handle, 0);
}

/* A synchronous move whose in-fence is that of another buffer's held copy */
struct syncer {
	int fd;
	struct drm_vgem_pfn_bo_move arg;
	int ret;
	uint32_t busy;
	struct pfn_hold hold;
	struct pfn_thread thread;
};

static void syncer_run(void *data)
{
	struct syncer *s = data;

	s->ret = __vgem_pfn_ioctl(s->fd, MOVE, &s->arg);
}

static void syncer_start(struct syncer *s, int fd, uint32_t out_syncobj)
{
	s->fd = fd;
	s->busy = create(fd, 9);
	s->arg = (struct drm_vgem_pfn_bo_move) {
		.handle = create(fd, 1),
		.region = VGEM_PFN_TT,
		.in_syncobj = syncobj_create(fd, 0),
		.out_syncobj = out_syncobj,
	};
	pfn_hold_begin(&s->hold);
	async_move_held(fd, s->busy, VGEM_PFN_TT, s->arg.in_syncobj, &s->hold);
	pfn_thread_start(&s->thread, syncer_run, s);
	pfn_hold_assert(&s->hold, pfn_thread_asleep(&s->thread));
}

static void test_in(int fd)
{
	struct syncer s;

	syncer_start(&s, fd, 0);
	vgem_pfn_bo_check(fd, s.arg.handle, 64 * KiB, 1);
	pfn_hold_assert(&s.hold, vgem_pfn_bo_region(fd, s.arg.handle) ==
				 VGEM_PFN_CARVEOUT);
	pfn_hold_assert(&s.hold, !s.thread.done);
	pfn_hold_assert(&s.hold, !async_done(fd, s.arg.in_syncobj));

	pfn_hold_end(&s.hold);
	pfn_thread_join(&s.thread);
	igt_assert_eq(s.ret, 0);
	igt_assert(async_done(fd, s.arg.in_syncobj));
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, s.arg.handle), VGEM_PFN_TT);
	vgem_pfn_bo_check(fd, s.arg.handle, 64 * KiB, 1);
	destroy(fd, s.arg.handle, s.arg.in_syncobj);
	vgem_pfn_gem_close(fd, s.busy);
}

static void test_in_out(int fd)
{
	struct drm_vgem_pfn_bo_move arg = {
		.handle = create(fd, 1),
		.flags = DRM_VGEM_PFN_MOVE_ASYNC,
	};
	struct pfn_hold hold;
	int i;

	arg.out_syncobj = syncobj_create(fd, 0);
	for (i = 0; i < 4; i++) {
		arg.region = i % 2 ? VGEM_PFN_CARVEOUT : VGEM_PFN_TT;
		pfn_hold_begin(&hold);
		pfn_hold_bo(&hold, fd, arg.handle);
		igt_assert_eq(__vgem_pfn_ioctl(fd, MOVE, &arg), 0);
		pfn_hold_assert(&hold, !async_done(fd, arg.out_syncobj));
		pfn_hold_end(&hold);
		arg.in_syncobj = arg.out_syncobj;
	}
	async_wait(fd, arg.out_syncobj);
	vgem_pfn_bo_check_mem(fd, arg.handle, 64 * KiB, 1);
	destroy(fd, arg.handle, arg.out_syncobj);
}

static void test_in_interrupted(int fd)
{
	struct syncer s;

	syncer_start(&s, fd, syncobj_create(fd, 0));
	pfn_thread_signal(&s.thread);
	pfn_thread_join(&s.thread);
	igt_assert(s.thread.signaled);
	pfn_hold_assert(&s.hold, s.ret == -EINTR);
	pfn_hold_assert(&s.hold, !async_done(fd, s.arg.in_syncobj));

	igt_assert_eq_u32(vgem_pfn_bo_region(fd, s.arg.handle),
			  VGEM_PFN_CARVEOUT);
	igt_assert_eq(async_syncobj_wait(fd, s.arg.out_syncobj, 0, 0), -EINVAL);
	pfn_hold_end(&s.hold);
	async_wait(fd, s.arg.in_syncobj);
	syncobj_destroy(fd, s.arg.out_syncobj);
	destroy(fd, s.arg.handle, s.arg.in_syncobj);
	vgem_pfn_gem_close(fd, s.busy);
}

static void test_bad(int fd)
{
	const struct drm_vgem_pfn_bo_move good = {
		.handle = create(fd, 1),
		.flags = DRM_VGEM_PFN_MOVE_ASYNC,
		.region = VGEM_PFN_TT,
	};
	struct drm_vgem_pfn_bo_move arg;
	uint32_t out = syncobj_create(fd, 0), empty = syncobj_create(fd, 0);

#define bad(error, fields) \
	do { \
		arg = good; \
		fields; \
		igt_assert_eq(__vgem_pfn_ioctl(fd, MOVE, &arg), -(error)); \
		igt_assert_eq_u32(vgem_pfn_bo_region(fd, good.handle), \
				  VGEM_PFN_CARVEOUT); \
		igt_assert_eq(async_syncobj_wait(fd, out, 0, 0), -EINVAL); \
	} while (0)

	bad(ENOENT, arg.in_syncobj = 12345);
	bad(ENOENT, arg.in_syncobj = 12345; arg.out_syncobj = out);
	bad(ENOENT, arg.out_syncobj = 12345);
	bad(ENOENT, arg.out_syncobj = 12345; arg.out_point = 1);
	bad(EINVAL, arg.in_point = 1);
	bad(EINVAL, arg.out_point = 1);
	bad(EINVAL, arg.out_syncobj = out; arg.in_point = 1);
	/* No fence was submitted, and the ioctl does not wait for one. */
	bad(EINVAL, arg.in_syncobj = empty; arg.out_syncobj = out);
	bad(EINVAL, arg.in_syncobj = empty; arg.in_point = 3; arg.out_syncobj = out);
	/* Invalid arguments of the move itself */
	bad(EINVAL, arg.region = 99; arg.out_syncobj = out);
	bad(EINVAL, arg.pad = 1; arg.out_syncobj = out);
	bad(EINVAL, arg.flags = 2; arg.out_syncobj = out);
	bad(ENOENT, arg.handle = 12345; arg.out_syncobj = out);
#undef bad

	syncobj_destroy(fd, empty);
	destroy(fd, good.handle, out);
}

void async_sync_tests(int fd)
{
	igt_describe("The fence of a move signals once the contents are in place.");
	igt_subtest("out-syncobj") {
		async_reset(fd);
		test_out(fd, 0);
	}

	igt_describe("Like out-syncobj, with a timeline point.");
	igt_subtest("out-timeline") {
		async_reset(fd);
		test_out(fd, 7);
	}

	igt_describe("A move that copies nothing returns a signaled fence.");
	igt_subtest("out-no-copy") {
		async_reset(fd);
		test_out_no_copy(fd);
	}

	igt_describe("A move waits for its in-fence, and locks nothing meanwhile.");
	igt_subtest("in-syncobj") {
		async_reset(fd);
		test_in(fd);
	}

	igt_describe("One sync object can hold the in-fence and receive the out-fence.");
	igt_subtest("in-out-same") {
		async_reset(fd);
		test_in_out(fd);
	}

	igt_describe("Waiting for an in-fence can be interrupted.");
	igt_subtest("in-interrupted") {
		async_reset(fd);
		test_in_interrupted(fd);
	}

	igt_describe("Invalid sync objects are rejected before anything is changed.");
	igt_subtest("bad-syncobj") {
		async_reset(fd);
		test_bad(fd);
	}
}
