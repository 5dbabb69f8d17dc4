# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# kselftest.sh - Linux's selftests, built from the same tree as the guest's kernel.
# Sourced after source.sh and kbuild.sh.
#
#   kselftest_get KERNEL_DIR
#
# builds these programs of tools/testing/selftests in $OUT/guest/kselftest, for image.sh.
# They are rebuilt only if the kernel has changed.

# COLLECTION/PROGRAM
KSELFTEST_PROGRAMS="iommu/iommufd iommu/iommufd_fail_nth vfio/vfio_dmabuf_test
	kvm/x86/dmabuf_test kvm/set_memory_region_test kvm/memslot_modification_stress_test
	kvm/dirty_log_test kvm/x86/nested_dirty_log_test"

# _kselftest_make TO
_kselftest_make() {
	local to=$1 log=$OUT/log/kselftest.log program flags
	# Another clone may have changed the source tree since our kernel was built.
	source_prepare
	run_logged "$log" kbuild -s headers ||
		die "could not make the kernel's headers for user space" "$log"
	for program in $KSELFTEST_PROGRAMS; do
		flags=
		# The others are also linked with a library that is no test.
		[[ $program != iommu/* ]] || flags="-include '$HARNESS/lib/kselftest.h'"
		# Static, so that they do not depend on the guest's libc
		run_logged "$log" make -C "$WORK/src/tools/testing/selftests/${program%%/*}" \
			"$to/build/${program#*/}" \
			OUTPUT="$to/build" KHDR_INCLUDES="-isystem $BUILD/usr/include" \
			USERCFLAGS="$flags" USERLDFLAGS=-static ||
			die "could not build the selftest $program" "$log"
		mv "$to/build/${program#*/}" "$to"
	done
	rm -rf -- "$to/build"
}

kselftest_get() {
	local to=$OUT/guest/kselftest tmp key
	key="$(cat "$1/key") $(cat "$HARNESS"/lib/kselftest.{sh,h} | sha256sum)"
	[[ $(cat "$to/key" 2>/dev/null) != "$key" ]] || return 0
	need_tools kselftest
	source_id
	kbuild_init
	tmp_for tmp "$to"
	mkdir -p "$tmp/build"
	with_lock "work-$SRC_ID" _kselftest_make "$tmp"
	printf '%s\n' "$key" >"$tmp/key"
	publish "$tmp" "$to"
}
