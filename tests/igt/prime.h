/* SPDX-License-Identifier: MIT */
/*
 * The groups of subtests that vgem_pfn_prime is made of, one file each.
 */
#ifndef PRIME_H
#define PRIME_H

#include <stdbool.h>

#include "pfn_prime.h"

#define ENTRY_DEV	DMA_BUF_PFN_ENTRY_DEV
#define ENTRY_CPU	DMA_BUF_PFN_ENTRY_CPU

/* What an import promises: flags for it, and whether it pins what it uses */
struct prime_class {
	const char *name;
	uint32_t flags;
	bool pins;
};

/* All of them; the last one has no name. */
extern const struct prime_class prime_classes[];

/*
 * Move a buffer that nobody has looked up yet while another thread, @run, is between its
 * lookup and its installation, for so long. False if the move came too late.
 */
bool prime_move_during_lookup(struct prime *p, struct pfn_thread *lookup,
			      void (*run)(void *arg), void *arg, uint32_t delay_us);

/* Delays of an importer in which something is to happen, for a start */
#define PRIME_DELAY_US	300000
/* The next longer one, when it came too late; skips in the end. */
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

#endif /* PRIME_H */
