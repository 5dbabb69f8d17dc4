# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# MODE=test: run the units of tests that the host hands out, then the checks. QUICK
# skips loading the drivers and the checks. HUGEPAGES is the number of huge pages to
# reserve. BREAK is for the tests of the harness (break.sh).

if [ -n "${HUGEPAGES:-}" ]; then
	echo "$HUGEPAGES" > /proc/sys/vm/nr_hugepages
	[ "$(cat /proc/sys/vm/nr_hugepages)" -eq "$HUGEPAGES" ] ||
		not_ok "guest/hugepages" "there is no room for $HUGEPAGES huge pages"
fi
# Debian's kernels do not have the other importers.
[ -n "${STOCK:-}" ] || _importers=importers.list
# shellcheck disable=SC2086 # a list or nothing
[ -n "${QUICK:-}" ] || load_modules modules.list ${_importers:-}
if [ -n "${BREAK:-}" ]; then
	# shellcheck source=/dev/null
	. /vgem_pfn/guest/break.sh
fi
[ -n "${QUICK:-}" ] || check_memory
[ -n "${QUICK:-}${NO_CONTRACT:-}" ] || start_contract
# No other output of this mode goes to the port "story".
say_alive()
{
	echo alive >&5
}

start_heartbeat say_alive
run_units
end_passes
check_contract
[ -z "${QUICK:-}" ] || {
	stop_heartbeat
	return
}
unload_modules
collect_gcov
check_kmemleak
check_taint
check_lockdep
check_log
stop_heartbeat
