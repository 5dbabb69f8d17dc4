# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# How often each line of what is profiled ran, where the kernel counts that: the
# host makes a report of it (coverage.sh). Counters of modules that are gone stay.

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
