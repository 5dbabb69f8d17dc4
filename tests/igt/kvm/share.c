// SPDX-License-Identifier: MIT
/*
 * Subtests with three importers of one buffer: a VM, a process that maps the import of
 * the reference importer, and the simulated device of that importer. Each page has a
 * word of each of them.
 */
#include <sys/mman.h>

#include "igt.h"
#include "kvm.h"
#include "pfn_importer.h"

#define PAGES	32
#define SIZE	(PAGES * PFN_PAGE_SIZE)
/* Offsets of the words in a page; that of the guest is at 0. */
#define PROCESS	64
#define DEVICE	128

/* The value that @who writes in round @n; before that the words are zero. */
static uint64_t value(uint64_t who, int n)
{
	return n < 0 ? 0 : pfn_pattern_word(who, n);
}

static void test_share(int fd, int moves)
{
	static const uint32_t regions[] = { VGEM_PFN_TT, VGEM_PFN_SYSTEM, VGEM_PFN_CARVEOUT };
	int importer = pfn_importer_open(), import, i;
	uint64_t word, at;
	uint32_t tag;
	struct vm_bo bo;
	char *map;

	vm_bo_create(&bo, fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vm_loop_set(fd, bo.handle, VM_GPA, SIZE, PFN_PAGE_SIZE, 7);
	import = pfn_import(importer, bo.dmabuf);
	map = pfn_import_mmap(import, SIZE, PROT_READ | PROT_WRITE);
	vm_map(&bo.vm, bo.dmabuf, 0, VM_GPA, SIZE);
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, bo.handle).num_attachments, 2);
	vm_loop_start(&bo.vm.cpu[0], VM_GPA, SIZE, PFN_PAGE_SIZE, 7);

	for (i = 0; i < moves; i++) {
		at = i % PAGES * PFN_PAGE_SIZE;
		vgem_pfn_bo_move(fd, bo.handle, regions[i % 3]);
		vm_loop_wait(&bo.vm.cpu[0], 1);

		/* Each reads what the other has written PAGES rounds ago. */
		igt_assert_eq_u64(*(volatile uint64_t *)(map + at + DEVICE),
				  value(DEVICE, i - PAGES));
		pfn_import_read(import, at + PROCESS, &word, sizeof(word));
		igt_assert_eq_u64(word, value(PROCESS, i - PAGES));

		*(volatile uint64_t *)(map + at + PROCESS) = value(PROCESS, i);
		word = value(DEVICE, i);
		pfn_import_write(import, at + DEVICE, &word, sizeof(word));
	}

	/* All see the words of the guest. */
	tag = vm_loop_stop(&bo.vm.cpu[0]);
	vm_loop_check(fd, bo.handle, VM_GPA, SIZE, PFN_PAGE_SIZE, tag);
	for (at = 0; at < SIZE; at += PFN_PAGE_SIZE) {
		const uint32_t want = tag + VM_GPA + at;
		uint32_t got;

		igt_assert_eq_u32(*(volatile uint32_t *)(map + at), want);
		pfn_import_read(import, at, &got, sizeof(got));
		igt_assert_eq_u32(got, want);
	}
	/* The guest reads the words of the others in the last page that they have changed. */
	at = (moves - 1) % PAGES * PFN_PAGE_SIZE;
	igt_assert_eq(__vm_peek(&bo.vm.cpu[0], VM_GPA + at + PROCESS, &tag), 0);
	igt_assert_eq_u32(tag, (uint32_t)value(PROCESS, moves - 1));
	igt_assert_eq(__vm_peek(&bo.vm.cpu[0], VM_GPA + at + DEVICE, &tag), 0);
	igt_assert_eq_u32(tag, (uint32_t)value(DEVICE, moves - 1));

	igt_info("%d moves, %u words changed by the guest\n", moves,
		 bo.vm.cpu[0].mailbox->progress);
	munmap(map, SIZE);
	close(import);
	close(importer);
	vm_bo_destroy(&bo);
}

void kvm_share_tests(int fd)
{
	igt_describe("A VM, a process and a device see one memory while it moves.");
	igt_subtest("share")
		test_share(fd, 3 * PAGES);

	igt_describe("Like share, with 10,000 moves.");
	igt_subtest("share-long")
		test_share(fd, 10000);
}
