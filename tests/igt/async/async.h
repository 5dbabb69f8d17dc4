/* SPDX-License-Identifier: MIT */
/*
 * Groups of subtests of vgem_pfn_async, one file each, and what they share: moves with
 * a copy by an engine.
 */
#ifndef ASYNC_H
#define ASYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "igt_syncobj.h"
#include "vgem_pfn.h"

#define MS	1000	/* us */

/* Set the latency of every engine copy. */
void async_latency(int fd, uint32_t us);
/* Restore the default of all knobs. */
void async_reset(int fd);

/* Move without waiting for the copy; asserts success. @out_syncobj may be zero. */
void async_move(int fd, uint32_t handle, uint32_t region, uint32_t out_syncobj);
/* The same, with a copy that does not start before @hold ends */
void async_move_held(int fd, uint32_t handle, uint32_t region, uint32_t out_syncobj,
		     struct pfn_hold *hold);

/*
 * Wait for @point of a sync object, or for its fence if @point is zero. A negative @ms
 * means no timeout. Returns 0, -ETIME on timeout, -EINVAL without a fence.
 */
int async_syncobj_wait(int fd, uint32_t syncobj, uint64_t point, int ms);
bool async_done(int fd, uint32_t syncobj);
void async_wait(int fd, uint32_t syncobj);

void async_copy_tests(int fd, int importer);
void async_chain_tests(int fd);
void async_sync_tests(int fd);
void async_access_tests(int fd, int importer);
void async_fault_tests(int fd, int importer);
void async_evict_tests(int fd);
void async_race_tests(int fd, int importer);
/* Opens devices itself: the module must be unused when called. */
void async_unload_tests(void);

#endif /* ASYNC_H */
