/* SPDX-License-Identifier: MIT */
/*
 * The race engine: threads that apply random actions to a few buffers, and always know
 * the expected value of each word.
 *
 *	generate.c	the kinds of actions, and scenarios from a seed
 *	world.c	the buffers and imports, and the checks at the end
 *	oracle.c	the valid values of a word
 *	access.c	actions that read and write
 *	actions.c	all other actions
 *	run.c	the threads of a scenario, and their progress
 *	overlap.c	which actions ran at the same time
 *	shrink.c	reduces a failing scenario
 *	engine.c	runs scenarios until the time is over
 *	finds.c	proves that broken importers are detected
 *	many.c	64 importers of one buffer
 *
 * A scenario is a list of actions; each action belongs to one thread, and a thread runs
 * its actions in order. A scenario is generated from its seed alone, so it can be run
 * again; the interleaving of the threads differs.
 */
#ifndef RACE_H
#define RACE_H

#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "pfn_importer.h"
#include "vgem_pfn.h"

#define RACE_BUFFERS		6
#define RACE_IMPORTS		12	/* two for each buffer */
#define RACE_MAX_PAGES		32
#define RACE_MAX_THREADS	12
#define RACE_SECONDS		3
#define RACE_SECONDS_LONG	20
#define RACE_CARVEOUT		"384K"	/* of 576K for all buffers */

enum race_kind {
	RACE_MOVE,
	RACE_MOVE_ASYNC,
	RACE_EVICT,
	RACE_OVERCOMMIT,
	RACE_ATTACH,
	RACE_DETACH,
	RACE_PIN,
	RACE_STATIC,
	RACE_CPU_READ,
	RACE_CPU_WRITE,
	RACE_DEV_READ,
	RACE_DEV_WRITE,
	RACE_CLOSE,
	RACE_FORK,
	RACE_MMAP,
	RACE_MUNMAP,
	RACE_MADVISE,
	RACE_SNAPSHOT,
	RACE_JOB_READ,
	RACE_JOB_WRITE,
	RACE_PEER,		/* kinds from here on need a second device */
	RACE_UNPLUG,
	RACE_NUM_KINDS,
};

/* @arg: random bits for the remaining choices of the action */
struct race_action {
	uint8_t kind;
	uint8_t thread;
	uint8_t import;		/* also selects the buffer */
	uint8_t page;
	uint16_t pause_us;	/* before the action */
	uint16_t arg;
};

/* Knobs of the driver and the importer, constant for a scenario */
struct race_knobs {
	uint32_t move_delay_us;
	uint32_t engine_latency_us;
	uint32_t install_delay_us;
	uint32_t quarantine_ms;
	uint32_t max_block_order;
};

struct race_scenario {
	uint64_t seed;
	struct race_knobs knobs;
	unsigned int num_threads;
	unsigned int num;
	struct race_action *actions;
};

/*
 * Valid values of one thread's word in a page: from the last completed write to the
 * last one begun.
 */
struct race_word {
	atomic_uint done;
	atomic_uint begun;
};

struct race_buffer {
	unsigned int pages;
	int dmabuf;
	char *map;		/* mapping of the dma-buf */
	struct race_word words[RACE_MAX_PAGES][RACE_MAX_THREADS];
};

/*
 * @lock protects @fd and the counters of closed imports. @map is a fixed address range:
 * a mapping of one of the imports, or PROT_NONE.
 */
struct race_import {
	pthread_mutex_t lock;
	struct race_buffer *buffer;
	int fd;			/* or -1 */
	uint32_t flags;		/* DMA_BUF_PFN_IMPORT_* of each import of this slot */
	char *map;
	atomic_ullong touches;	/* accesses that may have faulted or looked up */
	uint64_t faults, lookups, retries, invalidations;	/* of closed imports */
};

/* Begin and end of an action, in ns of CLOCK_MONOTONIC */
struct race_event {
	uint64_t begin, end;
	uint8_t kind;
	uint8_t thread;
};

struct race_world;

struct race_thread {
	struct race_world *world;
	unsigned int index;
	int fd;				/* the thread's own file of the driver */
	uint32_t handles[RACE_BUFFERS];
	sigjmp_buf fault;		/* target of SIGBUS and SIGSEGV */
	pthread_t thread;
	atomic_ullong since;		/* begin of the current action, or 0 */
	atomic_uint next;		/* index of the next action in the scenario */
	atomic_ullong ops;
	unsigned int passes;		/* completed passes of the scenario */
	uint64_t refused[RACE_NUM_KINDS];
	struct race_event *events;
	unsigned int num_events, max_events;
};

/* Constant for all scenarios of a run */
struct race_setup {
	int fd;			/* of the driver */
	int importer;
	uint32_t broken;	/* flags of every other import, which then only reads */
	unsigned int num_threads;
	bool second;		/* a second device exists and can be unplugged */
	uint64_t patience_ns;	/* a longer action means that its thread is stuck */
	uint64_t spin_ns;	/* initial duration of race_spin() */
	unsigned int slow;	/* slowness factor of the machine, 1 to 4 */
};

struct race_world {
	const struct race_setup *setup;
	const struct race_scenario *scenario;
	struct race_buffer buffers[RACE_BUFFERS];
	struct race_import imports[RACE_IMPORTS];
	struct race_thread threads[RACE_MAX_THREADS];
	uint64_t stale;		/* initial number of stale writes */
	atomic_int failed;	/* 1: @failure is being written; 2: written */
	atomic_int stop;
	uint64_t deadline;	/* 0: run each action once; else repeat the list until then */
	atomic_int suspect;	/* index of the failing buffer, or -1 */
	char failure[200];
};

/* generate.c */
extern const char * const race_kind_names[RACE_NUM_KINDS];
void race_generate(struct race_scenario *scenario, const struct race_setup *setup,
		   uint64_t seed, unsigned int num);
void race_print(const struct race_scenario *scenario);
/* Parse the text printed by race_print(). Returns false if it is invalid. */
bool race_parse(struct race_scenario *scenario, const char *text);

/* world.c */
void race_world_create(struct race_world *world, const struct race_setup *setup,
		       const struct race_scenario *scenario);
/* Checks all contents first if nothing has failed. */
void race_world_destroy(struct race_world *world);
/* Record a failure, from any thread. Only the first one is kept. */
__attribute__((format(printf, 2, 3)))
void race_fail(struct race_world *world, const char *fmt, ...);
/* The same, for a failure of one buffer */
#define race_fail_buffer(world, buffer, fmt...) \
	do { \
		atomic_store(&(world)->suspect, (buffer) - (world)->buffers); \
		race_fail(world, fmt); \
	} while (0)
uint32_t race_handle(struct race_thread *thread, unsigned int buffer);

/* oracle.c */
uint64_t race_value(const struct race_world *world, const struct race_buffer *buffer,
		    unsigned int page, unsigned int owner, uint32_t seq);
size_t race_offset(unsigned int page, unsigned int owner);
uint64_t race_mark(const struct race_world *world, const struct race_buffer *buffer,
		   unsigned int page);
#define RACE_MARK_OFFSET	(PFN_PAGE_SIZE - 8)
typedef int (*race_word_fn)(struct race_thread *thread, void *from, size_t offset,
			    uint64_t *word);
/* Read one thread's word with @read and check it. Returns 0, or the error of @read. */
int race_check(struct race_thread *thread, struct race_buffer *buffer,
	       unsigned int page, unsigned int owner, race_word_fn read,
	       void *from, const char *how);

/* access.c */
void race_catch_faults(bool on);
int race_cpu_word(struct race_thread *thread, void *map, size_t offset,
		  uint64_t *word);
int race_dev_word(struct race_thread *thread, void *fd, size_t offset,
		  uint64_t *word);
int race_cpu_read(struct race_thread *thread, const struct race_action *action);
int race_cpu_write(struct race_thread *thread, const struct race_action *action);
int race_dev_read(struct race_thread *thread, const struct race_action *action);
int race_dev_write(struct race_thread *thread, const struct race_action *action);
int race_job_read(struct race_thread *thread, const struct race_action *action);
int race_job_write(struct race_thread *thread, const struct race_action *action);
int race_fork(struct race_thread *thread, const struct race_action *action);

/* actions.c: returns 0, or -errno for an expected error */
int race_do(struct race_thread *thread, const struct race_action *action);
/*
 * Compare the import's translations of these pages with the exporter's pfns. Returns
 * -EAGAIN if the buffer was moved meanwhile.
 */
int race_snapshot(struct race_thread *thread, const struct race_action *action,
		  unsigned int first, unsigned int count);
int race_import_open(struct race_world *world, struct race_import *import);
void race_import_close(struct race_import *import);
int race_import_map(struct race_import *import);
void race_import_unmap(struct race_import *import);
/* Return a duplicate of the import's fd, or -1. */
int race_import_get(struct race_import *import);

/* run.c */
struct race_result {
	bool failed;
	char failure[200];
	int suspect;		/* index of the failing buffer, or -1 */
	uint64_t ops, ns;
	uint64_t refused;
	unsigned int begun_to[RACE_MAX_THREADS];	/* actions begun by each thread */
};

/* Do a fixed amount of work. Returns its duration in ns. */
uint64_t race_spin(void);
/* @ms: repeat the scenario for this long; 0 to run it once. @overlap may be NULL. */
struct race_overlap;
void race_run(const struct race_setup *setup, const struct race_scenario *scenario,
	      unsigned int ms, struct race_overlap *overlap,
	      struct race_result *result);

/* overlap.c */
struct race_overlap {
	uint64_t count[RACE_NUM_KINDS][RACE_NUM_KINDS];
	uint64_t kinds[RACE_NUM_KINDS];
};

void race_overlap_add(struct race_overlap *overlap, struct race_event *events,
		      unsigned int num);
/* Print the table, and return the smallest count of a pair of kinds. */
uint64_t race_overlap_print(const struct race_overlap *overlap,
			    const struct race_setup *setup);

/* shrink.c */
struct race_shrink {
	unsigned int trials;
	uint64_t ns;
};

/* Reduce @scenario in place to fewer actions that still fail, within @ms. */
void race_shrink(const struct race_setup *setup, struct race_scenario *scenario,
		 const struct race_result *result, unsigned int ms,
		 struct race_shrink *how);
/* Repeat the scenario until it fails or @ms have passed; returns whether it failed. */
bool race_again(const struct race_setup *setup, const struct race_scenario *scenario,
		unsigned int ms, struct race_result *result);

/* engine.c */
struct race_options {
	unsigned int seconds;	/* 0: RACE_SECONDS, or RACE_SECONDS_LONG */
	uint64_t seed;
	unsigned int threads;
	const char *replay;
	bool second;
};

void race_setup_init(struct race_setup *setup, const struct race_options *options);
void race_setup_fini(struct race_setup *setup);
void race_engine_tests(const struct race_options *options);
/* finds.c */
void race_finds_tests(const struct race_options *options);
/* many.c */
void race_many_tests(void);

#endif /* RACE_H */
