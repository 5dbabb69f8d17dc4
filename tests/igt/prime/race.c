// SPDX-License-Identifier: MIT
/*
 * Subtests of accesses to an import while the buffer moves. Delays in the driver and in
 * the importer widen the window of each race so that the first attempt hits it; the
 * hammer tests run without them.
 */
#include <pthread.h>
#include <sys/mman.h>

#include "igt.h"
#include "prime.h"

#define MS	1000	/* us */

struct accessor {
	struct prime *p;
	uint32_t flags;
	uint64_t word;
	int ret;
	struct pfn_thread thread;
};

static void access_run(void *arg)
{
	struct accessor *a = arg;

	a->ret = __pfn_import_access(a->p->import, 0, &a->word,
				     sizeof(a->word), a->flags);
}

uint32_t prime_longer_delay(uint32_t us)
{
	igt_require_f(us < 20000 * MS, "no race within a delay of %u us\n", us);
	return 2 * us;
}

bool prime_move_during_lookup(struct prime *p, struct pfn_thread *lookup,
			      void (*run)(void *arg), void *arg, uint32_t delay_us)
{
	bool during;

	pfn_importer_set_install_delay(delay_us);
	pfn_thread_start(lookup, run, arg);
	/*
	 * get_pfn counts after the lookup; nothing is installed during the delay.
	 */
	while (!vgem_pfn_bo_stats(p->fd, p->handle).get_pfn)
		usleep(MS);
	vgem_pfn_bo_move(p->fd, p->handle, VGEM_PFN_TT);
	/* An entry that was installed before the move would have been zapped. */
	during = !lookup->done && !pfn_import_stats(p->import).dev_zapped;
	pfn_thread_join(lookup);
	pfn_importer_set_install_delay(0);
	return during;
}

static bool try_lookup_race(int fd, int importer, uint32_t flags, uint32_t delay_us)
{
	struct prime p = prime_create(fd, importer, 64 * KiB, 1);
	struct accessor accessor = {
		.p = &p,
		.flags = flags,
		.word = 0x1122334455667788ULL,
	};
	struct dma_buf_pfn_stats stats;
	uint64_t old, word;

	old = vgem_pfn_bo_pfn(fd, p.handle, 0);
	if (!prime_move_during_lookup(&p, &accessor.thread, access_run, &accessor,
				      delay_us)) {
		prime_destroy(&p);
		return false;
	}

	igt_assert_eq(accessor.ret, 0);
	igt_assert_neq_u64(vgem_pfn_bo_pfn(fd, p.handle, 0), old);
	igt_assert_eq_u32(pfn_import_entry(p.import, 0).flags & ENTRY_DEV,
			  ENTRY_DEV);
	igt_assert_eq_u64(pfn_import_entry(p.import, 0).dev_pfn,
			  vgem_pfn_bo_pfn(fd, p.handle, 0));
	stats = pfn_import_stats(p.import);
	igt_assert_lte_u64(1, stats.dev_retries);
	igt_assert_eq_u64(stats.dev_lookups, stats.dev_retries + 1);

	if (flags & DMA_BUF_PFN_ACCESS_WRITE) {
		pfn_mem_read(vgem_pfn_bo_pfn(fd, p.handle, 0), 0, &word,
			     sizeof(word));
		igt_assert_eq_u64(word, accessor.word);
		igt_assert_eq_u64(*(uint64_t *)p.map, accessor.word);
	} else {
		igt_assert_eq_u64(accessor.word, pfn_pattern_word(1, 0));
		prime_check(&p, 1);
	}
	prime_destroy(&p);
	return true;
}

static void test_lookup_race(int fd, int importer, uint32_t flags)
{
	uint32_t us = PRIME_DELAY_US;

	while (!try_lookup_race(fd, importer, flags, us))
		us = prime_longer_delay(us);
}

enum way {
	BY_CPU,
	BY_DEVICE,
};

static void test_write_during_move(int fd, int importer, enum way by)
{
	const size_t size = 64 * KiB;
	struct prime p = prime_create(fd, importer, size, 1);
	struct vgem_pfn_mover mover;

	prime_touch(&p, 1);
	/* The copy is done, but the move is not. */
	vgem_pfn_mover_start_copied(&mover, fd, p.handle, VGEM_PFN_TT);
	if (by == BY_CPU)
		pfn_pattern_fill(p.map, 0, size, 2);
	else
		pfn_import_dev_fill(p.import, size, 2);
	vgem_pfn_mover_wait(&mover);

	vgem_pfn_bo_check(fd, p.handle, size, 2);
	prime_check(&p, 2);
	igt_assert_lte_u64(1, pfn_import_stats(p.import).invalidations);
	prime_destroy(&p);
}

static void test_fault_during_move(int fd, int importer)
{
	struct prime p = prime_create(fd, importer, 64 * KiB, 1);
	uint64_t old = vgem_pfn_bo_pfn(fd, p.handle, 0);
	struct vgem_pfn_mover mover;

	vgem_pfn_mover_start_copied(&mover, fd, p.handle, VGEM_PFN_TT);
	igt_assert_eq_u64(*(uint64_t *)p.map, pfn_pattern_word(1, 0));
	vgem_pfn_mover_wait(&mover);

	igt_assert_neq_u64(pfn_import_entry(p.import, 0).cpu_pfn, old);
	prime_check(&p, 1);
	prime_destroy(&p);
}

struct hammer {
	struct prime *p;
	enum way write;
	enum way read;
	volatile int stop;
	volatile uint64_t rounds;
	volatile bool ended;
	uint64_t got;
	uint64_t want;
	int ret;
};

static int hammer_word(struct hammer *h, enum way by, uint64_t offset,
		       uint64_t *word, uint32_t flags)
{
	volatile uint64_t *map = (void *)(h->p->map + offset);

	if (by == BY_DEVICE)
		return __pfn_import_access(h->p->import, offset, word, 8,
					   flags);
	if (flags & DMA_BUF_PFN_ACCESS_WRITE)
		*map = *word;
	else
		*word = *map;
	return 0;
}

/* Write words and read them back, at once and after a whole pass with moves. */
static void hammer(struct hammer *h)
{
	uint64_t offset = h->write * 64 + h->read * 8, last = 0;

	while (!h->stop) {
		uint64_t page, word;

		for (page = 0; page < h->p->size; page += PFN_PAGE_SIZE) {
			h->ret = hammer_word(h, h->read, page + offset, &word,
					     DMA_BUF_PFN_ACCESS_READ);
			if (h->ret)
				return;
			if (last && word != last) {
				h->got = word;
				h->want = last;
				return;
			}
			word = h->rounds + 1;
			h->ret = hammer_word(h, h->write, page + offset, &word,
					     DMA_BUF_PFN_ACCESS_WRITE);
			if (h->ret)
				return;
			h->ret = hammer_word(h, h->read, page + offset, &word,
					     DMA_BUF_PFN_ACCESS_READ);
			if (h->ret)
				return;
			if (word != h->rounds + 1) {
				h->got = word;
				h->want = h->rounds + 1;
				return;
			}
		}
		last = ++h->rounds;
	}
}

static void *hammer_thread(void *arg)
{
	struct hammer *h = arg;

	hammer(h);
	h->ended = true;
	return NULL;
}

static bool hammers_ran(const struct hammer *hammers)
{
	int i;

	for (i = 0; i < 4; i++)
		if (!hammers[i].rounds && !hammers[i].ended)
			return false;
	return true;
}

static void test_hammer(int fd, int importer, unsigned int ms)
{
	struct prime p = prime_create(fd, importer, 64 * KiB, 1);
	struct dma_buf_pfn_stats stats;
	struct hammer hammers[4] = {};
	struct timespec start = {};
	pthread_t threads[4];
	uint64_t moves = 0;
	int i;

	for (i = 0; i < 4; i++) {
		hammers[i].p = &p;
		hammers[i].write = i & 1 ? BY_DEVICE : BY_CPU;
		hammers[i].read = i & 2 ? BY_DEVICE : BY_CPU;
		igt_assert_eq(pthread_create(&threads[i], NULL, hammer_thread,
					     &hammers[i]), 0);
	}

	while (igt_nsec_elapsed(&start) < ms * 1000000ULL || !hammers_ran(hammers)) {
		if (moves++ % 16 == 0)
			vgem_pfn_evict_all();
		igt_assert_eq(__vgem_pfn_bo_move(fd, p.handle,
						 VGEM_PFN_CARVEOUT), 0);
		usleep(200);
		igt_assert_eq(__vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_TT), 0);
		usleep(200);
	}

	for (i = 0; i < 4; i++)
		hammers[i].stop = 1;
	for (i = 0; i < 4; i++) {
		struct hammer *h = &hammers[i];

		pthread_join(threads[i], NULL);
		igt_assert_eq(h->ret, 0);
		igt_assert_f(h->got == h->want,
			     "written by %s, read by %s: %llu, want %llu\n",
			     h->write ? "device" : "CPU",
			     h->read ? "device" : "CPU", (long long)h->got,
			     (long long)h->want);
		igt_assert_neq_u64(h->rounds, 0);
		igt_info("%llu rounds\n", (long long)h->rounds);
	}
	stats = pfn_import_stats(p.import);
	igt_info("%llu invalidations, %llu faults, %llu lookups, %llu retries\n",
		 (long long)stats.invalidations, (long long)stats.faults,
		 (long long)stats.dev_lookups, (long long)stats.dev_retries);
	igt_assert_lte_u64(moves, stats.invalidations);
	pfn_assert_pattern(p.map + 128, 128, PFN_PAGE_SIZE - 128, 1);
	prime_destroy(&p);
}

void prime_race_tests(int fd, int importer)
{
	igt_describe("A device does not install a stale pfn.");
	igt_subtest("lookup-races-move-read")
		test_lookup_race(fd, importer, DMA_BUF_PFN_ACCESS_READ);

	igt_describe("A device does not write through a stale pfn.");
	igt_subtest("lookup-races-move-write")
		test_lookup_race(fd, importer, DMA_BUF_PFN_ACCESS_WRITE);

	igt_describe("CPU writes during a move are not lost.");
	igt_subtest("write-during-move-cpu")
		test_write_during_move(fd, importer, BY_CPU);

	igt_describe("Device writes during a move are not lost.");
	igt_subtest("write-during-move-device")
		test_write_during_move(fd, importer, BY_DEVICE);

	igt_describe("A fault during a move maps the new placement.");
	igt_subtest("fault-during-move")
		test_fault_during_move(fd, importer);

	igt_describe("No write by CPU or by device is lost during moves.");
	igt_subtest("hammer")
		test_hammer(fd, importer, 1000);

	igt_describe("Like hammer, for longer.");
	igt_subtest("hammer-long")
		test_hammer(fd, importer, 3000);
}
