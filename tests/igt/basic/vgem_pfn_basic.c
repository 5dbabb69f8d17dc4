// SPDX-License-Identifier: MIT
/**
 * TEST: vgem pfn basic
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: DRM
 * Description: All ioctls of vgem_pfn with valid and invalid arguments, mappings, and
 *		the module's lifetime.
 *
 * SUBTEST: create-before-system
 * Description: SYSTEM in the list is used when the regions before it are full, without
 *		evicting a buffer.
 *
 * SUBTEST: create-size-rounded
 * Description: Sizes are rounded up to pages, and the new size is returned.
 *
 * SUBTEST: create-bad-size
 * Description: Empty buffers, and buffers larger than their regions, are rejected.
 *
 * SUBTEST: create-bad-placements
 * Description: Placement lists that are empty, are too long, have unknown regions or
 *		repeat a region are rejected.
 *
 * SUBTEST: create-bad-pointer
 * Description: A placement list that cannot be read fails with EFAULT.
 *
 * SUBTEST: create-bad-flags
 * Description: Unknown flags are rejected, so that they can be given a meaning later.
 *
 * SUBTEST: create-bad-pad
 * Description: Padding that is not zero is rejected, so that it can be given a meaning
 *		later.
 *
 * SUBTEST: create-any-handle
 * Description: The handle is output only: its value on input has no effect.
 *
 * SUBTEST: query-bad-handle
 * Description: Handles that are unknown or closed fail with ENOENT.
 *
 * SUBTEST: query-bad-flags
 * Description: Unknown flags are rejected.
 *
 * SUBTEST: query-any-output
 * Description: Every output field is written, whatever its value on input.
 *
 * SUBTEST: stats
 * Description: bo_stats has the statistics of each buffer, until it is freed.
 *
 * SUBTEST: stats-while-moving
 * Description: bo_stats can be read while a buffer moves, without waiting for its
 *		reservation lock.
 *
 * SUBTEST: pfns
 * Description: The file pfns returns the page frame numbers of the memory that has the
 *		buffer's contents.
 *
 * SUBTEST: pfns-no-populate
 * Description: A query of the page frame numbers does not populate a buffer.
 *
 * SUBTEST: pfns-bad-range
 * Description: Ranges that are empty, exceed the buffer or overflow are rejected.
 *
 * SUBTEST: pfns-bad-pointer
 * Description: A read of pfns into memory that cannot be written fails with EFAULT.
 *
 * SUBTEST: pfns-bad-id
 * Description: An id that belongs to no buffer of the device fails with ENOENT.
 *
 * SUBTEST: pfns-bad-text
 * Description: A request to pfns that is not three numbers is rejected.
 *
 * SUBTEST: pfns-result
 * Description: Each open file of pfns has a result of its own. The next successful
 *		request replaces it, a failed request does not, and it remains when the
 *		buffer is freed.
 *
 * SUBTEST: pfns-no-permission
 * Description: Page frame numbers can be read only with CAP_SYS_ADMIN, and only root
 *		can open pfns.
 *
 * SUBTEST: regions
 * Description: The regions are returned up to the size of the caller's array, with
 *		their total number.
 *
 * SUBTEST: regions-bad-args
 * Description: Unknown flags and bad pointers are rejected.
 *
 * SUBTEST: move
 * Description: Contents and mappings survive a move between any two regions.
 *
 * SUBTEST: move-counters
 * Description: The counters match the moves.
 *
 * SUBTEST: move-nowhere
 * Description: A move to the current region succeeds and does not copy.
 *
 * SUBTEST: move-bad-region
 * Description: A buffer can be moved only to the regions of its list, and to SYSTEM.
 *
 * SUBTEST: move-bad-handle
 * Description: Handles that are unknown or closed fail with ENOENT.
 *
 * SUBTEST: move-bad-flags
 * Description: Unknown flags are rejected.
 *
 * SUBTEST: move-bad-pad
 * Description: Padding must be zero.
 *
 * SUBTEST: move-interrupted
 * Description: Waiting for another thread's move can be interrupted, and leaves the
 *		buffer unchanged.
 *
 * SUBTEST: mmap-after-close
 * Description: A mapping keeps its buffer and its memory after the handle is closed.
 *
 * SUBTEST: mmap-private
 * Description: Private mappings are rejected.
 *
 * SUBTEST: mmap-beyond-end
 * Description: A mapping larger than its buffer is rejected.
 *
 * SUBTEST: mmap-foreign-fd
 * Description: A file without a handle of the buffer cannot map its offset.
 *
 * SUBTEST: mmap-offset-bad-handle
 * Description: Handles that are unknown, closed or of another file fail with ENOENT.
 *
 * SUBTEST: mmap-offset-bad-flags
 * Description: Unknown flags are rejected.
 *
 * SUBTEST: mmap-offset-any-offset
 * Description: The offset is output only: its value on input has no effect.
 *
 * SUBTEST: mmap-read-only-debugger
 * Description: A mapping of a read-only dma-buf cannot be written to, not even through
 *		/proc/self/mem.
 *
 * SUBTEST: version
 * Description: The driver reports its name and version.
 *
 * SUBTEST: dumb
 * Description: Dumb buffers are placed in system memory and can be mapped.
 *
 * SUBTEST: dumb-bad-args
 * Description: Dumb buffers that are empty or too large are rejected.
 *
 * SUBTEST: export
 * Description: The dma-buf's fd has the requested access mode.
 *
 * SUBTEST: export-bad-args
 * Description: Unknown flags and bad handles are rejected.
 *
 * SUBTEST: export-same
 * Description: Each export of a buffer returns the same dma-buf.
 *
 * SUBTEST: syncobj
 * Description: Sync objects can be created and destroyed on the device.
 *
 * SUBTEST: fdinfo
 * Description: A client's memory is counted as total in its preferred region, and as
 *		resident where it is placed.
 *
 * SUBTEST: unload
 * Description: The module works after it was unloaded and loaded again.
 */

/**
 * SUBTEST: create-%s
 * Description: A new buffer is placed in arg[1] as requested, and accounted there.
 *
 * SUBTEST: create-zeroed-%s
 * Description: The memory of a new buffer in arg[1] is zeroed.
 *
 * SUBTEST: mmap-%s
 * Description: A buffer in arg[1] can be mapped, and the mapping shows its memory.
 *
 * arg[1]:
 *
 * @system: SYSTEM
 * @tt: TT
 * @carveout: the carveout
 */

/**
 * SUBTEST: unload-busy-%s
 * Description: The module cannot be unloaded while there is arg[1], and the buffer's
 *		contents stay correct.
 *
 * arg[1]:
 *
 * @fd: an open file of the device
 * @mmap: a mapping of a buffer
 * @dmabuf: a dma-buf
 * @dmabuf-mmap: a mapping of a dma-buf
 * @import: an import by page frame numbers
 * @import-mmap: a mapping of an import by page frame numbers
 */

/*
 * Each other file of this directory has a group of subtests of one subject.
 */
#include "basic.h"
#include "igt.h"

IGT_TEST_DESCRIPTION("vgem_pfn's userspace interface and lifetime");

struct basic_state basic_state(int fd)
{
	struct drm_vgem_pfn_region regions[DRM_VGEM_PFN_MAX_REGIONS];
	uint32_t i, num = DRM_VGEM_PFN_MAX_REGIONS;
	struct basic_state state = {};

	igt_assert_eq(__vgem_pfn_regions(fd, regions, &num), 0);
	for (i = 0; i < num; i++)
		state.used[i] = regions[i].used;

	state.next_handle = vgem_pfn_bo_create(fd, 4 * KiB, VGEM_PFN_SYSTEM);
	vgem_pfn_gem_close(fd, state.next_handle);

	return state;
}

void basic_assert_unchanged(int fd, struct basic_state before)
{
	struct basic_state now = basic_state(fd);
	int i;

	for (i = 0; i < DRM_VGEM_PFN_MAX_REGIONS; i++)
		igt_assert_eq_u64(now.used[i], before.used[i]);
	igt_assert_eq_u32(now.next_handle, before.next_handle);
}

void basic_assert_bad_flags(int fd, unsigned long request, const void *arg,
			    size_t size, size_t flags, uint32_t known)
{
	uint8_t bad[256];
	uint32_t bit;

	igt_assert(size <= sizeof(bad));
	for (bit = 1; bit; bit <<= 1) {
		int ret;

		if (bit & known)
			continue;
		memcpy(bad, arg, size);
		memcpy(bad + flags, &bit, sizeof(bit));
		ret = __vgem_pfn_ioctl(fd, request, bad);
		igt_assert_f(ret == -EINVAL, "flag %#x: %d, want %d\n", bit,
			     ret, -EINVAL);
	}
}

void basic_assert_mbz(int fd, unsigned long request, const void *arg,
		      size_t size, size_t first, size_t end)
{
	uint8_t bad[256];
	size_t i;
	int bit;

	igt_assert(size <= sizeof(bad));
	for (i = first; i < end; i++) {
		for (bit = 0; bit < 8; bit++) {
			int ret;

			memcpy(bad, arg, size);
			bad[i] = 1 << bit;
			ret = __vgem_pfn_ioctl(fd, request, bad);
			igt_assert_f(ret == -EINVAL,
				     "bit %d of byte %zu: %d, want %d\n", bit,
				     i, ret, -EINVAL);
		}
	}
}

int igt_main()
{
	static int fd = -1;

	igt_fixture() {
		fd = vgem_pfn_open();
		vgem_pfn_reset_on_exit();
	}

	basic_create_tests(fd);
	basic_query_tests(fd);
	basic_move_tests(fd);
	basic_mmap_tests(fd);
	basic_drm_tests(fd);
	basic_fdinfo_tests();

	igt_fixture()
		close(fd);

	basic_unload_tests();
}
