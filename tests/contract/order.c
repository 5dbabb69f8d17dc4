// SPDX-License-Identifier: MIT
/*
 * Events in the order of their time. Each CPU has a buffer of its own, and who
 * reads along while they are filled merges what is there: a line may come a little
 * after one that is later. So lines are held back for a while. Those of the same
 * microsecond stay in the order in which they were read.
 */
#include <stdlib.h>
#include <string.h>

#include "contract.h"

/* As late may a line be: a CPU of a guest may stand still for that long. */
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
