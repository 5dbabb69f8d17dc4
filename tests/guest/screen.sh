#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# screen.sh DIR - runs beside QEMU and sends screenshots to the guest. For each line
# that the guest writes, it gets a line with a number of bytes, followed by a
# picture (PPM) of that size.
#
# DIR has named pipes of QEMU: screen.in and screen.out are the guest's port,
# monitor.in and monitor.out are QEMU's monitor. The monitor executes commands in
# order: once the file written by the second command exists, the first one is complete.

dir=$1
cat "$dir/monitor.out" > "$dir/monitor.txt" &

# Opened for reading and writing, so that neither side sees an end of file
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
