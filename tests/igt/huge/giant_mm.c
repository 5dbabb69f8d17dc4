// SPDX-License-Identifier: MIT
/*
 * Subtests of mm operations on an entry of 1 GiB: mremap() of all or a part of it, system
 * calls that split the mapping inside of it, and reading smaps.
 *
 * To notify the importer without copying 1 GiB, a signal interrupts a move while it waits
 * for a fence. The move needs a second carveout of 1 GiB.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "igt.h"
#include "huge.h"
#include "pfn_hold.h"

/* Distance of the words that are checked; an odd number of pages */
#define STRIDE	PAGES(4099)
#define SEED	1

static const struct huge_count none, one = { .at = { [PUD] = 1 } };
/* Without huge entries: one for each word */
static const struct huge_count small = { .at = { [PTE] = (GIANT + STRIDE - 1) / STRIDE } };

struct giant {
	struct prime p;
	struct dma_buf_pfn_stats since;
	struct huge_count filled;	/* the entries after huge_fill_sparse() */
	char *area;	/* reserved addresses: the mapping is at the second GiB of eight */
};

static char *at(const struct giant *g, int gib)
{
	return g->area + gib * GIANT;
}

/* Map the import at the second GiB of the area. */
static void map_fixed(struct giant *g)
{
	g->p.map = mmap(at(g, 1), GIANT, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			g->p.import, 0);
	igt_assert(g->p.map == at(g, 1));
}

static struct giant giant_create(int fd, int importer, struct huge_count filled)
{
	static const uint32_t placements[] = {
		VGEM_PFN_CARVEOUT, VGEM_PFN_CARVEOUT + 1,
	};
	struct drm_vgem_pfn_region region;
	struct giant g = { .filled = filled };
	char *area;

	igt_require_f(vgem_pfn_carveout_size(fd) >= GIANT &&
		      vgem_pfn_find_region(fd, VGEM_PFN_CARVEOUT + 1, &region) &&
		      region.size >= GIANT, "no two carveouts of 1 GiB\n");
	area = mmap(NULL, 9 * GIANT, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		    -1, 0);
	igt_assert(area != MAP_FAILED);
	g.area = area + (GIANT - (uintptr_t)area % GIANT) % GIANT;

	g.p = huge_create_sparse(fd, importer, GIANT, placements, 2);
	munmap(g.p.map, g.p.size);
	map_fixed(&g);
	huge_fill_sparse(&g.p, STRIDE, SEED);
	huge_assert_count(huge_faults(g.p.import, &g.since), filled);
	return g;
}

static void giant_destroy(struct giant *g)
{
	munmap(at(g, 0), 8 * GIANT);
	close(g->p.import);
	close(g->p.dmabuf);
	vgem_pfn_gem_close(g->p.fd, g->p.handle);
}

static void on_alarm(int sig)
{
}

/* Start or stop a signal every millisecond, which interrupts system calls. */
static void set_alarms(bool on)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval timer = {
		.it_interval.tv_usec = on ? 1000 : 0,
		.it_value.tv_usec = on ? 1000 : 0,
	};

	if (on)
		igt_assert_eq(sigaction(SIGALRM, &action, NULL), 0);
	igt_assert_eq(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

/*
 * Notify the importer by a move that an alarm interrupts, see set_alarms(). Returns false
 * if the move was not interrupted, because the fence has signaled.
 */
static bool notify(struct giant *g)
{
	return __vgem_pfn_bo_move(g->p.fd, g->p.handle, VGEM_PFN_CARVEOUT + 1) == -EINTR;
}

/* Check the words of the buffer's bytes @offset to @offset + @size, which are at @map. */
static void check_part(const char *map, uint64_t offset, uint64_t size)
{
	uint64_t i;

	for (i = (offset + STRIDE - 1) / STRIDE * STRIDE; i < offset + size; i += STRIDE)
		igt_assert_eq_u64(*(volatile const uint64_t *)(map + i - offset),
				  pfn_pattern_word(SEED, i / 8));
}

static char *remap(char *from, uint64_t size, char *to)
{
	igt_assert(mremap(from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	return to;
}

/* A thread that reads one address until it faults */
struct reader {
	pthread_t thread;
	const char *address;
	volatile bool started, faulted;
	volatile unsigned long reads;
	struct sigaction old;
	cpu_set_t cpus;
};

static __thread sigjmp_buf reader_return;
static __thread volatile bool reading;

static void on_segv(int sig)
{
	if (reading)
		siglongjmp(reader_return, 1);
	signal(sig, SIG_DFL);
}

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	igt_assert_eq(sched_setaffinity(0, sizeof(set), &set), 0);
}

static void *reader_run(void *data)
{
	struct reader *reader = data;

	run_on(1);
	if (!sigsetjmp(reader_return, 1)) {
		reading = true;
		for (;;) {
			(void)*(volatile const uint64_t *)reader->address;
			reader->started = true;
			reader->reads++;
		}
	}
	reading = false;
	reader->faulted = true;
	return NULL;
}

/* Let another CPU than the caller's read @address all the time. */
static void reader_start(struct reader *reader, const char *address)
{
	struct sigaction action = { .sa_handler = on_segv, .sa_flags = SA_NODEFER };

	*reader = (struct reader) { .address = address };
	igt_require_f(sysconf(_SC_NPROCESSORS_ONLN) >= 2, "one CPU\n");
	igt_assert_eq(sched_getaffinity(0, sizeof(reader->cpus), &reader->cpus), 0);
	igt_assert_eq(sigaction(SIGSEGV, &action, &reader->old), 0);
	run_on(0);
	igt_assert_eq(pthread_create(&reader->thread, NULL, reader_run, reader), 0);
	while (!reader->started)
		usleep(1000);
}

/*
 * The address is not mapped any more, so the next read must fault. If the other CPU still
 * used a translation, no later move would remove it.
 */
static void reader_must_fault(struct reader *reader)
{
	unsigned long reads = reader->reads;

	while (!reader->faulted)
		igt_assert_f(reader->reads < reads + 100000,
			     "the old address is still mapped for another CPU\n");
	pthread_join(reader->thread, NULL);
	igt_assert_eq(sigaction(SIGSEGV, &reader->old, NULL), 0);
	igt_assert_eq(sched_setaffinity(0, sizeof(reader->cpus), &reader->cpus), 0);
}

static void test_remap(struct giant *g)
{
	struct reader reader;
	struct pfn_hold hold;

	reader_start(&reader, at(g, 1));
	g->p.map = remap(at(g, 1), GIANT, at(g, 4));
	reader_must_fault(&reader);

	/* The entries have moved. */
	huge_check_sparse(&g->p, STRIDE, SEED);
	huge_assert_count(huge_faults(g->p.import, &g->since), none);
	/* A notification removes them from their new addresses. */
	pfn_hold_begin(&hold);
	pfn_hold_bo(&hold, g->p.fd, g->p.handle);
	set_alarms(true);
	pfn_hold_assert(&hold, notify(g));
	set_alarms(false);
	pfn_hold_end(&hold);
	huge_check_sparse(&g->p, STRIDE, SEED);
	huge_assert_count(huge_faults(g->p.import, &g->since), g->filled);
}

/* Move a part of the mapping to @to; both parts must map the right pages afterwards. */
static void remap_part(struct giant *g, uint64_t offset, uint64_t size, char *to)
{
	struct reader reader;
	char *map;

	map_fixed(g);
	reader_start(&reader, g->p.map + offset);
	huge_faults(g->p.import, &g->since);

	map = remap(g->p.map + offset, size, to);
	reader_must_fault(&reader);
	check_part(map, offset, size);
	check_part(g->p.map, 0, offset);
	check_part(g->p.map + offset + size, offset + size, GIANT - offset - size);
	/* The entry was removed: the words were faulted in by smaller ones. */
	igt_assert_eq_u64(huge_faults(g->p.import, &g->since).at[PUD], 0);

	munmap(g->p.map, GIANT);
	munmap(map, size);
}

static void test_remap_part(struct giant *g)
{
	char *to = at(g, 4);

	/* Head, tail, middle, with all kinds of alignment that the parts can keep */
	remap_part(g, 0, GIANT / 2, to);
	remap_part(g, GIANT / 2, GIANT / 2, to + GIANT / 2);
	remap_part(g, 4 * HUGE, 64 * HUGE, to + 4 * HUGE);
	remap_part(g, PAGES(4099), PAGES(2 * 4099), to + PAGES(4099));
	/* All or a part, to addresses that are not congruent */
	remap_part(g, 0, GIANT, to + HUGE);
	remap_part(g, 0, GIANT, to + PAGES(1));
	remap_part(g, GIANT / 2, GIANT / 2, to);
	remap_part(g, PAGES(3), PAGES(3 * 4099), to);
	map_fixed(g);
}

/* Notifications remove the entry at any time while it is moved to and fro. */
static void test_remap_notify(struct giant *g)
{
	struct { volatile bool stop; volatile unsigned int notified; } *shared;
	struct pfn_hold hold;
	unsigned int i, wrong = 0;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	igt_assert(shared != MAP_FAILED);
	pfn_hold_begin(&hold);
	pfn_hold_bo(&hold, g->p.fd, g->p.handle);
	igt_fork(child, 1) {
		set_alarms(true);
		while (!shared->stop && notify(g))
			shared->notified++;
		set_alarms(false);
	}

	for (i = 0; i < 300 || (shared->notified < 50 && pfn_hold_pending(&hold)); i++) {
		g->p.map = remap(g->p.map, GIANT, at(g, i % 2 ? 1 : 4));
		wrong += *(volatile uint64_t *)g->p.map != pfn_pattern_word(SEED, 0);
	}
	shared->stop = true;
	igt_waitchildren();
	pfn_hold_end(&hold);
	igt_info("%u moves, %u notifications\n", i, shared->notified);
	igt_assert_eq(wrong, 0);
	huge_check_sparse(&g->p, STRIDE, SEED);
	munmap(shared, sizeof(*shared));
}

/*
 * Check the mapping after a system call that split it inside the entry and unmapped the
 * @count pages from @first on: the entry was removed, so all other words are faulted in by
 * smaller entries. Then map everything again.
 */
static void check_split(struct giant *g, uint64_t first, uint64_t count)
{
	check_part(g->p.map, 0, PAGES(first));
	check_part(g->p.map + PAGES(first + count), PAGES(first + count),
		   GIANT - PAGES(first + count));
	igt_assert_eq_u64(huge_faults(g->p.import, &g->since).at[PUD], 0);

	munmap(g->p.map, GIANT);
	map_fixed(g);
	(void)*(volatile char *)g->p.map;
	huge_assert_count(huge_faults(g->p.import, &g->since), one);
}

static void test_split(struct giant *g)
{
	char *map = g->p.map;

	/* Inside a block of 2 MiB, and between two */
	igt_assert_eq(munmap(map + PAGES(4100), PAGES(1)), 0);
	check_split(g, 4100, 1);
	igt_assert_eq(munmap(map + 3 * HUGE, HUGE), 0);
	check_split(g, 3 * 512, 512);
	igt_assert_eq(munmap(map, GIANT / 2), 0);
	check_split(g, 0, GIANT / 2 / PFN_PAGE_SIZE);
	igt_assert_eq(munmap(map + GIANT - PAGES(1), PAGES(1)), 0);
	check_split(g, GIANT / PFN_PAGE_SIZE - 1, 1);

	igt_assert_eq(mprotect(map + PAGES(5), PAGES(7), PROT_READ), 0);
	check_split(g, 0, 0);
	igt_assert_eq(mprotect(map, GIANT / 2, PROT_READ), 0);
	check_split(g, 0, 0);
	igt_assert_eq(madvise(map + PAGES(5), PAGES(7), MADV_DONTFORK), 0);
	check_split(g, 0, 0);
	/* Other pages over a part of it */
	igt_assert(mmap(map + PAGES(513), PAGES(1), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS |
			MAP_FIXED, -1, 0) != MAP_FAILED);
	check_split(g, 513, 1);
}

/* Returns false if there is no such file. */
static bool read_all(const char *path)
{
	FILE *file = fopen(path, "re");
	char line[512];

	if (!file)
		return false;
	while (fgets(line, sizeof(line), file))
		;
	igt_assert(!ferror(file));
	fclose(file);
	return true;
}

static void test_smaps(struct giant *g)
{
	static const char * const files[] = {
		"/proc/self/smaps", "/proc/self/smaps_rollup", "/proc/self/numa_maps",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		igt_info("%s%s\n", files[i], read_all(files[i]) ? "" : " does not exist");
		huge_check_sparse(&g->p, STRIDE, SEED);
		huge_assert_count(huge_faults(g->p.import, &g->since), none);
	}
}

void huge_giant_mm_tests(int fd, int importer)
{
	static const struct {
		const char *name;
		const char *describe;
		void (*run)(struct giant *g);
	} tests[] = {
		{ "giant-remap", "mremap() moves an entry of 1 GiB and flushes TLBs.",
		  test_remap },
		{ "giant-remap-part", "mremap() of a part of an entry of 1 GiB removes it.",
		  test_remap_part },
		{ "giant-remap-notify", "mremap() of an entry that is removed meanwhile.",
		  test_remap_notify },
		{ "giant-split", "System calls on a part of an entry of 1 GiB remove it.",
		  test_split },
		{ "giant-smaps", "Reading smaps does not remove an entry of 1 GiB.",
		  test_smaps },
	};
	struct giant g;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		igt_describe(tests[i].describe);
		igt_subtest(tests[i].name) {
			g = giant_create(fd, importer, one);
			tests[i].run(&g);
			giant_destroy(&g);
		}
	}

	igt_describe("By default a kernel without the fix of mremap() has no huge entry to lose.");
	igt_subtest("default-remap") {
		huge_default();
		g = giant_create(fd, importer, small);
		test_remap(&g);
		giant_destroy(&g);
		huge_restore();
	}
}
