// SPDX-License-Identifier: MIT
#include <signal.h>
#include <sys/syscall.h>

#include "igt.h"
#include "pfn_thread.h"

/*
 * Minimum sleep to be counted as blocked: longer than waits for allocations or short
 * locks
 */
#define STABLE_US	30000

/* Read a thread's state and its number of voluntary switches; 0 if there is none. */
static char read_state(pid_t tid, unsigned long *sleeps)
{
	char path[32], line[128], state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	file = fopen(path, "re");
	if (!file)
		return 0;

	*sleeps = 0;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "State: %c", &state) == 1)
			continue;
		if (sscanf(line, "voluntary_ctxt_switches: %lu", sleeps) == 1)
			break;
	}
	fclose(file);
	return state;
}

bool pfn_wait_asleep(pid_t tid)
{
	unsigned long before, after;
	char state;

	for (;;) {
		state = read_state(tid, &before);
		usleep(STABLE_US);
		if (!state || state == 'Z' || state == 'X')
			return false;
		if (state != 'S' && state != 'D')
			continue;
		if (read_state(tid, &after) == state && before == after)
			return true;
	}
}

static __thread struct pfn_thread *self;

static void *thread_run(void *data)
{
	struct pfn_thread *thread = data;

	self = thread;
	thread->tid = syscall(SYS_gettid);
	thread->run(thread->arg);
	thread->done = true;
	return NULL;
}

void pfn_thread_start(struct pfn_thread *thread, void (*run)(void *arg), void *arg)
{
	*thread = (struct pfn_thread) { .run = run, .arg = arg };
	igt_assert_eq(pthread_create(&thread->thread, NULL, thread_run, thread), 0);
}

void pfn_thread_join(struct pfn_thread *thread)
{
	igt_assert_eq(pthread_join(thread->thread, NULL), 0);
}

static void handler(int sig)
{
	self->signaled = true;
}

void pfn_thread_signal(struct pfn_thread *thread)
{
	struct sigaction act = { .sa_handler = handler };

	igt_assert_eq(sigaction(SIGUSR1, &act, NULL), 0);
	igt_assert_eq(pthread_kill(thread->thread, SIGUSR1), 0);
}

bool pfn_thread_asleep(struct pfn_thread *thread)
{
	while (!thread->tid)
		usleep(1000);
	return pfn_wait_asleep(thread->tid) && !thread->done;
}
