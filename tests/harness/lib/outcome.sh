# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# outcome.sh - report the results of a suite that runs on the host. Sourced after
# lib.sh.

_OUTCOMES=0 _PASSED=0 _FAILED=0 _SKIPPED=0

# outcome RC TEXT [LOG] - report a result; prints the end of LOG if RC is not 0
outcome() {
	_OUTCOMES=$((_OUTCOMES + 1))
	if (($1 == 0)); then
		_PASSED=$((_PASSED + 1))
		printf 'ok %d - %s\n' "$_OUTCOMES" "$2"
		return
	fi
	_FAILED=$((_FAILED + 1))
	printf 'not ok %d - %s\n' "$_OUTCOMES" "$2"
	[[ ! -s ${3:-} ]] || {
		tail -n 12 "$3" | sed 's/^/    | /'
		printf '    full log: %s\n' "$3"
	}
}

# skipped TEXT - report what was not tried, and why
skipped() {
	_OUTCOMES=$((_OUTCOMES + 1))
	_SKIPPED=$((_SKIPPED + 1))
	printf 'ok %d - %s\n' "$_OUTCOMES" "$1 # SKIP"
}

# outcomes_add PASSED FAILED SKIPPED - count results that another script has reported
outcomes_add() {
	_PASSED=$((_PASSED + $1))
	_FAILED=$((_FAILED + $2))
	_SKIPPED=$((_SKIPPED + $3))
}

# outcomes - print the plan and the closing line; 0 if all passed
outcomes() {
	printf '1..%d\n' "$_OUTCOMES"
	closing_line "$_PASSED" "$_FAILED" "$_SKIPPED"
	((_FAILED == 0))
}
