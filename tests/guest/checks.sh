# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# What must hold at the end of a guest's life, whatever the tests said: nothing
# unexpected in the taint mask, lockdep still at work, no leaks, a clean log.

# TAINT_TEST (bit 18): KUnit sets it. Nothing else is expected.
ALLOWED_TAINTS=$((1 << 18))

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
	if [ ! -e /proc/lockdep_stats ]; then
		not_ok "guest/lockdep" "this kernel has no lockdep"
	elif grep -q 'debug_locks: *1' /proc/lockdep_stats; then
		ok "guest/lockdep"
	else
		not_ok "guest/lockdep" "lockdep turned itself off: $(dmesg |
			grep -E 'WARNING:|BUG:|INFO:' | tail -n 1)"
	fi
}

LOG_TROUBLE='WARNING:|BUG:|INFO: (task|rcu|lockdep)|Oops|UBSAN:|KASAN:|KCSAN:|page allocation failure'

check_log()
{
	_line=$(dmesg | grep -E "$LOG_TROUBLE" | head -n 1)
	if [ -z "$_line" ]; then
		ok "guest/dmesg"
	else
		not_ok "guest/dmesg" "$_line"
	fi
}

# kmemleak prints bare addresses for functions of modules that are gone: name
# them from the symbols that unload_modules() kept.
resolve_symbols()
{
	awk 'NR == FNR { addr[n++] = $1; name[$1] = $3 " " $4; next }
	     $1 ~ /^0x[0-9a-f]+$/ && NF == 1 && length($1) == 18 {
		best = ""
		pc = substr($1, 3)
		for (i = 0; i < n; i++)
			if (addr[i] <= pc && addr[i] > best)
				best = addr[i]
		if (best != "")
			$0 = $0 " " name[best]
	     }
	     { print }' /run/kallsyms -
}

# An object is reported when two scans find no pointer to it and it is five
# seconds old. Call it after the modules are gone: what they lost shows then.
check_kmemleak()
{
	_file=/sys/kernel/debug/kmemleak
	progress "looking for leaks"
	if ! echo scan 2>/dev/null > $_file; then
		not_ok "guest/kmemleak" "this kernel has no kmemleak, or it gave up"
		return
	fi
	sleep 5
	echo scan > $_file
	[ -e /run/kallsyms ] || grep '\[' /proc/kallsyms >> /run/kallsyms
	resolve_symbols < $_file > "$RESULTS/kmemleak.txt"
	_leaks=$(grep -c '^unreferenced object' "$RESULTS/kmemleak.txt")
	if [ "$_leaks" -eq 0 ]; then
		ok "guest/kmemleak"
		return
	fi
	# The innermost callers that are not the allocator's own.
	_who=$(sed -n '/backtrace/,/^unref/p' "$RESULTS/kmemleak.txt" |
		grep -vE 'backtrace|unref|kmemleak_alloc|kmalloc|kmem_cache_alloc|vmalloc|slab_' |
		head -n 3 | tr -s ' \n' ' ')
	cat "$RESULTS/kmemleak.txt"
	not_ok "guest/kmemleak" "$_leaks unreferenced objects, the first from:$_who"
}
