# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# prepare.sh - prepare everything that is needed to boot a guest. Sourced after
# lib.sh by the scripts that boot one; sources the rest of the harness.
#
#   prepare STEPS   build kernel, root and image, choose the accelerator: sets
#                   GUEST_KERNEL, GUEST_IMAGE, ROOTFS and ACCEL_USED. STEPS is the
#                   number of further steps that the caller begins with next_step.
#                   With KSELFTESTS=1 the image has selftests of Linux. With KERNEL=...
#                   the kernel is one of Debian's (debian.sh), and is not built.
#   iommu_guest     set QEMU, ACCEL and so on for a guest with an IOMMU, devices with DMA
#                   engines behind it, and nested virtualization

for _part in packages source kbuild kselftest accel rootfs debian image guest boot units \
	results input; do
	# shellcheck source=/dev/null
	. "$HARNESS/lib/$_part.sh"
done

# The limit of a subtest in seconds, for long forms and below two levels of emulation
# shellcheck disable=SC2034 # for the scripts that source this file
LONG_TEST_TIMEOUT=600

KERNEL_STEPS=5
PREPARE_STEPS=$((KERNEL_STEPS + 1))

# next_step TEXT
next_step() {
	_step=$((_step + 1))
	step "$_step/$STEPS_TOTAL" "$1"
}

# prepare_kernel [VARIANT] - kernel.sh numbers its steps within the total
prepare_kernel() {
	STEPS_TOTAL=$STEPS_TOTAL VARIANT=${1:-base} run_child "$HARNESS/kernel.sh" || exit 1
	GUEST_KERNEL=$OUT/kernel/${1:-base}
}

# prepare_debian - Debian's kernel and our modules instead
prepare_debian() {
	STEPS_TOTAL=$((2 + $1))
	_step=0
	next_step "Debian's kernel $KERNEL, and our modules for it"
	need_tools fetch debian guest
	debian_get
	next_step "guest root and image"
	rootfs_get
	debian_initrd
	image_get "$GUEST_KERNEL" "debian-$KERNEL"
	choose_accel
}

prepare() {
	if debian_kernel; then
		prepare_debian "$1"
		return
	fi
	STEPS_TOTAL=$((PREPARE_STEPS + $1))
	_step=$KERNEL_STEPS
	need_tools fetch kernel guest
	prepare_kernel "${VARIANT:-base}"
	next_step "guest root and image"
	rootfs_get
	[[ -z ${KSELFTESTS:-} ]] || other_source || kselftest_get "$GUEST_KERNEL"
	image_get "$GUEST_KERNEL" "${VARIANT:-base}"
	choose_accel
}

# shellcheck disable=SC2034 # for guest.sh
iommu_guest() {
	qemu_get
	GUEST_IOMMU=1
	GUEST_DMA=1
	[[ ${ACCEL:-} == @(kvm|icount) ]] || ACCEL=svm
	choose_accel
}
