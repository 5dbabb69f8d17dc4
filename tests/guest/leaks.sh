# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Check for leaks with kmemleak after the modules were unloaded. Addresses in the
# report that point into unloaded modules are replaced by names.

# keep_symbols: save the symbols of modules before they are unloaded. Reading
# kallsyms takes a second or two under emulation.
keep_symbols()
{
	grep -F '[' /proc/kallsyms >> /run/kallsyms
}

# name_symbols: add symbol names to a report on stdin, by bisection in sorted kallsyms.
name_symbols()
{
	sort -u /run/kallsyms > /run/kallsyms.sorted
	awk 'NR == FNR { addr[n++] = $1; name[n - 1] = $3 " " $4; next }
	     NF == 1 && /^ *0x[0-9a-f]+$/ {
		pc = substr($1, 3)
		lo = 0
		hi = n
		while (lo < hi) {
			mid = int((lo + hi) / 2)
			if (addr[mid] <= pc)
				lo = mid + 1
			else
				hi = mid
		}
		if (lo > 0)
			$0 = $0 " " name[lo - 1]
	     }
	     { print }' /run/kallsyms.sorted -
}

# kmemleak reports an object that is at least five seconds old and that two scans
# found no pointer to. Call this after the modules were unloaded, when no pointer
# from them is left.
check_kmemleak()
{
	_file=/sys/kernel/debug/kmemleak
	progress "looking for leaks"
	if [ ! -e $_file ] && [ -n "${STOCK:-}" ]; then
		skip "guest/kmemleak" "this kernel has no kmemleak"
		return
	fi
	if ! echo scan 2>/dev/null > $_file; then
		not_ok "guest/kmemleak" "this kernel has no kmemleak, or it gave up"
		return
	fi
	sleep 5
	progress "looking for leaks again"
	echo scan > $_file
	# A test that makes each allocation fail in turn can leak tens of thousands of
	# objects, and the host ends a guest that is silent for minutes.
	while progress "naming the leaks"; do sleep 30; done &
	_pid=$!
	name_symbols < $_file > "$RESULTS/kmemleak.txt"
	kill $_pid
	_leaks=$(grep -c '^unreferenced object' "$RESULTS/kmemleak.txt")
	if [ "$_leaks" -eq 0 ]; then
		ok "guest/kmemleak"
		return
	fi
	# The innermost callers outside of the allocator
	_who=$(sed -n '/backtrace/,/^unref/p' "$RESULTS/kmemleak.txt" |
		grep -vE 'backtrace|unref|kmemleak_alloc|kmalloc|kmem_cache_alloc|vmalloc|slab_' |
		head -n 3 | tr -s ' \n' ' ')
	head -n 60 "$RESULTS/kmemleak.txt"
	not_ok "guest/kmemleak" "$_leaks unreferenced objects, the first from:$_who"
}
