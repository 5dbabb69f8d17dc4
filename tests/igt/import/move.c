// SPDX-License-Identifier: MIT
/*
 * Subtests of imports whose exporter moves the buffer: they are unmapped before the
 * move, and mapped at the new placement when used again.
 */
#include <sys/mman.h>

#include "igt.h"
#include "import.h"

static void move_often(struct shared *s, unsigned int moves)
{
	static const uint32_t regions[] = {
		VGEM_PFN_TT, VGEM_PFN_CARVEOUT, VGEM_PFN_SYSTEM, VGEM_PFN_CARVEOUT,
	};
	unsigned int i;

	for (i = 0; i < moves; i++) {
		shared_map(s);
		shared_check(s, i);
		vgem_pfn_bo_move(s->fd, s->handle, regions[i % 4]);
		shared_assert_unmapped(s);
		shared_check(s, i);
		vgem_pfn_bo_fill(i % 2 ? s->fd : s->other,
				 i % 2 ? s->handle : s->import, s->size, i + 1);
	}
	igt_assert_eq_u64(vgem_pfn_bo_query(s->fd, s->handle).num_moves, moves);
	igt_assert_eq_u64(vgem_pfn_bo_query(s->fd, s->handle).num_notifies, moves);
}

static void test_move(struct shared *s)
{
	move_often(s, 8);
}

static void test_move_long(struct shared *s)
{
	move_often(s, 32);
}

static void test_evict(struct shared *s)
{
	uint64_t old;

	shared_map(s);
	old = vgem_pfn_bo_pfn(s->other, s->import, 5);
	vgem_pfn_evict_all();
	shared_assert_unmapped(s);
	shared_map(s);
	igt_assert_neq_u64(vgem_pfn_bo_pfn(s->other, s->import, 5), old);
	shared_check(s, 0);
}

static void test_evict_without_handle(struct shared *s)
{
	uint64_t old;

	shared_map(s);
	old = vgem_pfn_bo_pfn(s->other, s->import, 5);
	vgem_pfn_gem_close(s->fd, s->handle);
	vgem_pfn_evict_all();

	shared_assert_unmapped(s);
	s->handle = import_handle(s->fd, s->dmabuf);
	shared_map(s);
	igt_assert_neq_u64(vgem_pfn_bo_pfn(s->other, s->import, 5), old);
	shared_check(s, 0);
}

static void test_evict_twin(struct shared *s)
{
	uint64_t used = vgem_pfn_carveout_size(s->other) / 8;
	int fd = import_open_other(s->fd), i;

	shared_map(s);
	for (i = 0; i < 9; i++)
		vgem_pfn_bo_create(fd, used, VGEM_PFN_CARVEOUT);
	igt_assert_eq_u32(vgem_pfn_bo_region(s->fd, s->handle),
			  VGEM_PFN_CARVEOUT);
	shared_map(s);
	igt_assert_eq_u64(vgem_pfn_bo_query(s->fd, s->handle).num_moves, 0);
	close(fd);
}

static void race_often(struct shared *s, unsigned int rounds)
{
	struct vgem_pfn_shuttle shuttle;
	unsigned int i, mapped = 0;
	uint64_t pfn;

	vgem_pfn_gem_close(s->other, s->import);
	vgem_pfn_shuttle_start(&shuttle, s->fd, s->handle, false);
	for (i = 0; i < rounds || shuttle.moves <= rounds / 5; i++) {
		igt_assert_eq(shuttle.ret, 0);
		s->import = import_handle(s->other, s->dmabuf);
		igt_assert_eq(__vgem_pfn_bo_move(s->other, s->import,
						 VGEM_PFN_TT), 0);
		vgem_pfn_bo_pfns(s->other, s->import, 0, 1, &pfn);
		mapped += pfn != VGEM_PFN_NO_PFN;
		vgem_pfn_gem_close(s->other, s->import);
	}
	vgem_pfn_shuttle_stop(&shuttle);
	igt_info("%u moves, found mapped %u times of %u\n", shuttle.moves, mapped, i);

	s->import = import_handle(s->other, s->dmabuf);
	shared_map(s);
	shared_check(s, 0);
}

static void test_race(struct shared *s)
{
	race_often(s, 50);
}

static void test_race_long(struct shared *s)
{
	race_often(s, 500);
}

/* A delayed unmapping does not run after the import is closed. */
static void test_race_unmap_late(struct shared *s)
{
	vgem_pfn_set_knob(s->other, "import_unmap_ms", 500);
	race_often(s, 50);
	vgem_pfn_set_knob(s->other, "import_unmap_ms", 0);
	/* Longer than the delay of the last notification */
	usleep(600 * 1000);
}

static void test_unmap_sooner(struct shared *s)
{
	struct timespec start = {};

	shared_map(s);
	vgem_pfn_set_knob(s->other, "import_unmap_ms", 15000);
	vgem_pfn_bo_move(s->fd, s->handle, VGEM_PFN_TT);
	shared_map(s);
	vgem_pfn_set_knob(s->other, "import_unmap_ms", 100);
	igt_nsec_elapsed(&start);
	vgem_pfn_bo_move(s->fd, s->handle, VGEM_PFN_CARVEOUT);
	vgem_pfn_set_knob(s->other, "import_unmap_ms", 0);
	while (vgem_pfn_bo_region(s->other, s->import) == VGEM_PFN_TT)
		igt_assert_lt_u64(igt_nsec_elapsed(&start), 10000000000ULL);
	igt_assert_lte_u64(100000000, igt_nsec_elapsed(&start));
	shared_assert_unmapped(s);
	shared_map(s);
	shared_check(s, 0);
}

static void test_mmap(struct shared *s)
{
	char *map = vgem_pfn_bo_mmap(s->other, s->import, s->size,
				     PROT_READ | PROT_WRITE);

	pfn_assert_pattern(map, 0, s->size, 0);
	vgem_pfn_bo_move(s->fd, s->handle, VGEM_PFN_TT);
	pfn_assert_pattern(map, 0, s->size, 0);
	pfn_pattern_fill(map, 0, s->size, 1);
	shared_check(s, 1);
	vgem_pfn_bo_move(s->fd, s->handle, VGEM_PFN_CARVEOUT);
	pfn_pattern_fill(map, 0, s->size, 2);
	shared_map(s);
	shared_check(s, 2);

	/* The mapping needs neither handle. */
	vgem_pfn_gem_close(s->other, s->import);
	vgem_pfn_gem_close(s->fd, s->handle);
	vgem_pfn_evict_all();
	pfn_assert_pattern(map, 0, s->size, 2);
	s->handle = import_handle(s->fd, s->dmabuf);
	s->import = import_handle(s->other, s->dmabuf);
	shared_check(s, 2);
	munmap(map, s->size);
}

static void with_shared(int fd, int other, void (*test)(struct shared *s))
{
	struct shared s = shared_create(fd, other, MiB, 0);

	test(&s);
	shared_destroy(&s);
}

void import_move_tests(int fd, int other)
{
	igt_describe("An import follows the moves of its buffer.");
	igt_subtest("move")
		with_shared(fd, other, test_move);

	igt_describe("An import follows many moves of its buffer.");
	igt_subtest("move-long")
		with_shared(fd, other, test_move_long);

	igt_describe("An import is notified of an eviction.");
	igt_subtest("evict")
		with_shared(fd, other, test_evict);

	igt_describe("An import is notified when a buffer without a handle is evicted.");
	igt_subtest("evict-without-handle")
		with_shared(fd, other, test_evict_without_handle);

	igt_describe("Memory pressure on the importing device does not move the buffer.");
	igt_subtest("evict-twin")
		with_shared(fd, other, test_evict_twin);

	igt_describe("A move may happen at any time in the life of an import.");
	igt_subtest("move-race")
		with_shared(fd, other, test_race);

	igt_describe("Like move-race, more often.");
	igt_subtest("move-race-long")
		with_shared(fd, other, test_race_long);

	igt_describe("A move may happen at any time in the life of an import that unmaps late.");
	igt_subtest("move-race-unmap-late")
		with_shared(fd, other, test_race_unmap_late);

	igt_describe("The delay of an unmapping is that of the last notification.");
	igt_subtest("unmap-sooner")
		with_shared(fd, other, test_unmap_sooner);

	igt_describe("A mapping of an import shows the buffer.");
	igt_subtest("mmap")
		with_shared(fd, other, test_mmap);
}
