# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# How the guest speaks to the host: one virtio port per kind of message.
#   verdict   KTAP lines of the harness's own checks; the very last line, written
#             after everything else, is "# end of verdict: N checks"
#   results   one tar archive of /tmp/results
#   story     what the story program prints
#   progress  what is happening now, so that the host can name what was
#             running when the guest died
#   plan      from the host: the next unit of tests (units.sh)
# A port can be opened once at a time: init holds them as descriptors 3 to 7.

RESULTS=/tmp/results
checks=0

# port NAME: set PORT to a port's device node. They appear a little after boot.
port()
{
	for _try in 1 2 3 4 5 6 7 8 9 10; do
		for _port in /sys/class/virtio-ports/*; do
			_name=
			read -r _name 2>/dev/null < "$_port/name"
			if [ "$_name" = "$1" ]; then
				PORT=/dev/${_port##*/}
				return 0
			fi
		done
		sleep 0.2
	done
	echo "guest: there is no virtio port $1" >&2
	power_off
}

open_ports()
{
	mkdir -p "$RESULTS"
	port verdict; exec 3>"$PORT"
	port results; exec 4>"$PORT"
	port story; exec 5>"$PORT"
	port progress; exec 6>"$PORT"
	port plan; exec 7<"$PORT"
	echo "KTAP version 1" >&3
}

# Without descriptors 3 to 7, for programs that might outlive or close them.
detached()
{
	"$@" 3>&- 4>&- 5>&- 6>&- 7<&-
}

# With the time since boot, as igt_runner has it in its own lines.
progress()
{
	read -r _up _ < /proc/uptime
	echo "[$_up] $*" >&6
}

verdict()
{
	echo "$*" >&3
	echo "guest: $*"
}

# One line, and no '#': the reason ends up in a KTAP line.
reason()
{
	echo "$*" | tr '\n#\t' '   ' | sed 's/  */ /g; s/ $//' | cut -c 1-300
}

ok()
{
	checks=$((checks + 1))
	verdict "ok $checks - $1"
}

skip()
{
	checks=$((checks + 1))
	verdict "ok $checks - $1 # SKIP $(reason "$2")"
}

not_ok()
{
	checks=$((checks + 1))
	verdict "not ok $checks - $1 # $(reason "$2")"
}

# ended NAME STATUS TEXT: a program has, and what it said last
ended()
{
	if [ "$2" -eq 0 ]; then
		ok "$1"
	else
		not_ok "$1" "exit status $2: $3"
	fi
}

power_off()
{
	sync
	poweroff -f
	sleep 60
}

# The archive first, the last line last.
finish()
{
	dmesg > "$RESULTS/dmesg.txt"
	progress "sending the results"
	tar -C "$RESULTS" -cf - . >&4
	verdict "1..$checks"
	verdict "# end of verdict: $checks checks"
	power_off
}
