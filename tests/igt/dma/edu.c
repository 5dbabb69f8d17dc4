// SPDX-License-Identifier: MIT
/* The device edu, and the faults that the IOMMU reports for it */
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdio.h>

#include "dma.h"
#include "igt.h"

#define EDU_DMA_SOURCE		0x80
#define EDU_DMA_TARGET		0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_COMMAND		0x98
#define EDU_DMA_RUN		0x1
#define EDU_DMA_TO_MEMORY	0x2

/* Where the device's buffer is in its own address space */
#define EDU_BUFFER		0x40000

struct dma dma;

void dma_open(void)
{
	dma.iommu = iommufd_open_ioas();
	pfn_vfio_open(&dma.edu, EDU_PCI, 0, dma.iommu.fd);
	pfn_vfio_attach(&dma.edu, dma.iommu.ioas);
	pfn_vfio_set_command(&dma.edu, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, true);
	dma.regs = pfn_vfio_mmap(&dma.edu, 0, EDU_BAR_SIZE);
	igt_assert_eq_u32(*(volatile uint32_t *)(dma.regs + EDU_REG_ID), EDU_ID);
}

void dma_close(void)
{
	igt_info("%llu transfers, %llu KiB, %llu faults, all of them expected\n",
		 (long long)dma.transfers, (long long)(dma.bytes / KiB),
		 (long long)dma.faults);
	pfn_vfio_close(&dma.edu);
	iommufd_close(&dma.iommu);
}

static volatile uint64_t *reg(unsigned int offset)
{
	return (volatile uint64_t *)(dma.regs + offset);
}

bool edu_busy(void)
{
	return *reg(EDU_DMA_COMMAND) & EDU_DMA_RUN;
}

void edu_start(uint64_t iova, size_t length, bool to_memory)
{
	igt_assert(!edu_busy());
	igt_assert_lte_u64(length, EDU_MAX_LENGTH);
	*reg(EDU_DMA_SOURCE) = to_memory ? EDU_BUFFER : iova;
	*reg(EDU_DMA_TARGET) = to_memory ? iova : EDU_BUFFER;
	*reg(EDU_DMA_COUNT) = length;
	dma.transfers++;
	dma.bytes += length;
	*reg(EDU_DMA_COMMAND) = EDU_DMA_RUN | (to_memory ? EDU_DMA_TO_MEMORY : 0);
}

void edu_wait(void)
{
	int i;

	for (i = 0; i < 10000 && edu_busy(); i++)
		usleep(2000);
	igt_assert(!edu_busy());
}

void edu_read(uint64_t iova, size_t length)
{
	edu_start(iova, length, false);
	edu_wait();
}

void edu_write(uint64_t iova, size_t length)
{
	edu_start(iova, length, true);
	edu_wait();
}

/* Number of interrupts of the IOMMU on all CPUs */
static unsigned long fault_interrupts(void)
{
	unsigned long count, sum = 0;
	FILE *file = fopen("/proc/interrupts", "re");
	char line[1024], *at;
	int n;

	igt_assert(file);
	while (fgets(line, sizeof(line), file)) {
		if (!strstr(line, " dmar0\n"))
			continue;
		for (at = strchr(line, ':') + 1; sscanf(at, " %lu %n", &count, &n) == 1; at += n)
			sum += count;
	}
	fclose(file);
	return sum;
}

struct dma_faults dma_faults_begin(void)
{
	struct dma_faults faults = { .seen = fault_interrupts() };

	faults.log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	igt_require_f(faults.log >= 0, "no /dev/kmsg\n");
	igt_assert_lte(0, lseek(faults.log, 0, SEEK_END));
	igt_emit_ignore_dmesg_regex(PFN_VFIO_LOG "|dmar_fault|DMAR: (DRHD|.DMA (Read|Write))");
	return faults;
}

/* The beginning of a report in the log */
#define REPORT		"DMAR: [DMA"
#define REPORT_FORMAT	REPORT " %7s NO_PASID] Request device [%31[^]]] fault addr %llx"

/* Compare the reports in the log with the expected one, which may be missing. */
static void check_log(struct dma_faults *faults, uint64_t iova, bool write)
{
	char line[1024], device[PFN_PCI_NAME_SIZE], access[8], *text;
	unsigned long long address;
	ssize_t n;
	int found;

	while ((n = read(faults->log, line, sizeof(line) - 1)) > 0) {
		line[n] = '\0';
		text = strstr(line, REPORT);
		if (!text)
			continue;
		found = sscanf(text, REPORT_FORMAT, access, device, &address);
		igt_assert_eq(found, 3);
		igt_assert_f(!strcmp(device, dma.edu.name), "%s\n", device);
		igt_assert_eq_u64(address, iova & -PFN_PAGE_SIZE);
		igt_assert_eq(!strcmp(access, "Write"), write);
		faults->logged++;
	}
}

void dma_faults_assert(struct dma_faults *faults, uint64_t iova, bool write)
{
	int i;

	for (i = 0; i < 500 && fault_interrupts() == faults->seen; i++)
		usleep(10000);
	igt_assert_f(i < 500, "no fault at %#llx\n", (long long)iova);
	faults->seen++;
	dma.faults++;
	/* The interrupt was counted, and its handler may still be running. */
	usleep(10000);
	check_log(faults, iova, write);
}

void dma_faults_some(struct dma_faults *faults, uint64_t iova, bool write)
{
	dma_faults_assert(faults, iova, write);
	dma.faults += fault_interrupts() - faults->seen;
	faults->seen = fault_interrupts();
}

void dma_faults_end(struct dma_faults *faults)
{
	igt_assert_eq_u64(fault_interrupts(), faults->seen);
	close(faults->log);
}
