#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# slot.sh - one of the guests that a test run has side by side.  Guests of its own are
# booted one after the other until the queue is empty: a guest that died is followed by
# another, which runs what was left of its units.  Called by tests.sh; in the
# environment are DIR, QUEUE, GUEST_KERNEL, GUEST_IMAGE, ROOTFS and the limits.
#
#   slot.sh NUMBER KEY=VALUE...

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib.sh"
for _part in accel guest boot units; do
	# shellcheck source=/dev/null
	. "$HARNESS/lib/$_part.sh"
done

# So many guests may die before the rest of the queue is left alone.
DEATHS=${DEATHS:-4}

slot=$1
shift

# shellcheck disable=SC2329 # boot_guest calls it
on_progress() {
	units_poll "$1" "$QUEUE" "$2"
}

for ((n = 0; n < DEATHS; n++)); do
	[[ -n $(ls "$QUEUE") ]] || break
	guest=$DIR/guest-$slot
	((n == 0)) || guest+=.$n
	boot_guest "$guest" test "$@"
	[[ $BOOT_END != exited ]] || continue
	# Without a unit it did not get to the tests, nor will the next one.
	[[ -e $guest/units ]] || break
	units_requeue "$guest" "$QUEUE"
done
