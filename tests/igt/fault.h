/* SPDX-License-Identifier: MIT */
/*
 * What vgem_pfn_fault makes fail: operations with all they need before and all
 * that is left after. The groups of subtests are in a file each.
 */
#ifndef FAULT_H
#define FAULT_H

#include <stdbool.h>

#include "pfn_fault.h"
#include "pfn_importer.h"
#include "vgem_pfn.h"

#define FAULT_SIZE	(64 * KiB)
#define FAULT_SEED	11

/* What an operation has at hand. 0 and -1 are nothing. */
struct fault {
	int fd;			/* the exporter */
	int importer;
	int other;		/* another device of the driver */
	uint32_t handle;	/* of a buffer, filled with FAULT_SEED if placed */
	uint32_t imported;	/* the same on @other */
	int dmabuf;
	int import;
	int filler;		/* holds what fills the carveout, until fault_end() */
	int pin;		/* import that pins it */
	uint32_t result;	/* a handle that was created */
};

/* Runs any number of times, but that after a success it must be finished first. */
struct fault_op {
	const char *name;
	const char *describe;
	void (*prepare)(struct fault *f);
	/* 0 or -errno. Nothing but what is to be tested, and no IGT. */
	int (*run)(struct fault *f);
	/* After a success: is it right? May be NULL. */
	void (*check)(struct fault *f);
	/* Whether or not it ran, failed or succeeded. fault_end() after the last one. */
	void (*finish)(struct fault *f);
	/* Though it failed, other buffers may have been evicted */
	bool may_evict;
	/* Though it failed, the core may keep the new dma-buf for the next one */
	bool may_export;
	/* Though it failed, the exporter may have answered questions before */
	bool may_ask;
};

extern const struct fault_op fault_ops[];
/* NULL if there is none of this name */
const struct fault_op *fault_op(const char *name);

/* Where @f's buffer is and who uses it, for comparison */
struct fault_state {
	struct drm_vgem_pfn_bo_query query;
	uint64_t used[DRM_VGEM_PFN_MAX_REGIONS];
};

void fault_end(struct fault *f);

struct fault_state fault_state(struct fault *f);
/* Nothing has changed, and the buffer's contents are right. */
void fault_assert_unchanged(struct fault *f, const struct fault_op *op,
			    const struct fault_state *before);
/* The same amount of memory is in use everywhere. */
void fault_assert_released(struct fault *f, const struct fault_state *before);

void fault_step_tests(struct fault *f);
void fault_nth_tests(struct fault *f);

#endif /* FAULT_H */
