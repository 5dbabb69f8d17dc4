// SPDX-License-Identifier: MIT
/*
 * Reports violations as they are found, with the last events of the buffer, and
 * the verdict. A trace that cannot be judged is not a success.
 */
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "contract.h"

/* Reports for each importer or buffer and rule. Further violations are only counted. */
#define MAX_SAID	3

static const struct {
	const char *name;
	const char *text;
} rules[NUM_RULES] = {
	[RULE_NOTIFY] = { "notify",
		"rule 3: importers are notified before a copy and before the placement changes" },
	[RULE_MISSED] = { "missed",
		"rule 3: every importer with valid lookups is notified" },
	[RULE_WAIT] = { "wait",
		"rule 4: the copy comes after the fences of others" },
	[RULE_SIGNAL] = { "signal",
		"rule 7: the fence of a copy signals after it" },
	[RULE_LOOKUP] = { "lookup",
		"rule 2: the page frame number is that of the page" },
	[RULE_ORDER] = { "order",
		"rule 2: the block is contiguous and the largest" },
	[RULE_PIN] = { "pin",
		"rule 3: a pinned buffer does not move" },
	[RULE_SEQUENCE] = { "sequence",
		"rule 6: each notification advances the sequence" },
	[RULE_ZAP] = { "zap",
		"rule 4: no translation is left after a notification" },
	[RULE_RETRY] = { "retry",
		"rule 6: a lookup is installed only if the sequence has not advanced" },
	[RULE_FENCE] = { "fence",
		"rule 7: importers wait for the fences of moves before they use the memory" },
	[RULE_ENTRY] = { "entry",
		"rule 2: importers install only what a lookup returned" },
	[RULE_LOCK] = { "lock",
		"rule 4: invalidate_mappings does not take too long" },
	[RULE_LEAK] = { "leak",
		"importers detach" },
	[RULE_STALE] = { "stale",
		"rule 4: no writes to memory that the buffer has left, except under fences" },
	[RULE_UNMAP] = { "unmap",
		"invalidate_mappings: scatter lists are unmapped within bounded time" },
	[RULE_UNPIN] = { "unpin",
		"dma_buf_pin(): importers use pinned memory only while it is pinned" },
};

static unsigned int expected[NUM_RULES], unexpected[NUM_RULES];
static unsigned int num_unjudged;
/* Violations that were found after the first reason not to judge */
static unsigned int num_doubtful;
static char first_unjudged[160];

static bool is_exporters(enum rule rule)
{
	return rule < RULE_ZAP;
}

struct context *violation_context;

static void say_context(const struct context *context)
{
	unsigned int i = context->num > CONTEXT_LINES ?
			 context->num - CONTEXT_LINES : 0;

	for (; i < context->num; i++)
		printf("    | %s\n", context->lines[i % CONTEXT_LINES]);
}

/* The events of the page or attachment, or of the buffer if the exporter broke the rule */
static const struct context *context_of(enum rule rule, const struct buffer *buffer,
					const struct attachment *attachment)
{
	if (violation_context)
		return violation_context;
	if (attachment && !is_exporters(rule) && attachment->context.num)
		return &attachment->context;
	return buffer ? &buffer->context : NULL;
}

void violation(enum rule rule, struct buffer *buffer,
	       struct attachment *attachment, u64 us, const char *format, ...)
{
	bool allowed = attachment && modes_allow(attachment->mode, rule);
	const struct context *context = context_of(rule, buffer, attachment);
	va_list args;
	unsigned int *count = allowed ? expected : unexpected;
	unsigned int said;

	violation_context = NULL;
	count[rule]++;
	if (!allowed && num_unjudged)
		num_doubtful++;
	if (allowed)
		modes_found(attachment->mode, rule);
	said = attachment ? attachment->found[rule]++ : count[rule] - 1;
	if (said >= MAX_SAID)
		return;

	printf("%s %llu.%06llu: %s, by %s", allowed ? "expected" : "VIOLATION",
	       ull(us / 1000000), ull(us % 1000000), rules[rule].name,
	       is_exporters(rule) ? "the exporter" : "an importer");
	if (buffer)
		printf(", buffer %llu (inode %llu)", ull(buffer->bo),
		       ull(buffer->ino));
	if (attachment)
		printf(", attachment %u: %s, of %s-%d", attachment->id,
		       attachment->device, attachment->comm, attachment->pid);
	printf(": ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	if (said)
		return;
	printf("    | %s\n", rules[rule].text);
	if (!allowed && context)
		say_context(context);
	fflush(stdout);
}

void cannot_judge(const char *format, ...)
{
	va_list args;

	if (num_unjudged++)
		return;
	va_start(args, format);
	vsnprintf(first_unjudged, sizeof(first_unjudged), format, args);
	va_end(args);
	printf("CANNOT JUDGE: %s\n", first_unjudged);
	fflush(stdout);
}

/* " 3 zap, 1 stale", or " no violation" */
void report_rule(FILE *out, const unsigned int *found)
{
	const char *sep = " ";
	unsigned int i;

	for (i = 0; i < NUM_RULES; i++) {
		if (!found[i])
			continue;
		fprintf(out, "%s%u %s", sep, found[i], rules[i].name);
		sep = ", ";
	}
	if (!strcmp(sep, " "))
		fprintf(out, " no violation");
}

/* The last line of output states the verdict. With @any no importer has to be judged. */
int report_end(bool any)
{
	unsigned int i, num = 0, on_purpose = 0;
	int status;

	for (i = 0; i < NUM_RULES; i++) {
		num += unexpected[i];
		on_purpose += expected[i];
	}
	modes_report(stdout);
	printf("checked %llu moves of %llu buffers, %llu importers,",
	       ull(model.num_moves), ull(model.num_buffers),
	       ull(model.num_importers));
	printf(" %llu lookups, %llu pages of snapshots; %.1f s of CPU time\n",
	       ull(model.num_lookups), ull(model.num_entries),
	       (double)clock() / CLOCKS_PER_SEC);
	coverage_report(any);
	if (num > num_doubtful) {
		printf("verdict: %u violations:", num);
		report_rule(stdout, unexpected);
		printf("\n");
		return STATUS_BROKEN;
	}
	if (num_unjudged) {
		printf("verdict: cannot judge: %s", first_unjudged);
		if (num_doubtful)
			printf("; %u violations that follow may result from that",
			       num_doubtful);
		printf("\n");
		return STATUS_UNKNOWN;
	}
	status = any ? 0 : coverage_verdict();
	if (status)
		return status;
	if (!model.num_moves && !model.num_refused && !coverage_judged()) {
		printf("verdict: cannot judge: nothing has moved under an importer\n");
		return STATUS_UNKNOWN;
	}
	printf("verdict: 0 violations in %llu moves of %llu buffers",
	       ull(model.num_moves), ull(model.num_buffers));
	printf(" under %llu importers, %u on purpose", ull(model.num_importers),
	       on_purpose);
	if (model.num_refused)
		printf("; %llu moves refused because of pins", ull(model.num_refused));
	printf("\n");
	return STATUS_KEPT;
}
