// SPDX-License-Identifier: MIT
/*
 * Subtests of a page fault that waits for a pending copy: it blocks no other user of
 * the mapping or the buffer, and it can be interrupted and killed.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "async.h"
#include "igt.h"
#include "pfn_importer.h"

#define SIZE	(64 * KiB)

struct fault {
	int fd;
	uint32_t handle;
	uint32_t syncobj;
	int dmabuf;
	int import;
	char *map;
	uint64_t word;
	struct pfn_hold hold;
	struct pfn_thread thread;
};

static void fault_create(struct fault *f, int fd, int importer)
{
	*f = (struct fault) { .fd = fd };
	f->handle = vgem_pfn_bo_create(fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vgem_pfn_bo_fill(fd, f->handle, SIZE, 1);
	f->dmabuf = vgem_pfn_export(fd, f->handle);
	f->import = pfn_import(importer, f->dmabuf);
	f->map = pfn_import_mmap(f->import, SIZE, PROT_READ | PROT_WRITE);
	f->syncobj = syncobj_create(fd, 0);
	pfn_hold_begin(&f->hold);
	async_move_held(fd, f->handle, VGEM_PFN_TT, f->syncobj, &f->hold);
}

static void fault_destroy(struct fault *f)
{
	async_wait(f->fd, f->syncobj);
	pfn_assert_pattern(f->map, 0, SIZE, 1);
	vgem_pfn_bo_check_mem(f->fd, f->handle, SIZE, 1);
	syncobj_destroy(f->fd, f->syncobj);
	munmap(f->map, SIZE);
	close(f->import);
	close(f->dmabuf);
	vgem_pfn_gem_close(f->fd, f->handle);
}

static void fault_run(void *arg)
{
	struct fault *f = arg;

	f->word = *(volatile uint64_t *)f->map;
}

static void fault_start(struct fault *f)
{
	pfn_thread_start(&f->thread, fault_run, f);
	pfn_hold_assert(&f->hold, pfn_thread_asleep(&f->thread));
}

static void fault_wait(struct fault *f)
{
	pfn_hold_end(&f->hold);
	pfn_thread_join(&f->thread);
	igt_assert(async_done(f->fd, f->syncobj));
	igt_assert_eq_u64(f->word, pfn_pattern_word(1, 0));
}

static void test_others_map(int fd, int importer)
{
	struct fault f;
	void *map;

	fault_create(&f, fd, importer);
	fault_start(&f);

	map = mmap(NULL, MiB, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	igt_assert(map != MAP_FAILED);
	memset(map, 1, MiB);
	igt_assert_eq(munmap(map, MiB), 0);
	igt_assert_eq(munmap(f.map + SIZE / 2, SIZE / 2), 0);
	/* Neither mmap() nor munmap() waits for the copy. */
	igt_assert(pfn_hold_pending(&f.hold));
	pfn_hold_assert(&f.hold, !f.thread.done);
	pfn_hold_assert(&f.hold, !async_done(fd, f.syncobj));

	fault_wait(&f);
	map = mmap(f.map + SIZE / 2, SIZE / 2, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_FIXED, f.import, SIZE / 2);
	igt_assert(map == f.map + SIZE / 2);
	fault_destroy(&f);
}

static void test_others_move(int fd, int importer)
{
	struct fault f;

	fault_create(&f, fd, importer);
	fault_start(&f);

	async_move(fd, f.handle, VGEM_PFN_CARVEOUT, 0);
	/* The move does not wait for the copy. */
	igt_assert(pfn_hold_pending(&f.hold));
	pfn_hold_assert(&f.hold, !f.thread.done);
	pfn_hold_assert(&f.hold, !async_done(fd, f.syncobj));

	fault_wait(&f);
	igt_assert_eq_u64(pfn_import_entry(f.import, 0).cpu_pfn,
			  vgem_pfn_bo_pfn(fd, f.handle, 0));
	fault_destroy(&f);
}

static void test_unmapped(int fd, int importer)
{
	struct fault f;
	int status;
	pid_t pid;

	fault_create(&f, fd, importer);
	pid = fork();
	igt_assert_lte(0, pid);
	if (!pid) {
		/* The thread is killed by SIGSEGV when its fault is retried. */
		signal(SIGSEGV, SIG_DFL);
		pfn_thread_start(&f.thread, fault_run, &f);
		if (!pfn_thread_asleep(&f.thread))
			_exit(1);
		close(f.import);
		munmap(f.map, SIZE);
		pfn_hold_end(&f.hold);
		pfn_thread_join(&f.thread);
		_exit(2);
	}
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	pfn_hold_end(&f.hold);
	igt_assert(WIFSIGNALED(status));
	igt_assert_eq(WTERMSIG(status), SIGSEGV);
	fault_destroy(&f);
}

static void test_signal(int fd, int importer)
{
	struct fault f;

	fault_create(&f, fd, importer);
	fault_start(&f);
	pfn_thread_signal(&f.thread);
	while (!f.thread.signaled && pfn_hold_pending(&f.hold))
		usleep(10 * MS);
	/* The signal handler did not wait for the copy, and the fault continues. */
	igt_assert(pfn_hold_pending(&f.hold));
	pfn_hold_assert(&f.hold, pfn_thread_asleep(&f.thread));
	pfn_hold_assert(&f.hold, !async_done(fd, f.syncobj));
	fault_wait(&f);
	fault_destroy(&f);
}

enum where {
	IN_USER,
	IN_SYSCALL,
};

static void test_kill(int fd, int importer, enum where where)
{
	struct fault f;
	int status, ends[2];
	pid_t pid;

	igt_assert_eq(pipe(ends), 0);
	fault_create(&f, fd, importer);
	pid = fork();
	igt_assert_lte(0, pid);
	if (!pid && where == IN_USER)
		_exit(*(volatile char *)f.map);
	if (!pid)
		_exit(write(ends[1], f.map, 8) != 8);
	pfn_hold_assert(&f.hold, pfn_wait_asleep(pid));
	igt_assert_eq(kill(pid, SIGKILL), 0);
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	/* The task exited without waiting for the copy. */
	igt_assert(pfn_hold_pending(&f.hold));
	igt_assert(WIFSIGNALED(status));
	pfn_hold_assert(&f.hold, !async_done(fd, f.syncobj));
	pfn_hold_end(&f.hold);
	close(ends[0]);
	close(ends[1]);
	fault_destroy(&f);
}

void async_fault_tests(int fd, int importer)
{
	igt_describe("A fault that waits for a copy does not block mmap() and munmap().");
	igt_subtest("fault-others-map") {
		async_reset(fd);
		test_others_map(fd, importer);
	}

	igt_describe("A fault that waits for a copy does not block moves.");
	igt_subtest("fault-others-move") {
		async_reset(fd);
		test_others_move(fd, importer);
	}

	igt_describe("A mapping may be removed while a fault in it waits for a copy.");
	igt_subtest("fault-unmapped") {
		async_reset(fd);
		test_unmapped(fd, importer);
	}

	igt_describe("A thread whose fault waits for a copy handles signals.");
	igt_subtest("fault-signal") {
		async_reset(fd);
		test_signal(fd, importer);
	}

	igt_describe("A task whose fault waits for a copy can be killed.");
	igt_subtest("fault-kill") {
		async_reset(fd);
		test_kill(fd, importer, IN_USER);
	}

	igt_describe("Like fault-kill, for a fault within a system call.");
	igt_subtest("fault-kill-syscall") {
		async_reset(fd);
		test_kill(fd, importer, IN_SYSCALL);
	}
}
