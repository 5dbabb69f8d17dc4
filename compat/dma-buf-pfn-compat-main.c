// SPDX-License-Identifier: GPL-2.0-only
/*
 * Adds get_pfn to a dma-buf core without it. This module contains
 * drivers/dma-buf/dma-buf-pfn.c of the patched core. This file has the state that
 * the patched core keeps in its own structures:
 *
 *	struct dma_buf_pfn_buffer	one per dma-buf of an exporter with get_pfn
 *	struct dma_buf_pfn_attachment	one per attachment by an importer that is
 *					compiled with dma-buf-pfn-compat.h
 *
 * Both contain the operations that the core calls, so no table is needed to find
 * them: operations of a dma-buf with dma_buf_pfn_release(), and operations of an
 * attachment with dma_buf_pfn_notify(), are a member of one of these structures.
 *
 * Locks: the reservation lock of the buffer protects the state of the buffer and
 * of its attachments. dma_buf_pfn_objects has a spinlock. A result of
 * dma_buf_pfn_find() is valid as long as the caller holds the reservation lock.
 *
 * Differences from the patched core:
 *
 * - the core's own attachments cannot look up page frame numbers;
 * - an attachment without a device has this module's device "pfn". Only in
 *   &dma_buf_ops.attach the device is NULL;
 * - static attachments have operations, too. This module attaches them as dynamic,
 *   and pins the buffer while it is mapped.
 */

#include <linux/container_of.h>
#include <linux/device.h>
#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-resv.h>
#include <linux/hashtable.h>
#include <linux/huge_mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include <trace/events/dma_buf_pfn.h>

#include "dma-buf-pfn-compat-trace.h"

#undef TRACE_INCLUDE_PATH
#define CREATE_TRACE_POINTS
#include <trace/events/dma_buf_map.h>

#include "dma-buf-pfn-state.h"

static bool unsafe_huge_entries;
module_param_unsafe(unsafe_huge_entries, bool, 0644);
MODULE_PARM_DESC(unsafe_huge_entries,
		 "Map importers' memory into processes with entries of 2 MiB and 1 GiB. The kernel lacks fixes: fork() and mremap() of such a mapping can corrupt memory (default false)");

/**
 * struct dma_buf_pfn_buffer - state of a dma-buf
 * @ops: the exporter's operations, with those of this file in front
 * @exporter: the exporter's operations
 * @pfn_seq: number of invalidations
 * @obj: the GEM object that is exported, or NULL
 * @dmabuf: the dma-buf, set if @obj is
 * @node: of dma_buf_pfn_objects
 */
struct dma_buf_pfn_buffer {
	struct dma_buf_ops ops;
	const struct dma_buf_pfn_ops *exporter;
	unsigned long pfn_seq;
	struct drm_gem_object *obj;
	struct dma_buf *dmabuf;
	struct hlist_node node;
};

/**
 * struct dma_buf_pfn_attachment - state of an attachment
 * @ops: what the core calls
 * @importer_ops: the importer's operations, NULL if it is static
 * @no_device: the importer has no device
 * @pin_count: number of dma_buf_pin() without a dma_buf_unpin()
 * @pfn_pinned: a lookup has pinned the buffer for a static attachment
 * @live: the importer is notified. The trace events of attaching and detaching are
 *	  emitted when this is set and cleared
 */
struct dma_buf_pfn_attachment {
	struct dma_buf_attach_ops ops;
	const struct dma_buf_pfn_attach_ops *importer_ops;
	bool no_device;
	unsigned int pin_count;
	bool pfn_pinned;
	bool live;
};

/* The device of attachments whose importer has no device */
static struct device *dma_buf_pfn_device;

/* Buffers with a GEM object, by the address of the object */
static DEFINE_HASHTABLE(dma_buf_pfn_objects, 10);
static DEFINE_SPINLOCK(dma_buf_pfn_objects_lock);

/* --- the operations that the core calls ---------------------------------------- */

static void dma_buf_pfn_notify(struct dma_buf_attachment *attach);
static void dma_buf_pfn_release(struct dma_buf *dmabuf);

static struct dma_buf_pfn_buffer *to_pfn_buffer(struct dma_buf *dmabuf)
{
	if (dmabuf->ops->release != dma_buf_pfn_release)
		return NULL;
	return container_of((struct dma_buf_ops *)dmabuf->ops,
			    struct dma_buf_pfn_buffer, ops);
}

static struct dma_buf_pfn_attachment *
to_pfn_attachment(struct dma_buf_attachment *attach)
{
	struct dma_buf_attach_ops *ops = (struct dma_buf_attach_ops *)attach->importer_ops;

	if (!ops || ops->compat_notify != dma_buf_pfn_notify)
		return NULL;
	return container_of(ops, struct dma_buf_pfn_attachment, ops);
}

/* The value of is_dynamic in the trace events of the patched core */
static bool dma_buf_pfn_is_dynamic(struct dma_buf_attachment *attach)
{
	struct dma_buf_pfn_attachment *state = to_pfn_attachment(attach);

	return state ? !!state->importer_ops : !!attach->importer_ops;
}

static void dma_buf_pfn_notify(struct dma_buf_attachment *attach)
{
	struct dma_buf_pfn_attachment *state = to_pfn_attachment(attach);

	if (state->live && dma_buf_pfn_attach_revocable(attach))
		state->importer_ops->invalidate_mappings(attach);
}

static int dma_buf_pfn_op_attach(struct dma_buf *dmabuf,
				 struct dma_buf_attachment *attach)
{
	const struct dma_buf_pfn_ops *exporter = to_pfn_buffer(dmabuf)->exporter;
	struct dma_buf_pfn_attachment *state = to_pfn_attachment(attach);
	struct device *dev = attach->dev;
	int ret = 0;

	/* The attachment is not in the buffer's list yet, so no other task reads it. */
	if (state && state->no_device)
		attach->dev = NULL;
	if (exporter->attach)
		ret = exporter->attach(dmabuf, attach);
	attach->dev = dev;
	/* dma_buf_pfn_dynamic_attach() emits the event for those with a state. */
	if (!ret && !state)
		trace_dma_buf_pfn_attach(attach, dma_buf_pfn_is_dynamic(attach));
	return ret;
}

static void dma_buf_pfn_op_detach(struct dma_buf *dmabuf,
				  struct dma_buf_attachment *attach)
{
	const struct dma_buf_pfn_ops *exporter = to_pfn_buffer(dmabuf)->exporter;

	/* dma_buf_pfn_detach() has emitted the event for those with a state. */
	if (!to_pfn_attachment(attach))
		trace_dma_buf_pfn_detach(attach, dma_buf_pfn_is_dynamic(attach));
	if (exporter->detach)
		exporter->detach(dmabuf, attach);
}

static int dma_buf_pfn_op_pin(struct dma_buf_attachment *attach)
{
	struct dma_buf_pfn_attachment *state = to_pfn_attachment(attach);
	int ret;

	dma_resv_assert_held(attach->dmabuf->resv);

	ret = to_pfn_buffer(attach->dmabuf)->exporter->pin(attach);
	if (!state)
		return ret;

	if (!ret)
		state->pin_count++;
	trace_dma_buf_pin(attach, state->pin_count, dma_buf_pfn_attach_revocable(attach),
			  ret);
	return ret;
}

static void dma_buf_pfn_op_unpin(struct dma_buf_attachment *attach)
{
	struct dma_buf_pfn_attachment *state = to_pfn_attachment(attach);

	dma_resv_assert_held(attach->dmabuf->resv);

	if (state)
		trace_dma_buf_unpin(attach, state->pin_count,
				    dma_buf_pfn_attach_revocable(attach), 0);
	if (state && state->pin_count)
		state->pin_count--;
	to_pfn_buffer(attach->dmabuf)->exporter->unpin(attach);
}

/* Whether the patched core would pin the buffer while this attachment is mapped */
static bool dma_buf_pfn_pin_on_map(struct dma_buf_pfn_attachment *state,
				   const struct dma_buf_pfn_ops *exporter)
{
	return state && !state->importer_ops && exporter->pin;
}

static struct sg_table *dma_buf_pfn_op_map(struct dma_buf_attachment *attach,
					   enum dma_data_direction dir)
{
	const struct dma_buf_pfn_ops *exporter = to_pfn_buffer(attach->dmabuf)->exporter;
	struct dma_buf_pfn_attachment *state = to_pfn_attachment(attach);
	struct sg_table *sgt;
	int ret;

	if (!exporter->map_dma_buf || (state && state->no_device))
		return ERR_PTR(-EOPNOTSUPP);

	if (dma_buf_pfn_pin_on_map(state, exporter)) {
		ret = exporter->pin(attach);
		if (ret) {
			sgt = ERR_PTR(ret);
			goto out;
		}
	}

	sgt = exporter->map_dma_buf(attach, dir);
	if (IS_ERR_OR_NULL(sgt) && dma_buf_pfn_pin_on_map(state, exporter))
		exporter->unpin(attach);
out:
	trace_dma_buf_map_attachment(attach, sgt ?: ERR_PTR(-ENOMEM), dir,
				     dma_buf_pfn_attach_revocable(attach));
	return sgt;
}

static void dma_buf_pfn_op_unmap(struct dma_buf_attachment *attach,
				 struct sg_table *sgt, enum dma_data_direction dir)
{
	const struct dma_buf_pfn_ops *exporter = to_pfn_buffer(attach->dmabuf)->exporter;

	trace_dma_buf_unmap_attachment(attach, sgt);
	exporter->unmap_dma_buf(attach, sgt, dir);
	if (dma_buf_pfn_pin_on_map(to_pfn_attachment(attach), exporter))
		exporter->unpin(attach);
}

static void dma_buf_pfn_release(struct dma_buf *dmabuf)
{
	struct dma_buf_pfn_buffer *buffer = to_pfn_buffer(dmabuf);

	buffer->exporter->release(dmabuf);
	kfree(buffer);
}

/* --- state, for dma-buf-pfn.c ---------------------------------------------------- */

const struct dma_buf_pfn_ops *dma_buf_pfn_ops(struct dma_buf *dmabuf)
{
	static const struct dma_buf_pfn_ops none;
	struct dma_buf_pfn_buffer *buffer = to_pfn_buffer(dmabuf);

	return buffer ? buffer->exporter : &none;
}

unsigned long *dma_buf_pfn_seq(struct dma_buf *dmabuf)
{
	static unsigned long none;
	struct dma_buf_pfn_buffer *buffer = to_pfn_buffer(dmabuf);

	return buffer ? &buffer->pfn_seq : &none;
}

const struct dma_buf_pfn_attach_ops *
dma_buf_pfn_importer_ops(struct dma_buf_attachment *attach)
{
	static const struct dma_buf_pfn_attach_ops none;
	struct dma_buf_pfn_attachment *state = to_pfn_attachment(attach);

	/* An attachment of the core promises nothing. */
	return state ? state->importer_ops : &none;
}

unsigned int dma_buf_pfn_pin_count(struct dma_buf_attachment *attach)
{
	struct dma_buf_pfn_attachment *state = to_pfn_attachment(attach);

	return state ? state->pin_count : 0;
}

/* Only for static attachments, see dma_buf_pfn_importer_ops() */
bool *dma_buf_pfn_pinned(struct dma_buf_attachment *attach)
{
	return &to_pfn_attachment(attach)->pfn_pinned;
}

/* --- exporters ------------------------------------------------------------------- */

static struct dma_buf_pfn_buffer *
dma_buf_pfn_buffer_create(const struct dma_buf_pfn_export_info *info,
			  struct dma_buf_export_info *out)
{
	const struct dma_buf_pfn_ops *exporter = info->ops;
	struct dma_buf_pfn_buffer *buffer;

	if (WARN_ON(!exporter || !exporter->release ||
		    !exporter->map_dma_buf != !exporter->unmap_dma_buf ||
		    (!exporter->map_dma_buf && !exporter->get_pfn_run &&
		     !exporter->get_pfn)))
		return ERR_PTR(-EINVAL);

	buffer = kzalloc_obj(*buffer);
	if (!buffer)
		return ERR_PTR(-ENOMEM);

	/* The core's operations are the first member. */
	buffer->ops = *(const struct dma_buf_ops *)exporter;
	buffer->ops.attach = dma_buf_pfn_op_attach;
	buffer->ops.detach = dma_buf_pfn_op_detach;
	if (exporter->pin) {
		buffer->ops.pin = dma_buf_pfn_op_pin;
		buffer->ops.unpin = dma_buf_pfn_op_unpin;
	}
	buffer->ops.map_dma_buf = dma_buf_pfn_op_map;
	buffer->ops.unmap_dma_buf = dma_buf_pfn_op_unmap;
	buffer->ops.release = dma_buf_pfn_release;
	buffer->exporter = exporter;

	*out = (struct dma_buf_export_info) {
		.exp_name = info->exp_name,
		.owner = info->owner,
		.ops = &buffer->ops,
		.size = info->size,
		.flags = info->flags,
		.resv = info->resv,
		.priv = info->priv,
	};
	return buffer;
}

/**
 * dma_buf_pfn_export - dma_buf_export() of a core with get_pfn
 * @info: what to export
 *
 * Return: the dma-buf or an error pointer.
 */
struct dma_buf *dma_buf_pfn_export(const struct dma_buf_pfn_export_info *info)
{
	struct dma_buf_pfn_buffer *buffer;
	struct dma_buf_export_info real;
	struct dma_buf *dmabuf;

	buffer = dma_buf_pfn_buffer_create(info, &real);
	if (IS_ERR(buffer))
		return ERR_CAST(buffer);

	dmabuf = dma_buf_export(&real);
	if (IS_ERR(dmabuf))
		kfree(buffer);
	return dmabuf;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pfn_export, "DMA_BUF");

/**
 * dma_buf_pfn_invalidate_mappings - dma_buf_invalidate_mappings() with a sequence
 * @dmabuf: the dma-buf, with its reservation lock held
 */
void dma_buf_pfn_invalidate_mappings(struct dma_buf *dmabuf)
{
	unsigned long *seq = dma_buf_pfn_seq(dmabuf);
	struct dma_buf_attachment *attach;

	dma_resv_assert_held(dmabuf->resv);

	/* Before the first callback, see dma_buf_pfn_read_retry(). */
	if (to_pfn_buffer(dmabuf))
		WRITE_ONCE(*seq, *seq + 1);
	trace_dma_buf_invalidate_mappings(dmabuf, *seq);

	list_for_each_entry(attach, &dmabuf->attachments, node) {
		struct dma_buf_pfn_attachment *state = to_pfn_attachment(attach);

		if ((state && !state->live) || !dma_buf_pfn_attach_revocable(attach))
			continue;
		trace_dma_buf_invalidate_begin(attach);
		attach->importer_ops->compat_notify(attach);
		trace_dma_buf_invalidate_end(attach);
	}
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pfn_invalidate_mappings, "DMA_BUF");

/* --- importers ------------------------------------------------------------------- */

/**
 * dma_buf_pfn_dynamic_attach - dma_buf_dynamic_attach() of a core with get_pfn
 * @dmabuf: the dma-buf
 * @dev: the device, may be NULL if the exporter has get_pfn
 * @importer_ops: the importer's operations
 * @importer_priv: the importer's pointer
 *
 * Return: the attachment or an error pointer.
 */
struct dma_buf_attachment *
dma_buf_pfn_dynamic_attach(struct dma_buf *dmabuf, struct device *dev,
			   const struct dma_buf_pfn_attach_ops *importer_ops,
			   void *importer_priv)
{
	struct dma_buf_pfn_attachment *state;
	struct dma_buf_attachment *attach;

	if (WARN_ON(!dmabuf))
		return ERR_PTR(-EINVAL);
	/* invalidate_unmaps is a promise about invalidate_mappings(). */
	if (WARN_ON(importer_ops && importer_ops->invalidate_unmaps &&
		    !importer_ops->invalidate_mappings))
		return ERR_PTR(-EINVAL);
	/* KVM and others take any fd from userspace, so no WARN here. */
	if (!dev && !dma_buf_has_pfn(dmabuf))
		return ERR_PTR(-EOPNOTSUPP);

	state = kzalloc_obj(*state);
	if (!state)
		return ERR_PTR(-ENOMEM);

	state->ops.allow_peer2peer = importer_ops && importer_ops->allow_peer2peer;
	state->ops.compat_notify = dma_buf_pfn_notify;
	state->importer_ops = importer_ops;
	state->no_device = !dev;
	attach = dma_buf_dynamic_attach(dmabuf, dev ?: dma_buf_pfn_device,
					&state->ops, importer_priv);
	if (IS_ERR(attach)) {
		kfree(state);
		return attach;
	}

	dma_resv_lock(dmabuf->resv, NULL);
	state->live = true;
	if (to_pfn_buffer(dmabuf))
		trace_dma_buf_pfn_attach(attach, dma_buf_pfn_is_dynamic(attach));
	dma_resv_unlock(dmabuf->resv);
	return attach;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pfn_dynamic_attach, "DMA_BUF");

/**
 * dma_buf_pfn_attach - dma_buf_attach() of a core with get_pfn
 * @dmabuf: the dma-buf
 * @dev: the device, may be NULL if the exporter has get_pfn
 *
 * Return: the attachment or an error pointer.
 */
struct dma_buf_attachment *dma_buf_pfn_attach(struct dma_buf *dmabuf,
					      struct device *dev)
{
	/* Exporters without get_pfn do not pin in dma_buf_pfn_op_map(). */
	if (dev && !WARN_ON(!dmabuf) && !dma_buf_has_pfn(dmabuf))
		return dma_buf_attach(dmabuf, dev);
	return dma_buf_pfn_dynamic_attach(dmabuf, dev, NULL, NULL);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pfn_attach, "DMA_BUF");

/**
 * dma_buf_pfn_detach - dma_buf_detach() of a core with get_pfn
 * @dmabuf: the dma-buf
 * @attach: the attachment
 */
void dma_buf_pfn_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	struct dma_buf_pfn_attachment *state = to_pfn_attachment(attach);

	if (state) {
		dma_resv_lock(dmabuf->resv, NULL);
		if (state->pfn_pinned)
			to_pfn_buffer(dmabuf)->exporter->unpin(attach);
		state->live = false;
		if (to_pfn_buffer(dmabuf))
			trace_dma_buf_pfn_detach(attach, dma_buf_pfn_is_dynamic(attach));
		dma_resv_unlock(dmabuf->resv);
	}
	dma_buf_detach(dmabuf, attach);
	kfree(state);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pfn_detach, "DMA_BUF");

/**
 * dma_buf_pfn_attach_revocable - dma_buf_attach_revocable() of the importer's operations
 * @attach: the attachment
 *
 * Return: true if the importer is notified.
 */
bool dma_buf_pfn_attach_revocable(struct dma_buf_attachment *attach)
{
	struct dma_buf_pfn_attachment *state = to_pfn_attachment(attach);

	if (!state)
		return attach->importer_ops && attach->importer_ops->compat_notify;
	return state->importer_ops && state->importer_ops->invalidate_mappings;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pfn_attach_revocable, "DMA_BUF");

/* --- GEM objects ------------------------------------------------------------------- */

static struct dma_buf_pfn_buffer *dma_buf_pfn_find(struct drm_gem_object *obj)
{
	struct dma_buf_pfn_buffer *buffer, *found = NULL;

	dma_resv_assert_held(obj->resv);

	spin_lock(&dma_buf_pfn_objects_lock);
	hash_for_each_possible(dma_buf_pfn_objects, buffer, node, (unsigned long)obj)
		if (buffer->obj == obj)
			found = buffer;
	spin_unlock(&dma_buf_pfn_objects_lock);
	return found;
}

/* Remove the buffer from dma_buf_pfn_objects. Returns false if it was not there. */
static bool dma_buf_pfn_remove(struct dma_buf_pfn_buffer *buffer)
{
	bool found;

	spin_lock(&dma_buf_pfn_objects_lock);
	found = hash_hashed(&buffer->node);
	hash_del(&buffer->node);
	spin_unlock(&dma_buf_pfn_objects_lock);
	return found;
}

/**
 * dma_buf_pfn_gem_export - drm_gem_dmabuf_export() that records the dma-buf
 * @dev: the DRM device
 * @info: what to export, priv is the GEM object
 *
 * Return: the dma-buf or an error pointer.
 */
struct dma_buf *dma_buf_pfn_gem_export(struct drm_device *dev,
				       const struct dma_buf_pfn_export_info *info)
{
	struct drm_gem_object *obj = info->priv;
	struct dma_buf_pfn_buffer *buffer, *old;
	struct dma_buf_export_info real;
	struct dma_buf *dmabuf;
	int ret;

	buffer = dma_buf_pfn_buffer_create(info, &real);
	if (IS_ERR(buffer))
		return ERR_CAST(buffer);

	dmabuf = drm_gem_dmabuf_export(dev, &real);
	if (IS_ERR(dmabuf)) {
		kfree(buffer);
		return dmabuf;
	}

	ret = dma_resv_lock_interruptible(obj->resv, NULL);
	if (ret) {
		dma_buf_put(dmabuf);
		return ERR_PTR(ret);
	}
	/* An O_PATH fd may keep an earlier dma-buf after its file was released. */
	old = dma_buf_pfn_find(obj);
	if (old)
		dma_buf_pfn_remove(old);
	buffer->obj = obj;
	buffer->dmabuf = dmabuf;
	spin_lock(&dma_buf_pfn_objects_lock);
	hash_add(dma_buf_pfn_objects, &buffer->node, (unsigned long)obj);
	spin_unlock(&dma_buf_pfn_objects_lock);
	dma_resv_unlock(obj->resv);
	return dmabuf;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pfn_gem_export, "DMA_BUF");

/**
 * dma_buf_pfn_gem_release - drm_gem_dmabuf_release() for recorded dma-bufs
 * @dmabuf: the dma-buf, without users
 */
void dma_buf_pfn_gem_release(struct dma_buf *dmabuf)
{
	struct dma_buf_pfn_buffer *buffer = to_pfn_buffer(dmabuf);
	struct drm_gem_object *obj = dmabuf->priv;

	/* Wait for callers of dma_buf_pfn_find() that hold the reservation lock. */
	if (dma_buf_pfn_remove(buffer)) {
		dma_resv_lock(obj->resv, NULL);
		dma_resv_unlock(obj->resv);
	}
	drm_gem_dmabuf_release(dmabuf);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pfn_gem_release, "DMA_BUF");

/**
 * drm_gem_dmabuf_exported - the dma-buf that a GEM object is exported as
 * @obj: the object, with its reservation lock held
 *
 * Return: the dma-buf without a reference, or NULL.
 */
struct dma_buf *drm_gem_dmabuf_exported(struct drm_gem_object *obj)
{
	struct dma_buf_pfn_buffer *buffer = dma_buf_pfn_find(obj);

	return buffer ? buffer->dmabuf : NULL;
}
EXPORT_SYMBOL_NS_GPL(drm_gem_dmabuf_exported, "DMA_BUF");

/**
 * drm_gem_dmabuf_is_attached - whether a GEM object has importers
 * @obj: the object, with its reservation lock held
 *
 * Return: true if something is attached to its dma-buf.
 */
bool drm_gem_dmabuf_is_attached(struct drm_gem_object *obj)
{
	struct dma_buf *dmabuf = drm_gem_dmabuf_exported(obj);

	return dmabuf && !list_empty(&dmabuf->attachments);
}
EXPORT_SYMBOL_NS_GPL(drm_gem_dmabuf_is_attached, "DMA_BUF");

/**
 * drm_gem_dmabuf_invalidate_mappings - notify importers that a GEM object moves
 * @obj: the object, with its reservation lock held
 */
void drm_gem_dmabuf_invalidate_mappings(struct drm_gem_object *obj)
{
	if (drm_gem_dmabuf_is_attached(obj))
		dma_buf_pfn_invalidate_mappings(drm_gem_dmabuf_exported(obj));
}
EXPORT_SYMBOL_NS_GPL(drm_gem_dmabuf_invalidate_mappings, "DMA_BUF");

/* --- huge entries --------------------------------------------------------------------- */

/**
 * dma_buf_pfn_insert_pmd - vmf_insert_pfn_pmd(), if huge entries are allowed
 * @vmf: the fault
 * @pfn: first page frame number
 * @write: whether to make the entry writable
 *
 * Return: VM_FAULT_FALLBACK if the parameter unsafe_huge_entries is not set.
 */
vm_fault_t dma_buf_pfn_insert_pmd(struct vm_fault *vmf, unsigned long pfn, bool write)
{
	if (!READ_ONCE(unsafe_huge_entries))
		return VM_FAULT_FALLBACK;
	return compat_insert_pfn_pmd(vmf, pfn, write);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pfn_insert_pmd, "DMA_BUF");

/**
 * dma_buf_pfn_insert_pud - vmf_insert_pfn_pud(), if huge entries are allowed
 * @vmf: the fault
 * @pfn: first page frame number
 * @write: whether to make the entry writable
 *
 * Return: VM_FAULT_FALLBACK if the parameter unsafe_huge_entries is not set.
 */
vm_fault_t dma_buf_pfn_insert_pud(struct vm_fault *vmf, unsigned long pfn, bool write)
{
	if (!READ_ONCE(unsafe_huge_entries))
		return VM_FAULT_FALLBACK;
	return compat_insert_pfn_pud(vmf, pfn, write);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pfn_insert_pud, "DMA_BUF");

static int __init dma_buf_pfn_compat_init(void)
{
	int ret;

	ret = compat_init();
	if (ret)
		return ret;

	dma_buf_pfn_device = root_device_register("pfn");
	if (IS_ERR(dma_buf_pfn_device)) {
		compat_exit();
		return PTR_ERR(dma_buf_pfn_device);
	}
	return 0;
}

static void __exit dma_buf_pfn_compat_exit(void)
{
	root_device_unregister(dma_buf_pfn_device);
	compat_exit();
}

module_init(dma_buf_pfn_compat_init);
module_exit(dma_buf_pfn_compat_exit);

MODULE_IMPORT_NS("DMA_BUF");
MODULE_DESCRIPTION("Page frame numbers of dma-bufs for kernels without get_pfn");
MODULE_LICENSE("GPL");
