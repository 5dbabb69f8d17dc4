// SPDX-License-Identifier: MIT
/*
 * The output of "make run": a buffer is evicted from VRAM while it is imported,
 * and the importer faults it back in. All figures come from ioctls of this run.
 *
 * Prints an error and exits with 1 as soon as a step does not have the expected
 * effect.
 */
#include <stdarg.h>
#include <time.h>

#include "../../igt/lib/pfn_importer_ioctl.h"
#include "../../igt/lib/pfn_mem.h"
#include "../../igt/lib/pfn_pattern.h"
#include "../../igt/lib/vgem_pfn_ioctl.h"

#define MiB		(1ULL << 20)
#define SIZE		(32 * MiB)
#define PAGES		(SIZE / PFN_PAGE_SIZE)
#define CHUNK		(1 * MiB)

static struct drm_vgem_pfn_region regions[DRM_VGEM_PFN_MAX_REGIONS];
static uint32_t num_regions = DRM_VGEM_PFN_MAX_REGIONS;
static uint64_t pfns[PAGES];
static uint64_t buffer[CHUNK / sizeof(uint64_t)];

static int fd, importer, import;
static uint32_t handle;
static uint64_t seed;
static void *map;

__attribute__((format(printf, 2, 3)))
static void tell(const char *what, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("%-13s ", what);
	vprintf(format, args);
	printf("\n");
	fflush(stdout);
	va_end(args);
}

__attribute__((format(printf, 2, 3)))
static void expect(int truth, const char *format, ...)
{
	va_list args;

	if (truth)
		return;

	va_start(args, format);
	fprintf(stderr, "story: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(1);
}

/* Returns @ret, exits if it is a negative errno. */
static int check(int ret, const char *what)
{
	expect(ret >= 0, "%s: %s", what, strerror(-ret));
	return ret;
}

static unsigned long long ull(uint64_t value)
{
	return value;
}

static struct drm_vgem_pfn_bo_query query(void)
{
	struct drm_vgem_pfn_bo_query q;

	check(__vgem_pfn_bo_query(fd, handle, &q), "query");
	expect(q.region < num_regions, "the buffer is in no region: %u",
	       q.region);
	return q;
}

static struct dma_buf_pfn_stats stats(void)
{
	struct dma_buf_pfn_stats s;

	check(__pfn_import_stats(import, &s), "statistics of the import");
	return s;
}

/* Store the buffer's page frame numbers in pfns[], return the name of its region. */
static const char *whereabouts(void)
{
	check(__vgem_pfn_bo_pfns(fd, handle, 0, PAGES, pfns), "pfns");
	return (const char *)regions[query().region].name;
}

/* Check that the import's translations of the kinds in @which match pfns[]. */
static void expect_truth(uint32_t which)
{
	static struct dma_buf_pfn_entry entries[PAGES];
	uint64_t i;

	check(__pfn_import_snapshot(import, 0, PAGES, entries), "snapshot");
	for (i = 0; i < PAGES; i++) {
		expect((entries[i].flags & which) == which,
		       "page %llu is not mapped", ull(i));
		if (which & DMA_BUF_PFN_ENTRY_CPU)
			expect(entries[i].cpu_pfn == pfns[i],
			       "page %llu: pfn %#llx, mapped %#llx", ull(i),
			       ull(pfns[i]), ull(entries[i].cpu_pfn));
		if (which & DMA_BUF_PFN_ENTRY_DEV)
			expect(entries[i].dev_pfn == pfns[i],
			       "page %llu: pfn %#llx, in the device %#llx",
			       ull(i), ull(pfns[i]), ull(entries[i].dev_pfn));
	}
}

static void expect_pattern(const void *data, uint64_t offset, uint64_t length,
			   const char *by)
{
	uint64_t bad = pfn_pattern_check(data, offset, length, seed);

	expect(bad == PFN_PATTERN_OK, "wrong data at %#llx, read by %s",
	       ull(offset + bad), by);
}

static void verify_device(void)
{
	uint64_t offset;

	for (offset = 0; offset < SIZE; offset += CHUNK) {
		check(__pfn_import_access(import, offset, buffer, CHUNK,
					  DMA_BUF_PFN_ACCESS_READ),
		      "read by the device");
		expect_pattern(buffer, offset, CHUNK, "the device");
	}
}

static bool verify_mem(void)
{
	uint64_t i;

	/* CONFIG_STRICT_DEVMEM */
	if (__pfn_mem_read(pfns[0], 0, buffer, PFN_PAGE_SIZE) == -EPERM)
		return false;

	for (i = 0; i < PAGES; i++) {
		check(__pfn_mem_read(pfns[i], 0, buffer, PFN_PAGE_SIZE),
		      "/dev/mem");
		expect_pattern(buffer, i * PFN_PAGE_SIZE, PFN_PAGE_SIZE,
			       "/dev/mem");
	}
	return true;
}

static void carveouts(void)
{
	char why[256];
	uint32_t i;

	fd = check(__drm_open_by_name("vgem_pfn", "renderD"), "vgem_pfn");
	expect(!__vgem_pfn_check_regions(fd, why, sizeof(why)), "%s", why);
	check(__vgem_pfn_regions(fd, regions, &num_regions), "regions");
	for (i = VGEM_PFN_CARVEOUT; i < num_regions; i++)
		tell("carveout", "%s: %llu MiB at pfn %#llx, %llu MiB used",
		     regions[i].name, ull(regions[i].size / MiB),
		     ull(regions[i].base_pfn), ull(regions[i].used / MiB));
	expect(num_regions > VGEM_PFN_CARVEOUT, "there is no carveout");
}

static void create(void)
{
	static const uint32_t placements[] = { VGEM_PFN_CARVEOUT, VGEM_PFN_TT };
	uint64_t size = SIZE;
	const char *where;
	void *bo;

	seed = time(NULL);
	check(__vgem_pfn_bo_create(fd, &size, placements, 2, &handle),
	      "create a buffer");
	bo = __vgem_pfn_bo_mmap(fd, handle, SIZE, PROT_READ | PROT_WRITE);
	expect(!!bo, "mmap of the buffer: %s", strerror(errno));
	pfn_pattern_fill(bo, 0, SIZE, seed);
	munmap(bo, SIZE);

	where = whereabouts();
	expect(query().region == VGEM_PFN_CARVEOUT,
	       "the buffer was not placed in the carveout but in %s", where);
	tell("buffer", "%llu MiB in %s at pfn %#llx, filled from seed %#llx",
	     ull(size / MiB), where, ull(pfns[0]), ull(seed));
}

static void share(void)
{
	int dmabuf;

	dmabuf = check(__vgem_pfn_handle_to_fd(fd, handle,
					       DRM_CLOEXEC | DRM_RDWR),
		       "export");
	importer = check(__pfn_importer_open(), "pfn importer");
	import = check(__pfn_import(importer, dmabuf, NULL), "import");
	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, import, 0);
	expect(map != MAP_FAILED, "mmap of the import: %s", strerror(errno));
	tell("shared", "exported as fd %d, imported as fd %d, mapped", dmabuf,
	     import);
}

/* Access every page by CPU and by device. */
static void touch(const char *what)
{
	struct dma_buf_pfn_stats before = stats(), after;
	uint64_t faults[DMA_BUF_PFN_LEVELS], pages = 0;
	int i;

	expect_pattern(map, 0, SIZE, "the CPU");
	verify_device();
	after = stats();
	expect_truth(DMA_BUF_PFN_ENTRY_CPU | DMA_BUF_PFN_ENTRY_DEV);
	for (i = 0; i < DMA_BUF_PFN_LEVELS; i++) {
		faults[i] = after.faults_at[i] - before.faults_at[i];
		pages += faults[i] << 9 * i;
	}
	tell(what, "%llu faults of 2 MiB, %llu of 4 KiB, %llu device lookups, first pfn %#llx",
	     ull(faults[DMA_BUF_PFN_LEVEL_PMD]), ull(faults[DMA_BUF_PFN_LEVEL_PTE]),
	     ull(after.dev_lookups - before.dev_lookups), ull(pfns[0]));
	expect(pages == PAGES, "there are %llu pages, not %llu", PAGES, ull(pages));
	expect(after.dev_mapped == PAGES, "the device has %llu pages",
	       ull(after.dev_mapped));
}

/* Print what the importer's statistics recorded of a move, and its cost. */
static void tell_move(const struct dma_buf_pfn_stats *before)
{
	uint64_t notified, cpu, dev, old = pfns[0], ns;
	struct dma_buf_pfn_stats after = stats();
	const char *where = whereabouts();
	struct vgem_pfn_bo_stats copy;

	notified = after.invalidations - before->invalidations;
	cpu = after.cpu_zapped - before->cpu_zapped;
	dev = after.dev_zapped - before->dev_zapped;
	tell("", "%llu notification: %llu CPU and %llu device pages zapped",
	     ull(notified), ull(cpu), ull(dev));
	expect(notified >= 1, "the importer was not notified of the move");
	expect(cpu == PAGES && dev == PAGES,
	       "a move must zap %llu pages each", PAGES);
	expect(!after.cpu_mapped && !after.dev_mapped,
	       "entries are left after a move");
	expect(pfns[0] != old, "the buffer has not moved");

	check(__vgem_pfn_bo_stats(fd, handle, &copy), "bo_stats");
	ns = copy.last_copy_ns ?: 1;
	tell("", "%llu MiB copied in %llu.%llu ms, %llu MiB/s; now %s, pfn %#llx",
	     ull(copy.last_copy_bytes / MiB), ull(ns / 1000000),
	     ull(ns / 100000 % 10),
	     ull(copy.last_copy_bytes * 1000 / MiB * 1000000 / ns), where,
	     ull(pfns[0]));
	expect(copy.last_copy_bytes == SIZE, "the copy was incomplete");
}

static void evict(void)
{
	static const uint32_t carveout = VGEM_PFN_CARVEOUT;
	uint64_t total = 0, size = 8 * MiB;
	struct dma_buf_pfn_stats before = stats();
	int other;

	other = check(__drm_open_by_name("vgem_pfn", "renderD"), "vgem_pfn");
	while (query().region == VGEM_PFN_CARVEOUT) {
		uint32_t hog;

		check(__vgem_pfn_bo_create(other, &size, &carveout, 1, &hog),
		      "create another buffer");
		total += size;
		expect(total <= 2 * regions[carveout].size,
		       "%llu MiB of other buffers did not evict the buffer",
		       ull(total / MiB));
	}
	tell("evicted", "by %llu MiB of other buffers (%llu eviction)",
	     ull(total / MiB), ull(query().num_evictions));
	expect(query().num_evictions == 1, "the buffer was not evicted exactly once");
	tell_move(&before);
	close(other);
}

static void move_back(void)
{
	struct dma_buf_pfn_stats before = stats();

	check(__vgem_pfn_bo_move(fd, handle, VGEM_PFN_CARVEOUT), "move back");
	tell("moved back", "by request");
	tell_move(&before);
	expect(query().region == VGEM_PFN_CARVEOUT, "the buffer did not move back to the carveout");
}

static void verify(void)
{
	expect_pattern(map, 0, SIZE, "the CPU");
	verify_device();
	tell("verified", "%llu MiB alike by CPU, by device, %s", SIZE / MiB,
	     verify_mem() ? "by pfn in /dev/mem" :
			    "but not by pfn: this kernel restricts /dev/mem");
}

static void virtio_gpu(void)
{
	char path[32], node[64] = "";
	int gpu;

	gpu = __drm_open_by_name("virtio_gpu", "card");
	expect(gpu >= 0, "there is no virtio-gpu");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", gpu);
	expect(readlink(path, node, sizeof(node) - 1) > 0, "%s", path);
	tell("virtio-gpu", "is there as well: %s", node);
	close(gpu);
}

int main(void)
{
	carveouts();
	create();
	share();
	touch("touched");
	evict();
	touch("touched again");
	move_back();
	touch("touched again");
	verify();
	virtio_gpu();
	return 0;
}
