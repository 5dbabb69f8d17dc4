// SPDX-License-Identifier: MIT
/*
 * Subtests of importers that are broken on purpose: each leaves out exactly one step,
 * with visible consequences.
 *
 * Writes through old page frame numbers reach the carveout that the buffer has left,
 * where no other buffer is.
 */
#include <linux/capability.h>
#include <sys/mman.h>

#include "igt.h"
#include "prime.h"

#define NO_ZAP		(DMA_BUF_PFN_IMPORT_P2P | PFN_BROKEN_NO_ZAP)
#define NO_RETRY	(DMA_BUF_PFN_IMPORT_P2P | PFN_BROKEN_NO_RETRY)

static void test_needs_admin(int fd, int importer)
{
	struct prime p = prime_create(fd, importer, 4 * KiB, 1);
	uint32_t flag;

	for (flag = 1U << 31; flag; flag >>= 1)
		if (flag & PFN_BROKEN)
			close(pfn_import_flags(importer, p.dmabuf, flag));

	igt_fork(child, 1) {
		vgem_pfn_drop_cap(CAP_SYS_ADMIN);
		for (flag = 1U << 31; flag; flag >>= 1)
			if (flag & PFN_BROKEN)
				igt_assert_eq(__pfn_import_flags(importer,
								 p.dmabuf, flag,
								 NULL), -EPERM);
		close(pfn_import(importer, p.dmabuf));
	}
	igt_waitchildren();
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, p.handle).num_attachments, 1);
	prime_destroy(&p);
}

static void test_needs_ipc_lock(int fd, int importer)
{
	static const uint32_t pins[] = {
		DMA_BUF_PFN_IMPORT_PIN,
		DMA_BUF_PFN_IMPORT_PIN | DMA_BUF_PFN_IMPORT_REVOCABLE,
		DMA_BUF_PFN_IMPORT_STATIC,
	};
	struct prime p = prime_create(fd, importer, 4 * KiB, 1);
	size_t i;

	igt_fork(child, 1) {
		vgem_pfn_drop_cap(CAP_IPC_LOCK);
		for (i = 0; i < ARRAY_SIZE(pins); i++)
			igt_assert_eq(__pfn_import_flags(importer, p.dmabuf,
							 pins[i], NULL), -EPERM);
		close(pfn_import(importer, p.dmabuf));
	}
	igt_waitchildren();
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, p.handle).num_attachments, 1);
	prime_destroy(&p);
}

/* Assert that the memory at these pfns has the pattern of @seed. */
static void assert_mem(const uint64_t *pfns, uint64_t pages, uint64_t seed)
{
	uint64_t page[PFN_PAGE_SIZE / sizeof(uint64_t)], i;

	for (i = 0; i < pages; i++) {
		pfn_mem_read(pfns[i], 0, page, sizeof(page));
		pfn_assert_pattern(page, i * PFN_PAGE_SIZE, sizeof(page), seed);
	}
}

static void test_no_zap(int fd, int importer)
{
	const size_t size = 64 * KiB, pages = size / PFN_PAGE_SIZE;
	struct prime p = prime_create_flags(fd, importer, size, 1, NO_ZAP);
	uint64_t old[16], again[16], i;
	struct dma_buf_pfn_stats stats;
	int good;

	prime_touch(&p, 1);
	vgem_pfn_bo_pfns(fd, p.handle, 0, pages, old);
	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_TT);
	vgem_pfn_bo_fill(fd, p.handle, size, 2);

	/* The import was notified, but its translations are unchanged. */
	stats = pfn_import_stats(p.import);
	igt_assert_eq_u64(stats.invalidations, 1);
	igt_assert_eq_u64(stats.cpu_zapped, 0);
	igt_assert_eq_u64(stats.dev_zapped, 0);
	igt_assert_eq_u64(stats.cpu_mapped, pages);
	igt_assert_eq_u64(stats.dev_mapped, pages);
	for (i = 0; i < pages; i++) {
		struct dma_buf_pfn_entry entry = pfn_import_entry(p.import, i);

		igt_assert_eq_u64(entry.cpu_pfn, old[i]);
		igt_assert_eq_u64(entry.dev_pfn, old[i]);
	}

	pfn_pattern_fill(p.map, 0, size, 3);
	assert_mem(old, pages, 3);
	pfn_import_dev_fill(p.import, size, 4);
	assert_mem(old, pages, 4);
	pfn_assert_pattern(p.map, 0, size, 4);
	igt_assert_eq_u64(pfn_import_stats(p.import).faults, pages);

	/* The buffer and its other imports are not affected. */
	vgem_pfn_bo_check(fd, p.handle, size, 2);
	good = pfn_import(importer, p.dmabuf);
	pfn_import_dev_check(good, size, 2);
	pfn_import_assert_truth(good, fd, p.handle, size, ENTRY_DEV);
	close(good);

	/* If the buffer gets the old pfns again, the stale translations are correct. */
	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_CARVEOUT);
	vgem_pfn_bo_pfns(fd, p.handle, 0, pages, again);
	if (!memcmp(old, again, sizeof(old)))
		pfn_assert_pattern(p.map, 0, size, 2);

	/* A new import is not affected. */
	munmap(p.map, size);
	close(p.import);
	vgem_pfn_bo_fill(fd, p.handle, size, 5);
	p.import = pfn_import(importer, p.dmabuf);
	p.map = pfn_import_mmap(p.import, size, PROT_READ | PROT_WRITE);
	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_TT);
	prime_check(&p, 5);
	prime_destroy(&p);
}

static void test_no_zap_part(int fd, int importer)
{
	const size_t size = 64 * KiB, pages = size / PFN_PAGE_SIZE;
	struct prime p = prime_create_flags(fd, importer, size, 1, NO_ZAP);
	uint64_t old[16], new[16], word, i;

	for (i = 0; i < pages; i += 2) {
		pfn_assert_pattern(p.map + i * PFN_PAGE_SIZE,
				   i * PFN_PAGE_SIZE, 8, 1);
		pfn_import_read(p.import, i * PFN_PAGE_SIZE, &word, 8);
	}
	vgem_pfn_bo_pfns(fd, p.handle, 0, pages, old);
	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_TT);
	vgem_pfn_bo_pfns(fd, p.handle, 0, pages, new);
	for (i = 1; i < pages; i += 2) {
		pfn_assert_pattern(p.map + i * PFN_PAGE_SIZE,
				   i * PFN_PAGE_SIZE, PFN_PAGE_SIZE, 1);
		pfn_import_read(p.import, i * PFN_PAGE_SIZE, &word, 8);
		igt_assert_eq_u64(word, pfn_pattern_word(1, i * 512));
	}

	for (i = 0; i < pages; i++) {
		struct dma_buf_pfn_entry entry = pfn_import_entry(p.import, i);
		uint64_t want = i % 2 ? new[i] : old[i];

		igt_assert_eq_u64(entry.cpu_pfn, want);
		igt_assert_eq_u64(entry.dev_pfn, want);
	}
	prime_destroy(&p);
}

static void read_run(void *arg)
{
	struct prime *p = arg;
	uint64_t word;

	pfn_import_read(p->import, 0, &word, sizeof(word));
}

static bool try_no_retry(int fd, int importer, uint32_t delay_us)
{
	struct prime p = prime_create_flags(fd, importer, 64 * KiB, 1,
					    NO_RETRY);
	uint64_t old = vgem_pfn_bo_pfn(fd, p.handle, 0), new;
	struct pfn_thread thread;

	if (!prime_move_during_lookup(&p, &thread, read_run, &p, delay_us)) {
		prime_destroy(&p);
		return false;
	}

	new = vgem_pfn_bo_pfn(fd, p.handle, 0);
	igt_assert_neq_u64(new, old);
	igt_assert_eq_u64(pfn_import_entry(p.import, 0).dev_pfn, old);
	igt_assert_eq_u64(pfn_import_stats(p.import).dev_retries, 0);

	/* The next notification removes the stale entry. */
	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_CARVEOUT);
	pfn_import_assert_truth(p.import, fd, p.handle, p.size, 0);
	igt_assert_eq_u64(pfn_import_stats(p.import).dev_mapped, 0);
	prime_check(&p, 1);
	prime_destroy(&p);
	return true;
}

static void test_no_retry(int fd, int importer)
{
	uint32_t us = PRIME_DELAY_US;

	while (!try_no_retry(fd, importer, us))
		us = prime_longer_delay(us);
}

void prime_modes_tests(int fd, int importer)
{
	igt_describe("Importers that can write to foreign memory need CAP_SYS_ADMIN.");
	igt_subtest("broken-needs-admin")
		test_needs_admin(fd, importer);

	igt_describe("Imports that pin need CAP_IPC_LOCK.");
	igt_subtest("pin-needs-ipc-lock")
		test_needs_ipc_lock(fd, importer);

	igt_describe("An importer that ignores notifications uses the old memory.");
	igt_subtest("no-zap")
		test_no_zap(fd, importer);

	igt_describe("An importer that ignores notifications uses old and new pfns.");
	igt_subtest("no-zap-part")
		test_no_zap_part(fd, importer);

	igt_describe("An importer that does not retry installs a stale pfn.");
	igt_subtest("no-retry")
		test_no_retry(fd, importer);
}
