// SPDX-License-Identifier: MIT
/*
 * Buffers of vgem_pfn, and mappings of their imports with entries of a chosen
 * size.
 */
#include <stdio.h>
#include <string.h>

#include "bench.h"

#define NODES		8	/* of DRM, below /dev/dri */

static int device_open(int index)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/dri/renderD%d", 128 + index);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0 && !__drm_is_driver(fd, "vgem_pfn")) {
		close(fd);
		return -ENODEV;
	}
	return fd < 0 ? -errno : fd;
}

/* The first region of this kind on any device. Returns false if there is none. */
static bool find(uint32_t kind, int *fd, struct drm_vgem_pfn_region *region)
{
	struct drm_vgem_pfn_region regions[DRM_VGEM_PFN_MAX_REGIONS];
	uint32_t num, i;
	int index;

	for (index = 0; index < NODES; index++) {
		*fd = device_open(index);
		if (*fd < 0)
			continue;
		num = DRM_VGEM_PFN_MAX_REGIONS;
		check(__vgem_pfn_regions(*fd, regions, &num), "regions");
		for (i = 0; i < num; i++) {
			if (regions[i].type != (kind & ~BUFFER_BLOCKS) ||
			    !!(regions[i].flags & DRM_VGEM_PFN_REGION_SCATTERED) !=
			    !!(kind & BUFFER_BLOCKS))
				continue;
			*region = regions[i];
			return true;
		}
		close(*fd);
	}
	return false;
}

/* The first region of this kind on this device */
static uint32_t find_here(int fd, uint32_t kind)
{
	struct drm_vgem_pfn_region regions[DRM_VGEM_PFN_MAX_REGIONS];
	uint32_t num = DRM_VGEM_PFN_MAX_REGIONS, i;

	check(__vgem_pfn_regions(fd, regions, &num), "regions");
	for (i = 0; i < num; i++)
		if (regions[i].type == (kind & ~BUFFER_BLOCKS) &&
		    !!(regions[i].flags & DRM_VGEM_PFN_REGION_SCATTERED) ==
		    !!(kind & BUFFER_BLOCKS))
			return regions[i].id;
	fail("there is no second memory of kind %#x", kind);
}

uint64_t buffer_room(uint32_t kind)
{
	struct drm_vgem_pfn_region region;
	int fd;

	if (!find(kind, &fd, &region))
		return 0;
	close(fd);
	return region.size;
}

struct buffer buffer_create(uint32_t kind, uint32_t other, uint64_t size)
{
	struct drm_vgem_pfn_region region;
	struct buffer buffer = { .size = size };
	uint32_t list[2];

	if (!find(kind, &buffer.fd, &region))
		fail("there is no memory of kind %#x", kind);
	buffer.home = region.id;
	buffer.away = find_here(buffer.fd, other);
	list[0] = buffer.home;
	list[1] = buffer.away;
	check(__vgem_pfn_bo_create(buffer.fd, &buffer.size, list, list[0] == list[1] ? 1 : 2,
				   &buffer.handle), "create a buffer");
	buffer.dmabuf = check(__vgem_pfn_handle_to_fd(buffer.fd, buffer.handle,
						      DRM_RDWR | DRM_CLOEXEC), "export");
	if (buffer.size != size || buffer_query(&buffer).region != buffer.home)
		fail("a buffer of %s is not in the region it was created for", size_name(size));
	return buffer;
}

struct buffer buffer_create_blocks(uint64_t size, uint32_t order)
{
	int fd = check(__drm_open_by_name("vgem_pfn", "renderD"), "vgem_pfn");
	struct buffer buffer;

	check(__vgem_pfn_set_max_block_order(fd, order), "order of blocks");
	buffer = buffer_create(BUFFER_RESERVED | BUFFER_BLOCKS,
			       BUFFER_RESERVED | BUFFER_BLOCKS, size);
	check(__vgem_pfn_set_max_block_order(fd, UINT32_MAX), "order of blocks");
	close(fd);
	return buffer;
}

void buffer_destroy(struct buffer *buffer)
{
	close(buffer->dmabuf);
	check(__vgem_pfn_gem_close(buffer->fd, buffer->handle), "close a buffer");
	close(buffer->fd);
}

struct drm_vgem_pfn_bo_query buffer_query(struct buffer *buffer)
{
	struct drm_vgem_pfn_bo_query query;

	check(__vgem_pfn_bo_query(buffer->fd, buffer->handle, &query), "query");
	return query;
}

struct vgem_pfn_bo_stats buffer_stats(struct buffer *buffer)
{
	struct vgem_pfn_bo_stats stats;

	check(__vgem_pfn_bo_stats(buffer->fd, buffer->handle, &stats), "bo_stats");
	return stats;
}

unsigned int buffer_runs(struct buffer *buffer)
{
	uint64_t num = buffer->size / PFN_PAGE_SIZE, i;
	uint64_t *pfns = malloc(num * sizeof(*pfns));
	unsigned int runs = 1;

	if (!pfns)
		fail("no memory");
	check(__vgem_pfn_bo_pfns(buffer->fd, buffer->handle, 0, num, pfns), "pfns");
	for (i = 1; i < num; i++)
		runs += pfns[i] != pfns[i - 1] + 1;
	free(pfns);
	return runs;
}

void buffer_home(struct buffer *buffer)
{
	check(__vgem_pfn_bo_move(buffer->fd, buffer->handle, buffer->home), "move home");
}

void buffer_away(struct buffer *buffer)
{
	check(__vgem_pfn_bo_move(buffer->fd, buffer->handle, buffer->away), "move away");
}

void buffer_evict(struct buffer *buffer)
{
	check(__vgem_pfn_evict_all_carveouts(buffer->fd), "evict");
}

uint64_t level_size(int level)
{
	return PFN_PAGE_SIZE << 9 * level;
}

const char *level_name(int level)
{
	return size_name(level_size(level));
}

void mapping_import(struct mapping *mapping, struct buffer *buffer, int level)
{
	static int importer = -1;

	if (importer < 0)
		importer = check(__pfn_importer_open(), "pfn importer");
	*mapping = (struct mapping) { .level = level };
	mapping->import = check(__pfn_import_flags(importer, buffer->dmabuf,
						   DMA_BUF_PFN_IMPORT_P2P, &mapping->size),
				"import");
	if (mapping->size != buffer->size)
		fail("the import has another size");
}

/*
 * The size of the entries depends on the alignment of the address, which is aligned
 * to the size of this level but not to that of the next one.
 */
void mapping_map(struct mapping *mapping)
{
	uint64_t length = mapping->size + 2 * GiB;
	uint64_t at;

	mapping->area = mmap(NULL, length, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mapping->area == MAP_FAILED)
		fail("no address space");
	at = ((uintptr_t)mapping->area + GiB - 1) & ~(GiB - 1);
	if (mapping->level < DMA_BUF_PFN_LEVEL_PUD)
		at += level_size(mapping->level);
	mapping->map = mmap((void *)at, mapping->size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_FIXED, mapping->import, 0);
	if (mapping->map == MAP_FAILED)
		fail("mmap of an import: %s", strerror(errno));
}

struct dma_buf_pfn_stats mapping_stats(struct mapping *mapping)
{
	struct dma_buf_pfn_stats stats;

	check(__pfn_import_stats(mapping->import, &stats), "statistics of an import");
	return stats;
}

void mapping_verify(struct mapping *mapping, const struct dma_buf_pfn_stats *before,
		    uint32_t around)
{
	uint64_t want = mapping->size / level_size(mapping->level) / around;
	struct dma_buf_pfn_stats after = mapping_stats(mapping);
	int level;

	for (level = 0; level < DMA_BUF_PFN_LEVELS; level++) {
		uint64_t n = after.faults_at[level] - before->faults_at[level];

		if (n != (level == mapping->level ? want : 0))
			fail("%llu faults of %s in a mapping of %s by %s",
			     (unsigned long long)n, level_name(level),
			     size_name(mapping->size), level_name(mapping->level));
	}
	if (after.cpu_mapped != mapping->size / PFN_PAGE_SIZE)
		fail("%llu pages are mapped of %s", (unsigned long long)after.cpu_mapped,
		     size_name(mapping->size));
}

void mapping_populate(struct mapping *mapping)
{
	struct dma_buf_pfn_stats before = mapping_stats(mapping);

	touch_write(mapping->map, mapping->size, level_size(mapping->level));
	mapping_verify(mapping, &before, 1);
}

void mapping_unmap(struct mapping *mapping)
{
	munmap(mapping->area, mapping->size + 2 * GiB);
}

void mapping_close(struct mapping *mapping)
{
	close(mapping->import);
}

/* One instruction in a loop. The values do not matter. */
void touch_write(char *map, uint64_t size, uint64_t step)
{
	uint64_t at;

	for (at = 0; at < size; at += step)
		*(volatile uint32_t *)(map + at) = at;
}

void touch_read(char *map, uint64_t size, uint64_t step)
{
	uint64_t at;

	for (at = 0; at < size; at += step)
		*(volatile uint32_t *)(map + at);
}
