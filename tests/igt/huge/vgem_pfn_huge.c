// SPDX-License-Identifier: MIT
/**
 * TEST: vgem pfn huge
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: dma-buf
 * Description: Huge entries in the page tables of an importer of page frame numbers.
 *
 * SUBTEST: map-64m
 * Description: A buffer of 64 MiB in a carveout is mapped by 32 faults of 2 MiB, and by
 *		as many device lookups.
 *
 * SUBTEST: map-tail
 * Description: The tail of a buffer, too small for a huge entry, is mapped by small
 *		ones.
 *
 * SUBTEST: map-offset
 * Description: A mapping that starts inside a block has huge entries from the next
 *		block on, if address and offset are congruent.
 *
 * SUBTEST: map-misaligned
 * Description: A mapping whose address and offset are not congruent has small entries
 *		only, which map the right pages.
 *
 * SUBTEST: map-read-only
 * Description: Huge entries of a read-only mapping reject writes until mprotect() makes
 *		it writable.
 *
 * SUBTEST: map-read-only-buffer
 * Description: Huge entries of a read-only dma-buf cannot be made writable.
 *
 * SUBTEST: map-two
 * Description: Two mappings of one import, of which one has huge entries, map the right
 *		pages, and a move removes the entries of both.
 *
 * SUBTEST: part-unmap
 * Description: After munmap() of one page of a huge entry, the remaining pages are
 *		faulted in again.
 *
 * SUBTEST: part-protect
 * Description: After mprotect() of a part of a huge entry, the block has small entries
 *		with both protections.
 *
 * SUBTEST: part-dontneed
 * Description: MADV_DONTNEED on a mapping is rejected, and its huge entry stays.
 *
 * SUBTEST: part-nohugepage
 * Description: After MADV_NOHUGEPAGE, a mapping gets small entries.
 *
 * SUBTEST: part-remap
 * Description: A mapping keeps its huge entries when mremap() moves it to a congruent
 *		address.
 *
 * SUBTEST: part-remap-misaligned
 * Description: A mapping has small entries after mremap() has moved it to an address
 *		that is not congruent.
 *
 * SUBTEST: part-fork
 * Description: A child inherits the huge entries of its parent, and both are
 *		invalidated by a move.
 *
 * SUBTEST: move
 * Description: A notification removes huge entries like small ones, and new entries map
 *		the new placement.
 *
 * SUBTEST: fresh
 * Description: In each region a new mapping has the largest entries that the memory
 *		allows.
 *
 * SUBTEST: fragmented
 * Description: Entries are as large as the blocks of the memory that the buffer was
 *		moved to.
 *
 * SUBTEST: keeps-page-tables
 * Description: A mapping that has a page table of small entries keeps it after a move
 *		to contiguous memory. New mappings and the device use huge entries.
 *
 * SUBTEST: no-zap
 * Description: An importer that ignores notifications keeps stale huge entries for CPU
 *		and device, and SNAPSHOT reports their generation.
 *
 * SUBTEST: pending
 * Description: SNAPSHOT reports a pending copy, also for entries of an importer that
 *		does not wait for it.
 *
 * SUBTEST: fork-move
 * Description: A child that is forked during a move has no entry of 2 MiB from before the
 *		move.
 *
 * SUBTEST: fork-move-long
 * Description: Like fork-move, for two minutes.
 *
 * SUBTEST: default-fork
 * Description: On a kernel that is not patched, with the default of the parameter
 *		unsafe_huge_entries, a mapping has entries of 4 KiB, and a child that is
 *		forked during a move has none from before the move.
 *
 * SUBTEST: default-remap
 * Description: On such a kernel, mremap() moves the small entries of a mapping of 1 GiB.
 *		After that no CPU can read through the old address, and a notification
 *		removes the entries.
 *
 * SUBTEST: giant
 * Description: A buffer of 2 GiB is mapped by two entries of 1 GiB, for the CPU and for
 *		the device.
 *
 * SUBTEST: giant-move
 * Description: A move removes an entry of 1 GiB from parent and child.
 *
 * SUBTEST: giant-remap
 * Description: mremap() moves an entry of 1 GiB. After that no CPU can read through the old
 *		address, and a notification removes the entry.
 *
 * SUBTEST: giant-remap-part
 * Description: After mremap() of a part of an entry of 1 GiB, or to an address that is not
 *		congruent, all pages are faulted in again by smaller entries.
 *
 * SUBTEST: giant-remap-notify
 * Description: mremap() moves a mapping of 1 GiB whose entry is removed meanwhile.
 *
 * SUBTEST: giant-split
 * Description: After munmap(), mprotect(), madvise() or mmap() of a part of an entry of
 *		1 GiB, the pages that remain are faulted in again by smaller entries.
 *
 * SUBTEST: giant-smaps
 * Description: Reading smaps, smaps_rollup and numa_maps does not remove an entry of 1 GiB.
 */

/*
 * Each other file of this directory has a group of subtests of one subject. The largest
 * possible entries are computed from the exporter's page frame numbers, independently
 * of the importer and of get_pfn.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "igt.h"
#include "huge.h"

IGT_TEST_DESCRIPTION("Huge entries of memory that moves");

#define UNSAFE "/sys/module/dma_buf_pfn_compat/parameters/unsafe_huge_entries"

static char unsafe_before;

static bool unsafe_set(char value)
{
	int fd = open(UNSAFE, O_WRONLY);
	bool done = fd >= 0 && write(fd, &value, 1) == 1;

	if (fd >= 0)
		close(fd);
	return done;
}

void huge_restore(void)
{
	if (unsafe_before && unsafe_set(unsafe_before))
		unsafe_before = 0;
}

/* Also if the subtest fails: its process ends then. */
static void restore_on_exit(int sig)
{
	huge_restore();
}

void huge_default(void)
{
	static bool installed;
	int fd = open(UNSAFE, O_RDONLY);

	igt_require_f(fd >= 0, "the kernel is patched\n");
	igt_assert_eq(read(fd, &unsafe_before, 1), 1);
	close(fd);
	if (!installed)
		igt_install_exit_handler(restore_on_exit);
	installed = true;
	igt_assert(unsafe_set('N'));
}

struct huge_count huge_expected(const struct prime *p, uint64_t first,
				uint64_t count)
{
	uint64_t page, n, pages = p->size / PFN_PAGE_SIZE;
	uint64_t *pfns = vgem_pfn_bo_pfn_list(p->fd, p->handle, 0, pages);
	uint8_t *orders = pfn_true_orders(pfns, pages);
	struct huge_count want = {};
	int level;

	for (page = first; page < first + count; page += n) {
		level = orders[page] == PFN_ORDER_1G ? PUD :
			orders[page] == PFN_ORDER_2M ? PMD : PTE;
		/* A block that exceeds the mapping has smaller entries. */
		for (;; level--) {
			n = 1ULL << 9 * level;
			if (!(page & (n - 1)) && page + n <= first + count)
				break;
		}
		want.at[level]++;
	}

	free(orders);
	free(pfns);
	return want;
}

struct huge_count huge_faults(int import, struct dma_buf_pfn_stats *since)
{
	struct dma_buf_pfn_stats now = pfn_import_stats(import);
	struct huge_count got;
	uint64_t sum = 0;
	int i;

	for (i = 0; i < DMA_BUF_PFN_LEVELS; i++) {
		got.at[i] = now.faults_at[i] - since->faults_at[i];
		sum += got.at[i];
	}
	igt_assert_eq_u64(now.faults - since->faults, sum);
	*since = now;
	return got;
}

void huge_assert_count(struct huge_count got, struct huge_count want)
{
	int i;

	igt_info("entries of 4 KiB, 2 MiB, 1 GiB: %llu, %llu, %llu\n",
		 (long long)got.at[PTE], (long long)got.at[PMD],
		 (long long)got.at[PUD]);
	for (i = 0; i < DMA_BUF_PFN_LEVELS; i++)
		igt_assert_eq_u64(got.at[i], want.at[i]);
}

void huge_assert_cpu_orders(const struct prime *p)
{
	uint64_t i, pages = p->size / PFN_PAGE_SIZE;
	struct dma_buf_pfn_entry *entries = calloc(pages, sizeof(*entries));
	uint64_t *pfns = vgem_pfn_bo_pfn_list(p->fd, p->handle, 0, pages);
	uint8_t *orders = pfn_true_orders(pfns, pages);

	igt_assert(entries);
	igt_assert_eq(__pfn_import_snapshot(p->import, 0, pages, entries), 0);
	for (i = 0; i < pages; i++)
		igt_assert_f(entries[i].flags & ENTRY_CPU &&
			     entries[i].cpu_order == orders[i],
			     "page %llu: order %d, want %d\n", (long long)i,
			     entries[i].cpu_order, orders[i]);
	free(orders);
	free(pfns);
	free(entries);
}

char *huge_reserve(size_t size)
{
	char *area = mmap(NULL, size + HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	igt_assert(area != MAP_FAILED);
	return area + (HUGE - (uintptr_t)area % HUGE) % HUGE;
}

void huge_map_again(struct prime *p)
{
	munmap(p->map, p->size);
	p->map = pfn_import_mmap(p->import, p->size, PROT_READ | PROT_WRITE);
}

struct prime huge_create_sparse(int fd, int importer, size_t size,
				const uint32_t *placements, uint32_t num)
{
	struct prime p = { .fd = fd, .size = size };
	struct timespec start = {};

	igt_nsec_elapsed(&start);
	p.handle = __vgem_pfn_bo_create_list(fd, size, placements, num);
	igt_info("%llu MiB created in %llu ms\n", (long long)(size / MiB),
		 (long long)igt_nsec_elapsed(&start) / 1000000);
	p.dmabuf = vgem_pfn_export(fd, p.handle);
	p.import = pfn_import(importer, p.dmabuf);
	p.map = pfn_import_mmap(p.import, size, PROT_READ | PROT_WRITE);
	return p;
}

static uint64_t word_of(uint64_t seed, uint64_t offset)
{
	return pfn_pattern_word(seed, offset / 8);
}

void huge_fill_sparse(struct prime *p, uint64_t stride, uint64_t seed)
{
	uint64_t offset;

	for (offset = 0; offset < p->size; offset += stride)
		*(volatile uint64_t *)(p->map + offset) = word_of(seed, offset);
}

void huge_check_sparse(struct prime *p, uint64_t stride, uint64_t seed)
{
	uint64_t offset, word;

	for (offset = 0; offset < p->size; offset += stride) {
		igt_assert_eq_u64(*(volatile uint64_t *)(p->map + offset),
				  word_of(seed, offset));
		pfn_import_read(p->import, offset, &word, sizeof(word));
		igt_assert_eq_u64(word, word_of(seed, offset));
		pfn_mem_read(vgem_pfn_bo_pfn(p->fd, p->handle,
					     offset / PFN_PAGE_SIZE), 0, &word,
			     sizeof(word));
		igt_assert_eq_u64(word, word_of(seed, offset));
	}
}

int igt_main()
{
	static int fd = -1, importer = -1;

	igt_fixture() {
		fd = vgem_pfn_open();
		importer = pfn_importer_open();
		vgem_pfn_reset_on_exit();
	}

	huge_map_tests(fd, importer);
	huge_part_tests(fd, importer);
	huge_move_tests(fd, importer);
	huge_fork_tests(fd, importer);
	huge_giant_tests(fd, importer);
	huge_giant_mm_tests(fd, importer);

	igt_fixture() {
		close(importer);
		close(fd);
	}
}
