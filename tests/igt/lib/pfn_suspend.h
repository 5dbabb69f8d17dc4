/* SPDX-License-Identifier: MIT */
/* The kernel's test mode of suspend, which stops at a given level and resumes. */
#ifndef PFN_SUSPEND_H
#define PFN_SUSPEND_H

/* @state: from /sys/power/state, @level: from /sys/power/pm_test */
void pfn_require_suspend(const char *state, const char *level);
/* Suspend, and return after the resume, about a second later. */
void pfn_suspend(const char *state, const char *level);

#endif /* PFN_SUSPEND_H */
