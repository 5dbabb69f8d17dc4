/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * get_pfn for kernels whose dma-buf core does not have it. The compiler includes
 * this file before each source file of the modules (-include). It replaces names of
 * the dma-buf core by those of the module dma-buf-pfn-compat, so exporters and
 * importers need no changes.
 *
 * The sources see structures with the members of the patched core. The module
 * converts them when a buffer is exported and when an importer attaches, and
 * keeps the state that the patched core has in its own structures beside them.
 */

#ifndef _DMA_BUF_PFN_COMPAT_H
#define _DMA_BUF_PFN_COMPAT_H

#include <linux/dma-buf.h>
#include <linux/mm.h>
#include <linux/version.h>

#include <drm/drm_gem.h>
#include <drm/drm_prime.h>

#include "kernel-compat.h"

struct dma_buf_pfn_run;

/* struct dma_buf_ops of a core with get_pfn, described in patches/linux-7.3/get-pfn */
struct dma_buf_pfn_ops {
	struct dma_buf_ops;	/* -fms-extensions: its members */
	bool never_moves;
	int (*get_pfn_run)(struct dma_buf_attachment *attach, pgoff_t pgoff,
			   struct dma_buf_pfn_run *run);
	int (*get_pfn)(struct dma_buf_attachment *attach, pgoff_t pgoff,
		       u64 *pfn, int *max_order);
};

/* struct dma_buf_export_info with these operations */
struct dma_buf_pfn_export_info {
	const char *exp_name;
	struct module *owner;
	const struct dma_buf_pfn_ops *ops;
	size_t size;
	int flags;
	struct dma_resv *resv;
	void *priv;
};

/* struct dma_buf_attach_ops of a core with get_pfn */
struct dma_buf_pfn_attach_ops {
	bool allow_peer2peer;
	bool invalidate_unmaps;
	bool invalidate_in_reclaim;
	union {
		void (*invalidate_mappings)(struct dma_buf_attachment *attach);
		void (*move_notify)(struct dma_buf_attachment *attach);
	};
};

struct dma_buf *dma_buf_pfn_export(const struct dma_buf_pfn_export_info *info);
void dma_buf_pfn_invalidate_mappings(struct dma_buf *dmabuf);
struct dma_buf_attachment *
dma_buf_pfn_dynamic_attach(struct dma_buf *dmabuf, struct device *dev,
			   const struct dma_buf_pfn_attach_ops *importer_ops,
			   void *importer_priv);
struct dma_buf_attachment *dma_buf_pfn_attach(struct dma_buf *dmabuf,
					      struct device *dev);
void dma_buf_pfn_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach);
bool dma_buf_pfn_attach_revocable(struct dma_buf_attachment *attach);

struct dma_buf *dma_buf_pfn_gem_export(struct drm_device *dev,
				       const struct dma_buf_pfn_export_info *info);
void dma_buf_pfn_gem_release(struct dma_buf *dmabuf);
struct dma_buf *drm_gem_dmabuf_exported(struct drm_gem_object *obj);
bool drm_gem_dmabuf_is_attached(struct drm_gem_object *obj);
void drm_gem_dmabuf_invalidate_mappings(struct drm_gem_object *obj);

vm_fault_t dma_buf_pfn_insert_pmd(struct vm_fault *vmf, unsigned long pfn, bool write);
vm_fault_t dma_buf_pfn_insert_pud(struct vm_fault *vmf, unsigned long pfn, bool write);

/* Defined by dma-buf-pfn-compat-main.c, which calls the functions of the core. */
#ifndef DMA_BUF_PFN_COMPAT_CORE

#define dma_buf_ops			dma_buf_pfn_ops
#define dma_buf_export_info		dma_buf_pfn_export_info
#define dma_buf_attach_ops		dma_buf_pfn_attach_ops

#define dma_buf_export(info)		dma_buf_pfn_export(info)
#define dma_buf_invalidate_mappings(dmabuf) dma_buf_pfn_invalidate_mappings(dmabuf)
#define dma_buf_move_notify(dmabuf)	dma_buf_pfn_invalidate_mappings(dmabuf)
#define dma_buf_dynamic_attach(dmabuf, dev, ops, priv) \
	dma_buf_pfn_dynamic_attach(dmabuf, dev, ops, priv)
#define dma_buf_attach(dmabuf, dev)	dma_buf_pfn_attach(dmabuf, dev)
#define dma_buf_detach(dmabuf, attach)	dma_buf_pfn_detach(dmabuf, attach)
#define dma_buf_attach_revocable(attach) dma_buf_pfn_attach_revocable(attach)

#define drm_gem_dmabuf_export(dev, info) dma_buf_pfn_gem_export(dev, info)
#define drm_gem_dmabuf_release(dmabuf)	dma_buf_pfn_gem_release(dmabuf)

/* The kernel may lack the fixes of mm, see the parameter unsafe_huge_entries. */
#define vmf_insert_pfn_pmd(vmf, pfn, write) dma_buf_pfn_insert_pmd(vmf, pfn, write)
#define vmf_insert_pfn_pud(vmf, pfn, write) dma_buf_pfn_insert_pud(vmf, pfn, write)

#endif /* DMA_BUF_PFN_COMPAT_CORE */

#endif /* _DMA_BUF_PFN_COMPAT_H */
