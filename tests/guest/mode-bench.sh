# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# MODE=bench: load the drivers and the benchmark module, and run the bench program.
# It measures in instructions, or in time if TIMES is set
# (tests/guest/programs/bench/main.c). This kernel has no lockdep and none of the
# other debug options, whose instructions would be counted.

# Of the memory reserved with memmap=, the last GiB is for scattered buffers, and
# the rest is for contiguous ones.
bench_carveouts()
{
	_size=${RESERVED%@*}
	_first=$((${_size%G} - 1))
	_address=$((${RESERVED#*@}))
	echo "contig:256M,reserved:${_first}G@$_address,reserved:1G@$((_address +
		_first * 0x40000000)):buddy;pci=bar:rest"
}

# Bring up the CPUs that maxcpus= has left offline. Loading a module patches jump
# labels, and under emulation a second CPU could execute the temporary breakpoint
# (tests/configs/base.config).
bench_cpus()
{
	for _cpu in /sys/devices/system/cpu/cpu*/online; do
		[ ! -e "$_cpu" ] || [ "$(cat "$_cpu")" = 1 ] || echo 1 > "$_cpu" ||
			not_ok "guest/cpus" "$_cpu: does not come up"
	done
}

# Bind vgem_pfn to the PCI device whose BAR is one of the measured kinds of memory.
bench_bar()
{
	find_bar && bind_pci vgem_pfn "$BAR" && [ -d "$BAR/drm" ]
}

# Bind vfio-pci to the PCI device with its own IOMMU group, QEMU's pci-testdev.
# IOMMUFD needs the parameter with KVM, where this IOMMU does not remap interrupts.
bench_vfio()
{
	load_module iommufd allow_unsafe_interrupts=1 && load_module vfio-pci || return
	find_pci 0x1b36 0x0005 && bind_pci vfio-pci "$PCI" && [ -d "$PCI/vfio-dev" ]
}

if load_module vgem && load_module vgem_pfn devices=1 "carveouts=$(bench_carveouts)" &&
	load_module dma-buf-pfn-importer && load_module dma-buf-pfn-bench; then
	if ! bench_bar; then
		not_ok "guest/bar" "vgem_pfn does not take the PCI device ${BAR:-, which is not there}"
	fi
	bench_vfio || not_ok "guest/vfio" "vfio-pci does not take the PCI device pci-testdev"
	# Fixed addresses: a mapping must not need another page table by chance.
	echo 0 > /proc/sys/kernel/randomize_va_space
	bench_cpus
	progress "measuring"
	detached /vgem_pfn/bin/bench "${SEED:?}" ${TIMES:+"$TIMES"} > "$RESULTS/bench.tsv" 2> /tmp/bench.err
	_status=$?
	ended "bench" $_status "$(tail -n 1 /tmp/bench.err)"
fi
check_taint
check_log
