# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# The KUnit tests. Loading a module does not run them (kunit.autorun is off):
# writing to a suite's "run" in debugfs does, so that suites can be left out.
# kunit.list, or KUNIT_LIST, has the modules; the host reads what they leave in
# results/kunit. SUITES, if given, selects suites by
# regular expression.

KUNIT=/sys/kernel/debug/kunit

# kunit_suites MODULE [LEFT_OUT...]; $_before are the suites of modules before it
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
		case " $_before " in *" $_name "*) continue ;; esac
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
		# shellcheck disable=SC2012 # names of suites
		_before=$(ls "$KUNIT" 2>/dev/null | tr '\n' ' ')
		load_module "$_m" || continue
		# shellcheck disable=SC2086 # a module and suites
		kunit_suites $_line
		# What holds the driver goes now, since others want to unload that.
		# The rest stays: addresses in reports of leaks keep their names.
		if [ -e "/sys/module/vgem_pfn/holders/$(echo "$_m" | tr - _)" ]; then
			unload_module "$_m" /sbin/rmmod
		else
			echo "$_m" >> /run/loaded
		fi
	done < /run/kunit
}
