// SPDX-License-Identifier: MIT
/* Load and unload vgem_pfn with other parameters, and access its other devices. */
#include <sys/mman.h>
#include <sys/syscall.h>

#include "igt.h"
#include "pfn_contract.h"
#include "vgem_pfn_module.h"

void vgem_pfn_require_module(void)
{
	igt_require_f(!access(VGEM_PFN_SYS_MODULE "/refcnt", F_OK),
		      VGEM_PFN_MODULE " is built into the kernel\n");
}

bool vgem_pfn_module_param(const char *name, char *value, size_t size)
{
	char path[128];
	FILE *file;
	bool ok;

	snprintf(path, sizeof(path), VGEM_PFN_SYS_MODULE "/parameters/%s", name);
	file = fopen(path, "re");
	if (!file)
		return false;

	ok = fgets(value, size, file);
	fclose(file);
	if (ok)
		value[strcspn(value, "\n")] = '\0';
	return ok;
}

#define MAX_DEVICES	8

static char first_params[512];
/* Parameters of the last load; empty if unknown */
static char last_params[512];
/* Whether the module may differ from what this process has found */
static bool changed;

/* Save the current values of the parameters that select devices. */
static void keep_params(void)
{
	static const char * const names[] = { "devices", "carveouts", "engines" };
	char value[256];
	size_t i, len = 0;

	if (first_params[0])
		return;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (vgem_pfn_module_param(names[i], value, sizeof(value)))
			len += snprintf(first_params + len,
					sizeof(first_params) - len,
					" '%s=%s'", names[i], value);
}

int __vgem_pfn_unload(void)
{
	keep_params();
	pfn_contract_request("sync");
	if (syscall(SYS_delete_module, VGEM_PFN_MODULE, O_NONBLOCK))
		return -errno;
	changed = true;
	last_params[0] = '\0';
	pfn_contract_request("unloaded");
	return 0;
}

/*
 * Wait up to 5 s for workers that free closed objects. TTM frees imported objects only in
 * a worker.
 */
static int unload_idle(void)
{
	int ret, tries;

	for (tries = 0; tries < 50; tries++) {
		ret = __vgem_pfn_unload();
		if (ret != -EWOULDBLOCK)
			break;
		usleep(100000);
	}
	return ret;
}

int __vgem_pfn_load(const char *params)
{
	char command[640];
	int status;

	snprintf(command, sizeof(command),
		 "modprobe " VGEM_PFN_MODULE " %s 2>/dev/null",
		 params ?: first_params);
	status = system(command);
	if (!status) {
		changed = params;
		snprintf(last_params, sizeof(last_params), "%s", params ?: "");
	}
	return status;
}

void vgem_pfn_reload(const char *params)
{
	int ret = unload_idle();

	igt_assert_f(!ret || ret == -ENOENT, "unload: %s\n", strerror(-ret));
	igt_assert_eq(__vgem_pfn_load(params), 0);
	igt_assert_eq(access(VGEM_PFN_SYS_MODULE, F_OK), 0);
}

void vgem_pfn_want(const char *params)
{
	if (strcmp(last_params, params))
		vgem_pfn_reload(params);
}

/* DRM files, their debugfs files, dma-bufs and imports, left open by a failed test */
static bool is_ours(const char *path)
{
	return !strncmp(path, "/dev/dri/", 9) || !strncmp(path, "/dmabuf:", 8) ||
	       !strncmp(path, "/sys/kernel/debug/dri/", 22) ||
	       !strncmp(path, "anon_inode:", 11);
}

static void close_all(void)
{
	char path[32], target[64];
	ssize_t len;
	int fd;

	for (fd = 3; fd < 1024; fd++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		len = readlink(path, target, sizeof(target) - 1);
		if (len <= 0)
			continue;
		target[len] = '\0';
		if (is_ours(target))
			close(fd);
	}
}

static void unmap_all(void)
{
	unsigned long start, end;
	char line[256], path[128];
	FILE *file;
	bool again;

	/* Unmapping changes the list, so start over. */
	do {
		file = fopen("/proc/self/maps", "re");
		if (!file)
			return;
		again = false;
		while (!again && fgets(line, sizeof(line), file))
			again = sscanf(line, "%lx-%lx %*s %*s %*s %*s %127[^\n]",
				       &start, &end, path) == 3 && is_ours(path);
		fclose(file);
	} while (again && !munmap((void *)start, end - start));
}

static void plug(int sig)
{
	unsigned int i;

	/* Fails for devices that exist and for invalid indices. */
	for (i = 0; i < MAX_DEVICES; i++)
		__vgem_pfn_faux_plug(i);
}

static void reload(int sig)
{
	if (!changed)
		return;

	if (__vgem_pfn_unload() == -EWOULDBLOCK) {
		close_all();
		unmap_all();
		unload_idle();
	}
	__vgem_pfn_load(NULL);
	plug(0);
}

void vgem_pfn_plug_on_exit(void)
{
	igt_install_exit_handler(plug);
}

void vgem_pfn_reload_on_exit(void)
{
	keep_params();
	igt_install_exit_handler(reload);
}

int __vgem_pfn_open_below(const char *dir, const char *prefix, const char *dev)
{
	struct dirent **entries;
	int i, n, fd = -ENODEV;
	char path[300];

	n = scandir(dir, &entries, NULL, alphasort);
	if (n < 0)
		return -ENODEV;

	for (i = 0; i < n; i++) {
		if (fd < 0 &&
		    !strncmp(entries[i]->d_name, prefix, strlen(prefix))) {
			snprintf(path, sizeof(path), "%s/%s", dev, entries[i]->d_name);
			fd = open(path, O_RDWR | O_CLOEXEC);
			if (fd < 0)
				fd = -errno;
		}
		free(entries[i]);
	}
	free(entries);
	return fd;
}

int __vgem_pfn_open_faux(unsigned int index, const char *node)
{
	char dir[64];

	snprintf(dir, sizeof(dir), "/sys/devices/faux/" VGEM_PFN_MODULE
		 ".%u/drm", index);
	return __vgem_pfn_open_below(dir, node, "/dev/dri");
}

int vgem_pfn_open_faux(unsigned int index)
{
	int fd = __vgem_pfn_open_faux(index, "renderD");

	igt_require_f(fd >= 0, "no device " VGEM_PFN_MODULE ".%u\n", index);
	return vgem_pfn_checked(fd);
}

int __vgem_pfn_faux_unplug(unsigned int index)
{
	char path[64];

	snprintf(path, sizeof(path), "dri/" VGEM_PFN_MODULE ".%u/unplug", index);
	return __pfn_debugfs_set(path, 1);
}

int __vgem_pfn_faux_plug(unsigned int index)
{
	return __pfn_debugfs_set(VGEM_PFN_MODULE "/plug", index);
}
