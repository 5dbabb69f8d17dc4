// SPDX-License-Identifier: MIT
/*
 * Subtests of fork() while the buffer moves. fork() copies huge entries of a PFN mapping
 * one by one, and moves do not take the lock of the address space: an entry that a
 * notification removes from the parent must not appear in the child afterwards.
 *
 * A move between TT and SYSTEM copies nothing, but notifies importers.
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include "igt.h"
#include "huge.h"

#define BLOCKS	32

struct shared {
	/* Number of the last fork that began, of the last move that is over; the end */
	volatile int begun, moved;
	volatile bool stop;
	/* Number of the last fork that is over, and of those that a move was faster than */
	volatile int forked;
	volatile int during;
};

/* Touch every block. Returns the number of those that needed no fault. */
static int count_present(const struct prime *p)
{
	struct dma_buf_pfn_stats before = pfn_import_stats(p->import);
	int i;

	for (i = 0; i < BLOCKS; i++)
		(void)*(volatile char *)(p->map + i * HUGE);
	return BLOCKS - (pfn_import_stats(p->import).faults - before.faults);
}

/* Start a move at a random time after the begin of each fork, within @max_us. */
static void run_mover(const struct prime *p, struct shared *shared, int max_us)
{
	unsigned int seed = 1;
	struct timespec start;
	int fork = 0, us;

	for (;;) {
		while (shared->begun == fork && !shared->stop)
			;
		if (shared->stop)
			return;
		fork = shared->begun;
		us = rand_r(&seed) % max_us;
		start = (struct timespec) {};
		igt_nsec_elapsed(&start);
		while (igt_nsec_elapsed(&start) < us * 1000ULL)
			;
		vgem_pfn_bo_move(p->fd, p->handle, VGEM_PFN_SYSTEM);
		shared->during += shared->forked != fork;
		shared->moved = fork;
	}
}

/*
 * After a move, and without a fault since then, neither parent nor child has an entry.
 * Returns the number of entries that the child has.
 */
static int fork_once(const struct prime *p, struct shared *shared, int fork_number)
{
	int status;
	pid_t pid;

	vgem_pfn_bo_move(p->fd, p->handle, VGEM_PFN_TT);
	count_present(p);

	shared->begun = fork_number;
	pid = fork();
	igt_assert(pid >= 0);
	if (!pid) {
		while (shared->moved != fork_number)
			usleep(200);
		_exit(count_present(p));
	}
	shared->forked = fork_number;
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	igt_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Fork @forks times, but for no longer than @seconds. */
static void test_fork(int fd, int importer, int forks, int seconds)
{
	static const uint32_t placements[] = { VGEM_PFN_TT };
	struct dma_buf_pfn_stats since = {};
	struct shared *shared;
	struct timespec start = {};
	struct prime p;
	int i, stale = 0;
	uint64_t ns;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	igt_assert(shared != MAP_FAILED);
	p = huge_create_sparse(fd, importer, BLOCKS * HUGE, placements, 1);
	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_TT);
	huge_faults(p.import, &since);
	igt_assert_eq(count_present(&p), 0);
	igt_require_f(huge_faults(p.import, &since).at[PMD] > BLOCKS / 2,
		      "the memory is too scattered for huge entries\n");

	igt_fork(child, 1)
		run_mover(&p, shared, 8000);
	igt_nsec_elapsed(&start);
	for (i = 0; i < forks && igt_nsec_elapsed(&start) < seconds * 1000000000ULL; i++)
		stale += fork_once(&p, shared, i + 1);
	ns = igt_nsec_elapsed(&start);
	shared->stop = true;
	igt_waitchildren();

	igt_info("%d forks in %llu s; %d moves ended before fork() did; %d stale entries\n",
		 i, (long long)ns / 1000000000, shared->during, stale);
	igt_assert_eq(stale, 0);
	munmap(shared, sizeof(*shared));
	munmap(p.map, p.size);
	close(p.import);
	close(p.dmabuf);
	vgem_pfn_gem_close(fd, p.handle);
}

void huge_fork_tests(int fd, int importer)
{
	igt_describe("fork() during a move copies no entry that the move removes.");
	igt_subtest("fork-move")
		test_fork(fd, importer, 20, 60);

	igt_describe("The same, often enough to find a rare race.");
	igt_subtest("fork-move-long")
		test_fork(fd, importer, 1000, 120);
}
