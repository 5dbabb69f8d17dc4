# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# The IGT tests run in passes, one kind of memory each (passes.list). If a unit
# belongs to another pass than the previous one, vgem_pfn is reloaded. Its
# parameters are in /run/modprobe.d, so that a test which reloads the module gets
# the same ones.

IGT_ROOT=${IGT_ROOT:-/vgem_pfn/tests}
STOCK_ROOT=/usr/libexec/igt-gpu-tools
PER_TEST_TIMEOUT=${PER_TEST_TIMEOUT:-180}

# QEMU's ivshmem-plain, whose BAR 2 is memory
BAR_VENDOR=0x1af4
BAR_DEVICE=0x1110

# find_pci VENDOR DEVICE: set PCI to the first such device, or to nothing.
find_pci()
{
	for PCI in /sys/bus/pci/devices/*; do
		read -r _vendor < "$PCI/vendor"
		read -r _device < "$PCI/device"
		[ "$_vendor $_device" != "$1 $2" ] || return 0
	done
	PCI=
	return 1
}

# bind_pci DRIVER DEVICE: bind this driver to a PCI device.
bind_pci()
{
	echo "$1" > "$2/driver_override" && echo "${2##*/}" > /sys/bus/pci/drivers_probe
}

# find_bar: set BAR to the PCI device whose BAR has memory for carveouts.
find_bar()
{
	BAR=
	find_pci $BAR_VENDOR $BAR_DEVICE && BAR=$PCI
}

# check_memory: check that the memory for carveouts is as expected. sysfs has a
# directory for each memory block of which the kernel has any page. 0x14220c: 64-bit
# prefetchable memory.
check_memory()
{
	_blocks=/sys/devices/system/memory
	_address=${RESERVED#*@}
	_block=$((_address / 0x$(cat $_blocks/block_size_bytes)))
	if [ -d $_blocks/memory0 ] && [ ! -e $_blocks/memory$_block ]; then
		ok "guest/reserved"
	else
		not_ok "guest/reserved" "the memory at $_address has struct pages"
	fi
	if ! find_bar; then
		not_ok "guest/bar" "there is no PCI device $BAR_VENDOR:$BAR_DEVICE"
	elif sed -n 3p "$BAR/resource" | grep -q '14220c$'; then
		ok "guest/bar"
	else
		not_ok "guest/bar" "BAR 2 of $BAR: $(sed -n 3p "$BAR/resource")"
	fi
}

# stock_root: set _root to a directory with IGT's own tests from stock.list. sw_sync
# sets the taint flag of a soft lockup; a real soft lockup still panics. A device
# that core_hotunplug has removed comes back without its driver_override. drm_mm
# expects KUnit tests to run when their module is loaded (kunit.sh).
stock_root()
{
	_root=/run/stock
	_programs=$(grep '^[a-z]' /vgem_pfn/guest/stock.list)
	mkdir -p $_root
	for _program in $_programs; do
		ln -sf "$STOCK_ROOT/$_program" $_root
	done
	# shellcheck disable=SC2086 # words
	{
		echo TESTLIST
		echo $_programs
		echo "END TESTLIST"
	} > $_root/test-list.txt
	ALLOWED_TAINTS=$((ALLOWED_TAINTS | 1 << 14))
	echo "options kunit autorun=1" > /run/modprobe.d/kunit.conf
	echo "${BAR_VENDOR#0x} ${BAR_DEVICE#0x}" > /sys/bus/pci/drivers/vgem_pfn/new_id
}

# end_stock: undo stock_root.
end_stock()
{
	rm -f /run/modprobe.d/kunit.conf
	/sbin/modprobe -r kunit
}

# run_igt RESULTS LIST: the exit status of igt_runner is 0 even if tests failed, so
# the host reads its results.json. All subtests of a program run in one process,
# until one fails and igt_preload.so ends the process. With several subtests in one
# process, igt_runner 2.5 mixes up output that is sent through a socket.
run_igt()
{
	export IGT_RUNNER_DISABLE_SOCKET_COMMUNICATION=1
	# shellcheck disable=SC2154 # units.sh sets it
	[ -z "${INJECT:-}" ] || export IGT_PRELOAD_FAIL="$RESULTS/unit/$unit/injected."
	_root=$IGT_ROOT
	[ "$_pass" != stock ] || _root=/run/stock
	{
		LD_PRELOAD=/vgem_pfn/bin/igt_preload.so detached igt_runner --overwrite --log-level verbose --multiple-mode \
			--per-test-timeout "$PER_TEST_TIMEOUT" \
			--abort-on-monitored-error=lockdep,taint \
			--environment IGT_FORCE_DRIVER=vgem_pfn \
			--test-list "$2" "$_root" "$1" 2>&1
		echo $? > /run/igt_status
	} | tee /run/igt_log >&6
	read -r _status < /run/igt_status
}

# not_begun LIST: the lines of LIST whose subtests igt_runner has not started
not_begun()
{
	awk 'FNR == NR {
		sub(/^\[ *[0-9.]+\] /, "")
		if (match($0, /^\[[0-9]+\/[0-9]+\] (\([^)]*\) )?/)) {
			program = substr($0, RLENGTH + 1)
			sub(/ .*/, "", program)
		} else if (sub(/^Starting subtest: /, "") || (sub(/^Subtest /, "") && sub(/: .*/, "")))
			begun["igt@" program "@" $0]
		next
	     }
	     /@.*@/ && !($0 in begun)' /run/igt_log "$1"
}

# run_left: run the subtests of /run/unit. The subtests after one that failed,
# crashed or timed out run in another process, with another results directory.
run_left()
{
	cp /run/unit /run/left
	_try=0
	while [ -s /run/left ]; do
		run_igt "$RESULTS/unit/$unit/igt.$_try" /run/left
		[ "$_status" -eq 0 ] || break
		not_begun /run/left > /run/left.new
		! cmp -s /run/left.new /run/left || break
		mv /run/left.new /run/left
		_try=$((_try + 1))
	done
	if [ "$_status" -ne 0 ]; then
		not_ok "guest/igt_runner/$unit" "exit status $_status: $(tail -n 1 /run/igt_log)"
	fi
}

# igt_unit PASS [PARAM...]
igt_unit()
{
	begin_pass "$@" && run_left
}

# reload PARAM...: load vgem_pfn with these parameters. "pci" also binds it to the
# PCI device.
reload()
{
	mkdir -p /run/modprobe.d
	sync_contract
	/sbin/modprobe -r vgem_pfn || return
	unloaded_contract
	_params=
	[ -z "${BAR:-}" ] || echo > "$BAR/driver_override"
	for _param; do
		if [ "$_param" = pci ]; then
			[ -n "${BAR:-}" ] || find_bar || return
			bind_pci vgem_pfn "$BAR"
		else
			_params="$_params $_param"
		fi
	done
	echo "options vgem_pfn$_params" |
		sed "s/@RESERVED+1G/@$((${RESERVED#*@} + 0x40000000))/
			s/@RESERVED/@${RESERVED#*@}/" > /run/modprobe.d/vgem_pfn.conf
	/sbin/modprobe vgem_pfn && reloaded_contract
}

# begin_pass NAME [PARAM...]: load vgem_pfn with the parameters, by default those of
# modules.list, unless this is already the current pass.
_pass=
begin_pass()
{
	[ "$1" != "$_pass" ] || return 0
	[ "$_pass" != stock ] || end_stock
	_old=$_pass
	_pass=$1
	shift
	if [ $# -eq 0 ]; then
		# The first pass uses the driver as it was loaded.
		[ -n "$_old" ] || return 0
		# shellcheck disable=SC2046,SC2086 # words
		set -- $(sed -n 's/^vgem_pfn //p' /vgem_pfn/guest/modules.list) \
			${MODPARAM_vgem_pfn:-}
	fi
	if ! _err=$(reload "$@" 2>&1); then
		not_ok "guest/pass/$_pass" "vgem_pfn $*: $_err (log: $(dmesg |
			grep -F vgem_pfn | tail -n 1))"
		_pass=
		return 1
	fi
	[ "$_pass" != stock ] || stock_root
}

# leave_pass: for units without a pass. The next pass reloads the driver.
leave_pass()
{
	[ "$_pass" != stock ] || end_stock
	[ -z "$_pass" ] || _pass=none
}

# end_passes: undo the changes of all passes.
end_passes()
{
	leave_pass
	[ -z "${BAR:-}" ] || echo > "$BAR/driver_override"
}
