// SPDX-License-Identifier: MIT
/**
 * TEST: vgem pfn fault
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: DRM
 * Description: Injected failures in the driver are handled without side effects.
 */

/**
 * SUBTEST: step-%s
 * Description: If arg[1] fails, the operation fails with the step's error, nothing
 *		changes, and a retry works.
 *
 * arg[1]:
 *
 * @create: the creation of a buffer
 * @export: an export
 * @attach: an attachment of an importer of page frame numbers
 * @pin: a pin
 * @import: an import by another device
 * @map: a mapping for another device
 * @get-pfn: a lookup of a page frame number
 * @populate: the allocation of system memory
 * @alloc: an allocation in a carveout
 * @copy: a copy
 */

/**
 * SUBTEST: step-nth-%s
 * Description: If every third call of arg[1] is set to fail twice, the third and the
 *		sixth call fail, and all others succeed.
 *
 * arg[1]:
 *
 * @create: the creation of a buffer
 * @export: an export
 * @attach: an attachment of an importer of page frame numbers
 * @pin: a pin
 * @import: an import by another device
 * @map: a mapping for another device
 * @populate: the allocation of system memory
 */

/**
 * SUBTEST: nth-%s
 * Description: arg[1] with a failure at each point in turn, of an allocation or of a
 *		step, fails with an error and changes nothing, or succeeds. A retry
 *		after a failure works.
 *
 * arg[1]:
 *
 * @create: The creation of a buffer in a carveout
 * @evict: The creation of a buffer that evicts another one
 * @export: An export
 * @attach: An import by page frame numbers
 * @pin: An import that pins
 * @get-pfn: A lookup of a page frame number in a carveout
 * @populate: A lookup of a page frame number of memory that is not populated
 * @submit: A submission of a job to an engine of the importer
 * @import: An import by another device
 * @map: A mapping of a scatter list by another device
 * @move-tt: A move out of a carveout
 * @move-carveout: A move into a carveout
 * @move-async: A move with a copy by an engine
 */

/*
 * Each other file of this directory has a group of subtests of one subject.
 */
#include "fault.h"
#include "igt.h"
#include "pfn_nth.h"
#include "vgem_pfn_module.h"

IGT_TEST_DESCRIPTION("Failures injected at every step of a buffer's life");

int igt_main()
{
	static struct fault f = {
		.fd = -1, .importer = -1, .other = -1, .dmabuf = -1,
		.import = -1, .filler = -1, .pin = -1,
	};

	igt_fixture() {
		f.fd = vgem_pfn_open();
		f.importer = pfn_importer_open();
		igt_require_f(__vgem_pfn_fault_disarm(f.fd, "create") != -ENOENT,
			      "no fault injection in this kernel\n");
		vgem_pfn_reset_on_exit();
		pfn_fault_disarm_on_exit();
	}

	fault_step_tests(&f);
	fault_nth_tests(&f);

	igt_fixture() {
		close(f.importer);
		close(f.fd);
	}
}
