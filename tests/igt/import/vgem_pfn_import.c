// SPDX-License-Identifier: MIT
/*
 * TEST: vgem pfn import
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: PRIME
 * Description: Buffers that a device of vgem_pfn imports from another one or from other
 *		drivers.
 *
 * Each other file of this directory has a group of subtests of one subject.
 */
#include <sys/stat.h>

#include "igt.h"
#include "import.h"

IGT_TEST_DESCRIPTION("Imports of memory that the exporter moves");

uint32_t import_handle(int fd, int dmabuf)
{
	uint32_t handle;

	igt_assert_eq(__vgem_pfn_fd_to_handle(fd, dmabuf, &handle), 0);
	return handle;
}

int import_open_other(int fd)
{
	struct stat here, there;
	unsigned int i;
	int other;

	igt_assert_eq(fstat(fd, &here), 0);
	for (i = 0; (other = __vgem_pfn_open_faux(i, "renderD")) >= 0; i++) {
		igt_assert_eq(fstat(other, &there), 0);
		if (here.st_rdev != there.st_rdev)
			return other;
		close(other);
	}
	igt_skip("no other device of " VGEM_PFN_MODULE "\n");
}

void import_set_peer2peer(int fd, bool yes)
{
	igt_assert_eq(__vgem_pfn_set_import_peer2peer(fd, yes), 0);
}

static void reset_peer2peer(int sig)
{
	unsigned int i;
	int fd;

	for (i = 0; (fd = __vgem_pfn_open_faux(i, "renderD")) >= 0; i++) {
		__vgem_pfn_set_import_peer2peer(fd, false);
		close(fd);
	}
}

struct shared shared_create(int fd, int other, size_t size, uint64_t seed)
{
	struct shared s = { .fd = fd, .size = size, .other = other };

	s.handle = vgem_pfn_bo_create(fd, size, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vgem_pfn_bo_fill(fd, s.handle, size, seed);
	s.dmabuf = vgem_pfn_export(fd, s.handle);
	s.import = import_handle(other, s.dmabuf);
	return s;
}

void shared_destroy(struct shared *s)
{
	vgem_pfn_gem_close(s->other, s->import);
	close(s->dmabuf);
	vgem_pfn_gem_close(s->fd, s->handle);
}

static uint64_t *all_pfns(int fd, uint32_t handle, size_t size)
{
	uint64_t *pfns = calloc(size / PFN_PAGE_SIZE, sizeof(*pfns));

	igt_assert(pfns);
	vgem_pfn_bo_pfns(fd, handle, 0, size / PFN_PAGE_SIZE, pfns);
	return pfns;
}

void shared_map(struct shared *s)
{
	uint64_t *here, *there, i;

	vgem_pfn_bo_move(s->other, s->import, VGEM_PFN_TT);
	here = all_pfns(s->other, s->import, s->size);
	there = all_pfns(s->fd, s->handle, s->size);
	for (i = 0; i < s->size / PFN_PAGE_SIZE; i++) {
		igt_assert_neq_u64(there[i], VGEM_PFN_NO_PFN);
		igt_assert_eq_u64(here[i], there[i]);
	}
	free(there);
	free(here);
}

void shared_assert_unmapped(struct shared *s)
{
	uint64_t *pfns, i;

	igt_assert_eq_u32(vgem_pfn_bo_region(s->other, s->import),
			  VGEM_PFN_SYSTEM);
	pfns = all_pfns(s->other, s->import, s->size);
	for (i = 0; i < s->size / PFN_PAGE_SIZE; i++)
		igt_assert_eq_u64(pfns[i], VGEM_PFN_NO_PFN);
	free(pfns);
}

void shared_check(struct shared *s, uint64_t seed)
{
	vgem_pfn_bo_check(s->fd, s->handle, s->size, seed);
	vgem_pfn_bo_check(s->other, s->import, s->size, seed);
	if (vgem_pfn_bo_region(s->other, s->import) == VGEM_PFN_TT)
		vgem_pfn_bo_check_mem(s->other, s->import, s->size, seed);
}

int igt_main()
{
	static int fd = -1, other = -1;

	igt_fixture() {
		fd = vgem_pfn_open();
		vgem_pfn_reset_on_exit();
	}

	igt_subtest_group() {
		igt_fixture() {
			other = import_open_other(fd);
			igt_install_exit_handler(reset_peer2peer);
			import_set_peer2peer(other, true);
		}

		import_basic_tests(fd, other);
		import_move_tests(fd, other);
		import_cpu_tests(fd, other);
		import_close_tests(fd, other);
		import_reach_tests(fd, other);
		import_room_tests(fd);

		igt_fixture()
			close(other);
	}

	import_foreign_tests(fd);

	igt_fixture()
		close(fd);
}
