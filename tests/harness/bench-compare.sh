#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# bench-compare.sh - make bench-compare OLD=bench.json [NEW=bench.json]: the ratios
# of the rows of two results of make bench. NEW defaults to out/bench.json.
#
# Rows that count instructions or calls are the same in every run. Those that differ
# by more than WITHIN percent (2) are marked, and the last line has their number. If
# WITHIN is set in the environment, any such row is a failure.

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source=tests/harness/lib/bench-lib.sh
. "$HARNESS/lib/bench-lib.sh"
# shellcheck source=tests/harness/lib/packages.sh
. "$HARNESS/lib/packages.sh"

OLD=${OLD:-}
NEW=${NEW:-$OUT/bench.json}
STRICT=${WITHIN:+1}
WITHIN=${WITHIN:-2}

[[ -n $OLD ]] || die "make bench-compare OLD=bench.json [NEW=bench.json]: OLD is not set"
[[ $WITHIN =~ ^[0-9]+([.][0-9]+)?$ ]] || die "WITHIN=$WITHIN: it must be a percentage"
need_tools compare
bench_valid "$OLD"
bench_valid "$NEW"

jq -n -r -L "$HARNESS/results" --arg within "$WITHIN" --slurpfile old "$OLD" --slurpfile new "$NEW" \
	-f "$HARNESS/results/compare.jq"
differ=$(jq -n -L "$HARNESS/results" --arg within "$WITHIN" --slurpfile old "$OLD" \
	--slurpfile new "$NEW" 'include "compared";
	[compared($old[0]; $new[0]; $within | tonumber)[] | select(.differs)] | length')
[[ -z $STRICT || $differ == 0 ]] || die "$differ rows differ by more than $WITHIN%"
