/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SG_TARGET_H
#define SG_TARGET_H

struct device;

struct device *sg_target_device(void);

#endif /* SG_TARGET_H */
