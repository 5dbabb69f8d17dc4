// SPDX-License-Identifier: MIT
/*
 * Subtests of buffers that move while vCPUs run. The vCPUs change every word again and
 * again, and compare it before each change. This process never maps the buffer.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "igt.h"
#include "kvm.h"
#include "pfn_importer.h"
#include "pfn_ttm.h"

#define SIZE	(256 * KiB)
#define STRIDE	1024
#define WORDS	(SIZE / STRIDE)
#define MAX_TRIES	50

/* No mapping of a DRM device or dma-buf: there can be no notification by address. */
static void assert_not_mapped(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];

	igt_assert(maps);
	while (fgets(line, sizeof(line), maps))
		igt_assert_f(!strstr(line, "/dev/dri") && !strstr(line, "dmabuf"),
			     "mapped: %s\n", line);
	fclose(maps);
}

static void create(struct vm_bo *bo, int fd, uint64_t size)
{
	vm_bo_create(bo, fd, size, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vm_loop_set(fd, bo->handle, VM_GPA, size, STRIDE, 7);
	vm_map(&bo->vm, bo->dmabuf, 0, VM_GPA, size);
}

static void run(struct vm_bo *bo)
{
	vm_loop_start(&bo->vm.cpu[0], VM_GPA, bo->size, STRIDE, 7);
	vm_loop_wait(&bo->vm.cpu[0], 1);
}

static void start(struct vm_bo *bo, int fd, uint64_t size)
{
	create(bo, fd, size);
	run(bo);
}

static void end(struct vm_bo *bo)
{
	uint32_t tag = vm_loop_stop(&bo->vm.cpu[0]);

	vm_loop_check(bo->fd, bo->handle, VM_GPA, bo->size, STRIDE, tag);
	assert_not_mapped();
	vm_bo_destroy(bo);
}

/*
 * Move to a region, and wait until the guest has changed a word since. Each word is in
 * the buffer, so the guest has faulted, or changed it during the move.
 */
static void move(struct vm_bo *bo, uint32_t region)
{
	vgem_pfn_bo_move(bo->fd, bo->handle, region);
	vm_loop_wait(&bo->vm.cpu[0], 1);
}

void vm_test_move(int fd, int moves, bool paging)
{
	static const uint32_t regions[] = { VGEM_PFN_TT, VGEM_PFN_SYSTEM, VGEM_PFN_CARVEOUT };
	struct vm_bo bo;
	int i;

	create(&bo, fd, SIZE);
	if (paging) {
		vm_make_directory(&bo.vm);
		vm_enable_paging(&bo.vm.cpu[0], VM_DIRECTORY);
	}
	run(&bo);
	for (i = 0; i < moves; i++)
		move(&bo, regions[i % 3]);
	igt_assert_lte_u64(moves, vgem_pfn_bo_query(fd, bo.handle).num_notifies);
	igt_info("%d moves, %u words changed\n", moves, bo.vm.cpu[0].mailbox->progress);
	end(&bo);
}

/* With the copy engine: faults wait for its fences. */
static void test_engine(int fd, int moves)
{
	static const uint32_t regions[] = { VGEM_PFN_TT, VGEM_PFN_SYSTEM, VGEM_PFN_CARVEOUT };
	struct vm_bo bo;
	int i;

	start(&bo, fd, SIZE);
	vgem_pfn_set_move_delay(fd, 2000);
	for (i = 0; i < moves; i++) {
		igt_assert_eq(__vgem_pfn_bo_move_async(fd, bo.handle, regions[i % 3], 0), 0);
		vm_loop_wait(&bo.vm.cpu[0], 1);
	}
	vgem_pfn_set_move_delay(fd, 0);
	end(&bo);
}

/*
 * Evict by filling the carveout. TTM evicts another buffer instead if the buffer is locked,
 * as it is during a fault of the vCPU.
 */
static void evict(struct vm_bo *bo)
{
	int tries;

	for (tries = 0; tries < MAX_TRIES; tries++) {
		vgem_pfn_evict_all();
		if (vgem_pfn_bo_region(bo->fd, bo->handle) != VGEM_PFN_CARVEOUT)
			return;
	}
	igt_assert_f(false, "not evicted in %d tries\n", tries);
}

/* Evicted because others need the carveout, and moved back */
static void test_evict(int fd, int rounds)
{
	struct vm_bo bo;
	int i;

	start(&bo, fd, SIZE);
	for (i = 0; i < rounds; i++) {
		evict(&bo);
		vm_loop_wait(&bo.vm.cpu[0], 1);
		move(&bo, VGEM_PFN_CARVEOUT);
	}
	igt_assert_lte_u64(rounds, vgem_pfn_bo_query(fd, bo.handle).num_evictions);
	end(&bo);
}

/* Moved by TTM's shrinker, from reclaim, to swap */
static void test_shrink(int fd, int rounds)
{
	uint64_t notified = 0, before;
	struct vm_bo bo;
	int i;

	start(&bo, fd, SIZE);
	for (i = 0; i < rounds; i++) {
		move(&bo, i % 2 ? VGEM_PFN_CARVEOUT : VGEM_PFN_SYSTEM);
		before = vgem_pfn_bo_query(fd, bo.handle).num_notifies;
		pfn_ttm_shrink();
		vm_loop_wait(&bo.vm.cpu[0], 1);
		notified += vgem_pfn_bo_query(fd, bo.handle).num_notifies - before;
	}
	igt_info("%d rounds, %lu notifications from the shrinker\n", rounds, notified);
	igt_assert_lt_u64(0, notified);
	end(&bo);
}

/* Another importer pins the buffer. Its pin moves the buffer if it has to. */
static void test_pin(int fd)
{
	struct vm_bo bo;
	int i;

	start(&bo, fd, SIZE);
	for (i = 0; i < 12; i++) {
		uint32_t region = i % 2 ? VGEM_PFN_CARVEOUT : VGEM_PFN_TT;
		int importer = pfn_importer_open(), import;

		move(&bo, region);
		import = pfn_import_flags(importer, bo.dmabuf,
					  DMA_BUF_PFN_IMPORT_P2P | DMA_BUF_PFN_IMPORT_PIN);
		igt_assert_eq_u32(vgem_pfn_bo_query(fd, bo.handle).pin_count, 1);
		igt_assert_eq(__vgem_pfn_bo_move(fd, bo.handle, VGEM_PFN_SYSTEM), -EBUSY);
		vm_loop_wait(&bo.vm.cpu[0], WORDS);
		close(import);
		close(importer);
	}
	end(&bo);
}

/* A buffer that is contiguous in one place, and scattered in another */
void vm_test_levels(int fd)
{
	static const uint32_t regions[] = {
		VGEM_PFN_TT, VGEM_PFN_CARVEOUT + 1, VGEM_PFN_CARVEOUT,
	};
	const uint64_t size = 4 * MiB;
	struct drm_vgem_pfn_region region;
	struct vm_pages before, levels;
	uint64_t huge = 0, scattered = 0;
	struct vm_bo bo;
	int i;

	igt_require_f(vgem_pfn_find_region(fd, VGEM_PFN_CARVEOUT + 1, &region),
		      "only one carveout\n");
	vm_bo_create(&bo, fd, size, VGEM_PFN_CARVEOUT, VGEM_PFN_CARVEOUT + 1, VGEM_PFN_TT);
	before = vm_pages_begin(&bo.vm);
	vm_map(&bo.vm, bo.dmabuf, 0, VM_GPA, size);
	vm_fill(&bo.vm, VM_GPA, size, STRIDE, 0);
	for (i = 1; i < 13; i++) {
		vgem_pfn_set_max_block_order(fd, i % 2 ? 3 : UINT32_MAX);
		vgem_pfn_bo_move(fd, bo.handle, regions[i % 3]);
		vm_assert_pages(vm_pages_since(&bo.vm, before), 0, 0, 0);
		vm_check(&bo.vm, VM_GPA, size, STRIDE, i - 1);
		levels = vm_bo_levels(&bo, 0, VM_GPA, size);
		vm_assert_pages(vm_pages_since(&bo.vm, before), levels.p4k, levels.p2m, 0);
		huge += levels.p2m;
		scattered += levels.p4k;
		vm_fill(&bo.vm, VM_GPA, size, STRIDE, i);
	}
	vgem_pfn_set_max_block_order(fd, UINT32_MAX);
	igt_info("%lu huge and %lu small pages\n", huge, scattered);
	if (region.flags & DRM_VGEM_PFN_REGION_SCATTERED) {
		igt_assert_lt_u64(0, huge);
		igt_assert_lt_u64(0, scattered);
	}
	vm_bo_destroy(&bo);
}

/* Two vCPUs, each with half of the buffer, which is mapped by one huge page */
static void test_cpus(int fd, int moves)
{
	const uint64_t size = 2 * MiB, half = size / 2;
	struct vm_bo bo;
	uint32_t tag[2];
	int i;

	vm_bo_create(&bo, fd, size, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vm_loop_set(fd, bo.handle, VM_GPA, size, 4 * STRIDE, 7);
	vm_map(&bo.vm, bo.dmabuf, 0, VM_GPA, size);
	for (i = 0; i < 2; i++)
		vm_loop_start(&bo.vm.cpu[i], VM_GPA + i * half, half, 4 * STRIDE, 7);
	for (i = 0; i < moves; i++) {
		vgem_pfn_bo_move(fd, bo.handle, i % 2 ? VGEM_PFN_CARVEOUT : VGEM_PFN_TT);
		vm_loop_wait(&bo.vm.cpu[0], 1);
		vm_loop_wait(&bo.vm.cpu[1], 1);
	}
	for (i = 0; i < 2; i++)
		tag[i] = vm_loop_stop(&bo.vm.cpu[i]);
	for (i = 0; i < 2; i++)
		vm_loop_check(fd, bo.handle, VM_GPA + i * half, half, 4 * STRIDE, tag[i]);
	vm_bo_destroy(&bo);
}

void kvm_move_tests(int fd)
{
	igt_describe("The guest loses no write while its buffer moves.");
	igt_subtest("move")
		vm_test_move(fd, 100, false);

	igt_describe("Like move, with 10,000 moves.");
	igt_subtest("move-long")
		vm_test_move(fd, 10000, false);

	igt_describe("The guest waits for the copies of an engine.");
	igt_subtest("engine")
		test_engine(fd, 60);

	igt_describe("The guest continues while its buffer is evicted and moved back.");
	igt_subtest("evict")
		test_evict(fd, 6);

	igt_describe("The guest continues while its buffer is swapped out.");
	igt_subtest("shrink")
		test_shrink(fd, 40);

	igt_describe("The guest continues while another importer pins the buffer.");
	igt_subtest("pin")
		test_pin(fd);

	igt_describe("After each move the mappings are as large as the memory allows.");
	igt_subtest("levels")
		vm_test_levels(fd);

	igt_describe("Two vCPUs lose no write while their buffer moves.");
	igt_subtest("cpus")
		test_cpus(fd, 30);

	igt_describe("Like cpus, with 1,000 moves.");
	igt_subtest("cpus-long")
		test_cpus(fd, 1000);
}
