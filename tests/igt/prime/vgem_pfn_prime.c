// SPDX-License-Identifier: MIT
/*
 * TEST: vgem pfn prime
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: dma-buf
 * Description: Moves of buffers of vgem_pfn that are imported by page frame numbers.
 *
 * Each other file of this directory has a group of subtests of one subject.
 */
#include "igt.h"
#include "prime.h"

IGT_TEST_DESCRIPTION("Memory that moves while imported");

int igt_main()
{
	static int fd = -1, importer = -1;

	igt_fixture() {
		fd = vgem_pfn_open();
		importer = pfn_importer_open();
		vgem_pfn_reset_on_exit();
	}

	prime_import_tests(fd, importer);
	prime_access_tests(fd, importer);
	prime_move_tests(fd, importer);
	prime_map_tests(fd, importer);
	prime_race_tests(fd, importer);
	prime_signal_tests(fd, importer);
	prime_kinds_tests(fd, importer);
	prime_modes_tests(fd, importer);
	prime_caught_tests(fd, importer);
	prime_classes_tests(fd, importer);
	prime_jobs_tests(fd, importer);
	prime_engines_tests(fd, importer);
	prime_close_tests(fd, importer);
	prime_udmabuf_tests(importer);

	igt_fixture() {
		close(importer);
		close(fd);
	}
}
