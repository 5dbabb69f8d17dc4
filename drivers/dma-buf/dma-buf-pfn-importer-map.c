// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel mappings of a buffer, with one piece for each physically contiguous
 * run. The device side maps the whole buffer if its memory is not in the linear
 * map, and each job maps its range.
 *
 * vmap_pfn() cannot be used: it warns about memory with a struct page, which
 * reserved memory may have, and does not reserve the cache mode on x86.
 */

#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-resv.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/pfn.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "dma-buf-pfn-importer.h"

/*
 * On x86, all mappings of the same memory must have the same cache mode. The
 * exporter has reserved the range with the caching that it returns, so mapping
 * it with a different mode would fail. System RAM is always accessed through
 * the linear map, since the kernel refuses to map it a second time. memremap()
 * fails with a warning for a run of which only a part is system RAM.
 */
static int pfn_import_piece_map(struct pfn_import_piece *piece)
{
	phys_addr_t start = PFN_PHYS(piece->run.pfn);
	size_t size = piece->run.nr_pages << PAGE_SHIFT;
	void __iomem *vaddr_iomem;
	void *vaddr;

	if (piece->run.caching == DMA_BUF_PFN_CACHED ||
	    region_intersects(start, size, IORESOURCE_SYSTEM_RAM,
			      IORES_DESC_NONE) != REGION_DISJOINT) {
		vaddr = memremap(start, size, MEMREMAP_WB);
		iosys_map_set_vaddr(&piece->map, vaddr);
		return vaddr ? 0 : -EBUSY;
	}

	if (piece->run.caching == DMA_BUF_PFN_WRITE_COMBINED)
		vaddr_iomem = ioremap_wc(start, size);
	else
		vaddr_iomem = ioremap(start, size);
	iosys_map_set_vaddr_iomem(&piece->map, vaddr_iomem);
	return vaddr_iomem ? 0 : -EBUSY;
}

static void pfn_import_piece_destroy(struct pfn_import_piece *piece)
{
	if (piece->map.is_iomem && piece->map.vaddr_iomem)
		iounmap(piece->map.vaddr_iomem);
	else if (piece->map.vaddr)
		memunmap(piece->map.vaddr);
	kfree(piece);
}

/* A piece is stored at its last page, where pfn_import_map_find() finds it. */
static int pfn_import_map_add(const struct dma_buf_pfn_run *run, void *arg)
{
	struct pfn_import_map *map = arg;
	struct pfn_import_piece *piece;
	int ret;

	if (signal_pending(current))
		return -EINTR;

	piece = kzalloc_obj(*piece);
	if (!piece)
		return -ENOMEM;

	piece->run = *run;
	ret = pfn_import_piece_map(piece);
	if (!ret)
		ret = xa_err(xa_store(&map->pieces, run->first + run->nr_pages - 1,
				      piece, GFP_KERNEL));
	if (ret)
		pfn_import_piece_destroy(piece);
	return ret;
}

/**
 * pfn_import_map_create() - map a range of a buffer into the kernel
 * @imp: the import, with the reservation lock of its buffer held
 * @first: first page
 * @nr_pages: number of pages
 *
 * The mapping is valid as long as the page frame numbers that it maps.
 *
 * Context: may sleep. The exporter may notify this import during the lookups.
 * Return: the mapping; or an error pointer: -EAGAIN if the buffer was moved,
 * -EBUSY for memory that cannot be mapped with the exporter's caching, -EINTR,
 * -ENOMEM, or the error of a lookup.
 */
struct pfn_import_map *pfn_import_map_create(struct pfn_import *imp,
					     pgoff_t first, pgoff_t nr_pages)
{
	struct pfn_import_map *map;
	int ret;

	dma_resv_assert_held(imp->dmabuf->resv);

	map = kzalloc_obj(*map);
	if (!map)
		return ERR_PTR(-ENOMEM);

	xa_init(&map->pieces);
	ret = dma_buf_pfn_walk(imp->attach, first, nr_pages, pfn_import_map_add, map);
	if (ret) {
		pfn_import_map_destroy(map);
		return ERR_PTR(ret);
	}
	return map;
}

/**
 * pfn_import_map_destroy() - unmap and free a mapping
 * @map: the mapping, or NULL
 *
 * Context: may sleep. Allocates nothing, and may be called in reclaim.
 */
void pfn_import_map_destroy(struct pfn_import_map *map)
{
	struct pfn_import_piece *piece;
	unsigned long last;

	if (!map)
		return;

	xa_for_each(&map->pieces, last, piece)
		pfn_import_piece_destroy(piece);
	xa_destroy(&map->pieces);
	kfree(map);
}

/**
 * pfn_import_maps_destroy() - destroy all mappings of a list
 * @maps: the list
 *
 * Context: as pfn_import_map_destroy().
 */
void pfn_import_maps_destroy(struct list_head *maps)
{
	struct pfn_import_map *map, *next;

	list_for_each_entry_safe(map, next, maps, node)
		pfn_import_map_destroy(map);
	INIT_LIST_HEAD(maps);
}

/**
 * pfn_import_map_find() - find the piece that maps a block
 * @map: the mapping
 * @first: first page of the block
 * @nr_pages: number of pages
 * @pfn: page frame number of the first page
 *
 * Return: the piece, or NULL if @map does not map the block at @pfn.
 */
struct pfn_import_piece *pfn_import_map_find(struct pfn_import_map *map,
					     pgoff_t first, pgoff_t nr_pages, u64 pfn)
{
	struct pfn_import_piece *piece;
	unsigned long last = first;

	piece = xa_find(&map->pieces, &last, ULONG_MAX, XA_PRESENT);
	if (!piece || first < piece->run.first || nr_pages - 1 > last - first ||
	    dma_buf_pfn_at(&piece->run, first) != pfn)
		return NULL;
	return piece;
}

/**
 * pfn_import_piece_copy() - transfer between a buffer and @data
 * @piece: the piece
 * @offset: byte offset into the buffer
 * @data: source or destination
 * @len: bytes, inside the piece
 * @write: true to write to the buffer
 */
void pfn_import_piece_copy(struct pfn_import_piece *piece, u64 offset,
			   void *data, size_t len, bool write)
{
	size_t at = offset - PFN_PHYS(piece->run.first);

	if (write)
		iosys_map_memcpy_to(&piece->map, at, data, len);
	else
		iosys_map_memcpy_from(data, &piece->map, at, len);
}
