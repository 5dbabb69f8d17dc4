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
 * from the first translation on. Not together with any other flag but DEVICE.
 */
#define DMA_BUF_PFN_IMPORT_STATIC		(1 << 2)

/*
 * The importer can handle memory without struct page, and that of devices. Others
 * get system memory or an error.
 */
#define DMA_BUF_PFN_IMPORT_P2P			(1 << 3)

/*
 * The attachment names a device, one of the importer's own on no bus. Without this
 * it has none, as those of KVM.
 */
#define DMA_BUF_PFN_IMPORT_DEVICE		(1 << 4)

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
 * The device installs what the unlocked get_pfn returned, whether or not the
 * sequence has moved.
 */
#define DMA_BUF_PFN_IMPORT_NO_RETRY		(1 << 18)

/*
 * A notification returns at once, and a worker removes the translations of both
 * sides zap_delay_us (debugfs) later. Meanwhile they are used as with NO_ZAP.
 */
#define DMA_BUF_PFN_IMPORT_LATE_ZAP		(1 << 19)

/*
 * A notification empties the page tables, and forgets the device TLB: what is in
 * there is used until other pages take its place.
 */
#define DMA_BUF_PFN_IMPORT_STALE_TLB		(1 << 20)

/*
 * A notification does all that it must, and then sleeps hold_lock_us (debugfs) with
 * the reservation lock held.
 */
#define DMA_BUF_PFN_IMPORT_HOLD_LOCK		(1 << 21)

/*
 * The importer attaches before it can be told, looks up the first page for the
 * device, and is ready attach_delay_us (debugfs) later. A notification in between is
 * lost. A real importer would perhaps follow a pointer that is not set yet.
 */
#define DMA_BUF_PFN_IMPORT_ATTACH_EARLY		(1 << 22)

/*
 * An import that fails after it has attached leaves the attachment behind, and the
 * pin if there is one, until something is written to "leaked" in debugfs. The module
 * cannot be unloaded before that.
 */
#define DMA_BUF_PFN_IMPORT_LEAK			(1 << 23)

/*
 * The fences of jobs are not added to the reservation object, so that exporters do
 * not wait for them.
 */
#define DMA_BUF_PFN_IMPORT_NO_FENCE		(1 << 24)

#define DMA_BUF_PFN_IMPORT_BROKEN	(DMA_BUF_PFN_IMPORT_NO_ZAP | \
					 DMA_BUF_PFN_IMPORT_NO_FENCE_WAIT | \
					 DMA_BUF_PFN_IMPORT_NO_RETRY | \
					 DMA_BUF_PFN_IMPORT_LATE_ZAP | \
					 DMA_BUF_PFN_IMPORT_STALE_TLB | \
					 DMA_BUF_PFN_IMPORT_HOLD_LOCK | \
					 DMA_BUF_PFN_IMPORT_ATTACH_EARLY | \
					 DMA_BUF_PFN_IMPORT_LEAK | \
					 DMA_BUF_PFN_IMPORT_NO_FENCE)
#define DMA_BUF_PFN_IMPORT_FLAGS	(DMA_BUF_PFN_IMPORT_PIN | \
					 DMA_BUF_PFN_IMPORT_REVOCABLE | \
					 DMA_BUF_PFN_IMPORT_STATIC | \
					 DMA_BUF_PFN_IMPORT_P2P | \
					 DMA_BUF_PFN_IMPORT_DEVICE | \
					 DMA_BUF_PFN_IMPORT_BROKEN)

/**
 * struct dma_buf_pfn_import - import a dma-buf
 *
 * Errors: -EBADF for no fd, -EINVAL for one that is no dma-buf and for flags that
 * do not go together, -EOPNOTSUPP for an exporter without get_pfn,
 * -EPERM for DMA_BUF_PFN_IMPORT_PIN or DMA_BUF_PFN_IMPORT_STATIC without CAP_IPC_LOCK,
 * and for a flag of DMA_BUF_PFN_IMPORT_BROKEN without CAP_SYS_ADMIN or in a kernel
 * that is locked down; -EINTR, or what the exporter's attach or pin returned.
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

/*
 * The levels of a page table, of which each has entries of one order. On x86-64 those
 * are of 4 KiB, 2 MiB and 1 GiB.
 */
#define DMA_BUF_PFN_LEVEL_PTE	0
#define DMA_BUF_PFN_LEVEL_PMD	1
#define DMA_BUF_PFN_LEVEL_PUD	2
#define DMA_BUF_PFN_LEVELS	3

/**
 * struct dma_buf_pfn_stats - what this import saw so far
 *
 * Every field is output. Pages are of the smallest size, so that a huge entry is
 * many of them.
 */
struct dma_buf_pfn_stats {
	/** @faults: CPU faults that installed an entry of any level. */
	__u64 faults;

	/** @invalidations: Move notifications received. */
	__u64 invalidations;

	/**
	 * @cpu_zapped: Pages whose CPU page table entries they removed. Those of
	 * mappings that are gone by then count, too.
	 */
	__u64 cpu_zapped;

	/** @dev_lookups: Results of get_pfn for device page table misses. */
	__u64 dev_lookups;

	/** @dev_retries: Device lookups repeated as the sequence had moved. */
	__u64 dev_retries;

	/** @dev_zapped: Pages whose device page table entries they removed. */
	__u64 dev_zapped;

	/** @cpu_mapped: Pages given to CPU page tables since the last one. */
	__u64 cpu_mapped;

	/** @dev_mapped: Pages in the device page table now. */
	__u64 dev_mapped;

	/** @faults_at: @faults by DMA_BUF_PFN_LEVEL_*. */
	__u64 faults_at[DMA_BUF_PFN_LEVELS];

	/** @tlb_hits: Translations that the device found in its TLB. */
	__u64 tlb_hits;

	/** @tlb_flushes: How often notifications have emptied the TLB. */
	__u64 tlb_flushes;

	/** @jobs: Jobs submitted. */
	__u64 jobs;
};

/*
 * Which of the importer's translations a snapshot entry describes. A CPU translation
 * is one that was given to a page table since the last notification.
 */
#define DMA_BUF_PFN_ENTRY_DEV		(1 << 0)
#define DMA_BUF_PFN_ENTRY_CPU		(1 << 1)

/*
 * Whether the device may write through its translation, and whether a CPU one was
 * given to a mapping that was writable then.
 */
#define DMA_BUF_PFN_ENTRY_DEV_WRITE	(1 << 2)
#define DMA_BUF_PFN_ENTRY_CPU_WRITE	(1 << 3)

/*
 * The buffer has KERNEL fences that have not signaled: its contents are on their way.
 * A dynamic importer has no translation then. It had to give up those of before the
 * move, and must not have new ones yet.
 */
#define DMA_BUF_PFN_ENTRY_PENDING	(1 << 4)

/**
 * struct dma_buf_pfn_entry - what the importer believes about one page
 *
 * What describes a translation that is not there is zero. The CPU side is a record
 * of what was given to page tables. Where several mappings have a page it tells of
 * the largest entry, and of one that is writable if any is.
 */
struct dma_buf_pfn_entry {
	/** @dev_pfn: Page frame number in the device page table. */
	__u64 dev_pfn;

	/** @cpu_pfn: Page frame number given to a CPU page table. */
	__u64 cpu_pfn;

	/**
	 * @dev_generation: Notifications received when @dev_pfn was given. Exact
	 * unless more than 4 million were received since.
	 */
	__u64 dev_generation;

	/** @cpu_generation: The same for @cpu_pfn. */
	__u64 cpu_generation;

	/** @flags: DMA_BUF_PFN_ENTRY_*. */
	__u32 flags;

	/**
	 * @dev_order: Order of the entry in the device page table that the page is
	 * part of. It has 2^order pages and starts at a multiple of that.
	 */
	__u8 dev_order;

	/** @cpu_order: The same for the CPU page table. */
	__u8 cpu_order;

	/** @pad: Zero. */
	__u8 pad[2];
};

/**
 * struct dma_buf_pfn_snapshot - read the importer's page tables
 *
 * Asks the exporter nothing. Modelled on the SNAPSHOT command of lib/test_hmm.c. A
 * large one is not of one moment: @generation tells if that matters.
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

	/**
	 * @generation: Output: notifications received by the end. What a correct
	 * importer has now is of this generation. MBZ on input.
	 */
	__u64 generation;
};

/* Engines of the device. Each does one job after the other. */
#define DMA_BUF_PFN_NUM_ENGINES		4

/* Jobs of an import whose results have not been read, at most */
#define DMA_BUF_PFN_MAX_JOBS		1024

/* Bytes that a job can READ or WRITE, at most */
#define DMA_BUF_PFN_MAX_DATA		(1 << 20)

/* What a job does with its range */
#define DMA_BUF_PFN_JOB_READ		0	/* data is in the result */
#define DMA_BUF_PFN_JOB_WRITE		1	/* data is taken at submission */
#define DMA_BUF_PFN_JOB_FILL		2	/* with a pattern */
#define DMA_BUF_PFN_JOB_VERIFY		3	/* count words unlike the pattern */

/*
 * The job waits for the kernel's fences and no others, and nobody waits for it but
 * the kernel: userspace cares for the order of its jobs itself. Without this, jobs
 * that write wait for all that came before them, and jobs that read for what writes.
 */
#define DMA_BUF_PFN_SUBMIT_EXPLICIT	(1 << 0)
/* Return a sync file. */
#define DMA_BUF_PFN_SUBMIT_FENCE_FD	(1 << 1)
#define DMA_BUF_PFN_SUBMIT_FLAGS	(DMA_BUF_PFN_SUBMIT_EXPLICIT | \
					 DMA_BUF_PFN_SUBMIT_FENCE_FD)

/**
 * struct dma_buf_pfn_submit - give an engine of the device something to do
 *
 * The range is translated now, under the reservation lock, and accessed when the
 * engine comes to it and the fences that the job depends on have signaled. The
 * exporter finds the job's fence in the reservation object and does not move
 * the memory before it has signaled. Closing the import does not end jobs.
 *
 * The pattern of FILL and VERIFY has a word of 8 bytes at each multiple of 8 in the
 * buffer: @value, and @step more with each further word.
 *
 * Errors: -EINVAL for an unknown operation or engine, an empty range or one outside
 * the buffer, a range of FILL or VERIFY that is not in words, or one of READ or WRITE
 * longer than DMA_BUF_PFN_MAX_DATA; -EACCES for WRITE and FILL to a buffer that is
 * read-only; -EBUSY if DMA_BUF_PFN_MAX_JOBS results have not been read, and for memory
 * that cannot be mapped as the exporter says; -EINTR, or what get_pfn returned.
 */
struct dma_buf_pfn_submit {
	/** @offset: Input: byte offset into the buffer. */
	__u64 offset;

	/** @length: Input: bytes. */
	__u64 length;

	/** @data: Input: user pointer to the data of WRITE, otherwise MBZ. */
	__u64 data;

	/** @value: Input: first word of the pattern at offset 0. MBZ without one. */
	__u64 value;

	/** @step: Input: difference of two words of the pattern. MBZ without one. */
	__u64 step;

	/** @op: Input: DMA_BUF_PFN_JOB_*. */
	__u32 op;

	/** @flags: Input: DMA_BUF_PFN_SUBMIT_*. */
	__u32 flags;

	/** @engine: Input: which, below DMA_BUF_PFN_NUM_ENGINES. */
	__u32 engine;

	/** @job: Output: number of the job, for its result. */
	__u32 job;

	/** @fence_fd: Output: close-on-exec fd of the sync file, or -1. */
	__s32 fence_fd;

	/** @pad: MBZ. */
	__u32 pad;
};

/* Do not wait: -EBUSY if the job is not done. */
#define DMA_BUF_PFN_RESULT_NOWAIT	(1 << 0)
#define DMA_BUF_PFN_RESULT_FLAGS	(DMA_BUF_PFN_RESULT_NOWAIT)

/**
 * struct dma_buf_pfn_result - wait for a job, and forget it
 *
 * Errors: -ENOENT for no job of this import, or one whose result was read, -EBUSY,
 * -EINTR. After an error the result can be read again.
 */
struct dma_buf_pfn_result {
	/** @job: Input: number of the job. */
	__u32 job;

	/** @flags: Input: DMA_BUF_PFN_RESULT_*. */
	__u32 flags;

	/** @data: Input: user pointer to where the data of READ goes. */
	__u64 data;

	/** @wrong: Output: words that VERIFY found unlike the pattern. */
	__u64 wrong;

	/** @first_wrong: Output: byte offset into the buffer of the first of them. */
	__u64 first_wrong;

	/** @start_ns: Output: when the engine began, CLOCK_MONOTONIC. */
	__u64 start_ns;

	/** @access_ns: Output: when it first accessed the memory. */
	__u64 access_ns;

	/** @end_ns: Output: when it was done, before the fence signaled. */
	__u64 end_ns;
};

#define DMA_BUF_PFN_IMPORT \
	_IOWR(DMA_BUF_PFN_IMPORTER_BASE, 0x00, struct dma_buf_pfn_import)
#define DMA_BUF_PFN_ACCESS \
	_IOW(DMA_BUF_PFN_IMPORTER_BASE, 0x01, struct dma_buf_pfn_access)
#define DMA_BUF_PFN_STATS \
	_IOR(DMA_BUF_PFN_IMPORTER_BASE, 0x02, struct dma_buf_pfn_stats)
#define DMA_BUF_PFN_SNAPSHOT \
	_IOWR(DMA_BUF_PFN_IMPORTER_BASE, 0x03, struct dma_buf_pfn_snapshot)
#define DMA_BUF_PFN_SUBMIT \
	_IOWR(DMA_BUF_PFN_IMPORTER_BASE, 0x04, struct dma_buf_pfn_submit)
#define DMA_BUF_PFN_RESULT \
	_IOWR(DMA_BUF_PFN_IMPORTER_BASE, 0x05, struct dma_buf_pfn_result)

#endif /* _UAPI_LINUX_DMA_BUF_PFN_IMPORTER_H */
