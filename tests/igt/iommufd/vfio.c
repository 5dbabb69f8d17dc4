// SPDX-License-Identifier: MIT
/*
 * Subtests of dma-bufs that vfio-pci exports, which consist of ranges of a BAR of a PCI
 * device. IOMMUFD maps them in a mock domain. The subtests need an IOMMU: make
 * test-iommufd.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <stddef.h>

#include "igt.h"
#include "iommufd.h"
#include "pfn_debugfs.h"
#include "pfn_fault.h"
#include "pfn_importer.h"
#include "pfn_nth.h"
#include "pfn_pci.h"
#include "pfn_vfio_ioctl.h"
#include "vgem_pfn_module.h"

/* Two neighbours, a range of a single page, and a range that begins before the others */
static const struct vfio_range ranges[] = {
	{ 1 * MiB, 64 * KiB },
	{ 1 * MiB + 64 * KiB, 32 * KiB },
	{ 3 * MiB, PFN_PAGE_SIZE },
	{ 0, 128 * KiB },
};

#define NUM_RANGES	ARRAY_SIZE(ranges)

static struct {
	char name[PFN_PCI_NAME_SIZE];
	int iommufd;
	int device;
	uint64_t bar;
} vfio = { .iommufd = -1, .device = -1 };

static void vfio_close(void)
{
	if (vfio.device >= 0)
		close(vfio.device);
	if (vfio.iommufd >= 0)
		close(vfio.iommufd);
	vfio.device = -1;
	vfio.iommufd = -1;
	if (!vfio.name[0])
		return;
	__pfn_write_file("/sys/bus/pci/drivers/vfio-pci/unbind", vfio.name);
	__pfn_pci_set_override(vfio.name, "\n");
}

static void vfio_exit(int sig)
{
	vfio_close();
	if (system("modprobe -q -r vfio-pci"))
		fprintf(stderr, "vfio-pci stays loaded\n");
}

static int open_device(void)
{
	char dir[96];

	snprintf(dir, sizeof(dir), "/sys/bus/pci/devices/%s/vfio-dev", vfio.name);
	return __vgem_pfn_open_below(dir, "vfio", "/dev/vfio/devices");
}

static void vfio_open(void)
{
	struct vfio_bind bind = { .argsz = sizeof(bind) };
	uint64_t size;

	igt_require_f(!access("/sys/class/iommu/dmar0", F_OK), "there is no IOMMU\n");
	igt_require(pfn_pci_find(PFN_PCI_IVSHMEM, 0, vfio.name));
	igt_install_exit_handler(vfio_exit);
	pfn_pci_bar(vfio.name, PFN_PCI_IVSHMEM_BAR, &vfio.bar, &size);
	igt_require_f(!system("modprobe -q vfio-pci"), "no vfio-pci\n");
	/* With KVM the emulated IOMMU does not remap interrupts. */
	__pfn_write_file("/sys/module/iommufd/parameters/allow_unsafe_interrupts", "1");
	pfn_pci_set_override(vfio.name, "vfio-pci");
	igt_assert_eq(__pfn_write_file("/sys/bus/pci/drivers_probe", vfio.name), 0);

	vfio.iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	igt_assert_fd(vfio.iommufd);
	vfio.device = open_device();
	igt_assert_fd(vfio.device);
	bind.iommufd = vfio.iommufd;
	igt_assert_eq(__vgem_pfn_ioctl(vfio.device, VFIO_DEVICE_BIND_IOMMUFD, &bind), 0);
}

/* Enable or disable the device's memory in its PCI command register. */
static void set_memory(bool on)
{
	const off_t at = VFIO_REGION(VFIO_PCI_CONFIG_REGION_INDEX) + PCI_COMMAND;
	uint16_t command;

	igt_assert_eq(pread(vfio.device, &command, sizeof(command), at), sizeof(command));
	command &= ~PCI_COMMAND_MEMORY;
	if (on)
		command |= PCI_COMMAND_MEMORY;
	igt_assert_eq(pwrite(vfio.device, &command, sizeof(command), at), sizeof(command));
}

/* Export the first @num ranges as one dma-buf. Returns it or -errno. */
static int __vfio_export(uint32_t num)
{
	struct vfio_feature_dma_buf arg = {
		.argsz = offsetof(typeof(arg), ranges) + num * sizeof(*ranges),
		.flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF,
		.region_index = PFN_PCI_IVSHMEM_BAR,
		.open_flags = O_RDWR | O_CLOEXEC,
		.nr_ranges = num,
	};
	int fd;

	memcpy(arg.ranges, ranges, num * sizeof(*ranges));
	fd = ioctl(vfio.device, VFIO_DEVICE_FEATURE, &arg);
	return fd < 0 ? -errno : fd;
}

static int vfio_export(uint32_t num)
{
	int fd = __vfio_export(num);

	igt_assert_fd(fd);
	return fd;
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
	return vfio.bar + range->offset + offset;
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
		igt_assert_eq(__pfn_fail_nth_set(nth, n), 0);
		fd = __vfio_export(NUM_RANGES);
		left = __pfn_fail_nth_get(nth);
		igt_assert_eq(__pfn_fail_nth_set(nth, 0), 0);
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
	vfio_close();
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
