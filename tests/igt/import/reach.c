// SPDX-License-Identifier: MIT
/*
 * Subtests of the placement of an imported buffer, for each list of regions and each
 * kind of importer. Based on xe's KUnit tests of dma-bufs.
 *
 * The types of the carveouts depend on the module parameters.
 */
#include <glob.h>

#include "igt.h"
#include "import.h"
#include "pfn_importer.h"

#define SIZE	(64 * KiB)

#define PIN		DMA_BUF_PFN_IMPORT_PIN
#define REVOCABLE	DMA_BUF_PFN_IMPORT_REVOCABLE
#define STATIC		DMA_BUF_PFN_IMPORT_STATIC
#define P2P		DMA_BUF_PFN_IMPORT_P2P

enum way {
	WAY_PFN,	/* the reference importer, with flags */
	WAY_SAME,	/* the exporting device */
	WAY_OTHER,	/* another device of the driver, by scatter list */
};

struct importer {
	const char *name;
	enum way way;
	uint32_t flags;
	bool p2p;	/* can reach memory without pages */
	bool notified;	/* has invalidate_mappings */
	bool pins;
};

static const struct importer importers[] = {
	{ "dynamic", WAY_PFN, 0, false, true, false },
	{ "dynamic-p2p", WAY_PFN, P2P, true, true, false },
	{ "pin", WAY_PFN, PIN, false, false, true },
	{ "pin-p2p", WAY_PFN, PIN | P2P, true, false, true },
	{ "pin-revocable", WAY_PFN, PIN | REVOCABLE, false, true, true },
	{ "pin-revocable-p2p", WAY_PFN, PIN | REVOCABLE | P2P, true, true, true },
	{ "static", WAY_PFN, STATIC, false, false, true },
	{ "same-device", WAY_SAME, 0, true, true, false },
	{ "other-device", WAY_OTHER, 0, false, true, false },
	{ "other-device-p2p", WAY_OTHER, P2P, true, true, false },
};

struct list {
	uint32_t regions[DRM_VGEM_PFN_MAX_REGIONS];
	unsigned int num;
};

static bool is_kind(int fd, uint32_t region, const char *kind)
{
	return !strncmp((char *)vgem_pfn_region(fd, region).name, kind,
			strlen(kind));
}

static bool has_pages(int fd, uint32_t region)
{
	return !is_kind(fd, region, "reserved") && !is_kind(fd, region, "bar");
}

/* Whether @imp reaches the memory without pages of this list's regions */
static bool is_peer(int fd, const struct list *list, const struct importer *imp)
{
	bool p2p = imp->p2p;
	unsigned int i;

	for (i = 0; i < list->num; i++)
		/* The other device shares no bus with the BAR. */
		if (is_kind(fd, list->regions[i], "bar"))
			p2p &= imp->notified && imp->way != WAY_OTHER;
	return p2p;
}

/*
 * Return the region of a buffer with this list after @imp has used it, or the error of
 * the import. The buffer starts in its first region.
 */
static int expected_region(int fd, const struct list *list,
			   const struct importer *imp)
{
	unsigned int i;

	if (imp->way == WAY_SAME || is_peer(fd, list, imp))
		return list->regions[0];
	for (i = 0; i < list->num; i++)
		if (has_pages(fd, list->regions[i]))
			break;
	if (i == list->num)
		return -EOPNOTSUPP;
	return list->regions[has_pages(fd, list->regions[0]) ? 0 : i];
}

/* An import of one kind; @id is the handle or fd, or -errno. */
struct use {
	const struct importer *imp;
	int fd;
	int id;
};

static struct use use_begin(const struct importer *imp, int fd, int dmabuf)
{
	struct use use = { .imp = imp, .fd = fd };
	uint32_t handle;

	if (imp->way == WAY_PFN) {
		use.id = __pfn_import_flags(fd, dmabuf, imp->flags, NULL);
		return use;
	}
	use.id = __vgem_pfn_fd_to_handle(fd, dmabuf, &handle);
	if (!use.id)
		use.id = handle;
	return use;
}

static void use_it(struct use *use)
{
	if (use->imp->way == WAY_PFN) {
		pfn_import_dev_check(use->id, SIZE, 1);
	} else if (use->imp->way == WAY_OTHER) {
		vgem_pfn_bo_move(use->fd, use->id, VGEM_PFN_TT);
		vgem_pfn_bo_check_mem(use->fd, use->id, SIZE, 1);
	}
}

static void use_end(struct use *use)
{
	if (use->id < 0)
		return;
	if (use->imp->way == WAY_PFN)
		close(use->id);
	else if (use->imp->way != WAY_SAME)
		vgem_pfn_gem_close(use->fd, use->id);
}

/* Use the import and check the buffer's placement, pin count and contents. */
static void check_place(int fd, uint32_t handle, struct use *use, uint32_t region)
{
	use_it(use);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), region);
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, handle).pin_count,
			  use->imp->pins);
	vgem_pfn_bo_check(fd, handle, SIZE, 1);
}

static void one_case(int fd, int importer, const struct importer *imp,
		     const struct list *list)
{
	uint32_t handle, first = list->regions[0], i;
	int dmabuf, region = expected_region(fd, list, imp);
	struct use use;

	handle = __vgem_pfn_bo_create_list(fd, SIZE, list->regions, list->num);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), first);
	vgem_pfn_bo_fill(fd, handle, SIZE, 1);
	dmabuf = vgem_pfn_export(fd, handle);

	use = use_begin(imp, importer, dmabuf);
	if (region < 0) {
		igt_assert_eq(use.id, region);
		igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), first);
		igt_assert_eq_u32(vgem_pfn_bo_query(fd, handle).num_attachments,
				  0);
		goto out;
	}
	igt_assert_lte(0, use.id);
	check_place(fd, handle, &use, region);

	/*
	 * Move the buffer to each other region: the import brings it back if it has to.
	 */
	for (i = 0; i < list->num; i++) {
		if (list->regions[i] == (uint32_t)region)
			continue;
		igt_assert_eq(__vgem_pfn_bo_move(fd, handle, list->regions[i]),
			      imp->pins ? -EBUSY : 0);
		if (imp->pins || imp->way == WAY_SAME)
			continue;
		use_it(&use);
		if (is_peer(fd, list, imp) || has_pages(fd, list->regions[i]))
			igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle),
					  list->regions[i]);
		else
			igt_assert(has_pages(fd, vgem_pfn_bo_region(fd, handle)));
		vgem_pfn_bo_move(fd, handle, region);
		check_place(fd, handle, &use, region);
	}
out:
	use_end(&use);
	close(dmabuf);
	vgem_pfn_gem_close(fd, handle);
}

/* List of the regions in @mask, carveouts first */
static struct list make_list(unsigned int mask, unsigned int num_carveouts)
{
	struct list list = {};
	unsigned int i;

	for (i = 0; i < num_carveouts; i++)
		if (mask & 4 << i)
			list.regions[list.num++] = VGEM_PFN_CARVEOUT + i;
	if (mask & 1)
		list.regions[list.num++] = VGEM_PFN_TT;
	if (mask & 2)
		list.regions[list.num++] = VGEM_PFN_SYSTEM;
	return list;
}

int import_open_exporter(int fd)
{
	glob_t found;
	char path[64];

	if (glob("/sys/bus/pci/drivers/" VGEM_PFN_MODULE "/*/drm/renderD*", 0,
		 NULL, &found)) {
		fd = dup(fd);
	} else {
		snprintf(path, sizeof(path), "/dev/dri/%s",
			 strrchr(found.gl_pathv[0], '/') + 1);
		fd = open(path, O_RDWR | O_CLOEXEC);
		globfree(&found);
	}
	igt_assert_lte(0, fd);
	return fd;
}

static void test_reach(int fd, int other, const struct importer *imp)
{
	struct drm_vgem_pfn_region regions[DRM_VGEM_PFN_MAX_REGIONS];
	uint32_t num = DRM_VGEM_PFN_MAX_REGIONS, mask, end;
	int importer;

	fd = import_open_exporter(fd);
	importer = imp->way == WAY_SAME ? fd : other;
	igt_assert_eq(__vgem_pfn_regions(fd, regions, &num), 0);
	num = num - 2 < 3 ? num - 2 : 3;
	end = 4 << num;

	if (imp->way == WAY_PFN)
		importer = pfn_importer_open();
	if (imp->way == WAY_OTHER)
		import_set_peer2peer(other, imp->p2p);

	for (mask = 1; mask < end; mask++) {
		struct list list = make_list(mask, num);

		igt_debug("regions %#x\n", mask);
		one_case(fd, importer, imp, &list);
	}

	if (imp->way == WAY_OTHER)
		import_set_peer2peer(other, true);
	if (imp->way == WAY_PFN)
		close(importer);
	close(fd);
}

uint32_t import_find_carveout(int fd, bool pages)
{
	struct drm_vgem_pfn_region regions[DRM_VGEM_PFN_MAX_REGIONS];
	uint32_t num = DRM_VGEM_PFN_MAX_REGIONS, i;

	igt_assert_eq(__vgem_pfn_regions(fd, regions, &num), 0);
	for (i = VGEM_PFN_CARVEOUT; i < num; i++)
		if (has_pages(fd, i) == pages)
			return i;
	igt_skip("no carveout %s pages\n", pages ? "with" : "without");
}

static void test_mixed(int fd, uint32_t region)
{
	uint32_t handle = vgem_pfn_bo_create(fd, SIZE, region, VGEM_PFN_TT);
	int dmabuf = vgem_pfn_export(fd, handle), importer = pfn_importer_open();
	int peer, plain, pin;

	vgem_pfn_bo_fill(fd, handle, SIZE, 1);
	peer = __pfn_import_flags(importer, dmabuf, P2P, NULL);
	plain = __pfn_import_flags(importer, dmabuf, 0, NULL);
	igt_assert(peer >= 0 && plain >= 0);

	pfn_import_dev_check(peer, SIZE, 1);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), region);
	pfn_import_dev_check(plain, SIZE, 1);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), VGEM_PFN_TT);
	igt_assert_eq_u64(pfn_import_stats(peer).invalidations, 1);
	pfn_import_dev_check(peer, SIZE, 1);
	pfn_import_assert_truth(peer, fd, handle, SIZE, DMA_BUF_PFN_ENTRY_DEV);

	/* A peer also pins in memory that the other importer reaches. */
	vgem_pfn_bo_move(fd, handle, region);
	pin = __pfn_import_flags(importer, dmabuf, PIN | REVOCABLE | P2P, NULL);
	igt_assert_lte(0, pin);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), VGEM_PFN_TT);
	close(pin);
	close(plain);

	/*
	 * Without the other importer it pins in place; importers that do not reach it
	 * fail.
	 */
	vgem_pfn_bo_move(fd, handle, region);
	pin = __pfn_import_flags(importer, dmabuf, PIN | REVOCABLE | P2P, NULL);
	igt_assert_lte(0, pin);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), region);
	plain = __pfn_import_flags(importer, dmabuf, 0, NULL);
	igt_assert_lte(0, plain);
	igt_assert_eq(__pfn_import_access(plain, 0, &(uint64_t){ 0 }, 8,
					  DMA_BUF_PFN_ACCESS_READ), -EOPNOTSUPP);
	igt_assert_eq(__pfn_import_flags(importer, dmabuf, PIN, NULL),
		      -EOPNOTSUPP);
	pfn_import_dev_check(peer, SIZE, 1);
	close(pin);
	pfn_import_dev_check(plain, SIZE, 1);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), VGEM_PFN_TT);

	close(plain);
	close(peer);
	close(dmabuf);
	close(importer);
	vgem_pfn_gem_close(fd, handle);
}

void import_reach_tests(int fd, int other)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(importers); i++) {
		igt_describe("A buffer is placed where its importer reaches it.");
		igt_subtest_f("reach-%s", importers[i].name)
			test_reach(fd, other, &importers[i]);
	}

	igt_describe("Importers that reach different memory share a buffer.");
	igt_subtest("reach-mixed") {
		int exporter = import_open_exporter(fd);

		test_mixed(exporter, import_find_carveout(exporter, false));
		close(exporter);
	}
}
