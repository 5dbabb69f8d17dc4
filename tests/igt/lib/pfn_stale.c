// SPDX-License-Identifier: MIT
/* Reports of stale writes in the kernel log */
#include <fcntl.h>

#include "igt.h"
#include "pfn_stale.h"

int pfn_stale_open(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	igt_require_f(log >= 0, "no /dev/kmsg\n");
	igt_assert_lte(0, lseek(log, 0, SEEK_END));
	return log;
}

bool pfn_stale_next(int log, struct pfn_stale *report)
{
	char line[1024], *text;
	ssize_t n;
	int found;

	while ((n = read(log, line, sizeof(line) - 1)) > 0) {
		line[n] = '\0';
		text = strstr(line, PFN_STALE_REPORT);
		if (!text)
			continue;
		found = sscanf(text, PFN_STALE_REPORT
			       " %llu, offset %llx, %llu bytes", &report->id,
			       &report->offset, &report->bytes);
		igt_assert_eq(found, 3);
		text = strstr(text, "within");
		igt_assert(text);
		found = sscanf(text, "within %llu us after it left %15[^,], importers: %95[^\n]",
			       &report->age_us, report->carveout,
			       report->importers);
		igt_assert_eq(found, 3);
		return true;
	}
	return false;
}

void pfn_stale_flush(struct drm_vgem_pfn_region region)
{
	int fd = vgem_pfn_open();

	vgem_pfn_bo_create(fd, region.size, region.id);
	close(fd);
}
