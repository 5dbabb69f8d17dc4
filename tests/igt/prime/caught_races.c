// SPDX-License-Identifier: MIT
/*
 * Checks that detect a broken importer without a stale write: by its snapshot, by the
 * data that it reads, or by what it leaves behind. See caught.c.
 */
#include <sys/mman.h>

#include "igt.h"
#include "caught.h"

/* Whether the import's entry differs from the exporter's pfn */
static bool entry_is_wrong(struct prime *p)
{
	struct dma_buf_pfn_entry entry = pfn_import_entry(p->import, 0);

	return entry.flags & ENTRY_DEV &&
	       entry.dev_pfn != vgem_pfn_bo_pfn(p->fd, p->handle, 0);
}

struct helper {
	int importer;
	struct prime *p;
	uint32_t flags;
	int import;
	int ret;
	struct pfn_thread thread;
};

static void import_run(void *arg)
{
	struct helper *h = arg;

	h->import = __pfn_import_flags(h->importer, h->p->dmabuf, h->flags, NULL);
}

/*
 * Move the buffer after the import has attached and before the ioctl returns. Returns
 * false if the ioctl had returned already.
 */
static bool try_early_import(int fd, int importer, uint32_t flags, uint32_t delay_us,
			     struct verdict *verdict_out)
{
	struct prime p = prime_create(fd, importer, SIZE, 1);
	struct helper helper = {
		.importer = importer, .p = &p, .flags = flags,
	};
	struct verdict v;
	uint64_t since;
	bool early;
	int old;

	pfn_importer_set_knob("attach_delay_us", delay_us);
	pfn_thread_start(&helper.thread, import_run, &helper);
	while (vgem_pfn_bo_query(fd, p.handle).num_attachments != 2)
		usleep(MS);
	pfn_thread_asleep(&helper.thread);
	since = now_us();
	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_TT);
	early = !helper.thread.done;
	pfn_thread_join(&helper.thread);
	pfn_importer_set_knob("attach_delay_us", 0);
	igt_assert_lte(0, helper.import);
	if (!early) {
		close(helper.import);
		prime_destroy(&p);
		return false;
	}

	old = p.import;
	p.import = helper.import;
	v = verdict(entry_is_wrong(&p), "snapshot unlike the truth", since);
	/* The exporter notified the attachment; one made too early misses it. */
	igt_assert_eq_u64(pfn_import_stats(p.import).invalidations, !v.by);
	close(old);
	if (!v.by)
		pfn_import_dev_check(p.import, SIZE, 1);
	prime_destroy(&p);
	*verdict_out = v;
	return true;
}

struct verdict early_import(int fd, int importer, uint32_t flags)
{
	uint32_t us = PRIME_DELAY_US;
	struct verdict v;

	while (!try_early_import(fd, importer, flags, us, &v))
		us = prime_longer_delay(us);
	return v;
}

static void read_run(void *arg)
{
	struct helper *h = arg;
	uint64_t word;

	h->ret = __pfn_import_access(h->p->import, 0, &word, sizeof(word), 0);
}

struct verdict lookup_race(int fd, int importer, uint32_t flags)
{
	uint64_t since = now_us();
	struct helper helper = {};
	uint32_t us = PRIME_DELAY_US;
	struct verdict v;
	struct prime p;

	for (;;) {
		p = prime_create_flags(fd, importer, SIZE, 1, flags);
		helper.p = &p;
		if (prime_move_during_lookup(&p, &helper.thread, read_run, &helper, us))
			break;
		prime_destroy(&p);
		us = prime_longer_delay(us);
	}
	igt_assert_eq(helper.ret, 0);
	v = verdict(entry_is_wrong(&p), "snapshot unlike the truth", since);
	prime_destroy(&p);
	return v;
}

/*
 * Create a buffer with the contents of seed 2 and a pending copy into the carveout,
 * where these contents never were. The copy begins when @hold ends, or when an importer
 * that waits for it sleeps.
 */
static struct prime copying(int fd, int importer, uint32_t flags,
			    struct pfn_hold *hold, uint64_t *since)
{
	struct prime p = prime_create_flags(fd, importer, SIZE, 1, flags);

	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_TT);
	vgem_pfn_bo_fill(fd, p.handle, SIZE, 2);
	pfn_hold_begin(hold);
	pfn_hold_dmabuf(hold, p.dmabuf);
	vgem_pfn_set_knob(fd, "async_moves", 1);
	*since = now_us();
	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_CARVEOUT);
	vgem_pfn_set_knob(fd, "async_moves", 0);
	if (!(flags & PFN_BROKEN_NO_FENCE_WAIT))
		pfn_hold_until_asleep(hold);
	return p;
}

struct verdict read_early(int fd, int importer, uint32_t flags)
{
	uint64_t since, word;
	struct pfn_hold hold;
	struct verdict v;
	struct prime p;

	p = copying(fd, importer, flags, &hold, &since);
	pfn_import_read(p.import, 0, &word, sizeof(word));
	v = verdict(word != pfn_pattern_word(2, 0), "wrong data", since);
	pfn_hold_end(&hold);
	vgem_pfn_bo_check(fd, p.handle, SIZE, 2);
	prime_destroy(&p);
	return v;
}

/* The same for a job, which has to get the copy's fence as a dependency */
struct verdict read_early_job(int fd, int importer, uint32_t flags)
{
	struct pfn_hold hold;
	struct verdict v;
	uint64_t since;
	struct prime p;
	uint32_t job;

	p = copying(fd, importer, flags, &hold, &since);
	job = pfn_job_verify(p.import, 0, SIZE, 2, 0);
	v = verdict(pfn_job_result(p.import, job).wrong, "wrong data", since);
	pfn_hold_end(&hold);
	vgem_pfn_bo_check(fd, p.handle, SIZE, 2);
	prime_destroy(&p);
	return v;
}

/* An import that fails last: the ioctl cannot write its result. */
struct verdict failed_import(int fd, int importer, uint32_t flags)
{
	struct prime p = prime_create(fd, importer, SIZE, 1);
	struct drm_vgem_pfn_bo_query query;
	struct dma_buf_pfn_import *arg;
	struct verdict v;
	uint64_t since;

	arg = mmap(NULL, PFN_PAGE_SIZE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	igt_assert(arg != MAP_FAILED);
	arg->dma_buf_fd = p.dmabuf;
	arg->flags = (flags & ~PFN_BROKEN) | DMA_BUF_PFN_IMPORT_PIN;
	igt_assert_eq(mprotect(arg, PFN_PAGE_SIZE, PROT_READ), 0);

	since = now_us();
	igt_assert_eq(__pfn_import_arg(importer, arg, flags & PFN_BROKEN), -EFAULT);
	query = vgem_pfn_bo_query(fd, p.handle);
	v = verdict(query.num_attachments != 1, "attachments left", since);
	igt_assert_eq_u32(query.num_attachments, v.by ? 2 : 1);
	igt_assert_eq_u32(query.pin_count, v.by ? 1 : 0);
	/* The failed import has moved a buffer in a BAR to memory that it reaches. */
	igt_assert_eq(__vgem_pfn_bo_move(fd, p.handle,
					 query.region == VGEM_PFN_CARVEOUT ?
					 VGEM_PFN_TT : VGEM_PFN_CARVEOUT),
		      v.by ? -EBUSY : 0);

	/* Release the leaked attachment, for the subtests that follow. */
	pfn_importer_set_knob("leaked", 1);
	query = vgem_pfn_bo_query(fd, p.handle);
	igt_assert_eq_u32(query.num_attachments, 1);
	igt_assert_eq_u32(query.pin_count, 0);
	munmap(arg, PFN_PAGE_SIZE);
	prime_check(&p, 1);
	prime_destroy(&p);
	return v;
}
