#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# residency.sh - make residency TRACE=file: draw a trace of vgem_pfn's events,
# out/residency.svg. See residency.awk for the picture and the required events.
#
#   residency.sh [TRACE [SVG]]

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"

TRACE=${1:-${TRACE:-}}
SVG=${2:-$OUT/residency.svg}

[[ -n $TRACE ]] || die "make residency TRACE=file: TRACE is not set"
[[ -r $TRACE && ! -d $TRACE ]] || die "cannot read the trace $TRACE"
tmp=
tmp_for tmp "$SVG"
awk -f "$HARNESS/results/residency.awk" "$TRACE" >"$tmp" ||
	die "no picture of $TRACE: see above"
publish "$tmp" "$SVG"
note "the picture is $SVG"
