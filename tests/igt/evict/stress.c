// SPDX-License-Identifier: MIT
/*
 * Subtests with several concurrent users whose buffers together exceed the carveout.
 * Each creates, fills, moves, checks and frees buffers at random.
 *
 * No allocation may fail for lack of memory, since all other buffers can be evicted.
 */
#include <pthread.h>
#include <sys/mman.h>

#include "evict.h"
#include "igt.h"
#include "pfn_importer.h"
#include "vgem_pfn.h"

#define NUM_USERS	4
#define NUM_BUFFERS	8
#define SHORT_NS	700000000ULL
#define LONG_NS		2500000000ULL
#define SEED		0x5eedULL

struct user {
	int fd;
	uint64_t ns;		/* duration */
	uint64_t seed;
	uint64_t carveout;
	uint64_t rounds;
	const char *what;	/* failed step */
	int ret;
};

struct buffer {
	uint32_t handle;
	uint64_t size;
	uint64_t seed;
	void *map;
};

static int fail(struct user *user, const char *what, int ret)
{
	user->what = what;
	user->ret = ret;
	return -1;
}

static int buffer_create(struct user *user, struct buffer *buffer,
			 uint64_t *state)
{
	static const uint32_t lists[][3] = {
		{ VGEM_PFN_CARVEOUT },
		{ VGEM_PFN_CARVEOUT, VGEM_PFN_TT },
		{ VGEM_PFN_CARVEOUT, VGEM_PFN_TT, VGEM_PFN_SYSTEM },
		{ VGEM_PFN_TT, VGEM_PFN_CARVEOUT },
	};
	static const int lengths[] = { 1, 2, 3, 2 };
	int list = pfn_random(state) % 4, ret;

	/* Eight buffers for each of four users: on average 1.5 times the carveout */
	buffer->size = (pfn_random(state) % (user->carveout * 3 / 32) + 4096) &
		       ~4095ULL;
	ret = __vgem_pfn_bo_create(user->fd, &buffer->size, lists[list],
				   lengths[list], &buffer->handle);
	if (ret)
		return fail(user, "create", ret);

	buffer->map = __vgem_pfn_bo_mmap(user->fd, buffer->handle, buffer->size,
					 PROT_READ | PROT_WRITE);
	if (!buffer->map)
		return fail(user, "mmap", -errno);
	return 0;
}

/* Fill one page in sixteen, including the first and the last. */
static void buffer_fill(struct buffer *buffer, uint64_t seed)
{
	uint64_t offset;

	buffer->seed = seed;
	for (offset = 0; offset < buffer->size; offset += 16 * PFN_PAGE_SIZE)
		pfn_pattern_fill((char *)buffer->map + offset, offset,
				 PFN_PAGE_SIZE, seed);
	offset = buffer->size - PFN_PAGE_SIZE;
	pfn_pattern_fill((char *)buffer->map + offset, offset, PFN_PAGE_SIZE,
			 seed);
}

static int buffer_check(struct user *user, struct buffer *buffer)
{
	uint64_t offset;

	for (offset = 0; offset < buffer->size; offset += 16 * PFN_PAGE_SIZE)
		if (pfn_pattern_check((char *)buffer->map + offset, offset,
				      PFN_PAGE_SIZE, buffer->seed) !=
		    PFN_PATTERN_OK)
			return fail(user, "data", -EIO);
	offset = buffer->size - PFN_PAGE_SIZE;
	if (pfn_pattern_check((char *)buffer->map + offset, offset,
			      PFN_PAGE_SIZE, buffer->seed) != PFN_PATTERN_OK)
		return fail(user, "data of the last page", -EIO);
	return 0;
}

static int buffer_free(struct user *user, struct buffer *buffer)
{
	int ret;

	munmap(buffer->map, buffer->size);
	ret = __vgem_pfn_gem_close(user->fd, buffer->handle);
	buffer->handle = 0;
	return ret ? fail(user, "close", ret) : 0;
}

static int user_round(struct user *user, struct buffer *buffer,
		      uint64_t *state)
{
	static const uint32_t regions[] = {
		VGEM_PFN_SYSTEM, VGEM_PFN_CARVEOUT, VGEM_PFN_CARVEOUT,
	};
	int ret;

	if (!buffer->handle) {
		if (buffer_create(user, buffer, state))
			return -1;
		buffer_fill(buffer, pfn_random(state));
		return 0;
	}

	if (buffer_check(user, buffer))
		return -1;

	switch (pfn_random(state) % 4) {
	case 0:
		return buffer_free(user, buffer);
	case 1:
		buffer_fill(buffer, pfn_random(state));
		return 0;
	default:
		ret = __vgem_pfn_bo_move(user->fd, buffer->handle,
					 regions[pfn_random(state) % 3]);
		if (ret)
			return fail(user, "move", ret);
		return buffer_check(user, buffer);
	}
}

static void *user_run(void *arg)
{
	struct buffer buffers[NUM_BUFFERS] = {};
	struct user *user = arg;
	uint64_t state = user->seed;
	struct timespec start = {};
	int i;

	do {
		i = pfn_random(&state) % NUM_BUFFERS;
		if (user_round(user, &buffers[i], &state))
			return NULL;
		user->rounds++;
	} while (igt_nsec_elapsed(&start) < user->ns);
	for (i = 0; i < NUM_BUFFERS; i++)
		if (buffers[i].handle &&
		    (buffer_check(user, &buffers[i]) ||
		     buffer_free(user, &buffers[i])))
			return NULL;
	return NULL;
}

/*
 * Each user keeps moving a buffer of a third of the carveout into it. Most moves have
 * to evict a buffer that its user is moving at the same time.
 */
static void *user_contend(void *arg)
{
	static const uint32_t list = VGEM_PFN_CARVEOUT;
	struct user *user = arg;
	struct buffer buffer = {
		.size = (user->carveout / 3) & ~(PFN_PAGE_SIZE - 1),
	};
	struct timespec start = {};
	int ret;

	ret = __vgem_pfn_bo_create(user->fd, &buffer.size, &list, 1,
				   &buffer.handle);
	if (ret) {
		fail(user, "create", ret);
		return NULL;
	}
	buffer.map = __vgem_pfn_bo_mmap(user->fd, buffer.handle, buffer.size,
					PROT_READ | PROT_WRITE);
	if (!buffer.map) {
		fail(user, "mmap", -errno);
		return NULL;
	}
	buffer_fill(&buffer, user->seed);

	do {
		ret = __vgem_pfn_bo_move(user->fd, buffer.handle,
					 user->rounds % 4 == 3 ?
					 VGEM_PFN_SYSTEM : VGEM_PFN_CARVEOUT);
		if (ret) {
			fail(user, "move", ret);
			return NULL;
		}
		user->rounds++;
	} while (igt_nsec_elapsed(&start) < user->ns);
	if (!buffer_check(user, &buffer))
		buffer_free(user, &buffer);
	return NULL;
}

/* Users of user_free() share this much of the carveout, enough for one buffer at a time. */
#define FREE_SIZE	(8 * PFN_PAGE_SIZE)

/* Each user keeps allocating and freeing a buffer. */
static void *user_free(void *arg)
{
	static const uint32_t list = VGEM_PFN_CARVEOUT;
	uint64_t size = FREE_SIZE / 2 + PFN_PAGE_SIZE;
	struct user *user = arg;
	struct timespec start = {};
	uint32_t handle;
	int ret;

	do {
		ret = __vgem_pfn_bo_create(user->fd, &size, &list, 1, &handle);
		if (ret) {
			fail(user, "create", ret);
			return NULL;
		}
		ret = __vgem_pfn_gem_close(user->fd, handle);
		if (ret) {
			fail(user, "close", ret);
			return NULL;
		}
		user->rounds++;
	} while (igt_nsec_elapsed(&start) < user->ns);
	return NULL;
}

static void user_init(struct user *user, int fd, int number, uint64_t ns)
{
	*user = (struct user) {
		.fd = fd,
		.ns = ns,
		.seed = SEED + number,
		.carveout = vgem_pfn_carveout_size(fd),
	};
}

static void user_assert_fine(struct user *user)
{
	igt_assert_f(!user->what, "%s: %d (%s) in round %llu, seed %#llx\n",
		     user->what, user->ret, strerror(-user->ret),
		     (long long)user->rounds, (long long)user->seed);
	igt_info("seed %#llx: %llu rounds\n", (long long)user->seed,
		 (long long)user->rounds);
}

static void test_threads(int fd, void *(*run)(void *), uint64_t ns)
{
	struct user users[NUM_USERS];
	pthread_t threads[NUM_USERS];
	int i;

	for (i = 0; i < NUM_USERS; i++) {
		user_init(&users[i], fd, i, ns);
		igt_assert_eq(pthread_create(&threads[i], NULL, run, &users[i]),
			      0);
	}
	for (i = 0; i < NUM_USERS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < NUM_USERS; i++)
		user_assert_fine(&users[i]);
}

static void test_processes(uint64_t ns)
{
	igt_fork(child, NUM_USERS) {
		struct user user;

		user_init(&user, vgem_pfn_open(), child, ns);
		user_run(&user);
		user_assert_fine(&user);
	}
	igt_waitchildren();
}

static void test_contended(int fd, uint64_t ns)
{
	/* Longer moves overlap more often. */
	vgem_pfn_set_move_delay(fd, 2000);
	test_threads(fd, user_contend, ns);
	vgem_pfn_set_move_delay(fd, 0);
}

/* @quarantine_ms: of memory that is freed */
static void test_freed(int fd, uint32_t quarantine_ms, uint64_t ns)
{
	int importer = pfn_importer_open(), dmabuf, import;
	uint32_t handle;

	/* The rest of the carveout is pinned. */
	handle = vgem_pfn_bo_create(fd, vgem_pfn_carveout_size(fd) - FREE_SIZE,
				    VGEM_PFN_CARVEOUT);
	dmabuf = vgem_pfn_export(fd, handle);
	import = pfn_import_flags(importer, dmabuf, DMA_BUF_PFN_IMPORT_P2P |
						    DMA_BUF_PFN_IMPORT_PIN |
						    DMA_BUF_PFN_IMPORT_REVOCABLE);

	vgem_pfn_set_quarantine(fd, quarantine_ms);
	test_threads(fd, user_free, ns);
	vgem_pfn_set_quarantine(fd, 0);

	close(import);
	close(dmabuf);
	close(importer);
	vgem_pfn_gem_close(fd, handle);
}

void evict_stress_tests(int fd)
{
	static const struct {
		const char *suffix;
		uint64_t ns;
	} forms[] = { { "", SHORT_NS }, { "-long", LONG_NS } };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(forms); i++) {
		igt_describe("Processes that evict each other's buffers lose no contents.");
		igt_subtest_f("stress-processes%s", forms[i].suffix)
			test_processes(forms[i].ns);

		igt_describe("Threads that evict each other's buffers lose no contents.");
		igt_subtest_f("stress-threads%s", forms[i].suffix)
			test_threads(fd, user_run, forms[i].ns);

		igt_describe("An allocation waits for memory in use, then succeeds.");
		igt_subtest_f("stress-contended%s", forms[i].suffix)
			test_contended(fd, forms[i].ns);

		igt_describe("An allocation waits for memory that is being freed.");
		igt_subtest_f("stress-freed%s", forms[i].suffix)
			test_freed(fd, 0, forms[i].ns);

		igt_describe("An allocation uses memory whose quarantine ends.");
		igt_subtest_f("stress-quarantine%s", forms[i].suffix)
			test_freed(fd, 1, forms[i].ns);
	}
}
