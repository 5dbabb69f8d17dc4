// SPDX-License-Identifier: MIT
/**
 * TEST: vgem pfn umem
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: dma-buf
 * Description: Buffers that are imported with the code of RDMA (umem_dmabuf.c), as mlx5,
 *		irdma and other drivers do. The addresses are compared with the page frame
 *		numbers of the buffers.
 *
 * SUBTEST: address-together
 * Description: Umems of all modes have different parts of one buffer. Closing some does
 *		not affect the others.
 *
 * SUBTEST: large
 * Description: Parts across 4 GiB, and of more than 4 GiB, of a buffer of 5 GiB. Needs
 *		memory reserved for it.
 *
 * SUBTEST: move
 * Description: A dynamic umem is unmapped by each move, and the next mapping has the
 *		addresses of the new placement.
 *
 * SUBTEST: move-long
 * Description: Like move, from each region.
 *
 * SUBTEST: move-race
 * Description: A buffer is imported as a dynamic umem while it moves, at least 200 times.
 *
 * SUBTEST: fence
 * Description: Mapping a dynamic umem waits until the copy to the new placement is done.
 *
 * SUBTEST: bad
 * Description: Parts that are not inside the buffer, files that are no dma-bufs, and
 *		unknown modes are refused.
 *
 * SUBTEST: swiotlb
 * Description: A device that needs bounce buffers, as with swiotlb=force, cannot map a
 *		buffer, in any mode. The failure leaves no pin behind.
 *
 * SUBTEST: faults
 * Description: If the exporter fails to attach, pin or map, the import fails and leaves
 *		neither an attachment nor a pin behind.
 */

/**
 * SUBTEST: address-%s
 * Description: An import of mode arg[1] of parts that begin and end before, at and after
 *		boundaries of pages, in each kind of memory, also scattered. The umem has
 *		the addresses of its pages, and no others.
 *
 * SUBTEST: address-%s-long
 * Description: Like address-arg[1], with more parts.
 *
 * SUBTEST: unplug-%s
 * Description: The exporter is unplugged. A dynamic umem is unmapped, a revocable one also
 *		unpinned, and a pinned one keeps its mapping. New imports of mode arg[1]
 *		fail.
 *
 * arg[1]:
 *
 * @dynamic: dynamic, as by mlx5
 * @pinned: pinned, as by most drivers
 * @revocable: pinned and revocable, as by irdma
 */

/**
 * SUBTEST: pin-%s
 * Description: With a umem of mode arg[1] the buffer is not moved and not evicted, until
 *		the last umem is closed.
 *
 * SUBTEST: pin-notifies-%s
 * Description: dma_buf_pin() notifies the importer. The import of mode arg[1] succeeds
 *		nevertheless, and its pin is dropped in the end.
 *
 * SUBTEST: pin-moves-%s
 * Description: A buffer in a BAR that the importer cannot reach moves to system memory
 *		when it is pinned by an import of mode arg[1], which is notified of that.
 *
 * arg[1]:
 *
 * @pinned: pinned, as by most drivers
 * @revocable: pinned and revocable, as by irdma
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include "igt.h"
#include "igt_kmod.h"
#include "pfn_nth.h"
#include "umem.h"
#include "vgem_pfn_module.h"

IGT_TEST_DESCRIPTION("Importers of RDMA");

const char * const umem_mode_names[NUM_MODES] = {
	[DMA_BUF_UMEM_DYNAMIC] = "dynamic",
	[DMA_BUF_UMEM_PINNED] = "pinned",
	[DMA_BUF_UMEM_REVOCABLE] = "revocable",
};

#define MODULE	"dma-buf-umem-importer"

static int importer = -1;

static void unload(int sig)
{
	close(importer);
	igt_kmod_unload(MODULE);
}

void umem_open(void)
{
	igt_install_exit_handler(unload);
	igt_require_f(!system("modprobe -q " MODULE),
		      "the kernel needs DMABUF_UMEM_IMPORTER\n");
	importer = open("/dev/dma_buf_umem_importer", O_RDWR | O_CLOEXEC);
	igt_assert_fd(importer);
}

int __umem_import(int dmabuf, uint32_t mode, uint64_t offset, uint64_t length)
{
	struct dma_buf_umem_import arg = {
		.fd = dmabuf,
		.mode = mode,
		.offset = offset,
		.length = length,
	};
	int umem = ioctl(importer, DMA_BUF_UMEM_IMPORT, &arg);

	return umem < 0 ? -errno : umem;
}

int __umem_map(int umem)
{
	return ioctl(umem, DMA_BUF_UMEM_MAP) ? -errno : 0;
}

struct dma_buf_umem_query umem_query(int umem)
{
	struct dma_buf_umem_query query;

	igt_assert_eq(ioctl(umem, DMA_BUF_UMEM_QUERY, &query), 0);
	return query;
}

size_t umem_addresses(int umem, uint64_t *addresses, size_t max)
{
	ssize_t length = pread(umem, addresses, max * sizeof(*addresses), 0);

	igt_assert_lte(0, length);
	return length / sizeof(*addresses);
}

struct umem_bo umem_bo_create(int fd, uint32_t region)
{
	struct umem_bo bo = { .fd = fd, .size = UMEM_SIZE, .seed = pfn_new_seed() };

	bo.handle = vgem_pfn_bo_create_movable(fd, bo.size, region);
	vgem_pfn_bo_fill(fd, bo.handle, bo.size, bo.seed);
	bo.dmabuf = vgem_pfn_export(fd, bo.handle);
	return bo;
}

void umem_bo_destroy(struct umem_bo *bo)
{
	struct drm_vgem_pfn_bo_query query = vgem_pfn_bo_query(bo->fd, bo->handle);

	igt_assert_eq_u32(query.pin_count, 0);
	igt_assert_eq_u32(query.num_attachments, 0);
	vgem_pfn_bo_move(bo->fd, bo->handle, query.region == VGEM_PFN_TT ?
			 VGEM_PFN_SYSTEM : VGEM_PFN_TT);
	vgem_pfn_bo_check(bo->fd, bo->handle, bo->size, bo->seed);
	close(bo->dmabuf);
	vgem_pfn_gem_close(bo->fd, bo->handle);
}

int umem_import(const struct umem_bo *bo, uint32_t mode, uint64_t offset, uint64_t length)
{
	int umem = __umem_import(bo->dmabuf, mode, offset, length);

	igt_assert_f(umem >= 0, "%s, %llu bytes at %llu: %s\n", umem_mode_names[mode],
		     (unsigned long long)length, (unsigned long long)offset, strerror(-umem));
	if (mode == DMA_BUF_UMEM_DYNAMIC) {
		umem_assert_unmapped(umem);
		igt_assert_eq(__umem_map(umem), 0);
	}
	return umem;
}

void umem_check(int umem, const struct umem_bo *bo, uint64_t offset, uint64_t length)
{
	uint64_t first = offset / PFN_PAGE_SIZE, addresses[UMEM_PAGES + 1], pfns[UMEM_PAGES], i;
	uint64_t num = (offset + length - 1) / PFN_PAGE_SIZE - first + 1;

	igt_assert_eq_u32(umem_query(umem).mapped, 1);
	igt_assert_eq_u64(umem_addresses(umem, addresses, UMEM_PAGES + 1), num);
	vgem_pfn_bo_pfns(bo->fd, bo->handle, first, num, pfns);
	for (i = 0; i < num; i++)
		igt_assert_f(addresses[i] == pfns[i] * PFN_PAGE_SIZE,
			     "%llu bytes at %llu, page %llu: address %#llx, pfn %#llx\n",
			     (unsigned long long)length, (unsigned long long)offset,
			     (unsigned long long)i, (unsigned long long)addresses[i],
			     (unsigned long long)pfns[i]);
}

void umem_assert_unmapped(int umem)
{
	uint64_t addresses[UMEM_PAGES];

	igt_assert_eq_u32(umem_query(umem).mapped, 0);
	igt_assert_eq_u64(umem_addresses(umem, addresses, UMEM_PAGES), 0);
}

int igt_main()
{
	static int fd = -1;

	igt_fixture() {
		fd = vgem_pfn_open();
		vgem_pfn_reset_on_exit();
		vgem_pfn_plug_on_exit();
		pfn_fault_disarm_on_exit();
		umem_open();
	}

	umem_address_tests(fd);
	umem_notify_tests(fd);
	umem_bad_tests(fd);

	igt_fixture()
		close(fd);
}
