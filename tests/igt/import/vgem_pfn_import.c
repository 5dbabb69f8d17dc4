// SPDX-License-Identifier: MIT
/**
 * TEST: vgem pfn import
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: PRIME
 * Description: Buffers that a device of vgem_pfn imports from another one or from other
 *		drivers.
 *
 * SUBTEST: self
 * Description: Importing a device's own dma-buf returns the buffer itself, without an
 *		attachment.
 *
 * SUBTEST: other-device
 * Description: Another device's buffer is mapped at its first use. The DMA addresses
 *		match the exporter's page frame numbers, and the import has a size and a
 *		placement list of its own.
 *
 * SUBTEST: other-device-carveout
 * Description: An import cannot be moved to a carveout of the importing device.
 *
 * SUBTEST: other-device-twice
 * Description: Importing a dma-buf again returns the same handle, and a separate import
 *		in another file.
 *
 * SUBTEST: other-device-export
 * Description: Exporting an import returns the imported dma-buf.
 *
 * SUBTEST: other-device-read-only
 * Description: A dma-buf that was exported read-only cannot be mapped for writing.
 *
 * SUBTEST: swiotlb
 * Description: A device that needs bounce buffers, as with swiotlb=force, cannot map an
 *		import. Accesses by the CPU work.
 *
 * SUBTEST: move
 * Description: An import is unmapped by each of 8 moves and evictions, and can be
 *		mapped at the new placement.
 *
 * SUBTEST: move-long
 * Description: An import is unmapped by each of 32 moves and evictions, and can be
 *		mapped at the new placement.
 *
 * SUBTEST: evict
 * Description: An import is unmapped by the eviction of its buffer, and can be mapped
 *		at the new placement.
 *
 * SUBTEST: evict-without-handle
 * Description: An import is unmapped by the eviction of a buffer whose handle is
 *		closed, and can be mapped at the new placement.
 *
 * SUBTEST: evict-twin
 * Description: Memory pressure on the importing device does not move the exporter's
 *		buffer.
 *
 * SUBTEST: move-race
 * Description: A buffer is imported, mapped and closed while it moves, 50 times. The
 *		import is notified from its attachment on.
 *
 * SUBTEST: move-race-long
 * Description: Like move-race, 500 times.
 *
 * SUBTEST: move-race-unmap-late
 * Description: Like move-race, with an import that unmaps 500 ms after a notification.
 *		Nothing is unmapped after the import is closed.
 *
 * SUBTEST: unmap-sooner
 * Description: An import is mapped again before the delay of a notification is over. The
 *		next notification has a shorter delay, and the import is unmapped after that.
 *
 * SUBTEST: close-busy
 * Description: A closed import is unmapped and detached at once, not when the fences of
 *		its buffer have signaled.
 *
 * SUBTEST: mmap
 * Description: A mapping of an import shows the buffer, also after moves and without
 *		handles.
 *
 * SUBTEST: sync-placement
 * Description: CPU access through the dma-buf works in every region and does not move
 *		the buffer.
 *
 * SUBTEST: sync-waits-for-move
 * Description: CPU access does not begin while a move is under way.
 *
 * SUBTEST: large
 * Description: A buffer of 5 GiB is imported as a scatter list and by page frame numbers.
 *		All addresses are right, also those beyond 4 GiB. Needs memory reserved
 *		for it.
 *
 * SUBTEST: reach-mixed
 * Description: Each of two importers moves the buffer to memory that it reaches, which
 *		notifies the other one. A pin is placed where all attached importers
 *		reach it.
 *
 * SUBTEST: reach-contended
 * Description: An importer gets memory that it reaches even if all buffers that could
 *		be evicted for it are locked.
 *
 * SUBTEST: reach-freed
 * Description: An allocation waits for buffers that importers are moving out of the
 *		region, and succeeds once the last one has left.
 *
 * SUBTEST: reach-locked
 * Description: An allocation succeeds after a buffer has left that another driver had
 *		locked with a ww ticket.
 *
 * SUBTEST: evict-locked
 * Description: An allocation waits for the lock of a buffer that another driver has locked
 *		with a ww ticket, and evicts the buffer.
 *
 * SUBTEST: evict-locked-signal
 * Description: A signal ends the wait of evict-locked.
 *
 * SUBTEST: evict-locked-fault
 * Description: Like evict-locked, but the eviction fails, and the allocation returns its
 *		error.
 */

/**
 * SUBTEST: close-every-order-evict-after-%d
 * Description: In any order of closing, with an eviction after arg[1] of the objects
 *		are closed, the remaining references work before and after the eviction,
 *		and finally all memory is freed. Every 30th order is tested.
 *
 * SUBTEST: close-every-order-evict-after-%d-long
 * Description: Like close-every-order-evict-after-arg[1], with every sixth order.
 *		Together the subtests cover all orders.
 *
 * arg[1].values: 0, 1, 2, 3, 4, 5
 */

/**
 * SUBTEST: from-%s
 * Description: A buffer of arg[1] can be imported: the exporter's mapping, the import's
 *		mapping and the import's addresses show the same memory.
 *
 * arg[1]:
 *
 * @udmabuf: udmabuf
 * @dma-heap: a DMA-BUF heap
 * @vgem: vgem
 * @vkms: vkms
 * @virtio-gpu: virtio-gpu
 */

/**
 * SUBTEST: reach-%s
 * Description: With each list of regions, a buffer is placed where arg[1] reaches it,
 *		or the import fails.
 *
 * arg[1]:
 *
 * @dynamic: a dynamic importer
 * @dynamic-p2p: a dynamic importer with P2P
 * @pin: an importer that pins
 * @pin-p2p: an importer that pins, with P2P
 * @pin-revocable: a revocable importer that pins
 * @pin-revocable-p2p: a revocable importer that pins, with P2P
 * @static: a static importer
 * @same-device: a device that imports its own dma-buf
 * @other-device: another device of the driver
 * @other-device-p2p: another device of the driver, with P2P
 */

/*
 * Each other file of this directory has a group of subtests of one subject.
 */
#include <sys/stat.h>

#include "igt.h"
#include "import.h"

IGT_TEST_DESCRIPTION("Imports of memory that the exporter moves");

uint32_t import_handle(int fd, int dmabuf)
{
	uint32_t handle;

	igt_assert_eq(__vgem_pfn_fd_to_handle(fd, dmabuf, &handle), 0);
	return handle;
}

int import_open_other(int fd)
{
	struct stat here, there;
	unsigned int i;
	int other;

	igt_assert_eq(fstat(fd, &here), 0);
	for (i = 0; (other = __vgem_pfn_open_faux(i, "renderD")) >= 0; i++) {
		igt_assert_eq(fstat(other, &there), 0);
		if (here.st_rdev != there.st_rdev)
			return other;
		close(other);
	}
	igt_skip("no other device of " VGEM_PFN_MODULE "\n");
}

void import_set_peer2peer(int fd, bool yes)
{
	igt_assert_eq(__vgem_pfn_set_import_peer2peer(fd, yes), 0);
}

static void reset_others(int sig)
{
	unsigned int i;
	int fd;

	for (i = 0; (fd = __vgem_pfn_open_faux(i, "renderD")) >= 0; i++) {
		__vgem_pfn_set_import_peer2peer(fd, false);
		__vgem_pfn_set(fd, "import_unmap_ms", 0);
		close(fd);
	}
}

struct shared shared_create(int fd, int other, size_t size, uint64_t seed)
{
	struct shared s = { .fd = fd, .size = size, .other = other };

	s.handle = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vgem_pfn_bo_fill(fd, s.handle, size, seed);
	s.dmabuf = vgem_pfn_export(fd, s.handle);
	s.import = import_handle(other, s.dmabuf);
	return s;
}

void shared_destroy(struct shared *s)
{
	vgem_pfn_gem_close(s->other, s->import);
	close(s->dmabuf);
	vgem_pfn_gem_close(s->fd, s->handle);
}

void shared_map(struct shared *s)
{
	uint64_t *here, *there, i;

	vgem_pfn_bo_move(s->other, s->import, VGEM_PFN_TT);
	here = vgem_pfn_bo_pfn_list(s->other, s->import, 0, s->size / PFN_PAGE_SIZE);
	there = vgem_pfn_bo_pfn_list(s->fd, s->handle, 0, s->size / PFN_PAGE_SIZE);
	for (i = 0; i < s->size / PFN_PAGE_SIZE; i++) {
		igt_assert_neq_u64(there[i], VGEM_PFN_NO_PFN);
		igt_assert_eq_u64(here[i], there[i]);
	}
	free(there);
	free(here);
}

void shared_assert_unmapped(struct shared *s)
{
	uint64_t *pfns, i;

	igt_assert_eq_u32(vgem_pfn_bo_region(s->other, s->import),
			  VGEM_PFN_SYSTEM);
	pfns = vgem_pfn_bo_pfn_list(s->other, s->import, 0, s->size / PFN_PAGE_SIZE);
	for (i = 0; i < s->size / PFN_PAGE_SIZE; i++)
		igt_assert_eq_u64(pfns[i], VGEM_PFN_NO_PFN);
	free(pfns);
}

void shared_check(struct shared *s, uint64_t seed)
{
	vgem_pfn_bo_check(s->fd, s->handle, s->size, seed);
	vgem_pfn_bo_check(s->other, s->import, s->size, seed);
	if (vgem_pfn_bo_region(s->other, s->import) == VGEM_PFN_TT)
		vgem_pfn_bo_check_mem(s->other, s->import, s->size, seed);
}

int igt_main()
{
	static int fd = -1, other = -1;

	igt_fixture() {
		fd = vgem_pfn_open();
		vgem_pfn_reset_on_exit();
	}

	igt_subtest_group() {
		igt_fixture() {
			other = import_open_other(fd);
			igt_install_exit_handler(reset_others);
			import_set_peer2peer(other, true);
		}

		import_basic_tests(fd, other);
		import_move_tests(fd, other);
		import_cpu_tests(fd, other);
		import_close_tests(fd, other);
		import_reach_tests(fd, other);
		import_room_tests(fd, other);
		import_large_tests(fd, other);

		igt_fixture()
			close(other);
	}

	import_foreign_tests(fd);

	igt_fixture()
		close(fd);
}
