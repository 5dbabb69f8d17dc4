# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Things that go wrong on purpose, for `make test-harness`: BREAK names them,
# with commas between. Each must make the run fail in a way that the host names.

crash()
{
	/sbin/modprobe lkdtm || not_ok "module/lkdtm" "does not load"
	progress "breaking: $1"
	echo "$1" > /sys/kernel/debug/provoke-crash/DIRECT
}

break_it()
{
	case "$1" in
	warn)
		crash WARNING
		;;
	panic)
		crash PANIC
		;;
	hang)
		crash HARDLOCKUP
		;;
	leak)
		/sbin/modprobe kmemleak-test
		keep_symbols
		/sbin/modprobe -r kmemleak-test
		;;
	taint)
		echo 64 > /proc/sys/kernel/tainted
		;;
	reset)
		# By a triple fault if the kernel's command line has reboot=t
		progress "breaking: reset"
		reboot -f
		sleep 60
		;;
	vanish)
		# As a guest does whose init was killed.
		progress "breaking: vanish"
		power_off
		;;
	*)
		not_ok "guest/break" "BREAK=$1 is unknown"
		;;
	esac
}

for _what in $(echo "$BREAK" | tr , ' '); do
	break_it "$_what"
done
