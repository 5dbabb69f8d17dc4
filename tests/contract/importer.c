// SPDX-License-Identifier: MIT
/*
 * Rules of the importer. Its page tables are known only from the entries that it
 * emits in a snapshot. An entry is correct if it matches the result of a lookup
 * since the last notification, if it matches the placement of the buffer, and if
 * no copy to that placement is in progress. An importer of scatter lists may have
 * entries for the memory of any list that it has mapped.
 *
 * An entry from before the last notification was either not removed by the
 * importer's callback (zap), or installed after the notification without checking
 * the sequence (retry). It is reported as zap if a snapshot before the notification
 * has the entry, or if the thread that looked up the page made its next lookup
 * before the notification, so that it had installed the entry. Otherwise the
 * notification has overtaken the lookup, which is reported as retry, unless zap was
 * already reported for this importer.
 */
#include <stdlib.h>
#include <string.h>

#include "contract.h"

u64 importer_limit_us = 2000000;

/*
 * On a slow machine a correct importer may take long. The limit is shorter for an
 * importer whose mode allows it to take too long.
 */
#define STRICT_LIMIT_US		100000

void importer_notified(struct attachment *attachment, const struct event *event)
{
	struct notified *notified =
		&attachment->notifications[attachment->num_notified++ % MAX_NOTIFIED];

	if (attachment->looked_up) {
		coverage_use(attachment, USE_NOTIFIED);
		attachment->did.notified++;
	}
	notified->us = event->us;
	notified->end_us = 0;
	notified->pid = event->pid;
	memcpy(notified->comm, event->comm, sizeof(notified->comm));
	attachment->callback = true;
	attachment->notified = true;
	attachment->notified_us = event->us;
	attachment_forget(attachment);
	mapper_notified(attachment, event);
}

void importer_done(struct attachment *attachment, const struct event *event)
{
	u64 us = event->us - attachment->notified_us, limit = importer_limit_us;

	if (modes_allow(attachment->mode, RULE_LOCK) && limit > STRICT_LIMIT_US)
		limit = STRICT_LIMIT_US;
	mapper_done(attachment, event);
	if (!attachment->notified_us)
		return;
	attachment->notifications[(attachment->num_notified - 1) % MAX_NOTIFIED].end_us =
		event->us;
	attachment->notified_us = 0;
	coverage.timed++;
	if (us > limit)
		violation(RULE_LOCK, attachment->buffer, attachment, event->us,
			  "invalidate_mappings took %llu ms", ull(us / 1000));
}

struct finding {
	u64 num;
	u64 page;
	u64 pfn;
};

static void find(struct finding *finding, u64 page, u64 pfn)
{
	if (!finding->num++) {
		finding->page = page;
		finding->pfn = pfn;
	}
}

static void say_when(char *text, size_t size, u64 us, const char *comm, int pid)
{
	snprintf(text, size, "%llu.%06llu %s-%d", ull(us / 1000000), ull(us % 1000000),
		 comm, pid);
}

/* The events of one page: its lookup, the notification after it, and the entry */
static void explain(struct context *context, const struct finding *finding,
		    const struct attachment *attachment, const struct event *event)
{
	const struct lookup *lookup = attachment_looked_up(attachment, finding->page,
							   finding->pfn);
	const struct notified *notified =
		lookup ? attachment_notified(attachment, lookup->us) : NULL;
	char when[COMM_SIZE + 48];

	context->num = 0;
	if (lookup) {
		say_when(when, sizeof(when), lookup->us, lookup->comm, lookup->pid);
		context_add(context, "%s looked up page %llu: pages %llu to %llu are at pfn %#llx",
			    when, ull(lookup->page), ull(lookup->first),
			    ull(lookup->first + lookup->pages - 1), ull(lookup->pfn));
	} else if (attachment->num_lookups) {
		context_add(context, "its lookup is not among the last %u", MAX_LOOKUPS);
	}
	if (notified) {
		say_when(when, sizeof(when), notified->us, notified->comm, notified->pid);
		context_add(context, "%s notified the importer, whose callback took %llu us",
			    when, ull(notified->end_us ? notified->end_us - notified->us : 0));
	}
	context_note(context, event);
}

/* Report all pages of one entry together. */
static void report(enum rule rule, const struct finding *finding,
		   struct attachment *attachment, const struct event *event,
		   const char *why)
{
	char table[NAME_SIZE] = "";
	struct context context;

	if (!finding->num)
		return;
	arg_string(event, "table=", table, sizeof(table));
	table[strcspn(table, " ")] = '\0';
	explain(&context, finding, attachment, event);
	violation_context = &context;
	violation(rule, attachment->buffer, attachment, event->us,
		  "%s: page %llu has pfn %#llx, %llu pages: %s", table,
		  ull(finding->page), ull(finding->pfn), ull(finding->num), why);
}

/* Whether the page was at @pfn in one of the previous placements */
static bool was_there(const struct buffer *buffer, u64 page, u64 pfn)
{
	u64 is, first, last;
	unsigned int i;

	for (i = 0; i < MAX_BEFORE; i++)
		if (place_pfn(&buffer->before[i], page, &is, &first, &last) &&
		    is == pfn)
			return true;
	return false;
}

static bool is_there(const struct buffer *buffer, u64 page, u64 pfn)
{
	u64 is, first, last;

	return !buffer->placed ||
	       (place_pfn(&buffer->place, page, &is, &first, &last) &&
		is == pfn);
}

enum finding_kind {
	FOUND_LEFT, FOUND_OLDER, FOUND_LIST, FOUND_RETRY, FOUND_FENCE, FOUND_ENTRY,
	FOUND_NONE,
};

/* For an importer that maps scatter lists, and an entry that no valid lookup returned */
static enum finding_kind judge_list(const struct attachment *attachment, u64 page,
				    u64 pfn)
{
	const struct buffer *buffer = attachment->buffer;

	if (!is_there(buffer, page, pfn) && !was_there(buffer, page, pfn))
		return FOUND_ENTRY;
	return attachment->maps ? FOUND_NONE : FOUND_LIST;
}

/* The page frame number is from before the last notification. */
static enum finding_kind judge_old(const struct attachment *attachment, u64 page,
				   u64 pfn)
{
	const struct lookup *lookup = attachment_looked_up(attachment, page, pfn);
	u64 next;

	if (attachment_page(attachment, page) & PAGE_SEEN_BEFORE)
		return FOUND_LEFT;
	if (!lookup || attachment->found[RULE_ZAP])
		return FOUND_OLDER;
	next = attachment_next_lookup(attachment, lookup);
	return next && attachment_notified(attachment, next) ? FOUND_OLDER : FOUND_RETRY;
}

static enum finding_kind judge(const struct attachment *attachment, u64 page,
			       u64 pfn, bool pending)
{
	const struct buffer *buffer = attachment->buffer;
	uint8_t flags;

	if (page >= buffer->pages)
		return FOUND_ENTRY;

	flags = attachment_page(attachment, page);
	if (attachment->did.maps && !(flags & PAGE_LOOKED_UP && is_there(buffer, page, pfn)))
		return judge_list(attachment, page, pfn);
	if (flags & PAGE_LOOKED_UP) {
		if (!is_there(buffer, page, pfn))
			return was_there(buffer, page, pfn) ||
			       attachment_looked_up(attachment, page, pfn) ?
			       judge_old(attachment, page, pfn) : FOUND_ENTRY;
		return pending && !attachment->did.maps ? FOUND_FENCE : FOUND_NONE;
	}
	if (!attachment->num_notified)
		return FOUND_ENTRY;
	return judge_old(attachment, page, pfn);
}

void importer_entry(struct attachment *attachment, const struct event *event)
{
	u64 page = arg(event, "pgoff="), pages = arg(event, "pages=");
	bool pending = pending_copies(attachment->buffer->bo);
	struct finding found[FOUND_NONE + 1] = {};
	u64 pfn = arg(event, "pfn="), i;
	enum finding_kind kind;

	model.num_entries += pages;
	if (attachment->num_notified)
		coverage.entries += pages;
	for (i = 0; i < pages; i++) {
		kind = judge(attachment, page + i, pfn + i, pending);
		find(&found[kind], page + i, pfn + i);
		if (kind == FOUND_NONE && attachment->pages)
			attachment->pages[page + i] |= PAGE_SEEN;
	}

	report(RULE_ZAP, &found[FOUND_LEFT], attachment, event,
	       "in the table before the last notification, and left by it");
	report(RULE_ZAP, &found[FOUND_OLDER], attachment, event,
	       "from before the last notification");
	report(RULE_ZAP, &found[FOUND_LIST], attachment, event,
	       "of a scatter list that is not mapped any more");
	report(RULE_ENTRY, &found[FOUND_ENTRY], attachment, event,
	       "no lookup returned it");
	report(RULE_FENCE, &found[FOUND_FENCE], attachment, event,
	       "a copy to there is in progress");
	/*
	 * If some pages of an entry were judged as zap and others as retry, report
	 * one rule.
	 */
	report(found[FOUND_LEFT].num || found[FOUND_OLDER].num ? RULE_ZAP : RULE_RETRY,
	       &found[FOUND_RETRY], attachment, event,
	       "installed after the notification that has overtaken its lookup");
}

/* The thread reports that its import has failed, so nothing may be attached. */
void importer_failed(const struct event *event)
{
	struct attachment *a;
	struct buffer *b;

	for (b = model.buffers; b; b = b->next)
		for (a = b->attachments; a; a = a->next)
			if (a->pid == event->pid && a->fresh)
				violation(RULE_LEAK, b, a, event->us,
					  "the import failed, and it is attached");
}

static bool accused(struct attachment *list, const char *text, u64 us)
{
	struct attachment *a;

	/* Importers that are broken on purpose are the first suspects. */
	for (a = list; a; a = a->next) {
		if (!a->mode || !modes_allow(a->mode, RULE_STALE))
			continue;
		violation(RULE_STALE, a->buffer, a, us, "%s", text);
		return true;
	}
	return false;
}

/*
 * Collect the lookup of the page in an earlier placement, the notification after it, and
 * the event. @why returns what the importer may have done wrong. Returns false, and leaves
 * @why as it is, if there was no such lookup.
 */
static bool explain_stale(struct context *context, const struct attachment *attachment,
			  const struct event *event, char *why, size_t size)
{
	struct finding finding = { .page = arg(event, "offset=") / PAGE_SIZE };
	const struct buffer *buffer = attachment->buffer;
	u64 first, last;
	const struct lookup *lookup = NULL;
	unsigned int i;
	u64 next;

	for (i = 0; i < MAX_BEFORE && !lookup; i++)
		if (place_pfn(&buffer->before[i], finding.page, &finding.pfn, &first, &last))
			lookup = attachment_looked_up(attachment, finding.page,
						      finding.pfn);
	if (!lookup)
		return false;

	explain(context, &finding, attachment, event);
	next = attachment_next_lookup(attachment, lookup);
	if (next && attachment_notified(attachment, next))
		snprintf(why, size,
			 "a translation was left by invalidate_mappings (rule 4), or used after its fences have signaled");
	else
		snprintf(why, size,
			 "the notification has overtaken the lookup, and the translation was installed later (rule 6), or left by invalidate_mappings (rule 4)");
	return true;
}

/* The latest attachment, if all attachments are of the same device and program */
static struct attachment *only_importer(struct buffer *buffer)
{
	struct attachment *first = buffer->attachments ?: buffer->dead, *a;
	struct attachment *lists[] = { buffer->attachments, buffer->dead };
	size_t i;

	if (buffer->vmap)
		return NULL;
	for (i = 0; i < ARRAY_SIZE(lists); i++)
		for (a = lists[i]; a; a = a->next)
			if (strcmp(a->device, first->device) || strcmp(a->comm, first->comm))
				return NULL;
	return first;
}

/* A current or former importer wrote to memory that the buffer has left. */
void importer_stale(const struct event *event)
{
	u64 bo = arg(event, "bo=");
	struct buffer *b = buffer_by_bo(bo) ?: buffer_released(bo);
	char who[NAME_SIZE] = "", text[160], why[200];
	struct attachment *only, *vmap;
	struct context context;

	arg_string(event, "importers=", who, sizeof(who));
	/* No importer could have written to this memory. */
	vmap = b && b->vmap && b->vmap->did.vmaps ? b->vmap : NULL;
	if (!who[strspn(who, " ")] && !vmap)
		return;

	snprintf(text, sizeof(text),
		 "%llu bytes written at %#llx, %llu us after the buffer had left",
		 ull(arg(event, "bytes=")), ull(arg(event, "offset=")),
		 ull(arg(event, "age_us=")));
	if (b && (accused(b->attachments, text, event->us) ||
		  accused(b->dead, text, event->us)))
		return;

	only = b ? only_importer(b) : NULL;
	if (!only && b && !b->attachments && !b->dead)
		only = vmap;
	if (only) {
		mapper_stale(only, why, sizeof(why));
		if (explain_stale(&context, only, event, why, sizeof(why)))
			violation_context = &context;
		violation(RULE_STALE, b, only, event->us, "%s: %s", text, why);
	} else {
		violation(RULE_STALE, b, NULL, event->us, "%s, by one of:%s", text, who);
	}
}

/* The dma-buf is freed: the kernel warns if an attachment is left. */
void importer_released(struct buffer *buffer, u64 us)
{
	struct attachment *a;

	for (a = buffer->attachments; a; a = a->next)
		violation(RULE_LEAK, buffer, a, us,
			  "attached when the dma-buf is released: dma_buf_put() without dma_buf_detach()");
}

static void left(struct attachment *attachment)
{
	mapper_overdue(attachment, model.now_us);
	violation(RULE_LEAK, attachment->buffer, attachment, model.now_us,
		  "attached at the end of the trace");
}

/* End of the trace: all importers should have detached. */
void importer_left(void)
{
	struct attachment *a;
	struct buffer *b;

	for (b = model.buffers; b; b = b->next) {
		for (a = b->attachments; a; a = a->next)
			left(a);
		if (b->vmap && b->vmap->did.vmaps && b->vmap->own_pins)
			violation(RULE_LEAK, b, b->vmap, model.now_us,
				  "mapped into the kernel at the end of the trace, %llu times",
				  ull(b->vmap->own_pins));
	}
}
