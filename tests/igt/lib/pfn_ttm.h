/* SPDX-License-Identifier: MIT */
/*
 * TTM's knobs for swapping out buffers, of all devices. Functions without underscores skip
 * the test if TTM does not have the knob.
 */
#ifndef PFN_TTM_H
#define PFN_TTM_H

#include <stdint.h>

/*
 * Make TTM swap out the least recently used buffer. Returns the number of its pages, 0
 * if there is none, or -errno.
 */
long __pfn_ttm_shrink(void);
void pfn_ttm_shrink(void);
/* Free the pages of one pool as memory reclaim does. Returns 0 or -errno. */
int __pfn_ttm_shrink_pool(void);

/* Limit the pages that TTM allocates. Beyond the limit, each allocation swaps out buffers. */
void pfn_ttm_limit(uint64_t pages);
/* Restore the limit from before the first call of pfn_ttm_limit(). */
void pfn_ttm_unlimit(void);
/* Once per test that calls pfn_ttm_limit(), in a fixture: restores the limit at exit, too. */
void pfn_ttm_unlimit_on_exit(void);

#endif /* PFN_TTM_H */
