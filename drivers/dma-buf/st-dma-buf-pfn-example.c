// SPDX-License-Identifier: GPL-2.0-only
/*
 * The example of Documentation/driver-api/dma-buf-pfn-guide.rst, which includes
 * the parts between "begin" and "end": an exporter whose buffer moves, and an
 * importer with its own page table. Both are meant to be copied, so nothing
 * here is shared with the other tests. The KUnit tests at the end run the two
 * together.
 *
 * Locks, outermost first: &dma_buf.resv, then the page table lock of the
 * importer, which is the xa_lock of its table.
 */

#include <kunit/test.h>

#include <linux/bits.h>
#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/xarray.h>

MODULE_IMPORT_NS("DMA_BUF");

/* begin: exporter */
#define EX_ORDER	3
#define EX_CHUNK	BIT(EX_ORDER)		/* pages in a chunk */
#define EX_CHUNKS	4

struct ex_buf {
	struct dma_buf *dmabuf;
	/* All below is protected by the reservation lock. */
	struct page *chunks[EX_CHUNKS];		/* where the buffer is */
	unsigned int pinned;
	unsigned int move_in_get_pfn;
};

/* Move one chunk to other pages. */
static int ex_move(struct ex_buf *buf, unsigned int n)
{
	struct dma_resv *resv = buf->dmabuf->resv;
	struct page *other;
	long ret;

	dma_resv_assert_held(resv);

	if (buf->pinned)
		return -EBUSY;

	other = alloc_pages(GFP_KERNEL, EX_ORDER);
	if (!other)
		return -ENOMEM;

	/* When this returns, no importer has a translation left ... */
	dma_buf_invalidate_mappings(buf->dmabuf);

	/* ... and after this, no device uses an old one. */
	ret = dma_resv_wait_timeout(resv, DMA_RESV_USAGE_BOOKKEEP, true,
				    MAX_SCHEDULE_TIMEOUT);
	if (ret > 0) {
		memcpy(page_address(other), page_address(buf->chunks[n]),
		       PAGE_SIZE << EX_ORDER);
		/* From now on get_pfn returns the new pages. */
		swap(buf->chunks[n], other);
	}

	__free_pages(other, EX_ORDER);
	return ret > 0 ? 0 : ret;
}

/* Populate the buffer, or move it where the importer can access it. */
static int ex_prepare(struct ex_buf *buf)
{
	dma_resv_assert_held(buf->dmabuf->resv);

	/* In this exporter, only the tests request a move. */
	if (!buf->move_in_get_pfn)
		return 0;

	buf->move_in_get_pfn--;
	return ex_move(buf, EX_CHUNKS - 1);
}

static int ex_get_pfn_run(struct dma_buf_attachment *attach, pgoff_t pgoff,
			  struct dma_buf_pfn_run *run)
{
	struct ex_buf *buf = attach->dmabuf->priv;
	int ret;

	ret = ex_prepare(buf);
	if (ret)
		return ret;

	/* The chunk. Type and caching default to RAM and cached. */
	run->first = round_down(pgoff, EX_CHUNK);
	run->nr_pages = EX_CHUNK;
	run->pfn = page_to_pfn(buf->chunks[pgoff / EX_CHUNK]);
	return 0;
}

/* end: exporter */

static int ex_pin(struct dma_buf_attachment *attach)
{
	struct ex_buf *buf = attach->dmabuf->priv;

	dma_resv_assert_held(attach->dmabuf->resv);

	buf->pinned++;
	return 0;
}

static void ex_unpin(struct dma_buf_attachment *attach)
{
	struct ex_buf *buf = attach->dmabuf->priv;

	dma_resv_assert_held(attach->dmabuf->resv);

	buf->pinned--;
}

static void ex_free(struct ex_buf *buf)
{
	unsigned int n;

	for (n = 0; n < EX_CHUNKS; n++)
		if (buf->chunks[n])
			__free_pages(buf->chunks[n], EX_ORDER);
	kfree(buf);
}

static void ex_release(struct dma_buf *dmabuf)
{
	ex_free(dmabuf->priv);
}

static const struct dma_buf_ops ex_dma_buf_ops = {
	.pin = ex_pin,
	.unpin = ex_unpin,
	.get_pfn_run = ex_get_pfn_run,
	.release = ex_release,
};

static struct ex_buf *ex_export(void)
{
	DEFINE_DMA_BUF_EXPORT_INFO(exp_info);
	struct ex_buf *buf;
	unsigned int n;

	buf = kzalloc_obj(*buf);
	if (!buf)
		return NULL;
	for (n = 0; n < EX_CHUNKS; n++) {
		buf->chunks[n] = alloc_pages(GFP_KERNEL, EX_ORDER);
		if (!buf->chunks[n])
			goto err_free;
	}

	exp_info.ops = &ex_dma_buf_ops;
	exp_info.size = EX_CHUNKS * EX_CHUNK * PAGE_SIZE;
	exp_info.flags = O_RDWR;
	exp_info.priv = buf;
	buf->dmabuf = dma_buf_export(&exp_info);
	if (IS_ERR(buf->dmabuf))
		goto err_free;
	return buf;

err_free:
	ex_free(buf);
	return NULL;
}

/* begin: importer */
struct ex_importer {
	struct dma_buf_attachment *attach;
	struct xarray table;	/* the page table; its xa_lock is the lock */
};

static void ex_invalidate(struct dma_buf_attachment *attach)
{
	struct ex_importer *imp = attach->importer_priv;

	/* Takes the page table lock. Flush TLBs, if any, here, too. */
	xa_destroy(&imp->table);
}

static const struct dma_buf_attach_ops ex_attach_ops = {
	/* The callback removes all translations, and does not allocate. */
	.invalidate_unmaps = true,
	.invalidate_in_reclaim = true,
	.invalidate_mappings = ex_invalidate,
};

static int ex_import(struct ex_importer *imp, struct dma_buf *dmabuf)
{
	/* The first notification may come before this returns. */
	xa_init(&imp->table);
	imp->attach = dma_buf_dynamic_attach(dmabuf, NULL, &ex_attach_ops, imp);
	return PTR_ERR_OR_ZERO(imp->attach);
}

/* Read or write one byte, as the importer's device does it. */
static int ex_access(struct ex_importer *imp, u64 offset, u8 *byte, bool write)
{
	void *entry, *vaddr;

	if (write && !dma_buf_pfn_writable(imp->attach->dmabuf))
		return -EACCES;

	/* The access ends before the lock is released, so it needs no fence. */
	xa_lock(&imp->table);
	entry = xa_load(&imp->table, offset >> PAGE_SHIFT);
	if (entry) {
		vaddr = page_address(pfn_to_page(xa_to_value(entry))) +
			offset_in_page(offset);
		memcpy(write ? vaddr : byte, write ? byte : vaddr, 1);
	}
	xa_unlock(&imp->table);

	return entry ? 0 : -EFAULT;
}

static void ex_unimport(struct ex_importer *imp)
{
	/* No notifications after detach, so remove all translations before. */
	xa_destroy(&imp->table);
	dma_buf_detach(imp->attach->dmabuf, imp->attach);
}

/* end: importer */

/* begin: unlocked */
static int ex_map(struct ex_importer *imp, pgoff_t pgoff)
{
	struct dma_buf_attachment *attach = imp->attach;
	unsigned long seq;
	bool stale;
	long ret;
	u64 pfn;

	do {
		if (signal_pending(current))
			return -EINTR;

		seq = dma_buf_pfn_read_begin(attach);
		ret = dma_buf_get_pfn_unlocked(attach, pgoff, &pfn, NULL);
		if (ret)
			return ret;

		/* A copy to this memory may still be in progress. */
		ret = dma_resv_wait_timeout(attach->dmabuf->resv,
					    DMA_RESV_USAGE_KERNEL, true,
					    MAX_SCHEDULE_TIMEOUT);
		if (ret < 0)
			return ret;

		/* After the lookup, and in each round: see below. */
		ret = xa_reserve(&imp->table, pgoff, GFP_KERNEL);
		if (ret)
			return ret;

		xa_lock(&imp->table);
		stale = dma_buf_pfn_read_retry(attach, seq);
		if (!stale)
			ret = xa_err(__xa_store(&imp->table, pgoff,
						xa_mk_value(pfn), GFP_NOWAIT));
		xa_unlock(&imp->table);
	} while (stale);

	return ret;
}

/* end: unlocked */

/* begin: locked */
static int ex_install_run(const struct dma_buf_pfn_run *run, void *arg)
{
	struct ex_importer *imp = arg;
	pgoff_t i;
	long ret;

	/* This importer uses the kernel's linear map, which is cached. */
	if (run->caching != DMA_BUF_PFN_CACHED)
		return -EOPNOTSUPP;

	/* A copy to this memory may still be in progress. */
	ret = dma_resv_wait_timeout(imp->attach->dmabuf->resv,
				    DMA_RESV_USAGE_KERNEL, true,
				    MAX_SCHEDULE_TIMEOUT);
	if (ret < 0)
		return ret;

	/* Allocates, with the reservation lock but no page table lock held. */
	for (i = 0; i < run->nr_pages; i++) {
		ret = xa_err(xa_store(&imp->table, run->first + i,
				      xa_mk_value(run->pfn + i), GFP_KERNEL));
		if (ret)
			return ret;
	}
	return 0;
}

static int ex_map_all(struct ex_importer *imp)
{
	struct dma_buf *dmabuf = imp->attach->dmabuf;
	int ret;

	ret = dma_resv_lock_interruptible(dmabuf->resv, NULL);
	if (ret)
		return ret;

	do {
		ret = dma_buf_pfn_walk(imp->attach, 0, dmabuf->size >> PAGE_SHIFT,
				       ex_install_run, imp);
		/* A move in get_pfn has removed the earlier runs. */
	} while (ret == -EAGAIN);

	dma_resv_unlock(dmabuf->resv);
	return ret;
}

/* end: locked */

static void ex_write_all(struct ex_buf *buf, u8 seed)
{
	unsigned int i;

	for (i = 0; i < EX_CHUNKS * EX_CHUNK; i++)
		memset(page_address(buf->chunks[i / EX_CHUNK] + i % EX_CHUNK),
		       seed + i, PAGE_SIZE);
}

static int ex_move_unlocked(struct ex_buf *buf, unsigned int n)
{
	int ret;

	dma_resv_lock(buf->dmabuf->resv, NULL);
	ret = ex_move(buf, n);
	dma_resv_unlock(buf->dmabuf->resv);
	return ret;
}

/* Read the first byte of a page. Returns the byte or an error. */
static int ex_read(struct ex_importer *imp, pgoff_t pgoff)
{
	u8 byte;

	return ex_access(imp, (u64)pgoff << PAGE_SHIFT, &byte, false) ?: byte;
}

struct ex_pair {
	struct ex_buf *buf;
	struct ex_importer imp;
};

static int ex_test_init(struct kunit *test)
{
	struct ex_pair *pair;
	int ret;

	pair = kunit_kzalloc(test, sizeof(*pair), GFP_KERNEL);
	if (!pair)
		return -ENOMEM;
	pair->buf = ex_export();
	if (!pair->buf)
		return -ENOMEM;
	ret = ex_import(&pair->imp, pair->buf->dmabuf);
	if (ret) {
		dma_buf_put(pair->buf->dmabuf);
		return ret;
	}
	test->priv = pair;
	return 0;
}

static void ex_test_exit(struct kunit *test)
{
	struct ex_pair *pair = test->priv;

	if (!pair)
		return;
	ex_unimport(&pair->imp);
	dma_buf_put(pair->buf->dmabuf);
	/* In kernel threads, the final fput() is delayed. */
	flush_delayed_fput();
}

/*
 * The test case succeeds if a page that the importer mapped is unmapped by a
 * move, and when mapped again is another page with the same contents.
 */
static void ex_test_unlocked(struct kunit *test)
{
	struct ex_pair *pair = test->priv;
	struct ex_importer *imp = &pair->imp;
	u8 byte = 0x5a;
	void *before;

	ex_write_all(pair->buf, 1);
	KUNIT_EXPECT_EQ(test, ex_read(imp, 5), -EFAULT);
	KUNIT_ASSERT_EQ(test, ex_map(imp, 5), 0);
	KUNIT_EXPECT_EQ(test, ex_read(imp, 5), 6);
	before = xa_load(&imp->table, 5);

	/* A move copies what the importer has written. */
	KUNIT_EXPECT_EQ(test, ex_access(imp, 5 << PAGE_SHIFT, &byte, true), 0);
	KUNIT_ASSERT_EQ(test, ex_move_unlocked(pair->buf, 0), 0);
	KUNIT_EXPECT_TRUE(test, xa_empty(&imp->table));
	KUNIT_EXPECT_EQ(test, ex_read(imp, 5), -EFAULT);

	KUNIT_ASSERT_EQ(test, ex_map(imp, 5), 0);
	KUNIT_EXPECT_PTR_NE(test, xa_load(&imp->table, 5), before);
	KUNIT_EXPECT_EQ(test, ex_read(imp, 5), 0x5a);

	/* The old page does not contain these. */
	ex_write_all(pair->buf, 100);
	KUNIT_EXPECT_EQ(test, ex_read(imp, 5), 105);
}

/*
 * The test case succeeds if a move also unmaps the pages of a walk over the
 * whole buffer, and another walk maps the new pages.
 */
static void ex_test_locked(struct kunit *test)
{
	struct ex_pair *pair = test->priv;
	pgoff_t i;

	KUNIT_ASSERT_EQ(test, ex_map_all(&pair->imp), 0);
	KUNIT_ASSERT_EQ(test, ex_move_unlocked(pair->buf, 1), 0);
	KUNIT_EXPECT_TRUE(test, xa_empty(&pair->imp.table));

	KUNIT_ASSERT_EQ(test, ex_map_all(&pair->imp), 0);
	ex_write_all(pair->buf, 7);
	for (i = 0; i < EX_CHUNKS * EX_CHUNK; i++)
		KUNIT_EXPECT_EQ(test, ex_read(&pair->imp, i), 7 + i);
}

/*
 * The test case succeeds if both ex_map() and ex_map_all() start again when the
 * exporter moves the buffer in get_pfn.
 */
static void ex_test_move_in_get_pfn(struct kunit *test)
{
	struct ex_pair *pair = test->priv;
	pgoff_t last = EX_CHUNKS * EX_CHUNK - 1;

	pair->buf->move_in_get_pfn = 2;
	KUNIT_ASSERT_EQ(test, ex_map(&pair->imp, last), 0);
	KUNIT_EXPECT_EQ(test, pair->buf->move_in_get_pfn, 0);
	ex_write_all(pair->buf, 1);
	KUNIT_EXPECT_EQ(test, ex_read(&pair->imp, last), 1 + last);

	/* Also move after the first lookup, when the table is not empty. */
	pair->buf->move_in_get_pfn = EX_CHUNKS + 2;
	KUNIT_ASSERT_EQ(test, ex_map_all(&pair->imp), 0);
	KUNIT_EXPECT_EQ(test, pair->buf->move_in_get_pfn, 0);
	ex_write_all(pair->buf, 2);
	KUNIT_EXPECT_EQ(test, ex_read(&pair->imp, 0), 2);
	KUNIT_EXPECT_EQ(test, ex_read(&pair->imp, last), 2 + last);
}

static struct kunit_case ex_cases[] = {
	KUNIT_CASE(ex_test_unlocked),
	KUNIT_CASE(ex_test_locked),
	KUNIT_CASE(ex_test_move_in_get_pfn),
	{}
};

static struct kunit_suite ex_suite = {
	.name = "dma-buf-pfn-example",
	.init = ex_test_init,
	.exit = ex_test_exit,
	.test_cases = ex_cases,
};

kunit_test_suite(ex_suite);
