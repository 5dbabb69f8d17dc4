// SPDX-License-Identifier: MIT
/*
 * For each event, the changes of the model, and the checks of the rules that the
 * event can break. An importer itself emits events only for snapshots of its page
 * table.
 */
#include <stdlib.h>
#include <string.h>

#include "contract.h"

static struct buffer *event_bo(const struct event *event)
{
	struct buffer *b = buffer_by_bo(arg(event, "bo="));

	if (b)
		context_note(&b->context, event);
	return b;
}

static bool is_ours(const struct event *event)
{
	char name[NAME_SIZE] = "";

	if (!model.exporter)
		return true;
	arg_string(event, "exp_name=", name, sizeof(name));
	name[strcspn(name, " ")] = '\0';
	return !strcmp(name, model.exporter);
}

/* The buffer of an event of the dma-buf core, or NULL if another driver exported it */
static struct buffer *event_ino(const struct event *event)
{
	struct buffer *b;
	u64 size;

	if (!is_ours(event))
		return NULL;
	b = buffer_get(arg(event, "ino="));
	if (!b->pages && arg_u64(event, "size=", &size))
		b->pages = size / PAGE_SIZE;
	context_note(&b->context, event);
	return b;
}

static struct attachment *event_attachment(const struct event *event)
{
	struct buffer *b = event_ino(event);

	return b ? attachment_get(b, arg_pointer(event, "attachment:")) : NULL;
}

/* --- the dma-buf core --- */

static void on_attach(struct attachment *a, const struct event *event)
{
	a->dynamic = arg(event, "is_dynamic=");
	a->pid = event->pid;
	snprintf(a->comm, sizeof(a->comm), "%s", event->comm);
	arg_string(event, "dev_name=", a->device, sizeof(a->device));
	context_note(&a->context, event);
	if (!a->dynamic)
		coverage_use(a, USE_STATIC);
	modes_attached(a);
}

static void on_detach(struct buffer *b, const struct event *event)
{
	struct attachment *a;

	a = attachment_find(b, arg_pointer(event, "attachment:"));
	if (!a)
		return;
	mapper_detach(a, event);
	attachment_detach(a);
}

static bool lookup_failed(struct attachment *a, const struct event *event)
{
	if (!arg(event, "ret="))
		return false;

	coverage.failed++;
	attachment_lookup_failed(a, event);
	return true;
}

static void on_get_pfn(struct attachment *a, const struct event *event)
{
	u64 page, first, order;

	if (lookup_failed(a, event))
		return;
	exporter_lookup(a, event, false);
	order = arg(event, "order=") & 63;
	page = arg(event, "pgoff=");
	first = page >> order << order;
	attachment_lookup(a, event, page, first, 1ULL << order,
			  arg(event, "pfn=") - (page - first));
	if (a->dynamic && !a->pins)
		a->callback = true;
}

static void on_get_pfn_run(struct attachment *a, const struct event *event)
{
	u64 page = arg(event, "pgoff=");

	if (lookup_failed(a, event))
		return;
	exporter_lookup(a, event, true);
	attachment_lookup(a, event, page, page, arg(event, "pages="), arg(event, "pfn="));
	if (a->dynamic && !a->pins)
		a->callback = true;
}

static void on_signaled(const struct event *event)
{
	if (strstr(event->args, "timeline=copy "))
		exporter_signaled(event);
}

static void on_wait(const struct event *event)
{
	if (strstr(event->args, "timeline=copy "))
		mapper_waits(event, true);
}

static void on_enable_signal(const struct event *event)
{
	if (strstr(event->args, "timeline=copy "))
		mapper_waits(event, false);
}

/* --- the exporter --- */

static void on_export(const struct event *event)
{
	struct buffer *b = buffer_get(arg(event, "ino="));

	b->bo = arg(event, "bo=");
	b->pages = arg(event, "size=") / PAGE_SIZE;
	context_note(&b->context, event);
}

static void on_release(struct buffer *b, const struct event *event)
{
	importer_released(b, event->us);
	buffer_release(b);
}

static void on_queue(const struct event *event)
{
	struct buffer *b = event_bo(event);

	pending_add(arg(event, "bo="), 1);
	if (b)
		exporter_queue(b, event);
}

static void on_copy_begin(const struct event *event)
{
	struct buffer *b = event_bo(event);

	exporter_fence(event, true);
	if ((int)arg(event, "engine=") >= 0)
		mapper_mover(event->pid);
	if (b)
		exporter_copy(b, event);
}

static void on_copy_end(const struct event *event)
{
	u64 bo = arg(event, "bo=");
	struct buffer *b;

	if ((int)arg(event, "engine=") >= 0)
		pending_add(bo, -1);
	exporter_fence(event, false);
	b = event_bo(event);
	if (b && !pending_copies(bo))
		mapper_copied(b, event->us);
}

static void on_move_begin(struct buffer *b, const struct event *event)
{
	mapper_mover(event->pid);
	exporter_begin(b, event);
}

static void new_place(struct buffer *b, const struct event *event)
{
	if (b->placed && !place_same(&b->place, &b->incoming))
		exporter_leave(b, event);
	buffer_place(b);
}

static void on_place(struct buffer *b, const struct event *event)
{
	u64 first, pfn, total;
	const char *at;
	int n;

	if (!arg(event, "first="))
		place_clear(&b->incoming);
	b->incoming.pages = arg(event, "pages=");
	total = arg(event, "runs=");
	at = strchr(event->args, '{');
	for (at = at ? at + 1 : ""; sscanf(at, "%llx,%llx%n",
					   (unsigned long long *)&first,
					   (unsigned long long *)&pfn, &n) == 2;
	     at += n + (at[n] == ','))
		place_add(&b->incoming, first, pfn);
	if (b->incoming.num == total)
		new_place(b, event);
	else if (b->incoming.num > total)
		cannot_judge("vgem_pfn_place: more runs than announced: %s",
			     event->args);
}

static void on_swap(struct buffer *b, const struct event *event)
{
	place_clear(&b->incoming);
	new_place(b, event);
}

static void add_pins(struct buffer *b, const struct event *event, int n)
{
	u64 pointer = arg_pointer(event, "attachment:");
	struct attachment *a;

	if (!pointer) {
		b->kernel_pins += n;
		return;
	}
	a = attachment_get(b, pointer);
	/* Unpinning too often is the importer's violation, see mapper_unpin(). */
	if (n > 0 || a->pins)
		a->pins += n;
	/* Without a pin and without a callback, earlier results are no longer valid. */
	if (!a->pins && !a->callback)
		attachment_forget(a);
}

static void on_pin(struct buffer *b, const struct event *event)
{
	add_pins(b, event, 1);
}

static void on_unpin(struct buffer *b, const struct event *event)
{
	add_pins(b, event, -1);
}

/* All events before the exporter's unload were read. */
static bool synced;

/* The exporter was unloaded, and has emitted no event since. */
static bool unloaded;

/*
 * The exporter's module was freed, with all its buffers. The kernel dropped the
 * module's unread events without counting them. A module whose init function fails is
 * freed in the same way, but has emitted no events.
 */
static void on_module_free(const struct event *event)
{
	if (strcmp(event->args, model.exporter ?: "") != 0)
		return;
	if (!synced && !unloaded)
		cannot_judge("%s was unloaded by %s-%d at %llu us before all events were read",
			     event->args, event->comm, event->pid,
			     (unsigned long long)event->us);
	synced = false;
	unloaded = true;
	buffer_drop_all();
	exporter_unloaded();
}

/* Handlers with a buffer or attachment are called only if it is known. */
static const struct {
	const char *name;
	void (*handle)(const struct event *event);
	void (*bo)(struct buffer *buffer, const struct event *event);
	void (*ino)(struct buffer *buffer, const struct event *event);
	void (*attachment)(struct attachment *attachment,
			   const struct event *event);
} handlers[] = {
	{ "dma_buf_get_pfn", .attachment = on_get_pfn },
	{ "dma_buf_get_pfn_run", .attachment = on_get_pfn_run },
	{ "dma_buf_pfn_entry", .attachment = importer_entry },
	{ "dma_buf_invalidate_begin", .attachment = importer_notified },
	{ "dma_buf_invalidate_end", .attachment = importer_done },
	{ "dma_buf_invalidate_mappings", .ino = exporter_notify },
	{ "dma_buf_dynamic_attach", .attachment = on_attach },
	{ "dma_buf_detach", .ino = on_detach },
	{ "dma_buf_map_attachment", .attachment = mapper_map },
	{ "dma_buf_unmap_attachment", .attachment = mapper_unmap },
	{ "dma_buf_pin", .attachment = mapper_pin },
	{ "dma_buf_unpin", .attachment = mapper_unpin },
	{ "dma_buf_vmap", .ino = mapper_vmap },
	{ "dma_buf_vunmap", .ino = mapper_vunmap },
	{ "dma_buf_pfn_attach", .attachment = on_attach },
	{ "dma_buf_pfn_detach", .ino = on_detach },
	{ "dma_fence_signaled", .handle = on_signaled },
	{ "dma_fence_wait_start", .handle = on_wait },
	{ "dma_fence_enable_signal", .handle = on_enable_signal },
	{ "vgem_pfn_place", .bo = on_place },
	{ "vgem_pfn_move_begin", .bo = on_move_begin },
	{ "vgem_pfn_move_end", .bo = exporter_end },
	{ "vgem_pfn_waited", .bo = exporter_waited },
	{ "vgem_pfn_queue", .handle = on_queue },
	{ "vgem_pfn_copy_begin", .handle = on_copy_begin },
	{ "vgem_pfn_copy_end", .handle = on_copy_end },
	{ "vgem_pfn_swap", .bo = on_swap },
	{ "vgem_pfn_refused", .bo = mapper_refused },
	{ "vgem_pfn_pin", .bo = on_pin },
	{ "vgem_pfn_unpin", .bo = on_unpin },
	{ "vgem_pfn_export", .handle = on_export },
	{ "vgem_pfn_release", .bo = on_release },
	{ "vgem_pfn_stale", .handle = importer_stale },
	{ "module_free", .handle = on_module_free },
};

static void dispatch(size_t i, const struct event *event)
{
	struct attachment *a;
	struct buffer *b;

	if (!strncmp(handlers[i].name, "vgem_pfn_", 9))
		unloaded = false;
	if (handlers[i].handle) {
		handlers[i].handle(event);
	} else if (handlers[i].bo) {
		b = event_bo(event);
		if (b)
			handlers[i].bo(b, event);
	} else if (handlers[i].ino) {
		b = event_ino(event);
		if (b)
			handlers[i].ino(b, event);
	} else {
		a = event_attachment(event);
		if (a)
			handlers[i].attachment(a, event);
	}
}

/* --- marks that programs write to trace_marker --- */

/* The attachment that a mark refers to, NULL if that is ambiguous */
static struct attachment *marked_attachment(const struct event *event,
					    struct buffer *b)
{
	u64 pointer = arg_pointer(event, "attachment:"), pid;
	struct attachment *a, *found = NULL;

	for (a = b->attachments; a; a = a->next) {
		if (pointer && a->pointer != pointer)
			continue;
		if (arg_u64(event, "pid=", &pid) && a->pid != (int)pid)
			continue;
		if (found)
			return NULL;
		found = a;
	}
	return found;
}

static void on_mark_entry(const struct event *event)
{
	struct buffer *b = buffer_by_ino(arg(event, "ino="));
	struct attachment *a = b ? marked_attachment(event, b) : NULL;

	if (!a) {
		cannot_judge("an entry of an unknown attachment: %s", event->args);
		return;
	}
	/* The mark was written without the reservation lock: ignore it during a move. */
	if (!b->moving)
		importer_entry(a, event);
}

static void on_mark(const struct event *event, const char *text)
{
	if (!strncmp(text, "import", 6)) {
		if (!modes_announce(event->pid, text + 6))
			cannot_judge("unknown mode:%s", text + 6);
	} else if (!strncmp(text, "failed", 6)) {
		importer_failed(event);
		modes_announce(event->pid, "");
	} else if (!strncmp(text, "entry ", 6)) {
		on_mark_entry(event);
	} else if (!strncmp(text, "quarantine ", 11)) {
		coverage.knows_quarantine = true;
		coverage.quarantine_ms = arg(event, "ms=");
	} else if (!strncmp(text, "written ", 8)) {
		coverage.knows_written = true;
		coverage.written += arg(event, "pages=");
	} else if (!strncmp(text, "sync ", 5)) {
		synced = true;
	} else if (strncmp(text, "unloaded ", 9) && strncmp(text, "stop ", 5)) {
		cannot_judge("unknown mark: %s", text);
	}
}

void event_handle(struct event *event)
{
	const char *text = marker(event);
	size_t i;

	model.now_us = event->us;
	if (text) {
		on_mark(event, text);
		return;
	}
	for (i = 0; i < ARRAY_SIZE(handlers); i++) {
		if (strcmp(handlers[i].name, event->name))
			continue;
		dispatch(i, event);
		return;
	}
}
