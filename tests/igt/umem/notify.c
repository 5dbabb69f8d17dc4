// SPDX-License-Identifier: MIT
/* Subtests of umems whose buffer moves, is pinned, or is revoked */
#include <errno.h>

#include "igt.h"
#include "pfn_pci.h"
#include "umem.h"
#include "vgem_pfn_module.h"

#define OFFSET	(3 * PFN_PAGE_SIZE + 100)
#define LENGTH	(40 * PFN_PAGE_SIZE)

static int import(const struct umem_bo *bo, uint32_t mode)
{
	return umem_import(bo, mode, OFFSET, LENGTH);
}

static void check(int umem, const struct umem_bo *bo)
{
	umem_check(umem, bo, OFFSET, LENGTH);
}

static void assert_pins(const struct umem_bo *bo, uint32_t pins)
{
	igt_assert_eq_u32(vgem_pfn_bo_query(bo->fd, bo->handle).pin_count, pins);
}

static void test_move(int fd, uint32_t first)
{
	struct umem_bo bo = umem_bo_create(fd, first);
	int umem = import(&bo, DMA_BUF_UMEM_DYNAMIC);
	struct drm_vgem_pfn_region region;
	uint32_t id, moves = 0;

	check(umem, &bo);
	vgem_pfn_for_each_region(fd, region, id) {
		if (id == vgem_pfn_bo_region(fd, bo.handle))
			continue;
		vgem_pfn_bo_move(fd, bo.handle, id);
		umem_assert_unmapped(umem);
		igt_assert_lte(++moves, umem_query(umem).notifications);
		/* May move the buffer to where the importer reaches it. */
		igt_assert_eq(__umem_map(umem), 0);
		check(umem, &bo);
		/* A second fault finds it mapped. */
		igt_assert_eq(__umem_map(umem), 0);
		check(umem, &bo);
	}
	close(umem);
	umem_bo_destroy(&bo);
}

/* A notification can arrive before ib_umem_dmabuf_get() has set umem->attach. */
static void test_race(int fd)
{
	struct umem_bo bo = umem_bo_create(fd, VGEM_PFN_CARVEOUT);
	struct vgem_pfn_shuttle shuttle;
	int i, umem;

	vgem_pfn_shuttle_start(&shuttle, fd, bo.handle, false);
	for (i = 0; i < 200 || shuttle.moves <= 40; i++) {
		igt_assert_eq(shuttle.ret, 0);
		umem = __umem_import(bo.dmabuf, DMA_BUF_UMEM_DYNAMIC, OFFSET, LENGTH);
		igt_assert_fd(umem);
		close(umem);
	}
	vgem_pfn_shuttle_stop(&shuttle);

	umem = import(&bo, DMA_BUF_UMEM_DYNAMIC);
	check(umem, &bo);
	close(umem);
	umem_bo_destroy(&bo);
}

/* A page fault while a copy is pending waits for it. */
static void test_fence(int fd)
{
	struct umem_bo bo = umem_bo_create(fd, VGEM_PFN_CARVEOUT);
	int umem = import(&bo, DMA_BUF_UMEM_DYNAMIC);
	uint64_t word, addresses[UMEM_PAGES];

	vgem_pfn_set_knob(fd, "engine_latency_us", 200000);
	igt_assert_eq(__vgem_pfn_bo_move_async(fd, bo.handle, VGEM_PFN_TT, 0), 0);
	umem_assert_unmapped(umem);
	igt_assert_eq(__umem_map(umem), 0);
	/* The first access of the device must see the copy. */
	igt_assert_lt(0, umem_addresses(umem, addresses, UMEM_PAGES));
	pfn_mem_read(addresses[1] / PFN_PAGE_SIZE, 0, &word, sizeof(word));
	igt_assert_eq_u64(word, pfn_pattern_word(bo.seed, (OFFSET / PFN_PAGE_SIZE + 1) *
						 PFN_PAGE_SIZE / sizeof(word)));
	check(umem, &bo);
	vgem_pfn_set_knob(fd, "engine_latency_us", 0);
	close(umem);
	umem_bo_destroy(&bo);
}

static uint32_t test_mode;

static void test_pinned(int fd, uint32_t region)
{
	struct umem_bo bo = umem_bo_create(fd, region);
	int umem = import(&bo, test_mode), again;
	uint32_t placed = vgem_pfn_bo_region(fd, bo.handle);

	igt_assert_eq_u32(umem_query(umem).pinned, 1);
	assert_pins(&bo, 1);
	igt_assert_eq(__vgem_pfn_bo_move(fd, bo.handle, placed == VGEM_PFN_TT ?
					 VGEM_PFN_SYSTEM : VGEM_PFN_TT), -EBUSY);
	igt_assert_eq(__vgem_pfn_evict_all_carveouts(fd), 0);
	check(umem, &bo);
	again = import(&bo, test_mode);
	assert_pins(&bo, 2);
	close(again);
	assert_pins(&bo, 1);
	check(umem, &bo);
	igt_assert_eq_u32(umem_query(umem).notifications, 0);
	close(umem);
	umem_bo_destroy(&bo);
}

/*
 * dma_buf_pin() notifies the importer, as amdgpu does if it has to move the buffer. This is
 * no revocation: the umem is pinned and mapped, and unpins.
 */
static void test_pin_notifies(int fd, uint32_t region)
{
	struct umem_bo bo = umem_bo_create(fd, region);
	int umem, dynamic;

	vgem_pfn_set_knob(fd, "pin_notifies", 1);
	umem = __umem_import(bo.dmabuf, test_mode, OFFSET, LENGTH);
	/* A failed import must not leave a pin behind. */
	if (umem < 0)
		assert_pins(&bo, 0);
	igt_assert_fd(umem);
	igt_assert_eq_u32(umem_query(umem).revoked, 0);
	igt_assert_eq_u32(umem_query(umem).notifications, 0);
	assert_pins(&bo, 1);
	check(umem, &bo);
	close(umem);
	assert_pins(&bo, 0);

	/* With another importer that is notified by the pin, too */
	dynamic = import(&bo, DMA_BUF_UMEM_DYNAMIC);
	umem = import(&bo, test_mode);
	umem_assert_unmapped(dynamic);
	igt_assert_eq_u32(umem_query(dynamic).notifications, 1);
	igt_assert_eq(__umem_map(dynamic), 0);
	check(dynamic, &bo);
	check(umem, &bo);
	close(umem);
	close(dynamic);
	vgem_pfn_set_knob(fd, "pin_notifies", 0);
	umem_bo_destroy(&bo);
}

/* The same without the knob: the buffer is in a BAR, and moves to be pinned. */
static void test_pin_moves(void)
{
	int fd = pfn_pci_open_bar(), umem;
	struct umem_bo bo;

	igt_require_f(fd >= 0, "no device with a BAR\n");
	bo = umem_bo_create(vgem_pfn_checked(fd), VGEM_PFN_CARVEOUT);
	umem = __umem_import(bo.dmabuf, test_mode, OFFSET, LENGTH);
	if (umem < 0)
		assert_pins(&bo, 0);
	igt_assert_fd(umem);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, bo.handle), VGEM_PFN_TT);
	assert_pins(&bo, 1);
	check(umem, &bo);
	close(umem);
	umem_bo_destroy(&bo);
	close(fd);
}

static void test_unplug(void)
{
	int fd = vgem_pfn_open_faux(1), umem;
	struct umem_bo bo = umem_bo_create(fd, VGEM_PFN_CARVEOUT);
	struct dma_buf_umem_query query;

	umem = import(&bo, test_mode);
	igt_assert_eq(__vgem_pfn_faux_unplug(1), 0);
	query = umem_query(umem);
	switch (test_mode) {
	case DMA_BUF_UMEM_DYNAMIC:
		umem_assert_unmapped(umem);
		igt_assert_eq_u32(query.notifications, 1);
		igt_assert_eq(__umem_map(umem), -ENODEV);
		break;
	case DMA_BUF_UMEM_PINNED:
		/* Cannot be notified: keeps its mapping. */
		igt_assert_eq_u32(query.mapped, 1);
		igt_assert_eq_u32(query.pinned, 1);
		break;
	default:
		umem_assert_unmapped(umem);
		igt_assert_eq_u32(query.revoked, 1);
		igt_assert_eq_u32(query.pinned, 0);
		igt_assert_eq_u32(query.notifications, 1);
		igt_assert_eq(__umem_map(umem), -EINVAL);
	}

	/* An import of revoked memory fails, and leaves nothing behind. */
	igt_assert_eq(__umem_import(bo.dmabuf, test_mode, 0, PFN_PAGE_SIZE), -ENODEV);
	close(umem);
	close(bo.dmabuf);
	close(fd);
	igt_assert_eq(__vgem_pfn_faux_plug(1), 0);
}

void umem_notify_tests(int fd)
{
	igt_describe("A dynamic umem is unmapped by moves, and maps the new placement.");
	igt_subtest("move")
		test_move(fd, VGEM_PFN_CARVEOUT);

	igt_describe("Like move, from each region.");
	igt_subtest("move-long")
		pfn_each_region(fd, test_move);

	igt_describe("A buffer can move while it is imported.");
	igt_subtest("move-race")
		test_race(fd);

	igt_describe("Mapping a dynamic umem waits for a pending copy.");
	igt_subtest("fence")
		test_fence(fd);

	for (test_mode = DMA_BUF_UMEM_PINNED; test_mode < NUM_MODES; test_mode++) {
		igt_describe("A pinned umem holds the buffer in place.");
		igt_subtest_f("pin-%s", umem_mode_names[test_mode])
			pfn_each_region(fd, test_pinned);

		igt_describe("A notification by dma_buf_pin() is no revocation.");
		igt_subtest_f("pin-notifies-%s", umem_mode_names[test_mode])
			pfn_each_region(fd, test_pin_notifies);

		igt_describe("A buffer in a BAR moves when it is pinned.");
		igt_subtest_f("pin-moves-%s", umem_mode_names[test_mode])
			test_pin_moves();
	}

	for (test_mode = 0; test_mode < NUM_MODES; test_mode++) {
		igt_describe("The exporter is unplugged while a umem is mapped.");
		igt_subtest_f("unplug-%s", umem_mode_names[test_mode])
			test_unplug();
	}
}
