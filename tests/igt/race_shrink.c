// SPDX-License-Identifier: MIT
/*
 * From a scenario that failed to a shorter one that fails as well: leave something
 * out, run the rest again and again for a while, and keep it if that fails.
 *
 * At first whole threads are left out and whole kinds of action, then parts of the
 * list that get smaller down to single actions (delta debugging). In between, the
 * knobs are set to hold the doors of races open, if it then fails all the more. A run
 * that does not fail proves nothing, since the threads interleave as they like. So
 * each candidate has several runs, and it may happen that what is left could be
 * shorter. It cannot happen that what is left does not fail.
 */
#include "igt.h"
#include "race.h"

#define TRIES	2

struct shrinker {
	const struct race_setup *setup;
	struct race_scenario *scenario;
	unsigned int run_ms;
	uint64_t deadline;
	bool steady;		/* it fails each time, and shall go on to */
	struct race_shrink *how;
};

bool race_again(const struct race_setup *setup, const struct race_scenario *scenario,
		unsigned int ms, struct race_result *result)
{
	uint64_t until = race_now() + ms * 1000000ULL;
	unsigned int run_ms = 250 * setup->slow;

	do {
		race_run(setup, scenario, run_ms, NULL, result);
	} while (!result->failed && race_now() < until);
	return result->failed;
}

/* In one run of some, or in all of them */
static bool still_fails(struct shrinker *s, const struct race_scenario *candidate)
{
	struct race_result result;
	unsigned int try;

	for (try = 0; try < TRIES; try++) {
		race_run(s->setup, candidate, s->run_ms, NULL, &result);
		s->how->trials++;
		if (result.failed != s->steady)
			return result.failed;
	}
	return s->steady;
}

/* Try without the actions that are marked; go on with what fails. */
static bool without(struct shrinker *s, const bool *out)
{
	struct race_scenario candidate = *s->scenario;
	unsigned int i;
	bool fails;

	candidate.actions = calloc(s->scenario->num, sizeof(*candidate.actions));
	igt_assert(candidate.actions);
	candidate.num = 0;
	for (i = 0; i < s->scenario->num; i++)
		if (!out[i])
			candidate.actions[candidate.num++] =
				s->scenario->actions[i];

	fails = candidate.num && candidate.num < s->scenario->num &&
		still_fails(s, &candidate);
	if (!fails) {
		free(candidate.actions);
		return false;
	}
	free(s->scenario->actions);
	*s->scenario = candidate;
	return true;
}

static bool is_over(struct shrinker *s)
{
	return race_now() > s->deadline;
}

/* Without what a thread had not begun, what was long before, and other buffers */
static bool only(struct shrinker *s, const struct race_result *result,
		 unsigned int keep, int suspect)
{
	bool *out = calloc(s->scenario->num, sizeof(*out)), ok;
	unsigned int i;

	igt_assert(out);
	for (i = 0; i < s->scenario->num; i++) {
		const struct race_action *a = &s->scenario->actions[i];
		unsigned int begun_to = result->begun_to[a->thread];

		out[i] = i >= begun_to || i + keep < begun_to ||
			 (suspect >= 0 && a->import % RACE_BUFFERS != suspect);
	}
	ok = without(s, out);
	free(out);
	return ok;
}

/* The end of what has failed is likely to have the reason in it. */
static void tail(struct shrinker *s, const struct race_result *result)
{
	unsigned int keep;

	for (keep = 64; keep < 4 * s->scenario->num && !is_over(s); keep *= 4) {
		if (result->suspect >= 0 && only(s, result, keep, result->suspect))
			return;
		if (only(s, result, keep, -1))
			return;
	}
}

static void whole_threads(struct shrinker *s)
{
	bool *out = calloc(s->scenario->num, sizeof(*out));
	unsigned int i, t;

	igt_assert(out);
	for (t = 0; t < s->scenario->num_threads && !is_over(s); t++) {
		for (i = 0; i < s->scenario->num; i++)
			out[i] = s->scenario->actions[i].thread == t;
		without(s, out);
	}
	free(out);
}

static void whole_kinds(struct shrinker *s)
{
	bool *out = calloc(s->scenario->num, sizeof(*out));
	unsigned int i, k;

	igt_assert(out);
	/* The rare and slow ones first */
	for (k = RACE_NUM_KINDS; k-- && !is_over(s);) {
		for (i = 0; i < s->scenario->num; i++)
			out[i] = s->scenario->actions[i].kind == k;
		without(s, out);
	}
	free(out);
}

/* What fails in every run with these delays takes fewer runs from here on. */
static void slower(struct shrinker *s)
{
	static const uint32_t delays[] = { 20000, 5000 };	/* us */
	struct race_scenario candidate = *s->scenario;
	unsigned int i;

	s->steady = true;
	for (i = 0; i < ARRAY_SIZE(delays) && !is_over(s); i++) {
		candidate.knobs.engine_latency_us = delays[i];
		candidate.knobs.install_delay_us = delays[i];
		if (still_fails(s, &candidate)) {
			s->scenario->knobs = candidate.knobs;
			return;
		}
	}
	s->steady = false;
}

static void parts(struct shrinker *s)
{
	bool *out = calloc(s->scenario->num, sizeof(*out));
	unsigned int size = (s->scenario->num + 1) / 2, at, i;

	igt_assert(out);
	while (!is_over(s)) {
		bool any = false;

		for (at = 0; at < s->scenario->num && !is_over(s);) {
			for (i = 0; i < s->scenario->num; i++)
				out[i] = i >= at && i < at + size;
			if (without(s, out))
				any = true;
			else
				at += size;
		}
		if (size == 1 && !any)
			break;
		size = size > 1 ? size / 2 : 1;
	}
	free(out);
}

void race_shrink(const struct race_setup *setup, struct race_scenario *scenario,
		 const struct race_result *result, unsigned int ms,
		 struct race_shrink *how)
{
	uint64_t begin = race_now();
	struct shrinker s = {
		.setup = setup,
		.scenario = scenario,
		.run_ms = 250 * setup->slow,
		.deadline = begin + ms * 1000000ULL,
		.how = how,
	};

	memset(how, 0, sizeof(*how));
	tail(&s, result);
	whole_threads(&s);
	whole_kinds(&s);
	slower(&s);
	parts(&s);
	how->ns = race_now() - begin;
}
