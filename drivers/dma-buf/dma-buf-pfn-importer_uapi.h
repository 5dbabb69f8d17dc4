/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
#ifndef _DMA_BUF_PFN_IMPORTER_UAPI_H
#define _DMA_BUF_PFN_IMPORTER_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

/*
 * /dev/dma_buf_pfn_importer: the reference importer of page frame numbers, for
 * the tests of the same tree. Like lib/test_hmm_uapi.h this is not installed,
 * and not a stable interface.
 *
 * DMA_BUF_PFN_IMPORT on the device turns a dma-buf fd into an import fd. The
 * import fd supports the other ioctls, and mmap() with MAP_SHARED, writable if
 * the dma-buf was opened for writing.
 *
 * Rules that hold for every ioctl below: unknown flags and non-zero padding
 * fail with -EINVAL, a bad user pointer with -EFAULT; an ioctl that fails
 * changes no state.
 */

/*
 * The kind of import: how its translations are kept valid. Without a flag the
 * import is dynamic: the exporter may move the buffer and notifies the
 * importer.
 */

/* The buffer is pinned while it is imported. The importer is not notified. */
#define DMA_BUF_PFN_IMPORT_PIN			0x1

/*
 * Only with PIN: the importer is notified if the exporter revokes the memory.
 */
#define DMA_BUF_PFN_IMPORT_REVOCABLE		0x2

/*
 * An attachment without importer operations, made by dma_buf_attach(). The
 * first lookup pins the buffer. Can only be combined with DEVICE.
 */
#define DMA_BUF_PFN_IMPORT_STATIC		0x4

/*
 * The importer supports device memory and memory without struct page. Without
 * this flag, lookups return system memory or an error.
 */
#define DMA_BUF_PFN_IMPORT_P2P			0x8

/*
 * Attach with a device, the importer's faux device. Without this flag the
 * attachment has no device, like those of KVM.
 */
#define DMA_BUF_PFN_IMPORT_DEVICE		0x10

#define DMA_BUF_PFN_IMPORT_FLAGS	(DMA_BUF_PFN_IMPORT_PIN | \
					 DMA_BUF_PFN_IMPORT_REVOCABLE | \
					 DMA_BUF_PFN_IMPORT_STATIC | \
					 DMA_BUF_PFN_IMPORT_P2P | \
					 DMA_BUF_PFN_IMPORT_DEVICE)

/**
 * struct dma_buf_pfn_import - import a dma-buf
 *
 * Errors: -EBADF for an invalid fd, -EINVAL for an fd that is not a dma-buf and
 * for flags that cannot be combined, -EOPNOTSUPP for an exporter without
 * get_pfn, -EPERM for DMA_BUF_PFN_IMPORT_PIN or DMA_BUF_PFN_IMPORT_STATIC
 * without CAP_IPC_LOCK, -EINTR, or the error of the exporter's attach or pin.
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
#define DMA_BUF_PFN_ACCESS_WRITE	0x1
#define DMA_BUF_PFN_ACCESS_FLAGS	(DMA_BUF_PFN_ACCESS_WRITE)

/**
 * struct dma_buf_pfn_access - read or write the buffer as a device would
 *
 * Every page is translated through the importer's own device page table. A page
 * that is not in it is looked up with dma_buf_get_pfn_unlocked() and installed
 * after a check of the sequence.
 *
 * Errors: -EINVAL for an empty range or one outside the buffer, -EACCES for a
 * write to a buffer that is read-only, -EBUSY for memory without struct page
 * that cannot be mapped with the exporter's caching, -EINTR, or the error of
 * the lookup. Unlike with the other ioctls, a part may have been transferred
 * before an error.
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
 * Page table levels, each with entries of one order: 4 KiB, 2 MiB and 1 GiB on
 * x86-64.
 */
#define DMA_BUF_PFN_LEVEL_PTE	0
#define DMA_BUF_PFN_LEVEL_PMD	1
#define DMA_BUF_PFN_LEVEL_PUD	2
#define DMA_BUF_PFN_LEVELS	3

/**
 * struct dma_buf_pfn_stats - counters of an import
 *
 * Every field is output. Pages have PAGE_SIZE: a huge entry counts as many.
 */
struct dma_buf_pfn_stats {
	/** @faults: CPU faults that installed an entry of any level. */
	__u64 faults;

	/** @invalidations: Move notifications received. */
	__u64 invalidations;

	/**
	 * @cpu_zapped: Pages whose CPU page table entries notifications
	 * removed. Includes pages that processes had unmapped before.
	 */
	__u64 cpu_zapped;

	/** @dev_lookups: Successful lookups for device page table misses. */
	__u64 dev_lookups;

	/**
	 * @dev_retries: Device lookups repeated because the sequence had
	 * advanced.
	 */
	__u64 dev_retries;

	/**
	 * @dev_zapped: Pages whose device page table entries notifications
	 * removed.
	 */
	__u64 dev_zapped;

	/**
	 * @cpu_mapped: Pages mapped in CPU page tables since the last
	 * notification.
	 */
	__u64 cpu_mapped;

	/** @dev_mapped: Pages in the device page table now. */
	__u64 dev_mapped;

	/** @faults_at: @faults by DMA_BUF_PFN_LEVEL_*. */
	__u64 faults_at[DMA_BUF_PFN_LEVELS];

	/** @tlb_hits: Translations that the device found in its TLB. */
	__u64 tlb_hits;

	/** @tlb_flushes: TLB flushes by notifications. */
	__u64 tlb_flushes;

	/** @jobs: Jobs submitted. */
	__u64 jobs;
};

/*
 * Which of the importer's translations a snapshot entry describes. A CPU
 * translation is one that was installed in a page table since the last
 * notification.
 */
#define DMA_BUF_PFN_ENTRY_DEV		0x1
#define DMA_BUF_PFN_ENTRY_CPU		0x2

/*
 * Whether the device may write through its translation, and whether the CPU
 * translation was installed in a writable mapping.
 */
#define DMA_BUF_PFN_ENTRY_DEV_WRITE	0x4
#define DMA_BUF_PFN_ENTRY_CPU_WRITE	0x8

/*
 * The buffer has KERNEL fences that have not signaled: its contents are still
 * being moved. A correct dynamic importer has no translation then: the
 * notification has removed the old ones, and new ones must wait for the fences.
 */
#define DMA_BUF_PFN_ENTRY_PENDING	0x10

/**
 * struct dma_buf_pfn_entry - the importer's translations of one page
 *
 * The fields of a translation that does not exist are zero. The CPU side is a
 * record of entries installed in page tables. If several mappings contain the
 * page, the record describes the largest entry, and is writable if any of the
 * mappings is.
 */
struct dma_buf_pfn_entry {
	/** @dev_pfn: Page frame number in the device page table. */
	__u64 dev_pfn;

	/** @cpu_pfn: Page frame number installed in a CPU page table. */
	__u64 cpu_pfn;

	/**
	 * @dev_generation: Notifications received when @dev_pfn was looked up.
	 * Exact unless more than 262,143 were received since.
	 */
	__u64 dev_generation;

	/** @cpu_generation: The same for @cpu_pfn. */
	__u64 cpu_generation;

	/** @flags: DMA_BUF_PFN_ENTRY_*. */
	__u32 flags;

	/**
	 * @dev_order: Order of the device page table entry that contains the
	 * page. The entry maps 2^order pages, from a multiple of 2^order on.
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
 * Does not call the exporter. Modelled on the SNAPSHOT command of
 * lib/test_hmm.c. A large snapshot is not atomic: compare the generations of
 * the entries with @generation.
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
	 * @generation: Output: notifications received by the end. The
	 * translations of a correct importer are then of this generation. MBZ
	 * on input.
	 */
	__u64 generation;
};

/* Engines of the device. Each executes one job at a time. */
#define DMA_BUF_PFN_NUM_ENGINES		4

/* Maximum number of jobs of an import whose results have not been read */
#define DMA_BUF_PFN_MAX_JOBS		1024

/* Maximum length of a READ or WRITE job in bytes */
#define DMA_BUF_PFN_MAX_DATA		0x100000

/* What a job does with its range */
#define DMA_BUF_PFN_JOB_READ		0	/* returns data in the result */
#define DMA_BUF_PFN_JOB_WRITE		1	/* copies data at submission */
#define DMA_BUF_PFN_JOB_FILL		2	/* writes a pattern */
#define DMA_BUF_PFN_JOB_VERIFY		3	/* counts words that differ */

/*
 * Explicit synchronization: the job waits for KERNEL fences only, and its own
 * fence has BOOKKEEP usage. Without this flag, jobs that write wait for earlier
 * readers and writers, and jobs that read wait for earlier writers.
 */
#define DMA_BUF_PFN_SUBMIT_EXPLICIT	0x1
/* Return a sync file. */
#define DMA_BUF_PFN_SUBMIT_FENCE_FD	0x2
#define DMA_BUF_PFN_SUBMIT_FLAGS	(DMA_BUF_PFN_SUBMIT_EXPLICIT | \
					 DMA_BUF_PFN_SUBMIT_FENCE_FD)

/**
 * struct dma_buf_pfn_submit - submit a job to an engine of the device
 *
 * The range is translated at submission, under the reservation lock, and
 * accessed when the engine executes the job and the fences that it depends on
 * have signaled. The job's fence is added to the reservation object, and the
 * exporter does not move the memory before it has signaled. Closing the import
 * does not cancel jobs.
 *
 * The pattern of FILL and VERIFY consists of words of 8 bytes. The word at byte
 * offset 8 * n of the buffer is @value + n * @step.
 *
 * Errors: -EINVAL for an unknown operation or engine, an empty range or one
 * outside the buffer, a range of FILL or VERIFY that is not aligned to words,
 * or more than DMA_BUF_PFN_MAX_DATA for READ or WRITE; -EACCES for WRITE and
 * FILL to a buffer that is read-only; -EBUSY if DMA_BUF_PFN_MAX_JOBS results
 * have not been read, and for memory that cannot be mapped with the exporter's
 * caching; -EINTR, or the error of the lookup.
 */
struct dma_buf_pfn_submit {
	/** @offset: Input: byte offset into the buffer. */
	__u64 offset;

	/** @length: Input: bytes. */
	__u64 length;

	/** @data: Input: user pointer to the data of WRITE, otherwise MBZ. */
	__u64 data;

	/**
	 * @value: Input: word of the pattern at offset 0. MBZ for READ and
	 * WRITE.
	 */
	__u64 value;

	/**
	 * @step: Input: increment per word of the pattern. MBZ for READ and
	 * WRITE.
	 */
	__u64 step;

	/** @op: Input: DMA_BUF_PFN_JOB_*. */
	__u32 op;

	/** @flags: Input: DMA_BUF_PFN_SUBMIT_*. */
	__u32 flags;

	/** @engine: Input: index, less than DMA_BUF_PFN_NUM_ENGINES. */
	__u32 engine;

	/** @job: Output: number of the job, for DMA_BUF_PFN_RESULT. */
	__u32 job;

	/** @fence_fd: Output: close-on-exec fd of the sync file, or -1. */
	__s32 fence_fd;

	/** @pad: MBZ. */
	__u32 pad;
};

/* Do not wait: -EBUSY if the job is not done. */
#define DMA_BUF_PFN_RESULT_NOWAIT	0x1
#define DMA_BUF_PFN_RESULT_FLAGS	(DMA_BUF_PFN_RESULT_NOWAIT)

/**
 * struct dma_buf_pfn_result - wait for a job, read its result and free it
 *
 * Errors: -ENOENT for an unknown job or one whose result was read, -EBUSY,
 * -EINTR. After an error the result can be read again.
 */
struct dma_buf_pfn_result {
	/** @job: Input: number of the job. */
	__u32 job;

	/** @flags: Input: DMA_BUF_PFN_RESULT_*. */
	__u32 flags;

	/** @data: Input: user pointer to memory for the data of READ. */
	__u64 data;

	/**
	 * @wrong: Output: number of words that differ from the pattern of
	 * VERIFY.
	 */
	__u64 wrong;

	/** @first_wrong: Output: byte offset of the first wrong word. */
	__u64 first_wrong;

	/** @start_ns: Output: start of the job, CLOCK_MONOTONIC. */
	__u64 start_ns;

	/** @access_ns: Output: when the job first accessed the memory. */
	__u64 access_ns;

	/** @end_ns: Output: end of the job, before its fence signaled. */
	__u64 end_ns;
};

#define DMA_BUF_PFN_IMPORT		_IOWR('P', 0, struct dma_buf_pfn_import)
#define DMA_BUF_PFN_ACCESS		_IOW('P', 1, struct dma_buf_pfn_access)
#define DMA_BUF_PFN_STATS		_IOR('P', 2, struct dma_buf_pfn_stats)
#define DMA_BUF_PFN_SNAPSHOT		_IOWR('P', 3, struct dma_buf_pfn_snapshot)
#define DMA_BUF_PFN_SUBMIT		_IOWR('P', 4, struct dma_buf_pfn_submit)
#define DMA_BUF_PFN_RESULT		_IOWR('P', 5, struct dma_buf_pfn_result)

/*
 * The file "broken" in debugfs: importers that are broken on purpose, to check
 * that tests detect them. Each bit omits or changes one step that an importer
 * must take, in all imports that are created while it is set.
 *
 * A broken import may access memory that no longer belongs to the buffer:
 * another buffer's memory, or pages that the kernel has reused. This is
 * equivalent to write access to /dev/mem. Setting a bit, and importing while a
 * bit is set, therefore needs CAP_SYS_ADMIN, and fails with -EPERM when the
 * kernel is locked down. A process that receives the fd of a broken import, or
 * inherits a mapping of it, has the same access without any capability.
 *
 * Static imports cannot be broken, and fail with -EINVAL.
 */

/*
 * Notifications are counted and otherwise ignored: page table entries of both
 * sides stay until the import is closed and its last mapping is removed, and
 * accesses through old page frame numbers continue. Pages that are first looked
 * up after a move are translated to the new placement. Carveout memory stays
 * reserved while the import exists, but system memory that the buffer has left
 * is freed.
 */
#define DMA_BUF_PFN_BROKEN_NO_ZAP		0x1

/*
 * Neither side waits for fences: an access may precede the copy of the data.
 * Has little effect with exporters that wait for the copy themselves.
 */
#define DMA_BUF_PFN_BROKEN_NO_FENCE_WAIT	0x2

/*
 * The device installs the result of dma_buf_get_pfn_unlocked() even if the
 * sequence has advanced.
 */
#define DMA_BUF_PFN_BROKEN_NO_RETRY		0x4

/*
 * A notification returns at once, and a worker removes the translations of both
 * sides zap_delay_us (debugfs) later. Until then they are used as with NO_ZAP.
 */
#define DMA_BUF_PFN_BROKEN_LATE_ZAP		0x8

/*
 * A notification empties the page tables but does not flush the device TLB. The
 * TLB entries are used until other pages replace them.
 */
#define DMA_BUF_PFN_BROKEN_STALE_TLB		0x10

/*
 * A notification sleeps hold_lock_us (debugfs) with the reservation lock held
 * before it removes the translations.
 */
#define DMA_BUF_PFN_BROKEN_HOLD_LOCK		0x20

/*
 * The importer attaches before it is ready for notifications: it looks up the
 * first page for the device, and is ready attach_delay_us (debugfs) later. A
 * notification in between is ignored. A real importer might dereference a
 * pointer that is not set yet.
 */
#define DMA_BUF_PFN_BROKEN_ATTACH_EARLY		0x40

/*
 * An import that fails after it has attached leaks the attachment, and the pin
 * if any, until something is written to "leaked" in debugfs. The module cannot
 * be unloaded until then.
 */
#define DMA_BUF_PFN_BROKEN_LEAK			0x80

/*
 * The fences of jobs are not added to the reservation object, so that exporters
 * do not wait for them.
 */
#define DMA_BUF_PFN_BROKEN_NO_FENCE		0x100

#define DMA_BUF_PFN_BROKEN_ALL			0x1ff

#endif /* _DMA_BUF_PFN_IMPORTER_UAPI_H */
