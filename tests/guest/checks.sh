# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Checks at the end of a guest's life, whatever the results of the tests: no
# unexpected bit in the taint mask, lockdep still enabled, no warning in the kernel
# log. The check for leaks is in leaks.sh.

# KUnit sets TAINT_TEST (bit 18). No other taint is expected.
ALLOWED_TAINTS=$((1 << 18))
# STOCK is set if the kernel is one of Debian's: our modules are out of tree and
# unsigned (O and E, bits 12 and 13), and may have an unsafe parameter (U, bit 6).
[ -z "${STOCK:-}" ] || ALLOWED_TAINTS=$((1 << 6 | 1 << 12 | 1 << 13))

TAINT_LETTERS="G/P F S R M B U D A W C I O E L K X T N J"

check_taint()
{
	_taint=$(cat /proc/sys/kernel/tainted)
	_bad=$((_taint & ~ALLOWED_TAINTS))
	if [ $_bad -eq 0 ]; then
		ok "guest/taint"
		return
	fi
	_flags=
	_bit=0
	for _letter in $TAINT_LETTERS; do
		[ $((_bad >> _bit & 1)) -eq 1 ] && _flags="$_flags $_letter"
		_bit=$((_bit + 1))
	done
	not_ok "guest/taint" "the kernel is tainted:$_flags (mask $_taint)"
}

check_lockdep()
{
	if [ ! -e /proc/lockdep_stats ] && [ -n "${STOCK:-}" ]; then
		skip "guest/lockdep" "this kernel has no lockdep"
	elif [ ! -e /proc/lockdep_stats ]; then
		not_ok "guest/lockdep" "this kernel has no lockdep"
	elif grep -q 'debug_locks: *1' /proc/lockdep_stats; then
		ok "guest/lockdep"
	else
		not_ok "guest/lockdep" "lockdep turned itself off: $(dmesg |
			grep -E 'WARNING:|BUG:|INFO:' | tail -n 1)"
	fi
}

LOG_TROUBLE='WARNING:|BUG:|: bad p(gd|4d|ud|md) |INFO: (task|rcu|lockdep)|Oops|UBSAN:|KASAN:|KCSAN:|page allocation failure'

check_log()
{
	_line=$(dmesg | grep -E "$LOG_TROUBLE" | head -n 1)
	if [ -z "$_line" ]; then
		ok "guest/dmesg"
	else
		not_ok "guest/dmesg" "$_line"
	fi
}
