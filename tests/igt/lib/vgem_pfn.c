// SPDX-License-Identifier: MIT
/* Asserting wrappers around vgem_pfn's ioctls, and helpers of its tests. */
#include <errno.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "igt.h"
#include "igt_kmod.h"
#include "pfn_importer_ioctl.h"
#include "vgem_pfn.h"

int vgem_pfn_checked(int fd)
{
	char why[256];
	int ret = __vgem_pfn_check_regions(fd, why, sizeof(why));

	igt_assert_f(!ret, "%s\n", why);
	return fd;
}

int vgem_pfn_open(void)
{
	int fd = __drm_open_driver_render(DRIVER_VGEM_PFN);

	igt_require_f(fd >= 0, "no device of " VGEM_PFN_MODULE "\n");
	return vgem_pfn_checked(fd);
}

int vgem_pfn_open_card(void)
{
	int fd = __drm_open_driver(DRIVER_VGEM_PFN);

	igt_require_f(fd >= 0, "no device of " VGEM_PFN_MODULE "\n");
	return vgem_pfn_checked(fd);
}

static bool loaded_other;

static bool has_module(const char *module)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/module/%s", module);
	return !access(path, F_OK);
}

int pfn_open_other(int chipset, const char *module)
{
	int fd;

	loaded_other = !has_module(module);
	fd = __drm_open_driver(chipset);
	igt_require_f(fd >= 0, "no device of %s\n", module);
	return fd;
}

void pfn_close_other(const char *module, int fd)
{
	close(fd);
	/* Waits for workers that hold the last reference to a buffer. */
	if (loaded_other)
		igt_kmod_unload(module);
	loaded_other = false;
}

void pfn_require_kernel_param(const char *param)
{
	FILE *file = fopen("/proc/cmdline", "re");
	char cmdline[4096] = "";

	igt_assert(file && fgets(cmdline, sizeof(cmdline), file));
	fclose(file);
	igt_require_f(strstr(cmdline, param), "the kernel needs the parameter %s\n", param);
}

bool pfn_kernel_has_kasan(void)
{
	return !system("grep -q ' kasan_report$' /proc/kallsyms");
}

static void reset(int sig)
{
	int fd = __drm_open_by_name(VGEM_PFN_MODULE, "renderD");

	if (fd >= 0) {
		__vgem_pfn_set_move_delay(fd, 0);
		__vgem_pfn_set_max_block_order(fd, UINT32_MAX);
		__vgem_pfn_set_quarantine(fd, 0);
		__vgem_pfn_set(fd, "compare_memcpy", 0);
		__vgem_pfn_set(fd, "pin_notifies", 0);
		__vgem_pfn_set(fd, "async_moves", 0);
		__vgem_pfn_set(fd, "engine_latency_us", 0);
		__vgem_pfn_set(fd, "engine_bandwidth_mibps", 0);
		close(fd);
	}
	__pfn_importer_set("broken", 0);
	__pfn_importer_set_install_delay(0);
	__pfn_importer_set("job_latency_us", 0);
	__pfn_importer_set("attach_delay_us", 0);
	__pfn_importer_set("hold_lock_us", 200000);
	__pfn_importer_set("zap_delay_us", 500000);
	__pfn_importer_set("leaked", 0);
}

void vgem_pfn_reset_on_exit(void)
{
	reset(0);
	igt_install_exit_handler(reset);
}

uint32_t __vgem_pfn_bo_create_list(int fd, uint64_t size,
				   const uint32_t *placements, uint32_t num)
{
	uint32_t handle;

	igt_assert_eq(__vgem_pfn_bo_create(fd, &size, placements, num,
					   &handle), 0);
	igt_assert_neq_u32(handle, 0);
	return handle;
}

uint32_t vgem_pfn_bo_create_movable(int fd, uint64_t size, uint32_t region)
{
	uint32_t list[DRM_VGEM_PFN_MAX_REGIONS] = { region }, num = 1, id;
	struct drm_vgem_pfn_region other;

	if (region != VGEM_PFN_TT)
		list[num++] = VGEM_PFN_TT;
	vgem_pfn_for_each_region(fd, other, id)
		if (id != region && id != VGEM_PFN_TT)
			list[num++] = id;
	return __vgem_pfn_bo_create_list(fd, size, list, num);
}

void vgem_pfn_gem_close(int fd, uint32_t handle)
{
	igt_assert_eq(__vgem_pfn_gem_close(fd, handle), 0);
}

struct drm_vgem_pfn_bo_query vgem_pfn_bo_query(int fd, uint32_t handle)
{
	struct drm_vgem_pfn_bo_query query;

	igt_assert_eq(__vgem_pfn_bo_query(fd, handle, &query), 0);
	return query;
}

struct vgem_pfn_bo_stats vgem_pfn_bo_stats(int fd, uint32_t handle)
{
	struct vgem_pfn_bo_stats stats;

	igt_assert_eq(__vgem_pfn_bo_stats(fd, handle, &stats), 0);
	return stats;
}

uint32_t vgem_pfn_bo_region(int fd, uint32_t handle)
{
	return vgem_pfn_bo_query(fd, handle).region;
}

void vgem_pfn_bo_move(int fd, uint32_t handle, uint32_t region)
{
	igt_assert_eq(__vgem_pfn_bo_move(fd, handle, region), 0);
	igt_assert_eq_u32(vgem_pfn_bo_region(fd, handle), region);
}

void vgem_pfn_bo_pfns(int fd, uint32_t handle, uint64_t first, uint64_t count,
		      uint64_t *pfns)
{
	igt_assert_eq(__vgem_pfn_bo_pfns(fd, handle, first, count, pfns), 0);
}

uint64_t *vgem_pfn_bo_pfn_list(int fd, uint32_t handle, uint64_t first, uint64_t count)
{
	uint64_t *pfns = calloc(count, sizeof(*pfns));

	igt_assert(pfns);
	vgem_pfn_bo_pfns(fd, handle, first, count, pfns);
	return pfns;
}

uint64_t vgem_pfn_bo_pfn(int fd, uint32_t handle, uint64_t page)
{
	uint64_t pfn;

	vgem_pfn_bo_pfns(fd, handle, page, 1, &pfn);
	return pfn;
}

void *vgem_pfn_bo_mmap(int fd, uint32_t handle, size_t size, int prot)
{
	void *map = __vgem_pfn_bo_mmap(fd, handle, size, prot);

	igt_assert_f(map, "mmap: %s\n", strerror(errno));
	return map;
}

/* Find the region with this identifier; false if there is none. */
static bool find_region(int fd, uint32_t id, struct drm_vgem_pfn_region *region)
{
	struct drm_vgem_pfn_region regions[DRM_VGEM_PFN_MAX_REGIONS];
	uint32_t i, num = DRM_VGEM_PFN_MAX_REGIONS;

	igt_assert_eq(__vgem_pfn_regions(fd, regions, &num), 0);
	for (i = 0; i < num; i++) {
		if (regions[i].id == id) {
			*region = regions[i];
			return true;
		}
	}
	return false;
}

struct drm_vgem_pfn_region vgem_pfn_region(int fd, uint32_t id)
{
	struct drm_vgem_pfn_region region;

	igt_assert_f(find_region(fd, id, &region), "region %u is not listed\n", id);
	return region;
}

uint64_t vgem_pfn_carveout_size(int fd)
{
	return vgem_pfn_region(fd, VGEM_PFN_CARVEOUT).size;
}

int vgem_pfn_export(int fd, uint32_t handle)
{
	int dmabuf = __vgem_pfn_handle_to_fd(fd, handle,
					     DRM_CLOEXEC | DRM_RDWR);

	igt_assert_lte(0, dmabuf);
	return dmabuf;
}

int vgem_pfn_export_ro(int fd, uint32_t handle)
{
	int dmabuf = __vgem_pfn_handle_to_fd(fd, handle, DRM_CLOEXEC);

	igt_assert_lte(0, dmabuf);
	return dmabuf;
}

int pfn_export_dumb(int fd, uint32_t size)
{
	struct drm_mode_create_dumb dumb = {
		.width = 1024, .height = size / 4096, .bpp = 32,
	};

	igt_assert_eq(__vgem_pfn_ioctl(fd, DRM_IOCTL_MODE_CREATE_DUMB, &dumb), 0);
	igt_assert_eq_u64(dumb.size, size);
	return vgem_pfn_export(fd, dumb.handle);
}

void vgem_pfn_set_move_delay(int fd, uint32_t us)
{
	igt_assert_eq(__vgem_pfn_set_move_delay(fd, us), 0);
}

void vgem_pfn_set_max_block_order(int fd, uint32_t order)
{
	igt_assert_eq(__vgem_pfn_set_max_block_order(fd, order), 0);
}

void vgem_pfn_set_quarantine(int fd, uint32_t ms)
{
	igt_assert_eq(__vgem_pfn_set_quarantine(fd, ms), 0);
}

bool vgem_pfn_find_region(int fd, uint32_t id, struct drm_vgem_pfn_region *region)
{
	if (!find_region(fd, id, region))
		return false;

	igt_info("%s: %llu MiB at pfn %#llx\n", region->name,
		 (long long)(region->size / MiB), (long long)region->base_pfn);
	return true;
}

void vgem_pfn_set_knob(int fd, const char *name, uint32_t value)
{
	igt_assert_eq(__vgem_pfn_set(fd, name, value), 0);
}

void pfn_assert_pattern(const void *data, uint64_t offset, size_t length,
			uint64_t seed)
{
	uint64_t bad = pfn_pattern_check(data, offset, length, seed);

	if (bad != PFN_PATTERN_OK)
		igt_info("got %#llx, want %#llx\n",
			 (long long)*(uint64_t *)((char *)data + bad),
			 (long long)pfn_pattern_word(seed, (offset + bad) / 8));
	igt_assert_f(bad == PFN_PATTERN_OK,
		     "wrong data at byte %#llx, seed %#llx\n",
		     (long long)(offset + bad), (long long)seed);
}

void pfn_mem_read(uint64_t pfn, size_t offset, void *data, size_t length)
{
	igt_assert_eq(__pfn_mem_read(pfn, offset, data, length), 0);
}

void pfn_mem_write(uint64_t pfn, size_t offset, const void *data,
		   size_t length)
{
	igt_assert_eq(__pfn_mem_write(pfn, offset, data, length), 0);
}

uint64_t pfn_now_ns(void)
{
	struct timespec now;

	igt_assert_eq(clock_gettime(CLOCK_MONOTONIC, &now), 0);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

uint64_t pfn_new_seed(void)
{
	return pfn_now_ns();
}

void vgem_pfn_bo_fill(int fd, uint32_t handle, size_t size, uint64_t seed)
{
	void *map = vgem_pfn_bo_mmap(fd, handle, size, PROT_READ | PROT_WRITE);

	pfn_pattern_fill(map, 0, size, seed);
	munmap(map, size);
}

void vgem_pfn_bo_check(int fd, uint32_t handle, size_t size, uint64_t seed)
{
	void *map = vgem_pfn_bo_mmap(fd, handle, size, PROT_READ);

	pfn_assert_pattern(map, 0, size, seed);
	munmap(map, size);
}

void vgem_pfn_bo_check_mem(int fd, uint32_t handle, size_t size, uint64_t seed)
{
	uint64_t page[PFN_PAGE_SIZE / sizeof(uint64_t)];
	uint64_t num = size / PFN_PAGE_SIZE, i;
	uint64_t *pfns = vgem_pfn_bo_pfn_list(fd, handle, 0, num);

	for (i = 0; i < num; i++) {
		pfn_mem_read(pfns[i], 0, page, sizeof(page));
		pfn_assert_pattern(page, i * PFN_PAGE_SIZE, sizeof(page), seed);
	}
	free(pfns);
}

int vgem_pfn_overcommit(void)
{
	int fd = vgem_pfn_open();
	uint64_t size = vgem_pfn_carveout_size(fd);
	int i;

	/* Enough to evict all older buffers. */
	for (i = 0; i < 8; i++)
		vgem_pfn_bo_create(fd, size / 8, VGEM_PFN_CARVEOUT);
	return fd;
}

void vgem_pfn_evict_all(void)
{
	close(vgem_pfn_overcommit());
}

void vgem_pfn_drop_cap(int cap)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	igt_assert_eq(syscall(SYS_capget, &header, data), 0);
	data[0].effective &= ~(1U << cap);
	data[0].permitted &= ~(1U << cap);
	igt_assert_eq(syscall(SYS_capset, &header, data), 0);
}

static void mover_run(void *arg)
{
	struct vgem_pfn_mover *mover = arg;

	mover->ret = __vgem_pfn_bo_move(mover->fd, mover->handle,
					mover->region);
}

void vgem_pfn_mover_start(struct vgem_pfn_mover *mover, int fd,
			  uint32_t handle, uint32_t region)
{
	*mover = (struct vgem_pfn_mover) {
		.fd = fd,
		.handle = handle,
		.region = region,
	};
	pfn_thread_start(&mover->thread, mover_run, mover);
}

void vgem_pfn_mover_start_held(struct vgem_pfn_mover *mover, int fd,
			       uint32_t handle, uint32_t region,
			       struct pfn_hold *hold)
{
	pfn_hold_bo(hold, fd, handle);
	vgem_pfn_mover_start(mover, fd, handle, region);
	pfn_hold_assert(hold, pfn_thread_asleep(&mover->thread));
}

void vgem_pfn_mover_start_copied(struct vgem_pfn_mover *mover, int fd,
				 uint32_t handle, uint32_t region)
{
	uint32_t from = vgem_pfn_bo_region(fd, handle), us;

	for (us = 300000; us < 20000000; us *= 2) {
		vgem_pfn_set_move_delay(fd, us);
		vgem_pfn_mover_start(mover, fd, handle, region);
		if (pfn_thread_asleep(&mover->thread))
			break;
		vgem_pfn_mover_wait(mover);
		vgem_pfn_set_move_delay(fd, 0);
		vgem_pfn_bo_move(fd, handle, from);
	}
	igt_require_f(us < 20000000, "the mover was never seen asleep\n");
	vgem_pfn_set_move_delay(fd, 0);
}

void vgem_pfn_mover_wait(struct vgem_pfn_mover *mover)
{
	pfn_thread_join(&mover->thread);
	igt_assert_eq(mover->ret, 0);
}

static void shuttle_run(void *arg)
{
	struct vgem_pfn_shuttle *s = arg;

	while (!s->stop) {
		uint32_t region = s->moves % 2 ? VGEM_PFN_CARVEOUT : VGEM_PFN_TT;

		s->ret = s->async ? __vgem_pfn_bo_move_async(s->fd, s->handle, region, 0) :
				    __vgem_pfn_bo_move(s->fd, s->handle, region);
		if (s->ret)
			break;
		s->moves++;
	}
}

void vgem_pfn_shuttle_start(struct vgem_pfn_shuttle *shuttle, int fd, uint32_t handle,
			    bool async)
{
	*shuttle = (struct vgem_pfn_shuttle) {
		.fd = fd,
		.handle = handle,
		.async = async,
	};
	pfn_thread_start(&shuttle->thread, shuttle_run, shuttle);
}

void vgem_pfn_shuttle_stop(struct vgem_pfn_shuttle *shuttle)
{
	shuttle->stop = true;
	pfn_thread_join(&shuttle->thread);
	igt_assert_eq(shuttle->ret, 0);
}
