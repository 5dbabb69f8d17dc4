# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# The KUnit tests. Loading a module does not run them (kunit.autorun is off):
# writing to a suite's "run" in debugfs does, so that suites can be left out.
# The host reads the results of each suite. SUITES, if given, selects suites by regular
# expression.

KUNIT=/sys/kernel/debug/kunit

# kunit_suites MODULE [LEFT_OUT...]; $_before are the suites of modules before it
kunit_suites()
{
	_m=$1
	shift
	_ran=0
	# shellcheck disable=SC2154 # units.sh sets it
	_dir=$RESULTS/unit/$unit/kunit
	mkdir -p "$_dir"
	for _suite in "$KUNIT"/*; do
		_name=${_suite##*/}
		case " $* " in *" $_name "*) continue ;; esac
		[ -e "$_suite/run" ] || continue
		case " $_before " in *" $_name "*) continue ;; esac
		echo "$_name" | grep -qE -e "${SUITES:-.}" || continue
		progress "KUnit: $_m, $_name"
		echo 1 > "$_suite/run"
		cat "$_suite/results" > "$_dir/$_name"
		_ran=$((_ran + 1))
	done
	[ $_ran -gt 0 ] || [ -n "${SUITES:-}" ] ||
		not_ok "kunit/$_m" "the module has no suite in debugfs"
}

# kunit_unit MODULE [LEFT_OUT...]
kunit_unit()
{
	# Tests of the core make more events than can be read.
	check_contract
	_m=$1
	# shellcheck disable=SC2012 # names of suites
	_before=$(ls "$KUNIT" 2>/dev/null | tr '\n' ' ')
	load_module "$_m" || return
	kunit_suites "$@"
	# What holds the driver is unloaded now, since others want to unload the driver.
	# The rest stays: addresses in reports of leaks keep their names.
	if [ -e "/sys/module/vgem_pfn/holders/$(echo "$_m" | tr - _)" ]; then
		keep_symbols
		unload_module "$_m" /sbin/rmmod
	else
		echo "$_m" >> /run/loaded
	fi
}
