// SPDX-License-Identifier: GPL-2.0-only
/*
 * Windows: kernel mappings with which the device side of the reference importer
 * accesses memory that is not in the kernel's linear map. That is memory
 * without struct page, such as memory reserved at boot or PCI BARs, and memory
 * that has a struct page only because it shares a section with RAM.
 *
 * A window maps a part of a physically contiguous run. Many entries of the
 * device page table point to it. Windows have no reference count, since each
 * notification removes all entries: it then destroys all windows on the list.
 *
 * The list and the entries are protected by the lock of the device page table.
 * As mapping and unmapping sleep, a window is created before that lock is taken
 * and unmapped after it was dropped.
 */

#include <linux/align.h>
#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-resv.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/iosys-map.h>
#include <linux/list.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "dma-buf-pfn-importer.h"

/*
 * Alignment and size of windows in the buffer, unless the run is shorter or the
 * block that the window is for is larger.
 */
#define PFN_IMPORT_WINDOW_PAGES	((pgoff_t)SZ_2M >> PAGE_SHIFT)

/**
 * pfn_import_linear() - whether memory is in the kernel's linear map
 * @pfn: page frame number
 *
 * Reserved pages may be in it or be holes. Windows are used for both.
 *
 * Return: true if its page_address() can be used.
 */
bool pfn_import_linear(u64 pfn)
{
	struct page *page = pfn_to_online_page(pfn);

	return page && !PageReserved(page);
}

/*
 * Look up the part of the buffer around @pgoff that the window covers: at least
 * the block of @order.
 */
static int pfn_import_window_ask(struct pfn_import *imp, pgoff_t pgoff,
				 unsigned int order, struct pfn_import_window *win)
{
	pgoff_t most = max(PFN_IMPORT_WINDOW_PAGES, 1UL << order);
	struct dma_resv *resv = imp->dmabuf->resv;
	int ret;

	ret = dma_resv_lock_interruptible(resv, NULL);
	if (ret)
		return ret;

	ret = dma_buf_get_pfn_run(imp->attach, pgoff, &win->run);
	dma_resv_unlock(resv);
	if (ret)
		return ret;

	dma_buf_pfn_clip(&win->run, ALIGN_DOWN(pgoff, most), ALIGN(pgoff + 1, most));
	return 0;
}

/*
 * On x86, all mappings of the same memory must have the same cache mode. The
 * exporter has reserved the range with the caching that it returns, so a
 * mapping with another one would fail. System RAM always uses the linear map,
 * since the kernel refuses to map it a second time.
 */
static int pfn_import_window_map(struct pfn_import_window *win)
{
	phys_addr_t start = PFN_PHYS(win->run.pfn);
	size_t size = win->run.nr_pages << PAGE_SHIFT;
	void __iomem *vaddr_iomem;
	int ram;

	ram = region_intersects(start, size, IORESOURCE_SYSTEM_RAM,
				IORES_DESC_NONE);
	if (ram == REGION_MIXED)
		return -EIO;

	if (ram == REGION_INTERSECTS ||
	    win->run.caching == DMA_BUF_PFN_CACHED) {
		void *vaddr = memremap(start, size, MEMREMAP_WB);

		if (!vaddr)
			return -EBUSY;
		iosys_map_set_vaddr(&win->map, vaddr);
		return 0;
	}

	if (win->run.caching == DMA_BUF_PFN_WRITE_COMBINED)
		vaddr_iomem = ioremap_wc(start, size);
	else
		vaddr_iomem = ioremap(start, size);
	if (!vaddr_iomem)
		return -EBUSY;
	iosys_map_set_vaddr_iomem(&win->map, vaddr_iomem);
	return 0;
}

static void pfn_import_window_unmap(struct pfn_import_window *win)
{
	if (iosys_map_is_null(&win->map))
		return;
	if (win->map.is_iomem)
		iounmap(win->map.vaddr_iomem);
	else
		memunmap(win->map.vaddr);
}

/**
 * pfn_import_window_shows() - whether a window covers a part of the buffer
 * @win: the window
 * @first: first page of the part
 * @count: number of pages
 *
 * Return: true if it covers all of the part.
 */
bool pfn_import_window_shows(const struct pfn_import_window *win, pgoff_t first,
			     pgoff_t count)
{
	return first >= win->run.first && count <= win->run.nr_pages &&
	       first - win->run.first <= win->run.nr_pages - count;
}

/*
 * Find a window in use that maps the same page at @pgoff as @win. Windows that
 * a broken importer has left are of another generation.
 */
static struct pfn_import_window *
pfn_import_window_find(struct pfn_import *imp, pgoff_t pgoff,
		       const struct pfn_import_window *win, u64 generation)
{
	unsigned long index = win->run.first;
	struct pfn_import_window *other;

	lockdep_assert_held(&imp->dev_table.xa_lock);

	/* Unless the importer is broken, all windows are equivalent. */
	other = xa_find(&imp->dev_table, &index,
			win->run.first + win->run.nr_pages - 1, XA_PRESENT);
	if (!other || xa_is_value(other) || other->generation != generation ||
	    !pfn_import_window_shows(other, pgoff, 1) ||
	    dma_buf_pfn_at(&other->run, pgoff) != dma_buf_pfn_at(&win->run, pgoff) ||
	    other->run.caching != win->run.caching)
		return NULL;
	return other;
}

/**
 * pfn_import_window_create() - create a window for a page
 * @imp: the import
 * @pgoff: the page
 * @order: order of the entry that will contain it
 *
 * The lookup, and with it the window, may be out of date when this returns.
 *
 * Context: may sleep, takes the reservation lock of the buffer.
 * Return: a window for pfn_import_window_use() and, unless that returns it, for
 * pfn_import_window_destroy(), or an error pointer.
 */
struct pfn_import_window *pfn_import_window_create(struct pfn_import *imp,
						   pgoff_t pgoff,
						   unsigned int order)
{
	u64 generation = READ_ONCE(imp->invalidations);
	struct pfn_import_window *win;
	bool found;
	int ret;

	win = kzalloc_obj(*win);
	if (!win)
		return ERR_PTR(-ENOMEM);

	ret = pfn_import_window_ask(imp, pgoff, order, win);
	if (ret)
		goto err;

	xa_lock(&imp->dev_table);
	found = pfn_import_window_find(imp, pgoff, win, generation);
	xa_unlock(&imp->dev_table);
	if (found)
		return win;

	ret = pfn_import_window_map(win);
	if (ret)
		goto err;
	return win;

err:
	kfree(win);
	return ERR_PTR(ret);
}

/**
 * pfn_import_window_get() - translate and map a part of the buffer for a job
 * @imp: the import, with the reservation lock of its buffer held
 * @pgoff: first page
 * @max_pages: maximum number of pages, of which the contiguous ones are mapped
 *
 * Supports all kinds of memory: RAM is accessed through the linear map. The
 * caller owns the window, which is in no list.
 *
 * Context: may sleep. The exporter may notify this very import.
 * Return: a window for pfn_import_window_destroy(), or an error pointer.
 */
struct pfn_import_window *pfn_import_window_get(struct pfn_import *imp,
						pgoff_t pgoff,
						pgoff_t max_pages)
{
	struct pfn_import_window *win;
	int ret;

	dma_resv_assert_held(imp->dmabuf->resv);

	win = kzalloc_obj(*win);
	if (!win)
		return ERR_PTR(-ENOMEM);

	ret = dma_buf_get_pfn_run(imp->attach, pgoff, &win->run);
	if (ret)
		goto err;

	dma_buf_pfn_clip(&win->run, pgoff, pgoff + max_pages);
	ret = pfn_import_window_map(win);
	if (ret)
		goto err;
	return win;

err:
	kfree(win);
	return ERR_PTR(ret);
}

/**
 * pfn_import_window_use() - choose the window that a page table entry points to
 * @imp: the import, with its device page table locked
 * @pgoff: the page
 * @win: from pfn_import_window_create() for this page
 * @generation: notifications received when the page was looked up
 *
 * Return: a window; if it is @win, pfn_import_window_keep() must follow. NULL
 * if the window to share was removed or is about to be.
 */
struct pfn_import_window *pfn_import_window_use(struct pfn_import *imp,
						pgoff_t pgoff,
						struct pfn_import_window *win,
						u64 generation)
{
	struct pfn_import_window *other;

	/* Only importers that do not check the sequence get here. */
	if (imp->dev_zapping)
		return NULL;

	other = pfn_import_window_find(imp, pgoff, win, generation);
	if (other)
		return other;
	if (iosys_map_is_null(&win->map))
		return NULL;

	win->generation = generation;
	return win;
}

/**
 * pfn_import_window_keep() - add a window to the list of windows in use
 * @imp: the import, with its device page table locked
 * @win: the window, which an entry of the table points to
 */
void pfn_import_window_keep(struct pfn_import *imp, struct pfn_import_window *win)
{
	lockdep_assert_held(&imp->dev_table.xa_lock);

	list_add(&win->node, &imp->dev_windows);
}

/**
 * pfn_import_window_destroy() - unmap and free a window that is not used
 * @win: the window or NULL
 *
 * Context: may sleep.
 */
void pfn_import_window_destroy(struct pfn_import_window *win)
{
	if (!win)
		return;

	pfn_import_window_unmap(win);
	kfree(win);
}

/**
 * pfn_import_windows_destroy() - unmap and free windows that nothing points to
 * @windows: list of the windows, no longer that of an import
 *
 * Context: may sleep. Allocates nothing, and may be called in reclaim.
 */
void pfn_import_windows_destroy(struct list_head *windows)
{
	struct pfn_import_window *win, *next;

	list_for_each_entry_safe(win, next, windows, node)
		pfn_import_window_destroy(win);
}

/**
 * pfn_import_window_pfn() - the page frame number at an offset
 * @win: the window
 * @pgoff: a page that it covers
 *
 * Return: the page frame number.
 */
u64 pfn_import_window_pfn(const struct pfn_import_window *win, pgoff_t pgoff)
{
	return dma_buf_pfn_at(&win->run, pgoff);
}

/**
 * pfn_import_window_generation() - the generation of a window
 * @win: the window
 *
 * Return: notifications received when its pages were looked up.
 */
u64 pfn_import_window_generation(const struct pfn_import_window *win)
{
	return win->generation;
}

/**
 * pfn_import_window_copy() - transfer between a window and @data
 * @win: the window, with the device page table locked
 * @offset: byte offset into the buffer
 * @data: source or destination
 * @len: bytes, inside one page
 * @write: true to write to the window
 */
void pfn_import_window_copy(struct pfn_import_window *win, u64 offset,
			    void *data, size_t len, bool write)
{
	size_t at = offset - ((u64)win->run.first << PAGE_SHIFT);

	if (write)
		iosys_map_memcpy_to(&win->map, at, data, len);
	else
		iosys_map_memcpy_from(data, &win->map, at, len);
}
