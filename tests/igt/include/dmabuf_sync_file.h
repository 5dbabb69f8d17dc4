/* SPDX-License-Identifier: MIT */
/* The part of IGT's dmabuf_sync_file.h that our tests use; see igt.h. */
#ifndef DMABUF_SYNC_FILE_H
#define DMABUF_SYNC_FILE_H

#include <linux/dma-buf.h>
#include <stdbool.h>
#include <stdint.h>

/* A sync file with the fences that a reader or a writer has to wait for; asserts. */
int dmabuf_export_sync_file(int dmabuf, uint32_t flags);
/* Make writers to the dma-buf (or readers) wait for a sync file's fence; asserts. */
void dmabuf_import_sync_file(int dmabuf, uint32_t flags, int sync_fd);

/* Whether a reader or a writer has to wait: by poll(), and by a sync file */
bool dmabuf_busy(int dmabuf, uint32_t flags);
bool dmabuf_sync_file_busy(int dmabuf, uint32_t flags);
/* Whether the fence of a sync file is pending */
bool sync_file_busy(int sync_file);

#endif /* DMABUF_SYNC_FILE_H */
