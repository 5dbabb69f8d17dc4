#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# list.sh - make test-list: the IGT subtests of make test with their passes,
# followed by those that only make test-full runs. The tests must have been built.
# Then the rules of the contract with their KUnit cases, and the mutations that each
# case must catch.

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source=tests/harness/lib/packages.sh
. "$HARNESS/lib/packages.sh"
# shellcheck source=tests/harness/lib/rootfs.sh
. "$HARNESS/lib/rootfs.sh"
# shellcheck source=tests/harness/lib/units.sh
. "$HARNESS/lib/units.sh"

[[ -s $OUT/guest/tests/test-list.txt ]] || die "the tests are not built: make test does that"
rootfs_get
mkdir -p "$OUT/guest/subtests"

# in_form FORM - lines "program@subtest pass"
in_form() {
	local name short full
	while read -r name short full _; do
		pass_selected "$name" || continue
		FORM=$1 pass_subtests "$name" "$short" "$full" | sed "s/\$/ $name/"
	done < <(pass_lines) | sort
}

# by_subtest - join the passes of a subtest in one line
by_subtest() {
	awk '{ passes[$1] = passes[$1] " " $2 } END { for (t in passes) print t ":" passes[t] }' | sort
}

in_form short >"$OUT/guest/short.list"
in_form full >"$OUT/guest/full.list"
echo "make test: $(wc -l <"$OUT/guest/short.list") runs of $(awk '{ print $1 }' "$OUT/guest/short.list" | sort -u | wc -l) subtests"
by_subtest <"$OUT/guest/short.list" | sed 's/^/    /'
echo "only make test-full: $(comm -13 "$OUT/guest/short.list" "$OUT/guest/full.list" | wc -l) runs"
comm -13 "$OUT/guest/short.list" "$OUT/guest/full.list" | by_subtest | sed 's/^/    /'

# cases RULE - the KUnit cases with this rule in their names
cases() {
	grep -hoE "KUNIT_CASE[A-Z_]*[(]rule$1_[a-z0-9_]+" "$TOP"/drivers/dma-buf/st-dma-buf-pfn*.c |
		sed 's/.*(//' | sort -u
}

# caught_by CASE - the mutations that expect this case to fail
caught_by() {
	{ grep -lE "^# expect: kunit/[a-z-]+/$1\$" "$TOP"/tests/mutations/*.patch || :; } |
		sed 's,.*/,,; s/[.]patch$//' | paste -sd' '
}

echo "rules of Documentation/driver-api/dma-buf-pfn.rst: KUnit cases, and mutations that these catch"
for rule in $(seq 1 "$(grep -cE '^[0-9]+\. ' "$TOP/Documentation/driver-api/dma-buf-pfn.rst")"); do
	for name in $(cases "$rule"); do
		printf '    %2d %-36s %s\n' "$rule" "$name" "$(caught_by "$name")"
	done
done
