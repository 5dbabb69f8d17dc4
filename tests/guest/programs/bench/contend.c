// SPDX-License-Identifier: MIT
/*
 * Rows: each thread touches its own part of a mapping of an import in a loop,
 * while another one moves the buffer back and forth without a pause. The
 * operations per second of both sides are counted, and the longest touch is
 * measured.
 *
 * The threads contend for the buffer's reservation lock, and for CPUs if there are
 * more threads than CPUs. Fails if a thread starves or reads a wrong value.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench.h"

#define SIZE		(16 * MiB)
#define PERIOD_NS	1000000000ULL
#define REPS		5
#define MAX_THREADS	4

static atomic_bool over;

struct toucher {
	pthread_t thread;
	pthread_barrier_t *ready;
	struct mapping *mapping;
	uint64_t first, end;		/* its part of the mapping */
	long faults;
	uint64_t longest;		/* touch, in ticks */
};

static long faults_of_thread(void)
{
	struct rusage usage;

	check_errno(getrusage(RUSAGE_THREAD, &usage), "getrusage");
	return usage.ru_minflt + usage.ru_majflt;
}

static void *toucher_run(void *data)
{
	struct toucher *toucher = data;
	uint64_t step = level_size(toucher->mapping->level), at = toucher->first;
	long before;

	pthread_barrier_wait(toucher->ready);
	before = faults_of_thread();
	while (!atomic_load_explicit(&over, memory_order_relaxed)) {
		uint64_t start = ticks(), took;

		if (*(volatile uint32_t *)(toucher->mapping->map + at) != (uint32_t)at)
			fail("wrong value at %#llx", (unsigned long long)at);
		took = ticks() - start;
		if (took > toucher->longest)
			toucher->longest = took;
		at += step;
		if (at == toucher->end)
			at = toucher->first;
	}
	toucher->faults = faults_of_thread() - before;
	return NULL;
}

struct contention {
	struct samples moves, faults, pages, longest, fairness;
};

/* The number of pages mapped so far, including those that were unmapped since */
static uint64_t pages_mapped(struct mapping *mapping)
{
	struct dma_buf_pfn_stats stats = mapping_stats(mapping);

	return stats.cpu_zapped + stats.cpu_mapped;
}

/* Moves the buffer in this thread. Returns the elapsed nanoseconds. */
static uint64_t move_on(struct buffer *buffer)
{
	uint64_t start = clock_ns(), now = start;

	while (now - start < PERIOD_NS) {
		buffer_away(buffer);
		buffer_home(buffer);
		now = clock_ns();
	}
	return now - start;
}

static void contend_once(struct buffer *buffer, struct mapping *mapping, int threads,
			 struct contention *result)
{
	uint64_t moves = buffer_query(buffer).num_moves, pages = pages_mapped(mapping), ns;
	struct toucher touchers[MAX_THREADS] = {};
	long faults = 0, least = 0;
	pthread_barrier_t ready;
	uint64_t longest = 0;
	double seconds;
	int i;

	atomic_store(&over, false);
	check(-pthread_barrier_init(&ready, NULL, threads + 1), "barrier");
	for (i = 0; i < threads; i++) {
		touchers[i] = (struct toucher) {
			.ready = &ready,
			.mapping = mapping,
			.first = SIZE / threads * i,
			.end = SIZE / threads * (i + 1),
		};
		check(-pthread_create(&touchers[i].thread, NULL, toucher_run, &touchers[i]),
		      "thread");
	}
	pthread_barrier_wait(&ready);
	ns = move_on(buffer);
	atomic_store(&over, true);
	for (i = 0; i < threads; i++) {
		check(-pthread_join(touchers[i].thread, NULL), "join");
		faults += touchers[i].faults;
		if (!i || touchers[i].faults < least)
			least = touchers[i].faults;
		if (touchers[i].longest > longest)
			longest = touchers[i].longest;
	}
	pthread_barrier_destroy(&ready);

	seconds = ns / 1e9;
	sample(&result->moves, (buffer_query(buffer).num_moves - moves) / seconds);
	if (!threads)
		return;
	if (!least)
		fail("one of %d threads did not get to a single fault in %.1f s", threads,
		     seconds);
	sample(&result->faults, faults / seconds);
	sample(&result->pages, (pages_mapped(mapping) - pages) / seconds);
	sample(&result->longest, longest);
	sample(&result->fairness, 100.0 * least * threads / faults);
}

static void contend(int level, int threads, uint32_t around)
{
	struct buffer buffer = buffer_create(BUFFER_CONTIG, BUFFER_TT, SIZE);
	struct dma_buf_pfn_stats before, after;
	struct contention result = {};
	struct mapping mapping;
	char name[64], of[64];
	int i;

	mapping_import(&mapping, &buffer, level);
	mapping_map(&mapping);
	mapping_populate(&mapping);
	before = mapping_stats(&mapping);
	check(__pfn_importer_set("fault_around_pages", around), "fault_around_pages");
	for (i = 0; i < REPS; i++)
		contend_once(&buffer, &mapping, threads, &result);
	check(__pfn_importer_set("fault_around_pages", 1), "fault_around_pages");
	after = mapping_stats(&mapping);
	for (i = 0; i < DMA_BUF_PFN_LEVELS; i++)
		if (i != level && after.faults_at[i] != before.faults_at[i])
			fail("faults were of %s instead of %s", level_name(i), level_name(level));
	mapping_unmap(&mapping);
	mapping_close(&mapping);
	buffer_destroy(&buffer);

	snprintf(name, sizeof(name), "%s/%s/%d", around == 1 ? "contention" : "contention-around",
		 level_name(level), threads);
	snprintf(of, sizeof(of), "contention/%s/0/moves", level_name(level));
	row((struct row) { "moves/s", 1, threads, of }, &result.moves, "%s/moves", name);
	if (!threads)
		return;
	row((struct row) { "faults/s", 1, threads, NULL }, &result.faults, "%s/faults", name);
	row((struct row) { "pages/s", 1, threads, NULL }, &result.pages, "%s/pages", name);
	/* The maximum of all repetitions, not the minimum */
	row_values((struct row) { "instructions/touch", 1, threads, NULL },
		   samples_max(&result.longest), samples_median(&result.longest),
		   "%s/longest", name);
	row((struct row) { "% of a fair share", 1, threads, NULL }, &result.fairness,
	    "%s/least", name);
}

void contend_rows(void)
{
	static const int threads[] = { 0, 1, 2, MAX_THREADS };
	long cpus = check_errno(sysconf(_SC_NPROCESSORS_ONLN), "CPUs");
	size_t i;
	int level;

	if (cpus < MAX_THREADS + 1)
		printf("note\ttime/contention of more than %ld: the rest has to wait for a CPU\n",
		       cpus);
	for (level = DMA_BUF_PFN_LEVEL_PTE; level <= DMA_BUF_PFN_LEVEL_PMD; level++)
		for (i = 0; i < ARRAY_SIZE(threads); i++)
			contend(level, threads[i], 1);
	for (i = 1; i < ARRAY_SIZE(threads); i++)
		contend(DMA_BUF_PFN_LEVEL_PTE, threads[i], AROUND);
}
