/* SPDX-License-Identifier: MIT */
/*
 * pfn-contract: reads the trace of a run and reports violations of the rules in
 * Documentation/driver-api/dma-buf-pfn.rst, and which driver broke them.
 *
 *	parse.c      converts a line of text to a struct event
 *	order.c      sorts events by time
 *	model.c      the state: buffers, placements, attachments, results of lookups
 *	events.c     changes of the state by each event, and the rules to check
 *	exporter.c   rules of the driver that moves the buffer
 *	importer.c   rules of the drivers that look up its pages
 *	modes.c      importers that are broken on purpose
 *	coverage.c   which rules and importers were judged
 *	report.c     violations, and the verdict
 *	record.c     traces a system and judges while it runs
 *	main.c       options, and reading files
 *
 * Single-threaded, no locks. Pages are 4 KiB, times are in microseconds.
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

#define MAX_LOOKUPS	32

/* The last lookup of one thread: the page, and the range that the result covers */
struct lookup {
	int pid;
	u64 page;
	u64 first;
	u64 pages;
};

/* The lookups of a page, before and after the last notification */
#define PAGE_LOOKED_UP	1	/* after: a result covers it */
#define PAGE_SETTLING	2	/* after: looked up, then another page was */
#define PAGE_OVERTAKEN	4	/* before: in the last result of a thread */
#define PAGE_SETTLED	8	/* before: looked up, then another page was */

#define MAX_BEFORE	4

enum rule {
	RULE_NOTIFY, RULE_MISSED, RULE_WAIT, RULE_SIGNAL, RULE_LOOKUP, RULE_ORDER,
	RULE_PIN, RULE_SEQUENCE,
	RULE_ZAP, RULE_RETRY, RULE_FENCE, RULE_ENTRY, RULE_LOCK, RULE_LEAK,
	RULE_STALE,
	NUM_RULES,
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
	bool notified;		/* in this move */
	bool looked_up;		/* since the last notification */
	bool dead;
	bool fresh;		/* attached since its thread announced an import */
	unsigned int uses;	/* USE_* */
	u64 num_notified;
	u64 notified_us;
	u64 pins;
	unsigned int mode;	/* mask, see modes.c; 0: not broken on purpose */
	uint8_t *pages;		/* PAGE_* of each page */
	struct lookup lookups[MAX_LOOKUPS];
	unsigned int num_lookups;
	struct lookup overtaken[MAX_LOOKUPS];	/* by the last notification */
	unsigned int num_overtaken;
	unsigned int found[NUM_RULES];
};

#define CONTEXT_LINES	8
#define CONTEXT_SIZE	200

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
	char context[CONTEXT_LINES][CONTEXT_SIZE];
	unsigned int num_context;
};

struct model {
	const char *exporter;	/* NULL: any */
	struct buffer *buffers;
	struct buffer *released;
	u64 num_moves;
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
void buffer_note(struct buffer *buffer, const struct event *event);
struct attachment *attachment_find(struct buffer *buffer, u64 pointer);
struct attachment *attachment_get(struct buffer *buffer, u64 pointer);
void attachment_detach(struct attachment *attachment);
void attachment_lookup(struct attachment *attachment, int pid, u64 page,
		       u64 first, u64 pages);
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
void exporter_gone(void);
void exporter_left(void);

/* --- importer.c --- */

extern u64 importer_limit_us;

void importer_notified(struct attachment *attachment, const struct event *event);
void importer_done(struct attachment *attachment, const struct event *event);
void importer_entry(struct attachment *attachment, const struct event *event);
void importer_failed(const struct event *event);
void importer_stale(const struct event *event);
void importer_left(void);

/* --- modes.c --- */

bool modes_announce(int pid, const char *names);
void modes_attached(struct attachment *attachment);
bool modes_allow(unsigned int modes, enum rule rule);
void modes_found(unsigned int modes, enum rule rule);
void modes_report(FILE *out);

/* --- coverage.c --- */

/* Uses of an attachment by its importer */
#define USE_LOOKUP	1	/* a lookup has succeeded */
#define USE_NOTIFIED	2	/* it was notified after a lookup */
#define USE_MAP		4	/* a scatter list was mapped for its device */
#define USE_PIN		8	/* pinned, by the importer or the core */
#define NUM_USES	16

/* Exit statuses; 3 is for invalid usage */
enum status {
	STATUS_KEPT, STATUS_BROKEN, STATUS_UNKNOWN,
	STATUS_NOTHING = 4, STATUS_CLASS,
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

void coverage_importer(const struct attachment *attachment);
void coverage_use(struct attachment *attachment, unsigned int use);
void coverage_report(void);
int coverage_verdict(void);

/* --- report.c --- */

void violation(enum rule rule, struct buffer *buffer,
	       struct attachment *attachment, u64 us, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
void cannot_judge(const char *format, ...) __attribute__((format(printf, 1, 2)));
void report_rule(FILE *out, const unsigned int *found);
int report_end(bool any);

/* --- record.c --- */

#define RECORD_DIR	"/sys/kernel/tracing/instances/pfn_contract"

int record(void);
int record_command(const char *word);

/* --- main.c --- */

void take_line(const char *line);

#endif /* PFN_CONTRACT_H */
