#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# inject.sh - make test-inject: in each program one subtest is made to fail in the
# middle (tests/guest/programs/igt_preload.c). That subtest must be reported as
# failed, and no other. PASSES=regex as in make test (the first pass).

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source=tests/harness/lib/prepare.sh
. "$HARNESS/lib/prepare.sh"
# shellcheck source=tests/harness/lib/tests.sh
. "$HARNESS/lib/tests.sh"
# shellcheck source=tests/harness/lib/outcome.sh
. "$HARNESS/lib/outcome.sh"

DIR=$OUT/inject
QUEUE=$DIR/queue
export PASSES=${PASSES:-contig} TESTS=${TESTS:-@}
input_check PASSES TESTS ACCEL GUESTS

# judge_unit GUEST UNIT - check each program of the unit
judge_unit() {
	local program meant got all results=$DIR/$2.ndjson
	unit_results "$1" "$1/units/$2" >"$results"
	while read -r program; do
		meant=$(cat "$1/results/unit/$2/injected.$program" 2>/dev/null) || :
		all=$(jq -r --arg p "/$program@" 'select(.name | contains($p)) | .name' "$results" | wc -l)
		got=$(jq -r --arg p "/$program@" 'select(.name | contains($p)) |
			select(.status == "fail") | .name | sub(".*@"; "")' "$results" | paste -sd' ')
		if [[ -z $meant && $all -lt 2 ]]; then
			note "$program: a single subtest, in which nothing was injected"
		elif [[ -n $meant && $got == "$meant" ]]; then
			outcome 0 "$program: of $all subtests only $meant failed"
		else
			outcome 1 "$program: of $all subtests only ${meant:-none} should have failed, but these did: ${got:-none}" "$results"
		fi
	done < <(sed -n 's/^igt@\([^@]*\).*/\1/p' "$1/units/$2" | sort -u)
}

own_dir "$DIR"
prepare 2
rm -rf "$DIR"
units_make "$QUEUE"
next_step "a failure in each program: $ACCEL_USED, $ACCEL_WHY"
tests_run "$DIR" "$QUEUE" INJECT=1 NO_CONTRACT=1
for guest in "$DIR"/guest-*; do guest_unpack "$guest"; done
next_step "what failed"
for file in "$DIR"/guest-*/units/*; do
	[[ $(head -n 1 "$file") != *" igt "* ]] || judge_unit "${file%/units/*}" "${file##*/}"
done
outcomes || exit 1
