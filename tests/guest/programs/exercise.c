// SPDX-License-Identifier: MIT
/*
 * Example program for vgem_pfn_share: imports the dma-buf with the reference
 * importer, accesses it by CPU and by device, checks the data, and takes a
 * snapshot of the importer's page tables at intervals.
 *
 *	exercise [SECONDS [FLAGS]]
 *
 * FLAGS is a number, a combination of DMA_BUF_PFN_IMPORT_* and PFN_BROKEN_*. They are not
 * announced to pfn-contract: an importer that they break must be detected.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "../../igt/lib/pfn_importer_ioctl.h"

#define PAGE	4096
#define STEPS	16

static uint64_t size;
static uint64_t *map;
static int import;

static int die(const char *what, int ret)
{
	fprintf(stderr, "exercise: %s: %s\n", what, strerror(-ret));
	exit(1);
}

/* Import with flags that are not announced to pfn-contract. */
static int import_buffer(uint32_t flags)
{
	const char *fd = getenv("VGEM_PFN_DMABUF_FD");
	struct dma_buf_pfn_import arg = {
		.dma_buf_fd = fd ? atoi(fd) : -1,
		.flags = DMA_BUF_PFN_IMPORT_P2P | (flags & ~PFN_BROKEN),
	};
	int importer, ret;

	importer = __pfn_importer_open();
	if (importer < 0)
		die("/dev/dma_buf_pfn_importer", importer);
	ret = __pfn_import_broken(importer, &arg, flags & PFN_BROKEN);
	if (ret)
		die("import", ret);
	size = arg.size;
	return arg.import_fd;
}

/* Each step checks and increments a word of a page twice, by CPU and by device. */
static unsigned int step(uint64_t page, uint64_t expected)
{
	uint64_t offset = page * PAGE + 64, word;
	unsigned int wrong = 0;
	int ret;

	wrong += map[offset / 8] != expected;
	map[offset / 8] = expected + 1;

	ret = __pfn_import_access(import, offset, &word, 8,
				  DMA_BUF_PFN_ACCESS_READ);
	if (ret)
		die("read by the device", ret);
	wrong += word != expected + 1;
	word = expected + 2;
	ret = __pfn_import_access(import, offset, &word, 8,
				  DMA_BUF_PFN_ACCESS_WRITE);
	if (ret)
		die("write by the device", ret);
	return wrong;
}

static void snapshot(void)
{
	static struct dma_buf_pfn_entry entries[256];
	uint64_t pages = size / PAGE;
	int ret;

	ret = __pfn_import_snapshot(import, 0, pages < 256 ? pages : 256, entries);
	if (ret)
		die("snapshot", ret);
}

int main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 10);
	unsigned long long steps = 0, wrong = 0;
	uint64_t *expected, page;

	import = import_buffer(argc > 2 ? strtoul(argv[2], NULL, 0) : 0);
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, import, 0);
	expected = calloc(size / PAGE, sizeof(*expected));
	if (map == MAP_FAILED || !expected)
		die("mmap", -errno);

	while (time(NULL) < end) {
		page = steps * 7 % (size / PAGE);
		wrong += step(page, expected[page]);
		expected[page] += 2;
		if (++steps % STEPS == 0)
			snapshot();
	}
	printf("exercise: %llu steps, %llu times the wrong data\n", steps, wrong);
	return wrong ? 2 : 0;
}
