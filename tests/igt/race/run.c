// SPDX-License-Identifier: MIT
/*
 * The threads of one scenario, and a periodic check that each makes progress.
 *
 * A thread is stuck (livelock or starvation) if one action takes longer than the
 * machine's patience while other threads make progress. If no thread makes progress,
 * the machine may be slow or all threads may be stuck; the limit is ten times as long.
 * At each check race_spin() measures the machine's speed: patience is multiplied by its
 * slowdown since the setup.
 */
#include <errno.h>

#include "igt.h"
#include "race.h"

#define MAX_EVENTS	4096

uint64_t race_spin(void)
{
	uint64_t begin = pfn_now_ns();
	volatile unsigned int i;

	for (i = 0; i < 20000; i++)
		;
	return pfn_now_ns() - begin;
}

static void note(struct race_thread *thread, const struct race_action *action,
		 uint64_t begin, uint64_t end)
{
	struct race_event *event;

	if (thread->num_events == MAX_EVENTS)
		return;
	event = &thread->events[thread->num_events++];
	event->begin = begin;
	event->end = end;
	event->kind = action->kind;
	event->thread = thread->index;
}

/* Run one action; returns false to end the thread. */
static bool turn(struct race_thread *thread, unsigned int index)
{
	struct race_world *world = thread->world;
	const struct race_action *action = &world->scenario->actions[index];
	uint64_t begin, end;

	if (action->thread != thread->index)
		return true;
	if (world->stop ||
	    (thread->passes && pfn_now_ns() > world->deadline))
		return false;

	atomic_store(&thread->next, index + 1);
	if (action->pause_us)
		usleep(action->pause_us);
	begin = pfn_now_ns();
	atomic_store(&thread->since, begin);
	if (race_do(thread, action))
		thread->refused[action->kind]++;
	end = pfn_now_ns();
	atomic_store(&thread->since, 0);
	atomic_fetch_add(&thread->ops, 1);
	note(thread, action, begin, end);
	return true;
}

static void *thread_run(void *arg)
{
	struct race_thread *thread = arg;
	struct race_world *world = thread->world;
	uint64_t ops;
	unsigned int i;

	do {
		ops = thread->ops;
		for (i = 0; i < world->scenario->num; i++)
			if (!turn(thread, i))
				return NULL;
		thread->passes++;
	} while (world->deadline && thread->ops != ops);
	return NULL;
}

struct watch {
	uint64_t ops;		/* sum of all threads */
	uint64_t when;		/* time of their last progress */
	double spin, spins;	/* race_spin(): decaying sum in ns, and number */
};

/* Slowdown of the machine since the setup, at least 1 */
static double slowness(struct race_world *world, struct watch *watch)
{
	double slow;

	watch->spin = watch->spin * 0.99 + race_spin();
	watch->spins = watch->spins * 0.99 + 1;
	slow = watch->spin / watch->spins / world->setup->spin_ns;
	return slow > 1 ? slow : 1;
}

/* Return the index of a stuck thread, or -1. */
static int look(struct race_world *world, struct watch *watch)
{
	uint64_t now = pfn_now_ns(), ops = 0, since, patience;
	unsigned int i;

	for (i = 0; i < world->scenario->num_threads; i++)
		ops += world->threads[i].ops;
	patience = world->setup->patience_ns * slowness(world, watch);
	if (ops != watch->ops) {
		watch->ops = ops;
		watch->when = now;
	} else if (now - watch->when > patience / 4) {
		patience *= 10;
	}

	for (i = 0; i < world->scenario->num_threads; i++) {
		since = world->threads[i].since;
		if (since && since < now && now - since > patience)
			return i;
	}
	return -1;
}

static void stuck(struct race_world *world, int index)
{
	struct race_thread *thread = &world->threads[index];
	unsigned int next = thread->next;
	uint64_t since = thread->since;

	race_fail(world, "thread %d is stuck in action %u, %s, for %llu ms",
		  index, next - 1,
		  race_kind_names[world->scenario->actions[next - 1].kind],
		  since ? (unsigned long long)(pfn_now_ns() - since) / 1000000 : 0);
}

/* Wait for all threads. A thread that never ends fails the whole program. */
static void wait_threads(struct race_world *world)
{
	struct watch watch = { .when = pfn_now_ns() };
	uint64_t give_up = 0;
	unsigned int i;
	int ret;

	for (i = 0; i < world->scenario->num_threads; i++) {
		for (;;) {
			struct timespec until;

			clock_gettime(CLOCK_REALTIME, &until);
			until.tv_nsec += 50000000;
			if (until.tv_nsec >= 1000000000) {
				until.tv_nsec -= 1000000000;
				until.tv_sec++;
			}
			ret = pthread_timedjoin_np(world->threads[i].thread, NULL,
						   &until);
			if (ret != ETIMEDOUT)
				break;

			ret = look(world, &watch);
			if (ret >= 0 && !give_up) {
				stuck(world, ret);
				give_up = pfn_now_ns() + world->setup->patience_ns;
			}
			if (!give_up || pfn_now_ns() < give_up)
				continue;
			race_print(world->scenario);
			igt_assert_f(false, "%s, and does not end\n",
				     world->failure);
		}
	}
}

static void collect(struct race_world *world, struct race_overlap *overlap)
{
	unsigned int i, num = 0;
	struct race_event *all;

	for (i = 0; i < world->scenario->num_threads; i++)
		num += world->threads[i].num_events;
	all = calloc(num + 1, sizeof(*all));
	igt_assert(all);
	num = 0;
	for (i = 0; i < world->scenario->num_threads; i++) {
		struct race_thread *thread = &world->threads[i];

		memcpy(all + num, thread->events,
		       thread->num_events * sizeof(*all));
		num += thread->num_events;
	}
	race_overlap_add(overlap, all, num);
	free(all);
}

void race_run(const struct race_setup *setup, const struct race_scenario *scenario,
	      unsigned int ms, struct race_overlap *overlap,
	      struct race_result *result)
{
	struct race_world *world = calloc(1, sizeof(*world));
	uint64_t begin;
	unsigned int i, kind;

	igt_assert(world);
	race_world_create(world, setup, scenario);
	memset(result, 0, sizeof(*result));
	race_catch_faults(true);
	begin = pfn_now_ns();
	if (ms)
		world->deadline = begin + ms * 1000000ULL;

	for (i = 0; i < scenario->num_threads; i++) {
		struct race_thread *thread = &world->threads[i];

		thread->events = calloc(MAX_EVENTS, sizeof(*thread->events));
		igt_assert(thread->events);
		igt_assert_eq(pthread_create(&thread->thread, NULL, thread_run,
					     thread), 0);
	}
	wait_threads(world);
	result->ns = pfn_now_ns() - begin;

	if (overlap)
		collect(world, overlap);
	for (i = 0; i < scenario->num_threads; i++) {
		struct race_thread *thread = &world->threads[i];

		result->ops += thread->ops;
		result->begun_to[i] = thread->passes ? scenario->num : thread->next;
		for (kind = 0; kind < RACE_NUM_KINDS; kind++)
			result->refused += thread->refused[kind];
		free(thread->events);
	}
	race_world_destroy(world);
	race_catch_faults(false);
	result->failed = world->failed;
	result->suspect = world->suspect;
	memcpy(result->failure, world->failure, sizeof(result->failure));
	free(world);
}
