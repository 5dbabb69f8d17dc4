# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# The KUnit tests. Loading a module does not run its suites (kunit.autorun is off),
# so that suites can be left out: writing to "run" of a suite in debugfs runs it.
# The host reads the results of each suite. SUITES is a regular expression that
# selects suites.

KUNIT=/sys/kernel/debug/kunit

# kunit_suites MODULE [LEFT_OUT...]; $_before lists the suites of modules loaded earlier
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
	# The core's tests emit more events than pfn-contract can read: stop it before them.
	check_contract
	_m=$1
	# shellcheck disable=SC2012 # names of suites
	_before=$(ls "$KUNIT" 2>/dev/null | tr '\n' ' ')
	load_module "$_m" || return
	kunit_suites "$@"
	# Unload a module that holds a reference to the driver, because other units
	# reload the driver. The other modules stay, so that the addresses in
	# reports of leaks can be resolved.
	if [ -e "/sys/module/vgem_pfn/holders/$(echo "$_m" | tr - _)" ]; then
		keep_symbols
		unload_module "$_m" /sbin/rmmod
	else
		echo "$_m" >> /run/loaded
	fi
}
