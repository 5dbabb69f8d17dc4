/* SPDX-License-Identifier: MIT */
/* Groups of subtests of vgem_pfn_prime, one file each. */
#ifndef PRIME_H
#define PRIME_H

#include <stdbool.h>

#include "pfn_prime.h"

#define ENTRY_DEV	DMA_BUF_PFN_ENTRY_DEV
#define ENTRY_CPU	DMA_BUF_PFN_ENTRY_CPU

/* A class of imports: its flags, and whether it pins a buffer that it uses */
struct prime_class {
	const char *name;
	uint32_t flags;
	bool pins;
};

/* All classes; the last one has no name. */
extern const struct prime_class prime_classes[];

/*
 * Move a buffer without previous lookups while @run, in another thread, sleeps for
 * @delay_us between its lookup and the installation of the result. Returns false if the
 * move came too late.
 */
bool prime_move_during_lookup(struct prime *p, struct pfn_thread *lookup,
			      void (*run)(void *arg), void *arg, uint32_t delay_us);

/* Initial delay of an importer, during which the test has to act */
#define PRIME_DELAY_US	300000
/* Return the next longer delay to try; skips at a limit. */
uint32_t prime_longer_delay(uint32_t us);

void prime_import_tests(int fd, int importer);
void prime_access_tests(int fd, int importer);
void prime_move_tests(int fd, int importer);
void prime_map_tests(int fd, int importer);
void prime_race_tests(int fd, int importer);
void prime_signal_tests(int fd, int importer);
void prime_kinds_tests(int fd, int importer);
void prime_modes_tests(int fd, int importer);
void prime_caught_tests(int fd, int importer);
void prime_classes_tests(int fd, int importer);
void prime_jobs_tests(int fd, int importer);
void prime_engines_tests(int fd, int importer);
void prime_close_tests(int fd, int importer);
void prime_udmabuf_tests(int importer);
/* QEMU's bochs-display as importer */
void prime_bochs_tests(int fd);

#endif /* PRIME_H */
