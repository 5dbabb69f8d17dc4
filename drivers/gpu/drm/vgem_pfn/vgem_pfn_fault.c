// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fault injection: each step in a buffer object's life checks whether it has to
 * fail. It checks before it changes any state, so an injected failure leaves
 * the state unchanged.
 *
 * Each device has its own attributes, in fault/<step>/ of its debugfs
 * directory. /proc/<pid>/task/<tid>/fail-nth counts all of them, together with
 * allocations.
 */

#include <linux/debugfs.h>
#include <linux/errno.h>
#include <linux/ratelimit.h>

#include "vgem_pfn_drv.h"

static const struct {
	const char *name;
	int error;
} vgem_pfn_faults[VGEM_PFN_NUM_FAULTS] = {
	[VGEM_PFN_FAULT_CREATE]		= { "create", -ENOMEM },
	[VGEM_PFN_FAULT_EXPORT]		= { "export", -ENOMEM },
	[VGEM_PFN_FAULT_IMPORT]		= { "import", -ENOMEM },
	[VGEM_PFN_FAULT_ATTACH]		= { "attach", -ENOMEM },
	[VGEM_PFN_FAULT_PIN]		= { "pin", -ENOSPC },
	[VGEM_PFN_FAULT_MAP]		= { "map", -EIO },
	[VGEM_PFN_FAULT_GET_PFN]	= { "get_pfn", -EIO },
	[VGEM_PFN_FAULT_POPULATE]	= { "populate", -ENOMEM },
	[VGEM_PFN_FAULT_ALLOC]		= { "alloc", -ENOMEM },
	[VGEM_PFN_FAULT_COPY]		= { "copy", -EIO },
	[VGEM_PFN_FAULT_FENCE]		= { "fence", -ENOMEM },
};

/**
 * vgem_pfn_fault() - check whether a step has to fail
 * @vdev: the device
 * @step: the step, which has not changed any state yet
 *
 * Context: any context that allows printing.
 * Return: 0, or the negative errno that @step has to fail with.
 */
int vgem_pfn_fault(struct vgem_pfn_device *vdev, enum vgem_pfn_fault_step step)
{
	if (should_fail(&vdev->faults.attr[step], 1))
		return vgem_pfn_faults[step].error;
	return 0;
}

/**
 * vgem_pfn_fault_init() - initialise fault injection, without failures
 * @vdev: the device, not registered yet
 */
void vgem_pfn_fault_init(struct vgem_pfn_device *vdev)
{
	static const struct fault_attr none = FAULT_ATTR_INITIALIZER;
	unsigned int i;

	for (i = 0; i < VGEM_PFN_NUM_FAULTS; i++) {
		struct fault_attr *attr = &vdev->faults.attr[i];

		*attr = none;
		/* Print one line for each failure, without a call trace. */
		attr->verbose = 1;
		/* Gives the copied lock a lockdep class of its own. */
		ratelimit_state_init(&attr->ratelimit_state, 0, 0);
	}
}

/**
 * vgem_pfn_fault_debugfs_init() - create debugfs files of the attributes
 * @vdev: the device
 * @root: its debugfs directory
 */
void vgem_pfn_fault_debugfs_init(struct vgem_pfn_device *vdev, struct dentry *root)
{
	struct dentry *dir = debugfs_create_dir("fault", root);
	unsigned int i;

	for (i = 0; i < VGEM_PFN_NUM_FAULTS; i++)
		fault_create_debugfs_attr(vgem_pfn_faults[i].name, dir,
					  &vdev->faults.attr[i]);
}
