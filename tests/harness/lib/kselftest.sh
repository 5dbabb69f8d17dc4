# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# kselftest.sh - Linux's selftests, built from the same tree as the guest's kernel.
# Sourced after source.sh and kbuild.sh.
#
#   kselftest_get COLLECTION KERNEL_DIR
#
# builds the programs of tools/testing/selftests/COLLECTION in $OUT/guest/kselftest,
# for image.sh. They are rebuilt only if the kernel has changed.

_kselftest_make() {
	local collection=$1 to=$2 log=$OUT/log/kselftest.log args
	# Only some of the many programs; their library cannot include the header.
	if [[ $collection == kvm ]]; then
		args=("TEST_GEN_PROGS_x86=$(awk '!/^(#|$)/ { print $1 }' "$TOP/tests/guest/lists/kvm.list" |
			sort -u | tr '\n' ' ')" TEST_GEN_PROGS_EXTENDED_x86= TEST_PROGS_x86=)
	else
		args=(USERCFLAGS="-include '$HARNESS/lib/kselftest.h'")
	fi
	# Another clone may have changed the source tree since our kernel was built.
	source_prepare
	run_logged "$log" kbuild -s headers ||
		die "could not make the kernel's headers for user space" "$log"
	# Static, so that they do not depend on the guest's libc
	run_logged "$log" make -C "$WORK/src/tools/testing/selftests/$collection" all \
		OUTPUT="$to" KHDR_INCLUDES="-isystem $BUILD/usr/include" \
		"${args[@]}" USERLDFLAGS=-static ||
		die "could not build the selftests of $collection" "$log"
}

kselftest_get() {
	local to=$OUT/guest/kselftest tmp key
	key="$1 $(cat "$2/key") $(cat "$HARNESS"/lib/kselftest.{sh,h} | sha256sum)"
	[[ $(cat "$to/key" 2>/dev/null) != "$key" ]] || return 0
	need_tools kselftest
	source_id
	kbuild_init
	tmp_for tmp "$to"
	mkdir -p "$tmp"
	with_lock "work-$SRC_ID" _kselftest_make "$1" "$tmp"
	printf '%s\n' "$key" >"$tmp/key"
	publish "$tmp" "$to"
}
