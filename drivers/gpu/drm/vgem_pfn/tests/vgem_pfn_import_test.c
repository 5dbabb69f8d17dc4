// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the checks of what another exporter gives to an importing device.
 */

#include <kunit/test.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>

#include "../vgem_pfn_drv.h"

#define MAX_SEG		SZ_64K

/*
 * The test case succeeds if sizes are accepted that are a multiple of the page size and
 * small enough for TTM, and no others are.
 */
static void vgem_pfn_import_size(struct kunit *test)
{
	const u64 largest = (u64)(INT_MAX / sizeof(dma_addr_t)) << PAGE_SHIFT;

	KUNIT_EXPECT_EQ(test, vgem_pfn_import_check_size(0), -EINVAL);
	KUNIT_EXPECT_EQ(test, vgem_pfn_import_check_size(1), -EINVAL);
	KUNIT_EXPECT_EQ(test, vgem_pfn_import_check_size(PAGE_SIZE - 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, vgem_pfn_import_check_size(PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, vgem_pfn_import_check_size(PAGE_SIZE + 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, vgem_pfn_import_check_size(largest), 0);
	KUNIT_EXPECT_EQ(test, vgem_pfn_import_check_size(largest + PAGE_SIZE), -E2BIG);
	KUNIT_EXPECT_EQ(test, vgem_pfn_import_check_size(U64_MAX), -EINVAL);
}

/* The test case succeeds if a list is accepted only if its entries cover the buffer. */
static void vgem_pfn_import_list(struct kunit *test)
{
	struct scatterlist sgl[2];
	struct sg_table sg = { .sgl = sgl, .nents = 2, .orig_nents = 2 };

	sg_init_table(sgl, 2);
	sg_dma_len(&sgl[0]) = MAX_SEG;
	sg_dma_len(&sgl[1]) = PAGE_SIZE;

	KUNIT_EXPECT_EQ(test, vgem_pfn_import_check_list(&sg, MAX_SEG + PAGE_SIZE, MAX_SEG), 0);
	KUNIT_EXPECT_EQ(test, vgem_pfn_import_check_list(&sg, MAX_SEG, MAX_SEG), -EINVAL);
	KUNIT_EXPECT_EQ(test, vgem_pfn_import_check_list(&sg, MAX_SEG + 2 * PAGE_SIZE, MAX_SEG),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, vgem_pfn_import_check_list(&sg, MAX_SEG + PAGE_SIZE, MAX_SEG - 1),
			-EINVAL);

	/* An IOMMU merged the entries. */
	sg.nents = 1;
	KUNIT_EXPECT_EQ(test, vgem_pfn_import_check_list(&sg, MAX_SEG, MAX_SEG), 0);
}

static struct kunit_case vgem_pfn_import_cases[] = {
	KUNIT_CASE(vgem_pfn_import_size),
	KUNIT_CASE(vgem_pfn_import_list),
	{}
};

static struct kunit_suite vgem_pfn_import_suite = {
	.name = "vgem_pfn_import",
	.test_cases = vgem_pfn_import_cases,
};

kunit_test_suite(vgem_pfn_import_suite);
