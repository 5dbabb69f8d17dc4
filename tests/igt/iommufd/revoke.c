// SPDX-License-Identifier: MIT
/*
 * Subtests of revocation: unplugging a device ends the access of all importers to its
 * buffers, pinned or not.
 */
#include <errno.h>

#include "igt.h"
#include "iommufd.h"
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

	/* Unmap one mapping. The others end with their address spaces, one after a plug. */
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

/* A thread that maps and unmaps a buffer until it is revoked */
struct mapper {
	struct iommufd iommu;
	int dmabuf;
	unsigned int mapped;
	int ret;
	struct pfn_thread thread;
};

static void mapper_run(void *arg)
{
	struct mapper *m = arg;
	uint64_t iova = 0;

	for (;;) {
		m->ret = __iommufd_map(&m->iommu, m->dmabuf, 0, SIZE, MAP_RW, &iova);
		if (m->ret)
			return;
		m->mapped++;
		m->ret = __iommufd_unmap(&m->iommu, iova, SIZE);
		if (m->ret)
			return;
	}
}

static void test_race(int rounds)
{
	unsigned int mapped = 0;

	while (rounds--) {
		struct mapper m = { .iommu = iommufd_open() };
		int fd = vgem_pfn_open_faux(0);
		uint64_t iova;

		m.dmabuf = vgem_pfn_export(fd, iommufd_buffer(fd, SIZE,
							      VGEM_PFN_CARVEOUT, 1));
		iova = iommufd_map(&m.iommu, m.dmabuf, 0, SIZE);
		pfn_thread_start(&m.thread, mapper_run, &m);
		usleep(rounds % 16 * 500);
		unplug();
		iommufd_assert_unmapped(&m.iommu, iova, SIZE);
		pfn_thread_join(&m.thread);
		igt_assert_eq(m.ret, -ENODEV);
		mapped += m.mapped;
		iommufd_close(&m.iommu);
		close(m.dmabuf);
		close(fd);
		plug();
	}
	igt_info("mapped %u times\n", mapped);
}

void iommufd_revoke_tests(void)
{
	igt_subtest_group() {
		igt_fixture() {
			vgem_pfn_plug_on_exit();
			close(vgem_pfn_open_faux(0));
		}

		igt_describe("Unplugging the device unmaps its buffers.");
		igt_subtest("unplug")
			test_unplug();

		igt_describe("The same while buffers are mapped and unmapped.");
		igt_subtest("unplug-race")
			test_race(4);

		igt_describe("The same many times.");
		igt_subtest("unplug-race-long")
			test_race(1000);
	}
}
