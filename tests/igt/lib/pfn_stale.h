/* SPDX-License-Identifier: MIT */
/*
 * Reports of stale writes, read from the kernel's log.
 */
#ifndef PFN_STALE_H
#define PFN_STALE_H

#include <stdbool.h>

#include "vgem_pfn.h"

/* How each begins, for igt_emit_ignore_dmesg_regex() */
#define PFN_STALE_REPORT	"stale write: buffer"

struct pfn_stale {
	unsigned long long id;
	unsigned long long offset;
	unsigned long long bytes;
	unsigned long long age_us;
	char carveout[16];
	char importers[96];
};

/* The kernel's log from now on; skips without one. */
int pfn_stale_open(void);
/* The next report in the log, if there is one */
bool pfn_stale_next(int log, struct pfn_stale *report);
/* Whoever wants the whole carveout ends all quarantines in it. */
void pfn_stale_flush(struct drm_vgem_pfn_region region);

#endif /* PFN_STALE_H */
