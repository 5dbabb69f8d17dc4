// SPDX-License-Identifier: MIT
/*
 * Subtests of dma-bufs that vfio-pci exports, which consist of ranges of a BAR of a PCI
 * device. IOMMUFD maps them in a mock domain. The subtests need an IOMMU: make
 * test-iommufd.
 */
#include <errno.h>
#include <linux/pci_regs.h>

#include "igt.h"
#include "iommufd.h"
#include "pfn_fault.h"
#include "pfn_importer.h"
#include "pfn_nth.h"
#include "pfn_vfio.h"

/* Two neighbours, a range of a single page, and a range that begins before the others */
static const struct vfio_range ranges[] = {
	{ 1 * MiB, 64 * KiB },
	{ 1 * MiB + 64 * KiB, 32 * KiB },
	{ 3 * MiB, PFN_PAGE_SIZE },
	{ 0, 128 * KiB },
};

#define NUM_RANGES	ARRAY_SIZE(ranges)

static struct pfn_vfio vfio;
static struct iommufd vfio_iommu;
static uint64_t vfio_bar;	/* physical address */

static void vfio_open(void)
{
	uint64_t size;

	vfio_iommu = iommufd_open_ioas();
	pfn_vfio_open(&vfio, PFN_PCI_IVSHMEM, 0, vfio_iommu.fd);
	pfn_pci_bar(vfio.name, PFN_PCI_IVSHMEM_BAR, &vfio_bar, &size);
}

static void set_memory(bool on)
{
	pfn_vfio_set_command(&vfio, PCI_COMMAND_MEMORY, on);
}

/* Export the first @num ranges as one dma-buf. Returns it or -errno. */
static int __vfio_export(uint32_t num)
{
	return __pfn_vfio_export(&vfio, PFN_PCI_IVSHMEM_BAR, ranges, num);
}

static int vfio_export(uint32_t num)
{
	return pfn_vfio_export(&vfio, PFN_PCI_IVSHMEM_BAR, ranges, num);
}

static uint64_t ranges_size(uint32_t num)
{
	uint64_t size = 0;

	while (num--)
		size += ranges[num].length;
	return size;
}

/* Physical address of the byte at @offset of a buffer that vfio_export() returns */
static uint64_t address(uint64_t offset)
{
	const struct vfio_range *range;

	for (range = ranges; offset >= range->length; range++)
		offset -= range->length;
	return vfio_bar + range->offset + offset;
}

/* Assert that @iova is mapped to a buffer of all ranges, from byte @start on, as MMIO. */
static void assert_mapped(struct iommufd *iommu, uint64_t iova, uint64_t start,
			  uint64_t length)
{
	uint64_t at, phys;
	bool mmio;

	for (at = 0; at < length; at += MOCK_PAGE_SIZE) {
		igt_assert_eq(__iommufd_lookup(iommu, iova + at, &phys, &mmio), 0);
		igt_assert_eq_u64(phys, address(start + at));
		igt_assert(mmio);
	}
}

static void test_map(void)
{
	struct iommufd iommu = iommufd_open();
	uint64_t size, start, iova;
	uint32_t num;
	int dmabuf;

	for (num = 1; num <= NUM_RANGES; num++) {
		dmabuf = vfio_export(num);
		size = ranges_size(num);
		for (start = 0; start < size; start += 7 * PFN_PAGE_SIZE) {
			iova = iommufd_map(&iommu, dmabuf, start, size - start);
			assert_mapped(&iommu, iova, start, size - start);
			iommufd_unmap(&iommu, iova, size - start);
		}
		igt_assert_eq(__iommufd_map(&iommu, dmabuf, 0, size + PFN_PAGE_SIZE, MAP_RW,
					    &iova), -EINVAL);
		close(dmabuf);
	}
	iommufd_close(&iommu);
}

static void test_revoke(void)
{
	const uint32_t flags = DMA_BUF_PFN_IMPORT_PIN | DMA_BUF_PFN_IMPORT_REVOCABLE |
			       DMA_BUF_PFN_IMPORT_P2P;
	const uint64_t size = ranges_size(NUM_RANGES);
	int importer = pfn_importer_open(), import, dmabuf, round;
	struct iommufd iommu = iommufd_open();
	uint64_t iova, other = 0, word;

	dmabuf = vfio_export(NUM_RANGES);
	for (round = 0; round < 3; round++) {
		iova = iommufd_map(&iommu, dmabuf, 0, size);
		assert_mapped(&iommu, iova, 0, size);
		import = pfn_import_flags(importer, dmabuf, flags);
		igt_assert_eq(__pfn_import_access(import, 0, &word, sizeof(word), 0), 0);
		igt_assert_eq_u64(pfn_import_entry(import, 0).dev_pfn,
				  address(0) / PFN_PAGE_SIZE);
		igt_assert_eq_u64(pfn_import_stats(import).invalidations, 0);

		set_memory(false);
		igt_assert_eq_u64(pfn_import_stats(import).invalidations, 1);
		iommufd_assert_unmapped(&iommu, iova, size);
		igt_assert_eq(__iommufd_map(&iommu, dmabuf, 0, size, MAP_RW, &other),
			      -ENODEV);
		igt_assert_eq(__pfn_import_access(import, 0, &word, sizeof(word), 0),
			      -ENODEV);

		set_memory(true);
		igt_assert_eq_u64(pfn_import_stats(import).invalidations, 2);
		iommufd_assert_unmapped(&iommu, iova, size);
		igt_assert_eq(__pfn_import_access(import, 0, &word, sizeof(word), 0), 0);
		other = iommufd_map(&iommu, dmabuf, 0, size);
		assert_mapped(&iommu, other, 0, size);
		iommufd_unmap(&iommu, iova, size);
		iommufd_unmap(&iommu, other, size);
		close(import);
	}
	close(dmabuf);
	iommufd_close(&iommu);
	close(importer);
}

static void test_nth(void)
{
	const uint64_t size = ranges_size(NUM_RANGES);
	int nth = pfn_nth_begin(), n, left, fd, failed = 0;
	struct iommufd iommu = iommufd_open();
	uint64_t iova;

	for (n = 1, left = 0; !left; n++) {
		igt_assert_lt(n, 200);
		pfn_nth_arm(nth, n);
		fd = __vfio_export(NUM_RANGES);
		left = pfn_nth_disarm(nth);
		if (fd < 0) {
			igt_assert_eq(fd, -ENOMEM);
			failed++;
			fd = vfio_export(NUM_RANGES);
		}
		iova = iommufd_map(&iommu, fd, 0, size);
		assert_mapped(&iommu, iova, 0, size);
		iommufd_unmap(&iommu, iova, size);
		close(fd);
	}
	pfn_nth_end(nth);
	igt_info("%d fault points, %d failures\n", n - 2, failed);
	igt_assert_lt(2, failed);
	iommufd_close(&iommu);
}

static void test_unbind(void)
{
	const uint64_t size = ranges_size(NUM_RANGES);
	int dmabuf = vfio_export(NUM_RANGES);
	struct iommufd iommu = iommufd_open();
	uint64_t iova, other = 0;

	iova = iommufd_map(&iommu, dmabuf, 0, size);
	pfn_vfio_close(&vfio);
	iommufd_close(&vfio_iommu);
	iommufd_assert_unmapped(&iommu, iova, size);
	igt_assert_eq(__iommufd_map(&iommu, dmabuf, 0, size, MAP_RW, &other), -ENODEV);
	iommufd_unmap(&iommu, iova, size);
	close(dmabuf);
	iommufd_close(&iommu);
}

void iommufd_vfio_tests(void)
{
	igt_subtest_group() {
		igt_fixture()
			vfio_open();

		igt_describe("Buffers of one range and of several ranges of a BAR are mapped.");
		igt_subtest("vfio-map")
			test_map();

		igt_describe("An importer is notified when a revocation begins and when it ends.");
		igt_subtest("vfio-revoke")
			test_revoke();

		igt_describe("An export whose allocations fail can be repeated.");
		igt_subtest("vfio-nth")
			test_nth();

		/* Must be the last subtest: it unbinds the device. */
		igt_describe("Unbinding vfio-pci revokes the buffers.");
		igt_subtest("vfio-unbind")
			test_unbind();
	}
}
