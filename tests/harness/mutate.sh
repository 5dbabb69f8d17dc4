#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# mutate.sh - make test-mutations: test deliberately broken drivers. Each
# tests/mutations/*.patch breaks the contract in one way and lists the IGT subtests
# and KUnit cases that must fail when they run once:
#
#   # Description of the bug, in a sentence or two.
#   #
#   # expect: vgem_pfn_prime@move
#   # expect: reach/vgem_pfn_import@reach-freed
#   # expect: kunit/dma-buf-pfn/rule1_units
#   # expect: guest/contract
#
# The prefix of the second test is the name of its pass
# (tests/guest/lists/passes.list). guest/contract is the verdict of the contract
# checker.
#
# A mutation is caught if all listed tests fail, or were running when the guest
# died. A mutation that does not apply or build fails. MUTATIONS=regex selects
# mutations by name.
#
# Mutations of our modules and of iommufd share guests (tests/guest/mutant.sh). A mutation
# of the kernel or of other modules, or one that lists KUnit cases or tests of the passes
# VFIO, DMA and KVM boots a guest of its own.

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source=tests/harness/lib/prepare.sh
. "$HARNESS/lib/prepare.sh"
# shellcheck source=tests/harness/lib/tests.sh
. "$HARNESS/lib/tests.sh"
# shellcheck source=tests/harness/lib/outcome.sh
. "$HARNESS/lib/outcome.sh"

DIR=$OUT/mutations
QUEUE=$DIR/queue
# The module of the KUnit suites that mutations may list
KUNIT_MODULE=dmabuf_kunit
# Modules that a guest can replace. Others are in use as long as it runs.
REPLACEABLE='vgem_pfn|dma_buf_pfn_importer|iommufd'
KUNIT_LEFT_OUT=$(sed -n "s/^$KUNIT_MODULE //p" "$TOP/tests/guest/lists/kunit.list")

# expected PATCH... - the tests that these patches list, one per line
expected() {
	sed -n 's/^# expect: *//p' "$@" | sort -u
}

# igt_expected PATCH... - the IGT subtests of these, as "PASS PROGRAM SUBTEST"
igt_expected() {
	local first
	first=$(pass_lines | awk 'NR == 1 { print $1 }')
	expected "$@" | grep -vE '^(kunit|guest)/' | sed "s,^[^/]*$,$first/&," | tr /@ '  ' || :
}

# suites_expected PATCH... - the suites of the listed KUnit cases, as a regular expression
suites_expected() {
	expected "$@" | sed -n 's,^kunit/\([^/]*\)/.*,\1,p' | sort -u | paste -sd'|' |
		sed 's/.*/^(&)$/'
}

# pass_parameters PASS
pass_parameters() {
	pass_lines | awk -v pass="$1" '$1 == pass { sub(/^([^ ]+ +){3}/, ""); if (NF > 3) print }'
}

# expected_units KIND PATCH... - add units, numbered from _UNIT + 1 on, that run the IGT
# subtests listed by these patches. KIND is "igt" or "mutant NAME" (units.sh).
expected_units() {
	local kind=$1 pass program
	shift
	while read -r pass program; do
		_UNIT=$((_UNIT + 1))
		igt_expected "$@" | awk -v p="$pass" -v g="$program" '
			$1 == p && $2 == g { print g "@" $3 }' |
			unit_add "$_UNIT" "$kind $pass $(pass_parameters "$pass")"
	done < <(igt_expected "$@" | awk '{ print $1, $2 }' | sort -u)
}

# kernel_changed KERNEL_DIR - whether the kernel differs from the correct one
kernel_changed() {
	! cmp -s "$1/bzImage" "$GUEST_KERNEL/bzImage"
}

# keep_modules KERNEL_DIR TO - copy the modules that differ from the correct ones
keep_modules() {
	local file
	mkdir -p "$2"
	while read -r file; do
		cmp -s "$1/modules/$file" "$GUEST_KERNEL/modules/$file" ||
			cp "$1/modules/$file" "$2"
	done < <(cd "$1/modules" && find . -name '*.ko')
	[[ -n $(ls "$2") ]]
}

# noticed FILE TEST - print the reason of the test's failure in FILE, if it failed
noticed() {
	jq -re --arg n "$2" '[.[] | select(.status == "fail" and .name == $n) | .reason] |
		first // empty' "$1"
}

# result_name TEST - the name of a listed test in the results
result_name() {
	local pass program subtest
	if [[ $1 == @(kunit|guest)/* ]]; then
		echo "$1"
	else
		read -r pass program subtest < <(igt_expected <(echo "# expect: $1"))
		echo "$(igt_prefix "$pass")$program@$subtest"
	fi
}

# judge NAME TEST RESULTS - report whether the test caught the mutation
judge() {
	local how
	if how=$(noticed "$3" "$2"); then
		outcome 0 "$1: caught by $2: \"${how:0:120}\""
	else
		outcome 1 "$1: not caught by $2" "$3"
	fi
}

# died_in GUEST_DIR CASE - whether the guest died in this case. KUnit prints only
# the suite before it starts, so look for the case in a call trace.
died_in() {
	[[ $(cat "$1/end") != exited ]] && grep -qa " $2+0x" "$1/console.log"
}

# needs_iommu PATCH... - whether these list tests that need the guest with an IOMMU
needs_iommu() {
	expected "$@" | grep -qE '^(VFIO|DMA|KVM)/'
}

# kernel_guest DIR PATCH... - run the tests that these patches list in a guest
kernel_guest() {
	local dir=$1
	local -x GUEST_IOMMU='' GUEST_DMA='' QEMU=$QEMU ACCEL=${ACCEL:-} ACCEL_USED=$ACCEL_USED
	local -x ACCEL_WHY=$ACCEL_WHY
	shift
	! needs_iommu "$@" || iommu_guest
	units_begin "$dir/queue"
	_UNIT=100
	expected_units igt "$@"
	! expected "$@" | grep -q '^kunit/' ||
		unit_add 901 "kunit $KUNIT_MODULE $KUNIT_LEFT_OUT" </dev/null
	! expected "$@" | grep -q '^kunit/vgem_pfn' ||
		unit_add 902 "kunit vgem_pfn_kunit" </dev/null
	GUESTS=1 tests_run "$dir" "$dir/queue" QUICK=1 NO_CONTRACT=1 \
		SUITES="$(suites_expected "$@")"
	results_collect_all "$dir" "$dir/queue"
}

# kernel_unmutated PATCH... - check that the listed tests pass with the correct kernel
kernel_unmutated() {
	local dir=$DIR/unmutated-kernel cases passed test
	cases=$(for test in $(expected "$@"); do result_name "$test"; done)
	kernel_guest "$dir" "$@"
	passed=$(jq -r '.[] | select(.status == "pass") | .name' "$dir/summary.json" |
		grep -cxF "$cases") || :
	if [[ $passed == "$(wc -l <<<"$cases")" ]]; then
		outcome 0 "the kernel as it is passes these $passed tests"
	else
		outcome 1 "the kernel as it is passes $passed of $(wc -l <<<"$cases") tests" "$dir/summary.json"
	fi
}

# kernel_mutation NAME PATCH KERNEL_DIR - in a guest of its own
kernel_mutation() {
	local dir=$DIR/$1/guest test
	image_get "$3" mutation
	kernel_guest "$dir" "$2"
	for test in $(expected "$2"); do
		if [[ $test == kunit/* ]] && died_in "$dir/guest-1" "${test##*/}"; then
			outcome 0 "$1: caught by $test: \"$(diagnose "$dir/guest-1" | cut -c 1-120)\""
		else
			judge "$1" "$(result_name "$test")" "$dir/summary.json"
		fi
	done
	image_get "$OUT/kernel/base" base
}

# build NAME PATCH - set KERNEL to the built kernel and modules; reports a failed build
build() {
	local log=$DIR/$1/build.log
	mkdir -p "$DIR/$1"
	if [[ -z $(expected "$2") ]]; then
		outcome 1 "$1: lists no test (# expect: ...)"
		return 1
	fi
	if ! VARIANT=base OVERLAY_PATCH=$2 VGEM_PFN_OUT=$DIR/$1/out \
		run_child "$HARNESS/kernel.sh" >"$log" 2>&1; then
		outcome 1 "$1: does not apply or does not build" "$log"
		return 1
	fi
	KERNEL=$DIR/$1/out/kernel/base
}

# needs_guest NAME PATCH KERNEL_DIR - whether the mutant cannot share a guest with others
needs_guest() {
	kernel_changed "$3" || needs_iommu "$2" || expected "$2" | grep -q '^kunit/' ||
		find "$DIR/mutants/$1" -name '*.ko' -printf '%f\n' | grep -qvE "^($REPLACEABLE)\.ko$"
}

# mutation PATCH - build it. A mutant that needs a guest of its own is tested at once,
# others later.
MODULES=() KERNELS=()
mutation() {
	local name KERNEL
	name=$(basename "$1" .patch)
	build "$name" "$1" || return 0
	if ! keep_modules "$KERNEL" "$DIR/mutants/$name" && ! kernel_changed "$KERNEL"; then
		outcome 1 "$name: changes neither the kernel nor a module"
	elif needs_guest "$name" "$1" "$KERNEL"; then
		rm -rf "${DIR:?}/mutants/$name"
		KERNELS+=("$1")
		kernel_mutation "$name" "$1" "$KERNEL"
	else
		MODULES+=("$1")
	fi
	rm -rf "$DIR/$name/out"
}

# unit_summary UNIT - the results of a unit from all guests that ran a part of it
unit_summary() {
	local file status
	for file in "$DIR"/run/guest-*/units/"$1"; do
		[[ -e $file ]] || continue
		unit_results "${file%/units/*}" "$file"
		status=${file%/units/*}/results/unit/$1/contract
		if [[ $(cat "$status.status" 2>/dev/null) == 1 ]]; then
			result guest/contract fail "$(tail -n 1 "$status.txt")"
		fi
	done | jq -s .
}

# module_mutations - test all of them in guests side by side. The correct modules
# come first: every listed test must pass with them, or its failure proves nothing.
module_mutations() {
	local patch name file unit first
	units_begin "$QUEUE"
	_UNIT=100
	expected_units "mutant none" "${MODULES[@]}"
	first=$_UNIT
	for patch in "${MODULES[@]}"; do
		expected_units "mutant $(basename "$patch" .patch)" "$patch"
	done
	# shellcheck disable=SC2034 # for image_stage
	IMAGE_EXTRA=$DIR/mutants
	image_get "$OUT/kernel/base" mutants
	DEATHS=40 tests_run "$DIR/run" "$QUEUE" NO_CONTRACT=1 \
		CONTRACT_LIMIT="${CONTRACT_LIMIT:-15000}"
	note "the guests ran for $(hms "$TESTS_SECONDS")"
	for file in "$DIR"/run/guest-*/; do guest_unpack "${file%/}"; done
	for ((unit = 101; unit <= _UNIT; unit++)); do
		unit_summary "$unit" >"$DIR/run/$unit.json"
	done
	unmutated "$first"
	for patch in "${MODULES[@]}"; do
		judge_modules "$(basename "$patch" .patch)" "$patch"
	done
}

# unmutated LAST_UNIT
unmutated() {
	local all=$DIR/unmutated.json
	jq -s 'add // []' $(seq -f "$DIR/run/%g.json" 101 "$1") >"$all"
	if [[ $(jq length "$all") != "$(igt_expected "${MODULES[@]}" | wc -l)" ]] ||
		jq -e 'any(.[]; .status != "pass")' "$all" >/dev/null; then
		outcome 1 "the drivers as they are pass these $(jq length "$all") tests" "$all"
	else
		outcome 0 "the drivers as they are pass these $(jq length "$all") tests"
	fi
}

# judge_modules NAME PATCH
judge_modules() {
	local test all=$DIR/$1/results.json units
	mapfile -t units < <(grep -l "^unit [0-9]* mutant $1 " "$DIR"/run/guest-*/units/* |
		sed "s,.*/,$DIR/run/,; s/$/.json/" | sort -u)
	jq -s 'add // []' "${units[@]}" </dev/null >"$all"
	for test in $(expected "$2"); do
		judge "$1" "$(result_name "$test")" "$all"
	done
}

PATCHES=()
for patch in "$TOP"/tests/mutations/*.patch; do
	[[ ! ${patch##*/} =~ ${MUTATIONS:-.} ]] || PATCHES+=("$patch")
done
((${#PATCHES[@]})) || die "MUTATIONS=${MUTATIONS:-}: it matches none. There are:
$(cd "$TOP/tests/mutations" && printf '    %s\n' *.patch)"

own_dir "$DIR"
VARIANT=base prepare $((${#PATCHES[@]} + 2))
ID=$(<"$GUEST_KERNEL/id")
rm -rf "$DIR"
mkdir -p "$DIR/mutants"
for patch in "${PATCHES[@]}"; do
	next_step "mutation: $(basename "$patch" .patch)"
	mutation "$patch"
done
next_step "the build as it was"
VARIANT=base run_child "$HARNESS/kernel.sh" >"$DIR/restore.log" 2>&1 ||
	die "the build without mutations fails" "$DIR/restore.log"
# The build must be reproducible, or the comparison with the correct kernel is invalid.
if [[ $(<"$GUEST_KERNEL/id") == "$ID" ]]; then
	outcome 0 "the build without mutations is the same as before"
else
	outcome 1 "the build without mutations differs from the one before"
fi
((${#KERNELS[@]} == 0)) || kernel_unmutated "${KERNELS[@]}"
next_step "mutations of modules: $ACCEL_USED, $ACCEL_WHY"
((${#MODULES[@]} == 0)) || module_mutations
outcomes || exit 1
