# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# The guest sends each kind of message to the host through its own virtio port:
#   verdict   KTAP lines of the harness's checks; the last line, written after
#             everything else, is "# end of verdict: N checks"
#   results   tar archives: each unit's results as it ends, then /tmp/results
#   story     the output of the story program
#   progress  the current activity, so that the host can report what was running
#             when the guest died
#   plan      from the host: the next unit of tests (units.sh)
# A port can be opened only once at a time: init keeps them open as descriptors 3 to 7.

RESULTS=/tmp/results
checks=0

# port NAME: set PORT to a port's device node, which appears some time after boot.
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

# Run a command without descriptors 3 to 7, which it might keep open or close.
detached()
{
	"$@" 3>&- 4>&- 5>&- 6>&- 7<&-
}

# The time since boot has the same form as in the output of igt_runner.
progress()
{
	read -r _up _ < /proc/uptime
	echo "[$_up] $*" >&6
}

# start_heartbeat COMMAND...: run it every 5 s until stop_heartbeat. It writes to the host,
# which ends a silent guest as hung, but a test may be silent for longer.
start_heartbeat()
{
	while sleep 5; do
		"$@"
	done &
	_heartbeat=$!
}

stop_heartbeat()
{
	kill "$_heartbeat"
}

verdict()
{
	echo "$*" >&3
	echo "guest: $*"
}

# The reason is part of a KTAP line: it must be one line and must not contain '#'.
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

# ended NAME STATUS TEXT: the result of a program, with the last line of its output
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

# The archive comes first and the final line last.
finish()
{
	dmesg > "$RESULTS/dmesg.txt"
	progress "sending the results"
	tar -C "$RESULTS" -cf - . >&4
	verdict "1..$checks"
	verdict "# end of verdict: $checks checks"
	power_off
}
