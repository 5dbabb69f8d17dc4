/* SPDX-License-Identifier: MIT */
/*
 * The parts of the benchmark, and what they share:
 *
 *	table.c		what is printed
 *	module.c	calls that the kernel's module makes and measures
 *	buffer.c	buffers of vgem_pfn, and mappings of imports of them
 *	peers.c		other memory that can be mapped
 *	lookup.c	rows: what a page frame number costs
 *	populate.c	rows: what it costs to map a buffer and touch all of it
 *	notify.c	rows: what it costs to tell the importers
 *	move.c		rows: what evicting and restoring costs beside the copy
 *	refault.c	rows: what the first touch after a move costs
 *	contend.c	rows: threads that fault against one that moves, in time
 *
 * Everything fails by saying what is wrong and exiting.
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
/* As many pages as mm maps around a fault in the page cache */
#define AROUND		16
#define ARRAY_SIZE(x)	(sizeof(x) / sizeof((x)[0]))

__attribute__((format(printf, 1, 2), noreturn))
void fail(const char *format, ...);
/* What a function that returns -errno returned, if that is no error */
int check(int ret, const char *what);
/* What a system call returned, if that is no error */
int check_errno(int ret, const char *what);

/* What was measured so often */
struct samples {
	int num;
	double value[MAX_REPS];
};

void sample(struct samples *samples, double value);
double samples_min(struct samples *samples);
double samples_max(struct samples *samples);
double samples_median(struct samples *samples);

/* What belongs to a row beside its name and values */
struct row {
	const char *unit;
	uint64_t calls;		/* made in each repetition */
	double x;		/* what it is drawn over: bytes, blocks, importers */
	const char *of;		/* the row that its ratio is to; may be NULL */
};

__attribute__((format(printf, 3, 4)))
void row(struct row row, struct samples *samples, const char *name, ...);
__attribute__((format(printf, 4, 5)))
void row_values(struct row row, double min, double median, const char *name, ...);
/* From here on what is counted is time. */
void rows_are_times(void);
bool rows_timed(void);
/* "64MiB", for names of rows; good for four calls */
const char *size_name(uint64_t size);

/* The CPU's cycle counter, which counts time, or instructions if QEMU is told so */
static inline uint64_t ticks(void)
{
	return __builtin_ia32_rdtsc();
}

/* What the counter counts in a nanosecond of the kernel's clock */
double ticks_per_ns(void);
/* The kernel's clock */
uint64_t clock_ns(void);

void module_init(uint64_t seed);
/* One measurement of the module's, which no notification disturbs */
struct dma_buf_pfn_bench module_measure(int dmabuf, uint32_t kind, uint64_t calls);
/* Repeated; returns the calls made in each */
uint64_t module_repeat(int dmabuf, uint32_t kind, uint64_t calls,
		       struct samples *samples);
/* The same with an address. 0 or -errno */
int module_try(int dmabuf, uint32_t kind, uint64_t calls, const void *address,
	       struct samples *samples);
int module_mock(uint64_t size, uint32_t order);

/* A buffer of vgem_pfn, where it is at home, and where else it may be */
struct buffer {
	int fd;			/* of its device */
	uint32_t home;
	uint32_t away;
	uint32_t handle;
	uint64_t size;
	int dmabuf;
};

/* Kinds of memory: enum drm_vgem_pfn_region_type, and whether it is in blocks */
#define BUFFER_BLOCKS	(1 << 8)
#define BUFFER_TT	DRM_VGEM_PFN_REGION_TYPE_TT
#define BUFFER_CONTIG	DRM_VGEM_PFN_REGION_TYPE_CONTIG
#define BUFFER_RESERVED	DRM_VGEM_PFN_REGION_TYPE_RESERVED
#define BUFFER_BAR	DRM_VGEM_PFN_REGION_TYPE_BAR

/* How much memory of this kind a buffer can have at most, or 0 */
uint64_t buffer_room(uint32_t kind);
/* At home in memory of the first kind, evicted to that of the second */
struct buffer buffer_create(uint32_t kind, uint32_t other, uint64_t size);
void buffer_destroy(struct buffer *buffer);
struct drm_vgem_pfn_bo_query buffer_query(struct buffer *buffer);
struct vgem_pfn_bo_stats buffer_stats(struct buffer *buffer);
/* Into how many ranges it is scattered */
unsigned int buffer_runs(struct buffer *buffer);
/* By request */
void buffer_home(struct buffer *buffer);
void buffer_away(struct buffer *buffer);
/* By eviction, of all that is in carveouts of its device */
void buffer_evict(struct buffer *buffer);

/* An import, and a mapping of it by entries of one size */
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
 * Is each entry there, as large as it should be, and came so many of them with each
 * fault since?
 */
void mapping_verify(struct mapping *mapping, const struct dma_buf_pfn_stats *before,
		    uint32_t around);
/* Write to each entry once, with all of that. */
void mapping_populate(struct mapping *mapping);
void mapping_unmap(struct mapping *mapping);
void mapping_close(struct mapping *mapping);

void touch_write(char *map, uint64_t size, uint64_t step);
void touch_read(char *map, uint64_t size, uint64_t step);

/* Memory that can be mapped from a file, and is there already */
struct peer {
	const char *name;
	int fd;
	uint64_t offset;
	uint64_t size;
	uint64_t entry;		/* largest page table entry that it may get */
	int owner;		/* fd of what the memory belongs to, or -1 */
	void *keep;		/* mapping that keeps the memory, or NULL */
};

#define NUM_PEERS	5
#define PEER_MEMFD	0

/* By index, below NUM_PEERS */
struct peer peer_open(int index, uint64_t size);
char *peer_map(struct peer *peer);
void peer_close(struct peer *peer);

void lookup_rows(void);
void populate_rows(void);
void notify_rows(void);
void move_rows(void);
void refault_rows(void);
void refault_async_rows(void);
void contend_rows(void);

#endif /* BENCH_H */
