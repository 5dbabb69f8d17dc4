// SPDX-License-Identifier: MIT
/*
 * Subtests of closing all references to an imported buffer in every order, with an
 * eviction after each step.
 */
#include <sys/mman.h>

#include "igt.h"
#include "import.h"

enum item {
	ITEM_HANDLE,
	ITEM_DEVICE,
	ITEM_DMABUF,
	ITEM_IMPORT,
	ITEM_OTHER,
	ITEM_MAP,
	NUM_ITEMS,
};

#define NUM_ORDERS	720	/* NUM_ITEMS factorial */

struct user {
	struct shared s;
	char *map;	/* mapping of the import */
	int order[NUM_ITEMS];
	bool held[NUM_ITEMS];
};

static void let_go(struct user *u, enum item item)
{
	u->held[item] = false;
	switch (item) {
	case ITEM_HANDLE:
		/* Closing the device has closed its handles. */
		if (u->held[ITEM_DEVICE])
			vgem_pfn_gem_close(u->s.fd, u->s.handle);
		break;
	case ITEM_DEVICE:
		close(u->s.fd);
		break;
	case ITEM_DMABUF:
		close(u->s.dmabuf);
		break;
	case ITEM_IMPORT:
		if (u->held[ITEM_OTHER])
			vgem_pfn_gem_close(u->s.other, u->s.import);
		break;
	case ITEM_OTHER:
		close(u->s.other);
		break;
	default:
		munmap(u->map, u->s.size);
	}
}

/* Check the contents through all references that are left. */
static void check_user(struct user *u, bool evicted)
{
	struct shared *s = &u->s;

	if (u->held[ITEM_MAP])
		pfn_assert_pattern(u->map, 0, s->size, 1);
	if (u->held[ITEM_DEVICE] && u->held[ITEM_HANDLE])
		vgem_pfn_bo_check(s->fd, s->handle, s->size, 1);
	if (!u->held[ITEM_OTHER] || !u->held[ITEM_IMPORT])
		return;

	if (evicted)
		shared_assert_unmapped(s);
	vgem_pfn_bo_move(s->other, s->import, VGEM_PFN_TT);
	vgem_pfn_bo_check_mem(s->other, s->import, s->size, 1);
	vgem_pfn_bo_check(s->other, s->import, s->size, 1);
}

/*
 * All orders would take too long for each eviction point. Each eviction point is tested
 * with every 30th order (the long subtests: every sixth), chosen so that each item is
 * closed first in some of them.
 */
static void test_orders(int fd, int evict_after, int step)
{
	static struct user users[NUM_ORDERS / NUM_ITEMS];
	const int num = NUM_ORDERS / step;
	uint64_t before[3];
	int n, i;

	for (i = 0; i < 3; i++)
		before[i] = vgem_pfn_region(fd, i).used;

	for (n = 0; n < num; n++) {
		struct user *u = &users[n];

		pfn_nth_order(n * step + (n + evict_after) % NUM_ITEMS,
			      u->order, NUM_ITEMS);
		u->s = shared_create(vgem_pfn_open(), import_open_other(fd),
				     8 * KiB, 1);
		shared_map(&u->s);
		u->map = vgem_pfn_bo_mmap(u->s.other, u->s.import, u->s.size,
					  PROT_READ);
		for (i = 0; i < NUM_ITEMS; i++)
			u->held[i] = true;
	}

	for (i = 0; i <= NUM_ITEMS; i++) {
		if (i == evict_after)
			vgem_pfn_evict_all();
		for (n = 0; n < num; n++) {
			check_user(&users[n], i == evict_after);
			if (i < NUM_ITEMS)
				let_go(&users[n], users[n].order[i]);
		}
	}

	/* TTM frees imports in a worker, those of earlier subtests included. */
	for (n = 0; n < 1500; n++) {
		for (i = 0; i < 3; i++)
			if (vgem_pfn_region(fd, i).used > before[i])
				break;
		if (i == 3)
			break;
		usleep(20000);
	}
	for (i = 0; i < 3; i++)
		igt_assert_lte_u64(vgem_pfn_region(fd, i).used, before[i]);
}

static void assert_attachments(const struct shared *s, uint32_t num)
{
	igt_assert_eq_u32(vgem_pfn_bo_query(s->fd, s->handle).num_attachments, num);
}

/*
 * TTM destroys the object after the fences of the buffer have signaled. The import is
 * detached before, also if it is still mapped because of import_unmap_ms.
 */
static void test_close_busy(int fd, int other)
{
	struct shared s = shared_create(fd, other, MiB, 1);
	struct pfn_hold hold;

	shared_map(&s);
	vgem_pfn_set_knob(other, "import_unmap_ms", 10000);
	vgem_pfn_bo_move(fd, s.handle, VGEM_PFN_TT);
	vgem_pfn_set_knob(other, "import_unmap_ms", 0);
	igt_assert_eq_u32(vgem_pfn_bo_region(other, s.import), VGEM_PFN_TT);
	assert_attachments(&s, 1);

	pfn_hold_begin(&hold);
	pfn_hold_dmabuf(&hold, s.dmabuf);
	vgem_pfn_gem_close(other, s.import);
	assert_attachments(&s, 0);
	igt_assert(pfn_hold_pending(&hold));
	pfn_hold_end(&hold);

	s.import = import_handle(other, s.dmabuf);
	shared_map(&s);
	shared_check(&s, 1);
	shared_destroy(&s);
}

void import_close_tests(int fd, int other)
{
	int i;

	igt_describe("A closed import is detached at once.");
	igt_subtest("close-busy")
		test_close_busy(fd, other);

	for (i = 0; i < NUM_ITEMS; i++) {
		igt_describe("In any order of closing, the remaining references work.");
		igt_subtest_f("close-every-order-evict-after-%d", i)
			test_orders(fd, i, 5 * NUM_ITEMS);

		igt_describe("Like close-every-order-evict, with more orders.");
		igt_subtest_f("close-every-order-evict-after-%d-long", i)
			test_orders(fd, i, NUM_ITEMS);
	}
}
