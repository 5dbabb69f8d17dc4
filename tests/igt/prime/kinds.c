// SPDX-License-Identifier: MIT
/*
 * Subtests of the kinds of import: when and for how long each prevents the exporter
 * from moving the buffer.
 */
#include <sys/mman.h>

#include "igt.h"
#include "prime.h"

#define PIN		DMA_BUF_PFN_IMPORT_PIN
#define REVOCABLE	DMA_BUF_PFN_IMPORT_REVOCABLE
#define STATIC		DMA_BUF_PFN_IMPORT_STATIC
#define P2P		DMA_BUF_PFN_IMPORT_P2P
#define NO_ZAP		PFN_BROKEN_NO_ZAP

static uint32_t pins(struct prime *p)
{
	return vgem_pfn_bo_query(p->fd, p->handle).pin_count;
}

/* Pinning by a static import may have moved the buffer out of memory without pages. */
static uint32_t elsewhere(struct prime *p)
{
	return vgem_pfn_bo_region(p->fd, p->handle) == VGEM_PFN_CARVEOUT ?
	       VGEM_PFN_TT : VGEM_PFN_CARVEOUT;
}

/* Assert that the buffer cannot be moved, and that the import is correct. */
static void assert_stays(struct prime *p, uint64_t seed)
{
	struct dma_buf_pfn_stats before = pfn_import_stats(p->import), after;
	uint64_t pfn = vgem_pfn_bo_pfn(p->fd, p->handle, 0);

	igt_assert_eq_u32(pins(p), 1);
	igt_assert_eq(__vgem_pfn_bo_move(p->fd, p->handle, elsewhere(p)), -EBUSY);
	igt_assert_eq_u64(vgem_pfn_bo_pfn(p->fd, p->handle, 0), pfn);

	after = pfn_import_stats(p->import);
	igt_assert_eq_u64(after.invalidations, before.invalidations);
	igt_assert_eq_u64(after.cpu_mapped, before.cpu_mapped);
	igt_assert_eq_u64(after.dev_mapped, before.dev_mapped);
	prime_check(p, seed);
}

/* Closing the import and its last mapping releases the pin. */
static void end_of_pin(struct prime *p, uint64_t seed)
{
	close(p->import);
	igt_assert_eq_u32(pins(p), 1);
	pfn_assert_pattern(p->map, 0, p->size, seed);
	munmap(p->map, p->size);
	igt_assert_eq_u32(pins(p), 0);
	igt_assert_eq_u32(vgem_pfn_bo_query(p->fd, p->handle).num_attachments,
			  0);

	vgem_pfn_bo_move(p->fd, p->handle, VGEM_PFN_TT);
	vgem_pfn_bo_check(p->fd, p->handle, p->size, seed);
	close(p->dmabuf);
	vgem_pfn_gem_close(p->fd, p->handle);
}

static void test_pin(int fd, int importer, uint32_t flags)
{
	struct prime p = prime_create_flags(fd, importer, 64 * KiB, 1, flags);

	igt_assert_eq_u64(vgem_pfn_bo_stats(fd, p.handle).get_pfn, 0);
	assert_stays(&p, 1);
	pfn_import_dev_fill(p.import, p.size, 2);
	assert_stays(&p, 2);
	end_of_pin(&p, 2);
}

enum first_user {
	FIRST_CPU,
	FIRST_DEVICE,
};

static void test_static(int fd, int importer, enum first_user first)
{
	struct prime p = prime_create_flags(fd, importer, 64 * KiB, 1, STATIC);
	uint64_t word;

	igt_assert_eq_u32(pins(&p), 0);
	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_TT);
	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_CARVEOUT);
	igt_assert_eq_u32(pins(&p), 0);

	if (first == FIRST_CPU)
		word = *(uint64_t *)p.map;
	else
		pfn_import_read(p.import, 0, &word, sizeof(word));
	igt_assert_eq_u64(word, pfn_pattern_word(1, 0));

	assert_stays(&p, 1);
	igt_assert_eq_u64(pfn_import_stats(p.import).invalidations, 0);
	end_of_pin(&p, 1);
}

static void read_run(void *arg)
{
	struct prime *p = arg;
	uint64_t word;

	pfn_import_read(p->import, 0, &word, sizeof(word));
	igt_assert_eq_u64(word, pfn_pattern_word(1, 0));
}

static void evict_run(void *arg)
{
	struct prime *p = arg;

	igt_assert_eq(__vgem_pfn_evict_all_carveouts(p->fd), 0);
}

static void test_static_evicted(int fd, int importer)
{
	struct prime p = prime_create_flags(fd, importer, 64 * KiB, 1, STATIC);
	struct pfn_thread reader, evictor;
	struct vgem_pfn_mover mover;
	struct pfn_hold hold;

	/*
	 * During the move the new resource is on the carveout's LRU list already, so
	 * the evictor waits for the buffer's lock. The lock is granted in order: first
	 * to the reader, then to the evictor.
	 */
	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_TT);
	pfn_hold_begin(&hold);
	vgem_pfn_mover_start_held(&mover, fd, p.handle, VGEM_PFN_CARVEOUT, &hold);
	pfn_thread_start(&reader, read_run, &p);
	pfn_hold_assert(&hold, pfn_thread_asleep(&reader));
	pfn_thread_start(&evictor, evict_run, &p);
	pfn_hold_assert(&hold, pfn_thread_asleep(&evictor));
	pfn_hold_end(&hold);
	vgem_pfn_mover_wait(&mover);
	pfn_thread_join(&reader);
	pfn_thread_join(&evictor);

	igt_assert_eq_u32(pins(&p), 1);
	pfn_import_assert_truth(p.import, fd, p.handle, PFN_PAGE_SIZE,
				ENTRY_DEV);
	end_of_pin(&p, 1);
}

static void test_dynamic(int fd, int importer)
{
	struct prime p = prime_create_flags(fd, importer, 64 * KiB, 1, 0);

	prime_touch(&p, 1);
	igt_assert_eq_u32(pins(&p), 0);
	if (vgem_pfn_bo_region(fd, p.handle) == VGEM_PFN_CARVEOUT) {
		vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_TT);
		pfn_import_assert_truth(p.import, fd, p.handle, p.size, 0);
	}
	prime_check(&p, 1);
	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_CARVEOUT);
	prime_check(&p, 1);
	prime_destroy(&p);
}

static void test_bad_flags(int fd, int importer)
{
	static const uint32_t bad[] = {
		STATIC | PIN, STATIC | REVOCABLE, STATIC | P2P, STATIC | NO_ZAP,
		STATIC | PIN | REVOCABLE, STATIC | PFN_BROKEN_NO_RETRY,
		REVOCABLE, REVOCABLE | P2P, REVOCABLE | NO_ZAP,
	};
	static const uint32_t good[] = {
		PIN, PIN | REVOCABLE, PIN | P2P, PIN | REVOCABLE | P2P, P2P,
		STATIC, P2P | NO_ZAP, PIN | REVOCABLE | NO_ZAP,
	};
	struct prime p = prime_create(fd, importer, 4 * KiB, 1);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		igt_assert_f(__pfn_import_flags(importer, p.dmabuf, bad[i],
						NULL) == -EINVAL,
			     "flags %#x\n", bad[i]);
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, p.handle).num_attachments, 1);

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		close(pfn_import_flags(importer, p.dmabuf, good[i]));
		igt_assert_eq_u32(pins(&p), 0);
	}
	prime_destroy(&p);
}

static void test_together(int fd, int importer)
{
	struct prime p = prime_create(fd, importer, 64 * KiB, 1);
	int pinned[2], fixed;
	uint64_t word;

	/* First the import that may need another placement. */
	fixed = pfn_import_flags(importer, p.dmabuf, STATIC);
	pfn_import_read(fixed, 0, &word, sizeof(word));
	pinned[0] = pfn_import_flags(importer, p.dmabuf, PIN | P2P);
	pinned[1] = pfn_import_flags(importer, p.dmabuf, PIN | REVOCABLE | P2P);
	igt_assert_eq_u32(pins(&p), 3);

	prime_touch(&p, 1);
	close(pinned[0]);
	close(fixed);
	assert_stays(&p, 1);
	close(pinned[1]);
	igt_assert_eq_u32(pins(&p), 0);

	vgem_pfn_bo_move(fd, p.handle, elsewhere(&p));
	pfn_import_assert_truth(p.import, fd, p.handle, p.size, 0);
	prime_check(&p, 1);
	prime_destroy(&p);
}

void prime_kinds_tests(int fd, int importer)
{
	igt_describe("A pinned buffer stays while it is imported.");
	igt_subtest("kind-pin")
		test_pin(fd, importer, PIN | P2P);

	igt_describe("Like kind-pin, for a revocable import.");
	igt_subtest("kind-pin-revocable")
		test_pin(fd, importer, PIN | REVOCABLE | P2P);

	igt_describe("A static importer pins at its first CPU fault.");
	igt_subtest("kind-static-cpu")
		test_static(fd, importer, FIRST_CPU);

	igt_describe("A static importer pins at its first device access.");
	igt_subtest("kind-static-device")
		test_static(fd, importer, FIRST_DEVICE);

	igt_describe("A buffer that has been pinned meanwhile is not evicted.");
	igt_subtest("kind-static-evicted")
		test_static_evicted(fd, importer);

	igt_describe("An importer without P2P follows moves.");
	igt_subtest("kind-dynamic")
		test_dynamic(fd, importer);

	igt_describe("Invalid combinations of flags are rejected.");
	igt_subtest("kind-bad-flags")
		test_bad_flags(fd, importer);

	igt_describe("A buffer stays for all imports while one has pinned it.");
	igt_subtest("kinds-together")
		test_together(fd, importer);
}
