// SPDX-License-Identifier: MIT
/* Subtests of a single asynchronous copy: when it runs, and in which task. */
#include <sys/mman.h>
#include <sys/syscall.h>

#include "async.h"
#include "igt.h"
#include "pfn_importer.h"
#include "pfn_trace.h"

/* Marker of a carveout page before the test, derived from its pfn */
static uint64_t mark(uint64_t pfn)
{
	return pfn ^ 0x6d61726b00000000ULL;
}

/* Write the marker to the first word of each page. The carveout must be empty. */
static void mark_carveout(int fd)
{
	uint64_t size = vgem_pfn_carveout_size(fd), *pfns, *map, i;
	uint32_t handle = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT);

	pfns = vgem_pfn_bo_pfn_list(fd, handle, 0, size / PFN_PAGE_SIZE);
	map = vgem_pfn_bo_mmap(fd, handle, size, PROT_READ | PROT_WRITE);
	for (i = 0; i < size / PFN_PAGE_SIZE; i++)
		map[i * PFN_PAGE_SIZE / sizeof(*map)] = mark(pfns[i]);
	munmap(map, size);
	free(pfns);
	vgem_pfn_gem_close(fd, handle);
}

static void test_old_bytes(int fd)
{
	const size_t size = 256 * KiB, pages = size / PFN_PAGE_SIZE;
	uint64_t word, pfns[64], i;
	uint32_t handle, syncobj;
	struct pfn_hold hold;
	unsigned int bad = 0;

	mark_carveout(fd);
	handle = vgem_pfn_bo_create(fd, size, VGEM_PFN_TT, VGEM_PFN_CARVEOUT);
	vgem_pfn_bo_fill(fd, handle, size, 1);
	syncobj = syncobj_create(fd, 0);
	pfn_hold_begin(&hold);
	async_move_held(fd, handle, VGEM_PFN_CARVEOUT, syncobj, &hold);
	vgem_pfn_bo_pfns(fd, handle, 0, pages, pfns);
	for (i = 0; i < pages; i++) {
		pfn_mem_read(pfns[i], 0, &word, 8);
		bad += word != mark(pfns[i]);
	}
	pfn_hold_assert(&hold, !bad);
	pfn_hold_assert(&hold, !async_done(fd, syncobj));

	pfn_hold_end(&hold);
	async_wait(fd, syncobj);
	vgem_pfn_bo_check_mem(fd, handle, size, 1);
	igt_assert_eq_u64(vgem_pfn_bo_stats(fd, handle).last_copy_bytes, size);

	syncobj_destroy(fd, syncobj);
	vgem_pfn_gem_close(fd, handle);
}

/* PID and line number of an event in the trace */
struct event {
	int line;
	int pid;
};

static struct event find_event(const char *name)
{
	struct event event = {};
	char line[512], *pid, *p;
	FILE *file;

	file = fopen(PFN_TRACE_DIR "/trace", "re");
	igt_assert(file);
	while (fgets(line, sizeof(line), file)) {
		event.line++;
		/* "            comm-123     [001] ..... 4.5: event: ..." */
		p = line[0] != '#' ? strstr(line, name) : NULL;
		if (!p)
			continue;
		pid = strstr(line, " [");
		igt_assert(pid && pid < p);
		while (pid > line && pid[-1] != '-')
			pid--;
		event.pid = atoi(pid);
		break;
	}
	fclose(file);
	igt_assert_f(event.pid, "no event %s\n", name);
	return event;
}

static void test_worker(int fd, int importer, bool async)
{
	static const char * const events[] = {
		"move_begin", "notify", "move_end", "copy_begin", "copy_end",
	};
	struct event begin, end, moved, notify;
	uint32_t handle, syncobj;
	struct pfn_hold hold;
	int dmabuf, import;
	char file[80];
	size_t i;

	handle = vgem_pfn_bo_create(fd, 64 * KiB, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vgem_pfn_bo_fill(fd, handle, 64 * KiB, 1);
	dmabuf = vgem_pfn_export(fd, handle);
	import = pfn_import(importer, dmabuf);
	syncobj = syncobj_create(fd, 0);

	igt_assert_eq(__pfn_trace_dir(), 0);
	__pfn_trace_write("trace", "");
	for (i = 0; i < ARRAY_SIZE(events); i++) {
		snprintf(file, sizeof(file), "events/vgem_pfn/vgem_pfn_%s/enable",
			 events[i]);
		igt_assert_eq(__pfn_trace_write(file, "1"), 0);
	}

	if (async) {
		pfn_hold_begin(&hold);
		async_move_held(fd, handle, VGEM_PFN_TT, syncobj, &hold);
		pfn_hold_end(&hold);
		async_wait(fd, syncobj);
	} else {
		vgem_pfn_bo_move(fd, handle, VGEM_PFN_TT);
	}
	__pfn_trace_write("events/enable", "0");

	begin = find_event("vgem_pfn_copy_begin");
	end = find_event("vgem_pfn_copy_end");
	notify = find_event("vgem_pfn_notify");
	moved = find_event("vgem_pfn_move_end");
	__pfn_trace_end();

	igt_assert_lt(notify.line, begin.line);
	igt_assert_lt(begin.line, end.line);
	igt_assert_eq(moved.pid, syscall(SYS_gettid));
	igt_assert_eq(begin.pid, end.pid);
	if (async) {
		igt_assert_neq(begin.pid, moved.pid);
		igt_assert_lt(moved.line, begin.line);
	} else {
		igt_assert_eq(begin.pid, moved.pid);
		igt_assert_lt(end.line, moved.line);
	}

	vgem_pfn_bo_check(fd, handle, 64 * KiB, 1);
	syncobj_destroy(fd, syncobj);
	close(import);
	close(dmabuf);
	vgem_pfn_gem_close(fd, handle);
}

static uint64_t timed_move(int fd, uint32_t handle, uint32_t region)
{
	struct timespec start = {};
	uint32_t syncobj = syncobj_create(fd, 0);

	igt_nsec_elapsed(&start);
	async_move(fd, handle, region, syncobj);
	async_wait(fd, syncobj);
	syncobj_destroy(fd, syncobj);
	return igt_nsec_elapsed(&start) / 1000;
}

static void test_latency(int fd)
{
	uint32_t handle = vgem_pfn_bo_create(fd, MiB, VGEM_PFN_CARVEOUT,
					     VGEM_PFN_TT);

	vgem_pfn_bo_fill(fd, handle, MiB, 1);
	async_latency(fd, 200 * MS);
	igt_assert_lte_u64(200 * MS, timed_move(fd, handle, VGEM_PFN_TT));

	async_latency(fd, 50 * MS);
	vgem_pfn_set_knob(fd, "engine_bandwidth_mibps", 4);
	igt_assert_lte_u64(300 * MS, timed_move(fd, handle, VGEM_PFN_CARVEOUT));

	async_latency(fd, 0);
	igt_assert_lte_u64(250 * MS, timed_move(fd, handle, VGEM_PFN_TT));
	vgem_pfn_bo_check(fd, handle, MiB, 1);
	vgem_pfn_gem_close(fd, handle);
}

static void test_clear(int fd)
{
	const size_t size = 256 * KiB;
	uint32_t handle, syncobj;
	struct pfn_hold hold;
	uint64_t *map, i;

	handle = vgem_pfn_bo_create(fd, 8 * MiB, VGEM_PFN_CARVEOUT);
	vgem_pfn_bo_fill(fd, handle, 8 * MiB, 7);
	vgem_pfn_gem_close(fd, handle);

	handle = vgem_pfn_bo_create(fd, size, VGEM_PFN_SYSTEM, VGEM_PFN_CARVEOUT);
	syncobj = syncobj_create(fd, 0);
	pfn_hold_begin(&hold);
	async_move_held(fd, handle, VGEM_PFN_CARVEOUT, syncobj, &hold);
	pfn_hold_assert(&hold, !async_done(fd, syncobj));
	map = vgem_pfn_bo_mmap(fd, handle, size, PROT_READ);
	pfn_hold_until_asleep(&hold);
	for (i = 0; i < size / 8; i++)
		igt_assert_eq_u64(map[i], 0);
	igt_assert(async_done(fd, syncobj));
	pfn_hold_end(&hold);
	munmap(map, size);
	syncobj_destroy(fd, syncobj);
	vgem_pfn_gem_close(fd, handle);
}

void async_copy_tests(int fd, int importer)
{
	igt_describe("Until the fence signals, the new memory keeps its old contents.");
	igt_subtest("old-bytes") {
		async_reset(fd);
		test_old_bytes(fd);
	}

	igt_describe("An engine copies after the move.");
	igt_subtest("worker") {
		async_reset(fd);
		test_worker(fd, importer, true);
	}

	igt_describe("A synchronous move copies in the caller.");
	igt_subtest("worker-sync") {
		async_reset(fd);
		test_worker(fd, importer, false);
	}

	igt_describe("A copy takes as long as the knobs specify.");
	igt_subtest("latency") {
		async_reset(fd);
		test_latency(fd);
	}

	igt_describe("An engine clears memory of a buffer without contents.");
	igt_subtest("clear") {
		async_reset(fd);
		test_clear(fd);
	}
}
