// SPDX-License-Identifier: MIT
/* PCI devices that vfio-pci drives */
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <sys/mman.h>

#include "igt.h"
#include "pfn_debugfs.h"
#include "pfn_vfio.h"
#include "vgem_pfn.h"
#include "vgem_pfn_module.h"

#define MAX_DEVICES	4

/* Devices to close at exit */
static struct pfn_vfio *devices[MAX_DEVICES];

static void unbind(struct pfn_vfio *vfio)
{
	/* Unbinding waits for the last user of the device. */
	if (vfio->map)
		munmap(vfio->map, vfio->map_size);
	vfio->map = NULL;
	close(vfio->device);
	__pfn_write_file("/sys/bus/pci/drivers/vfio-pci/unbind", vfio->name);
	__pfn_pci_set_override(vfio->name, "\n");
}

static void close_all(int sig)
{
	int i;

	for (i = 0; i < MAX_DEVICES; i++)
		if (devices[i])
			unbind(devices[i]);
	if (system("modprobe -q -r vfio-pci"))
		fprintf(stderr, "vfio-pci stays loaded\n");
}

/* Replace the entry @from. Returns false if there is none. */
static bool replace(struct pfn_vfio *from, struct pfn_vfio *to)
{
	int i;

	for (i = 0; i < MAX_DEVICES && devices[i] != from; i++)
		;
	if (i == MAX_DEVICES)
		return false;
	devices[i] = to;
	return true;
}

static int open_device(const char *name)
{
	char dir[96];

	snprintf(dir, sizeof(dir), "/sys/bus/pci/devices/%s/vfio-dev", name);
	return __vgem_pfn_open_below(dir, "vfio", "/dev/vfio/devices");
}

void pfn_vfio_open(struct pfn_vfio *vfio, unsigned int vendor, unsigned int device,
		   unsigned int index, int iommufd)
{
	struct vfio_bind bind = { .argsz = sizeof(bind), .iommufd = iommufd };

	*vfio = (struct pfn_vfio) {};
	igt_require_f(!access("/sys/class/iommu/dmar0", F_OK), "there is no IOMMU\n");
	igt_require_f(pfn_pci_find(vendor, device, index, vfio->name),
		      "no PCI device %04x:%04x\n", vendor, device);
	igt_install_exit_handler(close_all);
	igt_emit_ignore_dmesg_regex(PFN_VFIO_LOG);
	igt_require_f(!system("modprobe -q vfio-pci"), "no vfio-pci\n");
	/* With KVM the emulated IOMMU does not remap interrupts. */
	__pfn_write_file("/sys/module/iommufd/parameters/allow_unsafe_interrupts", "1");
	pfn_pci_set_override(vfio->name, "vfio-pci");
	igt_assert_eq(__pfn_write_file("/sys/bus/pci/drivers_probe", vfio->name), 0);

	vfio->device = open_device(vfio->name);
	igt_assert_fd(vfio->device);
	igt_assert(replace(NULL, vfio));
	igt_assert_eq(__vgem_pfn_ioctl(vfio->device, VFIO_DEVICE_BIND_IOMMUFD, &bind), 0);
}

void pfn_vfio_close(struct pfn_vfio *vfio)
{
	igt_assert(replace(vfio, NULL));
	unbind(vfio);
}

void pfn_vfio_attach(const struct pfn_vfio *vfio, uint32_t ioas)
{
	struct vfio_attach attach = { .argsz = sizeof(attach), .pt_id = ioas };

	igt_assert_eq(__vgem_pfn_ioctl(vfio->device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach),
		      0);
}

void pfn_vfio_set_command(const struct pfn_vfio *vfio, uint16_t bits, bool on)
{
	const off_t at = VFIO_REGION(VFIO_PCI_CONFIG_REGION_INDEX) + PCI_COMMAND;
	uint16_t command;

	igt_assert_eq(pread(vfio->device, &command, sizeof(command), at), sizeof(command));
	command &= ~bits;
	if (on)
		command |= bits;
	igt_assert_eq(pwrite(vfio->device, &command, sizeof(command), at), sizeof(command));
}

void pfn_vfio_reset(const struct pfn_vfio *vfio)
{
	igt_assert_eq(__vgem_pfn_ioctl(vfio->device, VFIO_DEVICE_RESET, NULL), 0);
}

void *pfn_vfio_mmap(struct pfn_vfio *vfio, unsigned int bar, size_t size)
{
	igt_assert(!vfio->map);
	vfio->map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vfio->device,
			 VFIO_REGION(bar));
	if (vfio->map == MAP_FAILED)
		vfio->map = NULL;
	igt_assert_f(vfio->map, "BAR %u of %s: %s\n", bar, vfio->name, strerror(errno));
	vfio->map_size = size;
	return vfio->map;
}

int __pfn_vfio_export(const struct pfn_vfio *vfio, unsigned int bar,
		      const struct vfio_range *ranges, uint32_t num)
{
	struct vfio_feature_dma_buf arg = {
		.argsz = offsetof(typeof(arg), ranges) + num * sizeof(*ranges),
		.flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF,
		.region_index = bar,
		.open_flags = O_RDWR | O_CLOEXEC,
		.nr_ranges = num,
	};
	int fd;

	memcpy(arg.ranges, ranges, num * sizeof(*ranges));
	fd = ioctl(vfio->device, VFIO_DEVICE_FEATURE, &arg);
	return fd < 0 ? -errno : fd;
}

int pfn_vfio_export(const struct pfn_vfio *vfio, unsigned int bar,
		    const struct vfio_range *ranges, uint32_t num)
{
	int fd = __pfn_vfio_export(vfio, bar, ranges, num);

	igt_assert_fd(fd);
	return fd;
}
