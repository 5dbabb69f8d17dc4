// SPDX-License-Identifier: MIT
/**
 * TEST: vgem pfn async
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: Memory management
 * Description: Asynchronous moves: the buffer gets its new placement at once, and an
 *		engine copies the contents until a fence signals.
 *
 * SUBTEST: old-bytes
 * Description: Until the fence of a move signals, the new memory keeps its old
 *		contents.
 *
 * SUBTEST: worker
 * Description: An engine copies in a worker, after the move's ioctl has returned.
 *
 * SUBTEST: worker-sync
 * Description: A synchronous move copies in the caller, before its ioctl returns.
 *
 * SUBTEST: latency
 * Description: A copy takes at least as long as engine_latency_us and
 *		engine_bandwidth_mibps require.
 *
 * SUBTEST: clear
 * Description: An engine clears the memory of a buffer that has no contents yet.
 *
 * SUBTEST: chained
 * Description: Moves of a buffer whose previous move is still pending, spread over
 *		several engines, complete in order.
 *
 * SUBTEST: sync-after-async
 * Description: A synchronous move waits for pending copies.
 *
 * SUBTEST: same-pages
 * Description: A move between SYSTEM and TT does not copy, and leaves a pending copy
 *		running.
 *
 * SUBTEST: in-flight
 * Description: The copies of many buffers can be pending at the same time.
 *
 * SUBTEST: close
 * Description: A buffer can be closed while it is copied, and all of its memory is
 *		freed.
 *
 * SUBTEST: no-job
 * Description: If no job can be created for a copy, it is done synchronously.
 *
 * SUBTEST: out-syncobj
 * Description: The fence of a move, in a sync object, signals once the contents are in
 *		place, and not before.
 *
 * SUBTEST: out-timeline
 * Description: The fence of a move, at a point of a timeline sync object, signals once
 *		the contents are in place, and not before.
 *
 * SUBTEST: out-no-copy
 * Description: The fence of a move that copies nothing, and that of a synchronous move,
 *		has signaled when the ioctl returns.
 *
 * SUBTEST: in-syncobj
 * Description: A move waits for its in-fence. Meanwhile the buffer is not locked, and
 *		accesses to it do not wait for that fence.
 *
 * SUBTEST: in-out-same
 * Description: The same sync object can hold the in-fence and receive the out-fence.
 *
 * SUBTEST: in-interrupted
 * Description: Waiting for an in-fence can be interrupted, and leaves the buffer in
 *		place.
 *
 * SUBTEST: bad-syncobj
 * Description: Invalid sync objects are rejected before anything is changed.
 *
 * SUBTEST: sync-file
 * Description: The fence of a pending copy is exported as a sync file for readers and
 *		for writers, and can be polled.
 *
 * SUBTEST: truth
 * Description: During an asynchronous move the page frame numbers are those of the
 *		destination.
 *
 * SUBTEST: fault-others-map
 * Description: While one thread's fault waits for a copy, other threads can map and
 *		unmap, also in the same mapping.
 *
 * SUBTEST: fault-others-move
 * Description: While one thread's fault waits for a copy, the buffer can be moved
 *		again, and the fault maps the final placement.
 *
 * SUBTEST: fault-unmapped
 * Description: A fault that waits for a copy does not access the mapping or the import
 *		after they were removed.
 *
 * SUBTEST: fault-signal
 * Description: A thread whose fault waits for a copy handles signals, and then
 *		completes the fault.
 *
 * SUBTEST: fault-kill
 * Description: A task whose fault waits for a copy can be killed at once.
 *
 * SUBTEST: fault-kill-syscall
 * Description: A task can be killed at once while one of its system calls faults on a
 *		buffer and waits for a copy.
 *
 * SUBTEST: evict
 * Description: An eviction does not wait for its copy, and the new owner of the memory
 *		does not access it before the copy is done.
 *
 * SUBTEST: evict-long
 * Description: Like evict, but each buffer is filled and checked completely instead of
 *		its first 1 MiB.
 *
 * SUBTEST: overcommit
 * Description: With all moves asynchronous, buffers of 1.25 times the carveout's size
 *		can be allocated and moved back, and no contents are lost.
 *
 * SUBTEST: overcommit-long
 * Description: Like overcommit, with twice the carveout's size.
 *
 * SUBTEST: ghost
 * Description: Memory that a pending copy reads from is not reused before the copy is
 *		done, and an allocation that needs this memory waits.
 *
 * SUBTEST: ghost-long
 * Description: Like ghost, but each buffer is filled and checked completely instead of
 *		its first 1 MiB.
 *
 * SUBTEST: queue
 * Description: The number of queued moves is limited: at the limit a move waits and can
 *		be interrupted, and meanwhile buffers can be exported and closed.
 *
 * SUBTEST: evict-all-busy
 * Description: The evict_all knob terminates while a thread keeps moving a buffer back.
 *
 * SUBTEST: correct-importer
 * Description: An importer that waits for fences always reads the buffer's contents,
 *		during 400 moves on all engines.
 *
 * SUBTEST: correct-importer-long
 * Description: Like correct-importer, with 10,000 moves.
 *
 * SUBTEST: wrong-importer
 * Description: An importer that does not wait for fences reads data that is not the
 *		buffer's, and this test detects that.
 *
 * SUBTEST: unload
 * Description: The module can be unloaded while an engine copies for a closed buffer,
 *		and a fence of that copy can outlive the module: it can be queried and freed.
 *
 * SUBTEST: engines
 * Description: The module parameter sets the number of engines, and invalid numbers are
 *		rejected.
 */

/**
 * SUBTEST: waits-%s
 * Description: arg[1] waits for the pending copy of the buffer that it accesses.
 *
 * arg[1]:
 *
 * @mmap: A read of a mapping
 * @mmap-write: A write to a mapping
 * @dmabuf-mmap: A read of a mapping of the dma-buf
 * @ptrace-access: A read through /proc/self/mem
 * @begin-cpu-access: DMA_BUF_IOCTL_SYNC
 * @import-mmap: A read of an import's mapping
 * @import-dev: A device access of an import
 * @import-pinned: A device access of a pinned import
 * @import-static: A device access of a static import
 */

/*
 * Each other file of this directory has a group of subtests of one subject.
 */
#include "async.h"
#include "igt.h"
#include "pfn_importer.h"
#include "pfn_nth.h"

IGT_TEST_DESCRIPTION("Asynchronous moves");

void async_latency(int fd, uint32_t us)
{
	vgem_pfn_set_knob(fd, "engine_latency_us", us);
}

void async_reset(int fd)
{
	vgem_pfn_set_knob(fd, "async_moves", 0);
	vgem_pfn_set_knob(fd, "engine_latency_us", 0);
	vgem_pfn_set_knob(fd, "engine_bandwidth_mibps", 0);
}

void async_move(int fd, uint32_t handle, uint32_t region, uint32_t out_syncobj)
{
	igt_assert_eq(__vgem_pfn_bo_move_async(fd, handle, region, out_syncobj), 0);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), region);
}

void async_move_held(int fd, uint32_t handle, uint32_t region, uint32_t out_syncobj,
		     struct pfn_hold *hold)
{
	pfn_hold_bo(hold, fd, handle);
	async_move(fd, handle, region, out_syncobj);
}

int async_syncobj_wait(int fd, uint32_t syncobj, uint64_t point, int ms)
{
	int64_t timeout = INT64_MAX;
	struct timespec now;

	if (ms >= 0) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		timeout = now.tv_sec * 1000000000LL + now.tv_nsec + ms * 1000000LL;
	}
	return syncobj_timeline_wait_err(fd, &syncobj, &point, 1, timeout, 0);
}

bool async_done(int fd, uint32_t syncobj)
{
	int ret = async_syncobj_wait(fd, syncobj, 0, 0);

	igt_assert_f(!ret || ret == -ETIME, "sync object: %d\n", ret);
	return !ret;
}

void async_wait(int fd, uint32_t syncobj)
{
	igt_assert_eq(async_syncobj_wait(fd, syncobj, 0, -1), 0);
}

int igt_main()
{
	static int fd = -1, importer = -1;

	igt_fixture() {
		fd = vgem_pfn_open();
		importer = pfn_importer_open();
		vgem_pfn_reset_on_exit();
		pfn_fault_disarm_on_exit();
	}

	async_copy_tests(fd, importer);
	async_chain_tests(fd);
	async_sync_tests(fd);
	async_access_tests(fd, importer);
	async_fault_tests(fd, importer);
	async_evict_tests(fd);
	async_race_tests(fd, importer);

	igt_fixture() {
		close(importer);
		close(fd);
	}

	async_unload_tests();
}
