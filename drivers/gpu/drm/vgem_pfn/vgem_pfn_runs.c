// SPDX-License-Identifier: GPL-2.0-only
/*
 * A run table lists the contiguous pieces of a buffer's memory, sorted by their
 * offset in the buffer. It is created when the memory is allocated, and
 * constant until the memory is freed. A lookup is a binary search.
 *
 * The owner of the memory owns the table. For a buffer object, its reservation
 * lock protects both.
 */

#include <kunit/visibility.h>
#include <linux/dma-buf-pfn.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/overflow.h>
#include <linux/pgtable.h>
#include <linux/slab.h>

#include "vgem_pfn_drv.h"

/* Spare runs in a new table, before it has to grow */
#define VGEM_PFN_RUNS_SPARE	8

/**
 * vgem_pfn_runs_alloc() - allocate an empty run table
 * @max: maximum number of runs
 *
 * Return: the table, to be freed with kvfree(), or NULL if out of memory.
 */
struct vgem_pfn_runs *vgem_pfn_runs_alloc(unsigned int max)
{
	struct vgem_pfn_runs *runs;

	runs = kvmalloc_flex(*runs, run, max);
	if (!runs)
		return NULL;

	runs->num = 0;
	runs->num_pages = 0;
	return runs;
}
EXPORT_SYMBOL_IF_KUNIT(vgem_pfn_runs_alloc);

/**
 * vgem_pfn_runs_add() - append memory to a run table
 * @runs: the table, with room for one more run
 * @pfn: page frame number of the first page
 * @num_pages: number of pages
 *
 * Extends the last run if @pfn continues it.
 */
void vgem_pfn_runs_add(struct vgem_pfn_runs *runs, u64 pfn, pgoff_t num_pages)
{
	unsigned int i = runs->num;

	if (!i || runs->run[i - 1].pfn +
	    (runs->num_pages - runs->run[i - 1].first) != pfn) {
		runs->num++;
		runs->run[i].first = runs->num_pages;
		runs->run[i].pfn = pfn;
	}
	runs->num_pages += num_pages;
}
EXPORT_SYMBOL_IF_KUNIT(vgem_pfn_runs_add);

/**
 * vgem_pfn_runs_from_pages() - create the run table of an array of pages
 * @pages: the pages
 * @num_pages: number of pages
 *
 * Return: the table, to be freed with kvfree(), or NULL if out of memory.
 */
struct vgem_pfn_runs *vgem_pfn_runs_from_pages(struct page **pages,
					       pgoff_t num_pages)
{
	/* Most pages are in blocks of this order, so the table rarely grows. */
	unsigned int max = (num_pages >> PMD_ORDER) + VGEM_PFN_RUNS_SPARE;
	struct vgem_pfn_runs *runs, *more;
	pgoff_t i, n;

	runs = vgem_pfn_runs_alloc(max);
	if (!runs)
		return NULL;

	for (i = 0; i < num_pages; i += n) {
		if (runs->num == max) {
			max *= 2;
			more = kvrealloc(runs, struct_size(runs, run, max), GFP_KERNEL);
			if (!more) {
				kvfree(runs);
				return NULL;
			}
			runs = more;
		}
		n = num_pages_contiguous(&pages[i], num_pages - i);
		vgem_pfn_runs_add(runs, page_to_pfn(pages[i]), n);
	}
	return runs;
}
EXPORT_SYMBOL_IF_KUNIT(vgem_pfn_runs_from_pages);

/**
 * vgem_pfn_runs_get() - look up the run that a page is in
 * @runs: the table
 * @pgoff: page, smaller than the number of pages in the table
 * @out: [out] first, nr_pages and pfn of the run; other fields do not change
 */
void vgem_pfn_runs_get(const struct vgem_pfn_runs *runs, pgoff_t pgoff,
		       struct dma_buf_pfn_run *out)
{
	unsigned int low = 0, high = runs->num;
	pgoff_t end;

	while (high - low > 1) {
		unsigned int middle = low + (high - low) / 2;

		if (runs->run[middle].first <= pgoff)
			low = middle;
		else
			high = middle;
	}
	end = high < runs->num ? runs->run[high].first : runs->num_pages;
	out->first = runs->run[low].first;
	out->nr_pages = end - out->first;
	out->pfn = runs->run[low].pfn;
}
EXPORT_SYMBOL_IF_KUNIT(vgem_pfn_runs_get);

/**
 * vgem_pfn_runs_pfn() - look up the page frame number of a page
 * @runs: the table
 * @pgoff: page, smaller than the number of pages in the table
 * @num_pages: [out] number of contiguous pages, from @pgoff to the end of its
 *	       run; may be NULL
 *
 * Return: the page frame number.
 */
u64 vgem_pfn_runs_pfn(const struct vgem_pfn_runs *runs, pgoff_t pgoff,
		      pgoff_t *num_pages)
{
	struct dma_buf_pfn_run run;

	vgem_pfn_runs_get(runs, pgoff, &run);
	if (num_pages)
		*num_pages = run.first + run.nr_pages - pgoff;
	return dma_buf_pfn_at(&run, pgoff);
}
EXPORT_SYMBOL_IF_KUNIT(vgem_pfn_runs_pfn);
