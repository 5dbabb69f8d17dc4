# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# input.sh - refuse invalid variables before anything is built or booted. Sourced
# after lib.sh, accel.sh, units.sh and debian.sh.
#
#   kernel_known          whether KERNEL is valid; KERNEL_VALUES lists the valid values
#   input_check NAME...   check each of these variables, if it is set; die with the
#                         reason and the valid values

_refuse() {
	die "$1=${!1}: $2"
}

_is_regex() {
	local rc=0
	grep -P -- "${!1}" </dev/null >/dev/null 2>&1 || rc=$?
	((rc < 2)) || _refuse "$1" "not a regular expression (of grep -P)"
}

_is_number() {
	[[ ${!1} =~ ^[0-9]+$ ]] || _refuse "$1" "it must be a number"
}

# configs - names of the kernel configurations
configs() {
	local f
	for f in "$TOP"/tests/configs/*.config; do basename "$f" .config; done
}

# suites - the KUnit suites in this repository
suites() {
	(cd "$TOP" && grep -rhA 4 '^static struct kunit_suite' drivers) |
		sed -n 's/^[[:space:]]*\.name = "\(.*\)",$/\1/p' | sort
}

# known_subtests - the subtests of all programs, if those are built and up to date
known_subtests() {
	local lists=$OUT/guest/subtests program newest=
	for program in "$OUT"/guest/tests/vgem_pfn_*; do
		[[ $lists/${program##*/} -nt $program ]] || return 1
		[[ $newest -nt $program ]] || newest=$program
	done
	[[ -z $(find "$TOP/tests/igt" -name '*.[ch]' -newer "$newest" -print -quit) ]] || return 1
	cat "$lists"/*
}

_check_TESTS() {
	_is_regex TESTS
	local known
	known=$(known_subtests) || return 0
	# shellcheck disable=SC2001 # of each line
	{
		echo "$known"
		kunit_lines
		grep -vE '^(#|$)' "$TOP/tests/guest/lists/kselftest.list"
	} | grep -P -- "$TESTS" >/dev/null || _refuse TESTS "it matches no program@subtest, KUnit module or selftest. There are
$(sed 's/@.*//' <<<"$known" | sort | uniq -c | awk '{ printf "    %s (%d subtests)\n", $2, $1 }')
    KUnit: $(kunit_lines | awk '{ printf "%s ", $1 }')"
}

_check_PASSES() {
	_is_regex PASSES
	local name
	while read -r name _; do
		! pass_selected "$name" || return 0
	done < <(pass_lines)
	_refuse PASSES "it matches no pass. There are: $(pass_lines | awk '{ printf "%s%s", sep, $1; sep = ", " }')"
}

_check_SUITES() {
	_is_regex SUITES
	# The suites of variants with KUnit modules of others are not in this repository.
	kunit_only || suites | grep -P -- "$SUITES" >/dev/null ||
		_refuse SUITES "it matches no KUnit suite. There are: $(suites | paste -sd' ')"
}

_check_VARIANT() {
	[[ -e $TOP/tests/configs/$VARIANT.config ]] ||
		_refuse VARIANT "there is no such kernel configuration. There are: $(configs | paste -sd' ')"
}

_check_FORM() {
	[[ $FORM == @(short|full) ]] || _refuse FORM "it can be short or full"
}

_check_ACCEL() {
	[[ $ACCEL == @(auto|kvm|tcg|svm|icount) ]] ||
		_refuse ACCEL "it can be auto, kvm, tcg, svm or icount"
	[[ $ACCEL != kvm || -w $KVM_DEVICE ]] || _refuse ACCEL "$KVM_DEVICE is absent or not writable here"
}

_check_SEED() {
	_is_number SEED
}

_check_GUESTS() {
	[[ $GUESTS =~ ^[1-9]$ ]] || _refuse GUESTS "it must be a number from 1 to 9"
}

_check_RESUME() {
	[[ $RESUME == 1 ]] || _refuse RESUME "it can be 1"
}

_check_REPEAT() {
	[[ $REPEAT =~ ^[1-9][0-9]?$ ]] || _refuse REPEAT "it must be a number from 1 to 99"
}

KERNEL_VALUES="it can be patched, or one of Debian's kernels: ${DEBIAN_KERNELS[*]}"

kernel_known() {
	[[ $KERNEL == patched || " ${DEBIAN_KERNELS[*]} " == *" $KERNEL "* ]]
}

_check_KERNEL() {
	kernel_known || _refuse KERNEL "$KERNEL_VALUES"
}

_check_LINUX() {
	[[ -f $LINUX/Makefile && -f $LINUX/Kconfig ]] || _refuse LINUX "not a kernel tree"
}

input_check() {
	local name
	for name in LINUX "$@"; do
		[[ -z ${!name:-} ]] || "_check_$name"
	done
}
