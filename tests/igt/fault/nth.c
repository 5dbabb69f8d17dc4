// SPDX-License-Identifier: MIT
/*
 * Subtests that make the first, the second, the third ... allocation or step of an
 * operation fail, until it runs without a failure. Warnings and leaks are detected by
 * the runner and the harness.
 */
#include "fault.h"
#include "igt.h"
#include "pfn_nth.h"

/* Far more than the fault points of any operation */
#define MAX_NTH		2000

static void test_nth(struct fault *f, const struct fault_op *op)
{
	struct fault_state idle = fault_state(f), before;
	int nth, n, left, ret, failed = 0;

	nth = pfn_nth_begin();
	for (n = 1; n < MAX_NTH; n++) {
		op->prepare(f);
		before = fault_state(f);

		pfn_nth_arm(nth, n);
		ret = op->run(f);
		left = pfn_nth_disarm(nth);

		igt_assert_f(ret <= 0 && ret > -4096, "N=%d: %d\n", n, ret);
		if (ret) {
			igt_debug("N=%d: %s\n", n, strerror(-ret));
			igt_assert_f(!left, "N=%d: %d, but no fault was injected\n",
				     n, ret);
			failed++;
			fault_assert_unchanged(f, op, &before);
			igt_assert_eq(op->run(f), 0);
		}
		if (op->check)
			op->check(f);
		fault_finish(f);
		if (left)
			break;
	}
	fault_end(f);
	igt_info("%d fault points, %d failures of %s\n", n - 1, failed,
		 op->name);
	igt_assert_lt(n, MAX_NTH);
	igt_assert_lt(1, n);

	pfn_nth_end(nth);
	fault_assert_released(f, &idle);
}

void fault_nth_tests(struct fault *f)
{
	const struct fault_op *op;

	for (op = fault_ops; op->name; op++) {
		igt_describe_f("With a failure at each point in turn, %s",
			       op->describe);
		igt_subtest_f("nth-%s", op->name)
			test_nth(f, op);
	}
}
