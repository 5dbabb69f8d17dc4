# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Linux's own selftests. A list has the programs, each with the module that it
# tests and the options it gets; the host reads what they printed in
# results/kselftest.

KSELFTESTS=/vgem_pfn/kselftest

# kselftest PROGRAM MODULE [OPTION...]: descriptor 0 is /dev/null, not the
# console, whatever a program does to it.
kselftest()
{
	_prog=$1
	if [ ! -d "/sys/module/$2" ]; then
		load_module "$2" || return
		echo "$2" >> /run/loaded
	fi
	shift 2
	progress "kselftest: $_prog"
	detached "$KSELFTESTS/$_prog" "$@" < /dev/null 2>&1 |
		tee "$RESULTS/kselftest/$_prog" >&6
}

# run_kselftests LIST: those whose line TESTS matches, if given.
run_kselftests()
{
	mkdir -p "$RESULTS/kselftest"
	grep -v '^#' "/vgem_pfn/guest/$1" |
		grep -E -e "${TESTS:-.}" > /run/kselftest
	while read -r _line; do
		# shellcheck disable=SC2086 # program, module and options
		kselftest $_line
	done < /run/kselftest
}
