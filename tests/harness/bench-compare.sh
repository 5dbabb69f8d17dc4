#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# bench-compare.sh - make bench-compare OLD=bench.json [NEW=bench.json]: by how much
# the rows of two results of make bench differ.  Without NEW it is out/bench.json.
#
# Rows that count instructions or calls say the same each time.  Those that differ by
# more than WITHIN percent (2) are marked, and counted in the last line.  With
# WITHIN=n in the environment that is a failure.

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

[[ -n $OLD ]] || die "make bench-compare OLD=bench.json [NEW=bench.json]: what with?"
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
