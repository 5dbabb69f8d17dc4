// SPDX-License-Identifier: MIT
/*
 * Converts a line of text to an event. The text is that of the tracefs files trace
 * and trace_pipe, or of trace-cmd report. These differ in a column of flags, and
 * in the format in which they report lost events.
 *
 *	cat-214     [001] .....   123.456789: event: key=value key=value
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "contract.h"

/* "CPU:1 [LOST 12 EVENTS]", "CPU:1 [12 EVENTS DROPPED]", and the header of trace */
static bool parse_lost(const char *line, u64 *lost)
{
	unsigned long long here, all;
	const char *at = strstr(line, "[LOST "), *open = strchr(line, '[');

	if (!strncmp(line, "# entries-in-buffer", 19)) {
		at = strchr(line, ':');
		*lost = at && sscanf(at, ": %llu/%llu", &here, &all) == 2 ?
			all - here : 0;
		return true;
	}
	if (strncmp(line, "CPU:", 4))
		return false;

	/* Without a number, at least one event was lost. */
	*lost = 1;
	if (at && isdigit((unsigned char)at[6]))
		*lost = strtoull(at + 6, NULL, 10);
	else if (at)
		return true;
	else if (open && strstr(open, "DROPPED"))
		*lost = isdigit((unsigned char)open[1]) ?
			strtoull(open + 1, NULL, 10) : 1;
	else
		return false;
	return true;
}

/* Find "[001]" between the task and the time; a task's name may contain anything. */
static const char *find_cpu(const char *line)
{
	const char *at = line;

	while ((at = strchr(at, '['))) {
		const char *end = at + 1;

		while (isdigit((unsigned char)*end))
			end++;
		if (end > at + 1 && *end == ']' && at > line && at[-1] == ' ')
			return at;
		at++;
	}
	return NULL;
}

static bool parse_task(const char *line, const char *end, struct event *event)
{
	const char *dash;
	size_t n;

	while (line < end && *line == ' ')
		line++;
	while (end > line && end[-1] == ' ')
		end--;
	for (dash = end; dash > line && *dash != '-'; dash--)
		;
	if (dash == line)
		return false;

	n = dash - line;
	if (n >= sizeof(event->comm))
		n = sizeof(event->comm) - 1;
	memcpy(event->comm, line, n);
	event->comm[n] = '\0';
	event->pid = atoi(dash + 1);
	return true;
}

/* "123.456789:", with or without flags before it */
static const char *parse_time(const char *at, u64 *us)
{
	while (*at) {
		const char *token;
		char *end;
		u64 s, part, scale = 1000000;

		while (*at == ' ')
			at++;
		token = at;
		while (*at && *at != ' ')
			at++;
		s = strtoull(token, &end, 10);
		if (end == token || *end != '.')
			continue;

		part = 0;
		for (end++; isdigit((unsigned char)*end); end++) {
			if (scale == 1)
				continue;
			scale /= 10;
			part += (*end - '0') * scale;
		}
		if (*end != ':')
			continue;
		*us = s * 1000000 + part;
		return end + 1;
	}
	return NULL;
}

/* On success the event owns a copy of @line. */
enum line parse_line(const char *line, struct event *event, u64 *lost)
{
	char *text, *name, *colon;
	const char *cpu, *at;

	if (parse_lost(line, lost))
		return *lost ? LINE_LOST : LINE_OTHER;
	if (line[0] == '#')
		return LINE_OTHER;

	cpu = find_cpu(line);
	if (!cpu || !parse_task(line, cpu, event))
		return LINE_OTHER;
	at = strchr(cpu, ']');
	at = parse_time(at + 1, &event->us);
	if (!at)
		return LINE_OTHER;

	text = strdup(line);
	if (!text)
		abort();
	text[strcspn(text, "\r\n")] = '\0';
	name = text + (at - line);
	name += strspn(name, " ");
	colon = strchr(name, ':');
	if (!colon) {
		free(text);
		return LINE_OTHER;
	}
	*colon = '\0';
	event->text = text;
	event->name = name;
	event->args = colon + 1 + strspn(colon + 1, " ");
	return LINE_EVENT;
}

/* The start of the value of @key, which includes its "=" or ":" */
static const char *find(const struct event *event, const char *key)
{
	const char *at = event->args;
	size_t n = strlen(key);

	while ((at = strstr(at, key))) {
		if (at == event->args || at[-1] == ' ')
			return at + n;
		at++;
	}
	return NULL;
}

bool arg_u64(const struct event *event, const char *key, u64 *value)
{
	const char *at = find(event, key);
	char *end;

	if (!at)
		return false;
	*value = *at == '-' ? (u64)strtoll(at, &end, 0) : strtoull(at, &end, 0);
	return end != at;
}

u64 arg(const struct event *event, const char *key)
{
	u64 value = 0;

	arg_u64(event, key, &value);
	return value;
}

/* Pointers may be hashed or not. NULL is "(null)", padded with blanks. */
u64 arg_pointer(const struct event *event, const char *key)
{
	const char *at = find(event, key);

	if (!at)
		return 0;
	at += strspn(at, " ");
	return *at == '(' ? 0 : strtoull(at, NULL, 16);
}

/* Copy to the end of the line, because names of devices may contain blanks. */
bool arg_string(const struct event *event, const char *key, char *to,
		size_t size)
{
	const char *at = find(event, key);

	if (!at)
		return false;
	snprintf(to, size, "%s", at);
	return true;
}

/* The text of a mark for pfn-contract in trace_marker or trace_printk(), or NULL */
const char *marker(const struct event *event)
{
	static const char prefix[] = "pfn_contract: ";

	return strncmp(event->args, prefix, sizeof(prefix) - 1) ? NULL :
	       event->args + sizeof(prefix) - 1;
}
