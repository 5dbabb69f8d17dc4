// SPDX-License-Identifier: MIT
/**
 * TEST: vgem pfn media
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: dma-buf
 * Description: V4L2 devices without hardware, vivid and vim2m, import buffers of vgem_pfn
 *		through videobuf2. Frames are compared byte for byte, through mappings and
 *		at the page frame numbers of the buffers.
 *
 * SUBTEST: capture-large
 * Description: vivid maps buffers of 1 MiB by scatter lists, for a device with 32 address
 *		bits and entries of at most 64 KiB. Bounce buffers are not used: memory
 *		that the device cannot address is refused.
 *
 * SUBTEST: capture-move
 * Description: Buffers do not move from the first QBUF to REQBUFS(0). Between captures
 *		they move from a carveout to each other region.
 *
 * SUBTEST: capture-move-long
 * Description: Like capture-move, from each region.
 *
 * SUBTEST: capture-replace
 * Description: If another dma-buf is queued with the index of a buffer, the device
 *		releases the one that it had there. A dma-buf can be in two buffers.
 *
 * SUBTEST: capture-pending
 * Description: A buffer is queued while a copy to its new placement is pending. The copy
 *		does not overwrite the frame.
 *
 * SUBTEST: capture-race
 * Description: Buffers move in a loop while they are queued and released 10 times. No
 *		frame is lost.
 *
 * SUBTEST: capture-race-long
 * Description: Like capture-race, 200 times.
 *
 * SUBTEST: convert
 * Description: vim2m copies a picture from a buffer in each kind of memory to one in TT
 *		and to one in a carveout.
 *
 * SUBTEST: convert-long
 * Description: vim2m copies a picture from each kind of memory to each other one.
 *
 * SUBTEST: convert-move
 * Description: Source and target change places, and move between pictures.
 *
 * SUBTEST: convert-bar
 * Description: A buffer in a BAR is refused as source and as target, since a kernel mapping
 *		of it is I/O memory. Other buffers can be queued afterwards, also the same
 *		one as source and target.
 *
 * SUBTEST: swiotlb
 * Description: A device that needs bounce buffers, as with swiotlb=force, refuses a buffer
 *		that it maps as a scatter list. Frames in one with a kernel mapping are
 *		right.
 *
 * SUBTEST: faults
 * Description: If the exporter fails to attach, pin or map, QBUF fails and leaves nothing
 *		behind.
 */

/**
 * SUBTEST: capture-%s
 * Description: vivid with the allocator arg[1] captures frames into buffers in each kind of
 *		memory, also scattered ones, or refuses a buffer as it should. While they
 *		are queued and between frames, the buffers are pinned.
 *
 * SUBTEST: close-every-order-%s
 * Description: With the allocator arg[1], STREAMOFF, REQBUFS(0), and closing of the device,
 *		dma-buf and handle, in every order. The buffer is pinned until the device
 *		has released it, and its memory is freed in the end. Every seventh order is
 *		tested.
 *
 * SUBTEST: close-every-order-%s-long
 * Description: Like close-every-order-arg[1], in all orders.
 *
 * SUBTEST: unplug-%s
 * Description: With the allocator arg[1], the exporter is unplugged while a buffer is
 *		queued. The device goes on with the mappings that it has, and gets no new
 *		ones.
 *
 * arg[1]:
 *
 * @vmalloc: videobuf2-vmalloc
 * @dma-contig: videobuf2-dma-contig
 */

/**
 * SUBTEST: bad-length-%s
 * Description: The device arg[1] refuses a length smaller than a frame or larger than the
 *		buffer, and keeps no reference to it.
 *
 * SUBTEST: bad-fd-%s
 * Description: The device arg[1] refuses files that are no dma-bufs, and a dma-buf that is
 *		too small, also in place of a good one, which is released then.
 *
 * arg[1]:
 *
 * @vmalloc: vivid, with videobuf2-vmalloc
 * @dma-contig: vivid, with videobuf2-dma-contig
 * @m2m: vim2m
 */
#include "igt.h"
#include "media.h"
#include "pfn_nth.h"
#include "vgem_pfn_module.h"

IGT_TEST_DESCRIPTION("V4L2 devices as importers");

int igt_main()
{
	static int fd = -1;

	igt_fixture() {
		fd = vgem_pfn_open();
		vgem_pfn_reset_on_exit();
		vgem_pfn_plug_on_exit();
		pfn_fault_disarm_on_exit();
		media_load();
		media_frames_init();
	}

	media_capture_tests(fd);
	media_convert_tests(fd);
	media_close_tests(fd);
	media_bad_tests(fd);

	igt_fixture()
		close(fd);
}
