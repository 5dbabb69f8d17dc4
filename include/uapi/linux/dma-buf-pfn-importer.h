/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
#ifndef _UAPI_LINUX_DMA_BUF_PFN_IMPORTER_H
#define _UAPI_LINUX_DMA_BUF_PFN_IMPORTER_H

#include <linux/ioctl.h>
#include <linux/types.h>

/*
 * /dev/dma_buf_pfn_importer: the reference importer of page frame numbers.
 *
 * DMA_BUF_PFN_IMPORT on the device turns a dma-buf fd into an import fd. The
 * import fd can be mmapped, MAP_SHARED only, writable only if the dma-buf was
 * opened for writing, and takes the other ioctls.
 *
 * Rules that hold for every ioctl below: unknown flags and non-zero padding
 * give -EINVAL, a bad user pointer -EFAULT; a failing ioctl changes no state.
 */

#define DMA_BUF_PFN_IMPORTER_BASE	0xBC

/*
 * The kind of import, which is the promise that the exporter gets. With no flag it
 * is a dynamic one: the buffer moves as it likes, and the importer is told.
 */

/* The buffer is pinned while it is imported. Nobody is told anything. */
#define DMA_BUF_PFN_IMPORT_PIN			(1 << 0)

/* Only with PIN: the importer is told if the exporter revokes the memory. */
#define DMA_BUF_PFN_IMPORT_REVOCABLE		(1 << 1)

/*
 * An attachment without operations, as of dma_buf_attach(). The buffer is pinned
 * from the first translation on. Not together with any other flag.
 */
#define DMA_BUF_PFN_IMPORT_STATIC		(1 << 2)

/*
 * The importer can handle memory without struct page, and that of devices. Others
 * get system memory or an error.
 */
#define DMA_BUF_PFN_IMPORT_P2P			(1 << 3)

/*
 * Importers that are broken on purpose, so that tests can show that they notice.
 * Each of these leaves out one step that an importer must take.
 *
 * With any of them an import reads and writes memory that is somebody else's by
 * then: another buffer's, or a page that the kernel has given to other uses. It
 * can do whatever a writer of /dev/mem can. Therefore each needs CAP_SYS_ADMIN,
 * and is refused when the kernel is locked down. Whoever gets such an import fd
 * or inherits a mapping of it can do the same, without any capability.
 */

/*
 * Notifications are counted and otherwise ignored: page table entries of both
 * sides stay until the import is closed and its last mapping is gone, and accesses
 * through old page frame numbers go on. What is not translated yet when the
 * buffer moves gets its new place. The memory of a carveout stays what it is while
 * the import exists, but system memory that the buffer has left is freed.
 */
#define DMA_BUF_PFN_IMPORT_NO_ZAP		(1 << 16)

/*
 * Neither side waits for fences: accesses may come before the data. Does not keep
 * exporters from waiting, and so changes little where they do.
 */
#define DMA_BUF_PFN_IMPORT_NO_FENCE_WAIT	(1 << 17)

/*
 * The device installs what the unlocked get_pfn answered, whether or not the
 * sequence has moved.
 */
#define DMA_BUF_PFN_IMPORT_NO_RETRY		(1 << 18)

#define DMA_BUF_PFN_IMPORT_BROKEN	(DMA_BUF_PFN_IMPORT_NO_ZAP | \
					 DMA_BUF_PFN_IMPORT_NO_FENCE_WAIT | \
					 DMA_BUF_PFN_IMPORT_NO_RETRY)
#define DMA_BUF_PFN_IMPORT_FLAGS	(DMA_BUF_PFN_IMPORT_PIN | \
					 DMA_BUF_PFN_IMPORT_REVOCABLE | \
					 DMA_BUF_PFN_IMPORT_STATIC | \
					 DMA_BUF_PFN_IMPORT_P2P | \
					 DMA_BUF_PFN_IMPORT_BROKEN)

/**
 * struct dma_buf_pfn_import - import a dma-buf
 *
 * Errors: -EBADF for no fd, -EINVAL for one that is no dma-buf and for flags that
 * do not go together, -EOPNOTSUPP for an exporter without get_pfn,
 * -EPERM for a flag of DMA_BUF_PFN_IMPORT_BROKEN without CAP_SYS_ADMIN or in a kernel
 * that is locked down, -EINTR, or what the exporter's attach or pin returned.
 */
struct dma_buf_pfn_import {
	/** @dma_buf_fd: Input: fd of the dma-buf. */
	__s32 dma_buf_fd;

	/** @flags: Input: DMA_BUF_PFN_IMPORT_*. */
	__u32 flags;

	/** @import_fd: Output: close-on-exec fd of the import. */
	__s32 import_fd;

	/** @pad: MBZ. */
	__u32 pad;

	/** @size: Output: size of the buffer in bytes. */
	__u64 size;
};

/* The direction of a device access. */
#define DMA_BUF_PFN_ACCESS_READ		0
#define DMA_BUF_PFN_ACCESS_WRITE	(1 << 0)
#define DMA_BUF_PFN_ACCESS_FLAGS	(DMA_BUF_PFN_ACCESS_WRITE)

/**
 * struct dma_buf_pfn_access - read or write the buffer as a device would
 *
 * Every page is translated through the importer's own device page table. A
 * page that is not in it is looked up with the unlocked get_pfn and installed
 * after the sequence was checked.
 *
 * Errors: -EINVAL for an empty range or one outside the buffer, -EACCES for a
 * write to a buffer that is read-only, -EBUSY for memory without struct page that
 * cannot be mapped as the exporter says, -EINTR, or what get_pfn returned. Other
 * than with the ioctls around it, a part may have been transferred before an
 * error.
 */
struct dma_buf_pfn_access {
	/** @offset: Input: byte offset into the buffer. */
	__u64 offset;

	/** @length: Input: bytes to transfer. */
	__u64 length;

	/** @data: Input: user pointer to the data. */
	__u64 data;

	/** @flags: Input: DMA_BUF_PFN_ACCESS_*. */
	__u32 flags;

	/** @pad: MBZ. */
	__u32 pad;
};

/**
 * struct dma_buf_pfn_stats - what this import saw so far
 *
 * Every field is output.
 */
struct dma_buf_pfn_stats {
	/** @faults: CPU faults answered with a page. */
	__u64 faults;

	/** @invalidations: Move notifications received. */
	__u64 invalidations;

	/**
	 * @cpu_zapped: Pages whose CPU page table entries they removed. Those of
	 * mappings that are gone by then count, too.
	 */
	__u64 cpu_zapped;

	/** @dev_lookups: Answers of get_pfn to device page table misses. */
	__u64 dev_lookups;

	/** @dev_retries: Device lookups repeated as the sequence had moved. */
	__u64 dev_retries;

	/** @dev_zapped: Device page table entries removed by notifications. */
	__u64 dev_zapped;

	/** @cpu_mapped: Pages given to CPU page tables since the last one. */
	__u64 cpu_mapped;

	/** @dev_mapped: Pages in the device page table now. */
	__u64 dev_mapped;
};

/*
 * Which of the importer's translations a snapshot entry describes, and whether
 * the import may write through them. A CPU translation is one that was given to a
 * page table since the last notification.
 */
#define DMA_BUF_PFN_ENTRY_DEV		(1 << 0)
#define DMA_BUF_PFN_ENTRY_CPU		(1 << 1)
#define DMA_BUF_PFN_ENTRY_WRITE		(1 << 2)

/**
 * struct dma_buf_pfn_entry - what the importer believes about one page
 */
struct dma_buf_pfn_entry {
	/** @dev_pfn: Page frame number in the device page table. */
	__u64 dev_pfn;

	/** @cpu_pfn: Page frame number last given to a CPU page table. */
	__u64 cpu_pfn;

	/** @flags: DMA_BUF_PFN_ENTRY_*. */
	__u32 flags;

	/** @pad: Zero. */
	__u32 pad;
};

/**
 * struct dma_buf_pfn_snapshot - read the importer's page tables
 *
 * Asks the exporter nothing. Modelled on the SNAPSHOT command of lib/test_hmm.c.
 *
 * Errors: -EPERM without CAP_SYS_ADMIN, -EINVAL for an empty range or one
 * outside the buffer.
 */
struct dma_buf_pfn_snapshot {
	/** @first: Input: first page, in pages from the buffer's start. */
	__u64 first;

	/** @count: Input: number of pages. */
	__u64 count;

	/** @entries: Input: user pointer to @count struct dma_buf_pfn_entry. */
	__u64 entries;

	/** @flags: Input: must be zero. */
	__u32 flags;

	/** @pad: MBZ. */
	__u32 pad;
};

#define DMA_BUF_PFN_IMPORT \
	_IOWR(DMA_BUF_PFN_IMPORTER_BASE, 0x00, struct dma_buf_pfn_import)
#define DMA_BUF_PFN_ACCESS \
	_IOW(DMA_BUF_PFN_IMPORTER_BASE, 0x01, struct dma_buf_pfn_access)
#define DMA_BUF_PFN_STATS \
	_IOR(DMA_BUF_PFN_IMPORTER_BASE, 0x02, struct dma_buf_pfn_stats)
#define DMA_BUF_PFN_SNAPSHOT \
	_IOW(DMA_BUF_PFN_IMPORTER_BASE, 0x03, struct dma_buf_pfn_snapshot)

#endif /* _UAPI_LINUX_DMA_BUF_PFN_IMPORTER_H */
