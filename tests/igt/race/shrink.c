// SPDX-License-Identifier: MIT
/*
 * Reduce a failing scenario: remove some actions, repeat the rest for a while, and keep
 * it if it fails.
 *
 * Whole threads and whole kinds of actions are removed first, then parts of the list,
 * in decreasing size down to single actions (delta debugging). In between, delays that
 * widen race windows are set if the scenario then fails in every run. A run without a
 * failure proves nothing, since the interleaving varies, so each candidate runs several
 * times. The result always fails, but may not be minimal.
 */
#include "igt.h"
#include "race.h"

#define TRIES	2

struct shrinker {
	const struct race_setup *setup;
	struct race_scenario *scenario;
	unsigned int run_ms;
	uint64_t deadline;
	bool steady;		/* it fails in every run, and must continue to */
	struct race_shrink *how;
};

bool race_again(const struct race_setup *setup, const struct race_scenario *scenario,
		unsigned int ms, struct race_result *result)
{
	uint64_t until = pfn_now_ns() + ms * 1000000ULL;
	unsigned int run_ms = 250 * setup->slow;

	do {
		race_run(setup, scenario, run_ms, NULL, result);
	} while (!result->failed && pfn_now_ns() < until);
	return result->failed;
}

/* Whether one of several runs fails, or if @steady, all of them */
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

/* Try without the marked actions; keep the rest if it fails. */
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
	return pfn_now_ns() > s->deadline;
}

/*
 * Try without actions that were not begun, that ran long before the failure, or that
 * used other buffers.
 */
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

/* The cause is likely among the last actions before the failure. */
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
	/* Rare and slow kinds first */
	for (k = RACE_NUM_KINDS; k-- && !is_over(s);) {
		for (i = 0; i < s->scenario->num; i++)
			out[i] = s->scenario->actions[i].kind == k;
		without(s, out);
	}
	free(out);
}

/*
 * If the scenario fails in every run with these delays, fewer runs are needed from here
 * on.
 */
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
	uint64_t begin = pfn_now_ns();
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
	how->ns = pfn_now_ns() - begin;
}
