# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Execution counts of the profiled lines, if the kernel was built to count them. The
# host makes a report of them (coverage.sh). The counters of an unloaded module remain.

collect_gcov()
{
	[ -d /sys/kernel/debug/gcov ] || return 0
	progress "collecting coverage"
	mkdir -p "$RESULTS/gcov"
	find /sys/kernel/debug/gcov -name '*.gcda' > /run/gcov
	while read -r _gcda; do
		cat "$_gcda" > "$RESULTS/gcov/${_gcda##*/}"
	done < /run/gcov
}
