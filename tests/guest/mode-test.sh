# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# MODE=test: some of Linux's own selftests, the IGT tests under igt_runner, pass by
# pass, the KUnit tests, then the checks. KUnit comes last, since IGT's drm_mm wants to be
# the first to use it. TESTS, if given, selects IGT subtests,
# KUnit modules and selftests by regular expression, PASSES passes. QUICK, if given,
# leaves out the drivers and the checks. BREAK is for the harness's own tests
# (break.sh).

[ -n "${QUICK:-}" ] || load_modules modules.list importers.list
run_kselftests kselftest.list
if [ -n "${BREAK:-}" ]; then
	# shellcheck source=/dev/null
	. /vgem_pfn/guest/break.sh
fi
[ -n "${QUICK:-}" ] || check_memory
[ -n "${QUICK:-}${NO_CONTRACT:-}" ] || start_contract
run_passes
[ -n "${QUICK:-}${NO_CONTRACT:-}" ] || check_contract
run_kunit
[ -z "${QUICK:-}" ] || return
unload_modules
collect_gcov
check_kmemleak
check_taint
check_lockdep
check_log
