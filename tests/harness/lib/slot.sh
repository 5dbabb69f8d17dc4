#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# slot.sh - one slot of a test run with several guests side by side. It boots guests
# one after the other until the queue is empty: if a guest dies, the next one runs
# the rest of its units. Called by tests.sh, with DIR, QUEUE, GUEST_KERNEL,
# GUEST_IMAGE, ROOTFS and the limits in the environment.
#
#   slot.sh NUMBER KEY=VALUE...

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib.sh"
for _part in accel guest boot units; do
	# shellcheck source=/dev/null
	. "$HARNESS/lib/$_part.sh"
done

# The number of guests that may die before this slot gives up
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
	# A guest that took no unit did not reach the tests, and the next one would not
	# reach them either.
	[[ -e $guest/units ]] || break
	units_requeue "$guest" "$QUEUE"
done
