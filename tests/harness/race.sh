#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# race.sh - make race: run the race engine of tests/igt/race/ in a guest for a given
# time. From the environment:
#
#   RACE_SECONDS  how long; make race SECONDS=n (60)
#   SEED          of the first scenario (random)
#   THREADS       number of threads (6)
#   REPLAY        a scenario as printed by a failure, instead of random ones
#   PASSES        kind of memory: a pass of tests/guest/lists/passes.list (contig)
#   VARIANT       kernel configuration: base, kasan, kcsan
#
# Prints operations per second, seeds, and how often each pair of actions
# overlapped. The exit status is 0 only if nothing failed, including the guest's checks.

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"

DIR=$OUT/race
RACE_SECONDS=${RACE_SECONDS:-60}
[[ ${VARIANT:=base} == base ]] || DIR+=-$VARIANT

# shellcheck source=tests/harness/lib/prepare.sh
. "$HARNESS/lib/prepare.sh"

[[ $RACE_SECONDS =~ ^[1-9][0-9]*$ ]] || die "SECONDS=$RACE_SECONDS: it must be a number"
input_check VARIANT PASSES SEED ACCEL
own_dir "$DIR"
# Time to boot, to reduce a failed scenario, and to look for leaks
export BOOT_TIMEOUT=$((RACE_SECONDS + 1200)) STALL_TIMEOUT=${STALL_TIMEOUT:-240}

prepare 2
next_step "racing for $(hms "$RACE_SECONDS") in a guest: $ACCEL_USED, $ACCEL_WHY"
FOLLOW=story boot_guest "$DIR" race RACE_SECONDS="$RACE_SECONDS" RACE_SEED="${SEED:-}" \
	RACE_THREADS="${THREADS:-}" RACE_REPLAY="${REPLAY:-}" PASSES="${PASSES:-}"
note "the guest ran for $(hms "$BOOT_SECONDS")"
next_step "output in $DIR/results/race.txt, console in $DIR/console.log"
results_collect "$DIR"
results_report "$DIR" || exit 1
