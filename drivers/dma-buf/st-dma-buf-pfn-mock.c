// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mock exporter. It computes the results of get_pfn from its page frame
 * numbers, page by page, so that expectations do not depend on the code under
 * test.
 */

#include <linux/align.h>
#include <linux/dma-fence.h>
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "st-dma-buf-pfn-mock.h"

/* Page frame numbers that no machine has: x86 ends at 2^40. */
#define PFN_MOCK_NO_RAM_BASE	BIT_ULL(44)

/* Aligned and unaligned runs, at aligned and unaligned offsets */
const struct pfn_mock_layout pfn_mock_mixed = {
	.name = "mixed",
	.piece = {
		{ .order = 3, .num = 8 },
		{ .order = 0, .num = 1 },
		{ .order = 3, .skip = 1, .num = 7 },
		{ .order = 4, .num = 16 },
		{ .order = 2, .skip = 1, .num = 2 },
		{ .order = 3, .skip = 2, .num = 5 },
	},
};

const struct pfn_mock_layout pfn_mock_one_page = {
	.name = "one page",
	.piece = { { .order = 0, .num = 1 } },
};

/* --- placement ----------------------------------------------------------- */

/**
 * pfn_mock_pfn() - the current page frame number of a page
 * @mock: exporter
 * @pgoff: offset in pages
 *
 * Return: its page frame number.
 */
u64 pfn_mock_pfn(struct pfn_mock *mock, pgoff_t pgoff)
{
	return mock->pfns[mock->place][pgoff];
}

/* Whether pages @first to @last are contiguous */
static bool pfn_mock_is_contiguous(struct pfn_mock *mock, pgoff_t first,
				   pgoff_t last)
{
	pgoff_t i;

	for (i = first; i < last; i++)
		if (pfn_mock_pfn(mock, i + 1) != pfn_mock_pfn(mock, i) + 1)
			return false;
	return true;
}

static bool pfn_mock_is_block(struct pfn_mock *mock, pgoff_t pgoff, int order)
{
	pgoff_t first = ALIGN_DOWN(pgoff, 1UL << order);
	pgoff_t last = first + (1UL << order) - 1;

	return last < mock->num_pages &&
	       IS_ALIGNED(pfn_mock_pfn(mock, first), 1UL << order) &&
	       pfn_mock_is_contiguous(mock, first, last);
}

/**
 * pfn_mock_order() - the order that a lookup must return
 * @mock: exporter
 * @pgoff: offset in pages
 *
 * Return: the order, found by trying them all.
 */
int pfn_mock_order(struct pfn_mock *mock, pgoff_t pgoff)
{
	int order = 0;

	while (pfn_mock_is_block(mock, pgoff, order + 1))
		order++;
	return order;
}

/**
 * pfn_mock_run() - the run that a lookup must return
 * @mock: exporter
 * @pgoff: offset in pages
 *
 * Return: all contiguous pages around @pgoff.
 */
struct dma_buf_pfn_run pfn_mock_run(struct pfn_mock *mock, pgoff_t pgoff)
{
	pgoff_t first = pgoff, last = pgoff;

	while (first && pfn_mock_is_contiguous(mock, first - 1, first))
		first--;
	while (last + 1 < mock->num_pages &&
	       pfn_mock_is_contiguous(mock, last, last + 1))
		last++;
	return (struct dma_buf_pfn_run) {
		.first = first,
		.nr_pages = last - first + 1,
		.pfn = pfn_mock_pfn(mock, first),
		.type = mock->type,
		.caching = mock->caching,
		.provider = mock->provider,
	};
}

/**
 * pfn_mock_move_locked() - move the buffer to its other placement
 * @mock: exporter, with the reservation lock of its buffer held
 */
void pfn_mock_move_locked(struct pfn_mock *mock)
{
	dma_buf_invalidate_mappings(mock->dmabuf);
	mock->place = !mock->place;
}

/**
 * pfn_mock_move() - take the lock and move the buffer to its other placement
 * @mock: exporter
 */
void pfn_mock_move(struct pfn_mock *mock)
{
	pfn_mock_lock(mock);
	pfn_mock_move_locked(mock);
	pfn_mock_unlock(mock);
}

/* --- operations of the buffer --------------------------------------------- */

static int mock_attach(struct dma_buf *dmabuf,
		       struct dma_buf_attachment *attach)
{
	struct pfn_mock *mock = dmabuf->priv;

	return mock->attach_error;
}

static void mock_detach(struct dma_buf *dmabuf,
			struct dma_buf_attachment *attach)
{
	struct pfn_mock *mock = dmabuf->priv;

	mock->detaches++;
}

static int mock_pin(struct dma_buf_attachment *attach)
{
	struct pfn_mock *mock = attach->dmabuf->priv;

	dma_resv_assert_held(attach->dmabuf->resv);
	if (!mock->pin_error)
		mock->pins++;
	return mock->pin_error;
}

static void mock_unpin(struct dma_buf_attachment *attach)
{
	struct pfn_mock *mock = attach->dmabuf->priv;

	dma_resv_assert_held(attach->dmabuf->resv);
	mock->unpins++;
}

static struct sg_table *mock_map(struct dma_buf_attachment *attach,
				 enum dma_data_direction direction)
{
	struct pfn_mock *mock = attach->dmabuf->priv;
	struct sg_table *sgt;

	mock->maps++;
	sgt = kzalloc_obj(*sgt);
	if (!sgt || sg_alloc_table(sgt, 1, GFP_KERNEL)) {
		kfree(sgt);
		return ERR_PTR(-ENOMEM);
	}
	sg_dma_address(sgt->sgl) = pfn_mock_pfn(mock, 0) << PAGE_SHIFT;
	sg_dma_len(sgt->sgl) = PAGE_SIZE;
	return sgt;
}

static void mock_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
		       enum dma_data_direction direction)
{
	struct pfn_mock *mock = attach->dmabuf->priv;

	mock->unmaps++;
	sg_free_table(sgt);
	kfree(sgt);
}

/* Common part of get_pfn and get_pfn_run */
static int mock_lookup(struct dma_buf_attachment *attach)
{
	struct pfn_mock *mock = attach->dmabuf->priv;

	dma_resv_assert_held(attach->dmabuf->resv);
	if (mock->get_pfn_error)
		return mock->get_pfn_error;

	if (mock->move_in_get_pfn) {
		mock->move_in_get_pfn--;
		pfn_mock_move_locked(mock);
	}
	return 0;
}

static int mock_get_pfn(struct dma_buf_attachment *attach, pgoff_t pgoff,
			u64 *pfn, int *max_order)
{
	struct pfn_mock *mock = attach->dmabuf->priv;
	int ret;

	mock->get_pfns++;
	ret = mock_lookup(attach);
	if (ret)
		return ret;

	*pfn = pfn_mock_pfn(mock, pgoff);
	*max_order = pfn_mock_order(mock, pgoff);
	if (mock->lie)
		mock->lie(mock, pgoff, pfn, max_order);
	return 0;
}

static int mock_get_pfn_run(struct dma_buf_attachment *attach, pgoff_t pgoff,
			    struct dma_buf_pfn_run *run)
{
	struct pfn_mock *mock = attach->dmabuf->priv;
	int ret;

	mock->get_pfn_runs++;
	ret = mock_lookup(attach);
	if (ret)
		return ret;

	*run = pfn_mock_run(mock, pgoff);
	if (mock->lie_run)
		mock->lie_run(mock, pgoff, run);
	return 0;
}

static void mock_release(struct dma_buf *dmabuf)
{
	struct pfn_mock *mock = dmabuf->priv;

	complete(&mock->released);
}

/* --- allocation and export ----------------------------------------------- */

static void mock_free_pages(void *data)
{
	struct page *page = data;

	__free_pages(page, page_private(page));
}

/* Allocate a piece and return its first page frame number. */
static u64 mock_alloc_piece(struct kunit *test, unsigned int flags, u64 no_ram,
			    const struct pfn_mock_piece *piece)
{
	struct page *page;

	if (flags & PFN_MOCK_NO_RAM)
		return no_ram + piece->skip;

	page = alloc_pages(GFP_KERNEL, piece->order);
	KUNIT_ASSERT_NOT_NULL(test, page);
	set_page_private(page, piece->order);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, mock_free_pages,
							   page));
	return page_to_pfn(page) + piece->skip;
}

static void mock_fill(struct pfn_mock *mock, unsigned int flags, int place,
		      const struct pfn_mock_layout *layout)
{
	const struct pfn_mock_piece *piece = layout->piece;
	u64 no_ram = PFN_MOCK_NO_RAM_BASE << place;
	u64 *pfns = mock->pfns[place];
	u64 pfn, i;

	for (; piece < layout->piece + PFN_MOCK_PIECES && piece->num; piece++) {
		pfn = mock_alloc_piece(mock->test, flags, no_ram, piece);
		for (i = 0; i < piece->num; i++)
			*pfns++ = pfn + i;
		/* Leave a gap, so that pieces are not contiguous. */
		no_ram += 2UL << piece->order;
	}
}

/**
 * pfn_mock_alloc() - make an exporter
 * @test: test that it is for
 * @flags: PFN_MOCK_*, capabilities of the exporter
 * @layout: physical layout of its buffer
 *
 * Return: the exporter, whose buffer is not exported yet.
 */
struct pfn_mock *pfn_mock_alloc(struct kunit *test, unsigned int flags,
				const struct pfn_mock_layout *layout)
{
	struct pfn_mock *mock = kunit_kzalloc(test, sizeof(*mock), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, mock);
	mock->test = test;
	init_completion(&mock->released);

	for (i = 0; i < PFN_MOCK_PIECES; i++)
		mock->num_pages += layout->piece[i].num;

	for (i = 0; i < ARRAY_SIZE(mock->pfns); i++) {
		mock->pfns[i] = kunit_kcalloc(test, mock->num_pages, sizeof(u64),
					      GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, mock->pfns[i]);
		mock_fill(mock, flags, i, layout);
	}

	mock->ops.attach = mock_attach;
	mock->ops.detach = mock_detach;
	mock->ops.release = mock_release;
	mock->ops.never_moves = flags & PFN_MOCK_NEVER_MOVES;
	if (flags & PFN_MOCK_GET_PFN)
		mock->ops.get_pfn = mock_get_pfn;
	if (flags & PFN_MOCK_RUN)
		mock->ops.get_pfn_run = mock_get_pfn_run;
	if (flags & PFN_MOCK_PIN) {
		mock->ops.pin = mock_pin;
		mock->ops.unpin = mock_unpin;
	}
	if (flags & PFN_MOCK_MAP) {
		mock->ops.map_dma_buf = mock_map;
		mock->ops.unmap_dma_buf = mock_unmap;
	}
	return mock;
}

/* The release is asynchronous and uses what the test has allocated. */
static void mock_put(void *data)
{
	struct pfn_mock *mock = data;

	dma_buf_put(mock->dmabuf);
	if (!wait_for_completion_timeout(&mock->released, 5 * HZ))
		KUNIT_FAIL(mock->test, "the buffer is still referenced");
}

/**
 * pfn_mock_export() - export the buffer
 * @mock: exporter
 * @file_flags: flags for the file
 *
 * Return: 0 or a negative errno, as dma_buf_export().
 */
int pfn_mock_export(struct pfn_mock *mock, int file_flags)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	info.exp_name = "pfn_mock";
	info.ops = &mock->ops;
	info.size = mock->num_pages << PAGE_SHIFT;
	info.flags = file_flags;
	info.priv = mock;
	mock->dmabuf = dma_buf_export(&info);
	if (IS_ERR(mock->dmabuf))
		return PTR_ERR(mock->dmabuf);

	return kunit_add_action_or_reset(mock->test, mock_put, mock);
}

/**
 * pfn_mock_create() - make an exporter and export its buffer for writing
 * @test: test that it is for
 * @flags: PFN_MOCK_*, capabilities of the exporter
 * @layout: physical layout of its buffer
 *
 * Return: the exporter.
 */
struct pfn_mock *pfn_mock_create(struct kunit *test, unsigned int flags,
				 const struct pfn_mock_layout *layout)
{
	struct pfn_mock *mock = pfn_mock_alloc(test, flags, layout);

	KUNIT_ASSERT_EQ(test, 0, pfn_mock_export(mock, O_RDWR | O_CLOEXEC));
	return mock;
}

MODULE_IMPORT_NS("DMA_BUF");
