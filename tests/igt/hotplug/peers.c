// SPDX-License-Identifier: MIT
/*
 * Subtests of PCI devices that can or cannot reach each other's BARs: three of
 * QEMU's ivshmem-plain, two of them behind the same bridge.
 */
#include <errno.h>

#include "hotplug.h"
#include "igt.h"
#include "pfn_contract.h"
#include "pfn_pci.h"
#include "vgem_pfn_module.h"

#define SIZE	(1 * MiB)

/* How long an unbind waits for importers to unmap the BAR */
#define UNBIND_WAIT_MS	10000

enum {
	FAR,		/* on the root bus */
	EXPORTER,	/* this and the next one behind the same bridge */
	NEAR,
	NUM
};

static char names[NUM][PFN_PCI_NAME_SIZE];
static int fds[NUM];

static bool in_bar(uint64_t pfn)
{
	uint64_t start, size;

	pfn_pci_bar(names[EXPORTER], PFN_PCI_IVSHMEM_BAR, &start, &size);
	return pfn * PFN_PAGE_SIZE >= start && pfn * PFN_PAGE_SIZE < start + size;
}

/* Check where device @by's import with P2P places the exporter's buffer. */
static void check_import(int by, bool is_peer)
{
	uint32_t handle, import, handles[2];
	int dmabuf, i;

	handle = vgem_pfn_bo_create(fds[EXPORTER], SIZE, VGEM_PFN_CARVEOUT,
				    VGEM_PFN_TT);
	vgem_pfn_bo_fill(fds[EXPORTER], handle, SIZE, 1);
	dmabuf = vgem_pfn_export(fds[EXPORTER], handle);
	igt_assert_eq(__vgem_pfn_fd_to_handle(fds[by], dmabuf, &import), 0);

	/* The second time the buffer has to be moved for the import. */
	for (i = 0; i < 2; i++) {
		vgem_pfn_bo_move(fds[by], import, VGEM_PFN_TT);
		igt_assert_eq_u32(vgem_pfn_bo_region(fds[EXPORTER], handle),
				  is_peer ? VGEM_PFN_CARVEOUT : VGEM_PFN_TT);
		igt_assert_eq(in_bar(vgem_pfn_bo_pfn(fds[by], import, 0)),
			      is_peer);
		vgem_pfn_bo_check(fds[by], import, SIZE, 1);
		vgem_pfn_bo_move(fds[EXPORTER], handle, is_peer ?
				 VGEM_PFN_TT : VGEM_PFN_CARVEOUT);
		vgem_pfn_bo_move(fds[EXPORTER], handle, VGEM_PFN_CARVEOUT);
	}
	vgem_pfn_gem_close(fds[by], import);
	close(dmabuf);
	vgem_pfn_gem_close(fds[EXPORTER], handle);

	/* A buffer with no other placement can be imported by peers only. */
	handles[0] = vgem_pfn_bo_create(fds[EXPORTER], SIZE, VGEM_PFN_CARVEOUT);
	dmabuf = vgem_pfn_export(fds[EXPORTER], handles[0]);
	igt_assert_eq(__vgem_pfn_fd_to_handle(fds[by], dmabuf, &handles[1]),
		      is_peer ? 0 : -EOPNOTSUPP);
	if (is_peer)
		vgem_pfn_gem_close(fds[by], handles[1]);
	close(dmabuf);
	vgem_pfn_gem_close(fds[EXPORTER], handles[0]);
}

static void test_peers(int by, bool is_peer)
{
	igt_assert_eq(__vgem_pfn_set_import_peer2peer(fds[by], true), 0);
	check_import(by, is_peer);

	/* An importer that does not allow P2P never gets the BAR. */
	igt_assert_eq(__vgem_pfn_set_import_peer2peer(fds[by], false), 0);
	check_import(by, false);
}

/*
 * Let importer @by map a BAR, and unmap it @unmap_ms after a notification. Unbind the
 * exporter. Returns the duration of the unbind in nanoseconds.
 */
static uint64_t unbind_mapped(int by, uint32_t unmap_ms)
{
	struct timespec start = {};
	uint32_t handle, import;
	uint64_t ns;
	int dmabuf;

	igt_assert_eq(__vgem_pfn_set_import_peer2peer(fds[by], true), 0);
	vgem_pfn_set_knob(fds[by], "import_unmap_ms", unmap_ms);
	handle = vgem_pfn_bo_create(fds[EXPORTER], SIZE, VGEM_PFN_CARVEOUT);
	dmabuf = vgem_pfn_export(fds[EXPORTER], handle);
	pfn_contract_mark(unmap_ms < UNBIND_WAIT_MS ? "import" : "import late-unmap");
	igt_assert_eq(__vgem_pfn_fd_to_handle(fds[by], dmabuf, &import), 0);
	vgem_pfn_bo_move(fds[by], import, VGEM_PFN_TT);

	igt_nsec_elapsed(&start);
	igt_assert_eq(__pfn_pci_unbind(names[EXPORTER]), 0);
	ns = igt_nsec_elapsed(&start);
	/* The import is in TT as long as it is mapped. */
	igt_assert_eq_u32(vgem_pfn_bo_region(fds[by], import),
			  unmap_ms < UNBIND_WAIT_MS ? VGEM_PFN_SYSTEM : VGEM_PFN_TT);
	igt_assert_eq(__vgem_pfn_bo_move(fds[by], import, VGEM_PFN_TT), -ENODEV);
	igt_assert_eq_u32(vgem_pfn_bo_region(fds[by], import), VGEM_PFN_SYSTEM);
	vgem_pfn_gem_close(fds[by], import);
	close(dmabuf);
	return ns;
}

static void test_unmap_late(int by, bool is_peer)
{
	igt_assert_lte_u64(700000000, unbind_mapped(by, 700));
}

static void test_unmap_too_late(int by, bool is_peer)
{
	uint64_t ns;

	igt_emit_ignore_dmesg_regex("an importer did not unmap buffer");
	ns = unbind_mapped(by, 12000);
	igt_assert_lte_u64(9900000000, ns);
	igt_assert_lt_u64(ns, 11900000000);
}

static void release(int sig)
{
	int i;

	for (i = 0; i < NUM && names[i][0]; i++) {
		__pfn_pci_unbind(names[i]);
		__pfn_pci_set_override(names[i], "\n");
	}
}

/* Run @test with all devices bound and open. */
static void with_peers(int by, bool is_peer, void (*test)(int by, bool is_peer))
{
	int i;

	vgem_pfn_want("devices=1");
	for (i = 0; i < NUM; i++) {
		__pfn_pci_unbind(names[i]);
		pfn_pci_set_override(names[i], VGEM_PFN_MODULE);
		fds[i] = pfn_pci_bind_and_open(names[i]);
	}
	test(by, is_peer);
	for (i = 0; i < NUM; i++)
		close(fds[i]);
	release(0);
}

void hotplug_peers_tests(void)
{
	int i;

	igt_subtest_group() {
		igt_fixture() {
			for (i = 0; i < NUM; i++)
				igt_require_f(pfn_pci_find(PFN_PCI_IVSHMEM, i,
							   names[i]),
					      "only %d ivshmem-plain devices\n", i);
			igt_require_f(pfn_pci_same_bridge(names[EXPORTER],
							  names[NEAR]) &&
				      !pfn_pci_same_bridge(names[EXPORTER],
							   names[FAR]),
				      "the ivshmem-plain devices are not on the expected buses\n");
			igt_install_exit_handler(release);
		}

		igt_describe("Devices behind one bridge are peers.");
		igt_subtest("pci-peers")
			with_peers(NEAR, true, test_peers);

		igt_describe("Unbind waits until a BAR is unmapped.");
		igt_subtest("pci-unmap-late")
			with_peers(NEAR, true, test_unmap_late);

		igt_describe("An unbind waits 10 s for an importer to unmap a BAR.");
		igt_subtest("pci-unmap-too-late-long")
			with_peers(NEAR, true, test_unmap_too_late);

		igt_describe("A buffer is moved out of a BAR that its importer cannot reach.");
		igt_subtest("pci-no-peers") {
			igt_require_f(!pfn_pci_root_forwards(),
				      "this CPU's root complex makes all devices peers\n");
			with_peers(FAR, false, test_peers);
		}
	}
}
