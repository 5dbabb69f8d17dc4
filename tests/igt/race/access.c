// SPDX-License-Identifier: MIT
/*
 * Actions that read and write words: through a mapping, by the importer's device, by a
 * job of one of its engines, or through a mapping in a child.
 *
 * Other threads map and unmap meanwhile. Unmapped ranges are PROT_NONE, so an access to
 * them raises SIGSEGV; a fault that the importer rejects raises SIGBUS. The handlers
 * return to the begin of the access.
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "igt.h"
#include "race.h"

/* Where to continue after a signal, for each thread */
static __thread sigjmp_buf * volatile fault_return;

static void fault_handler(int sig)
{
	sigjmp_buf *to = fault_return;

	if (!to) {
		signal(sig, SIG_DFL);
		raise(sig);
		return;
	}
	siglongjmp(*to, sig);
}

void race_catch_faults(bool on)
{
	static struct sigaction old_bus, old_segv;
	struct sigaction action = {
		.sa_handler = fault_handler,
		.sa_flags = SA_NODEFER,
	};

	if (on) {
		sigaction(SIGBUS, &action, &old_bus);
		sigaction(SIGSEGV, &action, &old_segv);
	} else {
		sigaction(SIGBUS, &old_bus, NULL);
		sigaction(SIGSEGV, &old_segv, NULL);
	}
}

/*
 * Returns 0, -ENXIO if nothing is mapped, -EFAULT if the importer rejected the fault.
 */
static int cpu_access(struct race_thread *thread, void *map, size_t offset,
		      uint64_t *word, bool write)
{
	volatile uint64_t *at = (void *)((char *)map + offset);
	int sig;

	sig = sigsetjmp(thread->fault, 0);
	if (!sig) {
		fault_return = &thread->fault;
		if (write)
			*at = *word;
		else
			*word = *at;
	}
	fault_return = NULL;
	if (!sig)
		return 0;
	return sig == SIGSEGV ? -ENXIO : -EFAULT;
}

int race_cpu_word(struct race_thread *thread, void *map, size_t offset,
		  uint64_t *word)
{
	return cpu_access(thread, map, offset, word, false);
}

static int cpu_write_word(struct race_thread *thread, void *map, size_t offset,
			  uint64_t *word)
{
	return cpu_access(thread, map, offset, word, true);
}

int race_dev_word(struct race_thread *thread, void *fd, size_t offset,
		  uint64_t *word)
{
	return __pfn_import_access((intptr_t)fd, offset, word, sizeof(*word),
				   DMA_BUF_PFN_ACCESS_READ);
}

static int dev_write_word(struct race_thread *thread, void *fd, size_t offset,
			  uint64_t *word)
{
	return __pfn_import_access((intptr_t)fd, offset, word, sizeof(*word),
				   DMA_BUF_PFN_ACCESS_WRITE);
}

/* Some threads share an engine, so that jobs of different imports queue up. */
static int job_word(struct race_thread *thread, void *fd, size_t offset,
		    uint64_t *word, uint32_t op)
{
	struct dma_buf_pfn_submit arg = {
		.offset = offset,
		.length = sizeof(*word),
		.data = op == DMA_BUF_PFN_JOB_WRITE ? (uintptr_t)word : 0,
		.op = op,
		.engine = thread->index % DMA_BUF_PFN_NUM_ENGINES,
	};
	struct dma_buf_pfn_result result;

	return __pfn_import_submit((intptr_t)fd, &arg) ?:
	       __pfn_import_result((intptr_t)fd, arg.job, 0,
				   op == DMA_BUF_PFN_JOB_READ ? word : NULL,
				   &result);
}

static int job_read_word(struct race_thread *thread, void *fd, size_t offset,
			 uint64_t *word)
{
	return job_word(thread, fd, offset, word, DMA_BUF_PFN_JOB_READ);
}

static int job_write_word(struct race_thread *thread, void *fd, size_t offset,
			  uint64_t *word)
{
	return job_word(thread, fd, offset, word, DMA_BUF_PFN_JOB_WRITE);
}

static struct race_import *import_of(struct race_thread *thread,
				     const struct race_action *action)
{
	return &thread->world->imports[action->import];
}

static bool is_broken(struct race_thread *thread, struct race_import *import)
{
	return thread->world->setup->broken &&
	       import >= &thread->world->imports[RACE_BUFFERS];
}

/*
 * An import without P2P may fail if the buffer is pinned in memory that it does not
 * reach. One with P2P must not fail.
 */
static int judge(struct race_thread *thread, struct race_import *import, int ret,
		 const char *how)
{
	if (!ret || ret == -ENXIO || ret == -EINTR)
		return ret;
	if (import->flags & DMA_BUF_PFN_IMPORT_P2P)
		race_fail(thread->world, "%s of import %u: %s", how,
			  (unsigned int)(import - thread->world->imports),
			  strerror(-ret));
	return ret;
}

/* The exporter's own mapping in one of four cases, else the importer's */
static void *map_of(struct race_import *import, const struct race_action *action)
{
	return action->arg % 4 ? import->map : import->buffer->map;
}

/* Check the thread's own word, and another thread's. */
static int read_two(struct race_thread *thread, const struct race_action *action,
		    race_word_fn read, void *from, const char *how)
{
	struct race_import *import = import_of(thread, action);
	struct race_buffer *buffer = import->buffer;
	unsigned int page = action->page % buffer->pages;
	unsigned int other = action->arg / 4 %
			     thread->world->setup->num_threads;
	int ret;

	atomic_fetch_add(&import->touches, 2);
	ret = race_check(thread, buffer, page, thread->index, read, from, how);
	return ret ?: race_check(thread, buffer, page, other, read, from, how);
}

int race_cpu_read(struct race_thread *thread, const struct race_action *action)
{
	struct race_import *import = import_of(thread, action);

	return judge(thread, import,
		     read_two(thread, action, race_cpu_word,
			      map_of(import, action), "CPU read"), "CPU read");
}

/* Read through the slot's import, if it has one. */
static int read_import(struct race_thread *thread,
		       const struct race_action *action, race_word_fn read,
		       const char *how)
{
	struct race_import *import = import_of(thread, action);
	int ret, fd;

	fd = race_import_get(import);
	if (fd < 0)
		return -ENXIO;
	ret = read_two(thread, action, read, (void *)(intptr_t)fd, how);
	close(fd);
	/*
	 * Check the snapshot right after the lookup, when a stale entry is most likely.
	 */
	if (!ret && action->arg >> 14 & 1)
		race_snapshot(thread, action, action->page % import->buffer->pages,
			      1);
	return judge(thread, import, ret, how);
}

int race_dev_read(struct race_thread *thread, const struct race_action *action)
{
	return read_import(thread, action, race_dev_word, "device read");
}

int race_job_read(struct race_thread *thread, const struct race_action *action)
{
	return read_import(thread, action, job_read_word, "job read");
}

/*
 * Begin to write the next number of the thread's own word; no other thread writes it.
 */
static uint32_t write_begin(struct race_thread *thread, struct race_word *state)
{
	uint32_t seq = atomic_load(&state->begun) + 1;

	atomic_store(&state->begun, seq);
	return seq;
}

/* After a failed write, both the old and the new value are valid. */
static void write_end(struct race_word *state, uint32_t seq, int ret)
{
	if (!ret)
		atomic_store(&state->done, seq);
}

/* Write the thread's own word, in the action's page. */
static int write_own(struct race_thread *thread, const struct race_action *action,
		     race_word_fn write, void *to, const char *how)
{
	struct race_import *import = import_of(thread, action);
	struct race_buffer *buffer = import->buffer;
	unsigned int page = action->page % buffer->pages;
	struct race_word *state = &buffer->words[page][thread->index];
	uint32_t seq;
	uint64_t word;
	int ret;

	atomic_fetch_add(&import->touches, 1);
	seq = write_begin(thread, state);
	word = race_value(thread->world, buffer, page, thread->index, seq);
	ret = write(thread, to, race_offset(page, thread->index), &word);
	write_end(state, seq, ret);
	return judge(thread, import, ret, how);
}

static int write_import(struct race_thread *thread,
			const struct race_action *action, race_word_fn write,
			const char *how)
{
	int ret, fd;

	fd = race_import_get(import_of(thread, action));
	if (fd < 0)
		return -ENXIO;
	ret = write_own(thread, action, write, (void *)(intptr_t)fd, how);
	close(fd);
	return ret;
}

int race_cpu_write(struct race_thread *thread, const struct race_action *action)
{
	struct race_import *import = import_of(thread, action);

	if (is_broken(thread, import))
		return race_cpu_read(thread, action);
	return write_own(thread, action, cpu_write_word, map_of(import, action),
			 "CPU write");
}

int race_dev_write(struct race_thread *thread, const struct race_action *action)
{
	if (is_broken(thread, import_of(thread, action)))
		return race_dev_read(thread, action);
	return write_import(thread, action, dev_write_word, "device write");
}

int race_job_write(struct race_thread *thread, const struct race_action *action)
{
	if (is_broken(thread, import_of(thread, action)))
		return race_job_read(thread, action);
	return write_import(thread, action, job_write_word, "job write");
}

/*
 * Runs in the child and does not return. The parent waits, so no other thread writes
 * this word meanwhile.
 */
__attribute__((noreturn))
static void child(struct race_thread *thread, void *map, size_t offset,
		  uint64_t least, uint64_t most, uint64_t next, bool write)
{
	uint64_t word = 0;
	int ret;

	ret = cpu_access(thread, map, offset, &word, false);
	if (!ret && (word < least || word > most))
		_exit(1);
	if (!ret && write)
		ret = cpu_access(thread, map, offset, &next, true);
	_exit(ret == -ENXIO ? 2 : ret ? 3 : 0);
}

int race_fork(struct race_thread *thread, const struct race_action *action)
{
	struct race_import *import = import_of(thread, action);
	struct race_buffer *buffer = import->buffer;
	unsigned int page = action->page % buffer->pages;
	struct race_word *state = &buffer->words[page][thread->index];
	uint64_t least, most, next;
	uint32_t seq;
	bool write = !is_broken(thread, import);
	int status, ret;
	pid_t pid;

	least = race_value(thread->world, buffer, page, thread->index,
			   atomic_load(&state->done));
	most = race_value(thread->world, buffer, page, thread->index,
			  atomic_load(&state->begun));
	seq = write ? write_begin(thread, state) : 0;
	next = race_value(thread->world, buffer, page, thread->index, seq);
	atomic_fetch_add(&import->touches, 2);

	pid = fork();
	if (!pid)
		child(thread, import->map, race_offset(page, thread->index),
		      least, most, next, write);
	if (pid < 0)
		return -errno;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status)) {
		race_fail(thread->world, "a child was killed by signal %d",
			  WTERMSIG(status));
		return 0;
	}

	switch (WEXITSTATUS(status)) {
	case 0:
		ret = 0;
		break;
	case 1:
		race_fail_buffer(thread->world, buffer,
				 "a child of thread %u read a wrong word in page %u of buffer %u",
				 thread->index, page,
				 (unsigned int)(buffer - thread->world->buffers));
		return 0;
	case 2:
		ret = -ENXIO;
		break;
	default:
		ret = -EFAULT;
		break;
	}
	if (write)
		write_end(state, seq, ret);
	return judge(thread, import, ret, "child access");
}
