// SPDX-License-Identifier: MIT
/**
 * TEST: vgem pfn prime
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: dma-buf
 * Description: Moves of buffers of vgem_pfn that are imported by page frame numbers.
 *
 * SUBTEST: import
 * Description: An import accesses the buffer by CPU and by device, at the exporter's
 *		pfns.
 *
 * SUBTEST: import-populates
 * Description: The first access to a buffer can be an importer's, and reads zeroes.
 *
 * SUBTEST: self-import
 * Description: Importing a dma-buf into its exporting device returns the buffer itself.
 *
 * SUBTEST: import-bad-fd
 * Description: File descriptors that are no dma-bufs are rejected.
 *
 * SUBTEST: import-of-import
 * Description: The file of an import is rejected where a dma-buf is expected.
 *
 * SUBTEST: import-no-pfn-heap
 * Description: Importing from a DMA-BUF heap, an exporter without get_pfn, fails with
 *		EOPNOTSUPP.
 *
 * SUBTEST: import-no-pfn-vgem
 * Description: Importing from vgem, an exporter without get_pfn, fails with EOPNOTSUPP.
 *
 * SUBTEST: import-bad-args
 * Description: An import that fails leaves no attachment and no file.
 *
 * SUBTEST: access-unaligned
 * Description: Device accesses need no alignment.
 *
 * SUBTEST: access-windows
 * Description: Memory without pages is mapped for the device in large windows, at any
 *		offset, which are unmapped when the buffer leaves it.
 *
 * SUBTEST: access-bad-range
 * Description: Device accesses that are empty or exceed the buffer are rejected.
 *
 * SUBTEST: access-bad-args
 * Description: Unknown flags, padding and bad pointers are rejected.
 *
 * SUBTEST: access-own-mapping
 * Description: The user buffer of an access may be a mapping of the same import.
 *
 * SUBTEST: access-read-only
 * Description: A read-only dma-buf gives a read-only import.
 *
 * SUBTEST: snapshot-bad-args
 * Description: Ranges out of bounds, unknown flags, padding and bad pointers are
 *		rejected.
 *
 * SUBTEST: snapshot-no-permission
 * Description: SNAPSHOT returns physical addresses, so it needs CAP_SYS_ADMIN.
 *		Operations that return none do not.
 *
 * SUBTEST: evict
 * Description: An allocation evicts the buffer: the import is notified, all its
 *		translations are removed, and new ones map the memory with the contents.
 *
 * SUBTEST: move
 * Description: The buffer moves on request: the import is notified, all its
 *		translations are removed, and new ones map the memory with the contents.
 *
 * SUBTEST: evict-part-mapped
 * Description: The counters of removed translations match those that existed.
 *
 * SUBTEST: many-imports
 * Description: Each import of a dma-buf is notified, exactly once.
 *
 * SUBTEST: move-everywhere
 * Description: Imports work in every region, and follow moves between them.
 *
 * SUBTEST: no-import-no-notify
 * Description: A move of a buffer without imports sends no notification.
 *
 * SUBTEST: map-private
 * Description: Private mappings are rejected.
 *
 * SUBTEST: map-beyond-end
 * Description: Mappings beyond the end of the buffer are rejected.
 *
 * SUBTEST: map-part
 * Description: A mapping of some pages maps no others.
 *
 * SUBTEST: map-dmabuf
 * Description: The dma-buf itself can be mapped, and the mapping follows moves.
 *
 * SUBTEST: map-unmap-part
 * Description: After a partial munmap() the rest follows moves.
 *
 * SUBTEST: map-moved
 * Description: After mremap() a mapping follows moves.
 *
 * SUBTEST: map-protect
 * Description: After mprotect() a mapping follows moves.
 *
 * SUBTEST: map-fork
 * Description: Parent and child share a mapping, and both follow moves.
 *
 * SUBTEST: map-many
 * Description: Several mappings of one import follow moves.
 *
 * SUBTEST: map-around
 * Description: With fault_around_pages a fault maps the following pages, up to the end
 *		of the aligned window, of the mapping, or of the contiguous memory; a
 *		move unmaps all.
 *
 * SUBTEST: lookup-races-move-read
 * Description: A page frame number that became stale between its lookup and its
 *		installation for a read is not installed in the device's page table.
 *
 * SUBTEST: lookup-races-move-write
 * Description: A page frame number that became stale between its lookup and its
 *		installation for a write is not installed in the device's page table.
 *
 * SUBTEST: write-during-move-cpu
 * Description: Writes by CPU during a move are not lost: translations are removed
 *		before the copy begins.
 *
 * SUBTEST: write-during-move-device
 * Description: Writes by device during a move are not lost: translations are removed
 *		before the copy begins.
 *
 * SUBTEST: fault-during-move
 * Description: A fault during a move maps the new placement.
 *
 * SUBTEST: hammer
 * Description: No write by CPU or by device is lost during moves, for 1 s.
 *
 * SUBTEST: hammer-long
 * Description: Like hammer, for 3 s.
 *
 * SUBTEST: signal-fault
 * Description: A task whose fault waits for a move handles signals, and then completes
 *		the fault.
 *
 * SUBTEST: signal-access
 * Description: A device access that waits for a move can be interrupted by a signal.
 *
 * SUBTEST: signal-export
 * Description: If a signal arrives while the first export of a buffer waits for a move, the
 *		export fails with -EINTR and leaves nothing behind. Another export
 *		succeeds.
 *
 * SUBTEST: kill-fault
 * Description: A task whose fault waits for a move can be killed at once.
 *
 * SUBTEST: kind-pin
 * Description: An import that pins keeps the buffer in place from the import on, even
 *		if it is not used.
 *
 * SUBTEST: kind-pin-revocable
 * Description: A revocable import that pins keeps the buffer in place from the import
 *		on, even if it is not used.
 *
 * SUBTEST: kind-static-cpu
 * Description: A static importer pins the buffer at its first CPU fault. It can be
 *		moved before that, and not after it.
 *
 * SUBTEST: kind-static-device
 * Description: A static importer pins the buffer at its first device access. It can be
 *		moved before that, and not after it.
 *
 * SUBTEST: kind-static-evicted
 * Description: An eviction that waits for the lock of a buffer which is pinned
 *		meanwhile does not evict it.
 *
 * SUBTEST: kind-dynamic
 * Description: An importer without P2P follows moves like any other, in memory that it
 *		reaches.
 *
 * SUBTEST: kind-bad-flags
 * Description: Invalid combinations of flags are rejected.
 *
 * SUBTEST: kinds-together
 * Description: A buffer that one import has pinned stays in place for all imports, and
 *		can be moved again after the last unpin.
 *
 * SUBTEST: broken-needs-admin
 * Description: Importers that can write to foreign memory need CAP_SYS_ADMIN.
 *
 * SUBTEST: pin-needs-ipc-lock
 * Description: Imports that pin need CAP_IPC_LOCK, like mlock().
 *
 * SUBTEST: no-zap
 * Description: An importer that ignores notifications continues to use the old pfns, by
 *		CPU and by device, and its writes do not reach the buffer.
 *
 * SUBTEST: no-zap-part
 * Description: An importer that ignores notifications looks up new pages at the new
 *		placement, so that it uses both old and new pfns.
 *
 * SUBTEST: no-retry
 * Description: An importer that does not check the sequence installs a stale page frame
 *		number.
 *
 * SUBTEST: late-zap
 * Description: An importer with a late zap removes its translations after its delay, or
 *		when it is closed.
 *
 * SUBTEST: class-carveout-only
 * Description: A buffer that can be placed only in memory without pages is imported
 *		only with P2P, and if in a BAR not by an importer that cannot be
 *		revoked, or whose device is not a PCI device.
 *
 * SUBTEST: tlb
 * Description: Repeated accesses hit the device's TLB, which a move flushes.
 *
 * SUBTEST: job-operations
 * Description: Each operation of a job works on exactly its range, in every kind of
 *		memory.
 *
 * SUBTEST: job-operations-large
 * Description: Each operation of a job works on exactly its range in a buffer of more
 *		than one window.
 *
 * SUBTEST: job-result
 * Description: A result can be waited for, directly or through a fence, and is read
 *		once.
 *
 * SUBTEST: job-bad-args
 * Description: Invalid jobs are rejected and change nothing.
 *
 * SUBTEST: job-limits
 * Description: Jobs with too much data, and too many unread results, are rejected.
 *
 * SUBTEST: job-read-only
 * Description: Jobs do not write to a read-only dma-buf.
 *
 * SUBTEST: engines
 * Description: Jobs of different engines run in parallel, jobs of one engine in order.
 *
 * SUBTEST: job-holds-move-write
 * Description: The exporter does not move memory that a pending job writes to. It waits
 *		after the notification, not within it.
 *
 * SUBTEST: job-holds-move-read
 * Description: The exporter does not move memory that a pending job reads. It waits
 *		after the notification, not within it.
 *
 * SUBTEST: job-holds-move-explicit
 * Description: The exporter does not move memory that a pending explicit job uses. It
 *		waits after the notification, not within it.
 *
 * SUBTEST: job-holds-copy
 * Description: An engine's copy waits for jobs, and jobs that are submitted meanwhile
 *		wait for the copy.
 *
 * SUBTEST: job-usage
 * Description: Job fences have the right usage: readers wait for jobs that write,
 *		writers for all jobs, and only the kernel for explicit jobs.
 *
 * SUBTEST: job-order
 * Description: Jobs see the writes of earlier jobs, on any engine and of any import.
 *
 * SUBTEST: job-close
 * Description: Jobs continue when their import is closed, and a move waits for them.
 *
 * SUBTEST: close-handle-then-evict
 * Description: Importers are notified of an eviction even if the buffer's handle is
 *		closed.
 *
 * SUBTEST: close-device-then-evict
 * Description: Importers are notified of an eviction even if the exporting device's
 *		file is closed.
 *
 * SUBTEST: udmabuf-import
 * Description: An import of a udmabuf accesses the memfd's pages, by CPU and by device,
 *		and keeps them.
 *
 * SUBTEST: udmabuf-classes
 * Description: Every class of import works with memory that does not move.
 *
 * SUBTEST: udmabuf-job-close
 * Description: A udmabuf does not wait for fences, so a pending job itself keeps the
 *		pages.
 *
 * SUBTEST: udmabuf-list
 * Description: Pages of a memfd can be listed in any order and repeatedly.
 *
 * SUBTEST: udmabuf-nth
 * Description: If an allocation of the first lookup fails, for example of udmabuf's
 *		table of runs, the lookup fails with -ENOMEM. The next lookup succeeds.
 *
 * SUBTEST: udmabuf-list-huge
 * Description: Pages of one huge page of a memfd can be listed in any order and
 *		repeatedly.
 *
 * SUBTEST: udmabuf-orders
 * Description: Lookups of blocks and runs report whole huge pages.
 *
 * SUBTEST: bochs-show
 * Description: bochs-display shows a buffer in each kind of memory, which is pinned as long
 *		as it is shown. It moves while another one is shown.
 *
 * SUBTEST: bochs-pending
 * Description: The picture of a buffer whose copy to a new placement is pending is right.
 *
 * SUBTEST: bochs-unplug
 * Description: A buffer that is shown can be updated after its exporter is unplugged.
 *		Afterwards it cannot be shown again, and the screen keeps its picture.
 */

/**
 * SUBTEST: caught-%s
 * Description: An importer that arg[1] is detected, and a correct importer in the same
 *		steps is not reported.
 *
 * arg[1]:
 *
 * @no-zap-device: ignores notifications and then writes by device
 * @no-zap-cpu: ignores notifications and then writes by CPU
 * @late-zap-device: removes its translations too late and writes by device
 * @late-zap-cpu: removes its translations too late and writes by CPU
 * @stale-tlb: does not flush the TLB of its device
 * @no-fence: does not publish the fences of its jobs
 * @no-fence-wait-device: does not wait for fences in a device access
 * @no-fence-wait-job: does not wait for fences in a job
 * @no-retry: does not check the sequence before it installs a page frame number
 * @hold-lock: holds the lock too long in a notification
 * @attach-early: attaches before it can be notified
 * @leak: leaves its attachment behind when it fails
 */

/**
 * SUBTEST: class-%s
 * Description: A arg[1] import, with and without a device and P2P, accesses the buffer
 *		by CPU, by device and by job.
 *
 * arg[1].values: dynamic, pinned, revocable, static
 */

/**
 * SUBTEST: close-every-order-evict-after-%d
 * Description: In any order of closing, with an eviction after arg[1] of the objects
 *		are closed, the remaining references work before and after the eviction,
 *		and finally all memory is freed. A fifth of the orders is tested.
 *
 * SUBTEST: close-every-order-evict-after-%d-long
 * Description: Like close-every-order-evict-after-arg[1], with all orders.
 *
 * arg[1].values: 0, 1, 2, 3, 4
 */

/*
 * Each other file of this directory has a group of subtests of one subject.
 */
#include "igt.h"
#include "prime.h"

IGT_TEST_DESCRIPTION("Memory that moves while imported");

int igt_main()
{
	static int fd = -1, importer = -1;

	igt_fixture() {
		fd = vgem_pfn_open();
		importer = pfn_importer_open();
		vgem_pfn_reset_on_exit();
	}

	prime_import_tests(fd, importer);
	prime_access_tests(fd, importer);
	prime_move_tests(fd, importer);
	prime_map_tests(fd, importer);
	prime_race_tests(fd, importer);
	prime_signal_tests(fd, importer);
	prime_kinds_tests(fd, importer);
	prime_modes_tests(fd, importer);
	prime_caught_tests(fd, importer);
	prime_classes_tests(fd, importer);
	prime_jobs_tests(fd, importer);
	prime_engines_tests(fd, importer);
	prime_close_tests(fd, importer);
	prime_udmabuf_tests(importer);
	prime_bochs_tests(fd);

	igt_fixture() {
		close(importer);
		close(fd);
	}
}
