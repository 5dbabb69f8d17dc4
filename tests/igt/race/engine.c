// SPDX-License-Identifier: MIT
/*
 * Run scenarios with consecutive seeds until the time is over. A failing scenario is
 * printed, reduced, and printed again.
 */
#include "igt.h"
#include "race.h"

/* Must follow igt.h: IGT's linux_scaffold.h defines _AC, as does this header. */
#include <sys/sysinfo.h>

#include "vgem_pfn_module.h"

#define ACTIONS		1200
#define ACTIONS_SHORT	300
#define ACTIONS_ALONE	100
#define SHRINK_MS	60000

/* Measure the duration of a move and a device access without contention, in ns. */
static uint64_t measure(struct race_setup *setup)
{
	uint32_t handle = vgem_pfn_bo_create(setup->fd, 64 * KiB,
					     VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	int dmabuf = vgem_pfn_export(setup->fd, handle), import, i;
	uint64_t begin = pfn_now_ns(), word;

	import = pfn_import(setup->importer, dmabuf);
	for (i = 0; i < 64; i++) {
		vgem_pfn_bo_move(setup->fd, handle, i % 2 ? VGEM_PFN_CARVEOUT :
							    VGEM_PFN_TT);
		pfn_import_read(import, 0, &word, sizeof(word));
	}
	close(import);
	close(dmabuf);
	vgem_pfn_gem_close(setup->fd, handle);
	return (pfn_now_ns() - begin) / 64;
}

void race_setup_init(struct race_setup *setup, const struct race_options *options)
{
	uint64_t ns, spin;
	int i;

	memset(setup, 0, sizeof(*setup));
	setup->fd = vgem_pfn_open();
	setup->importer = pfn_importer_open();
	setup->num_threads = options->threads;
	setup->second = options->second;

	/* 15 s, or more if a move takes more than 5 ms */
	ns = measure(setup);
	setup->patience_ns = ns * 3000 > 15000000000ULL ? ns * 3000 :
			     15000000000ULL;
	setup->spin_ns = UINT64_MAX;
	for (i = 0; i < 100; i++) {
		spin = race_spin();
		if (spin < setup->spin_ns)
			setup->spin_ns = spin;
	}
	setup->slow = 1 + (ns < 6000000 ? ns : 6000000) / 2000000;
	igt_info("a move takes %llu us on this machine: a thread is stuck after %llu s\n",
		 (long long)ns / 1000,
		 (long long)(setup->patience_ns / 1000000000));
}

void race_setup_fini(struct race_setup *setup)
{
	close(setup->importer);
	close(setup->fd);
}

__attribute__((noreturn))
static void failed(const struct race_setup *setup, struct race_scenario *scenario,
		   struct race_result *result)
{
	char first[sizeof(result->failure)];
	struct race_shrink how;

	memcpy(first, result->failure, sizeof(first));
	igt_info("FAILED with seed %llu: %s\n", (long long)scenario->seed, first);
	race_print(scenario);
	race_shrink(setup, scenario, result, SHRINK_MS, &how);
	igt_info("after %u runs of shorter ones, %u actions that fail as well:\n",
		 how.trials, scenario->num);
	race_print(scenario);
	igt_assert_f(false, "seed %llu: %s\n", (long long)scenario->seed, first);
}

struct total {
	uint64_t ops, ns, refused;
	unsigned int scenarios;
};

static void progress(const struct race_options *options, const struct total *total,
		     uint64_t elapsed)
{
	igt_info("%llu s: %u scenarios up to seed %llu, %llu operations, %llu per second\n",
		 (long long)elapsed / 1000000000, total->scenarios,
		 (long long)(options->seed + total->scenarios - 1),
		 (long long)total->ops,
		 (long long)(total->ops * 1000000000 / (total->ns ?: 1)));
	fflush(stdout);
}

/* Without contention, most operations must succeed. */
static void assert_useful(const struct race_setup *setup, uint64_t seed)
{
	struct race_setup alone = *setup;
	struct race_scenario scenario;
	struct race_result result;

	alone.num_threads = 1;
	race_generate(&scenario, &alone, seed, ACTIONS_ALONE);
	race_run(&alone, &scenario, 0, NULL, &result);
	if (result.failed)
		failed(&alone, &scenario, &result);
	igt_info("alone, %llu of %llu operations were refused\n",
		 (long long)result.refused, (long long)result.ops);
	igt_assert_lt_u64(result.refused, result.ops / 2);
	free(scenario.actions);
}

static void test_engine(const struct race_options *options, unsigned int seconds,
			unsigned int actions)
{
	uint64_t begin = pfn_now_ns(), said = begin, end;
	struct race_overlap *overlap = calloc(1, sizeof(*overlap));
	struct race_scenario scenario;
	struct race_result result;
	struct race_setup setup;
	struct total total = {};

	igt_assert(overlap);
	race_setup_init(&setup, options);
	igt_info("seed %llu, %u threads, %u s\n", (long long)options->seed,
		 options->threads, seconds);
	end = begin + seconds * 1000000000ULL;
	do {
		race_generate(&scenario, &setup, options->seed + total.scenarios,
			      actions);
		race_run(&setup, &scenario, 0, overlap, &result);
		if (result.failed)
			failed(&setup, &scenario, &result);
		free(scenario.actions);
		total.scenarios++;
		total.ops += result.ops;
		total.ns += result.ns;
		total.refused += result.refused;
		if (pfn_now_ns() - said > 10000000000ULL) {
			said = pfn_now_ns();
			progress(options, &total, said - begin);
		}
	} while (pfn_now_ns() < end);

	progress(options, &total, pfn_now_ns() - begin);
	igt_info("%llu operations were refused because of others\n",
		 (long long)total.refused);
	race_overlap_print(overlap, &setup);
	free(overlap);
	assert_useful(&setup, options->seed);
	race_setup_fini(&setup);
}

/* Replay the scenario that a failure has printed, for --seconds. */
static void test_replay(const struct race_options *options)
{
	struct race_scenario scenario;
	struct race_result result;
	struct race_setup setup;

	igt_assert_f(race_parse(&scenario, options->replay),
		     "invalid scenario: %s\n", options->replay);
	race_setup_init(&setup, options);
	race_print(&scenario);
	race_again(&setup, &scenario,
		   (options->seconds ?: RACE_SECONDS_LONG) * 1000, &result);
	igt_assert_f(!result.failed, "%s\n", result.failure);
	free(scenario.actions);
	race_setup_fini(&setup);
}

void race_engine_tests(const struct race_options *options)
{
	igt_describe("Random concurrent actions: no write is lost, and no thread is stuck.");
	igt_subtest("engine")
		test_engine(options, options->seconds ?: RACE_SECONDS,
			    options->seconds ? ACTIONS : ACTIONS_SHORT);

	igt_describe("Like engine, for longer.");
	igt_subtest("engine-long")
		test_engine(options, options->seconds ?: RACE_SECONDS_LONG, ACTIONS);

	if (options->replay) {
		igt_describe("Replay of the scenario of an earlier failure.");
		igt_subtest("replay")
			test_replay(options);
	}
}
