#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# standin.sh - for the harness's own tests (selftest.sh): stands in for QEMU on a machine
# whose KVM is of no use.  Without KVM it is the real one, $STANDIN_FOR.
#
#   STANDIN=slow     a guest under KVM is 30 times slower than it should be
#   STANDIN=silent   it runs the probe, and is silent with a kernel

args=" $* "
if [[ $args == *" --version "* ]]; then
	echo "stand-in, $STANDIN"
elif [[ $args == *" -accel kvm "* && $args == *" -bios "* ]]; then
	[[ $STANDIN != slow ]] || sleep 30
	exit 33
elif [[ $args == *" -accel kvm "* ]]; then
	exec sleep 3600
fi
exec "$STANDIN_FOR" "$@"
