/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
#ifndef _DMA_BUF_UMEM_IMPORTER_UAPI_H
#define _DMA_BUF_UMEM_IMPORTER_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

/*
 * /dev/dma_buf_umem_importer: imports dma-bufs with the code of RDMA, for the
 * tests of the same tree. This is not installed, and not a stable interface.
 *
 * DMA_BUF_UMEM_IMPORT on the device turns a dma-buf fd into a umem fd, which
 * supports the other ioctls. pread() of a umem fd returns the DMA addresses of
 * its pages as an array of __u64; the first one is that of the page that has
 * the umem's first byte. It is empty if the umem is not mapped.
 */

/* As mlx5 does for on-demand paging: mapped by DMA_BUF_UMEM_MAP */
#define DMA_BUF_UMEM_DYNAMIC	0
/* Pinned and mapped by the import, without notifications */
#define DMA_BUF_UMEM_PINNED	1
/* As irdma does: pinned and mapped, and unmapped if the exporter revokes it */
#define DMA_BUF_UMEM_REVOCABLE	2

/**
 * struct dma_buf_umem_import - import a part of a dma-buf
 * @fd: Input: the dma-buf
 * @mode: Input: DMA_BUF_UMEM_DYNAMIC, _PINNED or _REVOCABLE
 * @offset: Input: first byte of the umem in the dma-buf
 * @length: Input: size of the umem in bytes
 */
struct dma_buf_umem_import {
	__s32 fd;
	__u32 mode;
	__u64 offset;
	__u64 length;
};

/**
 * struct dma_buf_umem_query - the state of a umem
 * @pinned: Output: 1 if it holds a pin
 * @mapped: Output: 1 if it has a scatter list
 * @revoked: Output: 1 if it was revoked
 * @notifications: Output: calls of the driver's callback: revocations, or with
 *	DMA_BUF_UMEM_DYNAMIC all notifications
 */
struct dma_buf_umem_query {
	__u32 pinned;
	__u32 mapped;
	__u32 revoked;
	__u32 notifications;
};

#define DMA_BUF_UMEM_IMPORT	_IOW('U', 0x00, struct dma_buf_umem_import)
#define DMA_BUF_UMEM_MAP	_IO('U', 0x01)
#define DMA_BUF_UMEM_QUERY	_IOR('U', 0x02, struct dma_buf_umem_query)

#endif
