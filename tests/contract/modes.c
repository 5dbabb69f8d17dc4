// SPDX-License-Identifier: MIT
/*
 * Importers that are broken on purpose. The program that creates such an importer
 * writes its modes to trace_marker before the import. Violations that belong to these
 * modes are then expected. All other violations still count. The report has the
 * violations of each mode.
 */
#include <string.h>

#include "contract.h"

#define BIT(rule)	(1U << (rule))
#define OLD		(BIT(RULE_ZAP) | BIT(RULE_RETRY) | BIT(RULE_STALE))

static const struct mode {
	const char *name;
	unsigned int allowed;
} modes[] = {
	{ "no-zap", OLD },
	{ "no-fence-wait", BIT(RULE_FENCE) | BIT(RULE_STALE) },
	{ "no-retry", OLD },
	{ "late-zap", OLD },
	{ "stale-tlb", OLD },
	{ "hold-lock", BIT(RULE_LOCK) },
	{ "attach-early", OLD },
	{ "leak", BIT(RULE_LEAK) },
	{ "no-fence", OLD | BIT(RULE_FENCE) },
	{ "late-unmap", BIT(RULE_UNMAP) },
};

static struct {
	unsigned int attachments;
	unsigned int found[NUM_RULES];
} used[ARRAY_SIZE(modes)];

/* Modes of threads that have not attached yet */
static struct {
	int pid;
	unsigned int modes;
} announced[64];
static unsigned int next_announced;

static unsigned int modes_named(const char *names, bool *known)
{
	unsigned int found = 0;
	size_t n, i;

	*known = true;
	for (; *names; names += n) {
		names += strspn(names, " ,");
		n = strcspn(names, " ,");
		for (i = 0; i < ARRAY_SIZE(modes); i++)
			if (n && n == strlen(modes[i].name) &&
			    !strncmp(names, modes[i].name, n))
				break;
		if (i < ARRAY_SIZE(modes))
			found |= 1U << i;
		else if (n)
			*known = false;
	}
	return found;
}

/* Set the modes of the thread's next attachment. Without @names there are none. */
bool modes_announce(int pid, const char *names)
{
	struct attachment *a;
	struct buffer *b;
	unsigned int found;
	size_t i;
	bool known;

	for (b = model.buffers; b; b = b->next)
		for (a = b->attachments; a; a = a->next)
			if (a->pid == pid)
				a->fresh = false;

	found = modes_named(names, &known);
	for (i = 0; i < ARRAY_SIZE(announced); i++)
		if (announced[i].pid == pid)
			break;
	if (i == ARRAY_SIZE(announced))
		i = next_announced++ % ARRAY_SIZE(announced);
	announced[i].pid = pid;
	announced[i].modes = found;
	return known;
}

void modes_attached(struct attachment *attachment)
{
	size_t i, mode;

	attachment->fresh = true;
	for (i = 0; i < ARRAY_SIZE(announced); i++) {
		if (announced[i].pid != attachment->pid)
			continue;
		attachment->mode = announced[i].modes;
		announced[i].modes = 0;
		for (mode = 0; mode < ARRAY_SIZE(modes); mode++)
			if (attachment->mode & 1U << mode)
				used[mode].attachments++;
		return;
	}
}

bool modes_allow(unsigned int mask, enum rule rule)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(modes); i++)
		if (mask & 1U << i && modes[i].allowed & BIT(rule))
			return true;
	return false;
}

void modes_found(unsigned int mask, enum rule rule)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(modes); i++)
		if (mask & 1U << i && modes[i].allowed & BIT(rule))
			used[i].found[rule]++;
}

void modes_report(FILE *out)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		if (!used[i].attachments)
			continue;
		fprintf(out, "mode %s: %u importers,", modes[i].name,
			used[i].attachments);
		report_rule(out, used[i].found);
		fprintf(out, "\n");
	}
}
