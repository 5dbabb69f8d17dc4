# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# MODE=nested: run an inner guest. Its QEMU can offer blob resources because this
# guest has /dev/udmabuf. /dev/vdb has QEMU. /dev/vdc has a kernel, QEMU's
# arguments, one a line, and the kernel's command line (tests/harness/nested.sh).
# The inner guest uses the same root as this one. Its results are in results/inner.

INNER=$RESULTS/inner

mkdir -p /run/qemu /run/vm "$INNER"
mount -t squashfs -o ro /dev/vdb /run/qemu
mount -t squashfs -o ro /dev/vdc /run/vm
/sbin/modprobe kvm_amd nested=0 2> /dev/null || /sbin/modprobe kvm_intel

if [ -w /dev/udmabuf ]; then
	ok "nested/udmabuf"
else
	not_ok "nested/udmabuf" "there is no /dev/udmabuf"
fi
if [ -w /dev/kvm ]; then
	ok "nested/kvm"
else
	not_ok "nested/kvm" "there is no /dev/kvm: $(dmesg | grep -i kvm | tail -n 1)"
fi

# hand_out_units: write a unit to the inner guest's port "plan" whenever it requests one,
# as units_poll does for other guests. A unit that is written earlier would be lost if a
# test hibernates the inner guest before it has read the port.
hand_out_units()
{
	_n=1
	for _unit in /run/vm/units/* ""; do
		until grep -q "wants unit $_n\$" "$INNER/progress"; do sleep 1; done
		if [ -n "$_unit" ]; then cat "$_unit"; else echo "done"; fi >&8
		_n=$((_n + 1))
	done
}

inner_guest()
{
	set --
	while read -r _arg; do
		set -- "$@" "$_arg"
	done < /run/vm/args
	detached /run/qemu/here "$@" -append "$(cat /run/vm/cmdline)" \
		-chardev "file,id=console,path=$INNER/console.log" \
		-serial chardev:console > "$INNER/qemu.log" 2>&1
}

mkfifo "$INNER/screen.in" "$INNER/screen.out" "$INNER/monitor.in" "$INNER/monitor.out" \
	"$INNER/plan"
# Opened for reading and writing, so that neither side blocks until the other opens it.
exec 8<>"$INNER/plan"
detached /bin/sh /vgem_pfn/guest/screen.sh "$INNER" &
screen=$!
progress "the inner guest"
: > "$INNER/progress"
tail -f "$INNER/progress" >&6 &
tail=$!
: > "$INNER/console.log"
tail -f "$INNER/console.log" &
console=$!
hand_out_units &
units=$!
if inner_guest; then
	ok "nested/qemu"
	echo exited > "$INNER/end"
else
	not_ok "nested/qemu" "status $?: $(tail -n 1 "$INNER/qemu.log")"
fi
kill $screen $tail $console $units 2> /dev/null
rm -f "$INNER"/*.in "$INNER"/*.out "$INNER/plan"
check_taint
check_lockdep
check_log
