// SPDX-License-Identifier: GPL-2.0-only
/*
 * Failures on purpose, through the kernel's fault injection: each step of a
 * buffer object's life asks here whether it is to fail. Steps ask before they
 * change anything, so that an injected failure leaves all as it was.
 *
 * Each device has its own attributes, in fault/<step>/ of its debugfs directory.
 * /proc/<pid>/task/<tid>/fail-nth counts all of them, among the allocations.
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
 * vgem_pfn_fault() - is this step to fail?
 * @vdev: the device
 * @step: the step, of which nothing has been done yet
 *
 * Context: any in which fault injection may print, which it does at most.
 * Return: 0, or the negative errno that @step is to fail with.
 */
int vgem_pfn_fault(struct vgem_pfn_device *vdev, enum vgem_pfn_fault_step step)
{
	if (should_fail(&vdev->faults.attr[step], 1))
		return vgem_pfn_faults[step].error;
	return 0;
}

/**
 * vgem_pfn_fault_init() - nothing is to fail
 * @vdev: the device, that nobody else knows yet
 */
void vgem_pfn_fault_init(struct vgem_pfn_device *vdev)
{
	static const struct fault_attr none = FAULT_ATTR_INITIALIZER;
	unsigned int i;

	for (i = 0; i < VGEM_PFN_NUM_FAULTS; i++) {
		struct fault_attr *attr = &vdev->faults.attr[i];

		*attr = none;
		/* A line for each failure, and no call trace. */
		attr->verbose = 1;
		/* With a lock class that is not in this function's constant. */
		ratelimit_state_init(&attr->ratelimit_state, 0, 0);
	}
}

/**
 * vgem_pfn_fault_debugfs_init() - make the attributes files
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
