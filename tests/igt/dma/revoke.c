// SPDX-License-Identifier: MIT
/*
 * Subtests of revocation while a device has transfers to do: those that begin after the
 * revocation fault in the IOMMU and reach nothing.
 */
#include <errno.h>

#include "dma.h"
#include "igt.h"
#include "pfn_pci.h"
#include "vgem_pfn_module.h"

#define SIZE	(4 * PFN_PAGE_SIZE)

/* Where the device writes, and how much */
#define OFFSET	(PFN_PAGE_SIZE + 128)
#define LENGTH	8

/*
 * A mapped buffer, and a thread that lets the device write to it again and again. A
 * transfer begins 100 ms after it was programmed, so there is nearly always one that was
 * programmed and has not begun.
 */
struct target {
	struct dma_bo bo;
	struct dma_memory memory;
	struct dma_faults faults;
	volatile unsigned int transfers;
	volatile bool stop;
	bool running;
	struct pfn_thread thread;
};

/* The current target, for target_exit() */
static struct target *current;

static void target_stop(struct target *t)
{
	if (!t->running)
		return;
	t->stop = true;
	pfn_thread_join(&t->thread);
	t->running = false;
}

/*
 * A device that was unplugged and still has users keeps its carveouts, so that it cannot be
 * plugged again. Close all files before that if a subtest has failed.
 */
static void target_exit(int sig)
{
	if (!current)
		return;
	target_stop(current);
	close(current->bo.fd);
	close(current->bo.dmabuf);
	dma_close();
}

static void target_run(void *arg)
{
	struct target *t = arg;

	while (!t->stop) {
		edu_start(t->bo.iova + OFFSET, LENGTH, true);
		while (edu_busy())
			usleep(1000);
		t->transfers++;
	}
}

/* Map a buffer, and return once the device has written to it. */
static void target_begin(struct target *t, int fd, uint32_t region)
{
	*t = (struct target) { .bo = dma_bo_create(fd, region, SIZE, 1) };
	current = t;
	t->faults = dma_faults_begin();
	dma_bo_map(&t->bo, DMA_IOVA, MAP_RW);
	edu_read(t->bo.iova, LENGTH);
	memcpy(t->bo.want + OFFSET, t->bo.want, LENGTH);
	t->memory = dma_memory_of(&t->bo);
	pfn_thread_start(&t->thread, target_run, t);
	t->running = true;
	while (!t->transfers)
		usleep(1000);
	dma_bo_check(&t->bo);
}

/* Check that after the revocation the device does not write to the memory. */
static void target_check(struct target *t)
{
	unsigned int transfers = t->transfers;
	bool busy = edu_busy();

	/* Change the memory. It stays the buffer's, and the device writes other data. */
	memset(t->memory.contents + OFFSET, 0x5a, LENGTH);
	pfn_mem_write(t->memory.pfns[OFFSET / PFN_PAGE_SIZE], OFFSET % PFN_PAGE_SIZE,
		      t->memory.contents + OFFSET, LENGTH);
	while (t->transfers < transfers + 2)
		usleep(1000);
	target_stop(t);
	igt_info("%u transfers, then the revocation%s\n", transfers,
		 busy ? ", after another one was programmed" : "");
	dma_memory_check(&t->memory);
	dma_faults_some(&t->faults, t->bo.iova + OFFSET, true);
}

static void target_end(struct target *t)
{
	current = NULL;
	dma_faults_end(&t->faults);
	dma_memory_free(&t->memory);
	free(t->bo.want);
	close(t->bo.dmabuf);
	close(t->bo.fd);
}

/* The exporter has revoked the buffer. */
static void target_revoked(struct target *t)
{
	uint64_t iova = DMA_IOVA2;

	target_check(t);
	edu_read(t->bo.iova, LENGTH);
	dma_faults_assert(&t->faults, t->bo.iova, false);
	igt_assert_eq(__iommufd_map(&dma.iommu, t->bo.dmabuf, 0, SIZE,
				    MAP_RW | IOMMU_IOAS_MAP_FIXED_IOVA, &iova), -ENODEV);
	iommufd_unmap(&dma.iommu, t->bo.iova, SIZE);
	target_end(t);
}

static void test_unplug(uint32_t region)
{
	static struct target t;

	target_begin(&t, vgem_pfn_open_faux(0), region);
	igt_assert_eq(__vgem_pfn_faux_unplug(0), 0);
	target_revoked(&t);
	igt_assert_eq(__vgem_pfn_faux_plug(0), 0);
}

static void test_unplugs(void)
{
	struct drm_vgem_pfn_region region;
	int fd = vgem_pfn_open_faux(0);
	uint32_t last = VGEM_PFN_TT, id;

	vgem_pfn_for_each_carveout(fd, region, id)
		last = id;
	close(fd);
	for (id = VGEM_PFN_TT; id <= last; id++)
		test_unplug(id);
}

/* The device that has the memory in its BAR is unbound from vgem_pfn. */
static void test_unbind(void)
{
	char name[PFN_PCI_NAME_SIZE];
	int fd = pfn_pci_open_bar();
	static struct target t;

	igt_require_f(fd >= 0, "no device with a BAR carveout\n");
	pfn_pci_find(PFN_PCI_IVSHMEM, 0, name);
	target_begin(&t, vgem_pfn_checked(fd), VGEM_PFN_CARVEOUT);
	igt_assert_eq(__pfn_pci_unbind(name), 0);
	target_revoked(&t);
	igt_assert_eq(__pfn_pci_bind(name), 0);
}

static void test_unmap(void)
{
	static struct target t;

	target_begin(&t, vgem_pfn_open_faux(0), VGEM_PFN_CARVEOUT);
	dma_bo_unmap(&t.bo);
	target_check(&t);
	target_end(&t);
}

void dma_revoke_tests(void)
{
	igt_subtest_group() {
		igt_fixture() {
			vgem_pfn_plug_on_exit();
			igt_install_exit_handler(target_exit);
			close(vgem_pfn_open_faux(0));
		}

		igt_describe("Unplugging the exporter ends the device's access to its buffers.");
		igt_subtest("revoke-unplug")
			test_unplugs();

		igt_describe("Like revoke-unplug, with memory in a BAR of the exporter's device.");
		igt_subtest("revoke-unbind")
			test_unbind();

		igt_describe("A transfer that was programmed before the unmapping faults.");
		igt_subtest("revoke-unmap")
			test_unmap();
	}
}
