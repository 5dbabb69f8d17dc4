// SPDX-License-Identifier: MIT
/*
 * Coverage: what the verdict is based on. A rule that nothing in the trace could
 * have broken is not judged, and a run in which no importer was judged is not a
 * success.
 *
 * Importers are classified by their use of the attachment. An importer is judged
 * if it was notified after a lookup, when it had something to unmap. The rules for
 * importers that map a scatter list or pin are not judged yet.
 */
#include <stdarg.h>
#include <string.h>

#include "contract.h"

struct coverage coverage;

static unsigned int importers[NUM_USES];

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

/* The number of importers that have all uses in @with and none in @without */
static unsigned int count(unsigned int with, unsigned int without)
{
	unsigned int uses, n = 0;

	for (uses = 0; uses < NUM_USES; uses++)
		if ((uses & with) == with && !(uses & without))
			n += importers[uses];
	return n;
}

static unsigned int count_judged(void)
{
	return count(USE_NOTIFIED, 0);
}

static unsigned int count_unjudged_class(void)
{
	return count(0, USE_NOTIFIED) - count(0, USE_NOTIFIED | USE_MAP | USE_PIN);
}

static unsigned int count_idle(void)
{
	return count(0, NUM_USES - 1);
}

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

void coverage_report(void)
{
	say("importers", "%u judged, %u not notified after a lookup",
	    count_judged(),
	    count(USE_LOOKUP, USE_NOTIFIED | USE_MAP | USE_PIN));
	say("importers", "%u of a class not judged yet, %u that did nothing",
	    count_unjudged_class(), count_idle());
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
	if (coverage.failed)
		say("lookups", "%llu failed", ull(coverage.failed));
}

/* Print a verdict and return its exit status if no importer was judged, else 0. */
int coverage_verdict(void)
{
	unsigned int other = count_unjudged_class();

	if (other) {
		printf("verdict: class not judged yet: of %u importers",
		       count(0, 0));
		printf(" %u mapped a scatter list, %u pinned\n",
		       count(USE_MAP, USE_NOTIFIED),
		       count(USE_PIN, USE_NOTIFIED));
		return STATUS_CLASS;
	}
	if (!count(0, 0)) {
		printf("verdict: did nothing: no importer has attached\n");
		return STATUS_NOTHING;
	}
	if (count_idle() == count(0, 0)) {
		printf("verdict: did nothing: %u importers attached,",
		       count_idle());
		printf(" and none looked up, mapped or pinned\n");
		return STATUS_NOTHING;
	}
	if (model.num_moves && !count_judged()) {
		printf("verdict: cannot judge: no importer was notified after a lookup\n");
		return STATUS_UNKNOWN;
	}
	return 0;
}
