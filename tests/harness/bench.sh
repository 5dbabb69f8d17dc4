#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# bench.sh - make bench: the cost of lookups, mappings, notifications and moves, in
# instructions, compared with other ways to do the same; and in time the bandwidth
# of moves compared with memcpy(), and the progress of threads that fault during
# moves.
#
# Boots the kernel of tests/configs/bench.config on one emulated CPU whose cycle
# counter counts instructions, so that the figures are the same on every machine.
# Then boots it again on all CPUs, up to five, to measure time: all rows with KVM,
# and without KVM only those that emulation does not distort too much. Prints a
# table, and writes the figures to out/bench.json (see bench.jq for the schema) and
# plots to out/bench/. The last line has the floors (floors.jq) that are met, missed and
# not judged; the exit status is 0 if none is missed.
#
#   SEED=n             seed of the random offsets (1)
#   TIMES=moves|all    what is measured in time (all with KVM, moves without)
#   RESERVED_SIZE=nG   memory for buffers, at least 2G: by default 9G, for a buffer of
#                      8 GiB, if the machine has enough memory

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source=tests/harness/lib/bench-lib.sh
. "$HARNESS/lib/bench-lib.sh"

# mem_available - the available memory of this machine in GiB
mem_available() {
	awk '/^MemAvailable:/ { print int($2 / 1048576) }' /proc/meminfo
}

VARIANT=${VARIANT:-bench}
SEED=${SEED:-1}
DIR=$OUT/bench
# The guest's kernel gets 3 GiB in addition, and QEMU needs some memory, too.
LARGE=9
[[ -n ${RESERVED_SIZE:-} ]] || RESERVED_SIZE=$(($(mem_available) >= LARGE + 5 ? LARGE : 2))G
[[ $RESERVED_SIZE =~ ^([2-9]|[1-9][0-9]+)G$ ]] ||
	die "RESERVED_SIZE=$RESERVED_SIZE: it must be a number of GiB, 2G or more"
[[ $SEED =~ ^[0-9]+$ ]] || die "SEED=$SEED: it must be a number"
[[ ${TIMES:=} =~ ^(moves|all)?$ ]] || die "TIMES=$TIMES: it can be moves or all"
# All CPUs, up to the number that the rows with contending threads need
CPUS=$(nproc)
((CPUS <= 5)) || CPUS=5
TIMES_ACCEL=${ACCEL:-auto}
[[ $TIMES_ACCEL != icount ]] || die "ACCEL=icount: instructions are counted anyway"
# Read by the scripts that prepare.sh sources. The program is silent while it measures.
export ACCEL=icount GUEST_CPUS=1 GUEST_IOMMU=1 RESERVED_SIZE STALL_TIMEOUT=${STALL_TIMEOUT:-1200}
export GUEST_MEM=$(((${RESERVED_SIZE%G} + 3) * 1024))M

# shellcheck source=tests/harness/lib/prepare.sh
. "$HARNESS/lib/prepare.sh"

# bench_json - convert the guests' measurements to JSON
bench_json() {
	cat "$DIR"/{count,time}/results/bench.tsv | jq -Rs -L "$HARNESS/results" -f "$HARNESS/results/bench.jq" \
		--arg kernel "$(cat "$GUEST_KERNEL/release")" \
		--arg config "$VARIANT-$(sha256sum <"$GUEST_KERNEL/config" | cut -c 1-12)" \
		--arg seed "$SEED" \
		--arg machine "$("$QEMU" --version | head -n 1), icount" \
		--arg timed_on "$TIMED_ON"
}

# measure DIR [KEY=VALUE...] - boot a guest, die if anything failed
measure() {
	local dir=$1
	boot_guest "$dir" bench SEED="$SEED" "${@:2}"
	note "the guest ran for $(hms "$BOOT_SECONDS"), its console is $dir/console.log"
	results_collect "$dir"
	(($(results_count "$dir" fail))) || return 0
	results_report "$dir" >&2 || :
	die "make bench: see above, and $dir/console.log"
}

own_dir "$DIR"
prepare 3
rm -rf "$DIR"
next_step "measuring in a guest of one CPU that counts its instructions"
((${RESERVED_SIZE%G} >= LARGE)) ||
	note "no buffer of 8 GiB: that takes $((LARGE + 5)) GiB of free memory"
measure "$DIR/count"

# Time may be measured with another accelerator.
ACCEL=$TIMES_ACCEL GUEST_CPUS=$CPUS
choose_accel
[[ -n $TIMES ]] || TIMES=$([[ $ACCEL_USED == kvm ]] && echo all || echo moves)
TIMED_ON="$ACCEL_USED, $CPUS CPUs"
next_step "measuring time in a guest: $TIMED_ON, $ACCEL_WHY"
# The other CPUs are brought up after modules are loaded: this kernel has jump
# labels (base.config).
measure "$DIR/time" TIMES="$TIMES" maxcpus=1

next_step "figures in $OUT/bench.json, plots in $DIR"
tmp=
tmp_for tmp "$OUT/bench.json"
bench_json >"$tmp" || die "the measurements are invalid: $DIR/{count,time}/results/bench.tsv"
# The row "nops" of 100 instructions must be 100, or the counter counts something else.
jq -e '.rows[] | select(.name == "nops") | .value - 100 | fabs < 0.5' "$tmp" >/dev/null ||
	die "the cycle counter did not count instructions: $DIR/count/results/bench.tsv"
publish "$tmp" "$OUT/bench.json"
"$HARNESS/plot.sh" "$OUT/bench.json" "$DIR"
bench_table "$OUT/bench.json"
bench_floors "$OUT/bench.json"
rc=0
bench_missed "$OUT/bench.json" || rc=1
((rc == 0)) || note "floors are missed: $MISSED"
bench_closing_line "$OUT/bench.json"
exit $rc
