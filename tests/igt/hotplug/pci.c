// SPDX-License-Identifier: MIT
/*
 * Subtests of the driver bound to a PCI device whose memory BAR serves as VRAM: BAR 2
 * of QEMU's ivshmem-plain. It is bound through driver_override and unbound through
 * sysfs.
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

	/* This buffer fits only if the other one is evicted. */
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

	/* A new device instance uses the same memory now. */
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

	/* When loaded again the module binds the device by its override. */
	vgem_pfn_reload("devices=0 'carveouts=contig:16M;pci=bar:4M,bar:rest:buddy'");
	fd = __pfn_pci_open(pci_name);
	igt_assert_fd(fd);
	igt_assert_eq_u64(vgem_pfn_carveout_size(fd), 4 * MiB);
	handle = vgem_pfn_bo_create(fd, 2 * MiB, VGEM_PFN_CARVEOUT + 1);
	vgem_pfn_bo_fill(fd, handle, 2 * MiB, 1);
	close(fd);
	vgem_pfn_want("devices=1");
	igt_assert_eq(__pfn_pci_unbind(pci_name), 0);
}

static void test_no_bar(void)
{
	char ivshmem[PFN_PCI_NAME_SIZE];

	memcpy(ivshmem, pci_name, sizeof(ivshmem));
	/* The host bridge of QEMU's q35, present once */
	igt_require(pfn_pci_find(0x8086, 0x29c0, 0, pci_name));
	igt_emit_ignore_dmesg_regex("no prefetchable 64-bit memory BAR");
	pfn_pci_set_override(pci_name, VGEM_PFN_MODULE);
	igt_assert_neq(__pfn_pci_bind(pci_name), 0);
	igt_assert_eq(__pfn_pci_open(pci_name), -ENODEV);
	pfn_pci_set_override(pci_name, "\n");
	memcpy(pci_name, ivshmem, sizeof(pci_name));
}

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

	/* Assert last, with everything restored for the next subtest. */
	igt_assert_neq(without, 0);
	igt_assert_eq(added, 0);
	igt_assert_fd(fd);
	igt_assert_eq(removed, 0);
	igt_assert_eq(free, i);
}

static void release(int sig)
{
	/* Only set if a subtest used the device: clean up after it. */
	if (!pci_name[0])
		return;
	__pfn_pci_unbind(pci_name);
	__pfn_pci_set_override(pci_name, "\n");
}

/* Run a subtest with the PCI device reserved for the driver and unbound. */
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

		igt_describe("The BAR of a PCI device is a carveout.");
		igt_subtest("pci")
			with_pci(test_pci);

		igt_describe("A device can be unbound while it is in use.");
		igt_subtest("pci-unbind")
			with_pci(test_unbind);

		igt_describe("Unloading the module unbinds its PCI devices, loading binds them.");
		igt_subtest("pci-unload")
			with_pci(test_unload);

		igt_describe("After new_id the driver binds all devices with that id.");
		igt_subtest("pci-new-id")
			with_pci(test_new_id);

		igt_describe("A device without a memory BAR is rejected.");
		igt_subtest("pci-no-bar")
			with_pci(test_no_bar);
	}
}
