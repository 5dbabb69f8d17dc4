// SPDX-License-Identifier: MIT
/*
 * Prove that the engine detects errors: with importers that are broken on purpose it
 * must fail, and reduce the scenario to a few actions that fail again.
 *
 * Half of the imports are broken, and these only read, so stale pfns are never written
 * to and the kernel is not harmed. Knobs widen the window of each race, so that slow
 * machines hit it, too.
 */
#include "igt.h"
#include "race.h"

#define ACTIONS		300
#define FIND_MS		70000
#define ALL_MS		140000	/* igt_runner's timeout is 180 s */
#define AGAIN_MS	20000
#define SHORT		6	/* actions */

struct broken {
	const char *name;
	uint32_t flag;
	uint32_t install_delay_us;
	uint32_t engine_latency_us;
};

static const struct broken modes[] = {
	{ "no-zap", PFN_BROKEN_NO_ZAP, 0, 0 },
	{ "no-retry", PFN_BROKEN_NO_RETRY, 10000, 0 },
	{ "no-fence-wait", PFN_BROKEN_NO_FENCE_WAIT, 0, 10000 },
};

/*
 * Run scenarios with consecutive seeds until one fails. Returns the number of
 * operations.
 */
static uint64_t find(struct race_setup *setup, const struct broken *mode,
		     struct race_scenario *scenario, struct race_result *result,
		     uint64_t seed)
{
	uint64_t until = pfn_now_ns() + FIND_MS * 1000000ULL, ops = 0;

	for (;;) {
		race_generate(scenario, setup, seed++, ACTIONS);
		if (mode->install_delay_us)
			scenario->knobs.install_delay_us = mode->install_delay_us;
		if (mode->engine_latency_us)
			scenario->knobs.engine_latency_us = mode->engine_latency_us;
		race_run(setup, scenario, 0, NULL, result);
		ops += result->ops;
		if (result->failed)
			return ops;
		free(scenario->actions);
		igt_assert_f(pfn_now_ns() < until, "not found in %llu operations\n",
			     (long long)ops);
	}
}

static void test_finds(const struct race_options *options,
		       const struct broken *mode)
{
	struct race_options one = *options;
	struct race_scenario scenario;
	struct race_result result;
	struct race_shrink how;
	struct race_setup setup;
	uint64_t begin, ops;

	/* Unplugging is slow and not needed here. */
	one.second = false;
	race_setup_init(&setup, &one);
	setup.broken = mode->flag;

	begin = pfn_now_ns();
	ops = find(&setup, mode, &scenario, &result, one.seed);
	igt_info("found with seed %llu after %llu operations and %llu ms: %s\n",
		 (long long)scenario.seed, (long long)ops,
		 (long long)(pfn_now_ns() - begin) / 1000000, result.failure);

	race_shrink(&setup, &scenario, &result, ALL_MS - AGAIN_MS -
		    (pfn_now_ns() - begin) / 1000000, &how);
	igt_info("%u actions are left after %u runs in %llu ms:\n", scenario.num,
		 how.trials, (long long)how.ns / 1000000);
	race_print(&scenario);
	igt_assert_lte(scenario.num, SHORT);

	igt_assert(race_again(&setup, &scenario, AGAIN_MS, &result));
	igt_info("again: %s\n", result.failure);
	/* With correct importers the same actions do not fail. */
	setup.broken = 0;
	race_again(&setup, &scenario, 1000, &result);
	igt_assert_f(!result.failed, "%s\n", result.failure);
	free(scenario.actions);
	race_setup_fini(&setup);
}

void race_finds_tests(const struct race_options *options)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		igt_describe_f("The engine detects importers with the defect %s.",
			       modes[i].name);
		igt_subtest_f("finds-%s", modes[i].name) {
			/* Stale pfns of system memory are free pages. */
			igt_require_f(!pfn_kernel_has_kasan(),
				      "KASAN reports the first read of a stale page\n");
			test_finds(options, &modes[i]);
		}
	}
}
