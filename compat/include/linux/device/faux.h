/* SPDX-License-Identifier: GPL-2.0-only */
/* On kernels without the faux bus: devices without a bus, at the same place in sysfs */

#if __has_include_next(<linux/device/faux.h>)
#include_next <linux/device/faux.h>
#elif !defined(_FAUX_DEVICE_H_)
#define _FAUX_DEVICE_H_

#include <linux/device.h>

struct faux_device {
	struct device dev;
};

struct faux_device_ops;

struct faux_device *faux_device_create(const char *name, struct device *parent,
				       const struct faux_device_ops *ops);
void faux_device_destroy(struct faux_device *faux);

#endif
