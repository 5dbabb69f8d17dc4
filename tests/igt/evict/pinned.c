// SPDX-License-Identifier: MIT
/*
 * Subtests of pinned buffers. The importer is vkms, which accesses a buffer through a
 * kernel mapping (vmap) and cannot be notified of a move.
 */
#include <sys/mman.h>

#include "evict.h"
#include "igt.h"
#include "pfn_kms.h"
#include "vgem_pfn.h"

static void test_pinned(int fd, uint32_t region)
{
	uint32_t placements[] = { region, VGEM_PFN_SYSTEM };
	struct drm_vgem_pfn_bo_query query;
	uint32_t handle, imported, fb;
	struct pfn_kms kms;
	uint64_t pfn;
	size_t size;
	int dmabuf;

	pfn_kms_open(&kms);
	size = pfn_kms_size(&kms);
	handle = __vgem_pfn_bo_create_list(fd, size, placements, 2);
	vgem_pfn_bo_fill(fd, handle, size, 5);
	pfn = vgem_pfn_bo_pfn(fd, handle, 0);
	dmabuf = vgem_pfn_export(fd, handle);
	igt_assert_eq(__vgem_pfn_fd_to_handle(kms.fd, dmabuf, &imported), 0);
	fb = pfn_kms_add_fb(&kms, imported);
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, handle).pin_count, 0);

	igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), region);
	pfn_kms_show(&kms, fb);
	igt_assert_lte(1, vgem_pfn_bo_query(fd, handle).pin_count);

	vgem_pfn_evict_all();
	igt_assert_eq(__vgem_pfn_evict_all_carveouts(fd), 0);
	igt_assert_eq(__vgem_pfn_bo_move(fd, handle, VGEM_PFN_SYSTEM), -EBUSY);
	query = vgem_pfn_bo_query(fd, handle);
	igt_assert_eq_u32(query.region, region);
	igt_assert_eq_u64(query.num_moves, 0);
	igt_assert_eq_u64(vgem_pfn_bo_pfn(fd, handle, 0), pfn);
	vgem_pfn_bo_check(fd, handle, size, 5);
	/* A move to the current region is no move and succeeds. */
	vgem_pfn_bo_move(fd, handle, region);

	pfn_kms_hide(&kms);
	pfn_kms_rm_fb(&kms, fb);
	vgem_pfn_gem_close(kms.fd, imported);
	close(dmabuf);
	pfn_kms_close(&kms);

	igt_assert_eq_u32(vgem_pfn_bo_query(fd, handle).pin_count, 0);
	igt_assert_eq(__vgem_pfn_evict_all_carveouts(fd), 0);
	if (region != VGEM_PFN_TT)
		igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), VGEM_PFN_SYSTEM);
	vgem_pfn_bo_move(fd, handle, VGEM_PFN_SYSTEM);
	vgem_pfn_bo_check(fd, handle, size, 5);
	vgem_pfn_gem_close(fd, handle);
}

/* In every carveout, with scattered memory where the carveout allows it */
static void test_pinned_scattered(int fd)
{
	struct drm_vgem_pfn_region region;
	uint32_t id;

	vgem_pfn_set_max_block_order(fd, 2);
	vgem_pfn_for_each_carveout(fd, region, id)
		test_pinned(fd, id);
	vgem_pfn_set_max_block_order(fd, UINT32_MAX);
}

void evict_pinned_tests(int fd)
{
	igt_describe("A pinned buffer is neither evicted nor moved.");
	igt_subtest("pinned")
		test_pinned(fd, VGEM_PFN_CARVEOUT);

	igt_describe("Like pinned, in system memory.");
	igt_subtest("pinned-tt")
		test_pinned(fd, VGEM_PFN_TT);

	igt_describe("Like pinned, in all carveouts, with scattered memory where possible.");
	igt_subtest("pinned-scattered")
		test_pinned_scattered(fd);
}
