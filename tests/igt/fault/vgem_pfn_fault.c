// SPDX-License-Identifier: MIT
/*
 * TEST: vgem pfn fault
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: DRM
 * Description: Injected failures in the driver are handled without side effects.
 *
 * Each other file of this directory has a group of subtests of one subject.
 */
#include "fault.h"
#include "igt.h"
#include "vgem_pfn_module.h"

IGT_TEST_DESCRIPTION("Failures injected at every step of a buffer's life");

static const char * const steps[] = {
	"create", "export", "import", "attach", "pin", "map", "get_pfn",
	"populate", "alloc", "copy", "fence",
};

/* Disarm all faults, also when a test has failed. */
static void reset(int sig)
{
	int nth = __pfn_fail_nth_open();
	unsigned int device;
	size_t i;
	int fd;

	if (nth >= 0) {
		__pfn_fail_nth_set(nth, 0);
		close(nth);
	}
	for (device = 0; device < 2; device++) {
		fd = __vgem_pfn_open_faux(device, "renderD");
		if (fd < 0)
			continue;
		for (i = 0; i < ARRAY_SIZE(steps); i++)
			__vgem_pfn_fault_disarm(fd, steps[i]);
		close(fd);
	}
}

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
		reset(0);
		igt_install_exit_handler(reset);
	}

	fault_step_tests(&f);
	fault_nth_tests(&f);

	igt_fixture() {
		close(f.importer);
		close(f.fd);
	}
}
