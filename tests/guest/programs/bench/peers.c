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

/* @block bytes are allocated at once, from both ends in turn. */
static int memfd(uint64_t size, unsigned int flags, uint64_t block)
{
	int fd = check_errno(memfd_create("bench", MFD_CLOEXEC | flags), "memfd");
	uint64_t at, begin = 0, end = size;
	bool top = false;

	check_errno(ftruncate(fd, size), "the size of a memfd");
	while (begin < end) {
		at = top ? end - block : begin;
		check_errno(fallocate(fd, 0, at, block), "memory for a memfd");
		if (top)
			end -= block;
		else
			begin += block;
		top = !top;
	}
	return fd;
}

/* A memfd that is allocated in blocks of @block bytes, with or without huge pages */
static struct peer peer_blocks(uint64_t size, bool huge, uint64_t block)
{
	struct peer peer = {
		.name = huge ? "memfd-huge" : "memfd",
		.size = size,
		.entry = huge ? 2 * MiB : PFN_PAGE_SIZE,
		.owner = -1,
	};
	char pages[16];

	if (huge) {
		snprintf(pages, sizeof(pages), "%llu",
			 (unsigned long long)(size / (2 * MiB)));
		check(__pfn_write_file("/proc/sys/vm/nr_hugepages", pages), "huge pages");
	}
	peer.fd = memfd(size, huge ? MFD_HUGETLB | MFD_HUGE_2MB : 0, block);
	return peer;
}

static struct peer peer_memfd(uint64_t size)
{
	return peer_blocks(size, false, size);
}

static struct peer peer_memfd_huge(uint64_t size)
{
	return peer_blocks(size, true, size);
}

static struct peer peer_udmabuf(uint64_t size)
{
	struct udmabuf_create create = {
		.memfd = memfd(size, MFD_ALLOW_SEALING, size),
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

struct peer peer_open_scattered(uint64_t size, bool huge)
{
	return peer_blocks(size, huge, huge ? 2 * MiB : PFN_PAGE_SIZE);
}

uint64_t peer_runs(struct peer *peer)
{
	int fd = check_errno(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC), "pagemap");
	uint64_t runs = 0, at, pfn, before = 0;
	char *map = peer_map(peer);

	touch_read(map, peer->size, PFN_PAGE_SIZE);
	for (at = 0; at < peer->size; at += PFN_PAGE_SIZE) {
		check_errno(pread(fd, &pfn, sizeof(pfn),
				  ((uintptr_t)map + at) / PFN_PAGE_SIZE * sizeof(pfn)),
			    "pagemap");
		pfn &= (1ULL << 55) - 1;
		runs += pfn != before + 1;
		before = pfn;
	}
	munmap(map, peer->size);
	close(fd);
	return runs;
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
