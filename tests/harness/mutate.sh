#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# mutate.sh - make test-mutations: broken drivers on purpose.  Each
# tests/mutations/*.patch breaks the contract in one way and names the IGT
# subtests and KUnit cases that must notice on their first run:
#
#   # What is broken, in a sentence or two.
#   #
#   # expect: vgem_pfn_prime@move
#   # expect: reach/vgem_pfn_import@reach-freed
#   # expect: kunit/dma-buf-pfn/rule1_units
#   # expect: guest/contract
#
# The second one is in a pass of its own (tests/guest/passes.list).  The contract
# checker judges what else is expected.
#
# A mutation is caught if every one of them fails, or was running when the guest
# died.  One that no longer applies or builds has failed.  MUTATIONS=regex
# selects some by name.

# shellcheck source=tests/harness/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/harness/prepare.sh
. "$HARNESS/prepare.sh"
# shellcheck source=tests/harness/outcome.sh
. "$HARNESS/outcome.sh"

DIR=$OUT/mutations

# expected PATCH... - the subtests that must notice, one per line
expected() {
	sed -n 's/^# expect: *//p' "$@" | sort -u
}

# The module of the KUnit suites that may be expected.
KUNIT_MODULE=dmabuf_kunit

# igt_tests TEST... - the IGT subtests among them, each as pass/program@subtest
igt_tests() {
	printf "%s\n" "$@" | grep -vE "^(kunit|guest)/" | sed "s,^[^/]*$,$FIRST_PASS/&," || :
}

# subtests TEST... - the IGT subtests among them, without their passes, one per line
subtests() {
	igt_tests "$@" | sed "s,^.*/,,"
}

# passes TEST... - the passes of the IGT subtests among them, one per line
passes() {
	igt_tests "$@" | sed "s,/.*,," | sort -u
}

# suites TEST... - the suites of the KUnit cases among them, one per line
suites() {
	printf "%s\n" "$@" | sed -n "s,^kunit/\([^/]*\)/.*,\1,p" | sort -u
}

# either WORD... - a regular expression for these and no other
either() {
	local IFS="|"
	printf "(%s)$" "$*"
}

# run_tests NAME TEST... - a guest that runs these; results in DIR/NAME.  Where no
# IGT subtest is among them, it needs no driver and no checks at its end.
run_tests() {
	local dir=$DIR/$1/guest igt kunit in settings=()
	shift
	mapfile -t in < <(passes "$@")
	mapfile -t igt < <(subtests "$@")
	mapfile -t kunit < <(suites "$@")
	if ((${#igt[@]} == 0)); then
		settings=(QUICK=1 TESTS="^$KUNIT_MODULE")
	elif ((${#kunit[@]} == 0)); then
		settings=(TESTS="$(either "${igt[@]}")")
	else
		settings=(TESTS="$(either "${igt[@]}")|^$KUNIT_MODULE")
	fi
	((${#kunit[@]} == 0)) || settings+=(SUITES="^$(either "${kunit[@]}")")
	boot_guest "$dir" test PASSES="$(IFS="|" && echo "${in[*]:-$FIRST_PASS}")" \
		"${settings[@]}"
	results_collect "$dir" test "${settings[*]}"
	results_report "$dir" >"$dir/report.txt" || :
}

# noticed DIR TEST - print how, if it did.  KUnit says which suite is running: that
# it was in this case when the guest died must be seen from a call trace.
noticed() {
	local name=igt/$2 running=${2##*/} suite
	running="${running%@*} (${running#*@})"
	if [[ $2 == kunit/* ]]; then
		suite=$(suites "$2")
		name=$2 running="$KUNIT_MODULE, $suite"
		grep -qa " ${2##*/}+0x" "$1/console.log" || running="in no trace"
	elif [[ $2 == guest/* ]]; then
		name=$2 running="nothing that was selected"
	fi
	jq -re --arg n "$name" --arg running "$running" '
		[.[] | select(.status == "fail"
			and (.name == $n or (.name == "guest/end" and (.reason | endswith($running)))))
		 | .reason] | first // empty' "$1/summary.json"
}

# Without the mutations all of these pass: else a failure would prove nothing.
unmutated() {
	local tests
	mapfile -t tests < <(expected "${PATCHES[@]}")
	run_tests unmutated "${tests[@]}"
	if (($(results_count "$DIR/unmutated/guest" fail))); then
		outcome 1 "the driver as it is passes these ${#tests[@]} tests" "$DIR/unmutated/guest/report.txt"
	else
		outcome 0 "the driver as it is passes these ${#tests[@]} tests"
	fi
}

# mutation PATCH
mutation() {
	local name tests test how log
	name=$(basename "$1" .patch)
	log=$DIR/$name/build.log
	mkdir -p "$DIR/$name"
	mapfile -t tests < <(expected "$1")
	if ((${#tests[@]} == 0)); then
		outcome 1 "$name: names no test that must notice (# expect: ...)"
		return
	fi
	if ! VARIANT=base OVERLAY_PATCH=$1 VGEM_PFN_OUT=$DIR/$name/out \
		run_child "$HARNESS/kernel.sh" >"$log" 2>&1; then
		outcome 1 "$name: does not apply or does not build" "$log"
		return
	fi
	image_get "$DIR/$name/out/kernel/base" mutation
	run_tests "$name" "${tests[@]}"
	for test in "${tests[@]}"; do
		if how=$(noticed "$DIR/$name/guest" "$test"); then
			outcome 0 "$name: caught by $test: \"${how:0:120}\""
		else
			outcome 1 "$name: not caught by $test" "$DIR/$name/guest/report.txt"
		fi
	done
	rm -rf "$DIR/$name/out"
}

mkdir -p "$DIR"
PATCHES=()
for patch in "$TOP"/tests/mutations/*.patch; do
	[[ ! $patch =~ ${MUTATIONS:-.} ]] || PATCHES+=("$patch")
done
((${#PATCHES[@]})) || die "there is no mutation${MUTATIONS:+ that matches $MUTATIONS}"

VARIANT=base prepare $((${#PATCHES[@]} + 2))
next_step "the driver as it is: $ACCEL_USED, $ACCEL_WHY"
unmutated
for patch in "${PATCHES[@]}"; do
	next_step "mutation: $(basename "$patch" .patch)"
	mutation "$patch"
done
next_step "the build as it was"
VARIANT=base run_child "$HARNESS/kernel.sh" >"$DIR/restore.log" 2>&1 ||
	die "the build without mutations fails" "$DIR/restore.log"
outcomes || exit 1
