// SPDX-License-Identifier: MIT
/*
 * Asserting wrappers around the pfn importer's ioctls.
 */
#include <errno.h>
#include <sys/mman.h>

#include "igt.h"
#include "pfn_importer.h"
#include "vgem_pfn.h"

int pfn_importer_open(void)
{
	int fd = __pfn_importer_open();

	if (fd < 0 && !system("modprobe -q dma-buf-pfn-importer"))
		fd = __pfn_importer_open();
	igt_require_f(fd >= 0, "no /dev/dma_buf_pfn_importer\n");
	return fd;
}

int pfn_import_flags(int importer, int dmabuf, uint32_t flags)
{
	int import = __pfn_import_flags(importer, dmabuf, flags, NULL);

	igt_assert_lte(0, import);
	return import;
}

int pfn_import(int importer, int dmabuf)
{
	return pfn_import_flags(importer, dmabuf, DMA_BUF_PFN_IMPORT_P2P);
}

void *pfn_import_mmap(int import, size_t size, int prot)
{
	void *map = mmap(NULL, size, prot, MAP_SHARED, import, 0);

	igt_assert_f(map != MAP_FAILED, "mmap: %s\n", strerror(errno));
	return map;
}

struct dma_buf_pfn_stats pfn_import_stats(int import)
{
	struct dma_buf_pfn_stats stats;

	igt_assert_eq(__pfn_import_stats(import, &stats), 0);
	return stats;
}

struct dma_buf_pfn_entry pfn_import_entry(int import, uint64_t page)
{
	struct dma_buf_pfn_entry entry;

	igt_assert_eq(__pfn_import_snapshot(import, page, 1, &entry), 0);
	igt_assert_eq(entry.pad[0] | entry.pad[1], 0);
	return entry;
}

void pfn_import_read(int import, uint64_t offset, void *data, uint64_t length)
{
	igt_assert_eq(__pfn_import_access(import, offset, data, length,
					  DMA_BUF_PFN_ACCESS_READ), 0);
}

void pfn_import_write(int import, uint64_t offset, const void *data,
		      uint64_t length)
{
	igt_assert_eq(__pfn_import_access(import, offset, (void *)data, length,
					  DMA_BUF_PFN_ACCESS_WRITE), 0);
}

void pfn_import_dev_fill(int import, size_t size, uint64_t seed)
{
	void *data = malloc(size);

	igt_assert(data);
	pfn_pattern_fill(data, 0, size, seed);
	pfn_import_write(import, 0, data, size);
	free(data);
}

void pfn_import_dev_check(int import, size_t size, uint64_t seed)
{
	void *data = calloc(1, size);

	igt_assert(data);
	pfn_import_read(import, 0, data, size);
	pfn_assert_pattern(data, 0, size, seed);
	free(data);
}

/* Whether the block of @page can be mapped by one entry of @order */
static bool is_block(const uint64_t *pfns, uint64_t pages, uint64_t page, int order)
{
	uint64_t count = 1ULL << order, first = page & ~(count - 1), i;

	if (pages - first < count || pfns[first] & (count - 1))
		return false;
	for (i = 1; i < count; i++)
		if (pfns[first + i] != pfns[first] + i)
			return false;
	return true;
}

uint8_t *pfn_true_orders(const uint64_t *pfns, uint64_t pages)
{
	static const int orders[] = { PFN_ORDER_1G, PFN_ORDER_2M };
	uint8_t *order = calloc(pages, 1);
	uint64_t page;
	size_t i;

	igt_assert(order);
	for (i = 0; i < ARRAY_SIZE(orders); i++)
		for (page = 0; page < pages; page += 1ULL << orders[i])
			if (!order[page] && is_block(pfns, pages, page, orders[i]))
				memset(order + page, orders[i], 1ULL << orders[i]);
	return order;
}

/* Check the pfn and the generation of one side's translation. */
static void assert_side(const char *side, uint64_t page, uint64_t pfn, uint64_t want,
			uint64_t generation, uint64_t now)
{
	igt_assert_f(pfn == want, "page %llu: %s has pfn %#llx, want %#llx\n",
		     (long long)page, side, (long long)pfn, (long long)want);
	igt_assert_f(generation == now,
		     "page %llu: %s has a translation of notification %llu, want %llu\n",
		     (long long)page, side, (long long)generation, (long long)now);
}

void pfn_import_assert_truth(int import, int fd, uint32_t handle, size_t size,
			     uint32_t which)
{
	const uint32_t both = DMA_BUF_PFN_ENTRY_DEV | DMA_BUF_PFN_ENTRY_CPU;
	uint64_t i, generation, pages = size / PFN_PAGE_SIZE;
	struct dma_buf_pfn_entry *entries = calloc(pages, sizeof(*entries));
	uint64_t *pfns = vgem_pfn_bo_pfn_list(fd, handle, 0, pages);
	uint8_t *orders = pfn_true_orders(pfns, pages);

	igt_assert(entries);
	igt_assert_eq(__pfn_import_snapshot_at(import, 0, pages, entries, &generation),
		      0);

	for (i = 0; i < pages; i++) {
		const struct dma_buf_pfn_entry *entry = &entries[i];
		uint32_t flags = entry->flags & both;

		igt_assert_f(flags == which,
			     "page %llu: translations %#x, want %#x\n",
			     (long long)i, flags, which);
		if (flags)
			igt_assert_f(!(entry->flags & DMA_BUF_PFN_ENTRY_PENDING),
				     "page %llu: translated while its contents are pending\n",
				     (long long)i);
		if (flags & DMA_BUF_PFN_ENTRY_DEV) {
			assert_side("the device", i, entry->dev_pfn, pfns[i],
				    entry->dev_generation, generation);
			igt_assert_eq(entry->dev_order, orders[i]);
		}
		if (flags & DMA_BUF_PFN_ENTRY_CPU) {
			assert_side("the CPU", i, entry->cpu_pfn, pfns[i],
				    entry->cpu_generation, generation);
			/* Addresses and page tables may prevent the largest order. */
			igt_assert_lte(entry->cpu_order, orders[i]);
		}
	}

	free(orders);
	free(pfns);
	free(entries);
}

void pfn_importer_set_install_delay(uint32_t us)
{
	igt_assert_eq(__pfn_importer_set_install_delay(us), 0);
}

void pfn_importer_set_knob(const char *name, uint32_t value)
{
	igt_assert_eq(__pfn_importer_set(name, value), 0);
}

struct dma_buf_pfn_submit pfn_job_arg(uint32_t op, size_t size, uint64_t seed)
{
	uint64_t first = pfn_pattern_word(seed, 0);
	struct dma_buf_pfn_submit arg = {
		.op = op,
		.length = size,
	};

	if (op == DMA_BUF_PFN_JOB_FILL || op == DMA_BUF_PFN_JOB_VERIFY) {
		arg.value = first;
		arg.step = pfn_pattern_word(seed, 1) - first;
	}
	return arg;
}

void pfn_job_submit(int import, struct dma_buf_pfn_submit *arg)
{
	igt_assert_eq(__pfn_import_submit(import, arg), 0);
}

static uint32_t submit_pattern(int import, uint32_t op, unsigned int engine,
			       size_t size, uint64_t seed, uint32_t flags)
{
	struct dma_buf_pfn_submit arg = pfn_job_arg(op, size, seed);

	arg.engine = engine;
	arg.flags = flags;
	pfn_job_submit(import, &arg);
	return arg.job;
}

uint32_t pfn_job_fill(int import, unsigned int engine, size_t size,
		      uint64_t seed, uint32_t flags)
{
	return submit_pattern(import, DMA_BUF_PFN_JOB_FILL, engine, size, seed,
			      flags);
}

uint32_t pfn_job_verify(int import, unsigned int engine, size_t size,
			uint64_t seed, uint32_t flags)
{
	return submit_pattern(import, DMA_BUF_PFN_JOB_VERIFY, engine, size,
			      seed, flags);
}

struct dma_buf_pfn_result pfn_job_result(int import, uint32_t job)
{
	struct dma_buf_pfn_result result;

	igt_assert_eq(__pfn_import_result(import, job, 0, NULL, &result), 0);
	igt_assert_lte_u64(result.start_ns, result.access_ns);
	igt_assert_lte_u64(result.access_ns, result.end_ns);
	return result;
}

struct dma_buf_pfn_result pfn_job_assert_right(int import, uint32_t job)
{
	struct dma_buf_pfn_result result = pfn_job_result(import, job);

	igt_assert_f(!result.wrong, "%llu wrong words, the first at %#llx\n",
		     (long long)result.wrong, (long long)result.first_wrong);
	return result;
}

bool pfn_job_done(int import, uint32_t job)
{
	struct dma_buf_pfn_result result;
	int ret;

	ret = __pfn_import_result(import, job, DMA_BUF_PFN_RESULT_NOWAIT, NULL,
				  &result);
	if (!ret)
		return true;
	igt_assert_eq(ret, -EBUSY);
	return false;
}
