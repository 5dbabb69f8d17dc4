#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# screen.sh DIR - beside a QEMU: what does its guest's screen show? The guest asks, a
# line at a time, and gets a number of bytes in a line, and a picture (PPM) of so many.
#
# DIR has QEMU's pipes: screen.in and screen.out, the guest's port, and monitor.in and
# monitor.out, for the commands of QEMU's monitor. It works off one after the other,
# so that a file which the second one writes tells that the first is done.

dir=$1
cat "$dir/monitor.out" > "$dir/monitor.txt" &

# Kept open, so that neither side sees an end.
exec 3<> "$dir/monitor.in" 4<> "$dir/screen.in" 5<> "$dir/screen.out"

n=0
while read -r _ <&5; do
	n=$((n + 1))
	echo "screendump \"$dir/screen$n.ppm\"" >&3
	echo "pmemsave 0 1 \"$dir/screen$n.done\"" >&3
	tries=0
	while [ ! -s "$dir/screen$n.done" ] && [ $tries -lt 300 ]; do
		tries=$((tries + 1))
		sleep 0.1
	done
	rm -f "$dir/screen$n.done"
	if [ -s "$dir/screen$n.ppm" ]; then
		wc -c < "$dir/screen$n.ppm" >&4
		cat "$dir/screen$n.ppm" >&4
	else
		echo 0 >&4
	fi
done
