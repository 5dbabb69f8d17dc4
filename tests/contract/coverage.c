// SPDX-License-Identifier: MIT
/*
 * Coverage: what the verdict is based on. A rule that nothing in the trace could
 * have broken is not judged, and a run in which no importer was judged is not a
 * success.
 *
 * Importers are classified by their use of the attachment. One that looks up pages
 * or maps scatter lists is judged if it was notified after a lookup or while it had
 * mapped, when it had something to unmap; one that pins if a move was refused
 * because of its pin.
 */
#include <stdarg.h>
#include <string.h>

#include "contract.h"

struct coverage coverage;

static unsigned int importers[NUM_USES];

/* Importers that the report shows one by one */
#define MAX_SHOWN	16

static char shown[MAX_SHOWN][400];
static unsigned int num_shown;

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

/* The number of importers of a class, or of all, and those of them that were judged */
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

/* --- one importer --- */

static void append(char *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void append(char *text, const char *format, ...)
{
	size_t n = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + n, sizeof(shown[0]) - n, format, args);
	va_end(args);
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

static void append_findings(char *text, const struct attachment *a)
{
	unsigned int i, n = 0;

	for (i = 0; i < NUM_RULES; i++)
		n += a->found[i];
	if (n)
		append(text, ", %u violations", n);
}

/* Say what the importer did, now that it is detached or the trace ends. */
void coverage_did(struct attachment *a)
{
	enum class class = class_of(a->uses);
	const struct tally *did = &a->did;
	char *text;

	if (a->reported || num_shown++ >= MAX_SHOWN) {
		a->reported = true;
		return;
	}
	a->reported = true;
	text = shown[num_shown - 1];
	append(text, "importer %u: %s, of %s-%d, %s", a->id, a->device, a->comm, a->pid,
	       class == CLASS_NONE ? "did nothing" : classes[class]);
	append(text, class == CLASS_NONE ? "" : ":");
	if (did->lookups)
		append(text, " %llu lookups, %llu notifications after one,",
		       ull(did->lookups), ull(did->notified));
	if (did->maps)
		append(text, " mapped %llu times,", ull(did->maps));
	if (did->notified_maps)
		append(text, " %llu notifications while mapped (%llu with fences), unmapped within %llu us,",
		       ull(did->notified_maps), ull(did->fenced), ull(did->unmap_us));
	if (did->awaited || did->unawaited)
		append(text, " waited for %llu of %llu copies,", ull(did->awaited),
		       ull(did->awaited + did->unawaited));
	if (did->pins)
		append(text, " pinned %llu times,", ull(did->pins));
	if (did->vmaps)
		append(text, " vmapped %llu times,", ull(did->vmaps));
	if (did->failed)
		append(text, " %llu failed,", ull(did->failed));
	if (did->held)
		append(text, " held still as it should in %llu attempts to move it,",
		       ull(did->held));
	if (is_judged(a->uses))
		append(text, " judged");
	else if (class != CLASS_NONE)
		append(text, " not judged, %s", why_unjudged(class));
	append_findings(text, a);
}

static void show_importers(void)
{
	struct attachment *a;
	struct buffer *b;
	unsigned int i;

	for (b = model.buffers; b; b = b->next) {
		for (a = b->attachments; a; a = a->next)
			coverage_did(a);
		if (b->vmap)
			coverage_did(b->vmap);
	}
	for (b = model.released; b; b = b->next) {
		for (a = b->attachments; a; a = a->next)
			coverage_did(a);
		if (b->vmap)
			coverage_did(b->vmap);
	}
	for (i = 0; i < num_shown && i < MAX_SHOWN; i++)
		printf("%s\n", shown[i]);
	if (num_shown > MAX_SHOWN)
		printf("and %u importers more\n", num_shown - MAX_SHOWN);
}

/* --- rules --- */

/* Print one line: what it is about, then text as for printf(). */
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

/* Without @any, also what each importer did. */
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
		printf("verdict: cannot judge: no importer was notified after a lookup or while mapped,");
		printf(" or had a pin when a move was tried\n");
		return STATUS_UNKNOWN;
	}
	return 0;
}
