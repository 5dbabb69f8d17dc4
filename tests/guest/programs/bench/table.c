// SPDX-License-Identifier: MIT
/*
 * The output: lines of tab separated fields, beginning with the word row, and
 *
 *	name, unit, calls made, MIN, MEDIAN, x, name of another row or "-"
 *
 * MIN and MEDIAN are of several repetitions. x is the x coordinate in plots. The
 * other row is the one that this row is compared to. bench.jq reads this.
 *
 * If the counter counts time, the names have the prefix "time/", and the units
 * have nanoseconds instead of instructions.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

void sample(struct samples *samples, double value)
{
	if (samples->num >= MAX_REPS)
		fail("more than %d repetitions", MAX_REPS);
	samples->value[samples->num++] = value;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

double samples_min(struct samples *samples)
{
	qsort(samples->value, samples->num, sizeof(double), by_value);
	return samples->value[0];
}

double samples_max(struct samples *samples)
{
	qsort(samples->value, samples->num, sizeof(double), by_value);
	return samples->value[samples->num - 1];
}

double samples_median(struct samples *samples)
{
	qsort(samples->value, samples->num, sizeof(double), by_value);
	return samples->value[samples->num / 2];
}

#define INSTRUCTIONS	"instructions/"

static bool timed;

void rows_are_times(void)
{
	timed = true;
}

bool rows_timed(void)
{
	return timed;
}

static void row_print(struct row row, double min, double median, const char *name,
		      va_list args)
{
	bool ns = timed && !strncmp(row.unit, INSTRUCTIONS, strlen(INSTRUCTIONS));
	const char *prefix = timed ? "time/" : "";

	if (ns) {
		row.unit += strlen(INSTRUCTIONS);
		min /= ticks_per_ns();
		median /= ticks_per_ns();
	}
	printf("row\t%s", prefix);
	vprintf(name, args);
	printf("\t%s%s\t%llu\t%.2f\t%.2f\t%.0f\t%s%s\n", ns ? "ns/" : "", row.unit,
	       (unsigned long long)row.calls, min, median, row.x, row.of ? prefix : "",
	       row.of ?: "-");
	fflush(stdout);
}

void row(struct row row, struct samples *samples, const char *name, ...)
{
	va_list args;

	va_start(args, name);
	row_print(row, samples_min(samples), samples_median(samples), name, args);
	va_end(args);
}

void row_values(struct row row, double min, double median, const char *name, ...)
{
	va_list args;

	va_start(args, name);
	row_print(row, min, median, name, args);
	va_end(args);
}

const char *size_name(uint64_t size)
{
	static char names[4][16];
	static int next;
	char *name = names[next++ % 4];

	if (size >= GiB)
		snprintf(name, 16, "%lluGiB", (unsigned long long)(size / GiB));
	else if (size >= MiB)
		snprintf(name, 16, "%lluMiB", (unsigned long long)(size / MiB));
	else
		snprintf(name, 16, "%lluKiB", (unsigned long long)(size / KiB));
	return name;
}

uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

double ticks_per_ns(void)
{
	static double rate;
	uint64_t start, ns;

	if (rate)
		return rate;

	ns = clock_ns();
	start = ticks();
	while (ticks() - start < 100000000)
		;
	rate = (double)(ticks() - start) / (clock_ns() - ns);
	return rate;
}
