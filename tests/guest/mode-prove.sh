# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# MODE=prove: load the importer under test, run its program with a buffer of
# vgem_pfn that moves, and judge. The input is in /vgem_pfn/prove: "modules" has a
# line for each module in the order of loading, either a file or the name of a
# module of the guest's kernel; "command" is the command line, and "bin" has its
# program if that came from the host. SHARE has options of vgem_pfn_share, TIMEOUT
# is the time limit in seconds.

PROVE=/vgem_pfn/prove

# The importer may be out of tree and unsigned: TAINT_OOT_MODULE and
# TAINT_UNSIGNED_MODULE (O and E, bits 12 and 13)
ALLOWED_TAINTS=$((ALLOWED_TAINTS | 1 << 12 | 1 << 13))

prove_load()
{
	while read -r _module; do
		case "$_module" in
		*.ko) _err=$(insmod "$PROVE/$_module" 2>&1) ;;
		*) _err=$(/sbin/modprobe "$_module" 2>&1) ;;
		esac || {
			not_ok "prove/load/$_module" "$_err $(dmesg | tail -n 1)"
			return 1
		}
		ok "prove/load/$_module"
	done < $PROVE/modules
}

# Unload the modules under test in reverse order, by their names in the kernel.
prove_unload()
{
	sed -n '1!G;h;$p' $PROVE/modules | grep '\.ko$' > /run/reversed
	while read -r _module; do
		_name=$(echo "${_module%.ko}" | tr - _)
		[ ! -d "/sys/module/$_name" ] || unload_module "$_name" /sbin/rmmod
	done < /run/reversed
}

# The command is passed to a shell as the user wrote it. Its output is sent to the
# host at once.
prove_run()
{
	_command=$(cat $PROVE/command)
	progress "proving: $_command"
	start_heartbeat progress "proving: $_command"
	mkfifo /run/output
	tee "$RESULTS/program.txt" < /run/output >&5 &
	_tee=$!
	PATH=$PROVE/bin:$PATH
	# For vgem_pfn_share, if the kernel has cgroups
	mount -t cgroup2 cgroup2 /sys/fs/cgroup 2> /dev/null || :
	# shellcheck disable=SC2086 # options are words
	detached vgem_pfn_share ${SHARE:-} ${TIMEOUT:+-t "$TIMEOUT"} \
		sh -c "$_command" > /run/output 2> "$RESULTS/share.txt"
	_status=$?
	wait $_tee
	stop_heartbeat
	cat "$RESULTS/share.txt" >&5
	_how=$(sed -n 's/^vgem_pfn_share: the command //p' "$RESULTS/share.txt")
	if [ $_status -eq 0 ]; then
		ok "prove/program"
	else
		not_ok "prove/program" "${_how:-$(tail -n 1 "$RESULTS/share.txt")}; \
last line: $(tail -n 1 "$RESULTS/program.txt")"
	fi
}

if load_module vgem_pfn carveouts=contig:64M,contig:64M; then
	start_contract
	if prove_load; then
		prove_run
		prove_unload
	fi
	stop_contract
	_status=$?
	cat "$CONTRACT" >&5
	if [ $_status -eq 0 ]; then
		ok "prove/contract"
	else
		not_ok "prove/contract" "$(tail -n 1 "$CONTRACT")"
	fi
fi
check_taint
check_lockdep
check_log
