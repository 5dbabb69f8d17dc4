#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# bench.sh - make bench: what page frame numbers cost, in instructions.
#
# Boots the kernel of tests/configs/bench.config on one emulated CPU whose cycle
# counter counts instructions, so that the figures are the same on every machine.
# Prints them as a table and leaves them in out/bench.json, whose schema is in
# bench.jq.  SEED=n chooses the offsets.

# shellcheck source=tests/harness/lib.sh
. "$(dirname "$0")/lib.sh"

VARIANT=${VARIANT:-bench}
# For the parts of the harness that prepare.sh reads.
export ACCEL=icount GUEST_CPUS=1
SEED=${SEED:-1}
DIR=$OUT/bench

# shellcheck source=tests/harness/prepare.sh
. "$HARNESS/prepare.sh"

# bench_json - what the guest measured, if that is what it counted
bench_json() {
	jq -Rs -f "$HARNESS/bench.jq" \
		--arg kernel "$(cat "$GUEST_KERNEL/release")" \
		--arg config "$VARIANT-$(sha256sum <"$GUEST_KERNEL/config" | cut -c 1-12)" \
		--arg seed "$SEED" \
		--arg machine "$("$QEMU" --version | head -n 1), icount" \
		"$DIR/results/bench.tsv"
}

bench_table() {
	jq -r '
		def pad($n): " " * ([$n - length, 0] | max);
		def left($n): . + pad($n);
		def right($n): pad($n) + .;
		"kernel \(.kernel), config \(.config), seed \(.seed)",
		"",
		("" | left(20)) + ("" | left(20)) + ("least" | right(14)) +
			("median" | right(14)) + ("ratio" | right(10)),
		(.rows[] | (.name | left(20)) + (.unit | left(20)) +
			(.value | tostring | right(14)) + (.median | tostring | right(14)) +
			(.ratio | tostring | right(10)) + " of \(.ratio_to)")' "$1"
}

[[ $SEED =~ ^[0-9]+$ ]] || die "SEED=$SEED: it must be a number"
prepare 2
next_step "measuring in a guest of one CPU that counts its instructions"
boot_guest "$DIR" bench SEED="$SEED"
note "the guest ran for $(hms "$BOOT_SECONDS")"
next_step "figures in $OUT/bench.json, the guest's console in $DIR/console.log"
results_collect "$DIR" bench
if (($(results_count "$DIR" fail))); then
	results_report "$DIR" >&2 || :
	die "make bench: see above, and $DIR/console.log"
fi
tmp=
tmp_for tmp "$OUT/bench.json"
bench_json >"$tmp" || die "the guest's figures make no sense: $DIR/results/bench.tsv"
# 100 instructions must have counted as that, or the unit is another one.
jq -e '.rows[] | select(.name == "nops") | .value - 100 | fabs < 0.5' "$tmp" >/dev/null ||
	die "the cycle counter did not count instructions: $DIR/results/bench.tsv"
publish "$tmp" "$OUT/bench.json"
bench_table "$OUT/bench.json"
