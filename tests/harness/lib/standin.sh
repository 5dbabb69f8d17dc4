#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# standin.sh - for the tests of the harness (selftest.sh): stands in for QEMU on a
# machine with a faulty KVM, or whose emulation hangs. Otherwise it runs the real QEMU,
# $STANDIN_FOR.
#
#   STANDIN=slow     a guest under KVM is 30 times slower than it should be
#   STANDIN=silent   the probe passes, but a kernel prints nothing
#   STANDIN=stopped  the CPUs of the first guest do not run; $STANDIN_STATE then exists

args=" $* "
if [[ $args == *" --version "* ]]; then
	echo "stand-in, $STANDIN"
elif [[ $args == *" -accel kvm "* && $args == *" -bios "* ]]; then
	[[ $STANDIN != slow ]] || sleep 30
	exit 33
elif [[ $args == *" -accel kvm "* ]]; then
	exec sleep 3600
elif [[ $STANDIN == stopped && $args == *" -kernel "* && ! -e $STANDIN_STATE ]]; then
	: >"$STANDIN_STATE"
	set -- "$@" -S
fi
exec "$STANDIN_FOR" "$@"
