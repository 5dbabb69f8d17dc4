/* SPDX-License-Identifier: MIT */
/*
 * Loops that make the first, the second, the third ... allocation of an operation fail,
 * and the end of fault injection after a failed subtest.
 */
#ifndef PFN_NTH_H
#define PFN_NTH_H

#include "pfn_fault.h"

/*
 * Return this thread's fail-nth file, or skip if the kernel has no fault injection. Locks
 * the process's memory, so that no page fault allocates, and ignores the kernel's
 * messages of failed allocations.
 */
int pfn_nth_begin(void);

/*
 * Until pfn_nth_end(), let only those fault points fail that @function of @module calls,
 * directly or not. It must not be inlined. Skip if the kernel has no stack trace filter.
 */
void pfn_nth_below(const char *module, const char *function);

/* Make the @n-th fault point of this thread fail. */
void pfn_nth_arm(int nth, unsigned int n);

/*
 * Return the number of fault points left until the failure, 0 after the failure, and
 * disable it.
 */
int pfn_nth_disarm(int nth);
void pfn_nth_end(int nth);

/* Disarm the steps of the first two devices, and fail-nth, now and at exit. */
void pfn_fault_disarm_on_exit(void);

#endif /* PFN_NTH_H */
