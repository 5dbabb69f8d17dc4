/* SPDX-License-Identifier: MIT */
/*
 * A fence that the test signals. A move or a job that waits for it stays pending until
 * then, however slow the machine is.
 *
 * The fence is one of vgem's, which signals by itself after 10 s. If it has signaled
 * early, pfn_hold_assert() skips instead of failing. Tests of system calls that must
 * not wait for the fence, and take microseconds, assert pfn_hold_pending() instead.
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
 * Writers to the buffer wait from now on: moves, and jobs that write. Readers, such as
 * CPU accesses, do not.
 */
void pfn_hold_dmabuf(struct pfn_hold *hold, int dmabuf);
/* The same, given a handle */
void pfn_hold_bo(struct pfn_hold *hold, int fd, uint32_t handle);

/* Whether the fence is still pending */
bool pfn_hold_pending(const struct pfn_hold *hold);
#define pfn_hold_assert(hold, expr) \
	do { \
		bool pfn_true = (expr); \
		igt_require_f(pfn_true || pfn_hold_pending(hold), \
			      "the test took longer than vgem's fence: " #expr "\n"); \
		igt_assert_f(pfn_true, "not while the fence is pending: " #expr "\n"); \
	} while (0)

/* Signal the fence and free @hold. */
void pfn_hold_end(struct pfn_hold *hold);
/*
 * Let another thread signal the fence once the caller sleeps in the kernel. A call that
 * does not sleep returns with the fence pending. To be followed by pfn_hold_end().
 */
void pfn_hold_until_asleep(struct pfn_hold *hold);

#endif /* PFN_HOLD_H */
