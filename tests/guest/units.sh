# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# The tests of MODE=test are divided into units, which the host hands out one at a
# time (their format is in tests/harness/lib/units.sh). The results of each unit are
# sent as soon as it ends, so that they are not lost if the guest dies later.

asked=0

# next_unit: read a unit into unit, unit_kind and unit_args, and its tests into
# /run/unit. Fails if there are no more units.
next_unit()
{
	asked=$((asked + 1))
	progress "wants unit $asked"
	read -r _word unit unit_kind unit_args <&7 || return 1
	[ "$_word" = unit ] || return 1
	while read -r _line <&7 && [ "$_line" != end ]; do
		echo "$_line"
	done > /run/unit
}

# send_unit: send the results of the unit and remove them.
send_unit()
{
	[ -d "$RESULTS/unit" ] || return 0
	tar -C "$RESULTS" -cf - unit >&4
	rm -rf "$RESULTS/unit"
}

run_units()
{
	while next_unit; do
		progress "unit $unit begins"
		mkdir -p "$RESULTS/unit/$unit"
		case "$unit_kind" in
		kunit | kselftest) leave_pass ;;
		esac
		# shellcheck disable=SC2086 # words
		case "$unit_kind" in
		igt) igt_unit $unit_args ;;
		mutant) mutant_unit $unit_args ;;
		kunit) kunit_unit $unit_args ;;
		kselftest) kselftest_unit $unit_args ;;
		*) not_ok "guest/unit" "unit $unit is of the unknown kind '$unit_kind'" ;;
		esac
		send_unit
		progress "unit $unit ends"
	done
}
