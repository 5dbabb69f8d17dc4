/* SPDX-License-Identifier: MIT */
/*
 * Setup for loops that make the first, the second, the third ... allocation of an
 * operation fail, with __pfn_fail_nth_set() and __pfn_fail_nth_get(); and the end of
 * fault injection after a failed subtest.
 */
#ifndef PFN_NTH_H
#define PFN_NTH_H

#include "pfn_fault.h"

/*
 * Return this thread's fail-nth file. Locks the process's memory, so that no page fault
 * allocates, and ignores TTM's error messages.
 */
int pfn_nth_begin(void);
void pfn_nth_end(int nth);

/* Disarm the steps of the first two devices, and fail-nth, now and at exit. */
void pfn_fault_disarm_on_exit(void);

#endif /* PFN_NTH_H */
