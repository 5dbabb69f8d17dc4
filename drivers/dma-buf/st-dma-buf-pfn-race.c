// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit test of dma-buf page frame numbers: an importer on one CPU that
 * installs without the reservation lock, against an exporter on another CPU
 * that moves the buffer all the time. They share only the reservation lock and
 * the importer's page table lock.
 */

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/kthread.h>
#include <linux/moduleparam.h>
#include <linux/sched/task.h>

#include "st-dma-buf-pfn-mock.h"

/* Split into short cases, each below the hung task timeout of 30 s */
#define RACE_PARTS	20

/*
 * Maximum delay of the importer before it installs, and delay of the mover
 * between moves, so that the importer gets the lock: in iterations of
 * cpu_relax(). With these values, about one in twenty lookups must be repeated
 * under emulation.
 */
#define RACE_INSTALL	256
#define RACE_AWAY	64

/* The test requires at least one retry in this many moves. */
#define RACE_RETRIES	1000

static unsigned long pfn_race_rounds = 1000000;
module_param(pfn_race_rounds, ulong, 0644);
MODULE_PARM_DESC(pfn_race_rounds, "Number of moves of the buffer in the race test");

/**
 * struct race - what the two threads work on
 * @mock: exporter, of one page
 * @imp: importer
 * @rounds: number of moves to make
 * @moved: moves made, written by the mover
 * @installed: entries installed, written by the importer
 * @retried: lookups that were out of date, written by the importer
 * @stale: the mover found a stale page table entry
 * @own: the importer uses its own count of notifications, not the sequence
 * @error: error of a lookup
 * @done: the mover has finished
 */
struct race {
	struct pfn_mock *mock;
	struct pfn_mock_importer *imp;
	unsigned long rounds;
	unsigned long moved;
	unsigned long installed;
	unsigned long retried;
	bool stale;
	bool own;
	int error;
	struct completion done;
};

/* Read the sequence, or the importer's own count under its lock */
static unsigned long race_read_begin(struct race *race)
{
	unsigned long seq;

	if (!race->own)
		return dma_buf_pfn_read_begin(race->imp->attach);

	spin_lock(&race->imp->lock);
	seq = race->imp->notified;
	spin_unlock(&race->imp->lock);
	return seq;
}

static bool race_read_retry(struct race *race, unsigned long seq)
{
	lockdep_assert_held(&race->imp->lock);

	return race->own ? race->imp->notified != seq :
	       dma_buf_pfn_read_retry(race->imp->attach, seq);
}

/* The retry loop of importers, without the wait for fences. */
static int race_import(void *data)
{
	struct race *race = data;
	struct dma_buf_attachment *attach = race->imp->attach;
	unsigned long turn = 0, seq;
	unsigned int i;
	u64 pfn;

	while (!race->error && !kthread_should_stop()) {
		seq = race_read_begin(race);
		race->error = dma_buf_get_pfn_unlocked(attach, 0, &pfn, NULL);

		/* Give the mover a varying time to move the buffer. */
		for (i = 0; i < turn++ % RACE_INSTALL; i++)
			cpu_relax();

		spin_lock(&race->imp->lock);
		if (race_read_retry(race, seq)) {
			race->retried++;
		} else {
			race->imp->mapped = pfn;
			race->installed++;
		}
		spin_unlock(&race->imp->lock);
	}
	return 0;
}

/* Whether the importer has an entry for the other placement */
static bool race_is_stale(struct race *race)
{
	bool stale;

	dma_resv_assert_held(race->mock->dmabuf->resv);

	spin_lock(&race->imp->lock);
	stale = race->imp->mapped &&
		race->imp->mapped != pfn_mock_pfn(race->mock, 0);
	spin_unlock(&race->imp->lock);
	return stale;
}

static int race_move(void *data)
{
	struct race *race = data;
	unsigned int i;

	while (!race->stale && race->moved < race->rounds && !kthread_should_stop()) {
		pfn_mock_lock(race->mock);
		race->stale = race_is_stale(race);
		if (!race->stale) {
			pfn_mock_move_locked(race->mock);
			race->moved++;
		}
		pfn_mock_unlock(race->mock);
		for (i = 0; i < RACE_AWAY; i++)
			cpu_relax();
	}
	complete(&race->done);
	return 0;
}

static void race_stop(void *task)
{
	kthread_stop_put(task);
}

static void race_start(struct kunit *test, int (*thread)(void *),
		       struct race *race, unsigned int cpu)
{
	struct task_struct *task;

	task = kthread_create(thread, race, "pfn_race/%u", cpu);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	/* The thread may exit before it is stopped. */
	get_task_struct(task);
	kthread_bind(task, cpu);
	wake_up_process(task);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, race_stop, task));
}

static const void *race_gen_params(struct kunit *test, const void *prev,
				   char *desc)
{
	unsigned long part = (unsigned long)prev + 1;

	if (part > RACE_PARTS)
		return NULL;

	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "part %lu, %s", part,
		 part % 2 ? "the sequence" : "own counter");
	return (void *)part;
}

/*
 * Rule 6: the sequence. The test case succeeds if an importer that installs the
 * result of the unlocked lookup, unless the sequence has advanced, never has a
 * stale page table entry, and had to retry often enough to prove it. Every
 * second case uses the importer's own count of notifications instead of the
 * sequence.
 */
static void rule6_unlocked_race(struct kunit *test)
{
	unsigned int cpu = cpumask_first(cpu_online_mask);
	unsigned int other = cpumask_next(cpu, cpu_online_mask);
	struct race *race;

	if (other >= nr_cpu_ids)
		kunit_skip(test, "needs two CPUs");

	race = kunit_kzalloc(test, sizeof(*race), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, race);
	init_completion(&race->done);
	race->rounds = pfn_race_rounds / RACE_PARTS;
	race->own = (unsigned long)test->param_value % 2 == 0;
	race->mock = pfn_mock_create(test, PFN_MOCK_GET_PFN | PFN_MOCK_PIN,
				     &pfn_mock_one_page);
	race->imp = pfn_mock_attach(race->mock, PFN_MOCK_DYNAMIC, NULL);

	race_start(test, race_import, race, cpu);
	race_start(test, race_move, race, other);
	KUNIT_EXPECT_GT(test, wait_for_completion_timeout(&race->done, 25 * HZ), 0);

	pfn_mock_lock(race->mock);
	KUNIT_EXPECT_FALSE(test, race->stale);
	KUNIT_EXPECT_FALSE(test, race_is_stale(race));
	KUNIT_EXPECT_EQ(test, race->moved, race->rounds);
	KUNIT_EXPECT_EQ(test, race->error, 0);
	KUNIT_EXPECT_GE(test, race->retried, race->rounds / RACE_RETRIES);
	KUNIT_EXPECT_GE(test, race->installed, race->rounds / RACE_RETRIES);
	pfn_mock_unlock(race->mock);
	kunit_info(test, "%lu moves, %lu entries, %lu retries", race->moved,
		   race->installed, race->retried);
}

static struct kunit_case dma_buf_pfn_race_cases[] = {
	KUNIT_CASE_PARAM_ATTR(rule6_unlocked_race, race_gen_params,
			      { .speed = KUNIT_SPEED_SLOW }),
	{}
};

static struct kunit_suite dma_buf_pfn_race_suite = {
	.name = "dma-buf-pfn-race",
	.test_cases = dma_buf_pfn_race_cases,
};

kunit_test_suite(dma_buf_pfn_race_suite);

MODULE_IMPORT_NS("DMA_BUF");
