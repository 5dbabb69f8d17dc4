/* SPDX-License-Identifier: MIT */
/*
 * Around loops that make the first, the second, the third allocation of an operation
 * fail, with __pfn_fail_nth_set() and __pfn_fail_nth_get().
 */
#ifndef PFN_NTH_H
#define PFN_NTH_H

#include "pfn_fault.h"

/*
 * This thread's fail-nth. From now on its own memory stays, so that no page fault
 * allocates, and what TTM says when it fails is expected.
 */
int pfn_nth_begin(void);
void pfn_nth_end(int nth);

#endif /* PFN_NTH_H */
