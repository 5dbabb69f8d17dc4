// SPDX-License-Identifier: MIT
/*
 * Rules of the importer. Its page tables are known only from the entries that it
 * emits in a snapshot. An entry is correct if it matches the result of a lookup
 * since the last notification, if it matches the placement of the buffer, and if
 * no copy to that placement is in progress.
 *
 * An entry from before the last notification was either left by the importer's
 * callback (zap), or installed after it without checking the sequence (retry).
 * Both are possible if it was the last lookup of a thread. It is reported as zap
 * if the importer has left other entries in place, and as retry otherwise.
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
	if (attachment->looked_up)
		coverage_use(attachment, USE_NOTIFIED);
	attachment->callback = true;
	attachment->notified = true;
	attachment->notified_us = event->us;
	attachment->num_notified++;
	attachment_forget(attachment);
}

void importer_done(struct attachment *attachment, const struct event *event)
{
	u64 us = event->us - attachment->notified_us, limit = importer_limit_us;

	if (modes_allow(attachment->mode, RULE_LOCK) && limit > STRICT_LIMIT_US)
		limit = STRICT_LIMIT_US;
	if (!attachment->notified_us)
		return;
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

/* Report all pages of one entry together. */
static void report(enum rule rule, const struct finding *finding,
		   struct attachment *attachment, const struct event *event,
		   const char *why)
{
	char table[NAME_SIZE] = "";

	if (!finding->num)
		return;
	arg_string(event, "table=", table, sizeof(table));
	table[strcspn(table, " ")] = '\0';
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

enum finding_kind { FOUND_ZAP, FOUND_RETRY, FOUND_FENCE, FOUND_ENTRY, FOUND_NONE };

static enum finding_kind judge(const struct attachment *attachment, u64 page,
			       u64 pfn, bool pending)
{
	const struct buffer *buffer = attachment->buffer;
	uint8_t flags;

	if (page >= buffer->pages)
		return FOUND_ENTRY;

	flags = attachment_page(attachment, page);
	if (flags & PAGE_LOOKED_UP) {
		if (!is_there(buffer, page, pfn))
			return was_there(buffer, page, pfn) ? FOUND_ZAP :
							      FOUND_ENTRY;
		return pending ? FOUND_FENCE : FOUND_NONE;
	}
	if (!attachment->num_notified)
		return FOUND_ENTRY;
	if (flags & PAGE_OVERTAKEN && !(flags & PAGE_SETTLED) &&
	    !attachment->found[RULE_ZAP])
		return FOUND_RETRY;
	return FOUND_ZAP;
}

void importer_entry(struct attachment *attachment, const struct event *event)
{
	u64 page = arg(event, "pgoff="), pages = arg(event, "pages=");
	bool pending = pending_copies(attachment->buffer->bo);
	struct finding found[FOUND_NONE + 1] = {};
	u64 pfn = arg(event, "pfn="), i;

	model.num_entries += pages;
	if (attachment->num_notified)
		coverage.entries += pages;
	for (i = 0; i < pages; i++)
		find(&found[judge(attachment, page + i, pfn + i, pending)],
		     page + i, pfn + i);

	report(RULE_ZAP, &found[FOUND_ZAP], attachment, event,
	       "from before the last notification");
	report(RULE_ENTRY, &found[FOUND_ENTRY], attachment, event,
	       "no lookup returned it");
	report(RULE_FENCE, &found[FOUND_FENCE], attachment, event,
	       "a copy to there is under way");
	/*
	 * Part of an entry may be found as zap and part as retry: report one rule
	 * for it.
	 */
	report(found[FOUND_ZAP].num ? RULE_ZAP : RULE_RETRY, &found[FOUND_RETRY],
	       attachment, event,
	       "overtaken by the last notification, or left by it");
}

/* The thread reports that its import has failed: nothing may be attached. */
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

/* A current or former importer wrote to memory that the buffer has left. */
void importer_stale(const struct event *event)
{
	u64 bo = arg(event, "bo=");
	struct buffer *b = buffer_by_bo(bo) ?: buffer_released(bo);
	char who[NAME_SIZE] = "", text[160];
	struct attachment *only;

	arg_string(event, "importers=", who, sizeof(who));
	/* No importer could have written this. */
	if (!who[strspn(who, " ")])
		return;

	snprintf(text, sizeof(text),
		 "%llu bytes written at %#llx, %llu us after the buffer had left",
		 ull(arg(event, "bytes=")), ull(arg(event, "offset=")),
		 ull(arg(event, "age_us=")));
	if (b && (accused(b->attachments, text, event->us) ||
		  accused(b->dead, text, event->us)))
		return;

	only = b ? b->attachments ?: b->dead : NULL;
	if (only && (only->next || (b->attachments && b->dead)))
		only = NULL;
	violation(RULE_STALE, b, only, event->us, "%s, by one of:%s", text, who);
}

/* End of the trace: all importers should have detached. */
void importer_left(void)
{
	struct attachment *a;
	struct buffer *b;

	for (b = model.buffers; b; b = b->next)
		for (a = b->attachments; a; a = a->next)
			violation(RULE_LEAK, b, a, model.now_us,
				  "attached at the end of the trace");
}
