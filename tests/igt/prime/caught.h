/* SPDX-License-Identifier: MIT */
/*
 * Shared by the checks that detect broken importers. Each creates an import with the
 * DMA_BUF_PFN_IMPORT_* flags and returns what was detected: nothing for a correct
 * importer.
 */
#ifndef PRIME_CAUGHT_H
#define PRIME_CAUGHT_H

#include "prime.h"

#define MS		1000		/* us */
#define SIZE		(64 * KiB)	/* as many pages as the TLB has entries */

/* What was detected, or NULL, and after how many microseconds */
struct verdict {
	const char *by;
	uint64_t us;
};

uint64_t now_us(void);
struct verdict verdict(bool caught, const char *by, uint64_t since);

/* caught_races.c */
struct verdict early_import(int fd, int importer, uint32_t flags);
struct verdict lookup_race(int fd, int importer, uint32_t flags);
struct verdict read_early(int fd, int importer, uint32_t flags);
struct verdict read_early_job(int fd, int importer, uint32_t flags);
struct verdict failed_import(int fd, int importer, uint32_t flags);

#endif /* PRIME_CAUGHT_H */
