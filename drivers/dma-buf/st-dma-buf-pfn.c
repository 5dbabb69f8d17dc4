// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of dma-buf page frame numbers: lookups and their results. Each
 * test is named after the rule of Documentation/driver-api/dma-buf-pfn.rst that
 * it tests. Lifetimes, runs and wrong results are tested in other files.
 */

#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/iosys-map.h>
#include <linux/mount.h>
#include <linux/seq_file.h>
#include <linux/trace_events.h>
#include <linux/uio.h>

#include "st-dma-buf-pfn-mock.h"

static const struct pfn_mock_layout * const layouts[] = {
	&pfn_mock_mixed, &pfn_mock_one_page,
};

static void layout_desc(const struct pfn_mock_layout * const *layout, char *desc)
{
	strscpy(desc, (*layout)->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(layout, layouts, layout_desc);

/*
 * Rule 1: offsets count pages. The test case succeeds if each page of the
 * buffer has its page frame number, and lookups beyond the end fail before the
 * exporter is called or the buffer pinned.
 */
static void rule1_units(struct kunit *test)
{
	const struct pfn_mock_layout * const *layout = test->param_value;
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, *layout);
	struct pfn_mock_importer *dynamic, *fixed;
	unsigned int lookups;
	pgoff_t i;

	dynamic = pfn_mock_attach(mock, PFN_MOCK_DYNAMIC, NULL);
	fixed = pfn_mock_attach(mock, PFN_MOCK_STATIC, NULL);

	for (i = 0; i < mock->num_pages; i++)
		pfn_mock_expect_right(dynamic, i);

	lookups = mock->get_pfns + mock->get_pfn_runs;
	pfn_mock_expect_error(dynamic, mock->num_pages, -EINVAL);
	pfn_mock_expect_error(dynamic, mock->num_pages << PAGE_SHIFT, -EINVAL);
	pfn_mock_expect_error(dynamic, ULONG_MAX, -EINVAL);
	pfn_mock_expect_error(fixed, mock->num_pages, -EINVAL);
	KUNIT_EXPECT_EQ(test, lookups, mock->get_pfns + mock->get_pfn_runs);
	KUNIT_EXPECT_EQ(test, 0, mock->pins);
}

/*
 * Rule 2: the largest block. The test case succeeds if the pointer to the order
 * may be NULL. (rule1_units() checks the orders of all pages.)
 */
static void rule2_max_order_may_be_null(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	struct pfn_mock_importer *imp;
	u64 pfn = 0;

	imp = pfn_mock_attach(mock, PFN_MOCK_DYNAMIC, NULL);

	KUNIT_EXPECT_EQ(test, 0, dma_buf_get_pfn_unlocked(imp->attach, 3, &pfn,
							  NULL));
	KUNIT_EXPECT_EQ(test, pfn, pfn_mock_pfn(mock, 3));
}

static int order_of(u64 pfn, pgoff_t pgoff, pgoff_t first, pgoff_t last)
{
	const struct dma_buf_pfn_run run = {
		.first = first,
		.nr_pages = last - first + 1,
		.pfn = pfn - (pgoff - first),
	};

	return dma_buf_pfn_order(&run, pgoff);
}

/* The order by the definition of the rule, from large to small */
static int order_by_trial(u64 pfn, pgoff_t pgoff, pgoff_t first, pgoff_t last)
{
	pgoff_t start;
	int order;

	for (order = 10; order > 0; order--) {
		start = ALIGN_DOWN(pgoff, 1UL << order);
		if (start >= first && start + (1UL << order) - 1 <= last &&
		    IS_ALIGNED(pfn - (pgoff - start), 1UL << order))
			break;
	}
	return order;
}

/*
 * Rule 2: the largest block. The test case succeeds if dma_buf_pfn_order()
 * returns the result of trying all orders, for all runs inside the first pages
 * of a buffer, all pages of them, and all alignments of page frame numbers.
 */
static void rule2_order_of_all_blocks(struct kunit *test)
{
	unsigned int wrong = 0, tried = 0;
	pgoff_t first, last, pgoff;
	u64 base, pfn;

	for (first = 0; first < 10; first++)
		for (last = first; last < 36; last++)
			for (pgoff = first; pgoff <= last; pgoff++)
				for (base = 0; base < 33; base++) {
					pfn = SZ_1M + base + pgoff;
					tried++;
					if (order_of(pfn, pgoff, first, last) ==
					    order_by_trial(pfn, pgoff, first, last))
						continue;
					if (!wrong++)
						kunit_err(test, "pfn %llu, page %lu of %lu to %lu",
							  pfn, pgoff, first, last);
				}
	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_GT(test, tried, 100000);
}

/*
 * Rule 2: the largest block. The test case succeeds if dma_buf_pfn_order() is
 * right at the limits of the number space: for a buffer at page frame number 0,
 * where only its size limits the order, and for one page at the highest page
 * frame number.
 */
static void rule2_order_of_large_blocks(struct kunit *test)
{
	const int order = BITS_PER_LONG - 2;
	const pgoff_t last = BIT(order) - 1;

	KUNIT_EXPECT_EQ(test, order, order_of(0, 0, 0, last));
	KUNIT_EXPECT_EQ(test, order, order_of(5, 5, 0, last));
	KUNIT_EXPECT_EQ(test, order - 1, order_of(5, 5, 0, last - 1));
	KUNIT_EXPECT_EQ(test, 20, order_of(BIT(20) + 5, 5, 0, last));
	KUNIT_EXPECT_EQ(test, 0, order_of(U64_MAX, 0, 0, 0));
	KUNIT_EXPECT_EQ(test, 0, order_of(U64_MAX, 0, 0, last));
}

/*
 * Rule 8: no device. The test case succeeds if importers of each kind can
 * attach, look up and detach without one, and mapping fails before the exporter
 * is called.
 */
static void rule8_no_device(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	struct pfn_mock_importer *imp;
	struct sg_table *sgt;
	int kind;

	for (kind = 0; kind < PFN_MOCK_KINDS; kind++) {
		imp = pfn_mock_attach(mock, kind, NULL);
		KUNIT_ASSERT_FALSE(test, IS_ERR(imp->attach));
		if (pfn_mock_must_pin(kind))
			KUNIT_EXPECT_EQ(test, 0, pfn_mock_pin(imp));
		pfn_mock_expect_right(imp, 0);

		kunit_warning_suppress(test) {
			sgt = dma_buf_map_attachment_unlocked(imp->attach,
							      DMA_BIDIRECTIONAL);
			KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, PTR_ERR_OR_ZERO(sgt));
			KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 0);
		}
		if (pfn_mock_must_pin(kind))
			pfn_mock_unpin(imp);
		pfn_mock_detach(imp);
	}
	KUNIT_EXPECT_EQ(test, 0, mock->maps);
	KUNIT_EXPECT_EQ(test, PFN_MOCK_KINDS, mock->detaches);
	KUNIT_EXPECT_EQ(test, mock->pins, mock->unpins);
}

/*
 * Rule 8: no device. The test case succeeds if attaching without one to an
 * exporter without get_pfn fails with -EOPNOTSUPP and without a warning.
 */
static void rule8_no_device_no_get_pfn(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_MAP, &pfn_mock_mixed);
	struct pfn_mock_importer *imp;

	kunit_warning_suppress(test) {
		imp = pfn_mock_attach(mock, PFN_MOCK_DYNAMIC, NULL);
		KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, PTR_ERR_OR_ZERO(imp->attach));
		imp = pfn_mock_attach(mock, PFN_MOCK_STATIC, NULL);
		KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, PTR_ERR_OR_ZERO(imp->attach));
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 0);
	}
}

static void unmount(void *mnt)
{
	kern_unmount(mnt);
}

static void close_file(void *file)
{
	filp_close(file, NULL);
}

/*
 * Rule 8: no device. The test case succeeds if bufinfo in debugfs lists an
 * attachment without a device as such, and another one with its device's name.
 */
static void rule8_bufinfo(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	struct device *dev = pfn_mock_device(test);
	struct file_system_type *type;
	struct iov_iter iter;
	struct vfsmount *mnt;
	struct kiocb kiocb;
	struct file *file;
	struct kvec kvec;
	ssize_t len;
	char *text;

	pfn_mock_attach(mock, PFN_MOCK_STATIC, dev);
	pfn_mock_attach(mock, PFN_MOCK_DYNAMIC, NULL);

	kvec.iov_len = SZ_64K;
	kvec.iov_base = kunit_kzalloc(test, kvec.iov_len, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, kvec.iov_base);

	/* A kernel thread does not see where userspace has mounted debugfs. */
	type = get_fs_type("debugfs");
	if (!type)
		kunit_skip(test, "the kernel has no debugfs");
	mnt = kern_mount(type);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mnt);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, unmount, mnt));
	file = file_open_root_mnt(mnt, "dma_buf/bufinfo", O_RDONLY, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, close_file, file));

	init_sync_kiocb(&kiocb, file);
	iov_iter_kvec(&iter, ITER_DEST, &kvec, 1, kvec.iov_len - 1);
	len = seq_read_iter(&kiocb, &iter);
	KUNIT_ASSERT_GT(test, len, 0);

	text = strstr(kvec.iov_base, "pfn_mock");
	KUNIT_ASSERT_NOT_NULL(test, text);
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "\t(no device)\n"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, dev_name(dev)));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "Total 2 devices attached"));
}

static void stop_tracing(void *data)
{
	trace_set_clr_event("dma_buf", NULL, 0);
}

/*
 * Rule 8: no device. The test case succeeds if the trace events do not crash
 * without a device.
 */
static void rule8_trace(struct kunit *test)
{
	struct pfn_mock *mock;
	struct pfn_mock_importer *imp;

	if (!IS_ENABLED(CONFIG_EVENT_TRACING) ||
	    trace_set_clr_event("dma_buf", NULL, 1))
		kunit_skip(test, "there are no trace events");
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, stop_tracing, test));

	mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	imp = pfn_mock_attach(mock, PFN_MOCK_DYNAMIC, NULL);
	pfn_mock_expect_right(imp, 0);
	pfn_mock_move(mock);
	pfn_mock_detach(imp);
	KUNIT_EXPECT_EQ(test, 1, mock->detaches);
}

static const struct pfn_only {
	const char *what;
	unsigned int flags;
} pfn_onlys[] = {
	{ "get_pfn", PFN_MOCK_GET_PFN | PFN_MOCK_NEVER_MOVES },
	{ "get_pfn_run", PFN_MOCK_RUN | PFN_MOCK_NEVER_MOVES },
};

KUNIT_ARRAY_PARAM_DESC(pfn_only, pfn_onlys, what);

/*
 * Rule 10: kinds of exporters. The test case succeeds if lookups succeed for an
 * exporter with get_pfn or get_pfn_run alone, and mapping it fails even with a
 * device.
 */
static void rule10_pfn_alone(struct kunit *test)
{
	const struct pfn_only *param = test->param_value;
	struct pfn_mock *mock = pfn_mock_create(test, param->flags, &pfn_mock_mixed);
	struct pfn_mock_importer *imp;
	struct sg_table *sgt;
	pgoff_t i;

	KUNIT_EXPECT_TRUE(test, dma_buf_has_pfn(mock->dmabuf));
	imp = pfn_mock_attach(mock, PFN_MOCK_STATIC, pfn_mock_device(test));
	KUNIT_ASSERT_FALSE(test, IS_ERR(imp->attach));
	for (i = 0; i < mock->num_pages; i++)
		pfn_mock_expect_right(imp, i);
	sgt = dma_buf_map_attachment_unlocked(imp->attach, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, PTR_ERR_OR_ZERO(sgt));
}

/*
 * Rule 10: kinds of exporters. The test case succeeds if an exporter without
 * get_pfn can be mapped, and lookups fail for importers of all kinds.
 */
static void rule10_map_alone(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_MAP | PFN_MOCK_PIN,
						&pfn_mock_mixed);
	struct device *dev = pfn_mock_device(test);
	struct pfn_mock_importer *imp;
	struct sg_table *sgt;
	int kind;

	KUNIT_EXPECT_FALSE(test, dma_buf_has_pfn(mock->dmabuf));
	for (kind = 0; kind < PFN_MOCK_KINDS; kind++) {
		imp = pfn_mock_attach(mock, kind, dev);
		KUNIT_ASSERT_FALSE(test, IS_ERR(imp->attach));
		pfn_mock_expect_error(imp, 0, -EOPNOTSUPP);
		KUNIT_EXPECT_EQ(test, 0, mock->pins);
	}

	sgt = dma_buf_map_attachment_unlocked(imp->attach, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	dma_buf_unmap_attachment_unlocked(imp->attach, sgt, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_EQ(test, 1, mock->maps);
	KUNIT_EXPECT_EQ(test, 1, mock->unmaps);
}

/* Incomplete operations of exporters */
static const struct refused_export {
	const char *what;
	unsigned int has;
	size_t lacks;
} refused_exports[] = {
	{ "nothing to give", PFN_MOCK_PIN, 0 },
	{ "map without unmap", PFN_MOCK_GET_PFN | PFN_MOCK_MAP,
	  offsetof(struct dma_buf_ops, unmap_dma_buf) },
	{ "unmap without map", PFN_MOCK_GET_PFN | PFN_MOCK_MAP,
	  offsetof(struct dma_buf_ops, map_dma_buf) },
	{ "pin without unpin", PFN_MOCK_GET_PFN | PFN_MOCK_PIN,
	  offsetof(struct dma_buf_ops, unpin) },
};

KUNIT_ARRAY_PARAM_DESC(refused_export, refused_exports, what);

/*
 * Rule 10: kinds of exporters. The test case succeeds if an export with
 * incomplete operations fails with one warning.
 */
static void rule10_refused(struct kunit *test)
{
	const struct refused_export *param = test->param_value;
	struct pfn_mock *mock = pfn_mock_alloc(test, param->has, &pfn_mock_mixed);

	if (param->lacks)
		*(void **)((void *)&mock->ops + param->lacks) = NULL;

	kunit_warning_suppress(test) {
		KUNIT_EXPECT_EQ(test, -EINVAL, pfn_mock_export(mock, O_RDWR));
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
}

/*
 * Rule 4: an importer that promises to unmap, but cannot be notified. The test
 * case succeeds if attaching fails with one warning.
 */
static void rule4_promise_without_callback(struct kunit *test)
{
	static const struct dma_buf_attach_ops ops = { .invalidate_unmaps = true };
	struct pfn_mock *mock = pfn_mock_create(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	struct dma_buf_attachment *attach;

	kunit_warning_suppress(test) {
		attach = dma_buf_dynamic_attach(mock->dmabuf, NULL, &ops, NULL);
		KUNIT_EXPECT_EQ(test, -EINVAL, PTR_ERR_OR_ZERO(attach));
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	if (!IS_ERR(attach))
		dma_buf_detach(mock->dmabuf, attach);
	KUNIT_EXPECT_TRUE(test, list_empty(&mock->dmabuf->attachments));
}

static int failing_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	return -ENOMEM;
}

/*
 * Rule 11: no warning that userspace can cause. The test case succeeds if
 * errors of the exporter's attach and vmap are returned without a warning.
 * (pfn_mock_expect_error() checks the errors of lookups.)
 */
static void rule11_no_warning(struct kunit *test)
{
	struct pfn_mock *mock = pfn_mock_alloc(test, PFN_MOCK_ALL, &pfn_mock_mixed);
	struct pfn_mock_importer *imp;
	struct iosys_map map;

	mock->ops.vmap = failing_vmap;
	mock->attach_error = -EBUSY;
	KUNIT_ASSERT_EQ(test, 0, pfn_mock_export(mock, O_RDWR));

	kunit_warning_suppress(test) {
		KUNIT_EXPECT_EQ(test, -ENOMEM, dma_buf_vmap_unlocked(mock->dmabuf, &map));
		imp = pfn_mock_attach(mock, PFN_MOCK_DYNAMIC, NULL);
		KUNIT_EXPECT_EQ(test, -EBUSY, PTR_ERR_OR_ZERO(imp->attach));
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 0);
	}
	KUNIT_EXPECT_TRUE(test, list_empty(&mock->dmabuf->attachments));
}

/*
 * Rule 12: write permission. The test case succeeds if dma_buf_pfn_writable()
 * returns that of the file.
 */
static void rule12_writable(struct kunit *test)
{
	static const struct {
		int flags;
		bool writable;
	} files[] = {
		{ O_RDONLY, false }, { O_RDWR, true }, { O_WRONLY, true },
	};
	struct pfn_mock *mock;
	int i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		mock = pfn_mock_alloc(test, PFN_MOCK_ALL, &pfn_mock_one_page);
		KUNIT_ASSERT_EQ(test, 0, pfn_mock_export(mock, files[i].flags));
		KUNIT_EXPECT_EQ(test, files[i].writable,
				dma_buf_pfn_writable(mock->dmabuf));
	}
}

static struct kunit_case dma_buf_pfn_cases[] = {
	KUNIT_CASE_PARAM(rule1_units, layout_gen_params),
	KUNIT_CASE(rule2_max_order_may_be_null),
	KUNIT_CASE(rule2_order_of_all_blocks),
	KUNIT_CASE(rule2_order_of_large_blocks),
	KUNIT_CASE(rule8_no_device),
	KUNIT_CASE(rule8_no_device_no_get_pfn),
	KUNIT_CASE(rule8_bufinfo),
	KUNIT_CASE(rule8_trace),
	KUNIT_CASE_PARAM(rule10_pfn_alone, pfn_only_gen_params),
	KUNIT_CASE(rule10_map_alone),
	KUNIT_CASE_PARAM(rule10_refused, refused_export_gen_params),
	KUNIT_CASE(rule4_promise_without_callback),
	KUNIT_CASE(rule11_no_warning),
	KUNIT_CASE(rule12_writable),
	{}
};

static struct kunit_suite dma_buf_pfn_suite = {
	.name = "dma-buf-pfn",
	.test_cases = dma_buf_pfn_cases,
};

kunit_test_suite(dma_buf_pfn_suite);

MODULE_IMPORT_NS("DMA_BUF");
