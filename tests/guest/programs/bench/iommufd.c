// SPDX-License-Identifier: MIT
/*
 * Rows: the cost of mapping a buffer into the page table of an IOMMU, and of unmapping
 * it, for buffers of vgem_pfn and for memfds whose memory consists of ranges of the same
 * size. A device that is bound to vfio-pci has that page table. It is never used.
 */
#include <dirent.h>
#include <stdio.h>

#include "../../../igt/lib/pfn_iommufd_ioctl.h"
#include "../../../igt/lib/pfn_vfio_ioctl.h"
#include "bench.h"

#define REPS	5

#define UNIT	"instructions/MiB"

struct iommu {
	int fd;
	int device;
	uint32_t ioas;
};

/* The only device that is bound to vfio-pci */
static int device_open(void)
{
	DIR *dir = opendir("/dev/vfio/devices");
	struct dirent *entry;
	char path[300] = "";

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			snprintf(path, sizeof(path), "/dev/vfio/devices/%s",
				 entry->d_name);
	if (dir)
		closedir(dir);
	return check_errno(open(path, O_RDWR | O_CLOEXEC), "a device of vfio-pci");
}

static struct iommu iommu_open(void)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct vfio_bind bind = { .argsz = sizeof(bind) };
	struct vfio_attach attach = { .argsz = sizeof(attach) };
	struct iommu iommu = {
		.fd = check_errno(open("/dev/iommu", O_RDWR | O_CLOEXEC), "/dev/iommu"),
		.device = device_open(),
	};

	bind.iommufd = iommu.fd;
	check_errno(ioctl(iommu.device, VFIO_DEVICE_BIND_IOMMUFD, &bind), "bind to an iommufd");
	check_errno(ioctl(iommu.fd, IOMMU_IOAS_ALLOC, &alloc), "an IOAS");
	iommu.ioas = alloc.out_ioas_id;
	attach.pt_id = iommu.ioas;
	check_errno(ioctl(iommu.device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach),
		    "attach to an IOAS");
	return iommu;
}

static void iommu_close(struct iommu *iommu)
{
	close(iommu->device);
	close(iommu->fd);
}

/* Map and unmap @size bytes of @fd, which consist of @runs ranges. */
static void measure(struct iommu *iommu, int fd, const char *memory, const char *of,
		    uint64_t size, uint64_t entry, uint64_t runs)
{
	struct samples map = {}, unmap = {};
	const char *sizes = size_name(size), *entries = size_name(entry);
	char other[64];
	uint64_t start;
	int i;

	for (i = 0; i < REPS; i++) {
		struct iommu_ioas_map_file in = {
			.size = sizeof(in),
			.flags = IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE,
			.ioas_id = iommu->ioas,
			.fd = fd,
			.length = size,
		};
		struct iommu_ioas_unmap out = {
			.size = sizeof(out),
			.ioas_id = iommu->ioas,
			.length = size,
		};

		start = ticks();
		check_errno(ioctl(iommu->fd, IOMMU_IOAS_MAP_FILE, &in), "map for an IOMMU");
		sample(&map, (double)(ticks() - start) / (size / MiB));
		out.iova = in.iova;
		start = ticks();
		check_errno(ioctl(iommu->fd, IOMMU_IOAS_UNMAP, &out), "unmap for an IOMMU");
		sample(&unmap, (double)(ticks() - start) / (size / MiB));
	}
	snprintf(other, sizeof(other), "iommu-map/%s/%s/%s", of, sizes, entries);
	row((struct row) { UNIT, runs, size, other }, &map, "iommu-map/%s/%s/%s", memory,
	    sizes, entries);
	snprintf(other, sizeof(other), "iommu-unmap/%s/%s/%s", of, sizes, entries);
	row((struct row) { UNIT, runs, size, other }, &unmap, "iommu-unmap/%s/%s/%s", memory,
	    sizes, entries);
}

/* Both consist of ranges of one entry. */
static void compare(struct iommu *iommu, uint64_t size, bool huge)
{
	uint64_t entry = huge ? 2 * MiB : PFN_PAGE_SIZE, least = size / entry * 9 / 10;
	struct peer peer = peer_open_scattered(size, huge);
	struct buffer buffer;
	uint64_t runs;

	runs = peer_runs(&peer);
	if (runs < least)
		fail("%s of %s consists of %llu ranges", peer.name, size_name(size),
		     (unsigned long long)runs);
	measure(iommu, peer.fd, peer.name, peer.name, size, entry, runs);
	peer_close(&peer);

	buffer = buffer_create_blocks(size, huge ? ORDER_2M : 0);
	runs = buffer_runs(&buffer);
	if (runs < least)
		fail("a buffer of %s consists of %llu ranges", size_name(size),
		     (unsigned long long)runs);
	measure(iommu, buffer.dmabuf, "vgem_pfn", peer.name, size, entry, runs);
	buffer_destroy(&buffer);
}

void iommufd_rows(void)
{
	struct iommu iommu = iommu_open();

	compare(&iommu, GiB, true);
	compare(&iommu, 64 * MiB, false);
	iommu_close(&iommu);
}
