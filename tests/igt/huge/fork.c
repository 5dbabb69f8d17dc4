// SPDX-License-Identifier: MIT
/*
 * Subtests of fork() while the buffer moves. fork() copies huge entries of a PFN mapping
 * one by one, and moves do not take the lock of the address space: an entry that a
 * notification removes from the parent must not appear in the child afterwards.
 *
 * A move between TT and SYSTEM copies nothing, but notifies importers.
 *
 * Kernels without the fix of fork() have no huge entries by default, see huge_default().
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include "igt.h"
#include "huge.h"

#define BLOCKS	32
#define SIZE	(BLOCKS * HUGE)
/* The longest time from the beginning of a fork to the beginning of the move */
#define MAX_US	4000

struct race {
	struct prime p;
	uint64_t step;	/* bytes from one touched page to the next */
	int wake[2];	/* the parent requests a move */
	int over[2];	/* one byte to the child after each move */
	volatile int *forked;	/* the last fork that has ended */
	volatile int *during;	/* number of moves that ended before their fork did */
};

/* Number of pages that are mapped. mincore() of a PFN mapping reports its entries. */
static int count_mapped(const struct race *race)
{
	static unsigned char pages[SIZE / PFN_PAGE_SIZE];
	int n = 0;
	size_t i;

	igt_assert_eq(mincore(race->p.map, SIZE, pages), 0);
	for (i = 0; i < ARRAY_SIZE(pages); i++)
		n += pages[i] & 1;
	return n;
}

static void touch(const struct race *race)
{
	uint64_t at;

	for (at = 0; at < SIZE; at += race->step)
		(void)*(volatile char *)(race->p.map + at);
}

/* Start a move at a random time after each request. */
static void run_mover(struct race *race)
{
	unsigned int seed = 1;
	struct timespec start;
	int number, us;
	char c = 0;

	close(race->wake[1]);
	while (read(race->wake[0], &number, sizeof(number)) == sizeof(number)) {
		us = rand_r(&seed) % MAX_US;
		start = (struct timespec) {};
		igt_nsec_elapsed(&start);
		while (igt_nsec_elapsed(&start) < us * 1000ULL)
			;
		vgem_pfn_bo_move(race->p.fd, race->p.handle, VGEM_PFN_SYSTEM);
		*race->during += *race->forked != number;
		igt_assert_eq(write(race->over[1], &c, 1), 1);
	}
}

/*
 * Fork during a move. After the move, and without an access since then, no process has an
 * entry. Returns whether the child has one.
 */
static bool fork_once(struct race *race, int number)
{
	pid_t pid;
	int status;
	char c;

	vgem_pfn_bo_move(race->p.fd, race->p.handle, VGEM_PFN_TT);
	touch(race);

	igt_assert_eq(write(race->wake[1], &number, sizeof(number)), sizeof(number));
	pid = fork();
	igt_assert(pid >= 0);
	if (!pid) {
		igt_assert_eq(read(race->over[0], &c, 1), 1);
		_exit(count_mapped(race) != 0);
	}
	*race->forked = number;
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	igt_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Fork @forks times, but for no longer than @seconds. @huge: with entries of 2 MiB */
static void test_fork(int fd, int importer, int forks, int seconds, bool huge)
{
	static const uint32_t placements[] = { VGEM_PFN_TT };
	struct dma_buf_pfn_stats since = {};
	struct timespec start = {};
	struct race race = { .step = huge ? HUGE : 16 * PFN_PAGE_SIZE };
	struct huge_count faults;
	int i, stale = 0;

	race.forked = mmap(NULL, 2 * sizeof(int), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	igt_assert(race.forked != MAP_FAILED);
	race.during = race.forked + 1;
	igt_assert_eq(pipe(race.wake), 0);
	igt_assert_eq(pipe(race.over), 0);
	race.p = huge_create_sparse(fd, importer, SIZE, placements, 1);
	igt_assert_eq(count_mapped(&race), 0);
	touch(&race);
	faults = huge_faults(race.p.import, &since);
	if (huge) {
		igt_require_f(faults.at[PMD] > BLOCKS / 2,
			      "the memory is too scattered for huge entries\n");
		igt_assert_lt(SIZE / PFN_PAGE_SIZE / 2, count_mapped(&race));
	} else {
		huge_assert_count(faults, (struct huge_count) {
			.at = { [PTE] = SIZE / race.step },
		});
	}

	igt_fork(child, 1)
		run_mover(&race);
	igt_nsec_elapsed(&start);
	for (i = 0; i < forks && igt_nsec_elapsed(&start) < seconds * 1000000000ULL; i++)
		stale += fork_once(&race, i + 1);
	close(race.wake[1]);
	igt_waitchildren();

	igt_info("%d forks, %d moves ended before fork() did, %d children with an entry\n", i,
		 *race.during, stale);
	igt_assert_eq(stale, 0);
	close(race.wake[0]);
	close(race.over[0]);
	close(race.over[1]);
	munmap((void *)race.forked, 2 * sizeof(int));
	munmap(race.p.map, SIZE);
	close(race.p.import);
	close(race.p.dmabuf);
	vgem_pfn_gem_close(fd, race.p.handle);
}

void huge_fork_tests(int fd, int importer)
{
	igt_describe("fork() during a move copies no entry that the move removes.");
	igt_subtest("fork-move")
		test_fork(fd, importer, 30, 60, true);

	igt_describe("The same, often enough to find a rare race.");
	igt_subtest("fork-move-long")
		test_fork(fd, importer, 1000, 120, true);

	igt_describe("By default a kernel without the fix of fork() has no huge entries to copy.");
	igt_subtest("default-fork") {
		huge_default();
		test_fork(fd, importer, 100, 60, false);
		huge_restore();
	}
}
