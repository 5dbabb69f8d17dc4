// SPDX-License-Identifier: GPL-2.0-only
/*
 * An importer that maps a scatter list for the device of sg_target, for the tests of
 * make prove. The checker does not judge this class of importers yet. Writing the
 * file descriptor of a dma-buf to the parameter "map" maps it for a second.
 */

#include <linux/delay.h>
#include <linux/dma-buf.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/module.h>

#include "sg_target.h"

/* The device does not access the mapping. */
static void sg_invalidate(struct dma_buf_attachment *attach)
{
}

static const struct dma_buf_attach_ops sg_attach_ops = {
	.invalidate_mappings = sg_invalidate,
};

static int sg_map(const char *text, const struct kernel_param *param)
{
	struct dma_buf_attachment *attach;
	struct dma_buf *dmabuf;
	struct sg_table *sgt;
	int fd, ret;

	ret = kstrtoint(text, 0, &fd);
	if (ret)
		return ret;
	dmabuf = dma_buf_get(fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);

	attach = dma_buf_dynamic_attach(dmabuf, sg_target_device(),
					&sg_attach_ops, NULL);
	if (IS_ERR(attach)) {
		ret = PTR_ERR(attach);
		goto err_put;
	}
	sgt = dma_buf_map_attachment_unlocked(attach, DMA_BIDIRECTIONAL);
	if (IS_ERR(sgt)) {
		ret = PTR_ERR(sgt);
		goto err_detach;
	}
	msleep(1000);
	dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_BIDIRECTIONAL);
err_detach:
	dma_buf_detach(dmabuf, attach);
err_put:
	dma_buf_put(dmabuf);
	return ret;
}

static const struct kernel_param_ops sg_map_ops = {
	.set = sg_map,
};
module_param_cb(map, &sg_map_ops, NULL, 0200);
MODULE_PARM_DESC(map, "Descriptor of a dma-buf to map for a second");

MODULE_IMPORT_NS("DMA_BUF");
MODULE_DESCRIPTION("Sample importer of scatter lists");
MODULE_LICENSE("GPL");
