// SPDX-License-Identifier: MIT
/* The kernel's test mode of suspend (CONFIG_PM_DEBUG) */
#include "igt.h"
#include "pfn_debugfs.h"
#include "pfn_suspend.h"

static bool sys_has(const char *path, const char *word)
{
	char text[256] = "";
	FILE *file = fopen(path, "re");
	bool has;

	if (!file)
		return false;
	has = fgets(text, sizeof(text), file) && strstr(text, word);
	fclose(file);
	return has;
}

static void reset_pm_test(int sig)
{
	__pfn_write_file("/sys/power/pm_test", "none");
}

void pfn_require_suspend(const char *state, const char *level)
{
	igt_require_f(sys_has("/sys/power/pm_test", level),
		      "no CONFIG_PM_DEBUG\n");
	igt_require_f(sys_has("/sys/power/state", state), "no %s\n", state);
	igt_install_exit_handler(reset_pm_test);
}

void pfn_suspend(const char *state, const char *level)
{
	/* Resume after one second; the default is five. */
	__pfn_write_file("/sys/module/suspend/parameters/pm_test_delay", "1");
	__pfn_write_file("/sys/module/hibernate/parameters/pm_test_delay", "1");
	igt_assert_eq(__pfn_write_file("/sys/power/pm_test", level), 0);
	igt_assert_eq(__pfn_write_file("/sys/power/state", state), 0);
	igt_assert_eq(__pfn_write_file("/sys/power/pm_test", "none"), 0);
}
