// SPDX-License-Identifier: MIT
/*
 * Subtest of the CRC of its output that vkms provides in debugfs. Does not use
 * writeback.
 */
#include "igt.h"
#include "igt_crc.h"
#include "vkms.h"

/*
 * vkms computes a CRC of pixels with four 16-bit channels, alpha first, without the usual
 * initial and final inversion. CRCs are linear: the CRC of as many zero bytes consists of
 * the effect of both inversions, which an XOR with that CRC removes.
 */
static uint32_t expected_crc(struct stage *stage, uint64_t seed)
{
	uint32_t i, num = pfn_kms_pixels(&stage->kms), crc;
	uint16_t (*wide)[4] = calloc(num, sizeof(*wide));

	igt_assert(wide);
	crc = igt_cpu_crc32(wide, num * sizeof(*wide));
	stage_want_pattern(stage, seed);
	for (i = 0; i < num; i++) {
		uint32_t pixel = stage->want[i];
		uint16_t *to = wide[i];

		to[0] = 0xffff;
		to[1] = (pixel >> 16 & 0xff) * 0x101;
		to[2] = (pixel >> 8 & 0xff) * 0x101;
		to[3] = (pixel & 0xff) * 0x101;
	}
	crc ^= igt_cpu_crc32(wide, num * sizeof(*wide));
	free(wide);
	return crc;
}

static void test_crc(struct stage *stage, int fd)
{
	struct frame first = frame_create(stage, fd, 1, VGEM_PFN_CARVEOUT);
	struct frame second = frame_create(stage, fd, 2, VGEM_PFN_CARVEOUT);
	uint32_t before, other, after;

	pfn_kms_show(&stage->kms, first.fb);
	before = pfn_kms_crc(&stage->kms);
	igt_assert_eq_u32(before, expected_crc(stage, 1));

	pfn_kms_show(&stage->kms, second.fb);
	vgem_pfn_evict_all();
	frame_assert(&first, VGEM_PFN_TT, 0);
	other = pfn_kms_crc(&stage->kms);
	igt_assert_eq_u32(other, expected_crc(stage, 2));

	pfn_kms_show(&stage->kms, first.fb);
	after = pfn_kms_crc(&stage->kms);
	igt_info("CRC of vkms %#x before, %#x after, of the other picture %#x\n",
		 before, after, other);
	igt_assert_eq_u32(after, before);

	pfn_kms_hide(&stage->kms);
	frame_destroy(stage, &second);
	frame_destroy(stage, &first);
}

void vkms_crc_tests(int fd)
{
	struct stage stage;

	igt_describe("vkms's own CRC is unchanged after an eviction.");
	igt_subtest("crc") {
		stage_open(&stage);
		test_crc(&stage, fd);
		stage_close(&stage);
	}
}
