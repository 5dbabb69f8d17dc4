// SPDX-License-Identifier: MIT
/* Count which kinds of actions ran at the same time. */
#include "igt.h"
#include "race.h"

static int by_begin(const void *a, const void *b)
{
	const struct race_event *x = a, *y = b;

	return x->begin < y->begin ? -1 : x->begin > y->begin;
}

void race_overlap_add(struct race_overlap *overlap, struct race_event *events,
		      unsigned int num)
{
	unsigned int i, j;

	qsort(events, num, sizeof(*events), by_begin);
	for (i = 0; i < num; i++) {
		const struct race_event *a = &events[i];

		overlap->kinds[a->kind]++;
		for (j = i + 1; j < num && events[j].begin < a->end; j++) {
			unsigned int k = a->kind, l = events[j].kind;

			overlap->count[k < l ? k : l][k < l ? l : k]++;
		}
	}
}

uint64_t race_overlap_print(const struct race_overlap *overlap,
			    const struct race_setup *setup)
{
	unsigned int num = setup->second ? RACE_NUM_KINDS : RACE_PEER;
	unsigned int i, j, least_i = 0, least_j = 0;
	uint64_t least = UINT64_MAX;

	igt_info("overlaps of each kind of action with itself and those after it:\n");
	for (i = 0; i < num; i++) {
		igt_info("%-11s%8llu:", race_kind_names[i],
			 (long long)overlap->kinds[i]);
		for (j = i; j < num; j++) {
			igt_info(" %llu", (long long)overlap->count[i][j]);
			if (overlap->count[i][j] >= least)
				continue;
			least = overlap->count[i][j];
			least_i = i;
			least_j = j;
		}
		igt_info("\n");
	}
	igt_info("the pair that overlapped least: %s and %s, %llu times\n",
		 race_kind_names[least_i], race_kind_names[least_j],
		 (long long)least);
	return least;
}
