# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# MODE=bench: load the drivers and the benchmark, and let the bench program measure: in
# instructions, or in time if TIMES says of what (tests/guest/programs/bench/main.c).
# This kernel has none of the checks that count, so it has no lockdep to look at.

# Of the memory that the kernel leaves alone, the last GiB is for buffers of many
# blocks, and the rest for those of one range.
bench_carveouts()
{
	_size=${RESERVED%@*}
	_first=$((${_size%G} - 1))
	_address=$((${RESERVED#*@}))
	echo "contig:256M,reserved:${_first}G@$_address,reserved:1G@$((_address +
		_first * 0x40000000)):buddy;pci=bar:rest"
}

# Those that the kernel was told to leave alone. Jump labels change when modules are
# loaded, and another CPU that emulation runs at the same time could meet a breakpoint
# there (tests/configs/base.config).
bench_cpus()
{
	for _cpu in /sys/devices/system/cpu/cpu*/online; do
		[ ! -e "$_cpu" ] || [ "$(cat "$_cpu")" = 1 ] || echo 1 > "$_cpu" ||
			not_ok "guest/cpus" "$_cpu: does not come up"
	done
}

# The PCI device whose memory is one of the kinds that are measured
bench_bar()
{
	find_bar && echo vgem_pfn > "$BAR/driver_override" &&
		echo "${BAR##*/}" > /sys/bus/pci/drivers_probe && [ -d "$BAR/drm" ]
}

if load_module vgem && load_module vgem_pfn devices=1 "carveouts=$(bench_carveouts)" &&
	load_module dma-buf-pfn-importer && load_module dma-buf-pfn-bench; then
	if ! bench_bar; then
		not_ok "guest/bar" "vgem_pfn does not take the PCI device ${BAR:-, which is not there}"
	fi
	# Whether a mapping needs one more page table is not to be a matter of chance.
	echo 0 > /proc/sys/kernel/randomize_va_space
	bench_cpus
	progress "measuring"
	detached /vgem_pfn/bin/bench "${SEED:?}" ${TIMES:+"$TIMES"} > "$RESULTS/bench.tsv" 2> /tmp/bench.err
	_status=$?
	ended "bench" $_status "$(tail -n 1 /tmp/bench.err)"
fi
check_taint
check_log
