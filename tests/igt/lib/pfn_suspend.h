/* SPDX-License-Identifier: MIT */
/*
 * The kernel's test mode of suspending, which goes so far and comes back.
 */
#ifndef PFN_SUSPEND_H
#define PFN_SUSPEND_H

/* @state is one of /sys/power/state, and @level of /sys/power/pm_test. */
void pfn_require_suspend(const char *state, const char *level);
/* Returns when the machine has come back, after a second. */
void pfn_suspend(const char *state, const char *level);

#endif /* PFN_SUSPEND_H */
