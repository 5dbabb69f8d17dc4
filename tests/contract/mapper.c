// SPDX-License-Identifier: MIT
/*
 * Rules of importers that map scatter lists, pin, or map into the kernel. Their pins
 * and mappings are known from events of the dma-buf core:
 *
 *	dynamic sg	unmaps within the limit after a notification, waits for the
 *			copy to the memory that it has mapped, and accesses the
 *			memory after a notification only under fences
 *	pinned		pins as often as it unpins, and maps no list without a pin.
 *			A revocable importer also unmaps after a notification
 *	static		the core pins the buffer while a list is mapped
 *	vmap		the exporter pins the buffer while it is mapped
 *
 * The last three are judged if a move was refused because of their pins.
 *
 * No event shows that an importer adds the fence of a copy to the dependencies of
 * its job. The trace shows only when signaling of a fence is enabled for the first
 * time. Therefore an importer is reported only if, in several maps, almost no wait
 * was seen.
 */
#include <stdlib.h>
#include <string.h>

#include "contract.h"

/*
 * An importer is reported after this many copies that it did not wait for, if that is also
 * this many times the number of copies that it waited for.
 */
#define MIN_UNAWAITED	4

/* The number of mapped lists to whose memory a copy may still be in progress */
static u64 num_moving;

/* Threads that move or copy buffers. Their waits are not those of importers. */
static int movers[64];
static unsigned int num_movers;

static bool is_mover(int pid)
{
	unsigned int i;

	for (i = 0; i < num_movers && i < ARRAY_SIZE(movers); i++)
		if (movers[i] == pid)
			return true;
	return false;
}

void mapper_mover(int pid)
{
	if (!is_mover(pid))
		movers[num_movers++ % ARRAY_SIZE(movers)] = pid;
}

/* Note an event that has a result. Returns false for a failure, which is counted. */
static bool has_succeeded(struct attachment *attachment, const struct event *event)
{
	context_note(&attachment->context, event);
	if (!arg(event, "ret="))
		return true;
	attachment->did.failed++;
	return false;
}

/* --- the copy to the memory of a list --- */

static void settle(struct attachment *attachment, struct mapping *map, u64 us)
{
	struct tally *did = &attachment->did;

	if (!map->moving || map->settled)
		return;
	map->settled = true;
	num_moving--;
	if (map->waited || map->callback_pid) {
		did->awaited++;
		return;
	}
	/* The callback has unmapped the list, perhaps before the importer could wait. */
	if (attachment->notified_us)
		return;
	did->unawaited++;
	if (attachment->no_waits || did->unawaited < MIN_UNAWAITED ||
	    did->unawaited < MIN_UNAWAITED * did->awaited)
		return;
	attachment->no_waits = true;
	violation(RULE_FENCE, attachment->buffer, attachment, us,
		  "it mapped %llu lists while the copy to that memory was in progress, and waited for %llu of these copies",
		  ull(did->awaited + did->unawaited), ull(did->awaited));
}

/*
 * A thread that has not mapped the list may add the callback of a job, which enables
 * signaling. If that thread begins a wait afterwards, it is a worker of TTM, and has added
 * no callback.
 */
static void note_wait(struct mapping *map, const struct event *event, bool wait)
{
	if (map->pid == event->pid)
		map->waited = true;
	else if (wait && map->callback_pid == event->pid)
		map->callback_pid = 0;
	else if (!wait && !is_mover(event->pid))
		map->callback_pid = event->pid;
}

/* The fence of a copy: a wait begins, or signaling is enabled. */
void mapper_waits(const struct event *event, bool wait)
{
	struct attachment *a;
	struct mapping *map;
	struct buffer *b;

	if (!num_moving)
		return;
	for (b = model.buffers; b; b = b->next)
		for (a = b->attachments; a; a = a->next)
			for (map = a->maps; map; map = map->next)
				if (map->moving && !map->settled)
					note_wait(map, event, wait);
}

/* A copy has ended, and no other one to this buffer is in progress. */
void mapper_copied(struct buffer *buffer, u64 us)
{
	struct attachment *a;
	struct mapping *map;

	if (!num_moving)
		return;
	for (a = buffer->attachments; a; a = a->next)
		for (map = a->maps; map; map = map->next)
			settle(a, map, us);
}

/* --- scatter lists --- */

static void allocate_mapping(struct attachment *attachment, const struct event *event)
{
	struct mapping *map = calloc(1, sizeof(*map));

	if (!map)
		abort();
	map->table = arg_pointer(event, "table:");
	map->us = event->us;
	map->pid = event->pid;
	map->moving = attachment->dynamic && arg(event, "moving=");
	num_moving += map->moving;
	map->next = attachment->maps;
	attachment->maps = map;
}

static void note_callback(struct attachment *attachment, const struct event *event)
{
	u64 revocable;

	if (!arg_u64(event, "revocable=", &revocable))
		return;
	attachment->unrevocable = !revocable;
	if (revocable)
		attachment->callback = true;
}

void mapper_map(struct attachment *attachment, const struct event *event)
{
	if (!has_succeeded(attachment, event))
		return;
	note_callback(attachment, event);
	attachment->held_something = true;
	attachment->did.maps++;
	coverage_use(attachment, USE_MAP);
	allocate_mapping(attachment, event);
}

static void check_late(struct attachment *attachment, struct mapping *map, u64 us,
		       const char *what)
{
	u64 after;

	if (!map->notified_us || map->late)
		return;
	after = us - map->notified_us;
	if (after > attachment->did.unmap_us)
		attachment->did.unmap_us = after;
	if (after <= importer_limit_us)
		return;
	map->late = true;
	violation(RULE_UNMAP, attachment->buffer, attachment, us,
		  "a scatter list %s %llu ms after the notification", what,
		  ull(after / 1000));
}

void mapper_unmap(struct attachment *attachment, const struct event *event)
{
	u64 table = arg_pointer(event, "table:");
	struct mapping **p = &attachment->maps, *map;

	context_note(&attachment->context, event);
	while (*p && (*p)->table != table)
		p = &(*p)->next;
	map = *p;
	/* Mapped before the trace began */
	if (!map)
		return;
	check_late(attachment, map, event->us, "was unmapped");
	settle(attachment, map, event->us);
	attachment->unmapped_us = event->us;
	*p = map->next;
	free(map);
}

/* Report lists that are still mapped too long after a notification. */
void mapper_overdue(struct attachment *attachment, u64 us)
{
	struct mapping *map;

	for (map = attachment->maps; map; map = map->next)
		check_late(attachment, map, us, "is still mapped");
}

void mapper_notified(struct attachment *attachment, const struct event *event)
{
	struct mapping *map;

	if (!attachment->maps)
		return;
	mapper_overdue(attachment, event->us);
	attachment->did.notified_maps++;
	coverage_use(attachment,
		     USE_NOTIFIED | (attachment->own_pins ? 0 : USE_UNPINNED));
	for (map = attachment->maps; map; map = map->next)
		if (!map->notified_us)
			map->notified_us = event->us;
}

void mapper_done(struct attachment *attachment, const struct event *event)
{
	/* Without pins and mappings, notifications would only replace other events. */
	if (attachment->held_something || attachment->maps || attachment->own_pins)
		context_note(&attachment->context, event);
	attachment->held_something = attachment->maps || attachment->own_pins;
	if (attachment->did.maps && arg(event, "fences="))
		attachment->did.fenced++;
}

void mapper_detach(struct attachment *attachment, const struct event *event)
{
	struct mapping *map;
	u64 n = 0;

	context_note(&attachment->context, event);
	mapper_overdue(attachment, event->us);
	for (map = attachment->maps; map; map = map->next) {
		settle(attachment, map, event->us);
		n++;
	}
	if (n)
		violation(RULE_LEAK, attachment->buffer, attachment, event->us,
			  "detached with %llu scatter lists mapped", ull(n));
	if (attachment->own_pins)
		violation(RULE_UNPIN, attachment->buffer, attachment, event->us,
			  "detached with %llu pins", ull(attachment->own_pins));
}

/* --- pins --- */

void mapper_pin(struct attachment *attachment, const struct event *event)
{
	if (!has_succeeded(attachment, event))
		return;
	note_callback(attachment, event);
	attachment->did.pins++;
	attachment->own_pins = arg(event, "pins=");
	coverage_use(attachment, USE_PIN | (attachment->unrevocable ? 0 : USE_REVOCABLE));
}

void mapper_unpin(struct attachment *attachment, const struct event *event)
{
	u64 pins = arg(event, "pins=");

	context_note(&attachment->context, event);
	attachment->unpinned_us = event->us;
	attachment->own_pins = pins ? pins - 1 : 0;
	if (!pins)
		violation(RULE_UNPIN, attachment->buffer, attachment, event->us,
			  "unpinned once more than pinned");
}

/* The buffer has left memory for which the attachment may have lists. */
void mapper_moved(struct attachment *attachment, u64 us)
{
	if (!attachment->maps || !attachment->unrevocable || attachment->own_pins ||
	    !attachment->dynamic)
		return;
	violation(RULE_UNPIN, attachment->buffer, attachment, us,
		  "the buffer moves under its scatter list: it has no pin, and no invalidate_mappings");
}

/* --- kernel mappings --- */

void mapper_vmap(struct buffer *buffer, const struct event *event)
{
	struct attachment *a = buffer_vmap(buffer);

	if (!has_succeeded(a, event))
		return;
	if (!a->did.vmaps++) {
		snprintf(a->device, sizeof(a->device), "(kernel mapping)");
		snprintf(a->comm, sizeof(a->comm), "%s", event->comm);
		a->pid = event->pid;
		a->dynamic = false;
		coverage_use(a, USE_VMAP);
	}
	a->own_pins = arg(event, "count=");
}

void mapper_vunmap(struct buffer *buffer, const struct event *event)
{
	struct attachment *a = buffer_vmap(buffer);
	u64 count = arg(event, "count=");

	context_note(&a->context, event);
	a->own_pins = count ? count - 1 : 0;
	a->unmapped_us = event->us;
}

/* --- moves that pins prevent --- */

static void hold(struct attachment *attachment)
{
	attachment->did.held++;
	coverage_use(attachment, USE_HELD);
}

void mapper_refused(struct buffer *buffer, const struct event *event)
{
	struct attachment *a;

	(void)event;
	model.num_refused++;
	for (a = buffer->attachments; a; a = a->next)
		if (a->pins)
			hold(a);
	if (buffer->vmap && buffer->vmap->own_pins)
		hold(buffer->vmap);
}

/* --- stale writes --- */

static bool has_notified(const struct attachment *attachment)
{
	const struct mapping *map;

	for (map = attachment->maps; map; map = map->next)
		if (map->notified_us)
			return true;
	return false;
}

/* Describe how this importer may have written to memory that the buffer has left. */
void mapper_stale(const struct attachment *a, char *text, size_t size)
{
	const struct tally *did = &a->did;

	switch (coverage_class(a)) {
	case CLASS_SG:
		if (has_notified(a))
			snprintf(text, size,
				 "it uses a list that it has not unmapped since the notification");
		else if (did->notified_maps && !did->fenced)
			snprintf(text, size,
				 "in %llu notifications while mapped, no fence of an importer was in the reservation object: its accesses are not covered by fences, or use addresses of a list after unmapping it",
				 ull(did->notified_maps));
		else
			snprintf(text, size,
				 "it uses addresses of a list after unmapping it, or after its fences have signaled (fences at %llu of %llu notifications)",
				 ull(did->fenced), ull(did->notified_maps));
		break;
	case CLASS_PINNED:
	case CLASS_REVOCABLE:
		snprintf(text, size, "%s: it uses addresses after unpinning, or after a revocation",
			 a->own_pins ? "it holds a pin" : "it holds no pin");
		break;
	case CLASS_STATIC:
	case CLASS_VMAP:
		snprintf(text, size, "it uses addresses after unmapping");
		break;
	default:
		snprintf(text, size,
			 "a translation was left by invalidate_mappings (rule 4), installed later from an older lookup (rule 6), or used after its fences have signaled");
	}
}
