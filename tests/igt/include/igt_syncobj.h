/* SPDX-License-Identifier: MIT */
/* The part of IGT's igt_syncobj.h that our tests use; see igt.h. */
#ifndef IGT_SYNCOBJ_H
#define IGT_SYNCOBJ_H

#include <stdint.h>

/* These assert success. */
uint32_t syncobj_create(int fd, uint32_t flags);
void syncobj_destroy(int fd, uint32_t handle);
/* 0 or -errno; the timeout is absolute */
int syncobj_timeline_wait_err(int fd, uint32_t *handles, uint64_t *points,
			      unsigned int num_handles, int64_t timeout_nsec,
			      unsigned int flags);

#endif /* IGT_SYNCOBJ_H */
