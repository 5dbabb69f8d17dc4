/* SPDX-License-Identifier: MIT */
/* Reports of stale writes in the kernel log */
#ifndef PFN_STALE_H
#define PFN_STALE_H

#include <stdbool.h>

#include "vgem_pfn.h"

/* Prefix of a report, for igt_emit_ignore_dmesg_regex() */
#define PFN_STALE_REPORT	"stale write: buffer"

struct pfn_stale {
	unsigned long long id;
	unsigned long long offset;
	unsigned long long bytes;
	unsigned long long age_us;
	char carveout[16];
	char importers[96];
};

/* Open the kernel log at its end; skips without one. */
int pfn_stale_open(void);
/* Read the next report in the log; false if there is none. */
bool pfn_stale_next(int log, struct pfn_stale *report);
/* End all quarantines in a carveout, by allocating all of it. */
void pfn_stale_flush(struct drm_vgem_pfn_region region);

#endif /* PFN_STALE_H */
