/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A mock exporter of page frame numbers and mock importers, for KUnit tests of
 * the dma-buf core. All their resources are freed when the test ends.
 *
 * A mock is protected by the reservation lock of its buffer, except for what a
 * test sets before the export.
 */

#ifndef _ST_DMA_BUF_PFN_MOCK_H
#define _ST_DMA_BUF_PFN_MOCK_H

#include <kunit/test.h>
#include <linux/bits.h>
#include <linux/completion.h>
#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-resv.h>
#include <linux/spinlock.h>

struct pfn_mock;
struct pfn_mock_importer;

#define PFN_MOCK_PIECES	8

/**
 * struct pfn_mock_piece - physically contiguous pages of a layout
 * @order: 2^order pages are allocated
 * @skip: number of these pages to skip at the start
 * @num: number of pages to use
 */
struct pfn_mock_piece {
	unsigned int order;
	unsigned int skip;
	unsigned int num;
};

/**
 * struct pfn_mock_layout - physical layout of a mock buffer
 * @name: name of the layout
 * @piece: its pieces, terminated by one without pages
 */
struct pfn_mock_layout {
	const char *name;
	struct pfn_mock_piece piece[PFN_MOCK_PIECES];
};

extern const struct pfn_mock_layout pfn_mock_mixed;
extern const struct pfn_mock_layout pfn_mock_one_page;

/* Capabilities of the exporter */
#define PFN_MOCK_GET_PFN	BIT(0)
#define PFN_MOCK_RUN		BIT(1)	/* get_pfn_run */
#define PFN_MOCK_PIN		BIT(2)	/* pin and unpin */
#define PFN_MOCK_MAP		BIT(3)	/* map_dma_buf and unmap_dma_buf */
#define PFN_MOCK_NO_RAM		BIT(4)	/* page frames without struct page */
#define PFN_MOCK_NEVER_MOVES	BIT(5)
#define PFN_MOCK_ALL		(PFN_MOCK_GET_PFN | PFN_MOCK_RUN | \
				 PFN_MOCK_PIN | PFN_MOCK_MAP)

/* Longer than any call takes, shorter than the hung task timeout */
#define PFN_MOCK_LONG_MS	5000
/* How long to wait to show that something does not happen */
#define PFN_MOCK_SHORT_MS	50

/**
 * struct pfn_mock - an exporter with one buffer
 * @test: test that it belongs to
 * @dmabuf: the buffer
 * @ops: operations of @dmabuf, may be changed before pfn_mock_export()
 * @num_pages: size of the buffer
 * @pfns: page frame numbers of its pages, for each of two placements
 * @place: index of the current placement
 * @attach_error: what attach returns
 * @pin_error: what pin returns
 * @get_pfn_error: what get_pfn and get_pfn_run return
 * @type: type that get_pfn_run returns
 * @caching: caching that get_pfn_run returns
 * @provider: provider that get_pfn_run returns
 * @move_in_get_pfn: number of lookups that still have to move the buffer first
 * @lie: corrupts the result of get_pfn
 * @lie_run: corrupts the result of get_pfn_run
 * @detaches: number of calls of detach
 * @pins: number of calls of pin that succeeded
 * @unpins: number of calls of unpin
 * @maps: number of calls of map_dma_buf
 * @unmaps: number of calls of unmap_dma_buf
 * @get_pfns: number of calls of get_pfn
 * @get_pfn_runs: number of calls of get_pfn_run
 * @released: the buffer was released
 */
struct pfn_mock {
	struct kunit *test;
	struct dma_buf *dmabuf;
	struct dma_buf_ops ops;

	pgoff_t num_pages;
	u64 *pfns[2];
	unsigned int place;

	int attach_error;
	int pin_error;
	int get_pfn_error;
	enum dma_buf_pfn_type type;
	enum dma_buf_pfn_caching caching;
	struct p2pdma_provider *provider;
	unsigned int move_in_get_pfn;
	void (*lie)(struct pfn_mock *mock, pgoff_t pgoff, u64 *pfn, int *order);
	void (*lie_run)(struct pfn_mock *mock, pgoff_t pgoff,
			struct dma_buf_pfn_run *run);

	unsigned int detaches;
	unsigned int pins;
	unsigned int unpins;
	unsigned int maps;
	unsigned int unmaps;
	unsigned int get_pfns;
	unsigned int get_pfn_runs;

	struct completion released;
};

static inline void pfn_mock_lock(struct pfn_mock *mock)
{
	dma_resv_lock(mock->dmabuf->resv, NULL);
}

static inline void pfn_mock_unlock(struct pfn_mock *mock)
{
	dma_resv_unlock(mock->dmabuf->resv);
}

struct pfn_mock *pfn_mock_alloc(struct kunit *test, unsigned int flags,
				const struct pfn_mock_layout *layout);
int pfn_mock_export(struct pfn_mock *mock, int file_flags);
struct pfn_mock *pfn_mock_create(struct kunit *test, unsigned int flags,
				 const struct pfn_mock_layout *layout);
void pfn_mock_move_locked(struct pfn_mock *mock);
void pfn_mock_move(struct pfn_mock *mock);
u64 pfn_mock_pfn(struct pfn_mock *mock, pgoff_t pgoff);
int pfn_mock_order(struct pfn_mock *mock, pgoff_t pgoff);
struct dma_buf_pfn_run pfn_mock_run(struct pfn_mock *mock, pgoff_t pgoff);
struct dma_fence *pfn_mock_add_fence(struct pfn_mock *mock,
				     enum dma_resv_usage usage);

/* Kinds of importers, by what keeps their results valid. */
enum pfn_mock_kind {
	PFN_MOCK_DYNAMIC,	/* is notified */
	PFN_MOCK_DYNAMIC_P2P,	/* is notified, and a peer */
	PFN_MOCK_NO_PROMISE,	/* is notified, without invalidate_unmaps */
	PFN_MOCK_NO_RECLAIM,	/* is notified, without invalidate_in_reclaim */
	PFN_MOCK_PINNED,	/* has operations, but is not notified */
	PFN_MOCK_STATIC,	/* has no operations */
	PFN_MOCK_KINDS
};

/**
 * struct pfn_mock_importer - an importer with a page table of one entry
 * @mock: exporter
 * @attach: attachment to its buffer
 * @lock: page table lock
 * @mapped: page frame number in the page table, or 0
 * @notified: number of notifications
 * @seq: sequence number that a notification checks with read_retry
 * @retries: number of notifications that found the sequence advanced
 * @unpin: the next notification unpins the buffer
 */
struct pfn_mock_importer {
	struct pfn_mock *mock;
	struct dma_buf_attachment *attach;
	spinlock_t lock; /* protects mapped */
	u64 mapped;
	unsigned int notified;
	unsigned long seq;
	unsigned int retries;
	bool unpin;
};

struct device *pfn_mock_device(struct kunit *test);
struct pfn_mock_importer *pfn_mock_attach(struct pfn_mock *mock,
					  enum pfn_mock_kind kind,
					  struct device *dev);
void pfn_mock_detach(struct pfn_mock_importer *imp);
int pfn_mock_pin(struct pfn_mock_importer *imp);
void pfn_mock_unpin(struct pfn_mock_importer *imp);
bool pfn_mock_must_pin(enum pfn_mock_kind kind);
void pfn_mock_expect_right(struct pfn_mock_importer *imp, pgoff_t pgoff);
void pfn_mock_expect_error(struct pfn_mock_importer *imp, pgoff_t pgoff,
			   int error);

/**
 * struct pfn_mock_call - dma_buf_get_pfn_unlocked() in a separate thread that
 * accepts signals
 * @imp: importer that looks up its first page
 * @task: the thread
 * @started: the thread accepts signals
 * @done: the call has returned
 * @pfn: result
 */
struct pfn_mock_call {
	struct pfn_mock_importer *imp;
	struct task_struct *task;
	struct completion started;
	struct completion done;
	u64 pfn;
};

struct pfn_mock_call *pfn_mock_call_start(struct pfn_mock_importer *imp);
bool pfn_mock_call_is_done(struct pfn_mock_call *call, unsigned int msecs);
void pfn_mock_call_interrupt(struct pfn_mock_call *call);
int pfn_mock_call_end(struct pfn_mock_call *call);

#endif /* _ST_DMA_BUF_PFN_MOCK_H */
