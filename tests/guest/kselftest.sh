# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Linux's selftests. Each line of a list has a program, the module that it tests and
# the program's options. The host reads the output from results/kselftest.

KSELFTESTS=/vgem_pfn/kselftest

# The device that programs of vfio use: QEMU's igb
VFIO_VENDOR=0x8086
VFIO_DEVICE=0x10c9

# bind_vfio: bind this device to vfio-pci, and set VFIO_SELFTESTS_BDF to its name. Without
# the device, the programs skip their tests.
bind_vfio()
{
	find_pci $VFIO_VENDOR $VFIO_DEVICE || return 0
	export VFIO_SELFTESTS_BDF="${PCI##*/}"
	bind_pci vfio-pci "$PCI"
	# Interrupts are not remapped under KVM.
	echo 1 > /sys/module/iommufd/parameters/allow_unsafe_interrupts
}

unbind_vfio()
{
	[ -n "${VFIO_SELFTESTS_BDF:-}" ] || return 0
	echo "$VFIO_SELFTESTS_BDF" > /sys/bus/pci/drivers/vfio-pci/unbind
	echo > "/sys/bus/pci/devices/$VFIO_SELFTESTS_BDF/driver_override"
}

# judge_status: write a result for a program that prints none. 4 is KSFT_SKIP.
judge_status()
{
	read -r _status < /run/kselftest_status
	echo "1..1"
	case $_status in
	0) echo "ok 1 exit" ;;
	4) echo "ok 1 exit # SKIP status 4" ;;
	*) echo "# status $_status"; echo "not ok 1 exit" ;;
	esac
}

# kselftest_unit PROGRAM MODULE [OPTION...]: descriptor 0 is /dev/null, so that a
# program cannot change the console.
kselftest_unit()
{
	_prog=$1
	# shellcheck disable=SC2154 # units.sh sets it
	_dir=$RESULTS/unit/$unit/kselftest
	if [ ! -d "/sys/module/$(echo "$2" | tr - _)" ]; then
		load_module "$2" || return
		echo "$2" >> /run/loaded
	fi
	shift 2
	mkdir -p "$_dir"
	[ "${_prog#vfio_}" = "$_prog" ] || bind_vfio
	progress "kselftest: $_prog"
	{
		detached "$KSELFTESTS/$_prog" "$@" < /dev/null 2>&1
		echo $? > /run/kselftest_status
	} | tee "$_dir/$_prog" >&6
	grep -qE '^(not )?ok ' "$_dir/$_prog" || judge_status >> "$_dir/$_prog"
	[ "${_prog#vfio_}" = "$_prog" ] || unbind_vfio
}
