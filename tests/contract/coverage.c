// SPDX-License-Identifier: MIT
/*
 * Coverage: which rules and importers were judged. A rule is judged only if the trace
 * has events that could have broken it. A run in which no importer was judged is not a
 * success.
 *
 * Importers are classified by their use of the attachment. An importer that looks up
 * pages or maps scatter lists is judged if it was notified after a lookup, or while a
 * list was mapped. An importer that pins is judged if a move was refused because of its
 * pin.
 */
#include <stdarg.h>
#include <string.h>

#include "contract.h"

struct coverage coverage;

static unsigned int importers[NUM_USES];

/* Lines of the report: attachments of one device, program and class */
#define MAX_SHOWN	16

static struct shown {
	unsigned int id;	/* of the first one */
	char device[NAME_SIZE];
	char comm[COMM_SIZE];
	int pid;
	enum class class;
	unsigned int attachments;
	unsigned int judged;
	unsigned int found;
	struct tally did;
} shown[MAX_SHOWN];

static unsigned int num_shown;
static u64 num_hidden;

static const char * const classes[NUM_CLASSES] = {
	[CLASS_NONE] = "none",
	[CLASS_PFN] = "pfn",
	[CLASS_SG] = "dynamic sg",
	[CLASS_PINNED] = "pinned",
	[CLASS_REVOCABLE] = "pinned and revocable",
	[CLASS_STATIC] = "static",
	[CLASS_VMAP] = "vmap only",
};

static enum class class_of(unsigned int uses)
{
	if (uses & USE_VMAP)
		return CLASS_VMAP;
	if (!(uses & (USE_LOOKUP | USE_MAP | USE_PIN)))
		return CLASS_NONE;
	if (uses & USE_STATIC)
		return CLASS_STATIC;
	/* virtio-gpu pins while it imports, and follows moves afterwards. */
	if (uses & USE_UNPINNED)
		return CLASS_SG;
	if (uses & USE_REVOCABLE)
		return CLASS_REVOCABLE;
	if (uses & USE_PIN)
		return CLASS_PINNED;
	return uses & USE_MAP ? CLASS_SG : CLASS_PFN;
}

static bool is_judged(unsigned int uses)
{
	return uses & (USE_NOTIFIED | USE_HELD) && class_of(uses) != CLASS_NONE;
}

enum class coverage_class(const struct attachment *attachment)
{
	return class_of(attachment->uses);
}

void coverage_importer(const struct attachment *attachment)
{
	importers[attachment->uses]++;
}

void coverage_use(struct attachment *attachment, unsigned int use)
{
	importers[attachment->uses]--;
	attachment->uses |= use;
	importers[attachment->uses]++;
}

/* The number of importers of a class, or of all classes, and how many were judged */
static unsigned int count(enum class class, unsigned int *judged)
{
	unsigned int uses, n = 0;

	*judged = 0;
	for (uses = 0; uses < NUM_USES; uses++) {
		if (class != NUM_CLASSES && class_of(uses) != class)
			continue;
		n += importers[uses];
		*judged += is_judged(uses) ? importers[uses] : 0;
	}
	return n;
}

unsigned int coverage_judged(void)
{
	unsigned int judged;

	count(NUM_CLASSES, &judged);
	return judged;
}

/* --- what importers did --- */

static struct shown *shown_of(const struct attachment *a, enum class class)
{
	struct shown *s;

	for (s = shown; s < shown + num_shown; s++)
		if (s->class == class && s->pid == a->pid &&
		    !strcmp(s->device, a->device) && !strcmp(s->comm, a->comm))
			return s;
	if (num_shown == MAX_SHOWN)
		return NULL;
	num_shown++;
	s->id = a->id;
	s->class = class;
	s->pid = a->pid;
	snprintf(s->device, sizeof(s->device), "%s", a->device);
	snprintf(s->comm, sizeof(s->comm), "%s", a->comm);
	return s;
}

static void add(struct tally *to, const struct tally *did)
{
	to->lookups += did->lookups;
	to->notified += did->notified;
	to->maps += did->maps;
	to->failed += did->failed;
	to->notified_maps += did->notified_maps;
	to->fenced += did->fenced;
	if (did->unmap_us > to->unmap_us)
		to->unmap_us = did->unmap_us;
	to->awaited += did->awaited;
	to->unawaited += did->unawaited;
	to->pins += did->pins;
	to->vmaps += did->vmaps;
	to->held += did->held;
}

/* Count the actions of an importer. Called when it is detached, or the trace ends. */
void coverage_did(struct attachment *a)
{
	struct shown *s;
	unsigned int i;

	if (a->reported)
		return;
	a->reported = true;
	s = shown_of(a, class_of(a->uses));
	if (!s) {
		num_hidden++;
		return;
	}
	s->attachments++;
	s->judged += is_judged(a->uses);
	for (i = 0; i < NUM_RULES; i++)
		s->found += a->found[i];
	add(&s->did, &a->did);
}

static const char *why_unjudged(enum class class)
{
	switch (class) {
	case CLASS_PFN:
		return "never notified after a lookup";
	case CLASS_SG:
		return "never notified while it had mapped";
	default:
		return "nothing tried to move the buffer while it was pinned";
	}
}

static void say_did(const struct tally *did)
{
	if (did->lookups)
		printf(" %llu lookups, %llu notifications after one,",
		       ull(did->lookups), ull(did->notified));
	if (did->maps)
		printf(" mapped %llu times,", ull(did->maps));
	if (did->notified_maps)
		printf(" %llu notifications while mapped (%llu with fences),",
		       ull(did->notified_maps), ull(did->fenced));
	if (did->unmap_us)
		printf(" unmapped within %llu us,", ull(did->unmap_us));
	if (did->awaited || did->unawaited)
		printf(" waited for %llu of %llu copies,", ull(did->awaited),
		       ull(did->awaited + did->unawaited));
	if (did->pins)
		printf(" pinned %llu times,", ull(did->pins));
	if (did->vmaps)
		printf(" vmapped %llu times,", ull(did->vmaps));
	if (did->failed)
		printf(" %llu failed,", ull(did->failed));
	if (did->held)
		printf(" held still as it should in %llu attempts to move it,",
		       ull(did->held));
}

static void show(const struct shown *s)
{
	printf("importer %u: %s, of %s-%d, %s", s->id, s->device, s->comm, s->pid,
	       s->class == CLASS_NONE ? "did nothing" : classes[s->class]);
	if (s->attachments > 1)
		printf(", %u attachments", s->attachments);
	if (s->class != CLASS_NONE) {
		printf(":");
		say_did(&s->did);
		if (s->judged)
			printf(" judged");
		else
			printf(" not judged, %s", why_unjudged(s->class));
	}
	if (s->found)
		printf(", %u violations", s->found);
	printf("\n");
}

static void count_buffers(struct buffer *b)
{
	struct attachment *a;

	for (; b; b = b->next) {
		for (a = b->attachments; a; a = a->next)
			coverage_did(a);
		if (b->vmap)
			coverage_did(b->vmap);
	}
}

static void show_importers(void)
{
	struct shown *s;

	count_buffers(model.buffers);
	count_buffers(model.released);
	for (s = shown; s < shown + num_shown; s++)
		show(s);
	if (num_hidden)
		printf("and %llu more importers\n", ull(num_hidden));
}

/* --- rules --- */

/* Print one line of the report: its subject @what, then text as for printf(). */
static void say(const char *what, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(const char *what, const char *format, ...)
{
	va_list args;

	printf("coverage: %s: ", what);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

static const char *why_no_entries(void)
{
	return model.num_entries ?
	       "the importer emitted no entries after a notification" :
	       "the importer emitted no entries";
}

static const char *what_written(void)
{
	if (!coverage.knows_written)
		return "whether it wrote is not known";
	return coverage.written ? "it wrote" : "wrote nothing";
}

static void say_zap(void)
{
	if (coverage.entries)
		say("zap", "judged by %llu pages of entries after a notification",
		    ull(coverage.entries));
	else if (coverage.written && coverage.checked)
		say("zap", "judged by writes only (see stale), %s",
		    why_no_entries());
	else
		say("zap", "not judged, %s and %s", why_no_entries(),
		    what_written());
}

static void say_retry(void)
{
	if (!coverage.entries)
		say("retry", "not judged, %s", why_no_entries());
	else if (!coverage.overtaken)
		say("retry", "not judged, no lookup was overtaken");
	else
		say("retry", "judged by the same entries");
	say("lookups overtaken by a notification", "%llu",
	    ull(coverage.overtaken));
}

static void say_fence(void)
{
	if (!coverage.engine_moves)
		say("fence", "not judged, no move was made by an engine");
	else if (!coverage.entries)
		say("fence", "not judged, %s", why_no_entries());
	else
		say("fence", "judged by the same entries, in %llu moves by engines",
		    ull(coverage.engine_moves));
}

static void say_stale(void)
{
	bool judged = coverage.written && coverage.checked;

	if (!coverage.knows_quarantine) {
		say("stale", "not known, %llu of %llu moves left a carveout",
		    ull(coverage.left), ull(model.num_moves));
		return;
	}
	say("moves checked for stale writes", "%llu of %llu",
	    ull(coverage.checked), ull(model.num_moves));
	say("stale", "%sjudged, %s", judged ? "" : "not ", what_written());
}

static void say_classes(void)
{
	unsigned int class, n, judged, all, idle;

	all = count(NUM_CLASSES, &judged);
	idle = count(CLASS_NONE, &n);
	say("importers", "%u judged, %u not judged, %u that did nothing", judged,
	    all - judged - idle, idle);
	for (class = CLASS_NONE + 1; class < NUM_CLASSES; class++) {
		n = count(class, &judged);
		if (n)
			say("class", "%s: %u importers, %u judged", classes[class], n,
			    judged);
	}
}

/* Report coverage. The lines of importers are printed only without @any. */
void coverage_report(bool any)
{
	if (!any)
		show_importers();
	say_classes();
	say_zap();
	say_retry();
	say_fence();
	if (model.num_entries)
		say("entry", "judged by %llu pages of entries",
		    ull(model.num_entries));
	else
		say("entry", "not judged, %s", why_no_entries());
	if (coverage.timed)
		say("lock", "judged by %llu notifications", ull(coverage.timed));
	else
		say("lock", "not judged, no importer was notified");
	say("leak", "%llu of %llu attachments were detached",
	    ull(coverage.detached), ull(model.num_importers));
	say_stale();
	if (model.num_refused)
		say("moves refused because of a pin", "%llu", ull(model.num_refused));
	if (coverage.failed)
		say("lookups", "%llu failed", ull(coverage.failed));
}

/* Print a verdict and return its exit status if no importer was judged, else 0. */
int coverage_verdict(void)
{
	unsigned int judged, idle, all = count(NUM_CLASSES, &judged), n;

	idle = count(CLASS_NONE, &n);
	if (!all) {
		printf("verdict: did nothing: no importer has attached\n");
		return STATUS_NOTHING;
	}
	if (idle == all) {
		printf("verdict: did nothing: %u importers attached,", idle);
		printf(" and none looked up, mapped, pinned or vmapped\n");
		return STATUS_NOTHING;
	}
	if (!judged && (model.num_moves || model.num_refused)) {
		printf("verdict: cannot judge: no importer was notified after a lookup");
		printf(" or while mapped, or had a pin when a move was tried\n");
		return STATUS_UNKNOWN;
	}
	return 0;
}
