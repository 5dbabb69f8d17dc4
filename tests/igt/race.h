/* SPDX-License-Identifier: MIT */
/*
 * The race engine: threads that do to a few buffers, at random, whatever can be done,
 * and know at every moment what each word of them must be.
 *
 *	race_generate.c	the actions, and a scenario of them from a seed
 *	race_world.c	the buffers, their imports, and how they must be at the end
 *	race_oracle.c	what a word may be, and who has written it
 *	race_access.c	actions that read and write
 *	race_actions.c	all others
 *	race_run.c	the threads of one scenario, and whether each gets on
 *	race_overlap.c	which actions were under way at the same time
 *	race_shrink.c	a shorter scenario that fails as well
 *	race_engine.c	scenario after scenario, until time is over
 *	race_finds.c	that it finds importers which are broken on purpose
 *	race_many.c	64 importers of one buffer
 *
 * A scenario is a list of actions, each for one thread, which takes its own in
 * turn. It follows from the seed alone, so it can be run again; how the threads
 * interleave does not.
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
#define RACE_IMPORTS		12	/* two of each buffer */
#define RACE_MAX_PAGES		32
#define RACE_MAX_THREADS	12
#define RACE_SECONDS		3
#define RACE_SECONDS_LONG	20
#define RACE_CARVEOUT		"384K"	/* of 576 that the buffers want */

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
	RACE_PEER,		/* from here on a second device is needed */
	RACE_UNPLUG,
	RACE_NUM_KINDS,
};

/* @arg is a die for the rest of what there is to choose. */
struct race_action {
	uint8_t kind;
	uint8_t thread;
	uint8_t import;		/* and by that the buffer */
	uint8_t page;
	uint16_t pause_us;	/* before it */
	uint16_t arg;
};

/* Knobs of the driver and the importer, for a whole scenario */
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

/* What a word of one thread in one page may be: the last one that is there for
 * sure, and the last one that was begun.
 */
struct race_word {
	atomic_uint done;
	atomic_uint begun;
};

struct race_buffer {
	unsigned int pages;
	int dmabuf;
	char *map;		/* of the dma-buf, by the exporter */
	struct race_word words[RACE_MAX_PAGES][RACE_MAX_THREADS];
};

/*
 * @lock: @fd and what was counted of those closed. @map is where nothing else ever is:
 * a mapping of one of its imports, or PROT_NONE.
 */
struct race_import {
	pthread_mutex_t lock;
	struct race_buffer *buffer;
	int fd;			/* or -1 */
	uint32_t flags;		/* DMA_BUF_PFN_IMPORT_*, of each of its imports */
	char *map;
	atomic_ullong touches;	/* that may have faulted or looked up */
	uint64_t faults, lookups, retries, invalidations;	/* of those closed */
};

/* Of one action: when, in ns of CLOCK_MONOTONIC */
struct race_event {
	uint64_t begin, end;
	uint8_t kind;
	uint8_t thread;
};

struct race_world;

struct race_thread {
	struct race_world *world;
	unsigned int index;
	int fd;				/* of the driver, with handles of its own */
	uint32_t handles[RACE_BUFFERS];
	sigjmp_buf fault;		/* where a SIGBUS or SIGSEGV goes */
	pthread_t thread;
	atomic_ullong since;		/* begin of the action under way, or 0 */
	atomic_uint next;		/* index of the next one of all */
	atomic_ullong ops;
	unsigned int passes;		/* of the whole list that are over */
	uint64_t refused[RACE_NUM_KINDS];
	struct race_event *events;
	unsigned int num_events, max_events;
};

/* What is the same for every scenario of a run */
struct race_setup {
	int fd;			/* of the driver */
	int importer;
	uint32_t broken;	/* every other import has these flags, and only reads */
	unsigned int num_threads;
	bool second;		/* there is another device, to unplug */
	uint64_t patience_ns;	/* after which a thread is stuck, on this machine */
	uint64_t spin_ns;	/* what race_spin() takes on it */
	unsigned int slow;	/* how many times slower than usual it is, 1 to 4 */
};

struct race_world {
	const struct race_setup *setup;
	const struct race_scenario *scenario;
	struct race_buffer buffers[RACE_BUFFERS];
	struct race_import imports[RACE_IMPORTS];
	struct race_thread threads[RACE_MAX_THREADS];
	uint64_t stale;		/* stale writes before */
	atomic_int failed;	/* 1: somebody writes @failure; 2: it is there */
	atomic_int stop;
	uint64_t deadline;	/* 0: each action once; else again and again until then */
	atomic_int suspect;	/* the buffer that it is about, or -1 */
	char failure[200];
};

/* race_generate.c */
extern const char * const race_kind_names[RACE_NUM_KINDS];
void race_generate(struct race_scenario *scenario, const struct race_setup *setup,
		   uint64_t seed, unsigned int num);
void race_print(const struct race_scenario *scenario);
/* The text that race_print() gives. False if it is none. */
bool race_parse(struct race_scenario *scenario, const char *text);

/* race_world.c */
void race_world_create(struct race_world *world, const struct race_setup *setup,
		       const struct race_scenario *scenario);
/* Looks everywhere first, if nothing has failed. */
void race_world_destroy(struct race_world *world);
/* The first failure counts. From any thread. */
__attribute__((format(printf, 2, 3)))
void race_fail(struct race_world *world, const char *fmt, ...);
/* The same, about one buffer */
#define race_fail_buffer(world, buffer, fmt...) \
	do { \
		atomic_store(&(world)->suspect, (buffer) - (world)->buffers); \
		race_fail(world, fmt); \
	} while (0)
uint32_t race_handle(struct race_thread *thread, unsigned int buffer);

/* race_oracle.c */
uint64_t race_value(const struct race_world *world, const struct race_buffer *buffer,
		    unsigned int page, unsigned int owner, uint32_t seq);
size_t race_offset(unsigned int page, unsigned int owner);
uint64_t race_mark(const struct race_world *world, const struct race_buffer *buffer,
		   unsigned int page);
#define RACE_MARK_OFFSET	(PFN_PAGE_SIZE - 8)
typedef int (*race_word_fn)(struct race_thread *thread, void *from, size_t offset,
			    uint64_t *word);
/* Read one thread's word by @read, and judge it. 0, or what @read returned. */
int race_check(struct race_thread *thread, struct race_buffer *buffer,
	       unsigned int page, unsigned int owner, race_word_fn read,
	       void *from, const char *how);

/* race_access.c */
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

/* race_actions.c: 0, or -errno when it was refused for a good reason */
int race_do(struct race_thread *thread, const struct race_action *action);
/*
 * What the import believes of these pages is true, or something has moved while we
 * looked: -EAGAIN.
 */
int race_snapshot(struct race_thread *thread, const struct race_action *action,
		  unsigned int first, unsigned int count);
int race_import_open(struct race_world *world, struct race_import *import);
void race_import_close(struct race_import *import);
int race_import_map(struct race_import *import);
void race_import_unmap(struct race_import *import);
/* A duplicate of its fd, or -1 */
int race_import_get(struct race_import *import);

/* race_run.c */
struct race_result {
	bool failed;
	char failure[200];
	int suspect;		/* the buffer that it is about, or -1 */
	uint64_t ops, ns;
	uint64_t refused;
	unsigned int begun_to[RACE_MAX_THREADS];	/* actions that each thread had begun */
};

uint64_t race_now(void);
/* Do a fixed amount of work. What it took, in ns */
uint64_t race_spin(void);
/* @ms: how long to repeat it, but at least once. @overlap may be NULL */
struct race_overlap;
void race_run(const struct race_setup *setup, const struct race_scenario *scenario,
	      unsigned int ms, struct race_overlap *overlap,
	      struct race_result *result);

/* race_overlap.c */
struct race_overlap {
	uint64_t count[RACE_NUM_KINDS][RACE_NUM_KINDS];
	uint64_t kinds[RACE_NUM_KINDS];
};

void race_overlap_add(struct race_overlap *overlap, struct race_event *events,
		      unsigned int num);
/* The smallest count of a pair, which is printed with the table */
uint64_t race_overlap_print(const struct race_overlap *overlap,
			    const struct race_setup *setup);

/* race_shrink.c */
struct race_shrink {
	unsigned int trials;
	uint64_t ns;
};

/* In place: fewer actions that fail as well, within @ms. */
void race_shrink(const struct race_setup *setup, struct race_scenario *scenario,
		 const struct race_result *result, unsigned int ms,
		 struct race_shrink *how);
/* Run it again and again for @ms at most; whether it failed */
bool race_again(const struct race_setup *setup, const struct race_scenario *scenario,
		unsigned int ms, struct race_result *result);

/* race_engine.c */
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
/* race_finds.c */
void race_finds_tests(const struct race_options *options);
/* race_many.c */
void race_many_tests(void);

#endif /* RACE_H */
