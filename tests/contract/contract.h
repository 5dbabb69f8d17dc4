/* SPDX-License-Identifier: MIT */
/*
 * pfn-contract reads the trace of a run. It reports which driver broke which rule of
 * Documentation/driver-api/dma-buf-pfn.rst.
 *
 *	parse.c      converts a line of text to a struct event
 *	order.c      sorts events by time
 *	model.c      the state: buffers, placements, attachments, results of lookups
 *	events.c     changes of the state by each event, and the rules to check
 *	exporter.c   rules of the driver that moves the buffer
 *	importer.c   rules of all importers, and of their page tables
 *	mapper.c     rules of importers that map, pin or vmap
 *	modes.c      importers that are broken on purpose
 *	coverage.c   which rules and importers were judged
 *	report.c     violations, and the verdict
 *	record.c     traces a system and judges while it runs
 *	main.c       options, and reading files
 *
 * There is one thread, and no locks. Pages are 4 KiB, times are in microseconds.
 */
#ifndef PFN_CONTRACT_H
#define PFN_CONTRACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PAGE_SIZE	4096
#define LINE_SIZE	8192
#define COMM_SIZE	32
#define NAME_SIZE	64
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

typedef uint64_t u64;
#define ull(x)		((unsigned long long)(x))

/* --- parse.c --- */

/* One line. @name and @args point into @text. */
struct event {
	u64 us;
	int pid;
	char comm[COMM_SIZE];
	const char *name;
	const char *args;
	char *text;
};

enum line { LINE_EVENT, LINE_LOST, LINE_OTHER };

enum line parse_line(const char *line, struct event *event, u64 *lost);
bool arg_u64(const struct event *event, const char *key, u64 *value);
u64 arg(const struct event *event, const char *key);
u64 arg_pointer(const struct event *event, const char *key);
bool arg_string(const struct event *event, const char *key, char *to,
		size_t size);
const char *marker(const struct event *event);

/* --- order.c --- */

void order_add(struct event *event);
void order_flush(void);
/* In events.c: called for each event in order. */
void event_handle(struct event *event);

/* --- model.c --- */

struct run {
	u64 first;
	u64 pfn;
};

/* The placement of a buffer. A buffer without runs has no memory. */
struct place {
	u64 pages;
	size_t num;
	size_t size;
	struct run *runs;
};

#define MAX_LOOKUPS	256

/* A lookup: the page, and the range that the result covers */
struct lookup {
	u64 us;
	int pid;
	char comm[COMM_SIZE];
	u64 page;
	u64 first;
	u64 pages;
	u64 pfn;		/* of @first */
};

#define MAX_THREADS	32

/* The last lookup of a thread */
struct last_lookup {
	int pid;
	u64 page;
};

/* One page of an attachment */
#define PAGE_LOOKED_UP	1	/* since the last notification */
#define PAGE_SEEN	2	/* in the page table, since the last notification */
#define PAGE_SEEN_BEFORE 4	/* in the page table, before the last notification */

#define MAX_NOTIFIED	32

/* A notification of an attachment */
struct notified {
	u64 us;
	u64 end_us;		/* 0: its end is not known */
	int pid;
	char comm[COMM_SIZE];
};

/* A scatter list */
struct mapping {
	struct mapping *next;
	u64 table;
	u64 us;
	u64 notified_us;	/* of the first notification since, or 0 */
	int pid;
	bool moving;		/* a copy to the memory was in progress at the map */
	bool waited;		/* the thread that mapped has waited for that copy */
	int callback_pid;	/* the thread that has added a callback to it, or 0 */
	bool settled;		/* @moving and @waited were counted */
	bool late;		/* reported */
};

#define MAX_BEFORE	4

enum rule {
	RULE_NOTIFY, RULE_MISSED, RULE_WAIT, RULE_SIGNAL, RULE_LOOKUP, RULE_ORDER,
	RULE_PIN, RULE_SEQUENCE,
	RULE_ZAP, RULE_RETRY, RULE_FENCE, RULE_ENTRY, RULE_LOCK, RULE_LEAK,
	RULE_STALE, RULE_UNMAP, RULE_UNPIN,
	NUM_RULES,
};

#define CONTEXT_LINES	8
#define CONTEXT_SIZE	200

/* The last events of a buffer or an attachment, or those that explain a violation */
struct context {
	char lines[CONTEXT_LINES][CONTEXT_SIZE];
	unsigned int num;
};

/* What an importer did, for the report */
struct tally {
	u64 lookups;
	u64 notified;		/* after a lookup */
	u64 maps;
	u64 failed;		/* maps, pins and vmaps */
	u64 notified_maps;	/* notifications while mapped */
	u64 fenced;		/* those with fences of importers */
	u64 unmap_us;		/* longest time from a notification to the unmap */
	u64 awaited;		/* copies that were in progress at a map */
	u64 unawaited;
	u64 pins;
	u64 vmaps;
	u64 held;		/* moves that were refused while it pinned */
};

struct attachment {
	struct attachment *next;
	struct buffer *buffer;
	u64 pointer;
	unsigned int id;
	char device[NAME_SIZE];
	char comm[COMM_SIZE];
	int pid;
	bool dynamic;		/* has importer_ops */
	bool callback;		/* known to have invalidate_mappings */
	bool unrevocable;	/* known to have none */
	bool no_waits;		/* reported */
	bool held_something;	/* at the last notification, or since */
	bool reported;
	bool notified;		/* in this move */
	bool looked_up;		/* since the last notification */
	bool dead;
	bool fresh;		/* attached since its thread announced an import */
	unsigned int uses;	/* USE_* */
	u64 num_notified;
	u64 notified_us;	/* its callback runs since then, or 0 */
	u64 pins;		/* of the exporter, also those of the core */
	u64 own_pins;		/* by dma_buf_pin() */
	u64 unpinned_us;
	u64 unmapped_us;
	struct mapping *maps;
	struct tally did;
	unsigned int mode;	/* mask, see modes.c; 0: not broken on purpose */
	uint8_t *pages;		/* PAGE_* of each page */
	struct lookup *lookups;	/* the last MAX_LOOKUPS */
	u64 num_lookups;
	struct last_lookup last[MAX_THREADS];
	unsigned int num_last;
	struct last_lookup overtaken[MAX_THREADS];	/* by the last notification */
	unsigned int num_overtaken;
	struct notified notifications[MAX_NOTIFIED];	/* the last of @num_notified */
	struct context context;
	unsigned int found[NUM_RULES];
};

struct buffer {
	struct buffer *next;
	u64 ino;
	u64 bo;
	u64 pages;
	bool placed;		/* @place is known */
	struct place place;
	struct place before[MAX_BEFORE];	/* latest first */
	struct place incoming;	/* collected from several events */
	bool moving;
	bool notified;		/* since the move began */
	bool waited;		/* since the importers were notified */
	bool counted;
	u64 seq;
	u64 kernel_pins;
	u64 from;		/* the region before the move */
	u64 num_moves;
	struct attachment *attachments;
	struct attachment *dead;	/* detached, latest first */
	struct attachment *vmap;	/* all kernel mappings, which have no attachment */
	struct context context;
};

struct model {
	const char *exporter;	/* NULL: any */
	struct buffer *buffers;
	struct buffer *released;
	u64 num_moves;
	u64 num_refused;	/* moves that failed because of a pin */
	u64 num_buffers;
	u64 num_importers;
	u64 num_entries;
	u64 num_lookups;
	u64 now_us;
};

extern struct model model;

struct buffer *buffer_by_ino(u64 ino);
struct buffer *buffer_by_bo(u64 bo);
struct buffer *buffer_get(u64 ino);
struct buffer *buffer_released(u64 bo);
void buffer_release(struct buffer *buffer);
void buffer_drop_all(void);
void buffer_place(struct buffer *buffer);
struct attachment *buffer_vmap(struct buffer *buffer);
void context_add(struct context *context, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void context_note(struct context *context, const struct event *event);
struct attachment *attachment_find(struct buffer *buffer, u64 pointer);
struct attachment *attachment_get(struct buffer *buffer, u64 pointer);
void attachment_detach(struct attachment *attachment);
void attachment_lookup(struct attachment *attachment, const struct event *event,
		       u64 page, u64 first, u64 pages, u64 pfn);
const struct lookup *attachment_looked_up(const struct attachment *attachment,
					  u64 page, u64 pfn);
u64 attachment_next_lookup(const struct attachment *attachment,
			   const struct lookup *lookup);
void attachment_lookup_failed(struct attachment *attachment,
			      const struct event *event);
const struct notified *attachment_notified(const struct attachment *attachment,
					   u64 us);
uint8_t attachment_page(const struct attachment *attachment, u64 page);
void attachment_forget(struct attachment *attachment);
bool place_pfn(const struct place *place, u64 page, u64 *pfn, u64 *first,
	       u64 *last);
bool place_same(const struct place *a, const struct place *b);
void place_add(struct place *place, u64 first, u64 pfn);
void place_clear(struct place *place);
u64 pending_copies(u64 bo);
void pending_add(u64 bo, int n);

/* --- exporter.c --- */

void exporter_begin(struct buffer *buffer, const struct event *event);
void exporter_copy(struct buffer *buffer, const struct event *event);
void exporter_queue(struct buffer *buffer, const struct event *event);
void exporter_waited(struct buffer *buffer, const struct event *event);
void exporter_leave(struct buffer *buffer, const struct event *event);
void exporter_end(struct buffer *buffer, const struct event *event);
void exporter_notify(struct buffer *buffer, const struct event *event);
void exporter_lookup(struct attachment *attachment, const struct event *event,
		     bool is_run);
void exporter_fence(const struct event *event, bool begin);
void exporter_signaled(const struct event *event);
void exporter_unloaded(void);
void exporter_left(void);

/* --- importer.c --- */

extern u64 importer_limit_us;

void importer_notified(struct attachment *attachment, const struct event *event);
void importer_done(struct attachment *attachment, const struct event *event);
void importer_entry(struct attachment *attachment, const struct event *event);
void importer_failed(const struct event *event);
void importer_stale(const struct event *event);
void importer_left(void);
void importer_released(struct buffer *buffer, u64 us);

/* --- mapper.c --- */

void mapper_map(struct attachment *attachment, const struct event *event);
void mapper_unmap(struct attachment *attachment, const struct event *event);
void mapper_notified(struct attachment *attachment, const struct event *event);
void mapper_done(struct attachment *attachment, const struct event *event);
void mapper_pin(struct attachment *attachment, const struct event *event);
void mapper_unpin(struct attachment *attachment, const struct event *event);
void mapper_detach(struct attachment *attachment, const struct event *event);
void mapper_vmap(struct buffer *buffer, const struct event *event);
void mapper_vunmap(struct buffer *buffer, const struct event *event);
void mapper_refused(struct buffer *buffer, const struct event *event);
void mapper_moved(struct attachment *attachment, u64 us);
void mapper_mover(int pid);
void mapper_waits(const struct event *event, bool wait);
void mapper_copied(struct buffer *buffer, u64 us);
void mapper_overdue(struct attachment *attachment, u64 us);
void mapper_stale(const struct attachment *attachment, char *text, size_t size);

/* --- modes.c --- */

bool modes_announce(int pid, const char *names);
void modes_attached(struct attachment *attachment);
bool modes_allow(unsigned int modes, enum rule rule);
void modes_found(unsigned int modes, enum rule rule);
void modes_report(FILE *out);

/* --- coverage.c --- */

/* Uses of an attachment by its importer */
#define USE_LOOKUP	1	/* a lookup has succeeded */
#define USE_NOTIFIED	2	/* it was notified after a lookup, or while it mapped */
#define USE_MAP		4	/* a scatter list was mapped */
#define USE_PIN		8	/* pinned by the importer */
#define USE_STATIC	16	/* has no importer_ops */
#define USE_REVOCABLE	32	/* pinned, and has invalidate_mappings */
#define USE_VMAP	64	/* kernel mappings */
#define USE_HELD	128	/* a move was refused because of its pin */
#define USE_UNPINNED	256	/* was notified while it had mapped, without a pin */
#define NUM_USES	512

enum class {
	CLASS_NONE, CLASS_PFN, CLASS_SG, CLASS_PINNED, CLASS_REVOCABLE, CLASS_STATIC,
	CLASS_VMAP,
	NUM_CLASSES,
};

/* Exit statuses; 3 is for invalid usage */
enum status {
	STATUS_KEPT, STATUS_BROKEN, STATUS_UNKNOWN, STATUS_NOTHING = 4,
};

extern struct coverage {
	u64 entries;		/* pages in snapshots after a notification */
	u64 overtaken;		/* lookups repeated after a notification */
	u64 failed;		/* failed lookups */
	u64 timed;		/* notifications with a known duration */
	u64 detached;
	u64 engine_moves;
	u64 left;		/* moves out of a carveout */
	u64 checked;		/* moves out of a carveout with quarantine */
	u64 quarantine_ms;
	u64 written;		/* pages */
	bool knows_quarantine;
	bool knows_written;
} coverage;

enum class coverage_class(const struct attachment *attachment);
void coverage_importer(const struct attachment *attachment);
void coverage_use(struct attachment *attachment, unsigned int use);
void coverage_did(struct attachment *attachment);
unsigned int coverage_judged(void);
void coverage_report(bool any);
int coverage_verdict(void);

/* --- report.c --- */

/* If set, the next violation shows these lines instead of the last events. */
extern struct context *violation_context;

void violation(enum rule rule, struct buffer *buffer,
	       struct attachment *attachment, u64 us, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
void cannot_judge(const char *format, ...) __attribute__((format(printf, 1, 2)));
void report_rule(FILE *out, const unsigned int *found);
int report_end(bool any);

/* --- record.c --- */

#define RECORD_DIR	"/sys/kernel/tracing/instances/pfn_contract"

/* Size of the trace buffer of each CPU */
extern unsigned long record_buffer_mib;
int record(void);
int record_command(const char *word);

/* --- main.c --- */

void take_line(const char *line);

#endif /* PFN_CONTRACT_H */
