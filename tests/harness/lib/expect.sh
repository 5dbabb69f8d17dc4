# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# expect.sh - run make prove and check its exit status and output. Sourced after lib.sh.

# shellcheck source=tests/harness/lib/outcome.sh
. "$HARNESS/lib/outcome.sh"

# expect WHAT STATUS LOG REGEX... - check that make prove ended with STATUS, and
# that its log matches each REGEX. RC is its exit status.
expect() {
	local what=$1 status=$2 log=$3 regex line=
	shift 3
	if ((RC != status)); then
		outcome 1 "$what: exit status $RC, not $status" "$log"
		return
	fi
	for regex; do
		line=$(grep -aEm 1 -- "$regex" "$log" | cut -c 1-160) || :
		if [[ -z $line ]]; then
			outcome 1 "$what: no line matches /$regex/" "$log"
			return
		fi
	done
	outcome 0 "$what, exit status $status: \"$line\"" "$log"
}

# prove LOG VARIABLE=VALUE... - run make prove with only these variables; sets RC
prove() {
	local log=$1
	shift
	RC=0
	run_child env -u MODULE -u PROGRAM -u SHARE -u LIMIT -u TIMEOUT "$@" \
		"$HARNESS/prove.sh" >"$log" 2>&1 || RC=$?
}
