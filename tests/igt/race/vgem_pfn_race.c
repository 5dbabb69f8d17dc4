// SPDX-License-Identifier: MIT
/**
 * TEST: vgem pfn race
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: dma-buf
 * Description: Random concurrent actions on buffers of vgem_pfn and importers of their
 *		page frame numbers. See race.h.
 *
 * SUBTEST: engine
 * Description: During random concurrent actions on buffers and importers, each word has
 *		the value that was written last, and no thread is stuck.
 *
 * SUBTEST: engine-long
 * Description: Like engine, for a longer time.
 *
 * SUBTEST: many-cost
 * Description: The cost of a notification for each importer is about the same with 64
 *		importers as with 8. A quadratic cost would be eight times as high.
 *
 * SUBTEST: many-fair
 * Description: 64 importers use a buffer that is moved 150 times: each is notified of
 *		each move, and accesses the buffer in between.
 *
 * SUBTEST: many-fair-long
 * Description: Like many-fair, with 1,000 moves.
 */

/**
 * SUBTEST: finds-%s
 * Description: The engine detects an importer that arg[1], and reduces the scenario to
 *		a few actions.
 *
 * arg[1]:
 *
 * @no-zap: ignores notifications
 * @no-retry: does not check the sequence before it installs a page frame number
 * @no-fence-wait: does not wait for fences
 */

/*
 * Options, and the environment variables by which a host sets them in a guest:
 *	--seconds	RACE_SECONDS	duration (3; engine-long: 20)
 *	--seed		RACE_SEED	of the first scenario (1; an empty variable
 *					selects a random seed, for make race)
 *	--threads	RACE_THREADS	number of threads (6)
 *	--replay	RACE_REPLAY	a scenario, as printed by a failure
 */
#include <errno.h>
#include <getopt.h>

#include "igt.h"
#include "race.h"
#include "vgem_pfn_module.h"

IGT_TEST_DESCRIPTION("Random concurrent moves, faults and other actions");

static struct race_options options = {
	.seed = 1,
	.threads = 6,
};

static bool parse_number(const char *text, uint64_t *value, uint64_t most)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 0);
	return *text && !*end && !errno && *value <= most;
}

/* The first value counts: the command line overrides the environment. */
static int take(int opt, int index, void *data)
{
	static bool given[128];
	uint64_t value;
	bool ok = true;

	if (given[opt])
		return IGT_OPT_HANDLER_SUCCESS;
	given[opt] = true;

	switch (opt) {
	case 't':
		ok = parse_number(optarg, &value, 1000000) && value;
		options.seconds = value;
		break;
	case 's':
		ok = parse_number(optarg, &options.seed, INT64_MAX);
		break;
	case 'n':
		ok = parse_number(optarg, &value, RACE_MAX_THREADS) && value;
		options.threads = value;
		break;
	case 'r':
		options.replay = optarg;
		break;
	default:
		return 0;
	}
	if (ok)
		return IGT_OPT_HANDLER_SUCCESS;
	fprintf(stderr, "invalid value: %s\n", optarg);
	return IGT_OPT_HANDLER_ERROR;
}

static const struct option long_options[] = {
	{ "seconds", required_argument, NULL, 't' },
	{ "seed", required_argument, NULL, 's' },
	{ "threads", required_argument, NULL, 'n' },
	{ "replay", required_argument, NULL, 'r' },
	{}
};

static const char help[] =
	"  --seconds N\tDuration (3; engine-long: 20)\n"
	"  --seed N\tSeed of the first scenario (1)\n"
	"  --threads N\tNumber of threads (6)\n"
	"  --replay TEXT\tA scenario, as printed by a failure\n";

static void from_environment(void)
{
	static const struct {
		const char *name;
		int opt;
	} names[] = {
		{ "RACE_SECONDS", 't' },
		{ "RACE_SEED", 's' },
		{ "RACE_THREADS", 'n' },
		{ "RACE_REPLAY", 'r' },
	};
	struct timespec now;
	char fresh[24];
	unsigned int i;

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(fresh, sizeof(fresh), "%llu",
		 (now.tv_sec * 1000000ULL + now.tv_nsec / 1000) % 1000000000);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		optarg = getenv(names[i].name);
		if (optarg && !*optarg && names[i].opt == 's')
			optarg = fresh;
		if (optarg && *optarg)
			igt_assert_eq(take(names[i].opt, 0, NULL),
				      IGT_OPT_HANDLER_SUCCESS);
	}
}

/*
 * Reload the module with the same kinds of carveouts, but too small for all buffers:
 * "contig:64M:buddy" becomes "contig:384K:buddy".
 */
static void shrink_carveouts(void)
{
	char now[256], devices[16], params[600] = "";
	size_t len;
	char *p;

	igt_assert(vgem_pfn_module_param("carveouts", now, sizeof(now)));
	igt_assert(vgem_pfn_module_param("devices", devices, sizeof(devices)));

	len = snprintf(params, sizeof(params), "'carveouts=");
	for (p = now; *p; p++) {
		params[len++] = *p;
		if (*p != ':' || p[1] < '0' || p[1] > '9')
			continue;
		len += snprintf(params + len, sizeof(params) - len, RACE_CARVEOUT);
		while (p[1] && !strchr(":@,;", p[1]))
			p++;
	}
	snprintf(params + len, sizeof(params) - len, "' devices=%s",
		 devices);
	vgem_pfn_reload(params);
}

int igt_main_args(NULL, long_options, help, take, NULL)
{
	igt_fixture() {
		int fd;

		from_environment();
		vgem_pfn_require_module();
		close(vgem_pfn_open());
		vgem_pfn_reset_on_exit();
		vgem_pfn_reload_on_exit();
		shrink_carveouts();
		fd = __vgem_pfn_open_faux(1, "renderD");
		options.second = fd >= 0;
		close(fd);
	}

	race_engine_tests(&options);
	race_finds_tests(&options);
	race_many_tests();
}
