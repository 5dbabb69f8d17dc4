#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# plot.sh - plots of a result of make bench, each as SVG and PNG
#
#   plot.sh [BENCH.JSON [DIR]]    out/bench.json, into out/bench

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source=tests/harness/lib/bench-lib.sh
. "$HARNESS/lib/bench-lib.sh"
# shellcheck source=tests/harness/lib/packages.sh
. "$HARNESS/lib/packages.sh"

JSON=${1:-$OUT/bench.json}
DIR=${2:-$OUT/bench}
LOG=$OUT/log/plot.log

need_tools plot
bench_valid "$JSON"
mkdir -p "$DIR"
data=
tmp_for data "$DIR/plot.dat"
jq -r -f "$HARNESS/results/plot.jq" "$JSON" >"$data" || die "cannot draw $JSON"
for kind in svg png; do
	run_logged "$LOG" gnuplot -e "data='$data'; dir='$DIR'; kind='$kind'" \
		"$HARNESS/results/plot.gp" || die "gnuplot failed" "$LOG"
done
note "plots are in $DIR"
