// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the parser of the "carveouts" module parameter.
 */

#include <kunit/test.h>
#include <linux/sizes.h>

#include "../vgem_pfn_carveout.h"

struct vgem_pfn_param_bad {
	const char *spec;
	const char *error;
};

#define BAD_KIND \
	"a carveout is written contig:SIZE, reserved:SIZE@ADDRESS or bar:SIZE"
#define BAD_SIZE "the size is not a number with K, M, G or nothing after it"
#define BAD_PAGES "the size is not a positive multiple of the page size"
#define BAD_ADDRESS \
	"the address is not a number with K, M, G or nothing after it"
static const struct vgem_pfn_param_bad vgem_pfn_param_bad_cases[] = {
	{ "", BAD_KIND },
	{ "contig", BAD_KIND },
	{ "contig64M", BAD_KIND },
	{ "Contig:64M", BAD_KIND },
	{ "vram:64M", BAD_KIND },
	{ " contig:64M", BAD_KIND },
	{ "contig:64M,", BAD_KIND },
	{ "contig:64M;", BAD_KIND },
	{ "pci=", BAD_KIND },
	{ "contig:", BAD_SIZE },
	{ "contig:M", BAD_SIZE },
	{ "contig:-4096", BAD_SIZE },
	{ "contig:64Q", BAD_SIZE },
	{ "contig:64M ", BAD_SIZE },
	{ "contig:rest", BAD_SIZE },
	{ "contig:0", BAD_PAGES },
	{ "contig:4095", BAD_PAGES },
	{ "contig:64M@1G", "only a reserved carveout has an address" },
	{ "pci=bar:64M@1G", "only a reserved carveout has an address" },
	{ "reserved:64M", "a reserved carveout needs @ADDRESS" },
	{ "reserved:64M:buddy", "a reserved carveout needs @ADDRESS" },
	{ "reserved:64M@", BAD_ADDRESS },
	{ "reserved:64M@here", BAD_ADDRESS },
	{ "reserved:64M@1G@2G", BAD_ADDRESS },
	{ "reserved:64M@1G,bar:64M", "only a PCI device has a BAR: write pci=bar:SIZE" },
	{ "reserved:64M@4095",
	  "the address is not a multiple of the page size, or too high" },
	{ "reserved:8K@0xfffffffffffff000",
	  "the address is not a multiple of the page size, or too high" },
	{ "contig:64M:", "the allocator is range or buddy" },
	{ "contig:64M:slab", "the allocator is range or buddy" },
	{ "contig:64M:buddyrange", "the allocator is range or buddy" },
	{ "contig:64M:buddy:range", "nothing comes after the allocator" },
	{ "bar:64M", "only a PCI device has a BAR: write pci=bar:SIZE" },
	{ "pci=bar:64M", "there are no carveouts but those of PCI devices" },
	{ "pci=bar:64M;contig:4K;pci=bar:4K", "there are two groups for PCI devices" },
	{ "contig:4K,contig:4K,contig:4K,contig:4K,contig:4K,contig:4K,contig:4K",
	  "too many carveouts" },
	{ "contig:4K;contig:4K;contig:4K;contig:4K;contig:4K;contig:4K;contig:4K;"
	  "contig:4K;contig:4K", "too many groups of carveouts" },
	{ "pci=bar:rest@4K;contig:4K", BAD_SIZE },
	{ "reserved:4K@0@", BAD_ADDRESS },
	{ "contig:4K:range@", "the allocator is range or buddy" },
	{ "pci=bar:rest:buddy:", "nothing comes after the allocator" },
};

KUNIT_ARRAY_PARAM_DESC(vgem_pfn_param_bad, vgem_pfn_param_bad_cases, spec);

/*
 * The test case succeeds if each invalid parameter is refused with the error
 * message for it.
 */
static void vgem_pfn_param_refuses(struct kunit *test)
{
	const struct vgem_pfn_param_bad *bad = test->param_value;
	struct vgem_pfn_params *params;
	const char *error = NULL;

	params = kunit_kzalloc(test, sizeof(*params), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, params);

	KUNIT_EXPECT_EQ(test, vgem_pfn_param_parse(bad->spec, params, &error),
			-EINVAL);
	KUNIT_EXPECT_STREQ(test, error, bad->error);
}

static void vgem_pfn_expect_carveout(struct kunit *test,
				     const struct vgem_pfn_carveout_config *config,
				     enum vgem_pfn_carveout_kind kind, u64 size,
				     u64 base, bool buddy)
{
	KUNIT_EXPECT_EQ(test, config->kind, kind);
	KUNIT_EXPECT_EQ(test, (u64)config->num_pages << PAGE_SHIFT, size);
	KUNIT_EXPECT_EQ(test, config->base, base);
	KUNIT_EXPECT_EQ(test, config->buddy, buddy);
}

/*
 * The test case succeeds if all elements of the grammar are parsed, and each
 * device gets its own carveouts.
 */
static void vgem_pfn_param_understands(struct kunit *test)
{
	const struct vgem_pfn_config *config;
	struct vgem_pfn_params *params;
	const char *error = NULL;

	params = kunit_kzalloc(test, sizeof(*params), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, params);

	KUNIT_ASSERT_EQ(test, 0,
			vgem_pfn_param_parse("contig:64M,reserved:0x8000000@4G:buddy;"
					     "pci=bar:16M:range,bar:rest:buddy,contig:1G;"
					     "contig:4096:buddy", params, &error));
	KUNIT_EXPECT_EQ(test, params->num_faux, 2);

	config = vgem_pfn_param_faux(params, 0);
	KUNIT_ASSERT_EQ(test, config->num_carveouts, 2);
	vgem_pfn_expect_carveout(test, &config->carveouts[0], VGEM_PFN_CONTIG,
				 SZ_64M, 0, false);
	vgem_pfn_expect_carveout(test, &config->carveouts[1], VGEM_PFN_RESERVED,
				 SZ_128M, SZ_4G, true);

	config = vgem_pfn_param_faux(params, 1);
	KUNIT_ASSERT_EQ(test, config->num_carveouts, 1);
	vgem_pfn_expect_carveout(test, &config->carveouts[0], VGEM_PFN_CONTIG,
				 SZ_4K, 0, true);
	KUNIT_EXPECT_PTR_EQ(test, vgem_pfn_param_faux(params, 7), config);

	config = &params->pci;
	KUNIT_ASSERT_EQ(test, config->num_carveouts, 3);
	vgem_pfn_expect_carveout(test, &config->carveouts[0], VGEM_PFN_BAR,
				 SZ_16M, 0, false);
	vgem_pfn_expect_carveout(test, &config->carveouts[1], VGEM_PFN_BAR,
				 0, 0, true);
	vgem_pfn_expect_carveout(test, &config->carveouts[2], VGEM_PFN_CONTIG,
				 SZ_1G, 0, false);
}

/* The test case succeeds if PCI devices use their whole BAR by default. */
static void vgem_pfn_param_pci_default(struct kunit *test)
{
	struct vgem_pfn_params *params;
	const char *error = NULL;

	params = kunit_kzalloc(test, sizeof(*params), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, params);

	KUNIT_ASSERT_EQ(test, vgem_pfn_param_parse("contig:1M", params, &error), 0);
	KUNIT_ASSERT_EQ(test, params->pci.num_carveouts, 1);
	vgem_pfn_expect_carveout(test, &params->pci.carveouts[0], VGEM_PFN_BAR,
				 0, 0, false);
}

static struct kunit_case vgem_pfn_param_cases[] = {
	KUNIT_CASE_PARAM(vgem_pfn_param_refuses, vgem_pfn_param_bad_gen_params),
	KUNIT_CASE(vgem_pfn_param_understands),
	KUNIT_CASE(vgem_pfn_param_pci_default),
	{}
};

static struct kunit_suite vgem_pfn_param_suite = {
	.name = "vgem_pfn_param",
	.test_cases = vgem_pfn_param_cases,
};

kunit_test_suite(vgem_pfn_param_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests for vgem_pfn");
MODULE_LICENSE("GPL");
