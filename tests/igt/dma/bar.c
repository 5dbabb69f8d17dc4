// SPDX-License-Identifier: MIT
/*
 * Subtests of dma-bufs that vfio-pci exports, which are ranges of a BAR: registers of a
 * device, and memory that another device accesses.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <sys/mman.h>

#include "dma.h"
#include "igt.h"
#include "pfn_importer.h"
#include "pfn_pci.h"
#include "vgem_pfn_module.h"

/* The kind of importer that vfio-pci accepts: it is notified, and reaches BARs. */
#define PINNED	(DMA_BUF_PFN_IMPORT_PIN | DMA_BUF_PFN_IMPORT_REVOCABLE)
static const uint32_t kinds[] = {
	DMA_BUF_PFN_IMPORT_P2P,
	DMA_BUF_PFN_IMPORT_P2P | PINNED,
};

static const struct vfio_range whole = { 0, EDU_BAR_SIZE };

static int export_edu(void)
{
	return pfn_vfio_export(&dma.edu, 0, &whole, 1);
}

static uint32_t dev_read(int import, uint64_t offset)
{
	uint32_t value;

	pfn_import_read(import, offset, &value, sizeof(value));
	return value;
}

/* The registers of edu, through both page tables of an importer */
static void check_registers(int import)
{
	volatile uint32_t *map = pfn_import_mmap(import, EDU_BAR_SIZE, PROT_READ | PROT_WRITE);
	static uint32_t value = 0x12345678;

	igt_assert_eq_u32(map[EDU_REG_ID / 4], EDU_ID);
	igt_assert_eq_u32(dev_read(import, EDU_REG_ID), EDU_ID);
	map[EDU_REG_INVERT / 4] = ++value;
	igt_assert_eq_u32(dev_read(import, EDU_REG_INVERT), ~value);
	value++;
	pfn_import_write(import, EDU_REG_INVERT, &value, sizeof(value));
	igt_assert_eq_u32(map[EDU_REG_INVERT / 4], ~value);
	munmap((void *)map, EDU_BAR_SIZE);
}

static void test_registers(void)
{
	int importer = pfn_importer_open(), dmabuf = export_edu(), import;
	uint64_t start, size;
	size_t i;

	pfn_pci_bar(dma.edu.name, 0, &start, &size);
	igt_assert_eq_u64(size, EDU_BAR_SIZE);
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		import = pfn_import_flags(importer, dmabuf, kinds[i]);
		check_registers(import);
		igt_assert_eq_u64(pfn_import_entry(import, 0).dev_pfn, start / PFN_PAGE_SIZE);
		igt_assert_eq_u64(pfn_import_stats(import).invalidations, 0);
		close(import);
	}
	close(dmabuf);
	close(importer);
}

/* Importers that vfio-pci does not notify, or that do not reach BARs, are refused. */
static void test_refused(void)
{
	static const struct {
		uint32_t flags;
		int ret;
	} bad[] = {
		{ 0, -EOPNOTSUPP },
		{ PINNED, -EOPNOTSUPP },
		{ DMA_BUF_PFN_IMPORT_PIN | DMA_BUF_PFN_IMPORT_P2P, -EOPNOTSUPP },
		{ DMA_BUF_PFN_IMPORT_STATIC, -EOPNOTSUPP },
	};
	int importer = pfn_importer_open(), dmabuf = export_edu();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		igt_assert_f(__pfn_import_flags(importer, dmabuf, bad[i].flags, NULL) ==
			     bad[i].ret, "flags %#x\n", bad[i].flags);
	close(dmabuf);
	close(importer);
}

static void memory_disable(struct pfn_vfio *vfio)
{
	pfn_vfio_set_command(vfio, PCI_COMMAND_MEMORY, false);
}

static void memory_enable(struct pfn_vfio *vfio)
{
	pfn_vfio_set_command(vfio, PCI_COMMAND_MEMORY, true);
}

/* Registers can be accessed while the device's memory is enabled. */
static void test_memory(void)
{
	int importer = pfn_importer_open(), dmabuf = export_edu(), import, round;
	uint32_t value;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		import = pfn_import_flags(importer, dmabuf, kinds[i]);
		for (round = 0; round < 3; round++) {
			check_registers(import);
			memory_disable(&dma.edu);
			igt_assert_eq_u32(pfn_import_entry(import, 0).flags, 0);
			igt_assert_eq(__pfn_import_access(import, EDU_REG_ID, &value,
							  sizeof(value), 0), -ENODEV);
			igt_assert_eq(__pfn_import_flags(importer, dmabuf, kinds[i], NULL),
				      -ENODEV);
			memory_enable(&dma.edu);
		}
		check_registers(import);
		igt_assert_eq_u64(pfn_import_stats(import).invalidations, 2 * round);
		close(import);
	}
	close(dmabuf);
	close(importer);
}

/* A reset revokes and makes available again, before the call returns. */
static void check_reset(struct pfn_vfio *vfio, int import, uint32_t offset)
{
	uint32_t before = dev_read(import, offset);
	struct dma_buf_pfn_stats stats;
	int round;

	for (round = 1; round <= 3; round++) {
		pfn_vfio_reset(vfio);
		pfn_vfio_set_command(vfio, PCI_COMMAND_MEMORY, true);
		stats = pfn_import_stats(import);
		igt_assert_lte_u64(2 * round, stats.invalidations);
		igt_assert_eq_u64(stats.dev_mapped, 0);
		igt_assert_eq_u32(dev_read(import, offset), before);
	}
}

/* edu is reset by its bus, igb by a function level reset. */
static void test_reset(void)
{
	int importer = pfn_importer_open(), dmabuf = export_edu(), import;
	struct vfio_range range = { 0, PFN_PAGE_SIZE };
	struct pfn_vfio igb;

	igt_emit_ignore_dmesg_regex(PFN_VFIO_LOG);
	import = pfn_import(importer, dmabuf);
	check_reset(&dma.edu, import, EDU_REG_ID);
	pfn_vfio_set_command(&dma.edu, PCI_COMMAND_MASTER, true);
	close(import);
	close(dmabuf);

	pfn_vfio_open(&igb, IGB_PCI, 0, dma.iommu.fd);
	pfn_vfio_set_command(&igb, PCI_COMMAND_MEMORY, true);
	dmabuf = pfn_vfio_export(&igb, 0, &range, 1);
	import = pfn_import(importer, dmabuf);
	/* The device's status register */
	check_reset(&igb, import, 0x8);
	close(import);
	close(dmabuf);
	pfn_vfio_close(&igb);
	close(importer);
}

/*
 * Memory of another PCI device as the target of DMA: a BAR that vfio-pci exports. IOMMUFD
 * maps it without a check of the devices that will use the mapping.
 */
static void test_peer(void)
{
	const struct vfio_range ranges[] = {
		{ MiB, 2 * PFN_PAGE_SIZE }, { 0, 2 * PFN_PAGE_SIZE },
	};
	uint64_t iova = DMA_IOVA2, word;
	struct dma_faults faults;
	struct pfn_vfio peer;
	struct dma_bo bo;
	uint8_t *map;
	int dmabuf;

	pfn_vfio_open(&peer, PFN_PCI_IVSHMEM, 1, dma.iommu.fd);
	faults = dma_faults_begin();
	pfn_vfio_set_command(&peer, PCI_COMMAND_MEMORY, true);
	map = pfn_vfio_mmap(&peer, PFN_PCI_IVSHMEM_BAR, 2 * MiB);
	dmabuf = pfn_vfio_export(&peer, PFN_PCI_IVSHMEM_BAR, ranges, ARRAY_SIZE(ranges));
	igt_assert_eq(__iommufd_map(&dma.iommu, dmabuf, 0, 4 * PFN_PAGE_SIZE,
				    MAP_RW | IOMMU_IOAS_MAP_FIXED_IOVA, &iova), 0);
	memset(map, 0x55, 2 * PFN_PAGE_SIZE);
	memset(map + MiB, 0xaa, 2 * PFN_PAGE_SIZE);

	/* To the end of the first range and the beginning of the second one */
	bo = dma_bo_create(vgem_pfn_open_faux(0), VGEM_PFN_CARVEOUT, PFN_PAGE_SIZE, 1);
	dma_bo_map(&bo, DMA_IOVA, MAP_RW);
	edu_read(bo.iova, 64);
	edu_write(iova + 2 * PFN_PAGE_SIZE - 32, 64);
	igt_assert(!memcmp(map + MiB + 2 * PFN_PAGE_SIZE - 32, bo.want, 32));
	igt_assert(!memcmp(map, bo.want + 32, 32));
	igt_assert_eq(map[32], 0x55);
	igt_assert_eq(map[MiB + 2 * PFN_PAGE_SIZE - 33], 0xaa);

	/* Read from the first range. */
	edu_read(iova, 64);
	edu_write(bo.iova + 128, 64);
	memset(bo.want + 128, 0xaa, 64);
	dma_bo_check(&bo);

	memory_disable(&peer);
	edu_write(iova, 8);
	dma_faults_assert(&faults, iova, true);
	memory_enable(&peer);
	word = *(volatile uint64_t *)(map + MiB);
	igt_assert_eq_u64(word, 0xaaaaaaaaaaaaaaaa);
	/* Revocation is final for a mapping. */
	edu_write(iova, 8);
	dma_faults_assert(&faults, iova, true);
	igt_assert_eq_u64(*(volatile uint64_t *)(map + MiB), word);
	dma_faults_end(&faults);

	iommufd_unmap(&dma.iommu, iova, 4 * PFN_PAGE_SIZE);
	close(dmabuf);
	pfn_vfio_close(&peer);
	dma_bo_unmap(&bo);
	dma_bo_destroy(&bo);
	close(bo.fd);
}

/*
 * vgem_pfn as importer needs a scatter list, and with it a route from its own device to
 * the BAR. A device without a bus has none. A PCI device has one if the root complex
 * forwards requests, since edu is behind a root port.
 */
static void check_import(int fd, int dmabuf, bool has_route)
{
	uint64_t start, size;
	uint32_t handle;

	/* Without peer2peer, attaching fails. */
	igt_assert_eq(__vgem_pfn_fd_to_handle(fd, dmabuf, &handle), -EOPNOTSUPP);
	igt_assert_eq(__vgem_pfn_set_import_peer2peer(fd, true), 0);
	igt_assert_eq(__vgem_pfn_fd_to_handle(fd, dmabuf, &handle), 0);
	if (has_route) {
		pfn_pci_bar(dma.edu.name, 0, &start, &size);
		vgem_pfn_bo_move(fd, handle, VGEM_PFN_TT);
		igt_assert_eq_u64(vgem_pfn_bo_pfn(fd, handle, 0), start / PFN_PAGE_SIZE);
		memory_disable(&dma.edu);
		igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), VGEM_PFN_SYSTEM);
		igt_assert_eq(__vgem_pfn_bo_move(fd, handle, VGEM_PFN_TT), -ENODEV);
		memory_enable(&dma.edu);
		vgem_pfn_bo_move(fd, handle, VGEM_PFN_TT);
	} else {
		igt_assert_eq(__vgem_pfn_bo_move(fd, handle, VGEM_PFN_TT), -EINVAL);
	}
	vgem_pfn_gem_close(fd, handle);
	igt_assert_eq(__vgem_pfn_set_import_peer2peer(fd, false), 0);
}

static void test_import(void)
{
	int dmabuf = export_edu(), fd = vgem_pfn_open_faux(0), bar = pfn_pci_open_bar();
	int importer = pfn_importer_open(), import;

	igt_emit_ignore_dmesg_regex(PFN_VFIO_LOG "|cannot be used for peer-to-peer DMA");
	check_import(fd, dmabuf, false);
	if (bar >= 0) {
		check_import(bar, dmabuf, pfn_pci_root_forwards());
		close(bar);
	}
	close(fd);

	/* Importers of page frame numbers are not affected. */
	import = pfn_import(importer, dmabuf);
	check_registers(import);
	close(import);
	close(dmabuf);
	close(importer);
}

void dma_bar_tests(void)
{
	igt_describe("An importer reads and writes registers of a device.");
	igt_subtest("bar-registers")
		test_registers();

	igt_describe("Importers that cannot access a BAR, or are not notified, are refused.");
	igt_subtest("bar-refused")
		test_refused();

	igt_describe("Registers are revoked while the device's memory is disabled.");
	igt_subtest("bar-memory")
		test_memory();

	igt_describe("Registers are revoked during a reset.");
	igt_subtest("bar-reset")
		test_reset();

	igt_describe("A device accesses the BAR of another one.");
	igt_subtest("bar-peer")
		test_peer();

	igt_describe("vgem_pfn imports a BAR, and maps it if its device has a route to it.");
	igt_subtest("bar-import")
		test_import();
}
