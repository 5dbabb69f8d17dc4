// SPDX-License-Identifier: MIT
/*
 * Subtests of the driver bound to a PCI device that lends its memory BAR as VRAM:
 * QEMU's ivshmem-plain, BAR 2. It is bound by driver_override and unbound in sysfs.
 */
#include <errno.h>
#include <sys/mman.h>

#include "hotplug.h"
#include "igt.h"
#include "pfn_importer.h"
#include "pfn_pci.h"
#include "vgem_pfn_module.h"

#define SIZE	(1 * MiB)

static char pci_name[PFN_PCI_NAME_SIZE];

static uint32_t create(int fd, uint64_t seed)
{
	uint32_t handle = vgem_pfn_bo_create(fd, SIZE, VGEM_PFN_CARVEOUT,
					     VGEM_PFN_TT);

	vgem_pfn_bo_fill(fd, handle, SIZE, seed);
	return handle;
}

/*
 * SUBTEST: pci
 * Description: the BAR is a carveout, and contents go there and back
 */
static void test_pci(void)
{
	struct drm_vgem_pfn_region region;
	uint64_t start, size, pfn, i;
	uint32_t handle, full;
	int fd;

	pfn_pci_bar(pci_name, PFN_PCI_IVSHMEM_BAR, &start, &size);
	fd = pfn_pci_bind_and_open(pci_name);
	region = vgem_pfn_region(fd, VGEM_PFN_CARVEOUT);
	igt_assert_eq_u64(region.size, size);
	igt_assert_eq_u64(region.base_pfn, start / PFN_PAGE_SIZE);

	handle = create(fd, 1);
	for (i = 0; i < SIZE / PFN_PAGE_SIZE; i++) {
		pfn = vgem_pfn_bo_pfn(fd, handle, i);
		igt_assert_lte_u64(start / PFN_PAGE_SIZE, pfn);
		igt_assert_lt_u64(pfn, (start + size) / PFN_PAGE_SIZE);
	}
	vgem_pfn_bo_check(fd, handle, SIZE, 1);
	vgem_pfn_bo_move(fd, handle, VGEM_PFN_TT);
	vgem_pfn_bo_check(fd, handle, SIZE, 1);
	vgem_pfn_bo_move(fd, handle, VGEM_PFN_CARVEOUT);
	vgem_pfn_bo_check(fd, handle, SIZE, 1);

	/* There is room for this one if the other goes. */
	full = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), VGEM_PFN_TT);
	vgem_pfn_gem_close(fd, full);
	vgem_pfn_bo_check(fd, handle, SIZE, 1);

	close(fd);
	igt_assert_eq(__pfn_pci_unbind(pci_name), 0);
	igt_assert_eq(__pfn_pci_open(pci_name), -ENODEV);
}

static void check_dummy(volatile uint64_t *map)
{
	size_t words = SIZE / sizeof(*map), i;

	for (i = 0; i < words; i += PFN_PAGE_SIZE / sizeof(*map))
		igt_assert_eq_u64(map[i], 0);
	map[1] = 1;
	igt_assert_eq_u64(map[1], 1);
}

/*
 * SUBTEST: pci-unbind
 * Description: unbinding works while files, mappings, dma-bufs and importers are
 *		there, and who binds again has the whole BAR
 */
static void test_unbind(void)
{
	struct drm_vgem_pfn_bo_query query;
	int importer, fd, again, dmabuf, import;
	uint32_t handle, system;
	uint64_t word, *maps[2];

	importer = pfn_importer_open();
	fd = pfn_pci_bind_and_open(pci_name);
	handle = create(fd, 1);
	system = create(fd, 2);
	vgem_pfn_bo_move(fd, system, VGEM_PFN_TT);
	maps[0] = vgem_pfn_bo_mmap(fd, handle, SIZE, PROT_READ | PROT_WRITE);
	pfn_assert_pattern(maps[0], 0, SIZE, 1);
	maps[1] = vgem_pfn_bo_mmap(fd, system, SIZE, PROT_READ | PROT_WRITE);
	pfn_assert_pattern(maps[1], 0, SIZE, 2);

	dmabuf = vgem_pfn_export(fd, handle);
	import = pfn_import_flags(importer, dmabuf, DMA_BUF_PFN_IMPORT_P2P);
	pfn_import_dev_check(import, SIZE, 1);
	pfn_import_assert_truth(import, fd, handle, SIZE, DMA_BUF_PFN_ENTRY_DEV);

	igt_assert_eq(__pfn_pci_unbind(pci_name), 0);

	igt_assert_eq(__pfn_pci_open(pci_name), -ENODEV);
	igt_assert_eq(__vgem_pfn_bo_query(fd, handle, &query), -ENODEV);
	check_dummy(maps[0]);
	check_dummy(maps[1]);
	igt_assert_eq_u64(pfn_import_stats(import).invalidations, 1);
	igt_assert_eq_u32(pfn_import_entry(import, 0).flags, 0);
	igt_assert_eq(__pfn_import_access(import, 0, &word, sizeof(word),
					  DMA_BUF_PFN_ACCESS_READ), -ENODEV);

	/* The same memory has another owner now. */
	again = pfn_pci_bind_and_open(pci_name);
	igt_assert_eq_u64(vgem_pfn_region(again, VGEM_PFN_CARVEOUT).used, 0);
	handle = vgem_pfn_bo_create(again, vgem_pfn_carveout_size(again),
				    VGEM_PFN_CARVEOUT);
	vgem_pfn_bo_fill(again, handle, SIZE, 3);
	igt_assert_eq(__pfn_import_access(import, 0, &word, sizeof(word),
					  DMA_BUF_PFN_ACCESS_READ), -ENODEV);
	igt_assert_eq_u64(maps[0][0], 0);

	munmap(maps[1], SIZE);
	close(fd);
	close(import);
	munmap(maps[0], SIZE);
	igt_assert_eq(__pfn_pci_unbind(pci_name), 0);
	close(again);
	close(dmabuf);
	close(importer);
}

/*
 * SUBTEST: pci-unload
 * Description: the module waits for users, and takes its devices along
 */
static void test_unload(void)
{
	int fd = pfn_pci_bind_and_open(pci_name);
	uint32_t handle;

	vgem_pfn_bo_create(fd, SIZE, VGEM_PFN_CARVEOUT);
	igt_assert_eq(__vgem_pfn_unload(), -EWOULDBLOCK);
	igt_assert_eq(__pfn_pci_unbind(pci_name), 0);
	igt_assert_eq(__vgem_pfn_unload(), -EWOULDBLOCK);
	close(fd);
	igt_assert_eq(__pfn_pci_bind(pci_name), 0);
	igt_assert_eq(__vgem_pfn_unload(), 0);
	igt_assert_eq(__pfn_pci_open(pci_name), -ENODEV);

	/* A module that comes back finds it by its override. */
	vgem_pfn_reload("devices=0 'carveouts=contig:16M;pci=bar:4M,bar:rest:buddy'");
	fd = __pfn_pci_open(pci_name);
	igt_assert_fd(fd);
	igt_assert_eq_u64(vgem_pfn_carveout_size(fd), 4 * MiB);
	handle = vgem_pfn_bo_create(fd, 2 * MiB, DRM_VGEM_PFN_REGION_CARVEOUT(1));
	vgem_pfn_bo_fill(fd, handle, 2 * MiB, 1);
	close(fd);
	vgem_pfn_want("devices=1");
	igt_assert_eq(__pfn_pci_unbind(pci_name), 0);
}

/*
 * SUBTEST: pci-no-bar
 * Description: a device without memory to lend is refused
 */
static void test_no_bar(void)
{
	char ivshmem[PFN_PCI_NAME_SIZE];

	memcpy(ivshmem, pci_name, sizeof(ivshmem));
	/* QEMU's q35: the chipset's host bridge, of which there is one. */
	igt_require(pfn_pci_find(0x8086, 0x29c0, 0, pci_name));
	igt_emit_ignore_dmesg_regex("no prefetchable 64-bit memory BAR");
	pfn_pci_set_override(pci_name, VGEM_PFN_MODULE);
	igt_assert_neq(__pfn_pci_bind(pci_name), 0);
	igt_assert_eq(__pfn_pci_open(pci_name), -ENODEV);
	pfn_pci_set_override(pci_name, "\n");
	memcpy(pci_name, ivshmem, sizeof(pci_name));
}

/*
 * SUBTEST: pci-new-id
 * Description: the driver takes all devices of a kind that new_id names
 */
static void test_new_id(void)
{
	char name[PFN_PCI_NAME_SIZE];
	unsigned int i, free = 0;
	int without, added, fd, removed;

	pfn_pci_set_override(pci_name, "\n");
	without = __pfn_pci_bind(pci_name);
	added = __pfn_pci_ids("new_id", PFN_PCI_IVSHMEM);
	fd = __pfn_pci_open(pci_name);
	if (fd >= 0)
		close(fd);
	removed = __pfn_pci_ids("remove_id", PFN_PCI_IVSHMEM);
	for (i = 0; pfn_pci_find(PFN_PCI_IVSHMEM, i, name); i++)
		free += !__pfn_pci_unbind(name);
	pfn_pci_set_override(pci_name, VGEM_PFN_MODULE);

	/* All is as it was: others don't find what this one has left. */
	igt_assert_neq(without, 0);
	igt_assert_eq(added, 0);
	igt_assert_fd(fd);
	igt_assert_eq(removed, 0);
	igt_assert_eq(free, i);
}

static void release(int sig)
{
	/* Only what a subtest left behind: the path is of its own choosing. */
	if (!pci_name[0])
		return;
	__pfn_pci_unbind(pci_name);
	__pfn_pci_set_override(pci_name, "\n");
}

/* The PCI device is ours for the time of a subtest, and bound to nothing yet. */
static void with_pci(void (*run)(void))
{
	vgem_pfn_want("devices=1");
	__pfn_pci_unbind(pci_name);
	pfn_pci_set_override(pci_name, VGEM_PFN_MODULE);
	run();
	release(0);
}

void hotplug_pci_tests(void)
{
	igt_subtest_group() {
		igt_fixture() {
			igt_require_f(pfn_pci_find(PFN_PCI_IVSHMEM, 0, pci_name),
				      "no ivshmem-plain device\n");
			igt_install_exit_handler(release);
		}

		igt_describe("A PCI device's BAR is a carveout.");
		igt_subtest("pci")
			with_pci(test_pci);

		igt_describe("Unbinding works while in use.");
		igt_subtest("pci-unbind")
			with_pci(test_unbind);

		igt_describe("The module and its PCI devices go and come together.");
		igt_subtest("pci-unload")
			with_pci(test_unload);

		igt_describe("new_id makes devices of a kind the driver's.");
		igt_subtest("pci-new-id")
			with_pci(test_new_id);

		igt_describe("A device without memory to lend is refused.");
		igt_subtest("pci-no-bar")
			with_pci(test_no_bar);
	}
}
