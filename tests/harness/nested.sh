#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# nested.sh - make test-nested: the tests that need a virtio-gpu with blob
# resources, in a guest inside a guest. QEMU offers blob resources only with
# /dev/udmabuf, which the outer guest's kernel has, as well as KVM. TESTS=regex
# selects IGT subtests.

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"
DIR=$OUT/nested
TESTS=${TESTS:-vgem_pfn_virtgpu@}
# Two levels of emulation are slow.
export BOOT_TIMEOUT=${BOOT_TIMEOUT:-3600} STALL_TIMEOUT=${STALL_TIMEOUT:-600}

# shellcheck source=tests/harness/lib/prepare.sh
. "$HARNESS/lib/prepare.sh"

# inner_args FILE - the arguments of the inner guest's QEMU, with paths in the outer
# guest (tests/guest/mode-nested.sh)
inner_args() {
	# shellcheck disable=SC2034 # for qemu_args
	local GUEST_KERNEL=/run/vm GUEST_IMAGE=/dev/vda ACCEL_USED=inner GUEST_BLOB=1
	qemu_args /tmp/results/inner
	printf '%s\n' "${QEMU_ARGS[@]}" >"$1"
}

# nested_image - create an image with the files for the inner guest, including its units
nested_image() {
	local stage tmp settings
	settings=(PER_TEST_TIMEOUT="$LONG_TEST_TIMEOUT" CONTRACT_LIMIT="${CONTRACT_LIMIT:-30000}")
	tmp_for stage "$OUT/image/nested.stage"
	mkdir -p "$stage"
	cp "$GUEST_KERNEL/bzImage" "$stage"
	inner_args "$stage/args"
	cp -r "$DIR/queue" "$stage/units"
	guest_cmdline test "${settings[@]}" >"$stage/cmdline"
	tmp_for tmp "$OUT/image/nested.sqfs"
	run_logged "$IMAGE_LOG" mksquashfs "$stage" "$tmp" -comp lz4 -all-root -no-xattrs \
		-no-progress || die "could not make the outer guest's image" "$IMAGE_LOG"
	publish "$tmp" "$OUT/image/nested.sqfs"
	rm -rf -- "$stage"
}

# nested_boot - run both guests. QEMU's emulation of SVM sometimes corrupts state of
# the inner guest: lockdep of its kernel has reported a "bad unlock balance" of a
# lock that is taken for PCI config accesses, which exit to the outer guest. If that
# happens before the first test has begun, our code cannot be the cause, and the
# guests are restarted.
ATTEMPTS=3
nested_boot() {
	local attempt
	for ((attempt = 1; attempt <= ATTEMPTS; attempt++)); do
		rm -rf -- "$DIR/results"
		GUEST_MEM=8448M boot_guest "$DIR" nested
		note "the guests ran for $(hms "$BOOT_SECONDS")"
		results_collect "$DIR"
		if grep -qsE 'unit [0-9]+ begins' "$DIR/results/inner/progress"; then
			return
		fi
		note "attempt $attempt of $ATTEMPTS: no test began: $(diagnose "$DIR/results/inner")"
	done
}

# Only the inner guest needs it.
# shellcheck disable=SC2034 # for boot_guest
GUEST_BLOB=
own_dir "$DIR"
prepare 3
next_step "a QEMU whose guests can run guests"
qemu_get
rm -rf "$DIR"
PASSES=VIRTGPU units_make "$DIR/queue"
nested_image
# Nesting may not work even if KVM does, so it is used only with ACCEL=kvm.
export ACCEL=${ACCEL:-svm}
choose_accel
next_step "running the tests in a guest of a guest: $ACCEL_USED"
# shellcheck disable=SC2034 # for boot_guest
GUEST_DRIVES=("$QEMU_ROOT/base.sqfs" "$OUT/image/nested.sqfs")
# The inner guest gets half of the memory: little of its reserved memory is used.
nested_boot
next_step "results in $DIR: test.ktap, junit.xml, console.log, results/inner"
# The inner guest has taken all units, so collect its results like those of any guest.
inner=$DIR/inner/guest-1
mkdir -p "$inner"
[[ ! -d $DIR/results/inner ]] || cp -r "$DIR/results/inner/." "$inner"
mv "$DIR/queue" "$inner/units"
results_collect_all "$DIR/inner" "$DIR/queue"
results_add "$DIR" "$DIR/inner"
results_report "$DIR" || exit 1
