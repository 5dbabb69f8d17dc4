# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# MODE=test: the KUnit tests, some of Linux's own selftests, the IGT tests under
# igt_runner, then the checks. TESTS, if given, selects IGT subtests, KUnit
# modules and selftests by regular expression. QUICK, if given, leaves out the
# drivers and the checks. BREAK is for the harness's own tests (break.sh).

IGT_ROOT=${IGT_ROOT:-/vgem_pfn/tests}
PER_TEST_TIMEOUT=${PER_TEST_TIMEOUT:-60}

# igt_runner exits 0 whatever the tests did: the host reads its results.json.
run_igt()
{
	progress "igt_runner"
	detached igt_runner --overwrite --log-level verbose \
		--per-test-timeout "$PER_TEST_TIMEOUT" \
		--abort-on-monitored-error=lockdep,taint \
		--environment IGT_FORCE_DRIVER=vgem_pfn \
		${TESTS:+--include-tests "$TESTS"} \
		"$IGT_ROOT" "$RESULTS/igt" >&6 2>&1
	_status=$?
	if [ $_status -ne 0 ] && [ ! -e "$RESULTS/igt" ]; then
		# TESTS may select KUnit alone; the host counts what ran.
		progress "igt_runner found no test to run"
	elif [ $_status -ne 0 ]; then
		not_ok "guest/igt_runner" "exit status $_status"
	elif [ ! -s "$RESULTS/igt/results.json" ]; then
		not_ok "guest/igt_runner" "no results.json"
	else
		ok "guest/igt_runner"
	fi
	cp "$IGT_ROOT/test-list.txt" "$RESULTS"/
}

[ -n "${QUICK:-}" ] || load_modules modules.list importers.list
run_kunit
run_kselftests kselftest.list
if [ -n "${BREAK:-}" ]; then
	# shellcheck source=/dev/null
	. /vgem_pfn/guest/break.sh
fi
run_igt
[ -z "${QUICK:-}" ] || return
unload_modules
check_kmemleak
check_taint
check_lockdep
check_log
