/* SPDX-License-Identifier: MIT */
/*
 * A fence that the test signals. A move or a job that waits for it stays under way
 * until then, however slow the machine is.
 *
 * The fence is one of vgem's, which signals by itself after 10 s. An assertion that
 * does not hold after that is no failure: pfn_hold_assert() skips then. Only a test of
 * something that does not wait for the fence, a system call of microseconds, has these
 * 10 s as its limit and asserts pfn_hold_pending().
 */
#ifndef PFN_HOLD_H
#define PFN_HOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "pfn_thread.h"

struct pfn_hold {
	int vgem;
	uint32_t fence;
	int sync_file;
	pid_t waiter;
	struct pfn_thread releaser;
};

/* Skips without vgem. */
void pfn_hold_begin(struct pfn_hold *hold);
/*
 * What writes to the buffer waits from now on: moves, and jobs that write.
 * What reads, as a CPU access does, does not.
 */
void pfn_hold_dmabuf(struct pfn_hold *hold, int dmabuf);
/* The same without a dma-buf at hand */
void pfn_hold_bo(struct pfn_hold *hold, int fd, uint32_t handle);

/* Whether the fence has not signaled yet */
bool pfn_hold_pending(const struct pfn_hold *hold);
#define pfn_hold_assert(hold, expr) \
	do { \
		bool pfn_true = (expr); \
		igt_require_f(pfn_true || pfn_hold_pending(hold), \
			      "the test took longer than vgem's fence: " #expr "\n"); \
		igt_assert_f(pfn_true, "not while the fence is pending: " #expr "\n"); \
	} while (0)

/* Signal, and free all that belongs to @hold. */
void pfn_hold_end(struct pfn_hold *hold);
/*
 * Another thread signals when the caller sleeps in the kernel, so that a call which
 * does not wait returns with the fence pending. pfn_hold_end() is to follow.
 */
void pfn_hold_until_asleep(struct pfn_hold *hold);

#endif /* PFN_HOLD_H */
