#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# run.sh - make run: boot a guest in which the story program demonstrates moves of
# imported memory, and print its output. One of the buffers is a picture, which is
# saved in out/run/, together with a picture of the residency of all buffers. The
# exit status is 0 only if the programs and the guest's checks reported success. make
# run-kvm is the same with GUEST_IOMMU=1, which adds DMA and virtual machines.
#
# The default is one of Debian's kernels, for which nothing but modules is compiled. With
# a variable for the patched kernel, the patched kernel is the default.

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"
for name in GUEST_IOMMU LINUX VARIANT CONFIG_EXTRA OVERLAY_PATCH; do
	[[ -z ${!name:-} ]] || KERNEL=${KERNEL:-patched}
done
KERNEL=${KERNEL:-6.12}
# shellcheck source=tests/harness/lib/prepare.sh
. "$HARNESS/lib/prepare.sh"

DIR=$OUT/run

input_check ACCEL KERNEL
own_dir "$DIR"
# The picture is drawn by a test, with vkms, which Debian's kernels do not have.
# shellcheck disable=SC2034 # for image_get
! debian_kernel || IMAGE_NO_TESTS=1
prepare 1
[[ -z $GUEST_IOMMU ]] || iommu_guest
next_step "booting a guest: $ACCEL_USED, $ACCEL_WHY"
FOLLOW=story BOOT_TIMEOUT=${RUN_TIMEOUT:-180} boot_guest "$DIR" run
results_collect "$DIR"
if (($(results_count "$DIR" fail))); then
	results_report "$DIR" >&2 || :
	die "make run: see above, and $DIR/console.log"
fi
if ! debian_kernel; then
	mv "$DIR/results/vkms.png" "$DIR" || die "make run: the guest drew no picture"
	note "the picture of vkms is $DIR/vkms.png"
fi
"$HARNESS/residency.sh" "$DIR/results/trace.txt" "$DIR/residency.svg" ||
	die "make run: no picture of the residency of buffers"
note "done; the guest ran for $(hms "$BOOT_SECONDS"), its console is in $DIR/console.log"
! debian_kernel || note "This was Debian's kernel $DEBIAN_RELEASE with modules. \`make test\` builds and tests
         the patched kernel, and \`make run KERNEL=patched\` shows this on it."
