/* SPDX-License-Identifier: MIT */
/*
 * A thread of a test that is expected to block in the kernel. Its state is read from
 * /proc, so that no test depends on timing.
 */
#ifndef PFN_THREAD_H
#define PFN_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

struct pfn_thread {
	pthread_t thread;
	void (*run)(void *arg);
	void *arg;
	volatile pid_t tid;
	volatile bool done;
	volatile bool signaled;
};

/* @thread must stay at its address until it is joined. */
void pfn_thread_start(struct pfn_thread *thread, void (*run)(void *arg), void *arg);
void pfn_thread_join(struct pfn_thread *thread);

/* Wait until the thread sleeps in the kernel. Returns false if it has ended instead. */
bool pfn_thread_asleep(struct pfn_thread *thread);

/*
 * Send a signal to the thread. Its handler sets @signaled, and interrupts a system call
 * (it is installed without SA_RESTART).
 */
void pfn_thread_signal(struct pfn_thread *thread);

/* Like pfn_thread_asleep(), for a thread or process by id; false if it no longer exists. */
bool pfn_wait_asleep(pid_t tid);

#endif /* PFN_THREAD_H */
