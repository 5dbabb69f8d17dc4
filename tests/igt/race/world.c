// SPDX-License-Identifier: MIT
/*
 * The objects of a scenario: buffers that exceed the carveout, with two imports each;
 * and the checks after its end.
 */
#include <errno.h>
#include <stdarg.h>
#include <sys/mman.h>

#include "igt.h"
#include "race.h"
#include "vgem_pfn_module.h"

/*
 * Buffers start in the carveout, as far as there is space. Each list contains memory
 * with pages, for imports without P2P.
 */
static const uint32_t lists[][3] = {
	{ VGEM_PFN_CARVEOUT, VGEM_PFN_TT },
	{ VGEM_PFN_CARVEOUT, VGEM_PFN_SYSTEM, VGEM_PFN_TT },
	{ VGEM_PFN_TT, VGEM_PFN_CARVEOUT },
};

static const unsigned int lengths[] = { 2, 3, 2 };

static void buffer_create(struct race_world *world, unsigned int index)
{
	struct race_buffer *buffer = &world->buffers[index];
	unsigned int list = index % ARRAY_SIZE(lists), page, owner;
	int fd = world->setup->fd;
	uint32_t handle;
	uint64_t size;

	buffer->pages = index % 2 ? RACE_MAX_PAGES / 2 : RACE_MAX_PAGES;
	size = buffer->pages * PFN_PAGE_SIZE;
	handle = __vgem_pfn_bo_create_list(fd, size, lists[list], lengths[list]);
	buffer->dmabuf = vgem_pfn_export(fd, handle);
	vgem_pfn_gem_close(fd, handle);
	buffer->map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
			   buffer->dmabuf, 0);
	igt_assert(buffer->map != MAP_FAILED);

	for (page = 0; page < buffer->pages; page++) {
		uint64_t mark = race_mark(world, buffer, page), word;

		memcpy(buffer->map + page * PFN_PAGE_SIZE + RACE_MARK_OFFSET,
		       &mark, sizeof(mark));
		for (owner = 0; owner < world->scenario->num_threads; owner++) {
			word = race_value(world, buffer, page, owner, 0);
			memcpy(buffer->map + race_offset(page, owner), &word,
			       sizeof(word));
		}
	}
}

/* Returns -EEXIST if it is open already. */
int race_import_open(struct race_world *world, struct race_import *import)
{
	int ret = -EEXIST;

	pthread_mutex_lock(&import->lock);
	if (import->fd < 0) {
		ret = __pfn_import_flags(world->setup->importer,
					 import->buffer->dmabuf, import->flags,
					 NULL);
		import->fd = ret;
	}
	pthread_mutex_unlock(&import->lock);
	return ret;
}

/* Accesses through remaining mappings and duplicates are not counted from here on. */
void race_import_close(struct race_import *import)
{
	struct dma_buf_pfn_stats stats;
	int fd;

	pthread_mutex_lock(&import->lock);
	fd = import->fd;
	import->fd = -1;
	if (fd >= 0 && !__pfn_import_stats(fd, &stats)) {
		import->faults += stats.faults;
		import->lookups += stats.dev_lookups;
		import->retries += stats.dev_retries;
		import->invalidations += stats.invalidations;
	}
	pthread_mutex_unlock(&import->lock);
	if (fd >= 0)
		close(fd);
}

int race_import_get(struct race_import *import)
{
	int fd = -1;

	pthread_mutex_lock(&import->lock);
	if (import->fd >= 0)
		fd = dup(import->fd);
	pthread_mutex_unlock(&import->lock);
	return fd;
}

int race_import_map(struct race_import *import)
{
	int fd = race_import_get(import), ret = 0;

	if (fd < 0)
		return -ENXIO;
	if (mmap(import->map, import->buffer->pages * PFN_PAGE_SIZE,
		 PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) ==
	    MAP_FAILED)
		ret = -errno;
	close(fd);
	return ret;
}

void race_import_unmap(struct race_import *import)
{
	mmap(import->map, RACE_MAX_PAGES * PFN_PAGE_SIZE, PROT_NONE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

static void import_create(struct race_world *world, unsigned int index)
{
	struct race_import *import = &world->imports[index];

	pthread_mutex_init(&import->lock, NULL);
	import->buffer = &world->buffers[index % RACE_BUFFERS];
	import->fd = -1;
	/* One import in six has no P2P. */
	if (index % 6 != 2 || index >= RACE_BUFFERS)
		import->flags = DMA_BUF_PFN_IMPORT_P2P;
	if (index >= RACE_BUFFERS)
		import->flags |= world->setup->broken;
	import->map = mmap(NULL, RACE_MAX_PAGES * PFN_PAGE_SIZE, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	igt_assert(import->map != MAP_FAILED);
	igt_assert_lte(0, race_import_open(world, import));
	igt_assert_eq(race_import_map(import), 0);
}

static uint64_t stale_writes(int fd)
{
	unsigned long long n = 0;
	char path[96];
	struct stat st;
	FILE *file;

	igt_assert_eq(fstat(fd, &st), 0);
	snprintf(path, sizeof(path), "/sys/kernel/debug/dri/%u/stale_writes",
		 minor(st.st_rdev));
	file = fopen(path, "re");
	igt_assert(file);
	igt_assert_eq(fscanf(file, "%llu", &n), 1);
	fclose(file);
	return n;
}

static void set_knobs(int fd, const struct race_knobs *knobs)
{
	vgem_pfn_set_move_delay(fd, knobs->move_delay_us);
	vgem_pfn_set_quarantine(fd, knobs->quarantine_ms);
	vgem_pfn_set_max_block_order(fd, knobs->max_block_order);
	vgem_pfn_set_knob(fd, "engine_latency_us", knobs->engine_latency_us);
	pfn_importer_set_install_delay(knobs->install_delay_us);
}

static const struct race_knobs no_knobs = { .max_block_order = UINT32_MAX };

/* Open another file of the same device. */
static int open_again(int fd)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fd = open(path, O_RDWR | O_CLOEXEC);
	igt_assert_fd(fd);
	return fd;
}

void race_world_create(struct race_world *world, const struct race_setup *setup,
		       const struct race_scenario *scenario)
{
	unsigned int i;

	memset(world, 0, sizeof(*world));
	world->setup = setup;
	world->scenario = scenario;
	world->suspect = -1;
	world->stale = stale_writes(setup->fd);
	set_knobs(setup->fd, &scenario->knobs);
	for (i = 0; i < RACE_BUFFERS; i++)
		buffer_create(world, i);
	for (i = 0; i < RACE_IMPORTS; i++)
		import_create(world, i);
	for (i = 0; i < scenario->num_threads; i++) {
		world->threads[i].world = world;
		world->threads[i].index = i;
		world->threads[i].fd = open_again(setup->fd);
	}
}

/*
 * Handles belong to the thread's own file, so that closing them affects no other
 * thread.
 */
uint32_t race_handle(struct race_thread *thread, unsigned int buffer)
{
	int ret;

	if (thread->handles[buffer])
		return thread->handles[buffer];
	ret = __vgem_pfn_fd_to_handle(thread->fd,
				      thread->world->buffers[buffer].dmabuf,
				      &thread->handles[buffer]);
	if (ret)
		race_fail(thread->world, "no handle of buffer %u: %s", buffer,
			  strerror(-ret));
	return thread->handles[buffer];
}

void race_fail(struct race_world *world, const char *fmt, ...)
{
	int none = 0;
	va_list args;

	if (!atomic_compare_exchange_strong(&world->failed, &none, 1))
		return;
	va_start(args, fmt);
	vsnprintf(world->failure, sizeof(world->failure), fmt, args);
	va_end(args);
	atomic_store(&world->stop, 1);
	atomic_store(&world->failed, 2);
}

/* Read one page in one way. Returns 0 or -errno. */
typedef int (*read_page_fn)(struct race_thread *thread, void *from,
			    unsigned int page, void *data);

static int cpu_page(struct race_thread *thread, void *map, unsigned int page,
		    void *data)
{
	uint64_t word;
	int ret;

	ret = race_cpu_word(thread, map, page * PFN_PAGE_SIZE, &word);
	if (!ret)
		memcpy(data, (char *)map + page * PFN_PAGE_SIZE, PFN_PAGE_SIZE);
	return ret;
}

static int dev_page(struct race_thread *thread, void *fd, unsigned int page,
		    void *data)
{
	return __pfn_import_access((intptr_t)fd, page * PFN_PAGE_SIZE, data,
				   PFN_PAGE_SIZE, DMA_BUF_PFN_ACCESS_READ);
}

static int mem_page(struct race_thread *thread, void *pfns, unsigned int page,
		    void *data)
{
	return __pfn_mem_read(((uint64_t *)pfns)[page], 0, data, PFN_PAGE_SIZE);
}

/* Read a word from a copy of its page. */
static int data_word(struct race_thread *thread, void *data, size_t offset,
		     uint64_t *word)
{
	memcpy(word, (char *)data + offset % PFN_PAGE_SIZE, sizeof(*word));
	return 0;
}

/* Check all words of a buffer in one way, after all writers have ended. */
static void check_words(struct race_world *world, struct race_buffer *buffer,
			read_page_fn read, void *from, const char *how)
{
	struct race_thread *thread = &world->threads[0];
	uint64_t data[PFN_PAGE_SIZE / sizeof(uint64_t)], word;
	unsigned int page, owner;
	int ret = 0;

	for (page = 0; page < buffer->pages && !world->failed; page++) {
		ret = read(thread, from, page, data);
		if (ret)
			break;
		for (owner = 0; owner < world->scenario->num_threads; owner++)
			race_check(thread, buffer, page, owner, data_word, data,
				   how);
		word = data[RACE_MARK_OFFSET / sizeof(word)];
		if (word != race_mark(world, buffer, page))
			race_fail_buffer(world, buffer, "%s: mark of page %u is %#llx",
					 how, page, (long long)word);
	}
	if (ret && ret != -ENXIO)
		race_fail_buffer(world, buffer, "%s: %s", how, strerror(-ret));
}

/*
 * Detect a fault storm: more faults and lookups than accesses and notifications can
 * explain. Each move can invalidate the result of one access per thread, or of a child.
 */
static void check_storm(struct race_world *world, unsigned int index)
{
	struct race_import *import = &world->imports[index];
	uint64_t got, most;

	race_import_close(import);
	got = import->faults + import->lookups;
	most = import->touches + 64 +
	       (world->scenario->num_threads + 2) * import->invalidations;
	if (got > most)
		race_fail(world,
			  "fault storm: %llu faults and %llu lookups of import %u for %llu accesses and %llu notifications",
			  (long long)import->faults, (long long)import->lookups,
			  index, (long long)import->touches,
			  (long long)import->invalidations);
}

static void check_buffer(struct race_world *world, unsigned int index)
{
	struct race_buffer *buffer = &world->buffers[index];
	struct race_thread *thread = &world->threads[0];
	uint64_t pfns[RACE_MAX_PAGES];
	unsigned int i;

	/* This waits for copies, and swaps in. */
	check_words(world, buffer, cpu_page, buffer->map,
		    "at the end, by the exporter's mapping");
	if (world->failed)
		return;
	vgem_pfn_bo_pfns(thread->fd, race_handle(thread, index), 0,
			 buffer->pages, pfns);
	check_words(world, buffer, mem_page, pfns, "at the end, by /dev/mem");

	for (i = index; i < RACE_IMPORTS; i += RACE_BUFFERS) {
		struct race_import *import = &world->imports[i];

		atomic_fetch_add(&import->touches,
				 2 * buffer->pages);
		check_words(world, buffer, cpu_page, import->map,
			    "at the end, by an import's mapping");
		if (import->fd >= 0)
			check_words(world, buffer, dev_page,
				    (void *)(intptr_t)import->fd,
				    "at the end, by an import's device");
	}
}

static void world_check(struct race_world *world)
{
	unsigned int i;

	for (i = 0; i < RACE_BUFFERS && !world->failed; i++)
		check_buffer(world, i);
	for (i = 0; i < RACE_IMPORTS && !world->failed; i++)
		check_storm(world, i);
}

void race_world_destroy(struct race_world *world)
{
	int fd = world->setup->fd;
	unsigned int i;

	/* Check without delays. */
	set_knobs(fd, &no_knobs);
	if (!world->failed)
		world_check(world);

	for (i = 0; i < RACE_IMPORTS; i++) {
		race_import_close(&world->imports[i]);
		munmap(world->imports[i].map, RACE_MAX_PAGES * PFN_PAGE_SIZE);
		pthread_mutex_destroy(&world->imports[i].lock);
	}
	for (i = 0; i < RACE_BUFFERS; i++) {
		munmap(world->buffers[i].map,
		       world->buffers[i].pages * PFN_PAGE_SIZE);
		close(world->buffers[i].dmabuf);
	}
	for (i = 0; i < world->scenario->num_threads; i++)
		close(world->threads[i].fd);

	/*
	 * Allocating the whole carveout ends all quarantines, which reports stale
	 * writes.
	 */
	vgem_pfn_evict_all();
	if (stale_writes(fd) != world->stale)
		race_fail(world, "%llu stale writes, see the kernel's log",
			  (long long)(stale_writes(fd) - world->stale));
	if (world->setup->second)
		__vgem_pfn_faux_plug(1);
}
