# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# guest.sh - the devices and memory of a guest, and its kernel's command line.
# Sourced after lib.sh and accel.sh; boot.sh runs the guest.
#
#   qemu_args DIR                   set QEMU_ARGS, without kernel command line and
#                                   console; the guest's ports are files in DIR
#   guest_cmdline MODE [KEY=VALUE...]   print the kernel command line
#
# MODE and the settings are passed to tests/guest/init as environment variables.

GUEST_CPUS=${GUEST_CPUS:-2}

# RESERVED_SIZE is reserved with memmap=, for carveouts without struct pages. The
# kernel allocates struct pages for whole sections (128 MiB), so whole sections are
# reserved. 2 GiB at the address 4 GiB allow entries of 1 GiB: with this much
# memory, q35 puts 2 GiB below 4 GiB in one piece, and the rest at 4 GiB. The kernel
# gets the lower 2 GiB and the last 128 MiB. QEMU allocates memory on first use, so
# only passes that use the reserved memory cost memory of the host.
GUEST_MEM=${GUEST_MEM:-4224M}
RESERVED_SIZE=${RESERVED_SIZE:-2G}
RESERVED_ADDRESS=0x100000000

# A PCI device that has only memory, for carveouts in a BAR
BAR_SIZE=128M

# Two such devices behind one bridge: only they can reach each other's BARs.
PEER_BAR_SIZE=8M

# The guest writes to these ports, and reads from the last one (units.sh).
PORTS=(verdict results story progress plan)

# GUEST_IOMMU=1 adds an IOMMU, and a PCI device that has its own group and no driver.
# Devices with drivers use the IOMMU only if they are bound to vfio-pci. The IOMMU has no
# caching mode, in which the kernel also flushes when it maps.
GUEST_IOMMU=${GUEST_IOMMU:-}

# GUEST_DMA=1 adds two devices with DMA engines: edu and igb, each alone behind a root
# port. Only the QEMU of rootfs.sh has igb.
GUEST_DMA=${GUEST_DMA:-}

# GUEST_DRIVES=(FILE...) are read-only images for the guest: /dev/vdb and so on.
GUEST_DRIVES=()

# GUEST_BLOB=1, the default if /dev/udmabuf is writable, gives virtio-gpu blob
# resources, so that its driver imports dma-bufs. It also needs the guest's memory
# in a memfd. The guest gets screenshots through its port "screen"
# (tests/guest/screen.sh).
[[ ! -w /dev/udmabuf ]] || GUEST_BLOB=${GUEST_BLOB:-1}
GUEST_BLOB=${GUEST_BLOB:-}

# With KASAN the allocation of a large scattered buffer takes seconds, and longer on a busy
# machine. Tasks that wait for the manager's lock get Linux's default.
_hung_seconds=30
[[ ${VARIANT:-} != kasan ]] || _hung_seconds=120

# A WARN, an oops, a lockup and a hung task all make the guest panic. The host finds
# the reason in the console log. On a busy machine the kernel's check of the emulated
# timer at boot may fail (no_timer_check). Where warnings are allowed, many of them must
# not remove the first one from the log (log_buf_len).
GUEST_CMDLINE=(
	console=ttyS0 root=/dev/vda ro rootfstype=squashfs init=/init
	panic=-1 oops=panic panic_on_warn=1 softlockup_panic=1 hung_task_panic=1
	sysctl.kernel.hardlockup_panic=1 sysctl.kernel.panic_on_rcu_stall=1
	"sysctl.kernel.hung_task_timeout_secs=$_hung_seconds"
	kmemleak=on kunit.enable=1 printk.time=1 no_timer_check log_buf_len=4M
	"memmap=$RESERVED_SIZE\$$RESERVED_ADDRESS" "RESERVED=$RESERVED_SIZE@$RESERVED_ADDRESS"
)
# With one of Debian's kernels (debian.sh). They have jump labels, and base.config has not.
if debian_kernel; then
	# shellcheck disable=SC2034 # for accel.sh
	TCG_THREADS=single
	# virtio-gpu of these kernels warns while a console is shown.
	GUEST_CMDLINE+=("STOCK=$KERNEL" tsc=reliable
		drm_kms_helper.fbdev_emulation=0 drm_client_lib.active=none)
fi
# CMDLINE="name=value ..." adds parameters of the kernel.
read -ra _extra <<<"${CMDLINE:-}"
GUEST_CMDLINE+=("${_extra[@]}")

# On a busy machine the kernel may find the TSC unstable: then KVM warns of VMs with several
# vCPUs.
IOMMU_CMDLINE=(intel_iommu=on iommu=pt tsc=reliable)

# guest_cmdline MODE [KEY=VALUE...] - print the kernel command line
guest_cmdline() {
	local kv line="${GUEST_CMDLINE[*]} MODE=$1"
	shift
	[[ -z $GUEST_IOMMU ]] || line+=" ${IOMMU_CMDLINE[*]}"
	for kv; do
		[[ $kv != *[\"$'\n']* ]] || die "cannot pass this to the guest: $kv"
		line+=" ${kv%%=*}=\"${kv#*=}\""
	done
	((${#line} < 2000)) || die "too long for the guest's command line: $line"
	printf '%s' "$line"
}

# qemu_args DIR - set QEMU_ARGS, without the kernel command line and console.
# DEVICES="nvme,serial=1 ..." adds devices of QEMU.
qemu_args() {
	local dir=$1 port port_file drive device accel n=0 machine=q35
	[[ -z $GUEST_BLOB ]] || machine+=,memory-backend=ram
	QEMU_ARGS=(
		-nodefaults -no-user-config -no-reboot -display none
		-machine "$machine" -m "$GUEST_MEM" -smp "$GUEST_CPUS"
		-kernel "$GUEST_KERNEL/bzImage"
	)
	[[ ! -e $GUEST_KERNEL/initrd ]] || QEMU_ARGS+=(-initrd "$GUEST_KERNEL/initrd")
	# The IOMMU has to come before the devices.
	[[ -z $GUEST_IOMMU ]] || QEMU_ARGS+=(-device intel-iommu)
	QEMU_ARGS+=(
		-drive "file=$GUEST_IMAGE,format=raw,if=none,id=root,readonly=on"
		-device "virtio-blk-pci,drive=root"
		-device "virtio-gpu-pci${GUEST_BLOB:+,blob=on}"
		-device virtio-serial-pci -device pvpanic-pci
		-device "bochs-display,romfile=,addr=0x10"
		-object "memory-backend-memfd,id=bar,size=$BAR_SIZE,share=on"
		-device "ivshmem-plain,memdev=bar"
		-device "pci-bridge,id=bridge,chassis_nr=1"
		-object "memory-backend-memfd,id=bar1,size=$PEER_BAR_SIZE,share=on"
		-device "ivshmem-plain,memdev=bar1,bus=bridge,addr=1"
		-object "memory-backend-memfd,id=bar2,size=$PEER_BAR_SIZE,share=on"
		-device "ivshmem-plain,memdev=bar2,bus=bridge,addr=2"
	)
	[[ -z $GUEST_IOMMU ]] || QEMU_ARGS+=(-device pci-testdev)
	[[ -z $GUEST_DMA ]] || QEMU_ARGS+=(
		-device "pcie-root-port,id=edu,chassis=2"
		-device "edu,bus=edu,dma_mask=0xffffffffffffffff"
		-device "pcie-root-port,id=igb,chassis=3" -device "igb,bus=igb"
	)
	for device in ${DEVICES:-}; do QEMU_ARGS+=(-device "$device"); done
	mapfile -t accel < <(accel_args "$ACCEL_USED")
	QEMU_ARGS+=("${accel[@]}")
	for drive in "${GUEST_DRIVES[@]}"; do
		n=$((n + 1))
		QEMU_ARGS+=(
			-drive "file=$drive,format=raw,if=none,id=drive$n,readonly=on"
			-device "virtio-blk-pci,drive=drive$n"
		)
	done
	n=0
	for port in "${PORTS[@]}"; do
		n=$((n + 1))
		case "$port" in
		results) port_file=file,path=${dir//,/,,}/results.tar ;;
		plan) port_file=pipe,path=${dir//,/,,}/plan ;;
		*) port_file=file,path=${dir//,/,,}/$port ;;
		esac
		QEMU_ARGS+=(
			-chardev "$port_file,id=port$n"
			-device "virtserialport,nr=$n,chardev=port$n,name=$port"
		)
	done
	[[ -n $GUEST_BLOB ]] || return 0
	QEMU_ARGS+=(
		-object "memory-backend-memfd,id=ram,size=$GUEST_MEM,share=on"
		-chardev "pipe,id=screen,path=${dir//,/,,}/screen"
		-device "virtserialport,nr=$((n + 1)),chardev=screen,name=screen"
		-chardev "pipe,id=monitor,path=${dir//,/,,}/monitor" -mon chardev=monitor
	)
}

