// SPDX-License-Identifier: MIT
/*
 * Subtests of virtio-gpu's imports and of its notifications of moves.
 */
#include "igt.h"
#include "pfn_trace.h"
#include "virtgpu.h"

#define SIZE	(256 * KiB)

static void test_import(int fd, int gpu)
{
	struct drm_vgem_pfn_bo_query query;
	struct virtgpu v;

	virtgpu_trace();
	v = virtgpu_create(fd, gpu, SIZE, 1);
	igt_assert_eq(virtgpu_sent(CMD_RESOURCE_CREATE_BLOB), 1);

	query = vgem_pfn_bo_query(fd, v.handle);
	igt_assert_eq_u32(query.num_attachments, 1);
	igt_assert_eq_u32(query.pin_count, 0);
	igt_assert_eq_u32(query.region, VGEM_PFN_CARVEOUT);
	vgem_pfn_bo_check(fd, v.handle, SIZE, 1);
	virtgpu_destroy(&v);
	virtgpu_assert_accepted();
}

static void test_move(int fd, int gpu)
{
	uint32_t regions[] = { VGEM_PFN_TT, VGEM_PFN_CARVEOUT, VGEM_PFN_TT };
	struct virtgpu v;
	unsigned int i;

	virtgpu_trace();
	v = virtgpu_create(fd, gpu, SIZE, 1);
	for (i = 0; i < ARRAY_SIZE(regions); i++) {
		if (i)
			virtgpu_trace();
		igt_assert_eq(__pfn_trace_also("vgem_pfn",
					       "vgem_pfn_copy_begin"), 0);
		vgem_pfn_bo_move(fd, v.handle, regions[i]);
		virtgpu_assert_accepted();

		/* The first move detached the memory, and nothing has attached it again. */
		igt_assert_eq(virtgpu_sent(CMD_DETACH_BACKING), !i);
		igt_assert_eq(__pfn_trace_count("vgem_pfn_copy_begin: "), 1);
		/* The host has responded to the detach before the copy. */
		igt_assert_eq(__pfn_trace_ordered("cmd_response: ",
						  "copy_begin: "),
			      __pfn_trace_ordered("cmd_queue: ",
						  "copy_begin: "));
		vgem_pfn_bo_check_mem(fd, v.handle, SIZE, 1);
	}
	virtgpu_destroy(&v);
}

static void test_evict(int fd, int gpu)
{
	struct virtgpu v = virtgpu_create(fd, gpu, SIZE, 1);

	virtgpu_trace();
	vgem_pfn_evict_all();
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, v.handle), VGEM_PFN_TT);
	virtgpu_assert_accepted();
	igt_assert_eq(virtgpu_sent(CMD_DETACH_BACKING), 1);
	vgem_pfn_bo_check_mem(fd, v.handle, SIZE, 1);
	virtgpu_destroy(&v);
}

static void test_close_exporter(int fd, int gpu)
{
	int dmabuf;
	uint32_t again;
	struct virtgpu v = virtgpu_create(fd, gpu, SIZE, 1);

	vgem_pfn_gem_close(fd, v.handle);
	close(v.dmabuf);
	virtgpu_trace();
	vgem_pfn_evict_all();
	virtgpu_assert_accepted();
	igt_assert_eq(virtgpu_sent(CMD_DETACH_BACKING), 1);

	/* virtio-gpu exports an import as the original dma-buf. */
	dmabuf = vgem_pfn_export(gpu, v.import);
	igt_assert_eq(__vgem_pfn_fd_to_handle(fd, dmabuf, &again), 0);
	vgem_pfn_bo_check(fd, again, SIZE, 1);
	vgem_pfn_gem_close(fd, again);
	close(dmabuf);
	vgem_pfn_gem_close(gpu, v.import);
	virtgpu_assert_accepted();
}

void virtgpu_import_tests(int fd, int gpu)
{
	igt_describe("An import creates a resource and does not pin.");
	igt_subtest("import")
		test_import(fd, gpu);

	igt_describe("virtio-gpu detaches the memory before it is copied.");
	igt_subtest("move")
		test_move(fd, gpu);

	igt_describe("virtio-gpu detaches the memory of an evicted buffer.");
	igt_subtest("evict")
		test_evict(fd, gpu);

	igt_describe("An import outlives the exporter's handle.");
	igt_subtest("close-exporter")
		test_close_exporter(fd, gpu);
}
