# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Linux's selftests. Each line of a list has a program, the module that it tests and
# the program's options. The host reads the output from results/kselftest.

KSELFTESTS=/vgem_pfn/kselftest

# kselftest_unit PROGRAM MODULE [OPTION...]: descriptor 0 is /dev/null, so that a
# program cannot change the console.
kselftest_unit()
{
	_prog=$1
	# shellcheck disable=SC2154 # units.sh sets it
	_dir=$RESULTS/unit/$unit/kselftest
	if [ ! -d "/sys/module/$2" ]; then
		load_module "$2" || return
		echo "$2" >> /run/loaded
	fi
	shift 2
	mkdir -p "$_dir"
	progress "kselftest: $_prog"
	detached "$KSELFTESTS/$_prog" "$@" < /dev/null 2>&1 |
		tee "$_dir/${_prog##*/}" >&6
}
