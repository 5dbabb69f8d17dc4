// SPDX-License-Identifier: MIT
/*
 * Rules of the exporter: notify all importers, wait, copy, and return the new
 * placement only after that. The exporter emits an event with the placement after
 * each move. It reads the placement from the memory of the buffer.
 */
#include <string.h>

#include "contract.h"

/* TTM_PL_VRAM, as in the events: this region and those after it are carveouts */
#define FIRST_CARVEOUT	2

static unsigned int order_of(u64 pfn, u64 page, u64 first, u64 last)
{
	u64 unlike = pfn ^ page, before = page ^ (first - 1);
	u64 after = page ^ (last + 1);
	unsigned int order = unlike ? __builtin_ctzll(unlike) : 63, n;

	n = 63 - __builtin_clzll(before);
	order = n < order ? n : order;
	n = 63 - __builtin_clzll(after);
	return n < order ? n : order;
}

void exporter_begin(struct buffer *buffer, const struct event *event)
{
	struct attachment *a;
	u64 pins = buffer->kernel_pins;

	for (a = buffer->attachments; a; a = a->next) {
		a->notified = false;
		pins += a->pins;
	}
	buffer->moving = true;
	buffer->from = arg(event, "from=");
	buffer->notified = false;
	buffer->waited = false;
	if (pins)
		violation(RULE_PIN, buffer, NULL, event->us,
			  "a move begins, with %llu pins", ull(pins));
}

/* The core starts to notify the importers of this buffer. */
void exporter_notify(struct buffer *buffer, const struct event *event)
{
	u64 seq = arg(event, "pfn_seq=");

	if (buffer->seq && seq != buffer->seq + 1)
		violation(RULE_SEQUENCE, buffer, NULL, event->us,
			  "%llu after %llu", ull(seq), ull(buffer->seq));
	buffer->seq = seq;
	buffer->notified = true;
	buffer->waited = false;
}

static void must_be_notified(struct buffer *buffer, const struct event *event)
{
	if (!buffer->notified && buffer->attachments)
		violation(RULE_NOTIFY, buffer, NULL, event->us,
			  "%s before a notification", event->name);
}

void exporter_waited(struct buffer *buffer, const struct event *event)
{
	u64 unsignaled = arg(event, "unsignaled=");

	buffer->waited = true;
	if (unsignaled)
		violation(RULE_WAIT, buffer, NULL, event->us,
			  "%llu fences have not signaled after the wait",
			  ull(unsignaled));
}

/* An engine does not hold the reservation lock, so the next move may have begun. */
void exporter_copy(struct buffer *buffer, const struct event *event)
{
	u64 unsignaled = arg(event, "unsignaled=");
	bool engine = (int)arg(event, "engine=") >= 0;

	if (unsignaled)
		violation(RULE_WAIT, buffer, NULL, event->us,
			  "copied with %llu fences that have not signaled",
			  ull(unsignaled));
	if (engine)
		return;

	must_be_notified(buffer, event);
	if (!buffer->waited && !unsignaled && buffer->attachments)
		violation(RULE_WAIT, buffer, NULL, event->us,
			  "copied without a wait after the notification");
}

void exporter_queue(struct buffer *buffer, const struct event *event)
{
	u64 deps = arg(event, "dependencies="), fences = arg(event, "fences=");

	must_be_notified(buffer, event);
	if (buffer->attachments)
		coverage.engine_moves++;
	if (deps < fences)
		violation(RULE_WAIT, buffer, NULL, event->us,
			  "the copy depends on %llu of %llu fences", ull(deps),
			  ull(fences));
}

/* The buffer has left its previous placement. */
void exporter_leave(struct buffer *buffer, const struct event *event)
{
	struct attachment *a;

	for (a = buffer->attachments; a; a = a->next) {
		mapper_moved(a, event->us);
		if (!a->looked_up)
			continue;
		if (a->pins || !a->dynamic)
			violation(RULE_PIN, buffer, a, event->us,
				  "it has lookups of memory that the buffer has left");
		else
			violation(RULE_MISSED, buffer, a, event->us,
				  "it was not notified, and its lookups are no longer valid");
		attachment_forget(a);
	}
}

void exporter_end(struct buffer *buffer, const struct event *event)
{
	bool moved = !(int)arg(event, "ret=");
	struct attachment *a;

	buffer->moving = false;
	if (!moved || !buffer->attachments)
		return;

	for (a = buffer->attachments; a; a = a->next)
		mapper_overdue(a, event->us);

	model.num_moves++;
	buffer->num_moves++;
	if (buffer->from >= FIRST_CARVEOUT) {
		coverage.left++;
		coverage.checked += coverage.quarantine_ms > 0;
	}
	must_be_notified(buffer, event);
	for (a = buffer->attachments; a; a = a->next)
		if (a->callback && !a->notified)
			violation(RULE_MISSED, buffer, a, event->us,
				  "the buffer has moved, and it was not notified");
}

void exporter_lookup(struct attachment *attachment, const struct event *event,
		     bool is_run)
{
	u64 page = arg(event, "pgoff="), pfn = arg(event, "pfn=");
	struct buffer *buffer = attachment->buffer;
	u64 is, first, last, order;

	model.num_lookups++;
	if (buffer->moving)
		violation(RULE_LOOKUP, buffer, attachment, event->us,
			  "page %llu: a lookup returned during a move",
			  ull(page));
	if (!buffer->placed)
		return;
	if (!place_pfn(&buffer->place, page, &is, &first, &last)) {
		violation(RULE_LOOKUP, buffer, attachment, event->us,
			  "page %llu: pfn %#llx, but the buffer has no memory",
			  ull(page), ull(pfn));
		return;
	}
	if (pfn != is)
		violation(RULE_LOOKUP, buffer, attachment, event->us,
			  "page %llu: pfn %#llx, but it is at %#llx", ull(page),
			  ull(pfn), ull(is));
	if (is_run) {
		if (arg(event, "pages=") > last + 1 - page)
			violation(RULE_ORDER, buffer, attachment, event->us,
				  "page %llu: %llu pages, but the run has %llu",
				  ull(page), ull(arg(event, "pages=")),
				  ull(last + 1 - page));
		return;
	}
	order = arg(event, "order=");
	if (order != order_of(is, page, first, last))
		violation(RULE_ORDER, buffer, attachment, event->us,
			  "page %llu: order %llu, but the largest is %u",
			  ull(page), ull(order),
			  order_of(is, page, first, last));
}

/* --- fences of copies: they signal after the end of the copy --- */

#define MAX_FENCES	256

struct fence {
	u64 context;
	u64 seqno;
	u64 early_us;	/* when it signaled during the copy, or 0 */
	bool signaled;	/* false: the copy is in progress */
};

static struct fence fences[MAX_FENCES];
static unsigned int next_fence;

static struct fence *find_fence(u64 context, u64 seqno)
{
	size_t i;

	for (i = 0; i < MAX_FENCES; i++)
		if (fences[i].context == context && fences[i].seqno == seqno)
			return &fences[i];
	return NULL;
}

/* Replaces the oldest fence whose copy is not in progress. */
static void add_fence(u64 context, u64 seqno, bool signaled)
{
	struct fence *fence = NULL;
	size_t i;

	for (i = 0; i < MAX_FENCES; i++) {
		fence = &fences[next_fence++ % MAX_FENCES];
		if (fence->signaled || !fence->context)
			break;
	}
	fence->context = context;
	fence->seqno = seqno;
	fence->early_us = 0;
	fence->signaled = signaled;
}

static void forget_fence(struct fence *fence)
{
	memset(fence, 0, sizeof(*fence));
}

static void early(const struct fence *fence)
{
	violation(RULE_SIGNAL, NULL, NULL, fence->early_us,
		  "fence %llu:%llu during the copy", ull(fence->context),
		  ull(fence->seqno));
}

/* Begin or end of an engine's copy. The core's events have 32 bits of both numbers. */
void exporter_fence(const struct event *event, bool begin)
{
	u64 context = (uint32_t)arg(event, "fence="), seqno;
	struct fence *fence;
	const char *at = strstr(event->args, "fence=");

	at = at ? strchr(at, ':') : NULL;
	if (!context || !at || sscanf(at, ":%llu", (unsigned long long *)&seqno) != 1)
		return;

	seqno = (uint32_t)seqno;
	fence = find_fence(context, seqno);
	if (!begin) {
		if (!fence || fence->signaled)
			return;
		if (fence->early_us)
			early(fence);
		forget_fence(fence);
	} else if (!fence) {
		add_fence(context, seqno, false);
	} else if (fence->signaled) {
		violation(RULE_SIGNAL, buffer_by_bo(arg(event, "bo=")), NULL,
			  event->us, "copied after the fence %llu:%llu",
			  ull(context), ull(seqno));
		forget_fence(fence);
	}
}

/*
 * An early signal is a violation only once the end of the copy was seen, in
 * exporter_fence() or exporter_left(). When a module is unloaded, its last events
 * may be dropped, while events of the core from the same time are still read.
 */
void exporter_signaled(const struct event *event)
{
	u64 context = arg(event, "context="), seqno = arg(event, "seqno=");
	struct fence *fence = find_fence(context, seqno);

	if (!fence)
		add_fence(context, seqno, true);
	else if (!fence->signaled && !fence->early_us)
		fence->early_us = event->us;
}

/* For copies of an unloaded module, the event of the end may have been lost. */
void exporter_unloaded(void)
{
	memset(fences, 0, sizeof(fences));
}

/* End of the trace: report copies without an end whose fence has signaled. */
void exporter_left(void)
{
	size_t i;

	for (i = 0; i < MAX_FENCES; i++)
		if (fences[i].early_us)
			early(&fences[i]);
}
