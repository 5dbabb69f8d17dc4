// SPDX-License-Identifier: MIT
/*
 * Subtests that show that each kind of broken importer is detected, by which check, and
 * how quickly. A correct importer goes through the same steps and must not be reported.
 *
 * Buffers move out of the carveout only, so writes through old page frame numbers reach
 * quarantined memory.
 */
#include <sys/mman.h>
#include <time.h>

#include "igt.h"
#include "pfn_stale.h"
#include "caught.h"

/* Longer than any subtest: quarantines end only when the test flushes them. */
#define LONG_MS		10000

/*
 * Delays of importers that are broken on purpose: of a late zap, and of a lock held
 * during a notification
 */
#define LATE		(60000 * MS)
#define HOLD		(400 * MS)
#define HOLD_LONGEST	(10000 * MS)

/* Time limit for the detection */
#define LIMIT		(30000 * MS)

uint64_t now_us(void)
{
	return pfn_now_ns() / 1000;
}

struct verdict verdict(bool caught, const char *by, uint64_t since)
{
	return (struct verdict) {
		.by = caught ? by : NULL,
		.us = now_us() - since,
	};
}

/* End the quarantine of the memory that @p has left, and read the report. */
static struct verdict stale_verdict(struct prime *p, int log, uint64_t since)
{
	struct pfn_stale report = {};
	struct verdict v;
	bool found;

	pfn_stale_flush(vgem_pfn_region(p->fd, VGEM_PFN_CARVEOUT));
	found = pfn_stale_next(log, &report);
	v = verdict(found, "report of a stale write", since);
	if (found)
		igt_assert_eq_u64(report.id,
				  vgem_pfn_bo_query(p->fd, p->handle).id);
	igt_assert(!pfn_stale_next(log, &report));
	vgem_pfn_set_quarantine(p->fd, 0);
	close(log);
	return v;
}

/* Create a buffer and its import, translate all pages, and move the buffer away. */
static struct prime moved(int fd, int importer, uint32_t flags, int *log,
			  uint64_t *since)
{
	struct prime p = prime_create_flags(fd, importer, SIZE, 1, flags);

	pfn_importer_set_knob("zap_delay_us", LATE);
	prime_touch(&p, 1);
	*log = pfn_stale_open();
	vgem_pfn_set_quarantine(fd, LONG_MS);
	*since = now_us();
	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_TT);
	return p;
}

static struct verdict stale_by_device(int fd, int importer, uint32_t flags)
{
	uint64_t since, word = 0x1122334455667788ULL;
	struct verdict v;
	struct prime p;
	int log;

	p = moved(fd, importer, flags, &log, &since);
	pfn_import_write(p.import, 8, &word, sizeof(word));
	v = stale_verdict(&p, log, since);
	/* The write reached either the buffer or the old memory. */
	igt_assert((*(uint64_t *)(p.map + 8) == word) == !v.by);
	prime_destroy(&p);
	return v;
}

static struct verdict stale_by_cpu(int fd, int importer, uint32_t flags)
{
	struct verdict v;
	uint64_t since;
	struct prime p;
	int log;

	p = moved(fd, importer, flags, &log, &since);
	pfn_pattern_fill(p.map, 0, PFN_PAGE_SIZE, 2);
	v = stale_verdict(&p, log, since);
	prime_destroy(&p);
	return v;
}

/* The page tables are correct: the stale TLB entry is found only by its write. */
static struct verdict stale_by_tlb(int fd, int importer, uint32_t flags)
{
	struct verdict v;
	uint64_t since, word = 0x1122334455667788ULL;
	struct prime p;
	int log;

	p = moved(fd, importer, flags, &log, &since);
	pfn_import_assert_truth(p.import, fd, p.handle, SIZE, 0);
	pfn_import_write(p.import, 8, &word, sizeof(word));
	v = stale_verdict(&p, log, since);
	igt_assert_eq_u64(pfn_import_stats(p.import).tlb_flushes,
			  flags & PFN_BROKEN_STALE_TLB ? 0 : 1);
	prime_destroy(&p);
	return v;
}

/*
 * Move the buffer while a job is pending that writes to it. Returns false if a job that
 * the move does not wait for ended before it was checked.
 */
static bool try_stale_by_job(int fd, int importer, uint32_t flags, uint32_t latency_us,
			     struct verdict *verdict)
{
	struct prime p = prime_create_flags(fd, importer, SIZE, 1, flags);
	bool waits = !(flags & PFN_BROKEN_NO_FENCE), done;
	int log = pfn_stale_open();
	struct verdict v;
	uint64_t since;
	uint32_t job;

	vgem_pfn_set_quarantine(fd, LONG_MS);
	pfn_importer_set_knob("job_latency_us", latency_us);
	since = now_us();
	job = pfn_job_fill(p.import, 0, SIZE, 2, 0);
	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_TT);
	done = pfn_job_done(p.import, job);
	igt_assert(done || !waits);
	if (!done)
		pfn_job_result(p.import, job);
	v = stale_verdict(&p, log, since);
	pfn_importer_set_knob("job_latency_us", 0);
	if (done == waits)
		vgem_pfn_bo_check(fd, p.handle, SIZE, v.by ? 1 : 2);
	prime_destroy(&p);
	*verdict = v;
	return done == waits;
}

static struct verdict stale_by_job(int fd, int importer, uint32_t flags)
{
	uint32_t us = PRIME_DELAY_US;
	struct verdict v;

	while (!try_stale_by_job(fd, importer, flags, us, &v))
		us = prime_longer_delay(us);
	return v;
}

static struct verdict notification_takes(int fd, int importer, uint32_t flags,
					 uint32_t hold_us)
{
	struct verdict v;
	uint64_t since, ns;
	struct prime p;
	int log;

	pfn_importer_set_knob("hold_lock_us", hold_us);
	p = moved(fd, importer, flags, &log, &since);
	ns = vgem_pfn_bo_stats(fd, p.handle).max_notify_ns;
	v = verdict(ns / 1000 >= hold_us, "time of the notification", since);
	igt_info("the notification took %llu us\n", (long long)ns / 1000);
	igt_assert_lt_u64(0, ns);
	igt_assert(!stale_verdict(&p, log, since).by);
	prime_check(&p, 1);
	prime_destroy(&p);
	return v;
}

/*
 * A correct importer may be slow once; one that holds the lock takes as long as any
 * @hold_us.
 */
static struct verdict notification_time(int fd, int importer, uint32_t flags)
{
	struct verdict v;
	uint32_t us;

	for (us = HOLD; us < HOLD_LONGEST; us *= 4) {
		v = notification_takes(fd, importer, flags, us);
		if (!v.by)
			break;
		if (flags & PFN_BROKEN_HOLD_LOCK)
			break;
	}
	return v;
}

struct mode {
	const char *name;
	const char *describe;
	uint32_t flag;
	struct verdict (*run)(int fd, int importer, uint32_t flags);
};

static const struct mode modes[] = {
	{ "no-zap-device", "ignores notifications (write by device)",
	  PFN_BROKEN_NO_ZAP, stale_by_device },
	{ "no-zap-cpu", "ignores notifications (write by CPU)",
	  PFN_BROKEN_NO_ZAP, stale_by_cpu },
	{ "late-zap-device", "zaps too late (write by device)",
	  PFN_BROKEN_LATE_ZAP, stale_by_device },
	{ "late-zap-cpu", "zaps too late (write by CPU)",
	  PFN_BROKEN_LATE_ZAP, stale_by_cpu },
	{ "stale-tlb", "does not flush the TLB of its device",
	  PFN_BROKEN_STALE_TLB, stale_by_tlb },
	{ "no-fence", "does not publish the fences of its jobs",
	  PFN_BROKEN_NO_FENCE, stale_by_job },
	{ "no-fence-wait-device", "does not wait for fences in an access",
	  PFN_BROKEN_NO_FENCE_WAIT, read_early },
	{ "no-fence-wait-job", "does not wait for fences in a job",
	  PFN_BROKEN_NO_FENCE_WAIT, read_early_job },
	{ "no-retry", "does not check the sequence before it installs a pfn",
	  PFN_BROKEN_NO_RETRY, lookup_race },
	{ "hold-lock", "holds the lock too long in a notification",
	  PFN_BROKEN_HOLD_LOCK, notification_time },
	{ "attach-early", "attaches before it can be notified",
	  PFN_BROKEN_ATTACH_EARLY, early_import },
	{ "leak", "leaves its attachment behind when it fails",
	  PFN_BROKEN_LEAK, failed_import },
};

static void test_mode(int fd, int importer, const struct mode *mode)
{
	struct verdict v;

	v = mode->run(fd, importer, DMA_BUF_PFN_IMPORT_P2P | mode->flag);
	igt_assert_f(v.by, "%s: not caught\n", mode->name);
	igt_info("%s: caught after %llu ms by: %s\n", mode->name,
		 (long long)v.us / 1000, v.by);
	igt_assert_lt_u64(v.us, LIMIT);

	v = mode->run(fd, importer, DMA_BUF_PFN_IMPORT_P2P);
	igt_assert_f(!v.by, "%s: a correct importer was reported by: %s\n",
		     mode->name, v.by);
}

static void test_late_zap(int fd, int importer)
{
	struct prime p = prime_create_flags(fd, importer, SIZE, 1,
					    DMA_BUF_PFN_IMPORT_P2P |
					    PFN_BROKEN_LATE_ZAP);
	struct dma_buf_pfn_stats stats;
	int tries;

	pfn_importer_set_knob("zap_delay_us", 300 * MS);
	prime_touch(&p, 1);
	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_TT);
	igt_assert_eq_u64(pfn_import_stats(p.import).invalidations, 1);
	for (tries = 0; tries < 3000; tries++) {
		stats = pfn_import_stats(p.import);
		if (!stats.dev_mapped && !stats.cpu_mapped)
			break;
		usleep(20 * MS);
	}
	igt_assert_eq_u64(stats.dev_zapped, SIZE / PFN_PAGE_SIZE);
	igt_assert_eq_u64(stats.cpu_zapped, SIZE / PFN_PAGE_SIZE);
	prime_check(&p, 1);

	pfn_importer_set_knob("zap_delay_us", LATE);
	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_CARVEOUT);
	prime_destroy(&p);
}

void prime_caught_tests(int fd, int importer)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		igt_describe_f("An importer is detected that %s.",
			       modes[i].describe);
		igt_subtest_f("caught-%s", modes[i].name) {
			igt_emit_ignore_dmesg_regex(PFN_STALE_REPORT);
			test_mode(fd, importer, &modes[i]);
		}
	}

	igt_describe("An importer with a late zap removes its translations after a delay.");
	igt_subtest("late-zap")
		test_late_zap(fd, importer);
}
