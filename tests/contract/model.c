// SPDX-License-Identifier: MIT
/*
 * The state of buffers, their placements and attachments. The rules that are applied
 * to this state are in exporter.c, importer.c and mapper.c.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "contract.h"

/* Released buffers and detached importers are kept, since later events may refer to them. */
#define MAX_RELEASED	64
#define MAX_DEAD	64

struct model model = { .exporter = "vgem_pfn" };

static void *allocate(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory)
		abort();
	return memory;
}

/* --- places --- */

void place_clear(struct place *place)
{
	free(place->runs);
	memset(place, 0, sizeof(*place));
}

void place_add(struct place *place, u64 first, u64 pfn)
{
	if (place->num == place->size) {
		place->size = place->size ? 2 * place->size : 4;
		place->runs = realloc(place->runs,
				      place->size * sizeof(*place->runs));
		if (!place->runs)
			abort();
	}
	place->runs[place->num].first = first;
	place->runs[place->num++].pfn = pfn;
}

bool place_same(const struct place *a, const struct place *b)
{
	return a->pages == b->pages && a->num == b->num &&
	       (!a->num ||
		!memcmp(a->runs, b->runs, a->num * sizeof(*a->runs)));
}

/* The pfn of @page, and the contiguous run from @first to @last, inclusive, around it */
bool place_pfn(const struct place *place, u64 page, u64 *pfn, u64 *first,
	       u64 *last)
{
	size_t low = 0, high = place->num;

	if (page >= place->pages || !place->num)
		return false;

	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (place->runs[middle].first <= page)
			low = middle;
		else
			high = middle;
	}
	*first = place->runs[low].first;
	*last = (low + 1 < place->num ? place->runs[low + 1].first :
					place->pages) - 1;
	*pfn = place->runs[low].pfn + (page - *first);
	return true;
}

/* --- pending copies of engines, also of buffers without a dma-buf --- */

static struct pending {
	struct pending *next;
	u64 bo;
	u64 num;
} *pendings;

void pending_add(u64 bo, int n)
{
	struct pending **p, *pending;

	for (p = &pendings; *p && (*p)->bo != bo; p = &(*p)->next)
		;
	pending = *p;
	if (!pending) {
		if (n < 0)
			return;
		pending = allocate(sizeof(*pending));
		pending->bo = bo;
		*p = pending;
	}
	pending->num += n;
	if (!pending->num) {
		*p = pending->next;
		free(pending);
	}
}

u64 pending_copies(u64 bo)
{
	struct pending *pending;

	for (pending = pendings; pending; pending = pending->next)
		if (pending->bo == bo)
			return pending->num;
	return 0;
}

/* --- attachments --- */

struct attachment *attachment_find(struct buffer *buffer, u64 pointer)
{
	struct attachment *a;

	for (a = buffer->attachments; a; a = a->next)
		if (a->pointer == pointer)
			return a;
	return NULL;
}

static struct attachment *attachment_new(struct buffer *buffer, u64 pointer)
{
	struct attachment *a = allocate(sizeof(*a));

	a->buffer = buffer;
	a->pointer = pointer;
	a->id = ++model.num_importers;
	a->dynamic = true;
	snprintf(a->comm, sizeof(a->comm), "?");
	snprintf(a->device, sizeof(a->device), "?");
	coverage_importer(a);
	if (!buffer->counted)
		model.num_buffers++;
	buffer->counted = true;
	return a;
}

/* Find or create. An unknown attachment was made before the trace began. */
struct attachment *attachment_get(struct buffer *buffer, u64 pointer)
{
	struct attachment *a = attachment_find(buffer, pointer);

	if (a)
		return a;

	a = attachment_new(buffer, pointer);
	a->next = buffer->attachments;
	buffer->attachments = a;
	return a;
}

/* Kernel mappings of a dma-buf have no attachment. All of them share this one. */
struct attachment *buffer_vmap(struct buffer *buffer)
{
	if (!buffer->vmap)
		buffer->vmap = attachment_new(buffer, 0);
	return buffer->vmap;
}

static void attachment_clear(struct attachment *attachment)
{
	while (attachment->maps) {
		struct mapping *next = attachment->maps->next;

		free(attachment->maps);
		attachment->maps = next;
	}
	free(attachment->pages);
	attachment->pages = NULL;
	free(attachment->lookups);
	attachment->lookups = NULL;
}

/* The attachment is kept in the buffer's dead list, for events that come later. */
void attachment_detach(struct attachment *attachment)
{
	struct attachment **p = &attachment->buffer->attachments;
	unsigned int n;

	while (*p != attachment)
		p = &(*p)->next;
	*p = attachment->next;
	coverage_did(attachment);
	attachment_clear(attachment);
	attachment->dead = true;
	coverage.detached++;
	attachment->next = attachment->buffer->dead;
	attachment->buffer->dead = attachment;

	for (p = &attachment->next, n = 1; *p && n < MAX_DEAD; p = &(*p)->next)
		n++;
	free(*p);
	*p = NULL;
}

uint8_t attachment_page(const struct attachment *attachment, u64 page)
{
	return attachment->pages ? attachment->pages[page] : 0;
}

static struct last_lookup *last_of(struct attachment *attachment, int pid)
{
	struct last_lookup *last = attachment->last;
	unsigned int i, n = attachment->num_last;

	for (i = 0; i < n; i++)
		if (last[i].pid == pid)
			return &last[i];
	if (n == MAX_THREADS)
		return &last[pid % MAX_THREADS];
	return &last[attachment->num_last++];
}

/* Count threads that repeat their last lookup because of a notification. */
static void count_overtaken(struct attachment *attachment, int pid, u64 page)
{
	struct last_lookup *last = attachment->overtaken;
	unsigned int i;

	for (i = 0; i < attachment->num_overtaken; i++) {
		if (last[i].pid != pid)
			continue;
		coverage.overtaken += last[i].page == page;
		last[i] = last[--attachment->num_overtaken];
		return;
	}
}

static void remember_lookup(struct attachment *attachment,
			    const struct event *event, u64 page, u64 first,
			    u64 pages, u64 pfn)
{
	struct lookup *lookup;

	if (!attachment->lookups)
		attachment->lookups = allocate(MAX_LOOKUPS * sizeof(*lookup));
	lookup = &attachment->lookups[attachment->num_lookups++ % MAX_LOOKUPS];
	lookup->us = event->us;
	lookup->pid = event->pid;
	memcpy(lookup->comm, event->comm, sizeof(lookup->comm));
	lookup->page = page;
	lookup->first = first;
	lookup->pages = pages;
	lookup->pfn = pfn;
}

/* The result of a lookup: these pages may be mapped until the next notification. */
void attachment_lookup(struct attachment *attachment, const struct event *event,
		       u64 page, u64 first, u64 pages, u64 pfn)
{
	struct last_lookup *last = last_of(attachment, event->pid);
	u64 i, size = attachment->buffer->pages;

	attachment->looked_up = true;
	attachment->did.lookups++;
	coverage_use(attachment, USE_LOOKUP);
	count_overtaken(attachment, event->pid, page);
	last->pid = event->pid;
	last->page = page;
	if (page >= size || first >= size)
		return;
	if (pages > size - first)
		pages = size - first;
	if (!attachment->pages)
		attachment->pages = allocate(size);

	remember_lookup(attachment, event, page, first, pages, pfn);
	for (i = first; i < first + pages; i++)
		attachment->pages[i] = (attachment->pages[i] & ~PAGE_SEEN_BEFORE) |
				       PAGE_LOOKED_UP;
}

/* The first of the remembered notifications after @us, or NULL */
const struct notified *attachment_notified(const struct attachment *attachment,
					   u64 us)
{
	u64 n = attachment->num_notified, i;
	const struct notified *found = NULL;

	for (i = n; i > 0 && i + MAX_NOTIFIED > n; i--) {
		const struct notified *at =
			&attachment->notifications[(i - 1) % MAX_NOTIFIED];

		if (at->us < us)
			break;
		found = at;
	}
	return found;
}

static const struct lookup *find_lookup(const struct attachment *attachment,
					u64 page, u64 pfn, bool exact)
{
	u64 n = attachment->num_lookups, i;

	for (i = n; attachment->lookups && i > 0 && i + MAX_LOOKUPS > n; i--) {
		const struct lookup *l = &attachment->lookups[(i - 1) % MAX_LOOKUPS];

		if (page >= l->first && page < l->first + l->pages &&
		    pfn == l->pfn + (page - l->first) && (!exact || page == l->page))
			return l;
	}
	return NULL;
}

/*
 * The latest remembered lookup that returned @pfn for @page, or NULL. Importers need not
 * install the whole result of a lookup. So a lookup of @page itself is returned rather
 * than a later one of another page, unless there was a notification between the two.
 */
const struct lookup *attachment_looked_up(const struct attachment *attachment,
					  u64 page, u64 pfn)
{
	const struct lookup *any = find_lookup(attachment, page, pfn, false);
	const struct lookup *exact = find_lookup(attachment, page, pfn, true);
	const struct notified *notified =
		exact ? attachment_notified(attachment, exact->us) : NULL;

	return exact && (!notified || notified->us > any->us) ? exact : any;
}

/* When the thread of @lookup made its next lookup, or 0 */
u64 attachment_next_lookup(const struct attachment *attachment,
			   const struct lookup *lookup)
{
	u64 n = attachment->num_lookups, i, us = 0;

	for (i = n; i > 0 && i + MAX_LOOKUPS > n; i--) {
		const struct lookup *l = &attachment->lookups[(i - 1) % MAX_LOOKUPS];

		if (l == lookup)
			break;
		if (l->pid == lookup->pid)
			us = l->us;
	}
	return us;
}

/* A lookup failed, so its thread has installed the result of the previous one. */
void attachment_lookup_failed(struct attachment *attachment, const struct event *event)
{
	remember_lookup(attachment, event, arg(event, "pgoff="), 0, 0, 0);
}

/* A notification: all results are invalid. */
void attachment_forget(struct attachment *attachment)
{
	uint8_t *pages = attachment->pages;
	u64 page;

	attachment->looked_up = false;
	if (!pages)
		return;

	for (page = 0; page < attachment->buffer->pages; page++)
		pages[page] = pages[page] & (PAGE_SEEN | PAGE_SEEN_BEFORE) ?
			      PAGE_SEEN_BEFORE : 0;
	memcpy(attachment->overtaken, attachment->last,
	       sizeof(attachment->overtaken));
	attachment->num_overtaken = attachment->num_last;
	attachment->num_last = 0;
	memset(attachment->last, 0, sizeof(attachment->last));
}

/* --- buffers --- */

struct buffer *buffer_by_ino(u64 ino)
{
	struct buffer *b;

	for (b = model.buffers; b; b = b->next)
		if (b->ino == ino)
			return b;
	return NULL;
}

struct buffer *buffer_by_bo(u64 bo)
{
	struct buffer *b;

	for (b = model.buffers; b; b = b->next)
		if (b->bo && b->bo == bo)
			return b;
	return NULL;
}

struct buffer *buffer_get(u64 ino)
{
	struct buffer *b = buffer_by_ino(ino);

	if (b)
		return b;

	b = allocate(sizeof(*b));
	b->ino = ino;
	b->next = model.buffers;
	model.buffers = b;
	return b;
}

struct buffer *buffer_released(u64 bo)
{
	struct buffer *b;

	for (b = model.released; b; b = b->next)
		if (b->bo == bo)
			return b;
	return NULL;
}

static void attachments_free(struct attachment *a)
{
	while (a) {
		struct attachment *next = a->next;

		coverage_did(a);
		attachment_clear(a);
		free(a);
		a = next;
	}
}

static void places_clear(struct buffer *b)
{
	unsigned int i;

	place_clear(&b->place);
	place_clear(&b->incoming);
	for (i = 0; i < MAX_BEFORE; i++)
		place_clear(&b->before[i]);
}

static void buffer_free(struct buffer *b)
{
	places_clear(b);
	attachments_free(b->attachments);
	attachments_free(b->dead);
	attachments_free(b->vmap);
	free(b);
}

void buffer_release(struct buffer *buffer)
{
	struct buffer **p = &model.buffers;
	unsigned int n = 0;

	while (*p != buffer)
		p = &(*p)->next;
	*p = buffer->next;
	places_clear(buffer);
	buffer->next = model.released;
	model.released = buffer;

	for (p = &model.released; *p; p = &(*p)->next) {
		if (++n <= MAX_RELEASED)
			continue;
		buffer = *p;
		*p = NULL;
		buffer_free(buffer);
		break;
	}
}

/* The exporter was unloaded: drop all its buffers. */
void buffer_drop_all(void)
{
	while (model.buffers)
		buffer_release(model.buffers);
	while (pendings) {
		struct pending *next = pendings->next;

		free(pendings);
		pendings = next;
	}
}

/* The incoming placement is complete: it becomes the current one. */
void buffer_place(struct buffer *buffer)
{
	struct place *before = buffer->before;

	if (buffer->placed && !place_same(&buffer->place, &buffer->incoming)) {
		place_clear(&before[MAX_BEFORE - 1]);
		memmove(before + 1, before, (MAX_BEFORE - 1) * sizeof(*before));
		before[0] = buffer->place;
		memset(&buffer->place, 0, sizeof(buffer->place));
	}
	place_clear(&buffer->place);
	buffer->place = buffer->incoming;
	memset(&buffer->incoming, 0, sizeof(buffer->incoming));
	buffer->placed = true;
}

/* --- the last events of buffers and attachments, for reports --- */

void context_add(struct context *context, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(context->lines[context->num++ % CONTEXT_LINES], CONTEXT_SIZE,
		  format, args);
	va_end(args);
}

void context_note(struct context *context, const struct event *event)
{
	context_add(context, "%llu.%06llu %s-%d %s: %s",
		    ull(event->us / 1000000), ull(event->us % 1000000),
		    event->comm, event->pid, event->name, event->args);
}
