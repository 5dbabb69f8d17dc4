/* SPDX-License-Identifier: MIT */
/*
 * The operations that vgem_pfn_fault makes fail, each with its setup and cleanup. Each
 * group of subtests has a file of its own.
 */
#ifndef FAULT_H
#define FAULT_H

#include <stdbool.h>

#include "pfn_fault.h"
#include "pfn_importer.h"
#include "vgem_pfn.h"

#define FAULT_SIZE	(64 * KiB)
#define FAULT_SEED	11

/* The objects an operation works on; 0 or -1 if unused */
struct fault {
	int fd;			/* exporting device */
	int importer;
	int other;		/* second device of the driver */
	uint32_t handle;	/* buffer */
	bool filled;		/* with FAULT_SEED */
	uint32_t imported;	/* import of the buffer on @other */
	int dmabuf;
	int import;
	int filler;		/* file of the buffer that fills the carveout, until fault_end() */
	int pin;		/* import that pins the buffer of @filler */
	uint32_t result;	/* handle of a created buffer */
};

/* An operation can run again after a failure; after a success only after fault_finish(). */
struct fault_op {
	const char *name;
	const char *describe;
	void (*prepare)(struct fault *f);
	/* Makes only the tested call. Returns 0 or -errno; must not use IGT assertions. */
	int (*run)(struct fault *f);
	/* Checks the result after a success. May be NULL. */
	void (*check)(struct fault *f);
	/* A failed operation may have evicted the buffer */
	bool may_evict;
	/* After a failure the core may keep the new dma-buf for the next export */
	bool may_export;
	/* A failed operation may have looked up pfns before */
	bool may_look_up;
};

extern const struct fault_op fault_ops[];
/* Find an operation by name; NULL if there is none */
const struct fault_op *fault_op(const char *name);

/* Placement and users of @f's buffer, and memory in use, to compare */
struct fault_state {
	struct drm_vgem_pfn_bo_query query;
	struct vgem_pfn_bo_stats stats;
	uint64_t used[DRM_VGEM_PFN_MAX_REGIONS];
};

/* Close the objects of an operation, whether or not it ran. */
void fault_finish(struct fault *f);
/* Free the carveout after the last fault_finish(). */
void fault_end(struct fault *f);

struct fault_state fault_state(struct fault *f);
/* Assert that nothing has changed and that the buffer's contents are intact. */
void fault_assert_unchanged(struct fault *f, const struct fault_op *op,
			    const struct fault_state *before);
/* Assert that no more memory is in use than before. */
void fault_assert_released(struct fault *f, const struct fault_state *before);

void fault_step_tests(struct fault *f);
void fault_nth_tests(struct fault *f);

#endif /* FAULT_H */
