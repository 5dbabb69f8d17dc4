/* SPDX-License-Identifier: MIT */
/*
 * The parts of the benchmark and their interfaces:
 *
 *	table.c		the output
 *	module.c	calls that the kernel module makes and measures
 *	buffer.c	buffers of vgem_pfn, and mappings of imports of them
 *	peers.c		other memory that can be mapped
 *	lookup.c	rows: the cost of a lookup
 *	populate.c	rows: the cost of mapping a buffer and touching all of it
 *	notify.c	rows: the cost of notifying the importers
 *	move.c		rows: the cost of eviction and restoring, compared to the copy
 *	refault.c	rows: the cost of the first touch after a move
 *	contend.c	rows: threads that fault while another one moves, in time
 *	iommufd.c	rows: the cost of mapping for an IOMMU
 *
 * Every function prints an error and exits if it fails.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../../../drivers/dma-buf/dma-buf-pfn-bench.h"
#include "../../../igt/lib/pfn_importer_ioctl.h"
#include "../../../igt/lib/pfn_mem.h"
#include "../../../igt/lib/vgem_pfn_ioctl.h"

#define KiB		(1ULL << 10)
#define MiB		(1ULL << 20)
#define GiB		(1ULL << 30)
#define ORDER_2M	9

#define MAX_REPS	15
/* As many pages as the kernel maps around a page cache fault */
#define AROUND		16
#define ARRAY_SIZE(x)	(sizeof(x) / sizeof((x)[0]))

__attribute__((format(printf, 1, 2), noreturn))
void fail(const char *format, ...);
/* Returns @ret, exits if it is a negative errno. */
int check(int ret, const char *what);
/* Returns the result of a system call, exits if the call fails. */
int check_errno(int ret, const char *what);

/* The results of repeated measurements */
struct samples {
	int num;
	double value[MAX_REPS];
};

void sample(struct samples *samples, double value);
double samples_min(struct samples *samples);
double samples_max(struct samples *samples);
double samples_median(struct samples *samples);

/* Properties of a row besides its name and values */
struct row {
	const char *unit;
	uint64_t calls;		/* per repetition */
	double x;		/* in plots: bytes, blocks, importers */
	const char *of;		/* the row that it is compared to, or NULL */
};

__attribute__((format(printf, 3, 4)))
void row(struct row row, struct samples *samples, const char *name, ...);
__attribute__((format(printf, 4, 5)))
void row_values(struct row row, double min, double median, const char *name, ...);
/* The rows from here on are times. */
void rows_are_times(void);
bool rows_timed(void);
/* "64MiB", for names of rows; at most four results are valid at a time */
const char *size_name(uint64_t size);

/* The CPU's cycle counter. It counts instructions if QEMU runs with icount, else time. */
static inline uint64_t ticks(void)
{
	return __builtin_ia32_rdtsc();
}

/* Counter ticks per nanosecond of the kernel's clock */
double ticks_per_ns(void);
/* CLOCK_MONOTONIC in ns */
uint64_t clock_ns(void);

void module_init(uint64_t seed);
/* One measurement by the module; fails if the buffer moves meanwhile */
struct dma_buf_pfn_bench module_measure(int dmabuf, uint32_t kind, uint64_t calls);
/* Repeats the measurement; returns the calls made in each repetition. */
uint64_t module_repeat(int dmabuf, uint32_t kind, uint64_t calls,
		       struct samples *samples);
/* The same with a user address. Returns 0 or -errno. */
int module_try(int dmabuf, uint32_t kind, uint64_t calls, const void *address,
	       struct samples *samples);
int module_mock(uint64_t size, uint32_t order);

/* A buffer of vgem_pfn, its preferred region and a second one */
struct buffer {
	int fd;			/* of its device */
	uint32_t home;
	uint32_t away;
	uint32_t handle;
	uint64_t size;
	int dmabuf;
};

/* Kinds of memory: enum drm_vgem_pfn_region_type, and whether the region is scattered */
#define BUFFER_BLOCKS	(1 << 8)
#define BUFFER_TT	DRM_VGEM_PFN_REGION_TYPE_TT
#define BUFFER_CONTIG	DRM_VGEM_PFN_REGION_TYPE_CONTIG
#define BUFFER_RESERVED	DRM_VGEM_PFN_REGION_TYPE_RESERVED
#define BUFFER_BAR	DRM_VGEM_PFN_REGION_TYPE_BAR

/* The largest possible buffer in memory of this kind, or 0 */
uint64_t buffer_room(uint32_t kind);
/* A buffer that is placed in memory of the first kind and evicted to the second kind */
struct buffer buffer_create(uint32_t kind, uint32_t other, uint64_t size);
/* A buffer of scattered blocks of 2^order pages */
struct buffer buffer_create_blocks(uint64_t size, uint32_t order);
void buffer_destroy(struct buffer *buffer);
struct drm_vgem_pfn_bo_query buffer_query(struct buffer *buffer);
struct vgem_pfn_bo_stats buffer_stats(struct buffer *buffer);
/* The number of contiguous ranges that the buffer consists of */
unsigned int buffer_runs(struct buffer *buffer);
/* Move the buffer by an ioctl. */
void buffer_home(struct buffer *buffer);
void buffer_away(struct buffer *buffer);
/* Evict everything from the carveouts of the buffer's device. */
void buffer_evict(struct buffer *buffer);

/* An import, and a mapping of it with entries of one size */
struct mapping {
	int import;
	int level;		/* DMA_BUF_PFN_LEVEL_* */
	uint64_t size;
	char *map;
	char *area;		/* address space around it */
};

uint64_t level_size(int level);
const char *level_name(int level);
/* Import without mapping */
void mapping_import(struct mapping *mapping, struct buffer *buffer, int level);
void mapping_map(struct mapping *mapping);
struct dma_buf_pfn_stats mapping_stats(struct mapping *mapping);
/*
 * Check that the whole mapping is populated with entries of its level, and that
 * each fault since @before has installed @around of them.
 */
void mapping_verify(struct mapping *mapping, const struct dma_buf_pfn_stats *before,
		    uint32_t around);
/* Write to each entry once, then verify. */
void mapping_populate(struct mapping *mapping);
void mapping_unmap(struct mapping *mapping);
void mapping_close(struct mapping *mapping);

void touch_write(char *map, uint64_t size, uint64_t step);
void touch_read(char *map, uint64_t size, uint64_t step);

/* Memory that can be mapped from a file and is allocated already */
struct peer {
	const char *name;
	int fd;
	uint64_t offset;
	uint64_t size;
	uint64_t entry;		/* size of the largest page table entry */
	int owner;		/* fd of the device that owns it, or -1 */
	void *keep;		/* mapping that keeps the memory, or NULL */
};

#define NUM_PEERS	5
#define PEER_MEMFD	0

/* @index is below NUM_PEERS. */
struct peer peer_open(int index, uint64_t size);
/* A memfd whose pages, with or without huge ones, are not contiguous */
struct peer peer_open_scattered(uint64_t size, bool huge);
/* The number of contiguous ranges that a memfd consists of */
uint64_t peer_runs(struct peer *peer);
char *peer_map(struct peer *peer);
void peer_close(struct peer *peer);

void lookup_rows(void);
void populate_rows(void);
void notify_rows(void);
void move_rows(void);
void refault_rows(void);
void refault_async_rows(void);
void contend_rows(void);
void iommufd_rows(void);

#endif /* BENCH_H */
