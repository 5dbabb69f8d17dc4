// SPDX-License-Identifier: MIT
/*
 * Subtests of waiting for a buffer that is moving: whoever waits can be
 * interrupted, and killed.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "igt.h"
#include "prime.h"

#define MS	1000	/* us */

static volatile sig_atomic_t handled;

static void handler(int sig)
{
	handled = 1;
}

struct waiter {
	struct prime *p;
	uint64_t word;
	int ret;
	volatile int done;
};

static void *fault_thread(void *arg)
{
	struct waiter *w = arg;

	w->word = *(volatile uint64_t *)w->p->map;
	w->done = 1;
	return NULL;
}

static void *access_thread(void *arg)
{
	struct waiter *w = arg;

	w->ret = __pfn_import_access(w->p->import, 0, &w->word,
				     sizeof(w->word), 0);
	w->done = 1;
	return NULL;
}

/* Start a wait in a slow move, and interrupt it. True while both go on. */
static void interrupt(int fd, struct waiter *w, void *(*wait)(void *),
		      struct vgem_pfn_mover *mover, pthread_t *thread)
{
	struct sigaction act = { .sa_handler = handler };

	igt_assert_eq(sigaction(SIGUSR1, &act, NULL), 0);
	handled = 0;

	vgem_pfn_set_move_delay(fd, 1000 * MS);
	vgem_pfn_mover_start(mover, fd, w->p->handle, VGEM_PFN_TT);
	usleep(150 * MS);
	igt_assert_eq(pthread_create(thread, NULL, wait, w), 0);
	usleep(200 * MS);
	igt_assert(!w->done);
	pthread_kill(*thread, SIGUSR1);
	usleep(250 * MS);

	/* The handler need not wait until the move is over. */
	igt_assert(!mover->done);
	igt_assert(handled);
}

/*
 * SUBTEST: signal-fault
 * Description: a process that faults on moving memory can handle signals, and
 *		then gets its page
 */
static void test_signal_fault(int fd, int importer)
{
	struct prime p = prime_create(fd, importer, 64 * KiB, 1);
	struct waiter w = { .p = &p };
	struct vgem_pfn_mover mover;
	pthread_t thread;

	interrupt(fd, &w, fault_thread, &mover, &thread);
	igt_assert(!w.done);
	vgem_pfn_mover_wait(&mover);
	pthread_join(thread, NULL);
	igt_assert_eq_u64(w.word, pfn_pattern_word(1, 0));

	vgem_pfn_set_move_delay(fd, 0);
	prime_check(&p, 1);
	prime_destroy(&p);
}

/*
 * SUBTEST: signal-access
 * Description: a device access that waits for moving memory ends with a signal
 */
static void test_signal_access(int fd, int importer)
{
	struct prime p = prime_create(fd, importer, 64 * KiB, 1);
	struct waiter w = { .p = &p };
	struct vgem_pfn_mover mover;
	pthread_t thread;

	interrupt(fd, &w, access_thread, &mover, &thread);
	pthread_join(thread, NULL);
	igt_assert(!mover.done);
	igt_assert_eq(w.ret, -EINTR);
	vgem_pfn_mover_wait(&mover);

	vgem_pfn_set_move_delay(fd, 0);
	igt_assert_eq_u32(pfn_import_entry(p.import, 0).flags & ENTRY_DEV, 0);
	prime_check(&p, 1);
	prime_destroy(&p);
}

/*
 * SUBTEST: kill-fault
 * Description: a process that faults on moving memory can be killed at once
 */
static void test_kill_fault(int fd, int importer)
{
	struct prime p = prime_create(fd, importer, 64 * KiB, 1);
	struct vgem_pfn_mover mover;
	int status;
	pid_t pid;

	vgem_pfn_set_move_delay(fd, 1000 * MS);
	vgem_pfn_mover_start(&mover, fd, p.handle, VGEM_PFN_TT);
	usleep(150 * MS);

	pid = fork();
	igt_assert_lte(0, pid);
	if (!pid)
		_exit(*(volatile char *)p.map);
	usleep(200 * MS);
	igt_assert_eq(waitpid(pid, &status, WNOHANG), 0);
	igt_assert_eq(kill(pid, SIGKILL), 0);
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	igt_assert(!mover.done);
	igt_assert(WIFSIGNALED(status));

	vgem_pfn_mover_wait(&mover);
	vgem_pfn_set_move_delay(fd, 0);
	prime_check(&p, 1);
	prime_destroy(&p);
}

void prime_signal_tests(int fd, int importer)
{
	igt_describe("Who faults on moving memory can handle signals.");
	igt_subtest("signal-fault")
		test_signal_fault(fd, importer);

	igt_describe("A device access that waits for moving memory ends with a signal.");
	igt_subtest("signal-access")
		test_signal_access(fd, importer);

	igt_describe("Who faults on moving memory can be killed at once.");
	igt_subtest("kill-fault")
		test_kill_fault(fd, importer);
}
