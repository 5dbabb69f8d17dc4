// SPDX-License-Identifier: MIT
/*
 * Subtests of closing all references to a buffer in every order, with an eviction after
 * each step: the remaining references follow the buffer.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "igt.h"
#include "prime.h"

/* The references to one buffer */
enum item {
	ITEM_HANDLE,
	ITEM_DEVICE,
	ITEM_DMABUF,
	ITEM_IMPORT,
	ITEM_MAP,
	NUM_ITEMS,
};

#define NUM_ORDERS	120	/* NUM_ITEMS factorial */
/*
 * Every fifth order lets each item come first; together the subtests cover all orders.
 */
#define STEP		5

static const char * const item_names[NUM_ITEMS] = {
	"handle", "device", "dma-buf", "import", "mmap",
};

struct user {
	struct prime p;
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
			vgem_pfn_gem_close(u->p.fd, u->p.handle);
		break;
	case ITEM_DEVICE:
		close(u->p.fd);
		break;
	case ITEM_DMABUF:
		close(u->p.dmabuf);
		break;
	case ITEM_IMPORT:
		close(u->p.import);
		break;
	default:
		munmap(u->p.map, u->p.size);
	}
}

/* Check the contents through all references that are left. */
static void check_user(struct user *u, int importer, uint64_t seed)
{
	struct prime *p = &u->p;

	if (u->held[ITEM_MAP])
		pfn_assert_pattern(p->map, 0, p->size, seed);
	if (u->held[ITEM_IMPORT])
		pfn_import_dev_check(p->import, p->size, seed);
	if (u->held[ITEM_DMABUF]) {
		int again = pfn_import(importer, p->dmabuf);

		pfn_import_dev_check(again, p->size, seed);
		close(again);
	}
	if (u->held[ITEM_DEVICE] && u->held[ITEM_HANDLE])
		vgem_pfn_bo_check(p->fd, p->handle, p->size, seed);
}

static void describe_user(struct user *u, int closed)
{
	int i;

	igt_debug("closed:");
	for (i = 0; i < closed; i++)
		igt_debug(" %s", item_names[u->order[i]]);
	igt_debug("\n");
}

/* After an eviction the import has no translations, and new ones map other memory. */
static void check_notified(struct user *u, struct drm_vgem_pfn_region carveout)
{
	struct dma_buf_pfn_stats stats;
	uint64_t i;

	if (!u->held[ITEM_IMPORT])
		return;

	stats = pfn_import_stats(u->p.import);
	igt_assert_eq_u64(stats.invalidations, 1);
	igt_assert_eq_u64(stats.dev_mapped, 0);
	igt_assert_eq_u64(stats.cpu_mapped, 0);

	pfn_import_dev_check(u->p.import, u->p.size, 1);
	for (i = 0; i < u->p.size / PFN_PAGE_SIZE; i++) {
		uint64_t pfn = pfn_import_entry(u->p.import, i).dev_pfn;

		igt_assert(pfn < carveout.base_pfn ||
			   pfn >= carveout.base_pfn +
			   carveout.size / PFN_PAGE_SIZE);
	}
}

static void test_every_order(int fd, int importer, int evict_after, int first, int step)
{
	struct drm_vgem_pfn_region before[3];
	static struct user users[NUM_ORDERS];
	int n, i;

	for (i = 0; i < 3; i++)
		before[i] = vgem_pfn_region(fd, i);

	for (n = first; n < NUM_ORDERS; n += step) {
		struct user *u = &users[n];

		pfn_nth_order(n, u->order, NUM_ITEMS);
		u->p = prime_create(vgem_pfn_open(), importer, 8 * KiB, 1);
		prime_touch(&u->p, 1);
		for (i = 0; i < NUM_ITEMS; i++)
			u->held[i] = true;
	}

	for (i = 0; i <= NUM_ITEMS; i++) {
		if (i == evict_after) {
			vgem_pfn_evict_all();
			igt_assert_lte_u64(vgem_pfn_region(fd, 2).used,
					   before[2].used);
		}
		for (n = first; n < NUM_ORDERS; n += step) {
			struct user *u = &users[n];

			describe_user(u, i);
			if (i == evict_after)
				check_notified(u, before[2]);
			check_user(u, importer, 1);
			if (i < NUM_ITEMS)
				let_go(u, u->order[i]);
		}
	}

	for (i = 0; i < 3; i++)
		igt_assert_lte_u64(vgem_pfn_region(fd, i).used, before[i].used);
}

static void test_close_then_evict(int fd, int importer, enum item item)
{
	const size_t size = 256 * KiB, pages = size / PFN_PAGE_SIZE;
	struct stat before, after;
	struct dma_buf_pfn_stats stats;
	uint64_t old[64], new[64], i;
	struct prime p;
	int again;

	p = prime_create(vgem_pfn_open(), importer, size, 1);
	prime_touch(&p, 1);
	vgem_pfn_bo_pfns(p.fd, p.handle, 0, pages, old);
	vgem_pfn_gem_close(p.fd, p.handle);
	if (item == ITEM_DEVICE)
		close(p.fd);

	vgem_pfn_evict_all();

	stats = pfn_import_stats(p.import);
	igt_assert_eq_u64(stats.invalidations, 1);
	igt_assert_eq_u64(stats.cpu_zapped, pages);
	igt_assert_eq_u64(stats.dev_zapped, pages);
	for (i = 0; i < pages; i++)
		igt_assert_eq_u32(pfn_import_entry(p.import, i).flags &
				  (ENTRY_DEV | ENTRY_CPU), 0);

	pfn_assert_pattern(p.map, 0, size, 1);
	pfn_import_dev_check(p.import, size, 1);
	pfn_pattern_fill(p.map, 0, size, 2);

	/* A new handle returns the pfns of the new placement. */
	igt_assert_eq(__vgem_pfn_fd_to_handle(fd, p.dmabuf, &p.handle), 0);
	p.fd = fd;
	vgem_pfn_bo_pfns(fd, p.handle, 0, pages, new);
	for (i = 0; i < pages; i++)
		igt_assert_neq_u64(old[i], new[i]);
	igt_assert_eq_u64(vgem_pfn_bo_query(fd, p.handle).num_evictions, 1);
	igt_assert_eq_u64(vgem_pfn_bo_query(fd, p.handle).num_notifies, 1);
	prime_check(&p, 2);

	/* Another export returns the same dma-buf, with the same importers. */
	again = vgem_pfn_export(fd, p.handle);
	igt_assert_eq(fstat(p.dmabuf, &before), 0);
	igt_assert_eq(fstat(again, &after), 0);
	igt_assert_eq_u64(before.st_ino, after.st_ino);
	close(again);
	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_CARVEOUT);
	pfn_import_assert_truth(p.import, fd, p.handle, size, 0);
	prime_check(&p, 2);

	prime_destroy(&p);
}

void prime_close_tests(int fd, int importer)
{
	int i;

	igt_describe("Importers of a buffer without a handle are notified of its eviction.");
	igt_subtest("close-handle-then-evict")
		test_close_then_evict(fd, importer, ITEM_HANDLE);

	igt_describe("Importers of a buffer without a device file are notified of its eviction.");
	igt_subtest("close-device-then-evict")
		test_close_then_evict(fd, importer, ITEM_DEVICE);

	for (i = 0; i < NUM_ITEMS; i++) {
		igt_describe("In any order of closing, the remaining references work.");
		igt_subtest_f("close-every-order-evict-after-%d", i)
			test_every_order(fd, importer, i, i, STEP);

		igt_describe("Like close-every-order-evict, with all orders.");
		igt_subtest_f("close-every-order-evict-after-%d-long", i)
			test_every_order(fd, importer, i, 0, 1);
	}
}
