// SPDX-License-Identifier: MIT
/*
 * Other memory that processes can map: memfds, with and without huge pages,
 * udmabuf, the system dma-buf heap, and vgem.
 *
 * Like the memory of an import, all of it is allocated before it is mapped.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/dma-heap.h>
#include <linux/memfd.h>
#include <linux/udmabuf.h>

#include "bench.h"

static int memfd(uint64_t size, unsigned int flags)
{
	int fd = check_errno(memfd_create("bench", MFD_CLOEXEC | flags), "memfd");

	check_errno(ftruncate(fd, size), "the size of a memfd");
	check_errno(fallocate(fd, 0, 0, size), "memory for a memfd");
	return fd;
}

static struct peer peer_memfd(uint64_t size)
{
	return (struct peer) {
		.name = "memfd",
		.fd = memfd(size, 0),
		.entry = PFN_PAGE_SIZE,
		.owner = -1,
	};
}

static struct peer peer_memfd_huge(uint64_t size)
{
	char pages[16];

	snprintf(pages, sizeof(pages), "%llu", (unsigned long long)(size / (2 * MiB)));
	check(__pfn_write_file("/proc/sys/vm/nr_hugepages", pages), "huge pages");
	return (struct peer) {
		.name = "memfd-huge",
		.fd = memfd(size, MFD_HUGETLB | MFD_HUGE_2MB),
		.entry = 2 * MiB,
		.owner = -1,
	};
}

static struct peer peer_udmabuf(uint64_t size)
{
	struct udmabuf_create create = {
		.memfd = memfd(size, MFD_ALLOW_SEALING),
		.flags = UDMABUF_FLAGS_CLOEXEC,
		.size = size,
	};
	int fd = check_errno(open("/dev/udmabuf", O_RDWR | O_CLOEXEC), "/dev/udmabuf");
	struct peer peer = {
		.name = "udmabuf",
		.entry = PFN_PAGE_SIZE,
		.owner = create.memfd,
	};

	check_errno(fcntl(create.memfd, F_ADD_SEALS, F_SEAL_SHRINK), "seal");
	peer.fd = check_errno(ioctl(fd, UDMABUF_CREATE, &create), "udmabuf");
	close(fd);
	return peer;
}

static struct peer peer_heap(uint64_t size)
{
	struct dma_heap_allocation_data data = {
		.len = size,
		.fd_flags = O_RDWR | O_CLOEXEC,
	};
	int fd = check_errno(open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC),
			     "/dev/dma_heap/system");

	check_errno(ioctl(fd, DMA_HEAP_IOCTL_ALLOC, &data), "the system heap");
	close(fd);
	return (struct peer) {
		.name = "heap",
		.fd = data.fd,
		.entry = PFN_PAGE_SIZE,
		.owner = -1,
	};
}

static struct peer peer_vgem(uint64_t size)
{
	struct drm_mode_create_dumb create = {
		.width = 4096,
		.height = size / 4096 / 4,
		.bpp = 32,
	};
	struct drm_mode_map_dumb map = {};
	struct peer peer = {
		.name = "vgem",
		.entry = PFN_PAGE_SIZE,
		.owner = -1,
		.size = size,
	};

	peer.fd = check(__drm_open_by_name("vgem", "card"), "vgem");
	check_errno(ioctl(peer.fd, DRM_IOCTL_MODE_CREATE_DUMB, &create), "vgem: create");
	map.handle = create.handle;
	check_errno(ioctl(peer.fd, DRM_IOCTL_MODE_MAP_DUMB, &map), "vgem: map");
	peer.offset = map.offset;
	/* A buffer of vgem has pages only while it is mapped. */
	peer.keep = peer_map(&peer);
	return peer;
}

struct peer peer_open(int index, uint64_t size)
{
	static struct peer (* const open_peer[NUM_PEERS])(uint64_t size) = {
		[PEER_MEMFD] = peer_memfd,
		peer_udmabuf,
		peer_heap,
		peer_vgem,
		peer_memfd_huge,
	};
	struct peer peer = open_peer[index](size);

	peer.size = size;
	return peer;
}

char *peer_map(struct peer *peer)
{
	void *map = mmap(NULL, peer->size, PROT_READ | PROT_WRITE, MAP_SHARED, peer->fd,
			 peer->offset);

	if (map == MAP_FAILED)
		fail("mmap of %s: %s", peer->name, strerror(errno));
	return map;
}

void peer_close(struct peer *peer)
{
	if (peer->keep)
		munmap(peer->keep, peer->size);
	close(peer->fd);
	if (peer->owner >= 0)
		close(peer->owner);
	if (peer->entry > PFN_PAGE_SIZE)
		__pfn_write_file("/proc/sys/vm/nr_hugepages", "0");
}
