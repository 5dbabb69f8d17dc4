// SPDX-License-Identifier: MIT
/* Subtests of waiting for a move: the waiting task can be interrupted and killed. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "igt.h"
#include "prime.h"

#define MS	1000	/* us */

struct waiter {
	struct prime *p;
	uint64_t word;
	int ret;
	struct vgem_pfn_mover mover;
	struct pfn_hold hold;
	struct pfn_thread thread;
};

static void fault_run(void *arg)
{
	struct waiter *w = arg;

	w->word = *(volatile uint64_t *)w->p->map;
}

static void access_run(void *arg)
{
	struct waiter *w = arg;

	w->ret = __pfn_import_access(w->p->import, 0, &w->word,
				     sizeof(w->word), 0);
}

/* Start a wait for a move that is held, and interrupt it. */
static void interrupt(int fd, struct waiter *w, void (*run)(void *))
{
	pfn_hold_begin(&w->hold);
	vgem_pfn_mover_start_held(&w->mover, fd, w->p->handle, VGEM_PFN_TT, &w->hold);
	pfn_thread_start(&w->thread, run, w);
	pfn_hold_assert(&w->hold, pfn_thread_asleep(&w->thread));
	pfn_thread_signal(&w->thread);
	while (!w->thread.signaled && pfn_hold_pending(&w->hold))
		usleep(10 * MS);

	/* The handler ran before the end of the move. */
	igt_assert(pfn_hold_pending(&w->hold));
}

static void test_signal_fault(int fd, int importer)
{
	struct prime p = prime_create(fd, importer, 64 * KiB, 1);
	struct waiter w = { .p = &p };

	interrupt(fd, &w, fault_run);
	pfn_hold_assert(&w.hold, !w.thread.done);
	pfn_hold_end(&w.hold);
	vgem_pfn_mover_wait(&w.mover);
	pfn_thread_join(&w.thread);
	igt_assert_eq_u64(w.word, pfn_pattern_word(1, 0));

	prime_check(&p, 1);
	prime_destroy(&p);
}

static void test_signal_access(int fd, int importer)
{
	struct prime p = prime_create(fd, importer, 64 * KiB, 1);
	struct waiter w = { .p = &p };

	interrupt(fd, &w, access_run);
	pfn_thread_join(&w.thread);
	igt_assert(pfn_hold_pending(&w.hold));
	igt_assert_eq(w.ret, -EINTR);
	pfn_hold_end(&w.hold);
	vgem_pfn_mover_wait(&w.mover);

	igt_assert_eq_u32(pfn_import_entry(p.import, 0).flags & ENTRY_DEV, 0);
	prime_check(&p, 1);
	prime_destroy(&p);
}

static void test_kill_fault(int fd, int importer)
{
	struct prime p = prime_create(fd, importer, 64 * KiB, 1);
	struct vgem_pfn_mover mover;
	struct pfn_hold hold;
	int status;
	pid_t pid;

	pfn_hold_begin(&hold);
	vgem_pfn_mover_start_held(&mover, fd, p.handle, VGEM_PFN_TT, &hold);

	pid = fork();
	igt_assert_lte(0, pid);
	if (!pid)
		_exit(*(volatile char *)p.map);
	pfn_hold_assert(&hold, pfn_wait_asleep(pid));
	igt_assert_eq(kill(pid, SIGKILL), 0);
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	igt_assert(pfn_hold_pending(&hold));
	igt_assert(WIFSIGNALED(status));

	pfn_hold_end(&hold);
	vgem_pfn_mover_wait(&mover);
	prime_check(&p, 1);
	prime_destroy(&p);
}

/* A thread that exports a buffer for the first time */
struct exporter {
	int fd;
	uint32_t handle;
	int ret;
	struct pfn_thread thread;
};

static void export_run(void *arg)
{
	struct exporter *e = arg;

	e->ret = __vgem_pfn_handle_to_fd(e->fd, e->handle, DRM_CLOEXEC | DRM_RDWR);
}

/*
 * Interrupt the first export of a buffer while a move holds the lock that the export takes.
 * Returns whether the export returned before the move did.
 */
static bool interrupt_export(struct exporter *e)
{
	struct vgem_pfn_mover mover;
	bool at_once;

	vgem_pfn_mover_start_copied(&mover, e->fd, e->handle, VGEM_PFN_TT);
	pfn_thread_start(&e->thread, export_run, e);
	pfn_thread_asleep(&e->thread);
	pfn_thread_signal(&e->thread);
	pfn_thread_join(&e->thread);
	/* If the move still sleeps, it still holds the lock. */
	at_once = pfn_thread_asleep(&mover.thread);
	vgem_pfn_mover_wait(&mover);
	return at_once;
}

static void test_signal_export(int fd)
{
	struct exporter e = { .fd = fd };
	bool at_once;
	int tries;

	/* On a slow machine the move may end before the signal. */
	for (tries = 0; tries < 10; tries++) {
		e.handle = vgem_pfn_bo_create(fd, 64 * KiB, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
		vgem_pfn_bo_fill(fd, e.handle, 64 * KiB, 1);
		at_once = interrupt_export(&e);
		if (e.ret < 0 && at_once)
			break;
		if (e.ret >= 0)
			close(e.ret);
		vgem_pfn_gem_close(fd, e.handle);
	}
	igt_assert_eq(e.ret, -EINTR);
	/* The failed export has released its dma-buf without waiting for the lock. */
	igt_assert(at_once);
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, e.handle).exported, 0);
	close(vgem_pfn_export(fd, e.handle));
	vgem_pfn_bo_check(fd, e.handle, 64 * KiB, 1);
	vgem_pfn_gem_close(fd, e.handle);
}

void prime_signal_tests(int fd, int importer)
{
	igt_describe("A task whose fault waits for a move handles signals.");
	igt_subtest("signal-fault")
		test_signal_fault(fd, importer);

	igt_describe("A device access that waits for a move is interrupted by a signal.");
	igt_subtest("signal-access")
		test_signal_access(fd, importer);

	igt_describe("A first export that waits for a move is interrupted by a signal.");
	igt_subtest("signal-export")
		test_signal_export(fd);

	igt_describe("A task whose fault waits for a move can be killed at once.");
	igt_subtest("kill-fault")
		test_kill_fault(fd, importer);
}
