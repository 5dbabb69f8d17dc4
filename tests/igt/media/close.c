// SPDX-License-Identifier: MIT
/*
 * Subtests of the end of a capture: the stream, the queue, the device, the dma-buf and the
 * handle end in every order.
 */
#include <errno.h>

#include "igt.h"
#include "media.h"
#include "vgem_pfn_module.h"

enum item {
	ITEM_STREAM,	/* STREAMOFF */
	ITEM_REQUEST,	/* REQBUFS(0) */
	ITEM_VIDEO,	/* the file of the V4L2 device */
	ITEM_DMABUF,
	ITEM_HANDLE,
	NUM_ITEMS,
};

#define NUM_ORDERS	120	/* NUM_ITEMS factorial */

struct end {
	struct media_queue queue;
	struct media_bo bo;
	bool held[NUM_ITEMS];
};

static void end_item(struct end *end, enum item item)
{
	int ret;

	end->held[item] = false;
	switch (item) {
	case ITEM_STREAM:
		/* Closing the file has stopped the stream. */
		if (end->held[ITEM_VIDEO])
			igt_assert_eq(__media_stream(&end->queue, false), 0);
		break;
	case ITEM_REQUEST:
		if (!end->held[ITEM_VIDEO])
			break;
		ret = __media_request(&end->queue, 0, V4L2_MEMORY_DMABUF);
		igt_assert_eq(ret, end->held[ITEM_STREAM] ? -EBUSY : 0);
		/* Refused: the buffers are released with the file. */
		end->held[ITEM_REQUEST] = ret;
		break;
	case ITEM_VIDEO:
		close(end->queue.video);
		break;
	case ITEM_DMABUF:
		close(end->bo.dmabuf);
		break;
	default:
		vgem_pfn_gem_close(end->bo.fd, end->bo.handle);
	}
}

/* Whether the device still maps the buffer */
static bool is_mapped(const struct end *end)
{
	return end->held[ITEM_VIDEO] && end->held[ITEM_REQUEST];
}

static void test_order(int fd, enum media_kind kind, const int *order)
{
	uint32_t region = media_carveout(fd, kind);
	uint64_t used = vgem_pfn_region(fd, region).used;
	struct end end = {};
	int i, video = media_open(kind);

	end.queue = media_queue(video, V4L2_BUF_TYPE_VIDEO_CAPTURE);
	end.bo = media_bo_create(fd, region, 1);
	igt_assert_eq(__media_request(&end.queue, 2, V4L2_MEMORY_DMABUF), 0);
	igt_assert_eq(__media_queue(&end.queue, 0, end.bo.dmabuf, 0), 0);
	igt_assert_eq(__media_stream(&end.queue, true), 0);

	for (i = 0; i < NUM_ITEMS; i++)
		end.held[i] = true;
	for (i = 0; i < NUM_ITEMS; i++) {
		end_item(&end, order[i]);
		if (end.held[ITEM_HANDLE])
			igt_assert_eq_u32(vgem_pfn_bo_query(fd, end.bo.handle).pin_count > 0,
					  is_mapped(&end));
		else if (is_mapped(&end))
			igt_assert_lte_u64(end.bo.size, vgem_pfn_region(fd, region).used);
	}
	igt_assert_lte_u64(vgem_pfn_region(fd, region).used, used);
}

static void test_orders(int fd, enum media_kind kind, int step)
{
	int n, order[NUM_ITEMS];

	for (n = 0; n < NUM_ORDERS; n += step) {
		pfn_nth_order(n, order, NUM_ITEMS);
		test_order(fd, kind, order);
	}
}

/*
 * The exporter is unplugged while a buffer is queued. Its kernel mapping was made before
 * that and stays valid. Queueing it at another index needs a second attachment with
 * videobuf2-dma-contig, which fails. videobuf2-vmalloc uses the mapping of the dma-buf.
 */
static void test_unplug(enum media_kind kind)
{
	int video = media_open(kind), fd = vgem_pfn_open_faux(1);
	struct media_queue queue = media_queue(video, V4L2_BUF_TYPE_VIDEO_CAPTURE);
	struct media_bo bo = media_bo_create(fd, media_carveout(fd, kind), 1);

	igt_assert_eq(__media_request(&queue, 2, V4L2_MEMORY_DMABUF), 0);
	igt_assert_eq(__media_queue(&queue, 0, bo.dmabuf, 0), 0);
	igt_assert_eq(__vgem_pfn_faux_unplug(1), 0);
	igt_assert_eq(__media_stream(&queue, true), 0);
	media_dequeue(&queue);
	igt_assert_eq(__media_queue(&queue, 0, bo.dmabuf, 0), 0);
	igt_assert_eq(__media_queue(&queue, 1, bo.dmabuf, 0), kind == MEDIA_VMALLOC ? 0 : -ENODEV);
	media_dequeue(&queue);
	close(video);
	close(bo.dmabuf);
	close(fd);
	igt_assert_eq(__vgem_pfn_faux_plug(1), 0);
}

void media_close_tests(int fd)
{
	enum media_kind kind;

	for (kind = MEDIA_VMALLOC; kind <= MEDIA_DMA_CONTIG; kind++) {
		igt_describe("A capture ends in any order of STREAMOFF, REQBUFS and close().");
		igt_subtest_f("close-every-order-%s", media_kind_names[kind])
			test_orders(fd, kind, 7);

		igt_describe("Like close-every-order, in all orders.");
		igt_subtest_f("close-every-order-%s-long", media_kind_names[kind])
			test_orders(fd, kind, 1);
	}

	for (kind = MEDIA_VMALLOC; kind <= MEDIA_DMA_CONTIG; kind++) {
		igt_describe("The exporter is unplugged while a buffer is queued.");
		igt_subtest_f("unplug-%s", media_kind_names[kind])
			test_unplug(kind);
	}
}
