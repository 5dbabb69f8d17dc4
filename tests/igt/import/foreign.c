// SPDX-License-Identifier: MIT
/* Subtests of imports from other drivers. */
#include <linux/dma-heap.h>
#include <linux/memfd.h>
#include <linux/udmabuf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "igt.h"
#include "import.h"

#define SIZE	(256 * KiB)

static int create_udmabuf(void)
{
	int dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC), dmabuf;
	struct udmabuf_create create = {
		.memfd = memfd_create("import", MFD_ALLOW_SEALING),
		.flags = UDMABUF_FLAGS_CLOEXEC,
		.size = SIZE,
	};

	igt_require_f(dev >= 0, "no /dev/udmabuf\n");
	igt_assert_eq(ftruncate(create.memfd, SIZE), 0);
	igt_assert_eq(fcntl(create.memfd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	dmabuf = ioctl(dev, UDMABUF_CREATE, &create);
	igt_assert_lte(0, dmabuf);
	close(create.memfd);
	close(dev);
	return dmabuf;
}

static int create_heap(void)
{
	int dev = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);
	struct dma_heap_allocation_data data = {
		.len = SIZE,
		.fd_flags = O_RDWR | O_CLOEXEC,
	};

	igt_require_f(dev >= 0, "no /dev/dma_heap/system\n");
	igt_assert_eq(ioctl(dev, DMA_HEAP_IOCTL_ALLOC, &data), 0);
	close(dev);
	return data.fd;
}

/* The driver opened for a test, and its fd */
static const char *other_driver;
static int other_fd;

static int dumb_dmabuf(int chipset, const char *driver)
{
	other_fd = pfn_open_other(chipset, driver);
	other_driver = driver;
	return pfn_export_dumb(other_fd, SIZE);
}

static int create_vgem(void)
{
	return dumb_dmabuf(DRIVER_VGEM, "vgem");
}

static int create_vkms(void)
{
	return dumb_dmabuf(DRIVER_VKMS, "vkms");
}

static int create_virtio_gpu(void)
{
	return dumb_dmabuf(DRIVER_VIRTIO, "virtio_gpu");
}

static void test_foreign(int fd, int (*create)(void))
{
	int dmabuf = create();
	uint32_t handle = import_handle(fd, dmabuf);
	char *there, *here;

	there = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, dmabuf, 0);
	igt_assert(there != MAP_FAILED);
	pfn_pattern_fill(there, 0, SIZE, 1);

	igt_assert_eq_u64(vgem_pfn_bo_pfn(fd, handle, 0), VGEM_PFN_NO_PFN);
	here = vgem_pfn_bo_mmap(fd, handle, SIZE, PROT_READ | PROT_WRITE);
	pfn_assert_pattern(here, 0, SIZE, 1);
	pfn_pattern_fill(here, 0, SIZE, 2);
	pfn_assert_pattern(there, 0, SIZE, 2);

	vgem_pfn_bo_move(fd, handle, VGEM_PFN_TT);
	vgem_pfn_bo_check_mem(fd, handle, SIZE, 2);
	munmap(there, SIZE);
	close(dmabuf);

	/* The import alone keeps the memory. */
	pfn_assert_pattern(here, 0, SIZE, 2);
	vgem_pfn_bo_check_mem(fd, handle, SIZE, 2);
	vgem_pfn_bo_move(fd, handle, VGEM_PFN_SYSTEM);
	igt_assert_eq_u64(vgem_pfn_bo_pfn(fd, handle, 0), VGEM_PFN_NO_PFN);
	vgem_pfn_gem_close(fd, handle);
	pfn_assert_pattern(here, 0, SIZE, 2);
	munmap(here, SIZE);

	if (other_driver) {
		pfn_close_other(other_driver, other_fd);
		other_driver = NULL;
	}
}

void import_foreign_tests(int fd)
{
	static const struct {
		const char *name;
		int (*create)(void);
	} exporters[] = {
		{ "udmabuf", create_udmabuf },
		{ "dma-heap", create_heap },
		{ "vgem", create_vgem },
		{ "vkms", create_vkms },
		{ "virtio-gpu", create_virtio_gpu },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(exporters); i++) {
		igt_describe("Another exporter's buffer is the same memory when imported.");
		igt_subtest_f("from-%s", exporters[i].name)
			test_foreign(fd, exporters[i].create);
	}
}
