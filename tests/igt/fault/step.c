// SPDX-License-Identifier: MIT
/*
 * Subtests of the driver's own fault attributes, step by step.
 */
#include "fault.h"
#include "igt.h"
#include "vgem_pfn_module.h"

#define ALL	1000000	/* number of failures */

static const struct {
	const char *name;	/* in the names of subtests */
	const char *step;	/* fault attribute */
	const char *op;
	int error;
	bool once;	/* the operation reaches the step once, and does not retry */
	bool other;	/* armed on the other device */
} steps[] = {
	{ "create", "create", "create", -ENOMEM, true, false },
	{ "export", "export", "export", -ENOMEM, true, false },
	{ "attach", "attach", "attach", -ENOMEM, true, false },
	{ "pin", "pin", "pin", -ENOSPC, true, false },
	{ "import", "import", "import", -ENOMEM, true, true },
	{ "map", "map", "map", -EIO, true, false },
	/* With debug checks the core repeats the lookup to compare. */
	{ "get-pfn", "get_pfn", "get-pfn", -EIO, false, false },
	{ "populate", "populate", "populate", -ENOMEM, true, false },
	/* A failed allocation is retried after eviction. */
	{ "alloc", "alloc", "create", -ENOMEM, false, false },
	/* Creating the buffer copies (clears), too. */
	{ "copy", "copy", "move-tt", -EIO, false, false },
};

static int arm(struct fault *f, int i, int interval, int times)
{
	int fd = steps[i].other ? vgem_pfn_open_faux(1) : f->fd;
	int ret = __vgem_pfn_fault_arm(fd, steps[i].step, interval, times);

	if (fd != f->fd)
		close(fd);
	return ret;
}

static int disarm(struct fault *f, int i)
{
	int fd = steps[i].other ? vgem_pfn_open_faux(1) : f->fd;
	int ret = __vgem_pfn_fault_disarm(fd, steps[i].step);

	if (fd != f->fd)
		close(fd);
	return ret;
}

static int run_once(struct fault *f, const struct fault_op *op)
{
	int ret;

	op->prepare(f);
	ret = op->run(f);
	fault_finish(f);
	fault_end(f);
	return ret;
}

static void test_step(struct fault *f, int i)
{
	const struct fault_op *op = fault_op(steps[i].op);
	struct fault_state idle = fault_state(f), before;

	igt_assert(op);
	op->prepare(f);
	before = fault_state(f);

	igt_assert_eq(arm(f, i, 1, ALL), 0);
	igt_assert_eq(op->run(f), steps[i].error);
	igt_assert_eq(op->run(f), steps[i].error);
	igt_assert_eq(disarm(f, i), 0);
	fault_assert_unchanged(f, op, &before);
	igt_assert_eq(op->run(f), 0);
	if (op->check)
		op->check(f);
	fault_finish(f);
	fault_end(f);
	fault_assert_released(f, &idle);
}

static void test_step_nth(struct fault *f, int i)
{
	const struct fault_op *op = fault_op(steps[i].op);
	int run, failed = 0, last = -1;

	igt_assert(op);
	igt_assert_eq(arm(f, i, 3, 2), 0);
	for (run = 0; run < 12; run++) {
		int ret = run_once(f, op);

		if (!ret)
			continue;
		igt_assert_eq(ret, steps[i].error);
		if (failed)
			igt_assert_eq(run, last + 3);
		else
			igt_assert_lt(run, 3);
		last = run;
		failed++;
	}
	igt_assert_eq(failed, 2);
	igt_assert_eq(disarm(f, i), 0);
}

void fault_step_tests(struct fault *f)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		igt_describe("A step fails with its error and nothing changes.");
		igt_subtest_f("step-%s", steps[i].name)
			test_step(f, i);

		if (!steps[i].once)
			continue;
		igt_describe("Every third call fails, for the given number of times.");
		igt_subtest_f("step-nth-%s", steps[i].name)
			test_step_nth(f, i);
	}
}
