# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# The IGT tests, once per line of passes.list: the same tests over other kinds of
# memory. For each pass vgem_pfn is loaded anew. Its parameters are in
# /run/modprobe.d, so that a test which reloads the module gets the same ones.

IGT_ROOT=${IGT_ROOT:-/vgem_pfn/tests}
STOCK_ROOT=/usr/libexec/igt-gpu-tools
PER_TEST_TIMEOUT=${PER_TEST_TIMEOUT:-180}

# QEMU's ivshmem-plain, whose BAR 2 is memory.
BAR_VENDOR=0x1af4
BAR_DEVICE=0x1110

# find_bar: set BAR to the PCI device that has the memory for carveouts in a BAR.
find_bar()
{
	BAR=
	for _dev in /sys/bus/pci/devices/*; do
		read -r _vendor < "$_dev/vendor"
		read -r _device < "$_dev/device"
		[ "$_vendor $_device" = "$BAR_VENDOR $BAR_DEVICE" ] || continue
		BAR=$_dev
		return 0
	done
	return 1
}

# check_memory: is the memory for carveouts what it should be? A block of which the
# kernel has any page is a directory in sysfs. 0x14220c: 64-bit prefetchable memory.
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

# stock_root: set _root to a directory with those of IGT's own tests that stock.list
# names. sw_sync taints the kernel as a soft lockup does, which itself is a panic. A
# device that core_hotunplug has removed is a new one, which knows no driver_override.
# drm_mm expects that KUnit tests run when they are loaded (kunit.sh).
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

# end_stock: as it was
end_stock()
{
	rm -f /run/modprobe.d/kunit.conf
	/sbin/modprobe -r kunit
}

# igt PASS SELECTION [EXCEPT]: igt_runner exits 0 whatever the tests did, so the host
# reads its results.json. The expressions are GLib's: both parts of the first must
# match. What is left out has an option of its own, since a program whose name matches
# is taken whole if there is none.
igt()
{
	_results=$RESULTS/igt/$1
	_root=$IGT_ROOT
	[ "$1" != stock ] || stock_root
	progress "igt_runner, pass $1"
	detached igt_runner --overwrite --log-level verbose \
		--per-test-timeout "$PER_TEST_TIMEOUT" \
		--abort-on-monitored-error=lockdep,taint \
		--environment IGT_FORCE_DRIVER=vgem_pfn \
		--include-tests "^(?=.*($2))(?=.*(${TESTS:-.}))" \
		${3:+--exclude-tests "$3"} \
		"$_root" "$_results" >&6 2>&1
	_status=$?
	if [ $_status -ne 0 ] && [ ! -e "$_results" ] && [ -n "${TESTS:-}" ]; then
		# TESTS may select KUnit alone; the host counts what ran.
		progress "igt_runner found no test to run in pass $1"
	elif [ $_status -ne 0 ]; then
		not_ok "guest/igt_runner/$1" "exit status $_status"
	elif [ ! -s "$_results/results.json" ]; then
		not_ok "guest/igt_runner/$1" "no results.json"
	else
		ok "guest/igt_runner/$1"
	fi
}

# reload PARAM...: vgem_pfn with these parameters, bound to the PCI device if one of
# them is "pci".
reload()
{
	mkdir -p /run/modprobe.d
	sync_contract
	/sbin/modprobe -r vgem_pfn || return
	unloaded_contract
	_params=
	for _param; do
		if [ "$_param" = pci ]; then
			echo vgem_pfn > "$BAR/driver_override"
			echo "${BAR##*/}" > /sys/bus/pci/drivers_probe
		else
			_params="$_params $_param"
		fi
	done
	echo "options vgem_pfn$_params" |
		sed "s/@RESERVED+1G/@$((${RESERVED#*@} + 0x40000000))/
			s/@RESERVED/@${RESERVED#*@}/" > /run/modprobe.d/vgem_pfn.conf
	/sbin/modprobe vgem_pfn
}

# begin_pass NAME SELECTION [-EXCEPT] [PARAM...]: set _pass, _select and _except, and
# load vgem_pfn with the parameters.
begin_pass()
{
	_pass=$1 _select=$2 _except=
	shift 2
	case "${1:-}" in
	-*)
		_except=${1#-}
		shift
		;;
	esac
	# The first one takes what is loaded.
	if [ $# -gt 0 ] && ! _err=$(reload "$@" 2>&1); then
		not_ok "guest/pass/$_pass" "vgem_pfn $*: $_err (log: $(dmesg |
			grep -F vgem_pfn | tail -n 1))"
		return 1
	fi
}

# has_blob: does virtio-gpu have blob resources?
has_blob()
{
	grep -qs '^blob resources *: yes' /sys/kernel/debug/dri/*/virtio-gpu-features
}

run_passes()
{
	mkdir -p "$RESULTS/igt"
	cp "$IGT_ROOT/test-list.txt" "$RESULTS"/
	# Without drivers there is nothing to load with parameters.
	[ -z "${QUICK:-}" ] || PASSES=contig
	_passes=${PASSES:-[a-z-]*}
	if [ -z "${PASSES:-}" ] && has_blob; then
		_passes="$_passes|VIRTGPU"
	elif [ -z "${PASSES:-}${TESTS:-}" ]; then
		skip "guest/virtgpu" "virtio-gpu has no blob resources, for want of /dev/udmabuf where QEMU runs: make test-nested"
		# The list is one line.
		sed -i 's/vgem_pfn_virtgpu *//' "$RESULTS/test-list.txt"
	fi
	grep -v '^#' /vgem_pfn/guest/passes.list |
		grep -E "^($_passes)[ 	]" > /run/passes
	while read -r _line; do
		# shellcheck disable=SC2086 # words
		begin_pass $_line && igt "$_pass" "$_select" "$_except"
		[ "$_pass" != stock ] || end_stock
	done < /run/passes
	[ -z "${BAR:-}" ] || echo > "$BAR/driver_override"
}
