/* SPDX-License-Identifier: MIT */
/* The part of IGT's sw_sync.h that our tests use; see igt.h. */
#ifndef SW_SYNC_H
#define SW_SYNC_H

/* Wait for a sync file. Returns 0, -ETIME or another error. @timeout: ms, or -1 */
int sync_fence_wait(int fence, int timeout);

#endif /* SW_SYNC_H */
