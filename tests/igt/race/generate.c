// SPDX-License-Identifier: MIT
/* Scenarios: generated from a seed, printed as text, and parsed from that text */
#include "igt.h"
#include "race.h"

/* Longer scenarios are not printed. */
#define MAX_PRINTED	60

const char * const race_kind_names[RACE_NUM_KINDS] = {
	[RACE_MOVE] = "move",
	[RACE_MOVE_ASYNC] = "move-async",
	[RACE_EVICT] = "evict",
	[RACE_OVERCOMMIT] = "overcommit",
	[RACE_ATTACH] = "attach",
	[RACE_DETACH] = "detach",
	[RACE_PIN] = "pin",
	[RACE_STATIC] = "static",
	[RACE_CPU_READ] = "cpu-read",
	[RACE_CPU_WRITE] = "cpu-write",
	[RACE_DEV_READ] = "dev-read",
	[RACE_DEV_WRITE] = "dev-write",
	[RACE_CLOSE] = "close",
	[RACE_FORK] = "fork",
	[RACE_MMAP] = "mmap",
	[RACE_MUNMAP] = "munmap",
	[RACE_MADVISE] = "madvise",
	[RACE_SNAPSHOT] = "snapshot",
	[RACE_JOB_READ] = "job-read",
	[RACE_JOB_WRITE] = "job-write",
	[RACE_PEER] = "peer",
	[RACE_UNPLUG] = "unplug",
};

/*
 * Relative frequency of the actions. Short actions are chosen more often, so that all
 * kinds run for about the same time; actions that open are chosen more often than
 * actions that close.
 */
static const unsigned int weights[RACE_NUM_KINDS] = {
	[RACE_MOVE] = 10,
	[RACE_MOVE_ASYNC] = 10,
	[RACE_EVICT] = 4,
	[RACE_OVERCOMMIT] = 4,
	[RACE_ATTACH] = 12,
	[RACE_DETACH] = 8,
	[RACE_PIN] = 5,
	[RACE_STATIC] = 5,
	[RACE_CPU_READ] = 12,
	[RACE_CPU_WRITE] = 12,
	[RACE_DEV_READ] = 12,
	[RACE_DEV_WRITE] = 12,
	[RACE_CLOSE] = 10,
	[RACE_FORK] = 2,
	[RACE_MMAP] = 8,
	[RACE_MUNMAP] = 6,
	[RACE_MADVISE] = 8,
	[RACE_SNAPSHOT] = 6,
	[RACE_JOB_READ] = 8,
	[RACE_JOB_WRITE] = 8,
	[RACE_PEER] = 4,
	[RACE_UNPLUG] = 1,
};

static enum race_kind pick_kind(uint64_t *state, bool second)
{
	unsigned int i, num = second ? RACE_NUM_KINDS : RACE_PEER, sum = 0, die;

	for (i = 0; i < num; i++)
		sum += weights[i];
	die = pfn_random(state) % sum;
	for (i = 0; die >= weights[i]; i++)
		die -= weights[i];
	return i;
}

static uint32_t pick(uint64_t *state, const uint32_t *values, unsigned int num)
{
	return values[pfn_random(state) % num];
}

static void pick_knobs(struct race_knobs *knobs, uint64_t *state)
{
	static const uint32_t moves[] = { 0, 0, 0, 200, 1000 };
	static const uint32_t engines[] = { 0, 200, 2000, 5000 };
	static const uint32_t installs[] = { 0, 0, 300, 1000, 5000 };
	static const uint32_t quarantines[] = { 0, 0, 20 };
	static const uint32_t orders[] = { UINT32_MAX, 0, 2 };

	knobs->move_delay_us = pick(state, moves, ARRAY_SIZE(moves));
	knobs->engine_latency_us = pick(state, engines, ARRAY_SIZE(engines));
	knobs->install_delay_us = pick(state, installs, ARRAY_SIZE(installs));
	knobs->quarantine_ms = pick(state, quarantines, ARRAY_SIZE(quarantines));
	knobs->max_block_order = pick(state, orders, ARRAY_SIZE(orders));
}

/* First buffer and number of buffers in use, and number of pages in each */
struct spread {
	unsigned int first, buffers, pages;
};

/* Use all buffers and pages, or only a few for more contention. */
static void pick_spread(struct spread *spread, uint64_t *state)
{
	static const uint32_t buffers[] = { 1, 2, RACE_BUFFERS };
	static const uint32_t pages[] = { 1, 4, RACE_MAX_PAGES };

	spread->first = pfn_random(state) % RACE_BUFFERS;
	spread->buffers = pick(state, buffers, ARRAY_SIZE(buffers));
	spread->pages = pick(state, pages, ARRAY_SIZE(pages));
}

void race_generate(struct race_scenario *scenario, const struct race_setup *setup,
		   uint64_t seed, unsigned int num)
{
	uint64_t state = (seed + 1) * 0x9e3779b97f4a7c15ULL ?: 1;
	struct spread spread;
	unsigned int i;

	/* Similar seeds start with similar numbers. */
	for (i = 0; i < 16; i++)
		pfn_random(&state);

	scenario->seed = seed;
	scenario->num_threads = setup->num_threads;
	scenario->num = num;
	scenario->actions = calloc(num, sizeof(*scenario->actions));
	igt_assert(scenario->actions);
	pick_knobs(&scenario->knobs, &state);
	pick_spread(&spread, &state);

	for (i = 0; i < num; i++) {
		struct race_action *action = &scenario->actions[i];
		uint64_t die;

		action->kind = pick_kind(&state, setup->second);
		die = pfn_random(&state);
		action->thread = i % setup->num_threads;
		action->import = (spread.first + (die & 7) % spread.buffers) %
				 RACE_BUFFERS + (die >> 3 & 1) * RACE_BUFFERS;
		action->page = (die >> 8) % spread.pages;
		action->arg = die >> 16;
		action->pause_us = die >> 32 & 3 ? 0 : (die >> 34) % 1000;
	}
}

/* Print one line per action, and a line that race_parse() understands. */
void race_print(const struct race_scenario *scenario)
{
	const struct race_knobs *knobs = &scenario->knobs;
	unsigned int i;

	if (scenario->num > MAX_PRINTED) {
		igt_info("%u actions of seed %llu\n", scenario->num,
			 (long long)scenario->seed);
		return;
	}
	igt_info("seed %llu, threads %u, move_delay_us %u, engine_latency_us %u, install_delay_us %u, quarantine_ms %u, max_block_order %d\n",
		 (long long)scenario->seed, scenario->num_threads,
		 knobs->move_delay_us, knobs->engine_latency_us,
		 knobs->install_delay_us, knobs->quarantine_ms,
		 (int)knobs->max_block_order);
	for (i = 0; i < scenario->num; i++) {
		const struct race_action *a = &scenario->actions[i];

		igt_info("  thread %u: after %u us %s, import %u of buffer %u, page %u, arg %u\n",
			 a->thread, a->pause_us, race_kind_names[a->kind],
			 a->import, a->import % RACE_BUFFERS, a->page, a->arg);
	}
	igt_info("replay %llu:%u:%u,%u,%u,%u,%d", (long long)scenario->seed,
		 scenario->num_threads, knobs->move_delay_us,
		 knobs->engine_latency_us, knobs->install_delay_us,
		 knobs->quarantine_ms, (int)knobs->max_block_order);
	for (i = 0; i < scenario->num; i++) {
		const struct race_action *a = &scenario->actions[i];

		igt_info(":%s,%u,%u,%u,%u,%u", race_kind_names[a->kind],
			 a->thread, a->import, a->page, a->pause_us, a->arg);
	}
	igt_info("\n");
}

static bool parse_action(struct race_action *action, unsigned int num_threads,
			 const char *text)
{
	unsigned int thread, import, page, pause, arg, kind;
	char name[16];

	if (sscanf(text, "%15[a-z-],%u,%u,%u,%u,%u", name, &thread, &import,
		   &page, &pause, &arg) != 6)
		return false;
	for (kind = 0; kind < RACE_NUM_KINDS; kind++)
		if (!strcmp(name, race_kind_names[kind]))
			break;
	if (kind == RACE_NUM_KINDS || thread >= num_threads ||
	    import >= RACE_IMPORTS || page >= RACE_MAX_PAGES ||
	    pause > UINT16_MAX || arg > UINT16_MAX)
		return false;

	*action = (struct race_action) {
		.kind = kind,
		.thread = thread,
		.import = import,
		.page = page,
		.pause_us = pause,
		.arg = arg,
	};
	return true;
}

bool race_parse(struct race_scenario *scenario, const char *text)
{
	struct race_knobs *knobs = &scenario->knobs;
	unsigned long long seed;
	const char *p;
	int used = 0;

	memset(scenario, 0, sizeof(*scenario));
	if (sscanf(text, "%llu:%u:%u,%u,%u,%u,%d%n", &seed,
		   &scenario->num_threads, &knobs->move_delay_us,
		   &knobs->engine_latency_us, &knobs->install_delay_us,
		   &knobs->quarantine_ms, (int *)&knobs->max_block_order,
		   &used) != 7)
		return false;
	if (!scenario->num_threads || scenario->num_threads > RACE_MAX_THREADS)
		return false;

	scenario->seed = seed;
	scenario->actions = calloc(strlen(text) + 1, sizeof(*scenario->actions));
	igt_assert(scenario->actions);
	for (p = text + used; *p == ':'; p += 1 + strcspn(p + 1, ":"))
		if (!parse_action(&scenario->actions[scenario->num++],
				  scenario->num_threads, p + 1))
			break;
	if (!*p && scenario->num)
		return true;
	free(scenario->actions);
	scenario->actions = NULL;
	return false;
}
