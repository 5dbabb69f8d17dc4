// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attachment of the reference importer to a buffer, and its handling of
 * notifications.
 *
 * The notification is called with the reservation lock of the buffer held, and
 * takes the locks of the CPU and the device side.
 */

#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-resv.h>

#include "dma-buf-pfn-importer.h"

/*
 * When this returns, no translation made from earlier lookups is left. Runs
 * under the reservation lock and possibly inside reclaim: allocates nothing and
 * takes no lock that is held across an allocation.
 */
static void pfn_import_invalidate_mappings(struct dma_buf_attachment *attach)
{
	struct pfn_import *imp = attach->importer_priv;

	dma_resv_assert_held(attach->dmabuf->resv);

	if (pfn_import_broken_invalidate(imp))
		return;

	pfn_import_dev_invalidate(imp);
	pfn_import_cpu_invalidate(imp);
}

/* Indexed by whether the importer is notified, and whether it is a peer */
static const struct dma_buf_attach_ops pfn_import_attach_ops[2][2] = {
	[false][true] = {
		.allow_peer2peer = true,
	},
	[true][false] = {
		.invalidate_unmaps = true,
		.invalidate_in_reclaim = true,
		.invalidate_mappings = pfn_import_invalidate_mappings,
	},
	[true][true] = {
		.allow_peer2peer = true,
		.invalidate_unmaps = true,
		.invalidate_in_reclaim = true,
		.invalidate_mappings = pfn_import_invalidate_mappings,
	},
};

/**
 * pfn_import_attach() - attach to the buffer as the import flags specify
 * @imp: the import
 * @dev: the importer's device, or NULL
 *
 * The first notification may come at once, so all that it accesses must be
 * initialised before. pfn_import_detach() also cleans up after a failure.
 *
 * Context: may sleep, takes the reservation lock of the buffer.
 * Return: 0, -EINTR, or the error of the exporter's attach or pin.
 */
int pfn_import_attach(struct pfn_import *imp, struct device *dev)
{
	bool p2p = imp->flags & DMA_BUF_PFN_IMPORT_P2P;
	bool pin = imp->flags & DMA_BUF_PFN_IMPORT_PIN;
	bool told = !pin || imp->flags & DMA_BUF_PFN_IMPORT_REVOCABLE;
	struct dma_buf *dmabuf = imp->dmabuf;
	int ret;

	if (imp->flags & DMA_BUF_PFN_IMPORT_STATIC)
		imp->attach = dma_buf_attach(dmabuf, dev);
	else
		imp->attach = dma_buf_dynamic_attach(dmabuf, dev,
						     &pfn_import_attach_ops[told][p2p],
						     imp);
	if (IS_ERR(imp->attach))
		return PTR_ERR(imp->attach);

	if (pin) {
		ret = dma_resv_lock_interruptible(dmabuf->resv, NULL);
		if (ret)
			return ret;
		ret = dma_buf_pin(imp->attach);
		imp->pinned = !ret;
		dma_resv_unlock(dmabuf->resv);
		if (ret)
			return ret;
	}

	pfn_import_broken_attached(imp);
	return 0;
}

/**
 * pfn_import_detach() - undo pfn_import_attach(), even if it failed
 * @imp: the import, without mappings
 *
 * Removes translations first, since nothing keeps them valid without the pin or
 * the attachment.
 *
 * Context: may sleep, takes the reservation lock of the buffer.
 */
void pfn_import_detach(struct pfn_import *imp)
{
	struct dma_buf *dmabuf = imp->dmabuf;

	dma_resv_lock(dmabuf->resv, NULL);
	pfn_import_dev_invalidate(imp);
	/* What a broken import has left */
	pfn_import_maps_destroy(&imp->dev_maps);
	xa_destroy(&imp->cpu_pages);
	if (imp->pinned)
		dma_buf_unpin(imp->attach);
	dma_resv_unlock(dmabuf->resv);

	/* dma_buf_detach() does not notify, so nothing may be left here. */
	WARN_ON(!xa_empty(&imp->dev_table));
	if (!IS_ERR_OR_NULL(imp->attach))
		dma_buf_detach(dmabuf, imp->attach);
	pfn_import_broken_detached(imp);
}
