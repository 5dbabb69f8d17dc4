// SPDX-License-Identifier: MIT
/*
 * PCI devices in sysfs.
 */
#include <dirent.h>
#include <limits.h>

#include "igt.h"
#include "pfn_debugfs.h"
#include "pfn_pci.h"
#include "vgem_pfn_module.h"

#define PCI	"/sys/bus/pci/"
#define DRIVER	PCI "drivers/" VGEM_PFN_MODULE

static uint64_t pci_number(const char *name, const char *file)
{
	unsigned long long value = 0;
	char path[320];
	FILE *f;

	snprintf(path, sizeof(path), PCI "devices/%s/%s", name, file);
	f = fopen(path, "re");
	if (f) {
		if (fscanf(f, "%lli", (long long *)&value) != 1)
			value = 0;
		fclose(f);
	}
	return value;
}

bool pfn_pci_find(unsigned int vendor, unsigned int device, unsigned int index,
		  char name[PFN_PCI_NAME_SIZE])
{
	struct dirent **entries;
	int i, n;

	name[0] = '\0';
	n = scandir(PCI "devices", &entries, NULL, alphasort);
	for (i = 0; i < n; i++) {
		if (pci_number(entries[i]->d_name, "vendor") == vendor &&
		    pci_number(entries[i]->d_name, "device") == device &&
		    !index--)
			snprintf(name, PFN_PCI_NAME_SIZE, "%.31s",
				 entries[i]->d_name);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return name[0];
}

/* Parent directory of the device: a bridge, or "pci0000:00" */
static void pci_parent(const char *name, char parent[PATH_MAX])
{
	char path[128], *end;

	snprintf(path, sizeof(path), PCI "devices/%s", name);
	igt_assert(realpath(path, parent));
	end = strrchr(parent, '/');
	*end = '\0';
}

bool pfn_pci_same_bridge(const char *a, const char *b)
{
	char parent_a[PATH_MAX], parent_b[PATH_MAX];

	pci_parent(a, parent_a);
	pci_parent(b, parent_b);
	return !strcmp(parent_a, parent_b) &&
	       strncmp(strrchr(parent_a, '/'), "/pci", 4);
}

bool pfn_pci_root_forwards(void)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	bool amd = false;
	int family = 0;
	char line[256];

	igt_assert(file);
	while (fgets(line, sizeof(line), file)) {
		amd |= !!strstr(line, "AuthenticAMD");
		if (sscanf(line, "cpu family : %d", &family) == 1)
			break;
	}
	fclose(file);
	return amd && family >= 0x17;
}

void pfn_pci_bar(const char *name, unsigned int bar, uint64_t *start,
		 uint64_t *size)
{
	unsigned long long first, last, flags;
	char path[128];
	unsigned int i;
	FILE *f;

	snprintf(path, sizeof(path), PCI "devices/%s/resource", name);
	f = fopen(path, "re");
	igt_assert(f);
	for (i = 0; i <= bar; i++)
		igt_assert_eq(fscanf(f, "%lli %lli %lli", (long long *)&first,
				     (long long *)&last, (long long *)&flags),
			      3);
	fclose(f);
	*start = first;
	*size = last - first + 1;
}

int __pfn_pci_set_override(const char *name, const char *driver)
{
	char path[128];

	snprintf(path, sizeof(path), PCI "devices/%s/driver_override", name);
	return __pfn_write_file(path, driver);
}

int __pfn_pci_bind(const char *name)
{
	return __pfn_write_file(DRIVER "/bind", name);
}

int __pfn_pci_unbind(const char *name)
{
	return __pfn_write_file(DRIVER "/unbind", name);
}

int __pfn_pci_ids(const char *file, unsigned int vendor, unsigned int device)
{
	char path[128], ids[32];

	snprintf(path, sizeof(path), DRIVER "/%s", file);
	snprintf(ids, sizeof(ids), "%x %x", vendor, device);
	return __pfn_write_file(path, ids);
}

int __pfn_pci_open(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), PCI "devices/%s/drm", name);
	return __vgem_pfn_open_below(path, "renderD", "/dev/dri");
}

int pfn_pci_bind_and_open(const char *name)
{
	int fd;

	igt_assert_eq(__pfn_pci_bind(name), 0);
	fd = __pfn_pci_open(name);
	igt_assert_fd(fd);
	return fd;
}

void pfn_pci_set_override(const char *name, const char *driver)
{
	igt_assert_eq(__pfn_pci_set_override(name, driver), 0);
}

int pfn_pci_open_bar(void)
{
	char name[PFN_PCI_NAME_SIZE];

	if (!pfn_pci_find(PFN_PCI_IVSHMEM, 0, name))
		return -1;
	return __pfn_pci_open(name);
}

void pfn_each_carveout(int fd, void (*test)(int fd, uint32_t region))
{
	struct drm_vgem_pfn_region region;
	uint32_t id;

	vgem_pfn_for_each_carveout(fd, region, id)
		test(fd, id);
}

void pfn_each_region(int fd, void (*test)(int fd, uint32_t region))
{
	struct drm_vgem_pfn_region region;
	int bar = pfn_pci_open_bar();
	uint32_t id;

	vgem_pfn_for_each_region(fd, region, id)
		test(fd, id);
	if (bar < 0)
		return;
	pfn_each_carveout(vgem_pfn_checked(bar), test);
	close(bar);
}
