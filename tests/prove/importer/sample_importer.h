/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * /dev/sample_importer: each open file is one importer. Once a dma-buf is imported,
 * pread() and pwrite() access it through the importer's page table.
 */
#ifndef SAMPLE_IMPORTER_H
#define SAMPLE_IMPORTER_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Import the dma-buf with this file descriptor. */
#define SAMPLE_IMPORT	_IOW('S', 0x01, __s32)

/* Emit an event for each page in the page table. */
#define SAMPLE_SNAPSHOT	_IO('S', 0x02)

#endif /* SAMPLE_IMPORTER_H */
