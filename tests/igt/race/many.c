// SPDX-License-Identifier: MIT
/* Many importers of one buffer: the cost of notifications, and fairness. */
#include <pthread.h>
#include <sys/mman.h>

#include "igt.h"
#include "race.h"

#define MANY		64
#define QUIET_MOVES	51
#define TRIES		5
#define BUSY_MOVES	150
#define BUSY_MOVES_LONG	1000
#define FEWEST_USES	10
#define BUSY_NS		60000000000ULL
#define THREADS		8
#define SIZE		(4 * KiB)

struct many {
	int fd;
	uint32_t handle;
	int dmabuf;
	unsigned int num;
	int imports[MANY];
	volatile uint64_t *maps[MANY];
};

static void many_create(struct many *m, int fd, int importer, unsigned int num)
{
	unsigned int i;

	*m = (struct many) { .fd = fd, .num = num };
	m->handle = vgem_pfn_bo_create(fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vgem_pfn_bo_fill(fd, m->handle, SIZE, 1);
	m->dmabuf = vgem_pfn_export(fd, m->handle);
	for (i = 0; i < num; i++) {
		m->imports[i] = pfn_import(importer, m->dmabuf);
		m->maps[i] = pfn_import_mmap(m->imports[i], SIZE, PROT_READ);
	}
}

static void many_destroy(struct many *m)
{
	unsigned int i;

	for (i = 0; i < m->num; i++) {
		munmap((void *)m->maps[i], SIZE);
		close(m->imports[i]);
	}
	close(m->dmabuf);
	vgem_pfn_gem_close(m->fd, m->handle);
}

static bool use(struct many *m, unsigned int i)
{
	uint64_t word = 0;

	return !__pfn_import_access(m->imports[i], 8, &word, sizeof(word), 0) &&
	       word == pfn_pattern_word(1, 1) &&
	       m->maps[i][0] == pfn_pattern_word(1, 0);
}

static uint64_t move(struct many *m, unsigned int n)
{
	uint64_t begin = pfn_now_ns();

	igt_assert_eq(__vgem_pfn_bo_move(m->fd, m->handle, n % 2 ?
					 VGEM_PFN_CARVEOUT : VGEM_PFN_TT), 0);
	return pfn_now_ns() - begin;
}

/*
 * Return the shortest duration of a move in ns, while @num importers have two
 * translations each. The machine may run other programs during a move, the longer the
 * move takes the more often, so a median would depend on them.
 */
static uint64_t quiet_move(int fd, int importer, unsigned int num)
{
	uint64_t ns, least = UINT64_MAX;
	struct many m;
	unsigned int i, n;

	many_create(&m, fd, importer, num);
	for (n = 0; n < QUIET_MOVES; n++) {
		for (i = 0; i < num; i++)
			igt_assert(use(&m, i));
		ns = move(&m, n);
		if (ns < least)
			least = ns;
	}
	many_destroy(&m);
	return least;
}

/* Whether the cost per importer is about the same for 64 importers as for 8 */
static bool try_cost(int fd, int importer)
{
	uint64_t none, one, few, many, each_few, each_many;

	none = quiet_move(fd, importer, 0);
	one = quiet_move(fd, importer, 1);
	few = quiet_move(fd, importer, 8);
	many = quiet_move(fd, importer, MANY);
	each_few = few > none ? (few - none) / 8 : 0;
	each_many = many > none ? (many - none) / MANY : 0;
	igt_info("a move of one page, least of %d, in us: %llu with no importer, %llu with 1, %llu with 8, %llu with 64\n",
		 QUIET_MOVES, (long long)none / 1000, (long long)one / 1000,
		 (long long)few / 1000, (long long)many / 1000);
	igt_info("for each importer: %llu ns of 8, %llu ns of 64\n",
		 (long long)each_few, (long long)each_many);
	/*
	 * There is a measurable cost, and it is not quadratic: that would be eight
	 * times as much.
	 */
	return each_many && each_many <= 3 * each_few + 2000;
}

static void test_cost(void)
{
	int fd = vgem_pfn_open(), importer = pfn_importer_open(), i;

	for (i = 0; i < TRIES; i++)
		if (try_cost(fd, importer))
			break;
	igt_assert_lt(i, TRIES);
	close(importer);
	close(fd);
}

struct user {
	struct many *many;
	unsigned int first;
	volatile int *stop;
	volatile uint64_t uses[MANY / THREADS];
	bool wrong;
	pthread_t thread;
};

static void *user_thread(void *arg)
{
	struct user *user = arg;
	unsigned int i;

	while (!*user->stop && !user->wrong)
		for (i = 0; i < MANY / THREADS; i++) {
			if (!use(user->many, user->first + i))
				user->wrong = true;
			user->uses[i]++;
		}
	return NULL;
}

static uint64_t least_uses(const struct user *users)
{
	uint64_t least = UINT64_MAX, uses;
	unsigned int i;

	for (i = 0; i < MANY; i++) {
		uses = users[i / (MANY / THREADS)].uses[i % (MANY / THREADS)];
		least = uses < least ? uses : least;
	}
	return least;
}

/* Whether no importer accessed the buffer much more often than another */
static bool try_fair(unsigned int moves)
{
	int fd = vgem_pfn_open(), importer = pfn_importer_open();
	uint64_t least, most = 0, lookups = UINT64_MAX, begin;
	struct user users[THREADS] = {};
	volatile int stop = 0;
	struct many m;
	unsigned int i, n;

	many_create(&m, fd, importer, MANY);
	for (i = 0; i < THREADS; i++) {
		users[i].many = &m;
		users[i].first = i * (MANY / THREADS);
		users[i].stop = &stop;
		igt_assert_eq(pthread_create(&users[i].thread, NULL, user_thread,
					     &users[i]), 0);
	}
	begin = pfn_now_ns();
	/* Neither the mover nor the slowest importer may starve. */
	for (n = 0; n < moves || least_uses(users) < FEWEST_USES; n++) {
		if (n >= moves && pfn_now_ns() - begin > BUSY_NS)
			break;
		move(&m, n);
	}
	begin = pfn_now_ns() - begin;
	stop = 1;
	for (i = 0; i < THREADS; i++)
		pthread_join(users[i].thread, NULL);

	for (i = 0; i < MANY; i++) {
		struct dma_buf_pfn_stats stats = pfn_import_stats(m.imports[i]);
		struct user *user = &users[i / (MANY / THREADS)];
		uint64_t uses = user->uses[i % (MANY / THREADS)];

		igt_assert(!user->wrong);
		igt_assert_lte_u64(n, stats.invalidations);
		most = uses > most ? uses : most;
		if (stats.dev_lookups < lookups)
			lookups = stats.dev_lookups;
	}
	least = least_uses(users);
	igt_info("%u moves in %llu ms; each importer used the buffer %llu to %llu times meanwhile, and looked it up %llu times or more\n",
		 n, (long long)begin / 1000000, (long long)least,
		 (long long)most, (long long)lookups);
	igt_assert_lte_u64(FEWEST_USES, least);
	many_destroy(&m);
	close(importer);
	close(fd);
	return most <= 20 * least;
}

static void test_fair(unsigned int moves)
{
	int i;

	for (i = 0; i < TRIES; i++)
		if (try_fair(moves))
			break;
	igt_assert_lt(i, TRIES);
}

void race_many_tests(void)
{
	igt_describe("The cost of a notification does not grow with the number of importers.");
	igt_subtest("many-cost")
		test_cost();

	igt_describe("Each of 64 importers can access a buffer that moves all the time.");
	igt_subtest("many-fair")
		test_fair(BUSY_MOVES);

	igt_describe("Like many-fair, for longer.");
	igt_subtest("many-fair-long")
		test_fair(BUSY_MOVES_LONG);
}
