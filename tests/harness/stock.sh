#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# stock.sh - make test-stock KERNEL=...: what can run on one of Debian's kernels: make run,
# make test, and make prove with an importer of page frame numbers and one of scatter
# lists. The closing line includes the subtests.

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"
export KERNEL=${KERNEL:-6.12}
# shellcheck source=tests/harness/lib/prepare.sh
. "$HARNESS/lib/prepare.sh"
# shellcheck source=tests/harness/lib/expect.sh
. "$HARNESS/lib/expect.sh"

DIR=$OUT/test-stock-$KERNEL
SOURCE=$TOP/tests/prove
# The programs whose subtests must pass on every kernel, and those of which some can run
export TESTS=${TESTS:-'vgem_pfn_(basic|evict|prime|stale|async|huge|import|compat|carveout)@'}
export PASSES=${PASSES:-contig|huge|UNPATCHED}

# subtests - make test, whose results are counted one by one
subtests() {
	local log=$DIR/test.txt last rc=0
	run_child "$HARNESS/test.sh" > >(tee "$log") 2>&1 || rc=$?
	last=$(tail -n 1 "$log")
	! closing_counts "$last" || outcomes_add "${COUNTS[@]}"
	outcome "$rc" "make test: $last" "$log"
}

input_check KERNEL TESTS PASSES
debian_kernel || die "KERNEL=$KERNEL: one of Debian's kernels: ${DEBIAN_KERNELS[*]}"
own_dir "$DIR"
rm -rf "$DIR"
mkdir -p "$DIR"
need_tools fetch debian guest
rc=0
run_child "$HARNESS/run.sh" >"$DIR/run.txt" 2>&1 || rc=$?
outcome "$rc" "make run: $(grep -m 1 '^verified' "$DIR/run.txt")" "$DIR/run.txt"
subtests
rootfs_get
compile "$DIR/use_sample" "$SOURCE/use_sample.c" -static
prove "$DIR/pfn.txt" MODULE="$SOURCE/importer" PROGRAM="$DIR/use_sample 5"
expect "an importer of page frame numbers" 0 "$DIR/pfn.txt" \
	'^coverage: zap: judged by [1-9][0-9]* pages' '^vgem_pfn_share: [1-9][0-9]* moves' \
	'^verdict: 0 violations'
prove "$DIR/sg.txt" MODULE="$SOURCE/mapper" PROGRAM="$SOURCE/use-mapper.sh"
GUEST_KERNEL=$OUT/kernel/debian-$KERNEL
if debian_holds_still; then
	expect "an importer of scatter lists" 5 "$DIR/sg.txt" \
		'^exit status 5: held still: this kernel has no DMABUF_MOVE_NOTIFY'
else
	expect "an importer of scatter lists" 0 "$DIR/sg.txt" \
		'^vgem_pfn_share: [1-9][0-9]* moves' '^verdict: 0 violations'
fi
outcomes || exit 1
