// SPDX-License-Identifier: GPL-2.0-only
/*
 * The simulated device TLB of the reference importer: a small cache in front of
 * the device page table. As in hardware, changes of the page table have no
 * effect on its entries until it is flushed.
 *
 * Protected by the lock of the device page table.
 */

#include <linux/lockdep.h>
#include <linux/string.h>

#include "dma-buf-pfn-importer.h"

/**
 * pfn_import_tlb_translate() - translate a page for the device
 * @imp: the import, with its device page table locked
 * @pgoff: the page
 * @out: returns the translation, from the TLB or else from the page table
 *
 * Return: whether there is a translation.
 */
bool pfn_import_tlb_translate(struct pfn_import *imp, pgoff_t pgoff,
			      struct pfn_import_translation *out)
{
	unsigned int i = pgoff % PFN_IMPORT_TLB_ENTRIES;
	struct pfn_import_tlb *tlb = &imp->tlb;

	lockdep_assert_held(&imp->dev_table.xa_lock);

	if (tlb->valid[i] && tlb->pgoff[i] == pgoff) {
		tlb->hits++;
		*out = tlb->entry[i];
		return true;
	}

	if (!pfn_import_translate(imp, &imp->dev_table, pgoff, out))
		return false;

	tlb->entry[i] = *out;
	tlb->pgoff[i] = pgoff;
	tlb->valid[i] = true;
	return true;
}

/**
 * pfn_import_tlb_flush() - remove all translations
 * @imp: the import, with its device page table locked and emptied
 *
 * Return: true; or false for a broken import that does not flush, so that
 * windows are still in use.
 */
bool pfn_import_tlb_flush(struct pfn_import *imp)
{
	lockdep_assert_held(&imp->dev_table.xa_lock);

	if (imp->broken & DMA_BUF_PFN_BROKEN_STALE_TLB)
		return false;

	memset(imp->tlb.valid, 0, sizeof(imp->tlb.valid));
	imp->tlb.flushes++;
	return true;
}
