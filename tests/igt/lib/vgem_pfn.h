/* SPDX-License-Identifier: MIT */
/*
 * vgem_pfn for IGT tests: asserting wrappers, and common operations on buffers. __foo()
 * in vgem_pfn_ioctl.h returns -errno, foo() asserts.
 */
#ifndef VGEM_PFN_H
#define VGEM_PFN_H

#include <stdbool.h>

#include "pfn_hold.h"
#include "pfn_mem.h"
#include "pfn_pattern.h"
#include "pfn_thread.h"
#include "vgem_pfn_ioctl.h"

#ifndef DRIVER_VGEM_PFN
/* IGT does not know our driver. compat/drmtest.c does, by this bit, which IGT does not use. */
#define DRIVER_VGEM_PFN		(1 << 30)
#endif
#define VGEM_PFN_MODULE		"vgem_pfn"
#define KiB			1024ULL
#define MiB			(1024 * KiB)

/*
 * Open the render node; loads the module if necessary, skips without a device. Checks
 * that VGEM_PFN_SYSTEM and the other constants are the identifiers of its regions.
 */
int vgem_pfn_open(void);
/* The same for the primary ("card") node */
int vgem_pfn_open_card(void);

/* The same check of regions, for a device that is already open; returns @fd. */
int vgem_pfn_checked(int fd);

/*
 * Open the primary node of another driver. Loads its module if necessary; closing it
 * unloads the module again in that case. Skips without a device.
 */
int pfn_open_other(int chipset, const char *module);
void pfn_close_other(const char *module, int fd);

/* Once per test, in the first fixture: resets all knobs now and at exit. */
void vgem_pfn_reset_on_exit(void);

/* Skips unless the kernel's command line has @param. */
void pfn_require_kernel_param(const char *param);

/* Whether the kernel checks its own memory accesses, which slows them down */
bool pfn_kernel_has_kasan(void);

uint32_t __vgem_pfn_bo_create_list(int fd, uint64_t size,
				   const uint32_t *placements, uint32_t num);
/* vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT, VGEM_PFN_TT) */
#define vgem_pfn_bo_create(fd, size, placements...) \
	__vgem_pfn_bo_create_list(fd, size, (const uint32_t []){ placements }, \
				  sizeof((const uint32_t []){ placements }) / \
				  sizeof(uint32_t))
/* In @region, and may move to each other region */
uint32_t vgem_pfn_bo_create_movable(int fd, uint64_t size, uint32_t region);
void vgem_pfn_gem_close(int fd, uint32_t handle);

struct drm_vgem_pfn_bo_query vgem_pfn_bo_query(int fd, uint32_t handle);
struct vgem_pfn_bo_stats vgem_pfn_bo_stats(int fd, uint32_t handle);
uint32_t vgem_pfn_bo_region(int fd, uint32_t handle);
void vgem_pfn_bo_move(int fd, uint32_t handle, uint32_t region);
void vgem_pfn_bo_pfns(int fd, uint32_t handle, uint64_t first, uint64_t count,
		      uint64_t *pfns);
/* The same, in memory to be freed */
uint64_t *vgem_pfn_bo_pfn_list(int fd, uint32_t handle, uint64_t first, uint64_t count);
uint64_t vgem_pfn_bo_pfn(int fd, uint32_t handle, uint64_t page);
void *vgem_pfn_bo_mmap(int fd, uint32_t handle, size_t size, int prot);

struct drm_vgem_pfn_region vgem_pfn_region(int fd, uint32_t id);
uint64_t vgem_pfn_carveout_size(int fd);

int vgem_pfn_export(int fd, uint32_t handle);
/* Export without DRM_RDWR, as a read-only dma-buf */
int vgem_pfn_export_ro(int fd, uint32_t handle);
/* Create and export a dumb buffer of any driver. @size: a multiple of 4 KiB */
int pfn_export_dumb(int fd, uint32_t size);

void vgem_pfn_set_move_delay(int fd, uint32_t us);
void vgem_pfn_set_max_block_order(int fd, uint32_t order);
void vgem_pfn_set_quarantine(int fd, uint32_t ms);

/* Iterate over the device's carveouts, with the current one in @region. */
#define vgem_pfn_for_each_carveout(fd, region, id) \
	for ((id) = VGEM_PFN_CARVEOUT; \
	     vgem_pfn_find_region(fd, id, &(region)); (id)++)
/* Iterate over SYSTEM, TT and the device's carveouts. */
#define vgem_pfn_for_each_region(fd, region, id) \
	for ((id) = VGEM_PFN_SYSTEM; \
	     vgem_pfn_find_region(fd, id, &(region)); (id)++)
bool vgem_pfn_find_region(int fd, uint32_t id, struct drm_vgem_pfn_region *region);
/* Set a knob in the device's debugfs directory; see vgem_pfn_reset_on_exit(). */
void vgem_pfn_set_knob(int fd, const char *name, uint32_t value);

/* CLOCK_MONOTONIC in nanoseconds */
uint64_t pfn_now_ns(void);

/*
 * Return a seed that was not used before. Freed memory keeps the patterns of its buffers.
 * With a seed that another test has used, too, a test could take such a pattern for the
 * result of a copy that was not made yet.
 */
uint64_t pfn_new_seed(void);
/* Fill or check through a temporary mapping. */
void vgem_pfn_bo_fill(int fd, uint32_t handle, size_t size, uint64_t seed);
void vgem_pfn_bo_check(int fd, uint32_t handle, size_t size, uint64_t seed);
/* Check every page at its page frame number, through /dev/mem. */
void vgem_pfn_bo_check_mem(int fd, uint32_t handle, size_t size,
			   uint64_t seed);

void pfn_assert_pattern(const void *data, uint64_t offset, size_t length,
			uint64_t seed);
void pfn_mem_read(uint64_t pfn, size_t offset, void *data, size_t length);
void pfn_mem_write(uint64_t pfn, size_t offset, const void *data,
		   size_t length);

/*
 * Over-commit the first carveout by allocation, through a new device fd: on return all
 * other buffers have been evicted, except pinned ones. Closing the fd frees the memory.
 */
int vgem_pfn_overcommit(void);
/* The same, with the memory freed on return */
void vgem_pfn_evict_all(void);

/* Drop a capability of this process. For igt_fork(). */
void vgem_pfn_drop_cap(int cap);

/* A thread that moves a buffer synchronously */
struct vgem_pfn_mover {
	int fd;
	uint32_t handle;
	uint32_t region;
	int ret;
	struct pfn_thread thread;
};

void vgem_pfn_mover_start(struct vgem_pfn_mover *mover, int fd,
			  uint32_t handle, uint32_t region);
/*
 * Start a move and return once it sleeps with the reservation lock held, before its
 * copy. It sleeps until @hold ends.
 */
void vgem_pfn_mover_start_held(struct vgem_pfn_mover *mover, int fd,
			       uint32_t handle, uint32_t region,
			       struct pfn_hold *hold);
/*
 * Start a move and return once it sleeps with the reservation lock held, between its
 * copy and the change of placement. It sleeps for at least 300 ms. Skips if none of
 * several moves was seen asleep.
 */
void vgem_pfn_mover_start_copied(struct vgem_pfn_mover *mover, int fd,
				 uint32_t handle, uint32_t region);
/* Asserts that the move succeeded. */
void vgem_pfn_mover_wait(struct vgem_pfn_mover *mover);

/* A thread that moves a buffer between the carveout and TT, until it is stopped */
struct vgem_pfn_shuttle {
	int fd;
	uint32_t handle;
	bool async;
	volatile bool stop;
	volatile unsigned int moves;
	volatile int ret;	/* of the last move; the thread ends if it is not 0 */
	struct pfn_thread thread;
};

/* The buffer is in the carveout. @async: with copies by an engine */
void vgem_pfn_shuttle_start(struct vgem_pfn_shuttle *shuttle, int fd, uint32_t handle,
			    bool async);
/* Asserts that all moves succeeded. */
void vgem_pfn_shuttle_stop(struct vgem_pfn_shuttle *shuttle);

#endif /* VGEM_PFN_H */
