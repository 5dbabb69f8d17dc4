# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# MODE=race: run the race engine for RACE_SECONDS, with the memory of the first pass
# that PASSES selects, then the checks. Its output goes to the port "story". The
# engine reads RACE_SEED, RACE_THREADS and RACE_REPLAY (tests/igt/race/).

race_engine()
{
	_test=engine
	[ -z "${RACE_REPLAY:-}" ] || _test=replay
	# shellcheck disable=SC2154 # begin_pass has set it
	progress "vgem_pfn_race, $_test, pass $_pass"
	detached "$IGT_ROOT/vgem_pfn_race" --run-subtest $_test 2>&1 |
		tee "$RESULTS/race.txt" >&5
	if grep -q "^Subtest $_test: SUCCESS" "$RESULTS/race.txt"; then
		ok "race/$_pass/$_test"
	else
		not_ok "race/$_pass/$_test" "$(grep -m 1 -E '^FAILED|Failed assertion|error:' \
			"$RESULTS/race.txt")"
	fi
}

# begin_line NAME SHORT FULL [PARAM...]: a line of passes.list
begin_line()
{
	_name=$1
	shift 3
	begin_pass "$_name" "$@"
}

if load_modules modules.list; then
	check_memory
	_line=$(grep -v '^#' /vgem_pfn/guest/passes.list |
		grep -m 1 -E "^(${PASSES:-contig})[ 	]")
	if [ -n "$_line" ]; then
		# shellcheck disable=SC2086 # words
		begin_line $_line && race_engine
	else
		not_ok "guest/pass" "there is no pass $PASSES"
	fi
	end_passes
fi
unload_modules
check_kmemleak
check_taint
check_lockdep
check_log
