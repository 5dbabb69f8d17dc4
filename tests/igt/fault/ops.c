// SPDX-License-Identifier: MIT
/* Operations for vgem_pfn_fault. */
#include <string.h>

#include "fault.h"
#include "igt.h"
#include "vgem_pfn_module.h"

/* Limit of a wait for workers: 30 s */
#define TRY_US		10000
#define MAX_TRIES	3000

static void place(struct fault *f, uint32_t first, uint32_t second)
{
	f->handle = vgem_pfn_bo_create(f->fd, FAULT_SIZE, first, second);
	vgem_pfn_bo_fill(f->fd, f->handle, FAULT_SIZE, FAULT_SEED);
	f->filled = true;
}

static void prepare_nothing(struct fault *f)
{
}

static void prepare_carveout(struct fault *f)
{
	place(f, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
}

static void prepare_tt(struct fault *f)
{
	place(f, VGEM_PFN_TT, VGEM_PFN_CARVEOUT);
}

static void prepare_dmabuf(struct fault *f)
{
	prepare_carveout(f);
	f->dmabuf = vgem_pfn_export(f->fd, f->handle);
}

static void prepare_import(struct fault *f)
{
	prepare_dmabuf(f);
	f->import = pfn_import(f->importer, f->dmabuf);
}

/* A buffer in SYSTEM, not yet populated */
static void prepare_import_tt(struct fault *f)
{
	f->handle = vgem_pfn_bo_create(f->fd, FAULT_SIZE, VGEM_PFN_SYSTEM);
	f->dmabuf = vgem_pfn_export(f->fd, f->handle);
	f->import = pfn_import(f->importer, f->dmabuf);
}

/* Fill the carveout up to one buffer, once for all runs: clearing takes long. */
static void fill_carveout(struct fault *f)
{
	uint64_t size = vgem_pfn_carveout_size(f->fd);
	uint32_t handle;
	int dmabuf;

	f->filler = vgem_pfn_open();
	handle = vgem_pfn_bo_create(f->filler, size - FAULT_SIZE,
				    VGEM_PFN_CARVEOUT);
	dmabuf = vgem_pfn_export(f->filler, handle);
	f->pin = pfn_import_flags(f->importer, dmabuf, DMA_BUF_PFN_IMPORT_PIN);
	close(dmabuf);
}

/* Fill the carveout with a pinned buffer and with an evictable one. */
static void prepare_full(struct fault *f)
{
	if (f->filler < 0)
		fill_carveout(f);
	prepare_carveout(f);
}

static void prepare_other(struct fault *f)
{
	f->other = vgem_pfn_open_faux(1);
	prepare_dmabuf(f);
}

static void prepare_imported(struct fault *f)
{
	prepare_other(f);
	igt_assert_eq(__vgem_pfn_fd_to_handle(f->other, f->dmabuf,
					      &f->imported), 0);
}

static int run_create(struct fault *f)
{
	const uint32_t placements[] = { VGEM_PFN_CARVEOUT };
	uint64_t size = FAULT_SIZE;
	uint32_t handle;
	int ret;

	/* A failed ioctl may have written to this. */
	ret = __vgem_pfn_bo_create(f->fd, &size, placements, 1, &handle);
	if (!ret)
		f->result = handle;
	return ret;
}

static int run_export(struct fault *f)
{
	int ret = __vgem_pfn_handle_to_fd(f->fd, f->handle,
					  DRM_CLOEXEC | DRM_RDWR);

	if (ret < 0)
		return ret;
	f->dmabuf = ret;
	return 0;
}

static int import_flags(struct fault *f, uint32_t flags)
{
	int ret = __pfn_import_flags(f->importer, f->dmabuf, flags, NULL);

	if (ret < 0)
		return ret;
	f->import = ret;
	return 0;
}

static int run_attach(struct fault *f)
{
	return import_flags(f, 0);
}

static int run_pin(struct fault *f)
{
	return import_flags(f, DMA_BUF_PFN_IMPORT_PIN);
}

static int run_access(struct fault *f)
{
	uint64_t word;

	return __pfn_import_access(f->import, 0, &word, sizeof(word), 0);
}

/* A read job with a fence fd uses most of the submit path. */
static int run_submit(struct fault *f)
{
	struct dma_buf_pfn_submit arg = {
		.length = FAULT_SIZE,
		.op = DMA_BUF_PFN_JOB_READ,
		.flags = DMA_BUF_PFN_SUBMIT_FENCE_FD,
	};
	int ret = __pfn_import_submit(f->import, &arg);

	if (!ret)
		close(arg.fence_fd);
	return ret;
}

static int run_import(struct fault *f)
{
	uint32_t handle;
	int ret;

	ret = __vgem_pfn_fd_to_handle(f->other, f->dmabuf, &handle);
	if (!ret)
		f->imported = handle;
	return ret;
}

static int run_map(struct fault *f)
{
	return __vgem_pfn_bo_move(f->other, f->imported, VGEM_PFN_TT);
}

static int run_move_tt(struct fault *f)
{
	return __vgem_pfn_bo_move(f->fd, f->handle, VGEM_PFN_TT);
}

/* With a copy by an engine, which is still pending on return */
static int run_move_async(struct fault *f)
{
	return __vgem_pfn_bo_move_async(f->fd, f->handle, VGEM_PFN_TT, 0);
}

static int run_move_carveout(struct fault *f)
{
	return __vgem_pfn_bo_move(f->fd, f->handle, VGEM_PFN_CARVEOUT);
}

static void check_contents(struct fault *f)
{
	vgem_pfn_bo_check(f->fd, f->handle, FAULT_SIZE, FAULT_SEED);
}

static void check_import(struct fault *f)
{
	pfn_import_dev_check(f->import, FAULT_SIZE, FAULT_SEED);
}

static void check_imported(struct fault *f)
{
	vgem_pfn_bo_check(f->other, f->imported, FAULT_SIZE, FAULT_SEED);
}

void fault_finish(struct fault *f)
{
	if (f->imported)
		vgem_pfn_gem_close(f->other, f->imported);
	if (f->other >= 0)
		close(f->other);
	if (f->result)
		vgem_pfn_gem_close(f->fd, f->result);
	if (f->import >= 0)
		close(f->import);
	if (f->dmabuf >= 0)
		close(f->dmabuf);
	if (f->handle)
		vgem_pfn_gem_close(f->fd, f->handle);
	f->result = 0;
	f->handle = 0;
	f->filled = false;
	f->imported = 0;
	f->other = -1;
	f->import = -1;
	f->dmabuf = -1;
}

void fault_end(struct fault *f)
{
	if (f->filler < 0)
		return;
	close(f->pin);
	close(f->filler);
	f->filler = -1;
}

const struct fault_op fault_ops[] = {
	{ "create", "a buffer is created in a carveout",
	  prepare_nothing, .run = run_create },
	{ "evict", "a buffer is created and evicts another",
	  prepare_full, .run = run_create, .may_evict = true },
	{ "export", "a buffer is exported",
	  prepare_carveout, run_export, check_contents, .may_export = true },
	{ "attach", "a dma-buf is imported by page frame numbers",
	  prepare_dmabuf, run_attach, .check = check_import },
	{ "pin", "a dma-buf is imported and pinned",
	  prepare_dmabuf, run_pin, .check = check_import },
	{ "get-pfn", "a page frame number in a carveout is looked up",
	  prepare_import, run_access, .check = check_import },
	{ "populate", "a page frame number of unpopulated memory is looked up",
	  prepare_import_tt, .run = run_access },
	{ "submit", "a job is submitted to an engine of the importer",
	  prepare_import, run_submit, check_import, .may_look_up = true },
	{ "import", "a dma-buf is imported by another device",
	  prepare_other, run_import, .check = check_imported },
	{ "map", "another device maps a scatter list",
	  prepare_imported, run_map, .check = check_imported },
	{ "move-tt", "a buffer moves out of a carveout",
	  prepare_carveout, run_move_tt, .check = check_contents },
	{ "move-carveout", "a buffer moves into a carveout",
	  prepare_tt, run_move_carveout, .check = check_contents },
	{ "move-async", "a buffer moves with a copy by an engine",
	  prepare_carveout, run_move_async, .check = check_contents },
	{ },
};

const struct fault_op *fault_op(const char *name)
{
	const struct fault_op *op;

	for (op = fault_ops; op->name; op++)
		if (!strcmp(op->name, name))
			return op;
	return NULL;
}

static void fault_used(struct fault *f, struct fault_state *state)
{
	struct drm_vgem_pfn_region regions[DRM_VGEM_PFN_MAX_REGIONS];
	uint32_t i, num = DRM_VGEM_PFN_MAX_REGIONS;

	igt_assert_eq(__vgem_pfn_regions(f->fd, regions, &num), 0);
	for (i = 0; i < num; i++)
		state->used[i] = regions[i].used;
}

struct fault_state fault_state(struct fault *f)
{
	struct fault_state state = {};

	fault_used(f, &state);
	if (f->handle) {
		state.query = vgem_pfn_bo_query(f->fd, f->handle);
		state.stats = vgem_pfn_bo_stats(f->fd, f->handle);
	}
	return state;
}

/* The state once workers have freed the imports of other devices, which detaches them. */
static struct fault_state fault_state_detached(struct fault *f, uint32_t num_attachments)
{
	struct fault_state state = fault_state(f);
	int tries;

	for (tries = 0; tries < MAX_TRIES; tries++) {
		if (state.query.num_attachments <= num_attachments)
			break;
		usleep(TRY_US);
		state = fault_state(f);
	}
	return state;
}

void fault_assert_unchanged(struct fault *f, const struct fault_op *op,
			    const struct fault_state *before)
{
	struct fault_state now, want = *before;

	now = fault_state_detached(f, want.query.num_attachments);
	igt_assert_eq_u32(f->result, 0);
	/* The operation may have failed after it had evicted the buffer. */
	if (op->may_evict && now.query.num_moves) {
		want.query.region = VGEM_PFN_TT;
		want.query.num_moves = 1;
		want.used[VGEM_PFN_CARVEOUT] -= FAULT_SIZE;
		want.used[VGEM_PFN_TT] += FAULT_SIZE;
	}

	igt_assert_eq_u32(now.query.region, want.query.region);
	igt_assert_eq_u32(now.query.pin_count, want.query.pin_count);
	igt_assert_eq_u32(now.query.num_attachments, want.query.num_attachments);
	if (!op->may_export)
		igt_assert_eq_u32(now.query.exported, want.query.exported);
	igt_assert_eq_u64(now.query.num_moves, want.query.num_moves);
	if (!op->may_look_up)
		igt_assert_eq_u64(now.stats.get_pfn, want.stats.get_pfn);
	fault_assert_released(f, &want);
	if (f->filled)
		vgem_pfn_bo_check(f->fd, f->handle, FAULT_SIZE, FAULT_SEED);
}

void fault_assert_released(struct fault *f, const struct fault_state *before)
{
	struct fault_state now = {};
	int i, tries = 0;
	bool more;

	/*
	 * Workers free objects with fences, also those of earlier tests: there may be
	 * less memory in use than before.
	 */
	do {
		fault_used(f, &now);
		for (i = 0, more = false; i < DRM_VGEM_PFN_MAX_REGIONS; i++)
			more |= now.used[i] > before->used[i];
		if (!more)
			break;
		usleep(TRY_US);
	} while (++tries < MAX_TRIES);

	for (i = 0; i < DRM_VGEM_PFN_MAX_REGIONS; i++)
		igt_assert_lte_u64(now.used[i], before->used[i]);
}
