# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Deliberate failures for `make test-harness`. BREAK is a comma-separated list of
# them. Each must make the run fail with a message on the host that names it.

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
		# A triple fault if the kernel's command line has reboot=t
		progress "breaking: reset"
		reboot -f
		sleep 60
		;;
	vanish)
		# A guest does the same when its init is killed.
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
