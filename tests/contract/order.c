// SPDX-License-Identifier: MIT
/*
 * Sorts events by time. Each CPU has its own trace buffer, and trace_pipe merges the
 * present contents of these buffers, so a line may follow another line with a later
 * time. Therefore lines are processed with a delay. Lines of the same microsecond
 * keep the order in which they were read.
 */
#include <stdlib.h>
#include <string.h>

#include "contract.h"

/* The longest delay of a line: a CPU of a guest may be stopped for that long. */
#define WINDOW_US	500000

static struct event *events;
static size_t first, num, size;

static void handle_first(void)
{
	struct event *event = &events[first++];

	event_handle(event);
	free(event->text);
	if (first < num)
		return;
	first = 0;
	num = 0;
}

void order_add(struct event *event)
{
	size_t i;

	if (num == size) {
		if (first > size / 2) {
			memmove(events, events + first,
				(num - first) * sizeof(*events));
			num -= first;
			first = 0;
		} else {
			size = size ? 2 * size : 1024;
			events = realloc(events, size * sizeof(*events));
			if (!events)
				abort();
		}
	}

	for (i = num++; i > first && events[i - 1].us > event->us; i--)
		events[i] = events[i - 1];
	events[i] = *event;

	while (num && events[num - 1].us - events[first].us > WINDOW_US)
		handle_first();
}

void order_flush(void)
{
	while (num)
		handle_first();
}
