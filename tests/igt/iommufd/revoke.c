// SPDX-License-Identifier: MIT
/*
 * Subtests of revocation: unplugging a device ends the access of all importers to its
 * buffers, pinned or not.
 */
#include <errno.h>
#include <sys/mman.h>

#include "igt.h"
#include "iommufd.h"
#include "pfn_ttm.h"
#include "vgem_pfn_module.h"

#define SIZE	(1 * MiB)

static void unplug(void)
{
	igt_assert_eq(__vgem_pfn_faux_unplug(0), 0);
}

static void plug(void)
{
	igt_assert_eq(__vgem_pfn_faux_plug(0), 0);
}

static void test_unplug(void)
{
	struct iommufd iommus[] = { iommufd_open(), iommufd_open() };
	static const uint32_t regions[] = { VGEM_PFN_CARVEOUT, VGEM_PFN_TT };
	int fd = vgem_pfn_open_faux(0), dmabufs[2], i, j;
	uint64_t iovas[2][2], iova = 0;

	for (i = 0; i < 2; i++) {
		uint32_t handle = iommufd_buffer(fd, SIZE, regions[i], i);

		dmabufs[i] = vgem_pfn_export(fd, handle);
		for (j = 0; j < 2; j++) {
			iovas[i][j] = iommufd_map(&iommus[j], dmabufs[i], 0, SIZE);
			iommufd_assert_truth(&iommus[j], iovas[i][j], fd, handle, 0,
					     SIZE);
		}
	}

	unplug();
	for (i = 0; i < 2; i++) {
		for (j = 0; j < 2; j++)
			iommufd_assert_unmapped(&iommus[j], iovas[i][j], SIZE);
		igt_assert_eq(__iommufd_map(&iommus[0], dmabufs[i], 0, SIZE, MAP_RW,
					    &iova), -ENODEV);
	}

	/*
	 * Unmap one mapping. The others are removed when their address spaces are closed:
	 * one address space before the plug, the other one after it.
	 */
	iommufd_unmap(&iommus[0], iovas[0][0], SIZE);
	close(fd);
	iommufd_close(&iommus[1]);
	plug();
	iommufd_assert_unmapped(&iommus[0], iovas[1][0], SIZE);
	igt_assert_eq(__iommufd_map(&iommus[0], dmabufs[1], 0, SIZE, MAP_RW, &iova),
		      -ENODEV);
	iommufd_close(&iommus[0]);
	close(dmabufs[0]);
	close(dmabufs[1]);

	/* The new device is not affected. */
	iommus[0] = iommufd_open();
	fd = vgem_pfn_open_faux(0);
	igt_assert_eq_u64(vgem_pfn_region(fd, VGEM_PFN_CARVEOUT).used, 0);
	dmabufs[0] = vgem_pfn_export(fd, iommufd_buffer(fd, SIZE, VGEM_PFN_CARVEOUT, 2));
	iommufd_check(&iommus[0], iommufd_map(&iommus[0], dmabufs[0], 0, SIZE), SIZE, 2);
	iommufd_close(&iommus[0]);
	close(dmabufs[0]);
	close(fd);
}

#define RACE_SIZE	(128 * KiB)
#define NUM_RACERS	4
#define NUM_BUFFERS	8	/* of each thread */
#define LONG_ROUNDS	32	/* revoke 1,024 buffers */

/* A thread that maps and unmaps buffers in turn, each until it is revoked */
struct racer {
	struct iommufd *iommu;
	int dmabufs[NUM_BUFFERS];
	uint64_t iovas[NUM_BUFFERS];	/* other mappings of @dmabufs, until the unplug */
	bool revoked[NUM_BUFFERS];
	volatile unsigned int mapped;
	int ret;
	struct pfn_thread thread;
};

/* Returns false if the buffer is revoked, or if a call fails unexpectedly. */
static bool racer_map(struct racer *r, int i)
{
	uint64_t iova = 0;

	r->ret = __iommufd_map(r->iommu, r->dmabufs[i], 0, RACE_SIZE, MAP_RW, &iova);
	if (r->ret)
		return false;
	r->mapped++;
	r->ret = __iommufd_unmap(r->iommu, iova, RACE_SIZE);
	return !r->ret;
}

static void racer_run(void *arg)
{
	struct racer *r = arg;
	int left = NUM_BUFFERS, i;

	for (i = 0; left; i = (i + 1) % NUM_BUFFERS) {
		if (r->revoked[i] || racer_map(r, i))
			continue;
		if (r->ret != -ENODEV)
			return;
		r->revoked[i] = true;
		left--;
	}
}

static void racer_prepare(struct racer *r, int fd, struct iommufd *iommu)
{
	static const uint32_t regions[] = { VGEM_PFN_CARVEOUT, VGEM_PFN_TT, VGEM_PFN_SYSTEM };
	uint32_t handle, region;
	int i;

	*r = (struct racer) { .iommu = iommu };
	for (i = 0; i < NUM_BUFFERS; i++) {
		region = regions[i % ARRAY_SIZE(regions)];
		/* Not iommufd_buffer(), which fails if TTM swaps the buffer out at once */
		handle = vgem_pfn_bo_create(fd, RACE_SIZE, region, iommufd_elsewhere(region));
		vgem_pfn_bo_fill(fd, handle, RACE_SIZE, 1);
		r->dmabufs[i] = vgem_pfn_export(fd, handle);
		r->iovas[i] = iommufd_map(iommu, r->dmabufs[i], 0, RACE_SIZE);
	}
}

static void racer_end(struct racer *r)
{
	int i;

	pfn_thread_join(&r->thread);
	igt_assert_eq(r->ret, -ENODEV);
	for (i = 0; i < NUM_BUFFERS; i++) {
		iommufd_assert_unmapped(r->iommu, r->iovas[i], RACE_SIZE);
		close(r->dmabufs[i]);
	}
}

/*
 * Unplug the device while threads map and unmap its buffers. If @delay_us is not zero, the
 * unplug comes after the first thread has mapped a buffer, and after this delay. Returns
 * how often the threads have mapped buffers.
 */
static unsigned int race_once(unsigned int delay_us)
{
	struct iommufd iommu = iommufd_open();
	struct racer racers[NUM_RACERS];
	int fd = vgem_pfn_open_faux(0), i, j;
	unsigned int mapped = 0;

	for (i = 0; i < NUM_RACERS; i++)
		racer_prepare(&racers[i], fd, &iommu);
	for (i = 0; i < NUM_RACERS; i++)
		pfn_thread_start(&racers[i].thread, racer_run, &racers[i]);
	while (delay_us && !racers[0].mapped && !racers[0].thread.done)
		usleep(100);
	usleep(delay_us);
	unplug();
	/* The unplug has removed the mappings, although the threads still run. */
	for (j = 0; j < NUM_BUFFERS; j++)
		iommufd_assert_unmapped(&iommu, racers[0].iovas[j], RACE_SIZE);
	for (i = 0; i < NUM_RACERS; i++) {
		racer_end(&racers[i]);
		mapped += racers[i].mapped;
	}
	iommufd_close(&iommu);
	close(fd);
	plug();
	return mapped;
}

static void test_race(int rounds)
{
	unsigned int mapped = 0;
	int i;

	for (i = 0; i < rounds; i++)
		mapped += race_once(i % 16 * 2000);
	igt_info("%d buffers revoked, and mapped %u times before\n",
		 rounds * NUM_RACERS * NUM_BUFFERS, mapped);
	igt_assert_lt(0, mapped);
}

#define NUM_PRESSED	8

/*
 * A thread that keeps TTM short of pages. It accesses buffers of a second device, more than
 * TTM's limit allows in memory: TTM swaps out buffers of both devices. It also makes TTM
 * free pages of its pools.
 */
struct presser {
	char *maps[NUM_PRESSED];
	volatile bool stop;
	unsigned int rounds;
	uint64_t swapped;	/* pages that __pfn_ttm_shrink() has swapped out */
	int ret;
	struct pfn_thread thread;
};

static void presser_run(void *arg)
{
	struct presser *p = arg;
	long ret;

	for (p->rounds = 0; !p->stop; p->rounds++) {
		p->maps[p->rounds % NUM_PRESSED][0]++;
		ret = __pfn_ttm_shrink();
		if (ret > 0)
			p->swapped += ret;
		p->ret = __pfn_ttm_shrink_pool();
		if (p->ret)
			return;
	}
}

static void test_race_swap(int rounds)
{
	int fd = vgem_pfn_open_faux(1), i;
	struct presser presser = {};

	pfn_ttm_shrink();
	pfn_ttm_limit(NUM_PRESSED / 2 * SIZE / PFN_PAGE_SIZE);
	for (i = 0; i < NUM_PRESSED; i++) {
		uint32_t handle = vgem_pfn_bo_create(fd, SIZE, VGEM_PFN_SYSTEM);

		presser.maps[i] = vgem_pfn_bo_mmap(fd, handle, SIZE, PROT_READ | PROT_WRITE);
	}
	pfn_thread_start(&presser.thread, presser_run, &presser);
	test_race(rounds);
	presser.stop = true;
	pfn_thread_join(&presser.thread);
	pfn_ttm_unlimit();

	igt_assert_eq(presser.ret, 0);
	igt_info("%u rounds of swapping, %llu pages\n", presser.rounds,
		 (long long)presser.swapped);
	igt_assert_lt_u64(0, presser.swapped);
	for (i = 0; i < NUM_PRESSED; i++)
		munmap(presser.maps[i], SIZE);
	close(fd);
}

void iommufd_revoke_tests(void)
{
	igt_subtest_group() {
		igt_fixture() {
			vgem_pfn_plug_on_exit();
			pfn_ttm_unlimit_on_exit();
			close(vgem_pfn_open_faux(0));
		}

		igt_describe("Unplugging the device unmaps its buffers.");
		igt_subtest("unplug")
			test_unplug();

		igt_describe("An unplug leaves nothing mapped while threads map and unmap.");
		igt_subtest("unplug-race")
			test_race(2);

		igt_describe("Like unplug-race, with 1,000 buffers.");
		igt_subtest("unplug-race-long")
			test_race(LONG_ROUNDS);

		igt_describe("Like unplug-race, while TTM swaps buffers.");
		igt_subtest("unplug-race-swap")
			test_race_swap(2);

		igt_describe("Like unplug-race-swap, with 1,000 buffers.");
		igt_subtest("unplug-race-swap-long")
			test_race_swap(LONG_ROUNDS);
	}
}
