# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# The KUnit tests. Loading a module does not run them (kunit.autorun is off):
# writing to a suite's "run" in debugfs does, so that suites can be left out.
# kunit.list, or KUNIT_LIST, has the modules, which stay until unload_modules(); the
# host reads what is left in results/kunit. SUITES, if given, selects suites by
# regular expression.

KUNIT=/sys/kernel/debug/kunit

# kunit_suites MODULE [LEFT_OUT...]
kunit_suites()
{
	_m=$1
	shift
	_ran=0
	mkdir -p "$RESULTS/kunit/$_m"
	for _suite in "$KUNIT"/*; do
		_name=${_suite##*/}
		case " $* " in *" $_name "*) continue ;; esac
		[ -e "$_suite/run" ] || continue
		# A suite of a module before.
		ls "$RESULTS"/kunit/*/"$_name" > /dev/null 2>&1 && continue
		echo "$_name" | grep -qE -e "${SUITES:-.}" || continue
		progress "KUnit: $_m, $_name"
		echo 1 > "$_suite/run"
		cat "$_suite/results" > "$RESULTS/kunit/$_m/$_name"
		_ran=$((_ran + 1))
	done
	[ $_ran -gt 0 ] || not_ok "kunit/$_m" "the module has no suite in debugfs${SUITES:+ that matches $SUITES}"
}

run_kunit()
{
	grep -v '^#' "/vgem_pfn/guest/${KUNIT_LIST:-kunit.list}" |
		grep -E -e "${TESTS:-.}" > /run/kunit
	while read -r _line; do
		_m=${_line%% *}
		load_module "$_m" || continue
		# shellcheck disable=SC2086 # a module and suites
		kunit_suites $_line
		echo "$_m" >> /run/loaded
	done < /run/kunit
}
