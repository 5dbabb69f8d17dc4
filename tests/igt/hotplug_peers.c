// SPDX-License-Identifier: MIT
/*
 * Subtests of PCI devices that reach each other's BARs or do not: three of QEMU's
 * ivshmem-plain, two of them behind one bridge.
 */
#include <errno.h>

#include "hotplug.h"
#include "igt.h"
#include "pfn_pci.h"
#include "vgem_pfn_module.h"

#define SIZE	(1 * MiB)

enum {
	FAR,		/* on the root bus */
	EXPORTER,	/* these two behind a bridge */
	NEAR,
	NUM
};

static char names[NUM][PFN_PCI_NAME_SIZE];
static int fds[NUM];

/* Zen and later forward between root ports, and the kernel knows that they do. */
static bool root_forwards(void)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	bool amd = false;
	int family = 0;
	char line[256];

	igt_assert(file);
	while (fgets(line, sizeof(line), file)) {
		amd |= !!strstr(line, "AuthenticAMD");
		if (sscanf(line, "cpu family : %d", &family) == 1)
			break;
	}
	fclose(file);
	return amd && family >= 0x17;
}

static bool in_bar(uint64_t pfn)
{
	uint64_t start, size;

	pfn_pci_bar(names[EXPORTER], PFN_PCI_IVSHMEM_BAR, &start, &size);
	return pfn * PFN_PAGE_SIZE >= start && pfn * PFN_PAGE_SIZE < start + size;
}

/* Where one device's buffer is when another, which says it is a peer, has mapped it */
static void check_import(int by, bool is_peer)
{
	uint32_t handle, import, handles[2];
	int dmabuf, i;

	handle = vgem_pfn_bo_create(fds[EXPORTER], SIZE, VGEM_PFN_CARVEOUT,
				    VGEM_PFN_TT);
	vgem_pfn_bo_fill(fds[EXPORTER], handle, SIZE, 1);
	dmabuf = vgem_pfn_export(fds[EXPORTER], handle);
	igt_assert_eq(__vgem_pfn_fd_to_handle(fds[by], dmabuf, &import), 0);

	/* Twice: the second time it must be brought there. */
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

	/* What has no other place to be in is for peers only. */
	handles[0] = vgem_pfn_bo_create(fds[EXPORTER], SIZE, VGEM_PFN_CARVEOUT);
	dmabuf = vgem_pfn_export(fds[EXPORTER], handles[0]);
	igt_assert_eq(__vgem_pfn_fd_to_handle(fds[by], dmabuf, &handles[1]),
		      is_peer ? 0 : -EOPNOTSUPP);
	if (is_peer)
		vgem_pfn_gem_close(fds[by], handles[1]);
	close(dmabuf);
	vgem_pfn_gem_close(fds[EXPORTER], handles[0]);
}

/*
 * SUBTEST: pci-peers
 * Description: a device behind the same bridge reads the BAR where it is
 *
 * SUBTEST: pci-no-peers
 * Description: for one that cannot reach the BAR the buffer leaves it, whatever the
 *		importer says of itself
 */
static void test_peers(int by, bool is_peer)
{
	igt_assert_eq(__vgem_pfn_set_import_peer2peer(fds[by], true), 0);
	check_import(by, is_peer);

	/* Who does not ask gets nothing, near or far. */
	igt_assert_eq(__vgem_pfn_set_import_peer2peer(fds[by], false), 0);
	check_import(by, false);
}

/*
 * SUBTEST: pci-unmap-late
 * Description: a BAR does not go before an importer has unmapped it, which may be some
 *		time after the notification
 */
static void test_unmap_late(int by, bool is_peer)
{
	uint32_t handle, import;
	int dmabuf;

	igt_assert_eq(__vgem_pfn_set_import_peer2peer(fds[by], true), 0);
	vgem_pfn_set_knob(fds[by], "import_unmap_ms", 700);
	handle = vgem_pfn_bo_create(fds[EXPORTER], SIZE, VGEM_PFN_CARVEOUT);
	dmabuf = vgem_pfn_export(fds[EXPORTER], handle);
	igt_assert_eq(__vgem_pfn_fd_to_handle(fds[by], dmabuf, &import), 0);
	vgem_pfn_bo_move(fds[by], import, VGEM_PFN_TT);

	igt_assert_eq(__pfn_pci_unbind(names[EXPORTER]), 0);
	igt_assert_eq_u32(vgem_pfn_bo_region(fds[by], import), VGEM_PFN_SYSTEM);
	igt_assert_eq(__vgem_pfn_bo_move(fds[by], import, VGEM_PFN_TT), -ENODEV);
	vgem_pfn_gem_close(fds[by], import);
	close(dmabuf);
}

static void release(int sig)
{
	int i;

	for (i = 0; i < NUM && names[i][0]; i++) {
		__pfn_pci_unbind(names[i]);
		__pfn_pci_set_override(names[i], "\n");
	}
}

/* All devices are bound and open for the time of a subtest. */
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
				      "the ivshmem-plain devices are not where they should be\n");
			igt_install_exit_handler(release);
		}

		igt_describe("Devices behind one bridge are peers.");
		igt_subtest("pci-peers")
			with_peers(NEAR, true, test_peers);

		igt_describe("A BAR that is mapped does not go.");
		igt_subtest("pci-unmap-late")
			with_peers(NEAR, true, test_unmap_late);

		igt_describe("A buffer leaves a BAR that its importer does not reach.");
		igt_subtest("pci-no-peers") {
			igt_require_f(!root_forwards(),
				      "this CPU's root complex makes all devices peers\n");
			with_peers(FAR, false, test_peers);
		}
	}
}
